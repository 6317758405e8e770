"""How many matches an image counts is the same, whether its package sets are counted already or not, and after every change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hullmark.server.stories.advisories.advisories import count_sets
from tests.support.desk import Desk, desk, status_file
from tests.support.matching import advisory, affected

pytestmark = pytest.mark.anyio
LIBC = advisory("CVE-2026-1", affected("debian:13", "libc6", "deb", "2.41-13"), severity="high")
ZLIB = advisory("CVE-2026-2", affected("debian:13", "zlib1g", "deb"), severity="low")


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


async def counted(at: Desk, digest: str) -> Any:
    (image,) = (item for item in (await at.get("/images"))["items"] if item["digest"] == digest)
    return image["vulnerabilities"]


async def uncounted(at: Desk) -> int:
    async with at.services.database.system() as connection:
        row = await (await connection.execute("SELECT count(*) FROM package_set WHERE counts IS NULL")).fetchone()
    return int(row[0]) if row else -1


async def test_counts_are_those_of_the_members_at_all_times(at: Desk) -> None:
    digest = at.push("1.0", status_file(("libc6", "2.41-12"), ("zlib1g", "1:1.3")))
    await at.advise(LIBC)
    await at.work()
    await at.add("1.0")
    await at.work()
    assert await uncounted(at) == 1
    before = await counted(at, digest)
    assert before["high"] == 1
    await count_sets(at.services)
    assert await uncounted(at) == 0
    assert await counted(at, digest) == before
    await at.advise(LIBC, ZLIB)
    assert "adopt" in await at.work()
    assert await uncounted(at) == 0, "an adoption counts what it changed"
    assert await counted(at, digest) == {**before, "low": 1}
    await at.advise(ZLIB)
    await at.work()
    after = await counted(at, digest)
    assert (after.get("high", 0), after["low"]) == (0, 1)


async def test_what_is_counted_is_made_unknown_by_the_change_itself(at: Desk) -> None:
    at.push("1.0", status_file(("libc6", "2.41-12")))
    await at.advise(LIBC)
    await at.work()
    await at.add("1.0")
    await at.work()
    await count_sets(at.services)
    async with at.services.database.system() as connection:
        await connection.execute("UPDATE coordinate_state SET reasons = '{unlikely}'")
    assert await uncounted(at) == 0, "as many as before"
    async with at.services.database.system() as connection:
        await connection.execute("UPDATE coordinate_state SET counts = '{0,0,0,0,7,0,0,0,0,0,0,0}'")
    assert await uncounted(at) == 1
    await count_sets(at.services)
    async with at.services.database.system() as connection:
        await connection.execute(
            "INSERT INTO package_exempt SELECT package.id, match.advisory_id, 'test', '' FROM package"
            " JOIN coordinate_match match ON match.coordinate_id = package.coordinate_id"
        )
    assert await uncounted(at) == 1
