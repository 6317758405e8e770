"""Several processes bring everything to newer advisories at the same time, and any of them may be ended: nothing is left out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import Rollback

from hullmark.model.advisory import Record
from hullmark.model.errors import HullmarkError
from hullmark.server.stories.advisories import matching
from hullmark.server.stories.rollout.adopt import adopt
from hullmark.server.tables.advisories import snapshots
from tests.support.desk import Desk, desk, status_file
from tests.support.matching import advisory, affected

pytestmark = pytest.mark.anyio

POLICY = """
schema: hullmark-policy/1
name: shop
version: 1
rules:
  - {id: severe, gate: vulnerabilities, trigger: found, action: stop, params: {severity: high, unrated: ignore}}
"""


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        await found.post("/policies", {"text": POLICY})
        await found.post("/activations", {"policy": "shop"})
        await found.advise(deb("CVE-2020-1", "nothing"))
        await found.work()
        for number, name in enumerate(("a", "b", "c")):
            found.push(str(number), status_file((name, "1")))
            await found.add(str(number))
        await found.work()
        yield found


def deb(id: str, name: str) -> Record:
    return advisory(id, affected("debian:13", name, "deb", "2"), source="debian", severity="critical")


async def advised(at: Desk, *records: Record) -> int:
    """Publish advisories, without anybody who takes them up; answers the number."""
    await at.advise(*records)
    async with at.services.database.system() as connection:
        await connection.execute("DELETE FROM procrastinate_jobs WHERE task_name = 'adopt'")
    return int((await rows(at, "SELECT max(id) FROM snapshot"))[0][0])


async def rows(at: Desk, question: str) -> list[tuple[Any, ...]]:
    async with at.services.database.system() as connection:
        return await (await connection.execute(question.encode())).fetchall()


async def lost(at: Desk) -> list[str]:
    """What put images out of compliance, by subject."""
    found = await rows(
        at,
        "SELECT cause.subject FROM transition JOIN cause ON cause.id = cause_id WHERE transition.kind = 'compliance.lost' ORDER BY 1",
    )
    return [str(subject) for (subject,) in found]


async def test_what_another_process_is_at_is_waited_for(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It took what is planned, and is ended before it wrote what comes of it."""
    number = await advised(at, deb("CVE-2020-1", "nothing"), deb("CVE-2026-1", "a"), deb("CVE-2026-2", "b"))
    taken, released = asyncio.Event(), asyncio.Event()

    async def other() -> None:
        async with at.services.database.system() as connection:
            assert await snapshots.take_planned(connection, 100)
            taken.set()
            await released.wait()
            raise Rollback

    async def slow(*args: Any, **words: Any) -> bool:
        if not taken.is_set():
            others.append(asyncio.create_task(other()))
            await taken.wait()
        return await rematch(*args, **words)

    others: list[asyncio.Task[None]] = []
    rematch = matching.rematch_some
    monkeypatch.setattr(matching, "rematch_some", slow)
    adopting = asyncio.create_task(adopt(at.services, at.snapshot_cache, number))
    await taken.wait()
    done, _ = await asyncio.wait([adopting], timeout=0.7)
    assert not done
    released.set()
    assert await adopting
    await asyncio.wait(others)
    assert await lost(at) == ["CVE-2026-1", "CVE-2026-2"]


async def test_processes_that_adopt_different_advisories_at_the_same_time(at: Desk) -> None:
    """Whoever comes late with what no longer counts is told so, and tries again."""
    numbers = [
        await advised(
            at, deb("CVE-2020-1", "nothing"), *(deb(f"CVE-2026-{each}", "abc"[each]) for each in range(count))
        )
        for count in (1, 2, 3)
    ]

    async def adopted(number: int) -> None:
        while True:
            try:
                await adopt(at.services, at.snapshot_cache, number)
            except HullmarkError:
                await asyncio.sleep(0.01)
            else:
                return

    await asyncio.gather(*(adopted(number) for number in (*numbers, *numbers)))
    assert await lost(at) == ["CVE-2026-0", "CVE-2026-1", "CVE-2026-2"]
    for table in ("rematch", "match_change", "wave", "finding_change WHERE wave_id IS NULL"):
        assert await rows(at, f"SELECT count(*) FROM {table}") == [(0,)]


async def test_advisories_are_not_left_before_all_that_they_say_is_in_the_verdicts(at: Desk) -> None:
    """Whoever believes that they are done with, or that older ones count, begins with nothing."""
    older = int((await rows(at, "SELECT max(id) FROM snapshot"))[0][0])
    number = await advised(at, deb("CVE-2020-1", "nothing"), deb("CVE-2026-1", "a"))
    await adopt(at.services, at.snapshot_cache, number)
    newer = await advised(at, deb("CVE-2020-1", "nothing"), deb("CVE-2026-2", "b"))
    await rows(at, "UPDATE matching SET carried_out_id = NULL RETURNING 1")
    for other in (older, newer):
        with pytest.raises(snapshots.OtherSnapshot):
            await begun(at, other, number)
    assert await rows(at, "SELECT snapshot_id FROM matching") == [(number,)]
    await adopt(at.services, at.snapshot_cache, number)
    await begun(at, newer, number)
    assert await rows(at, "SELECT snapshot_id, previous_id FROM matching") == [(newer, number)]


async def begun(at: Desk, number: int, before: int) -> None:
    """Begin to bring everything from one snapshot to another."""
    async with at.services.database.system() as connection:
        found = [await snapshots.snapshot_by_id(connection, each) for each in (number, before)]
    new, old = (each for each in found if each is not None)
    with (
        at.snapshot_cache.opened(new.digest, new.object) as snapshot,
        at.snapshot_cache.opened(old.digest, old.object) as previous,
    ):
        day = at.now.date().isoformat()
        await matching.begin_adoption(at.services.database, number, snapshot, previous, at=day, is_next=True)
