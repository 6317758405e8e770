"""The numbers of a day add up, whatever happened on it; and the report says so when they do not."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hullmark.server.stories.images.retain import forget_told
from hullmark.server.stories.notice.day_report import Numbers, bounds, day_report
from tests.service.test_subscriptions import place_of
from tests.support.database import fresh_database
from tests.support.desk import desk
from tests.support.notices import START, Place, cause, lost, place

DAY = START.date()
_numbers = itertools.count()
_STATES = ("gathering", "waiting", "delivered", "dead")


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Place]:
    async with place(database_url, tmp_path) as found:
        yield found


async def report(at: Place, day: date = DAY, zone: str = "UTC") -> Numbers:
    return await day_report(at.services.database, at.account_id, day, zone, ZoneInfo(zone))


async def deliver(at: Place, outcome: str, most: int = 1000) -> int:
    """Bring messages that wait or gather to an end, as a delivery does; answers how many."""
    found = await at.rows(
        "UPDATE message SET state = %(state)s, attempts = 1 WHERE id IN (SELECT id FROM message WHERE account_id = %(account)s"
        " AND state IN ('gathering', 'waiting') ORDER BY id LIMIT %(most)s) RETURNING id",
        state={"delivered": "delivered", "refused": "dead", "again": "waiting"}[outcome],
        most=most,
    )
    for row in found:
        await at.rows(
            "INSERT INTO delivery_attempt (account_id, message_id, at, milliseconds, outcome)"
            " VALUES (%(account)s, %(message)s, %(at)s, 5, %(outcome)s)",
            message=row["id"],
            at=at.now,
            outcome=outcome,
        )
    return len(found)


@pytest.mark.anyio
async def test_a_day_of_mixed_happenings(at: Place) -> None:
    await at.channel("hook")
    mail = await at.channel("mail")
    await at.only("all", kinds=("compliance.*",))
    await at.subscribe("fixes", kinds=("fix.available",), channels=(mail,), mode="digest")
    image, unknown = await at.image(), await at.image(is_certified=False)
    silence = await at.silence(START + timedelta(hours=1), subject="CVE-2025-*", reason="old")
    await at.rows("INSERT INTO snapshot (digest, added_at) VALUES ('a', %(at)s)", at=START)
    await at.tell(
        cause(), [lost(image), lost(unknown), lost(image, kind="fix.available"), lost(image, kind="tag.moved")]
    )
    await at.tell(cause("CVE-2025-1"), [lost(image)])
    await at.tell(cause("analyzer 2", kind="analyzer"), [lost(image)], suppressed="the analyzer changed")
    await at.route()
    assert await deliver(at, "delivered", 1) == 1
    await at.tell(cause("CVE-2026-2"), [lost(image), lost(image)])
    found = await report(at)
    assert found.adds_up, found.checks
    changed = found.transitions
    assert (changed.count, changed.told, changed.pending) == (8, 2, 2)
    assert changed.by_kind == {"compliance.lost": 6, "fix.available": 1, "tag.moved": 1}
    assert changed.suppressed == {
        "no subscription to this kind": 1,
        "not watched": 1,
        f"silenced by {silence.id}: old": 1,
        "the analyzer changed": 1,
    }
    assert found.causes == {"advisory": 3, "analyzer": 1}
    assert (found.matched.images, found.snapshots, found.silences) == (2, 1, 1)
    # One that is told to two channels counts twice.
    assert found.items == {"gathering": 2, "waiting": 0, "delivered": 1, "dead": 0}
    assert sorted((message.channel, message.form, message.count, message.items) for message in found.messages) == [
        ("hook", "group", 1, 1),
        ("mail", "digest", 1, 1),
        ("mail", "group", 1, 1),
    ]
    assert found.attempts == {"delivered": 1, "again": 0, "refused": 0}
    for other in (DAY - timedelta(1), DAY + timedelta(1)):
        empty = await report(at, other)
        assert (empty.transitions.count, empty.messages, empty.adds_up) == (0, [], True)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "harm",
    [
        "DELETE FROM message_item WHERE transition_id = (SELECT min(transition_id) FROM message_item)",
        "UPDATE transition SET outcome = 'suppressed', why = 'x' WHERE id = (SELECT min(transition_id) FROM message_item)",
        "UPDATE transition SET why = '' WHERE outcome = 'suppressed'",
        "UPDATE transition SET routed_at = NULL WHERE id = (SELECT min(id) FROM transition)",
        "UPDATE message SET item_count = item_count + 1",
        "UPDATE message SET state = 'delivered'",
        "DELETE FROM channel",
    ],
)
async def test_says_when_it_does_not_add_up(at: Place, harm: str) -> None:
    await at.channel("hook")
    await at.tell(cause(), [lost(await at.image()), lost(await at.image(is_certified=False))])
    await at.route()
    assert (await report(at)).adds_up
    await at.rows(harm)
    found = await report(at)
    assert not found.adds_up
    assert any(not check.holds and check.left != check.right for check in found.checks)


@pytest.mark.anyio
async def test_a_channel_that_was_removed_took_its_messages_along(at: Place) -> None:
    await at.channel("hook")
    await at.tell(cause(), [lost(await at.image())])
    await at.route()
    await at.rows("DELETE FROM channel")
    await at.rows(
        "INSERT INTO audit (account_id, actor, action, resource_type, resource, at)"
        " VALUES (%(account)s, 'me', 'channel.delete', 'channel', 'hook', %(at)s)",
        at=at.now,
    )
    found = await report(at)
    assert (found.adds_up, found.removed_channels, found.transitions.told) == (True, 1, 1)


@pytest.mark.anyio
async def test_a_day_is_that_of_the_place(at: Place) -> None:
    image = await at.image()
    for hour in (21, 22, 23):  # midnight in Berlin is 22:00 in UTC
        await at.tell(cause(), [lost(image, at=START.replace(hour=hour))])
    assert (await report(at)).transitions.count == 3
    assert (await report(at, DAY, "Europe/Berlin")).transitions.count == 1
    assert (await report(at, DAY + timedelta(1), "Europe/Berlin")).transitions.count == 2


def test_days_have_the_hours_that_they_have() -> None:
    zone = ZoneInfo("Europe/Berlin")
    lengths = {
        day: end - start for day in (date(2026, 3, 29), DAY, date(2026, 10, 25)) for start, end in [bounds(day, zone)]
    }
    assert list(lengths.values()) == [timedelta(hours=23), timedelta(hours=24), timedelta(hours=25)]
    assert bounds(DAY, zone)[0] == datetime(2026, 4, 30, 22, tzinfo=UTC)


@pytest.mark.anyio
async def test_over_http(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path) as at:
        there = await place_of(at)
        await there.tell(cause(), [lost(await there.image())])
        await there.route()
        found = await at.get("/notice-report?timezone=Europe/Berlin")
        assert (found["day"], found["adds_up"], found["transitions"]["suppressed"]) == (
            str(DAY),
            True,
            {"no channel": 1},
        )
        assert (found["since"], found["until"]) == ("2026-04-30T22:00:00Z", "2026-05-01T22:00:00Z")
        assert (await at.get("/notice-report?day=2026-05-02"))["transitions"]["count"] == 0
        for wrong, status in (("timezone=Mars", 422), ("day=2026-13-01", 400), ("day=9999-12-31", 422), ("day=x", 400)):
            assert (await at.ask("GET", f"/notice-report?{wrong}")).status_code == status


@pytest.mark.anyio
async def test_what_is_old_is_forgotten(at: Place) -> None:
    await at.channel("hook")
    image = await at.image()
    for number in range(5):
        await at.tell(cause(f"CVE-2026-{number}"), [lost(image)])
    await at.route()
    await deliver(at, "delivered")
    await at.silence(START + timedelta(milliseconds=1))
    at.now = START + timedelta(days=400)
    await forget_told(at.services, 2)
    assert len(await at.outcomes()) == 5
    await at.tell(cause("CVE-2027-1", seen_at=at.now), [lost(image, at=at.now)])
    await at.route()
    at.now += timedelta(seconds=1)
    await forget_told(at.services, 2)
    assert await at.outcomes() == [("told", "")]
    assert [row["cause"] for row in await at.messages()] == ["advisory:CVE-2027-1@1"]
    for table, count in (("cause", 1), ("delivery_attempt", 0), ("message_item", 1), ("silence", 0)):
        assert len(await at.rows(f"SELECT 1 AS one FROM {table} WHERE account_id = %(account)s")) == count, table


Step = tuple[Any, ...]
_kinds = st.sampled_from(["compliance.lost", "compliance.regained", "finding.new", "fix.available", "tag.moved"])
_steps: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.just("tell"), st.integers(0, 3), st.lists(st.tuples(_kinds, st.booleans()), min_size=1, max_size=4)),
    st.tuples(st.just("analyzer"), st.integers(1, 3)),
    st.tuples(st.just("route"), st.integers(1, 5)),
    st.tuples(st.just("deliver"), st.sampled_from(["delivered", "again", "refused"]), st.integers(1, 3)),
    st.tuples(st.just("channel"), st.booleans()),
    st.tuples(
        st.just("subscribe"), st.sampled_from(["compliance.*", "fix.*", "*"]), st.sampled_from(["at-once", "digest"])
    ),
    st.tuples(st.just("silence"), st.sampled_from(["*", "CVE-2026-1", "CVE-2026-2"])),
    st.tuples(st.just("quiet"), st.booleans()),
    st.tuples(st.just("later"), st.integers(1, 300)),
)


@pytest.fixture(scope="module")
def world(database_server: str) -> str:
    """A database for many accounts."""
    return fresh_database(database_server)


async def _day(url: str, folder: Path, steps: list[Step]) -> tuple[Numbers, Counter[str], list[tuple[str, str]]]:
    """What the report says of a day with these happenings; what was told by kind, and what became of it."""
    async with place(url, folder, f"day-{next(_numbers)}") as at:
        images = {True: await at.image(), False: await at.image(is_certified=False)}
        kinds: Counter[str] = Counter()
        for name, *more in steps:
            if name == "tell":
                subject, told = more
                kinds.update(kind for kind, _ in told)
                await at.tell(
                    cause(f"CVE-2026-{subject}"),
                    [lost(images[is_known], kind=kind, at=at.now) for kind, is_known in told],
                    is_complete=subject % 2 == 0,
                )
            elif name == "analyzer":
                kinds["compliance.lost"] += more[0]
                told = [lost(images[True], at=at.now) for _ in range(more[0])]
                await at.tell(cause("analyzer 2", kind="analyzer"), told, suppressed="the analyzer changed")
            elif name == "route":
                await at.route(more[0])
            elif name == "deliver":
                await deliver(at, *more)
            elif name == "channel":
                await at.channel(f"c{next(_numbers)}", is_active=more[0])
            elif name == "subscribe":
                await at.subscribe(f"s{next(_numbers)}", kinds=(more[0],), mode=more[1], scope="all")
            elif name == "silence":
                await at.silence(at.now + timedelta(hours=1), subject=more[0])
            elif name == "quiet":
                await at.rows(
                    "UPDATE subscription SET quiet = %(quiet)s::jsonb WHERE account_id = %(account)s AND name = 'default'",
                    quiet='{"from": "12:00", "until": "17:00"}' if more[0] else None,
                )
            else:
                at.now += timedelta(seconds=more[0])
        return await report(at), kinds, await at.outcomes()


@given(steps=st.lists(_steps, max_size=25))
@settings(max_examples=40, deadline=None)
def test_any_day_adds_up(world: str, tmp_path_factory: pytest.TempPathFactory, steps: list[Step]) -> None:
    found, kinds, outcomes = asyncio.run(_day(world, tmp_path_factory.mktemp("day"), steps))
    assert found.adds_up, found.checks
    changed = found.transitions
    assert Counter(changed.by_kind) == kinds
    assert changed.count == kinds.total() == changed.told + sum(changed.suppressed.values()) + changed.pending
    counted = Counter(outcome for outcome, _ in outcomes)
    assert (changed.told, changed.pending) == (counted["told"], counted[""])
    assert Counter(changed.suppressed) == Counter(why for outcome, why in outcomes if outcome == "suppressed")
    assert sum(found.items.values()) == sum(message.items for message in found.messages) >= changed.told
    assert set(found.items) == set(_STATES)
