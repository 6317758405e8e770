"""Exceptions end with their last day, at the second, and people are told: a week before, a day before, and then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hullmark.server.process.scheduler import run_scheduler
from hullmark.server.stories.judging.deadlines import judge_due
from hullmark.server.stories.services import services_for
from tests.support.desk import Desk, desk, status_file

pytestmark = pytest.mark.anyio

NOT_ROOT = """
schema: hullmark-policy/1
name: users
version: "1"
rules:
  - {id: no-root, gate: config, trigger: user, action: stop, params: {not_root: true}}
"""
TICK = timedelta(microseconds=1)
SHOP = status_file(("libc6", "2.41-12"))
DAY = timedelta(days=1)
END = datetime(2026, 5, 21, tzinfo=UTC)
BODY = {"rule": "no-root", "subject": "*", "expires": "2026-05-20", "owner": "anna", "reason": "moving"}


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        name = (await found.post("/policies", {"text": NOT_ROOT}))["name"]
        await found.post("/activations", {"policy": name})
        yield found


async def held(at: Desk, tag: str, account: str = "") -> str:
    """An image that runs as root."""
    digest = at.push(tag, SHOP, User="0", Labels={"tag": tag})
    await at.add(tag, account)
    await at.work()
    return digest


async def excepted(at: Desk, **more: Any) -> str:
    """The id of an exception."""
    key = (await at.post("/exceptions", {**BODY, **more}))["id"]
    await at.work()
    return str(key)


async def due(at: Desk, moment: datetime) -> int:
    """Come to a moment, and do what is due; answers how many images were judged for it."""
    at.now = moment
    await judge_due(at.services)
    before = at.judged
    await at.work()
    return at.judged - before


async def word(at: Desk, digest: str) -> str:
    """The one verdict in force."""
    (found,) = await at.get(f"/verdicts/{digest}")
    return str(found["verdict"])


async def told(at: Desk, *kinds: str) -> list[tuple[str, str]]:
    """(kind, cause's key) of the transitions of some kinds, in their order."""
    async with at.services.database.system() as connection:
        cursor = await connection.execute(
            "SELECT transition.kind, cause.key FROM transition JOIN cause ON cause.id = cause_id"
            " WHERE transition.kind = ANY(%s) ORDER BY transition.id",
            (list(kinds),),
        )
        return list(await cursor.fetchall())


async def cause(at: Desk, key: str) -> tuple[Any, ...]:
    """(sentence, evidence, whether it is complete) of a cause."""
    async with at.services.database.system() as connection:
        cursor = await connection.execute("SELECT sentence, evidence, is_complete FROM cause WHERE key = %s", (key,))
        row = await cursor.fetchone()
    assert row is not None
    return tuple(row)


ENDS = ("exception.expiring", "exception.expired", "compliance.lost")


async def test_it_is_told_before_it_ends_and_when_it_has_ended_with_what_comes_of_it(at: Desk) -> None:
    digest = await held(at, "1")
    key = await excepted(at)
    assert await word(at, digest) == "go"
    for moment in (END - 7 * DAY - TICK, END - 7 * DAY, END - DAY - TICK, END - DAY, END - TICK):
        assert await due(at, moment) == 0, "nothing is judged before it ends"
    expiring = [("exception.expiring", f"exception:{key}@7d"), ("exception.expiring", f"exception:{key}@1d")]
    assert await told(at, *ENDS) == expiring
    assert await word(at, digest) == "go"
    assert await due(at, END) == 1
    assert await word(at, digest) == "stop"
    expired = f"exception:{key}@expired"
    assert await told(at, *ENDS) == [*expiring, ("exception.expired", expired), ("compliance.lost", expired)]
    for _ in range(2):
        assert await due(at, at.now + DAY) == 0, "once"
    assert len(await told(at, *ENDS)) == 4


async def test_what_it_covers_is_told_with_it(at: Desk) -> None:
    await held(at, "1")
    await held(at, "2")
    key = await excepted(at, images=f"*{at.registry.repository}:1")
    await due(at, END - 7 * DAY)
    sentence, evidence, is_complete = await cause(at, f"exception:{key}@7d")
    assert sentence == (
        "The exception from the rule no-root for * (owner: anna) ends with 2026-05-20 (UTC). It covers 1 finding of 1 image."
    )
    ((rule, message),) = [(each["rule"], each["message"]) for each in evidence]
    assert rule == "no-root"
    assert message.startswith(f"{at.reference('1')}, users: ")
    assert is_complete


async def test_one_that_covers_nothing_judges_nothing(at: Desk) -> None:
    await held(at, "1")
    key = await excepted(at, images="elsewhere.example/*")
    assert await due(at, END) == 0
    sentence, evidence, is_complete = await cause(at, f"exception:{key}@expired")
    assert (sentence.endswith("It covered nothing."), evidence, is_complete) == (True, [], True)


async def test_who_makes_one_that_ends_soon_is_not_told_so_at_once(at: Desk) -> None:
    at.now = END - 3 * DAY
    key = await excepted(at)
    await due(at, END - 2 * DAY)
    assert await told(at, *ENDS) == []
    await due(at, END - DAY)
    assert await told(at, *ENDS) == [("exception.expiring", f"exception:{key}@1d")]


async def test_a_server_that_was_away_tells_only_of_what_is_near(at: Desk) -> None:
    key = await excepted(at)
    await due(at, END - timedelta(hours=3))
    assert await told(at, *ENDS) == [("exception.expiring", f"exception:{key}@1d")]
    other = await excepted(at, expires="2026-06-20")
    await due(at, END + 60 * DAY)
    assert [each for each in await told(at, *ENDS) if other in each[1]] == [
        ("exception.expired", f"exception:{other}@expired")
    ]


async def test_one_that_was_ended_by_hand_is_not_told_of(at: Desk) -> None:
    digest = await held(at, "1")
    key = await excepted(at)
    assert (await at.ask("DELETE", f"/exceptions/{key}")).status_code == 204
    await at.work()
    assert await word(at, digest) == "stop"
    assert await due(at, END) == 0
    assert await told(at, "exception.expiring", "exception.expired") == []


async def test_each_account_hears_of_its_own(at: Desk) -> None:
    await at.post("/accounts", {"name": "other"})
    key = await excepted(at)
    await due(at, END)
    async with at.services.database.system() as connection:
        cursor = await connection.execute(
            "SELECT account.name, cause.key FROM cause JOIN account ON account.id = cause.account_id"
        )
        found = list(await cursor.fetchall())
    assert [name for _, name in found] == [f"exception:{key}@expired"]
    assert "other" not in {name for name, _ in found}


async def test_the_scheduler_comes_to_it_by_itself(at: Desk) -> None:
    digest = await held(at, "1")
    await excepted(at)
    services = services_for(at.services.settings, {})
    services.clock = lambda: at.now
    scheduler = asyncio.create_task(run_scheduler(services))
    try:
        at.now = END - TICK
        await asyncio.sleep(1.5)
        assert "judge" not in await at.work()
        at.now = END
        async with asyncio.timeout(30):
            while "judge" not in await at.work():
                await asyncio.sleep(0.1)
    finally:
        scheduler.cancel()
        await asyncio.gather(scheduler, return_exceptions=True)
    assert await word(at, digest) == "stop"


async def test_an_exception_that_ends_at_a_moment_is_judged_at_that_very_moment(at: Desk) -> None:
    digest = await held(at, "1")
    ends = datetime(2026, 5, 20, 14, tzinfo=UTC)
    key = await excepted(at, expires="2026-05-20T16:00:00+02:00")
    (kept,) = (await at.get("/exceptions"))["items"]
    assert kept["expires"] == "2026-05-20T14:00:00Z"
    for moment in (ends - DAY, ends - TICK):
        assert await due(at, moment) == 0
    assert await word(at, digest) == "go"
    assert await due(at, ends) == 1
    assert await word(at, digest) == "stop"
    sentence, evidence, _ = await cause(at, f"exception:{key}@expired")
    assert "ended at 2026-05-20 14:00 UTC" in sentence
    assert [(seen["rule"], seen["since"]) for seen in evidence] == [("no-root", "2026-05-01T12:00:00Z")]


@pytest.mark.parametrize("text", ["2026-05-20T14:00:00", "tomorrow", "2026-05-20 14:00"])
async def test_what_is_not_a_time_or_has_no_zone_is_refused(at: Desk, text: str) -> None:
    refused = await at.post("/exceptions", {**BODY, "expires": text}, status=422)
    assert "not a valid time" in refused["detail"]
