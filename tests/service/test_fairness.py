"""No account holds up another: judging takes turns, what takes long waits apart, and what it takes is counted and shown."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hullmark.server.stories.judging import turn
from hullmark.server.tables import jobs
from hullmark.server.tables.judging import policy_costs
from tests.service.test_verdicts import NO_HIGH
from tests.support.desk import Desk, desk, status_file
from tests.support.matching import advisory, affected

pytestmark = pytest.mark.anyio

LIBC = advisory("CVE-2026-1", affected("debian:13", "libc6", "deb", "2.41-13"), severity="high")
EXPRESSION = """
schema: hullmark-policy/1
name: words
rules:
  - {id: shells, gate: expression, trigger: holds, action: stop, params: {expression: 'packages.exists(p, p.name == "libc6")'}}
"""


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        await found.advise(LIBC)
        await found.post("/accounts", {"name": "plain"})
        await found.post("/accounts", {"name": "dear"})
        yield found


async def rows(at: Desk, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    async with at.services.database.system() as connection:
        return await (await connection.execute(statement, values)).fetchall()


async def account_ids(at: Desk) -> dict[str, int]:
    return dict(await rows(at, "SELECT name, id FROM account"))


async def hold(at: Desk, account: str, count: int) -> None:
    for number in range(count):
        at.push(str(number), status_file(("libc6", "2.41-12"), (f"only-{number}", "1")))
        await at.add(str(number), account)
    await at.work()


async def put_in_force(at: Desk, account: str, text: str) -> None:
    kept = await at.post("/policies", {"text": text}, account)
    await at.post("/activations", {"policy": kept["name"]}, account)


async def waiting(at: Desk, account_id: int, count: int, priority: int = 10) -> None:
    async with at.services.database.system() as connection:
        for number in range(count):
            args = {"account_id": account_id, "image_id": number, "cause": "test"}
            await jobs.defer(connection, "judge", args, queue=jobs.JUDGING, priority=priority)


async def taken(at: Desk, most: int = 100) -> list[tuple[int, int]]:
    """Account and priority of the jobs that a worker gets, one after the other."""
    found: list[tuple[int, int]] = []
    while len(found) < most:
        statement = "SELECT (args ->> 'account_id')::bigint, priority, id FROM fetch_job_in_turn(%s, NULL)"
        ((account, priority, number),) = await rows(at, statement, [jobs.JUDGING])
        if number is None:
            break
        found.append((account, priority))
    return found


async def test_accounts_take_turns(at: Desk) -> None:
    ids = await account_ids(at)
    await waiting(at, ids["dear"], 8)
    await waiting(at, ids["plain"], 2)
    accounts = [account for account, _ in await taken(at)]
    assert sorted(accounts[:4]) == sorted([ids["dear"], ids["plain"]] * 2)
    assert accounts[4:] == [ids["dear"]] * 6


async def test_next_is_who_was_judged_least_lately(at: Desk) -> None:
    ids = await account_ids(at)
    async with at.services.database.system() as connection:
        await jobs.count_judging(connection, ids["dear"], 30.0)
    await waiting(at, ids["dear"], 3)
    await waiting(at, ids["plain"], 3)
    assert [account for account, _ in await taken(at)] == [ids["plain"]] * 3 + [ids["dear"]] * 3
    ((before,),) = await rows(at, "SELECT lately_judged(%s)", ids["dear"])
    await rows(at, "UPDATE judging_use SET at = at - interval '10 minutes' RETURNING 1")
    ((after,),) = await rows(at, "SELECT lately_judged(%s)", ids["dear"])
    assert after < before / 1000


async def test_who_was_judged_long_ago_is_judged_again(at: Desk) -> None:
    """Halved every minute, what was counted is less than any number after a day."""
    ids = await account_ids(at)
    async with at.services.database.system() as connection:
        await jobs.count_judging(connection, ids["dear"], 30.0)
    await rows(at, "UPDATE judging_use SET at = at - interval '40 days' RETURNING 1")
    await waiting(at, ids["dear"], 1)
    assert [account for account, _ in await taken(at)] == [ids["dear"]]
    async with at.services.database.system() as connection:
        await jobs.count_judging(connection, ids["dear"], 2.0)
    ((now,),) = await rows(at, "SELECT lately_judged(%s)", ids["dear"])
    assert 1.9 < now < 2.1


async def test_of_one_account_the_more_urgent_comes_first_and_of_all_what_nobody_waits_for_last(at: Desk) -> None:
    ids = await account_ids(at)
    async with at.services.database.system() as connection:
        await jobs.count_judging(connection, ids["dear"], 30.0)
    for priority in (-10, 0, 20):
        await waiting(at, ids["plain"], 1, priority)
    await waiting(at, ids["dear"], 1, 0)
    assert await taken(at) == [(ids["plain"], 20), (ids["plain"], 0), (ids["dear"], 0), (ids["plain"], -10)]


async def test_what_is_not_due_yet_and_what_another_is_taking_waits(at: Desk) -> None:
    ids = await account_ids(at)
    await waiting(at, ids["plain"], 2)
    await rows(
        at,
        "UPDATE procrastinate_jobs SET scheduled_at = now() + interval '1 hour' WHERE args ->> 'image_id' = '0' RETURNING 1",
    )
    async with at.services.database.system() as connection:
        await connection.execute("SELECT FROM procrastinate_jobs WHERE args ->> 'image_id' = '1' FOR UPDATE")
        assert await taken(at) == []
    assert len(await taken(at)) == 1


async def test_expressions_wait_apart_until_they_are_known_to_be_quick(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hold(at, "dear", 2)
    await hold(at, "plain", 2)
    queues = "SELECT DISTINCT queue_name FROM procrastinate_jobs WHERE task_name LIKE 'judge%%' AND status = 'todo'"
    await put_in_force(at, "plain", NO_HIGH)
    await at.work(1)  # what has all images judged
    assert await rows(at, queues) == [(jobs.JUDGING,)]
    await at.work()
    monkeypatch.setattr(policy_costs, "COSTLY", 100.0)
    await put_in_force(at, "dear", EXPRESSION)
    await at.work(1)
    assert await rows(at, queues) == [(jobs.COSTLY,)]
    await at.work()
    ((images, each),) = await rows(
        at, "SELECT images, seconds / images FROM policy_cost ORDER BY version_id DESC LIMIT 1"
    )
    assert images == 2
    assert each < 100
    (shown,) = (await at.get("/policies", "dear"))["items"]
    assert (shown["judged"], shown["is_costly"]) == (2, False)
    assert shown["seconds_most"] >= shown["seconds_each"] > 0
    version = await at.get("/policies/words", "dear")
    assert (version["judged"], version["seconds_each"]) == (2, shown["seconds_each"])
    assert (await at.get("/policies/weaknesses", "plain"))["judged"] == 2


async def test_what_waits_moves_once_a_policy_is_found_to_take_long(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "TOGETHER", 1)
    monkeypatch.setattr(policy_costs, "COSTLY", 0.0)
    await hold(at, "plain", 3)
    await put_in_force(at, "plain", NO_HIGH)
    await at.work(1)
    statement = (
        "SELECT queue_name, count(*) FROM procrastinate_jobs WHERE status = 'todo' AND task_name = 'judge' GROUP BY 1"
    )
    assert await rows(at, statement) == [(jobs.JUDGING, 3)]
    await at.work(1)
    assert await rows(at, statement) == [(jobs.COSTLY, 2)]
    await at.work()
    assert await rows(at, "SELECT count(*) FROM verdict") == [(3,)]


async def test_what_waits_already_moves_when_a_policy_that_takes_long_is_put_in_force(at: Desk) -> None:
    await hold(at, "dear", 2)
    ids = await account_ids(at)
    await waiting(at, ids["dear"], 3)
    await put_in_force(at, "dear", EXPRESSION)
    statement = "SELECT DISTINCT queue_name FROM procrastinate_jobs WHERE status = 'todo' AND task_name = 'judge'"
    assert await rows(at, statement) == [(jobs.JUDGING,)]
    await rows(at, "UPDATE procrastinate_jobs SET priority = 100 WHERE task_name = 'rejudge' RETURNING 1")
    assert await at.work(1) == ["rejudge"]
    assert await rows(at, statement) == [(jobs.COSTLY,)]


async def test_after_its_turn_the_rest_waits_again_and_is_told_as_one(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hold(at, "plain", 4)
    # It asks for packages of other types: all images are judged as wholes.
    await put_in_force(at, "plain", NO_HIGH.replace("severity: high", "severity: critical, types: [deb]"))
    await at.work()
    monkeypatch.setattr(turn, "SECONDS", 0.0)
    await put_in_force(at, "plain", NO_HIGH)
    await at.work(2)
    stopped = "SELECT count(*) FROM verdict WHERE verdict = 'stop'"
    complete = (
        "SELECT bool_and(is_complete), count(DISTINCT id) FROM cause"
        " WHERE id IN (SELECT cause_id FROM transition WHERE kind = 'compliance.lost')"
    )
    assert await rows(at, stopped) == [(1,)]
    assert await rows(at, complete) == [(False, 1)]
    left = "SELECT task_name, priority, args -> 'priority' FROM procrastinate_jobs WHERE status = 'todo' AND task_name = 'judge_some'"
    ((_, priority, told),) = await rows(at, left)
    assert priority == told
    await at.work()
    assert await rows(at, stopped) == [(4,)]
    assert await rows(at, complete) == [(True, 1)]


async def test_a_trial_takes_turns_too(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await hold(at, "plain", 3)
    monkeypatch.setattr(turn, "SECONDS", 0.0)
    trial = await at.post("/simulations", {"text": NO_HIGH}, "plain")
    ran = await at.work()
    assert ran.count("simulate") > 3
    after = await at.get(f"/simulations/{trial['id']}", "plain")
    assert (after["state"], after["done"]) == ("done", 3)
