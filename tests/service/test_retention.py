"""What nobody names any more is removed, what somebody names stays, and snapshots are kept as many as are asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from psycopg import sql

from hullmark.server.stories.advisories.advisories import object_of, publish
from hullmark.server.stories.images import retain as retain_module
from hullmark.server.stories.images.retain import retain, sweep_objects
from hullmark.server.tables.advisories import snapshots
from tests.support.desk import Desk, desk, status_file
from tests.support.matching import advisory, affected
from tests.support.shelves import made, some_feeds

pytestmark = pytest.mark.anyio
SHOP = status_file(("libc6", "2.41-12"))


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path, keep_days=30, keep_snapshots=2) as found:
        yield found


def keys(at: Desk) -> set[str]:
    return {
        each.key for room in ("analyses/", "files/", "layers/", "verdicts/") for each in at.services.objects.list(room)
    }


async def test_objects_go_when_nothing_names_them(at: Desk) -> None:
    kept, gone = at.push("kept", SHOP), at.push("gone", status_file(("zlib1g", "1")))
    for tag in ("kept", "gone"):
        await at.add(tag)
    await at.work()
    before = keys(at)
    await sweep_objects(at.services, -3600.0 * 24 * 365 * 10)
    assert keys(at) == before, "all of it is named"
    await at.ask("DELETE", f"/images/{gone}")
    async with at.services.database.system() as connection:
        await connection.execute("UPDATE image SET added_at = now() - interval '2 hours'")
    await retain(at.services)
    await sweep_objects(at.services, -3600.0 * 24 * 365 * 10)
    assert len(keys(at)) < len(before)
    async with at.services.database.system() as connection:
        cursor = await connection.execute("SELECT name FROM package ORDER BY 1")
        assert [name for (name,) in await cursor.fetchall()] == ["libc6"]
        cursor = await connection.execute("SELECT count(*) FROM coordinate")
        assert await cursor.fetchone() == (1,)
    assert (await at.get(f"/images/{kept}/packages"))["items"][0]["name"] == "libc6"


async def test_packages_go_when_nobody_stores_any(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retain_module, "_PAUSE", 0.0)
    gone = at.push("gone", SHOP)
    await at.add("gone")
    await at.advise(advisory("CVE-2026-1", affected("debian:13", "libc6", "deb")))
    await at.work()
    await at.ask("DELETE", f"/images/{gone}")
    async with at.services.database.system() as connection:
        await connection.execute("UPDATE image SET added_at = now() - interval '2 hours'")
    await retain(at.services)
    async with at.services.database.system() as storing:
        await snapshots.current_kept(storing)  # as whoever stores an image does
        await sweep_objects(at.services)
        assert await count(at, "package") == 1, "it may be in what is stored"
    async with at.services.database.system() as counting:
        await counting.execute("LOCK TABLE package, coordinate_state IN ROW EXCLUSIVE MODE")  # as whoever matches does
        await sweep_objects(at.services)
    assert [await count(at, table) for table in ("package_set", "package", "coordinate", "coordinate_match")] == [0] * 4


async def count(at: Desk, table: str) -> int:
    async with at.services.database.system() as connection:
        cursor = await connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
        row = await cursor.fetchone()
    return int(row[0]) if row else -1


async def test_young_objects_stay_whatever_names_them(at: Desk) -> None:
    at.services.objects.put("analyses/" + "0" * 64, b"being written")
    await sweep_objects(at.services, 3600.0 * 24 * 365 * 10)
    assert "analyses/" + "0" * 64 in keys(at)


async def test_images_without_a_tag_go_after_some_days(at: Desk) -> None:
    old = at.push("latest", SHOP)
    await at.add("latest")
    new = at.push("latest", status_file(("libc6", "2.41-13")))
    await at.add("latest")
    await at.work()
    await retain(at.services)
    await at.get(f"/images/{old}")
    async with at.services.database.system() as connection:
        for table, column in (("account_image", "added_at"), ("tag", "seen_at")):
            await connection.execute(f"UPDATE {table} SET {column} = now() - interval '31 days'")
    await retain(at.services)
    await at.get(f"/images/{old}", status=404)
    await at.get(f"/images/{new}")


async def test_old_snapshots_are_removed_and_the_one_that_counts_never(at: Desk) -> None:
    for number in range(4):
        await at.advise(advisory(f"CVE-2026-{number}", affected("debian:13", "libc6", "deb")))
        await at.work()
    async with at.services.database.system() as connection:
        await connection.execute("UPDATE snapshot SET added_at = now() - interval '2 days'")
    assert len(list(at.services.objects.list("snapshots"))) == 4
    await sweep_objects(at.services)
    assert len(list(at.services.objects.list("snapshots"))) == 2
    await at.add((at.push("1.0", SHOP), "1.0")[1])
    assert "analyse" in await at.work()


async def test_a_snapshot_that_returned_keeps_its_file(at: Desk, tmp_path: Path) -> None:
    digests = [made(tmp_path / str(number), some_feeds(5, changed=[number])) for number in range(4)]
    for number in (0, 1, 2, 3, 0):
        await publish(at.services, tmp_path / str(number), digests[number], may_return=True)
        await at.work()
    async with at.services.database.system() as connection:
        await connection.execute("UPDATE snapshot SET added_at = now() - interval '2 days'")
    await sweep_objects(at.services)
    left = {each.key for each in at.services.objects.list("snapshots")}
    assert left == {object_of(digests[3]), object_of(digests[0])}
    await publish(at.services, tmp_path / "1", digests[1], may_return=True)
    await at.add((at.push("1.0", SHOP), "1.0")[1])
    assert "analyse" in await at.work()
    assert (await at.get("/advisories"))["digest"] == digests[1]
