"""Advisories that grow stale, and feeds that bring none: each account hears of it once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hullmark.app.update import FeedOutcome
from hullmark.server.stories.advisories.feeds import LastUpdate, UpdateOptions, update_advisories
from hullmark.server.stories.notice.staleness import look_for_stale
from hullmark.server.tables.settings import keep_setting
from tests.support.desk import Desk, desk, status_file
from tests.support.matching import advisory, affected

pytestmark = pytest.mark.anyio

NOT_ROOT = """
schema: hullmark-policy/1
name: users
version: "1"
rules:
  - {id: no-root, gate: config, trigger: user, action: stop, params: {not_root: true}}
"""
LIBC = advisory(
    "CVE-2026-1", affected("debian:13", "libc6", "deb", "2.41-13"), severity="high", modified="2026-04-30T00:00:00Z"
)
DAY = timedelta(days=1)


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path, feeds=str(tmp_path / "nowhere")) as found:
        await found.post("/accounts", {"name": "bystander"})  # holds nothing, and hears nothing
        name = (await found.post("/policies", {"text": NOT_ROOT}))["name"]
        await found.post("/activations", {"policy": name})
        found.push("1", status_file(("libc6", "2.41-12")))
        await found.add("1")
        await found.work()
        yield found


async def remember(at: Desk, *outcomes: FeedOutcome, **more: Any) -> None:
    """Have the last update have come to this."""
    last = LastUpdate(asked_at=at.now, ended_at=at.now, outcomes=outcomes, **more)
    async with at.services.database.system() as connection:
        await keep_setting(connection, "advisories.update", msgspec.to_builtins(last))


async def told(at: Desk) -> list[tuple[str, str, str]]:
    """(cause's kind, key and sentence) of what was told as stale, in its order."""
    async with at.services.database.system() as connection:
        cursor = await connection.execute(
            "SELECT cause.kind, cause.key, sentence FROM transition JOIN cause ON cause.id = cause_id"
            " WHERE transition.kind = 'data.stale' ORDER BY transition.id"
        )
        return list(await cursor.fetchall())


async def fresh(at: Desk) -> list[str]:
    """What was told to be fresh again, in its order."""
    found = (await at.get("/events?kind=data.fresh"))["items"]
    return [each["resource"] for each in reversed(found)]


async def test_a_held_feed_is_told_of_once_with_the_reason(at: Desk) -> None:
    held = FeedOutcome(feed="debian", status="held", reason="it gave 10 of 100 records; the last good data stays")
    await remember(at, held)
    await look_for_stale(at.services)
    sentence = "The feed debian is held back: it gave 10 of 100 records; the last good data stays."
    assert await told(at) == [("data", "data:debian@2026-05-01", sentence)]
    for _ in range(2):
        at.now += DAY
        await remember(at, held)
        await look_for_stale(at.services)
    await remember(at, reason="no route to the mirror", failures=1)
    await look_for_stale(at.services)
    assert (len(await told(at)), await fresh(at)) == (1, []), "it is held still"
    await remember(at, FeedOutcome(feed="debian", status="updated", records=100))
    await look_for_stale(at.services)
    assert (len(await told(at)), await fresh(at)) == (1, ["debian"])
    await remember(at, held)
    await look_for_stale(at.services)
    assert [key for _, key, _ in await told(at)] == ["data:debian@2026-05-01", "data:debian@2026-05-03"]


async def test_updates_that_fail_time_and_again_are_told_of(at: Desk) -> None:
    for count in range(1, 6):
        last = await update_advisories(at.services, UpdateOptions())
        assert (last.failures, bool(last.reason)) == (count, True)
        await look_for_stale(at.services)
        assert len(await told(at)) == (count >= 3)
    ((_, key, sentence),) = await told(at)
    assert key == "data:feeds@2026-05-01"
    assert sentence.startswith("Advisories could not be fetched 3 times in a row: ")


async def test_a_feed_that_brings_nothing_for_too_long_is_told_of(at: Desk) -> None:
    failed = FeedOutcome(feed="alpine", status="failed", reason="status 503")
    good = FeedOutcome(feed="debian", status="unchanged")
    since = at.now
    for days, expected in ((1, 0), (2, 0), (3, 1), (4, 1)):
        at.now = since + days * DAY
        await remember(at, failed, good, good_at={"alpine": since, "debian": at.now})
        await look_for_stale(at.services)
        assert len(await told(at)) == expected, days
    ((_, key, sentence),) = await told(at)
    assert (key, sentence) == (
        "data:feeds@2026-05-04",
        "The feed alpine has brought nothing since 2026-05-01: status 503.",
    )
    await remember(at, msgspec.structs.replace(failed, status="updated", reason=""), good, good_at={"alpine": at.now})
    await look_for_stale(at.services)
    assert await fresh(at) == ["feeds"]


async def test_a_snapshot_that_grows_old_is_told_of(at: Desk) -> None:
    await at.advise(LIBC)
    await at.work()
    async with at.services.database.system() as connection:
        await connection.execute("UPDATE snapshot SET data_at = '2026-04-30'")
    await look_for_stale(at.services)
    assert await told(at) == []
    at.now += 2 * DAY
    await look_for_stale(at.services)
    assert [each[1:] for each in await told(at)] == [
        ("data:feeds@2026-05-03", "The youngest of the advisories is of 2026-04-30.")
    ]
