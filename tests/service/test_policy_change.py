"""Another version of a policy is put in force: verdicts come out as if every image had been judged anew, and are told of once."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from hullmark.server.stories.judging import judge
from hullmark.server.stories.notice.route import route
from hullmark.server.stories.rollout import policy_change
from hullmark.server.stories.rollout.adopt import adopt
from hullmark.server.stories.rollout.policy_change import Carrier, PolicyStep, Position
from hullmark.server.stories.rollout.settle import forget_changes, settle_some
from hullmark.server.tables.images import images
from hullmark.server.tables.notice import transitions as outbox
from tests.service.test_rejudge import (
    EXCEPTIONS,
    FILLER,
    IMAGES,
    SAID,
    Fragile,
    Said,
    Stopped,
    deb,
    files_of,
    in_force,
    judged_anew,
    records_of,
    rows,
    stored,
    transitions,
    world,
)
from tests.support.database import fresh_database
from tests.support.desk import Desk, desk
from tests.support.desk_copies import DeskCopies

pytestmark = pytest.mark.anyio

POLICY = """
schema: hullmark-policy/1
name: shop
version: 1
rules:
  - {id: severe, gate: vulnerabilities, trigger: found, action: stop, params: {severity: critical, unrated: ignore}}
  - {id: fixed, gate: vulnerabilities, trigger: found, action: warn, params: {fix: [fixed], unrated: ignore}}
  - {id: root, gate: config, trigger: user, action: warn, params: {not_root: true}}
"""
HIGHER = POLICY.replace("severity: critical", "severity: high")
RECORDS = (
    FILLER,
    deb("CVE-2026-1", "a", severity="critical"),
    deb("CVE-2026-2", "b", severity="high"),
    deb("CVE-2026-3", "c", severity="low"),
)
SHOP = (("a", "b"), ("b",), ("c",), ("z",))


@pytest.fixture
async def bare(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


@pytest.fixture
async def at(copies: DeskCopies, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk whose images are judged by the policy."""
    async with copies.desk(tmp_path, shop) as found:
        yield found


async def shop(at: Desk, text: str = POLICY) -> None:
    """Images of all kinds that are judged by a policy."""
    await in_force(at, text)
    await at.advise(*RECORDS)
    await at.work()
    await world(at, *SHOP)


async def changed(at: Desk, text: str) -> list[str]:
    """Put another version in force; answers the jobs that ran."""
    await in_force(at, text)
    return await at.work()


LISTED = "  - {id: more, gate: vulnerabilities, trigger: listed, action: stop, params: {ids: [CVE-2026-3]}}\n"
CHANGES: dict[str, tuple[str, list[tuple[str, str, str, str]]]] = {
    "a lower threshold": (
        HIGHER,
        [("finding.new", "policy", "stop→stop", "1"), ("compliance.lost", "policy", "warn→stop", "2")],
    ),
    "a threshold that nothing reaches": (
        POLICY.replace("severity: critical", "severity: critical, cvss: 10"),
        [("compliance.regained", "policy", "stop→warn", "1")],
    ),
    "a rule that stops where it warned": (
        POLICY.replace("trigger: found, action: warn", "trigger: found, action: stop"),
        [
            ("compliance.lost", "policy", "warn→stop", "2"),
            ("compliance.lost", "policy", "warn→stop", "3"),
            ("finding.new", "policy", "stop→stop", "1"),
        ],
    ),
    "a rule that says something else to people": (
        POLICY.replace("action: stop, params", "action: stop, message: Ask the shop., params"),
        [],
    ),
    "a rule more": (POLICY + LISTED, [("compliance.lost", "policy", "warn→stop", "3")]),
    "a rule less": (
        "\n".join(line for line in POLICY.splitlines() if "severe" not in line),
        [("compliance.regained", "policy", "stop→warn", "1")],
    ),
    "nothing but a description": (POLICY + "description: for the shop\n", []),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_what_a_version_says_differently_is_added_without_judging_an_image(at: Desk, change: str) -> None:
    text, expected = CHANGES[change]
    await shop(at)
    before = at.judged
    jobs = await changed(at, text)
    assert (at.judged, jobs.count("carry"), jobs.count("rejudge")) == (before, 1, 0)
    assert await stored(at) == await judged_anew(at)
    assert sorted(told[:4] for told in await transitions(at)) == sorted(expected)
    assert {version for (version,) in await rows(at, _VERSIONS)} == {2}
    assert await rows(at, "SELECT FROM cause WHERE NOT is_complete") == []


_VERSIONS = "SELECT policy_version FROM verdict JOIN verdict_history history ON history.id = history_id"

OTHERWISE: dict[str, str] = {
    "another kind of rule that differs": POLICY.replace("not_root: true", "forbidden: [root]"),
    "the first rule about packages of a type": POLICY + LISTED.replace("{ids:", "{types: [npm], ids:"),
    "other packages that are asked for": POLICY.replace("severity: critical", "severity: critical, types: [npm]"),
    "grace": POLICY + "grace: {days: 30}\n",
    "a rule that goes by when it was published": POLICY.replace("severity: critical", "known_for_days: 3"),
}


@pytest.mark.parametrize("change", OTHERWISE)
async def test_where_more_differs_every_image_is_judged(at: Desk, change: str) -> None:
    await shop(at)
    before = at.judged
    jobs = await changed(at, OTHERWISE[change])
    assert (at.judged - before, jobs.count("rejudge") + jobs.count("carry")) == (len(SHOP), 1)
    assert await stored(at) == await judged_anew(at)


async def test_a_rule_without_the_exceptions_of_others_is_asked_what_it_cannot_tell(bare: Desk) -> None:
    excepted = {"rule": "severe", "subject": "*", "expires": "2027-01-01", "owner": "o", "reason": "r"}
    await bare.post("/exceptions", excepted)
    await shop(bare, ONE)
    await world(bare, ())
    assert {word for word, *_ in (await stored(bare)).values()} == {"go"}
    await changed(bare, ONE + LISTED)
    assert await stored(bare) == await judged_anew(bare)
    assert "unknown" in {word for word, *_ in (await stored(bare)).values()}


ONE = "\n".join(line for line in POLICY.splitlines() if "fixed" not in line and "root" not in line) + "\n"


async def test_a_message_names_the_rule_the_finding_and_what_to_do(at: Desk) -> None:
    await changed(at, HIGHER)
    ((evidence,),) = await rows(at, "SELECT evidence FROM transition WHERE image_id = 2")
    (piece,) = evidence
    assert (piece["rule"], piece["advisory"], piece["severity"]) == ("severe", "CVE-2026-2", "high")
    assert piece["since"]
    ((sentence, before, after),) = await rows(at, "SELECT sentence, before, after FROM cause")
    assert "shop" in sentence
    assert before != after
    assert after.startswith("sha256:")


async def test_what_was_added_is_settled_and_nobody_hears_of_it(at: Desk) -> None:
    await changed(at, HIGHER)
    told, anew = await transitions(at), await judged_anew(at)
    history = await rows(at, "SELECT id, verdict, stops, warns, policy_digest FROM verdict_history ORDER BY id")
    await forget_changes(at.services)
    assert await stored(at) == anew
    while await settle_some(at.services):
        await at.work()
    left = "SELECT id FROM verdict_history JOIN verdict ON history_id = id WHERE changes IS NOT NULL"
    assert await rows(at, left) == []
    assert await rows(at, "SELECT id, verdict, stops, warns, policy_digest FROM verdict_history ORDER BY id") == history
    assert (await stored(at), await transitions(at)) == (anew, told)
    await forget_changes(at.services)
    assert await rows(at, "SELECT id FROM finding_change") == []


async def test_a_verdict_shows_the_policy_that_it_is_by(at: Desk) -> None:
    await changed(at, HIGHER)
    (digest,) = {row[0] for row in await rows(at, "SELECT digest FROM policy_version WHERE version = 2")}
    found = await at.get("/images?limit=10")
    for image in found["items"]:
        (shown,) = await at.get(f"/images/{image['digest']}/verdicts")
        assert shown["policy_digest"] == digest
        document = await at.get(f"/history/{shown['id']}")
        assert document["inputs"]["policy"] == digest


async def test_a_version_after_the_next_and_advisories_between_come_to_the_same(at: Desk) -> None:
    await in_force(at, HIGHER)
    await at.advise(*RECORDS, deb("CVE-2026-9", "z", severity="high"))
    await in_force(at, POLICY.replace("severity: critical", "severity: low"))
    await at.work()
    assert await stored(at) == await judged_anew(at)
    assert {version for (version,) in await rows(at, _VERSIONS)} == {3}


async def test_advisories_that_come_between_are_added_to_both_versions(at: Desk) -> None:
    await in_force(at, HIGHER)
    step = await waiting_step(at)
    await at.advise(FILLER, *RECORDS[2:], deb("CVE-2026-9", "z", severity="high"))
    await adopt(at.services, at.snapshot_cache, 2)
    judged = at.judged
    assert await Carrier().carry(at.services, at.snapshot_cache, step, Position()) is True
    await rows(at, "DELETE FROM procrastinate_jobs WHERE task_name IN ('carry', 'adopt') RETURNING id")
    assert at.judged == judged
    assert await stored(at) == await judged_anew(at)
    assert [word for word, *_ in (told for _, told in sorted((await stored(at)).items()))] == [
        "stop",
        "stop",
        "warn",
        "stop",
    ]


async def test_what_was_asked_with_earlier_advisories_writes_nothing(at: Desk) -> None:
    await in_force(at, HIGHER)
    order = await policy_change._order(at.services, await waiting_step(at))
    assert order is not None
    first = await policy_change._prepare(order, at.snapshot_cache, [1, 2])
    await at.advise(*RECORDS, deb("CVE-2026-9", "z", severity="high"))
    await adopt(at.services, at.snapshot_cache, 2)
    second = await policy_change._prepare(order, at.snapshot_cache, [3, 4])
    assert not await policy_change._write(order, first, 0, [1, 2])
    assert {version for (version,) in await rows(at, _VERSIONS)} == {1}
    assert await policy_change._write(order, second, 0, [3, 4])
    await at.work()
    assert await stored(at) == await judged_anew(at)


async def test_an_image_that_is_certified_meanwhile_is_not_passed_over(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop(at)
    await in_force(at, HIGHER)
    step = await waiting_step(at)
    ask = images.analysed_of

    async def asked(connection: Any, account: int, after: int, limit: int, standing: images.Standing) -> list[int]:
        found = await ask(connection, account, after, limit, standing)
        if standing == "certified" and found:
            assert 1 not in found
            # Advisories that let the first image pass come just behind those that passed before.
            await at.advise(FILLER, *RECORDS[2:])
            await adopt(at.services, at.snapshot_cache, 2)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(images, "analysed_of", asked)
        assert await Carrier().carry(at.services, at.snapshot_cache, step, Position()) is True
    assert {version for (version,) in await rows(at, _VERSIONS)} == {2}
    await rows(at, "DELETE FROM procrastinate_jobs WHERE task_name = 'carry' RETURNING id")
    await at.work()
    assert await stored(at) == await judged_anew(at)


async def waiting_step(at: Desk) -> PolicyStep:
    """The step that waits to be carried out."""
    ((args,),) = await rows(at, "SELECT args FROM procrastinate_jobs WHERE task_name = 'carry'")
    return PolicyStep(**args)


async def test_a_verdict_that_is_being_written_by_the_version_before_is_waited_for(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop(at)
    body = {"rule": "fixed", "subject": "CVE-2026-2+*", "expires": "2199-01-01", "owner": "o", "reason": "r"}
    await at.post("/exceptions", body)
    await rows(at, "DELETE FROM procrastinate_jobs RETURNING id")
    is_written, may_go_on = asyncio.Event(), asyncio.Event()
    write = judge._store_verdicts

    async def held(*arguments: Any) -> int:
        count = await write(*arguments)
        if not is_written.is_set():
            is_written.set()
            await may_go_on.wait()
        return count

    monkeypatch.setattr(judge, "_store_verdicts", held)
    judging = asyncio.create_task(judge.judge(at.services, at.snapshot_cache, 1, 2, "an exception"))
    await is_written.wait()
    bringing = asyncio.create_task(changed(at, HIGHER))
    while not bringing.done() and not await rows(at, "SELECT FROM pg_locks WHERE NOT granted"):
        await asyncio.sleep(0.01)
    may_go_on.set()
    assert await judging == 1
    await bringing
    assert await stored(at) == await judged_anew(at)


async def test_it_is_done_in_turns_where_others_wait(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await shop(at)
    await at.post("/accounts", {"name": "other"})
    for number in range(len(SHOP)):
        await at.add(str(number), account="other")
    await in_force_of(at, POLICY, "other")
    await at.work()
    judged = at.judged
    monkeypatch.setattr(policy_change, "FIRST", 1)
    monkeypatch.setattr(policy_change, "AT_ONCE", 1)
    turns = itertools.cycle((False, False, True))
    monkeypatch.setattr("hullmark.server.stories.judging.turn.Turn.is_over", lambda _: next(turns))
    await in_force(at, HIGHER)
    await in_force_of(at, HIGHER, "other")
    jobs = await at.work()
    assert jobs.count("carry") > 3
    assert at.judged == judged
    assert await stored(at) == await judged_anew(at)
    assert await rows(at, "SELECT FROM cause WHERE NOT is_complete") == []


async def test_people_hear_of_the_first_images_while_the_others_are_still_to_come(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop(at)
    await rows(
        at, "INSERT INTO channel (account_id, name, kind, secrets) VALUES (1, 'hook', 'webhook', '') RETURNING id"
    )
    await rows(at, "UPDATE subscription SET scope = 'all' RETURNING id")
    await in_force(at, HIGHER)
    step = await waiting_step(at)
    monkeypatch.setattr(policy_change, "_WRITERS", 1)
    monkeypatch.setattr(policy_change, "FIRST", 1)
    monkeypatch.setattr(policy_change, "AT_ONCE", 1)
    due: list[Any] = []
    go_on, calls = outbox.go_on, itertools.count()

    async def seen(connection: Any, numbers: list[int]) -> None:
        if next(calls) == 0:
            await route(at.services, 1)
            due.extend(await rows(at, "SELECT item_count, due_at <= %s FROM message", at.now))
        await go_on(connection, numbers)

    monkeypatch.setattr(outbox, "go_on", seen)
    assert await Carrier().carry(at.services, at.snapshot_cache, step, Position())
    assert due == [(1, True)]


async def in_force_of(at: Desk, text: str, account: str) -> None:
    kept = await at.post("/policies", {"text": text}, account=account)
    await at.post("/activations", {"policy": kept["name"]}, account=account)


async def flips(at: Desk) -> list[tuple[Any, ...]]:
    """Where a verdict lets an image pass and the one before it did not, or the other way round."""
    return await rows(
        at,
        "SELECT image_id, id FROM (SELECT id, image_id, verdict, lag(verdict) OVER (PARTITION BY account_id, image_id, policy_id,"
        " environment, is_shadow ORDER BY id) AS before FROM verdict_history) AS steps"
        " WHERE (verdict IN ('go', 'warn')) <> (before IN ('go', 'warn')) ORDER BY id",
    )


async def told_flips(at: Desk) -> list[tuple[Any, ...]]:
    return await rows(
        at,
        "SELECT image_id, history_id FROM transition WHERE kind IN ('compliance.lost', 'compliance.regained') ORDER BY history_id",
    )


@pytest.mark.parametrize("stride", [4, pytest.param(1, marks=pytest.mark.slow)], ids=["some points", "every point"])
async def test_stopped_at_any_point_it_comes_to_the_same_end(copies: DeskCopies, tmp_path: Path, stride: int) -> None:
    ends = []
    for number in range(2):
        async with copies.desk(tmp_path / str(number), shop) as at:
            await in_force(at, HIGHER)
            whole, stops = at.services.database, 0
            step = await waiting_step(at)
            while number:
                stops += stride
                at.services.database = Fragile(whole, stops)  # type: ignore[assignment]  # its transactions
                try:
                    await Carrier().carry(at.services, at.snapshot_cache, step, Position())
                    break
                except (Stopped, ExceptionGroup):
                    continue
            at.services.database = whole
            assert number == 0 or stops >= 5
            await at.work()
            assert await stored(at) == await judged_anew(at)
            history = (
                "SELECT image_id, verdict, stops, warns, policy_version FROM verdict_history ORDER BY image_id, id"
            )
            ends.append((sorted(await transitions(at)), await rows(at, history)))
    assert ends[0] == ends[1]


# Whatever a version says

RULES = {
    "severe": st.fixed_dictionaries(
        {"severity": st.sampled_from(("low", "high", "critical"))},
        optional={
            "unrated": st.sampled_from(("ignore", "count", "cannot-tell")),
            "fix": st.sampled_from((["fixed"], ["not-fixed", "unknown"])),
            "exploited": st.booleans(),
            "packages": st.sampled_from((["a"], ["b", "foo"])),
        },
    ),
    "likely": st.fixed_dictionaries(
        {"epss": st.sampled_from(("0.1", "0.6"))}, optional={"unrated": st.just("ignore"), "allow": st.just(["a"])}
    ),
    "risky": st.fixed_dictionaries({"risk": st.sampled_from((20, 60))}, optional={"unrated": st.just("ignore")}),
}
_rules = {name: st.tuples(st.sampled_from(("stop", "warn")), params) for name, params in RULES.items()}
VERSION = st.fixed_dictionaries(
    {"severe": _rules["severe"]}, optional={name: rule for name, rule in _rules.items() if name != "severe"}
)
WORLD = st.tuples(
    IMAGES,
    st.tuples(st.lists(SAID, min_size=4, max_size=4), st.sampled_from((True, True, False))),
    EXCEPTIONS,
    st.lists(VERSION, min_size=2, max_size=3),
)


def text_of(version: dict[str, tuple[str, dict[str, Any]]]) -> str:
    """The policy, with its rules in the form that YAML shares with JSON."""
    rules = "".join(
        f"  - {{id: {name}, gate: vulnerabilities, trigger: found, action: {action}, params: {json.dumps(params)}}}\n"
        for name, (action, params) in version.items()
    )
    return f"schema: hullmark-policy/1\nname: shop\nversion: 1\nrules:\n{rules}"


@settings(max_examples=3, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(WORLD)
def test_whatever_a_version_says_all_verdicts_are_those_of_judging_anew(database_server: str, some: Any) -> None:
    asyncio.run(_comes_to_judging_anew(database_server, *some))


@pytest.mark.slow
@settings(max_examples=25, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(WORLD)
def test_whatever_many_versions_say_all_verdicts_are_those_of_judging_anew(database_server: str, some: Any) -> None:
    asyncio.run(_comes_to_judging_anew(database_server, *some))


async def _comes_to_judging_anew(
    database_server: str,
    images: list[tuple[str, ...]],
    said: tuple[list[Said], bool],
    exceptions: list[dict[str, str]],
    versions: list[dict[str, tuple[str, dict[str, Any]]]],
) -> None:
    with TemporaryDirectory(prefix="hm-policy-change-") as folder:
        async with desk(fresh_database(database_server), Path(folder)) as at:
            for exception in exceptions:
                await at.post("/exceptions", exception)
            await in_force(at, text_of(versions[0]))
            records, is_whole = said
            await at.advise(FILLER, *records_of(records), is_partial=not is_whole)
            await at.work()
            for number, packages in enumerate(images):
                at.push(str(number), files_of(packages))
                await at.add(str(number))
            await at.work()
            for version in versions[1:]:
                await in_force(at, text_of(version))
                await at.work()
                anew = await judged_anew(at)
                found = await stored(at)
                assert found == anew, (version, found, anew)
                assert await flips(at) == await told_flips(at)
