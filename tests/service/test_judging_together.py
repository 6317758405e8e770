"""Many images that are judged for one reason are judged together, and it comes to what each would come to by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hullmark.server.stories.judging import judge as judging
from hullmark.server.stories.judging.judge import judge, judge_some
from hullmark.server.tables import jobs
from tests.service.test_rejudge import BUNDLE
from tests.service.test_verdicts import NO_HIGH
from tests.support.desk import Desk, status_file
from tests.support.desk_copies import DeskCopies
from tests.support.matching import advisory, affected

pytestmark = pytest.mark.anyio

COUNT = 7
LIBC = advisory("CVE-2026-1", affected("debian:13", "libc6", "deb", "2.41-13"), severity="high")


@pytest.fixture
async def at(copies: DeskCopies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """Seven images under a policy that warns, three to a job; those of even number have the weakness, and number 0 runs somewhere."""
    monkeypatch.setattr(jobs, "TOGETHER", 3)
    async with copies.desk(tmp_path, furnish) as found:
        yield found


async def furnish(at: Desk) -> None:
    """Add the images, and put the policy in force."""
    await at.advise(LIBC)
    for number in range(COUNT):
        digest = at.push(str(number), status_file(("libc6", f"2.41-{12 + number % 2}"), (f"only-{number}", "1")))
        await at.add(str(number))
        if number == 0:
            answer = await at.ask("PUT", f"/images/{digest}/deployments", {"environment": "", "place": "shop"})
            assert answer.is_success, answer.text
    await at.work()
    await put_in_force(at, "warn")
    await at.work()


async def put_in_force(at: Desk, action: str) -> None:
    # Each asks for packages of other types than the one before: all images are judged as wholes.
    types = {"stop": "deb, apk", "warn": "deb"}[action]
    text = NO_HIGH.replace("action: stop", f"action: {action}").replace(
        "severity: high", f"severity: high, types: [{types}]"
    )
    assert types in text
    await at.post("/policies", {"text": text})
    await at.post("/activations", {"policy": "weaknesses"})


async def rows(at: Desk, statement: str) -> list[tuple[Any, ...]]:
    async with at.services.database.system() as connection:
        return await (await connection.execute(statement)).fetchall()


async def words(at: Desk) -> list[str]:
    """The verdicts, by image."""
    return [word for (word,) in await rows(at, "SELECT verdict FROM verdict ORDER BY image_id")]


AFTER = ["stop" if number % 2 == 0 else "go" for number in range(COUNT)]


async def test_a_policy_that_changes_is_judged_some_images_to_a_job(at: Desk) -> None:
    assert await words(at) == [{"stop": "warn"}.get(word, word) for word in AFTER]
    await put_in_force(at, "stop")
    ran = await at.work()
    # The one that runs, by itself, before all others.
    assert ran[:2] == ["carry", "judge"]
    assert (ran.count("judge"), ran.count("judge_some")) == (1, 2)
    assert await words(at) == AFTER
    told = await rows(at, "SELECT kind, image_id, cause_id FROM transition ORDER BY image_id")
    assert [kind for kind, _, _ in told] == ["compliance.lost"] * 4
    assert len({cause for _, _, cause in told}) == 1
    assert await rows(at, "SELECT is_complete FROM cause WHERE id IN (SELECT cause_id FROM transition)") == [(True,)]
    assert len(await rows(at, "SELECT FROM event WHERE kind = 'verdict.changed' AND body ->> 'after' = 'stop'")) == 4


async def test_it_comes_to_what_each_comes_to_by_itself(at: Desk) -> None:
    await put_in_force(at, "stop")
    everything = [number for (number,) in await rows(at, "SELECT id FROM image ORDER BY id")]
    assert await judge_some(at.services, at.snapshot_cache, 1, everything, "together") == COUNT
    together = await rows(at, "SELECT * FROM verdict ORDER BY image_id")
    assert [await judge(at.services, at.snapshot_cache, 1, number, "alone") for number in everything] == [0] * COUNT
    assert await rows(at, "SELECT * FROM verdict ORDER BY image_id") == together
    assert await words(at) == AFTER


async def test_one_that_cannot_be_judged_holds_none_of_the_others(at: Desk) -> None:
    ((number, document),) = await rows(at, "SELECT id, document FROM image ORDER BY id LIMIT 1 OFFSET 3")
    at.services.objects.delete([document])
    await put_in_force(at, "stop")
    everything = [number for (number,) in await rows(at, "SELECT id FROM image ORDER BY id")]
    assert await judge_some(at.services, at.snapshot_cache, 1, everything, "together") == COUNT - 1
    waiting = "SELECT (args ->> 'image_id')::bigint FROM procrastinate_jobs WHERE task_name = 'judge'"
    assert await rows(at, waiting) == [(number,)]


async def test_one_that_changes_meanwhile_is_judged_again_and_nothing_is_written_of_it_before(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put_in_force(at, "stop")
    everything = [number for (number,) in await rows(at, "SELECT id FROM image ORDER BY id")]
    whole = judging._standing
    looks = 0

    async def changing(connection: Any, account_id: int, image_ids: Any) -> Any:
        nonlocal looks
        looks += 1
        if looks == 2:  # what holds is looked at again before anything is written
            await connection.execute(
                "UPDATE account_image SET dockerfile = 'FROM x' WHERE image_id = %s", (everything[2],)
            )
        return await whole(connection, account_id, image_ids)

    monkeypatch.setattr(judging, "_standing", changing)
    assert await judge_some(at.services, at.snapshot_cache, 1, everything, "together") == COUNT - 1
    assert (await words(at))[2] == "warn"
    assert "judge" in await at.work()
    assert await words(at) == AFTER


async def test_what_still_waits_to_be_judged_is_asked_for_once(at: Desk) -> None:
    for action in ("stop", "warn", "stop"):
        await put_in_force(at, action)
        assert await at.work(1) == ["carry"]
    asked = await rows(at, "SELECT count(*) FROM procrastinate_jobs WHERE task_name IN ('judge', 'judge_some')")
    assert asked == [(3,)]
    await at.work()
    assert await words(at) == AFTER


async def test_where_an_advisory_is_no_sum_the_images_that_it_concerns_are_judged_together(at: Desk) -> None:
    (active,) = await at.get("/activations")
    assert (await at.ask("DELETE", f"/activations/{active['id']}")).status_code == 204
    name = (await at.post("/policies", {"text": BUNDLE}))["name"]
    await at.post("/activations", {"policy": name})
    await at.work()
    await at.advise(LIBC, advisory("CVE-2026-2", affected("debian:13", "libc6", "deb", "2.41-14"), severity="high"))
    ran = await at.work()
    assert ("judge" in ran, ran.count("judge_some")) == (True, 2)
    assert await words(at) == ["stop"] * COUNT
    told = await rows(at, "SELECT kind FROM transition WHERE key LIKE '%CVE-2026-2%' ORDER BY image_id")
    assert [kind for (kind,) in told] == [
        "finding.new" if number % 2 == 0 else "compliance.lost" for number in range(COUNT)
    ]


async def test_statements_do_not_grow_with_the_images(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the few that write down each verdict."""
    monkeypatch.setattr(jobs, "TOGETHER", 50)
    statements = 0
    async with at.services.database.system() as connection:
        execute = type(connection).execute

    async def counted(self: Any, *args: Any, **more: Any) -> Any:
        nonlocal statements
        statements += 1
        return await execute(self, *args, **more)

    everything = [number for (number,) in await rows(at, "SELECT id FROM image ORDER BY id")]
    counts = []
    for action, some in (("stop", everything[:1]), ("warn", everything)):
        await put_in_force(at, action)
        with monkeypatch.context() as patched:
            patched.setattr(type(connection), "execute", counted)
            statements = 0
            await judge_some(at.services, at.snapshot_cache, 1, some, "counted")
        counts.append(statements)
    assert counts[1] - counts[0] <= 3 * (COUNT - 1)
