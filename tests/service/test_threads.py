"""Threads over a real database: what messages open, change and close, each counted once, and what stands in the channels after it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hullmark.model.notice import Cause, CauseKind, Transition, TransitionKind
from hullmark.notify import github, jira, opsgenie, pagerduty
from hullmark.notify.channel import Channel, Delivery, Thread
from hullmark.server.stories.notice.sending import send
from hullmark.server.stories.notice.threads import MOST_IMAGES, keep_remote, marker_of, thread_key, threads_of
from hullmark.server.tables.database import Connection, Database
from hullmark.server.tables.notice.channels import channels
from hullmark.server.tables.notice.transitions import add_transitions, keep_cause
from tests.support.desk import desk
from tests.support.trackers import NOW, Cut, GitHub, Jira, Opsgenie, PagerDuty, Tracker, drive, notice, served

pytestmark = pytest.mark.anyio
Told = tuple[TransitionKind, CauseKind, str, int]
"""Kind of the transition, kind and subject of the cause, image."""


class OfChannel(msgspec.Struct, frozen=True):
    id: UUID
    account_id: int


class World:
    """An account with images and a channel; `tell` makes messages of what happened."""

    def __init__(self, connection: Connection, channel: OfChannel) -> None:
        self.connection = connection
        self.channel = channel
        self.count = 0

    async def message(self, *told: Told, policy: int | None = 1, environment: str = "production") -> int:
        """Write down what happened, and a message with all of it; answers its number."""
        account = self.channel.account_id
        number = await self.value(
            "INSERT INTO message (account_id, channel_id, due_at, form) VALUES (%s, %s, %s, 'digest') RETURNING id",
            (account, self.channel.id, NOW),
        )
        for kind, of, subject, image in told:
            self.count += 1
            cause = Cause(kind=of, key=f"{of}:{subject}@{self.count}", subject=subject, sentence="s", seen_at=NOW)
            cause_id = await keep_cause(self.connection, account, cause)
            transition = Transition(
                kind=kind,
                key=f"{self.count}",
                at=NOW,
                image_id=image or None,
                image_digest=f"sha256:{image:064x}" if image else "",
                reference=f"registry.example/shop:{image}",
                policy_id=policy,
                policy="p",
                environment=environment,
                severity="high",
            )
            await add_transitions(self.connection, account, cause_id, [transition])
            await self.connection.execute(
                "INSERT INTO message_item (account_id, channel_id, transition_id, message_id)"
                " SELECT account_id, %s, id, %s FROM transition WHERE cause_id = %s",
                (self.channel.id, number, cause_id),
            )
        return int(number)

    async def threads(self, message: int) -> tuple[Thread, ...]:
        """The threads of a message."""
        return await threads_of(self.connection, self.channel, message, lambda digest: f"https://h/{digest}")

    async def tell(self, *told: Told, **more: Any) -> dict[str, Thread]:
        """The threads that these bring about."""
        return {each.key: each for each in await self.threads(await self.message(*told, **more))}

    async def open(self) -> set[str]:
        """The keys of what is open; fails if one is that is about nothing, or one is not that is about something."""
        cursor = await self.connection.execute(
            "SELECT key, state = 'open', EXISTS (SELECT FROM thread_image held WHERE held.channel_id = thread.channel_id"
            " AND held.key = thread.key) FROM thread WHERE channel_id = %s",
            (self.channel.id,),
        )
        rows = await cursor.fetchall()
        assert all(is_open is is_about for _, is_open, is_about in rows)
        return {key for key, is_open, _ in rows if is_open}

    async def value(self, query: str, parameters: Any) -> Any:
        cursor = await self.connection.execute(query, parameters)
        row = await cursor.fetchone()
        assert row is not None
        return row[0]


@contextlib.asynccontextmanager
async def world(url: str) -> AsyncIterator[World]:
    async with Database(url) as database, database.system() as connection:
        cursor = await connection.execute(
            "INSERT INTO account (name) VALUES ('a' || substr(gen_random_uuid()::text, 1, 8)) RETURNING id"
        )
        row = await cursor.fetchone()
        assert row is not None
        channel = OfChannel(UUID(int=0), row[0])
        found = World(connection, channel)
        found.channel = OfChannel(
            await found.value(
                "INSERT INTO channel (account_id, name, kind, secrets) VALUES (%s, 'c', 'github', '') RETURNING id",
                (channel.account_id,),
            ),
            channel.account_id,
        )
        yield found


@pytest.fixture
async def at(database_url: str) -> AsyncIterator[World]:
    async with world(database_url) as found:
        yield found


LOST: Told = ("compliance.lost", "advisory", "CVE-2026-1", 1)
KEY = "advisory:CVE-2026-1"


async def test_a_thread_is_opened_grows_and_is_closed_with_its_last_image(at: World) -> None:
    first = (await at.tell(LOST))[KEY]
    assert (first.is_open, first.was_open, first.open_count, first.remote) == (True, False, 1, "")
    assert first.title == "CVE-2026-1 puts images out of compliance"
    (shown,) = first.open
    assert (shown.reference, shown.severity, shown.link) == (
        "registry.example/shop:1",
        "high",
        f"https://h/sha256:{1:064x}",
    )
    grown = (await at.tell(("finding.worse", "severity", "CVE-2026-1", 2)))[KEY]
    assert (grown.is_open, grown.was_open, grown.open_count) == (True, True, 2)
    assert (await at.tell(("compliance.regained", "exception", "e", 1)))[KEY].open_count == 1
    closed = (await at.tell(("finding.retracted", "retraction", "CVE-2026-1", 2)))[KEY]
    assert (closed.is_open, closed.was_open, closed.open) == (False, True, ())
    again = (await at.tell(("finding.new", "advisory", "CVE-2026-1", 1)))[KEY]
    assert (again.is_open, again.was_open) == (True, False)


async def test_regained_compliance_ends_every_thread_of_the_image_and_no_other(at: World) -> None:
    await at.tell(LOST, ("finding.new", "advisory", "CVE-2026-2", 1), ("compliance.lost", "policy", "strict", 2))
    await at.tell(LOST, environment="test")
    assert await at.open() == {KEY, "advisory:CVE-2026-2", "policy:strict"}
    changed = await at.tell(("compliance.regained", "vex", "CVE-2026-1", 1))
    assert set(changed) == {KEY, "advisory:CVE-2026-2"}
    assert await at.open() == {KEY, "policy:strict"}, "in test it still is"
    await at.tell(("compliance.regained", "policy", "strict", 1), environment="test")
    assert await at.open() == {"policy:strict"}


async def test_a_retraction_ends_its_own_subject_only(at: World) -> None:
    await at.tell(LOST, ("finding.new", "advisory", "CVE-2026-2", 1))
    changed = await at.tell(("finding.retracted", "retraction", "CVE-2026-2", 1))
    assert set(changed) == {"advisory:CVE-2026-2"}
    assert await at.open() == {KEY}


async def test_under_another_policy_it_counts_only_if_the_first_is_out_of_force(at: World) -> None:
    image = await at.value("INSERT INTO image (digest) VALUES (%s) RETURNING id", ("sha256:" + "a" * 64,))
    account = at.channel.account_id
    await at.value("INSERT INTO account_image (account_id, image_id) VALUES (%s, %s) RETURNING 1", (account, image))
    policies = [
        await at.value("INSERT INTO policy (account_id, name) VALUES (%s, %s) RETURNING id", (account, name))
        for name in "xy"
    ]
    await at.value(
        "INSERT INTO verdict (account_id, image_id, policy_id, environment, history_id, verdict, reason, stops, warns, judged_at)"
        " VALUES (%s, %s, %s, 'production', 1, 'stop', '', 1, 0, %s) RETURNING 1",
        (account, image, policies[0], NOW),
    )
    await at.tell(("compliance.lost", "advisory", "CVE-2026-1", image), policy=policies[0])
    regained: Told = ("compliance.regained", "policy", "y", image)
    assert await at.tell(regained, policy=policies[1]) == {}
    assert await at.open() == {KEY}, "the first policy still says stop"
    await at.value("DELETE FROM verdict WHERE policy_id = %s RETURNING 1", (policies[0],))
    assert KEY in await at.tell(regained, policy=policies[1])
    assert await at.open() == set()


async def test_a_message_counts_once_and_is_handed_what_it_changed_as_it_is_now(at: World) -> None:
    number = await at.message(LOST)
    first = await at.threads(number)
    assert await at.threads(number) == first
    await keep_remote(at.connection, at.channel.id, KEY, "17")
    (kept,) = await at.threads(number)
    assert (kept.remote, kept.was_open, kept.is_open) == ("17", False, True)
    ended = await at.message(("compliance.regained", "policy", "p", 1))
    (closed,) = await at.threads(ended)
    assert (await at.threads(ended)) == (closed,), "also when it is tried again"
    assert (closed.is_open, closed.was_open, closed.remote) == (False, True, "17")
    (late,) = await at.threads(number)
    assert not late.is_open, "a message that is sent again late opens nothing"
    assert await at.open() == set()


async def test_within_one_message_the_order_counts(at: World) -> None:
    changed = await at.tell(LOST, ("compliance.regained", "vex", "CVE-2026-1", 1))
    assert (changed[KEY].is_open, changed[KEY].was_open) == (False, False)
    changed = await at.tell(("compliance.regained", "vex", "CVE-2026-1", 1), LOST)
    assert changed[KEY].is_open
    changed = await at.tell(("compliance.regained", "vex", "CVE-2026-1", 1), LOST)
    assert (changed[KEY].is_open, changed[KEY].was_open) == (True, True)


async def test_what_opens_nothing_changes_the_threads_it_is_about(at: World) -> None:
    assert await at.tell(("fix.available", "fix", "CVE-2026-1", 1)) == {}
    await at.tell(LOST)
    assert set(await at.tell(("fix.available", "fix", "CVE-2026-1", 1))) == {KEY}
    assert await at.tell(("fix.available", "fix", "CVE-2026-1", 2)) == {}, "not that image"
    assert await at.open() == {KEY}


async def test_all_transitions_of_a_message_count_and_the_first_are_named(at: World) -> None:
    told: list[Told] = [("compliance.lost", "advisory", "CVE-2026-1", image) for image in range(1, MOST_IMAGES + 51)]
    thread = (await at.tell(*told))[KEY]
    assert (thread.open_count, len(thread.open)) == (MOST_IMAGES + 50, MOST_IMAGES)


async def test_hostile_subjects_make_harmless_markers(at: World) -> None:
    subject = 'x" OR 1=1 -- \u202e' + "é" * 5000
    (thread,) = (await at.tell(("compliance.lost", "policy", subject, 1))).values()
    assert thread.marker.replace("-", "").isalnum()
    assert thread.marker.isascii()
    assert len(thread.key) < 400
    other = thread_key("policy", subject + "e")
    assert other != thread.key
    assert marker_of(at.channel.id, other) != thread.marker
    assert marker_of(UUID(int=1), thread.key) != thread.marker, "two channels never share an issue"


async def test_a_channel_knows_its_own_threads_only(database_url: str) -> None:
    async with Database(database_url) as database:
        async with database.system() as connection:
            cursor = await connection.execute("INSERT INTO account (name) VALUES ('one'), ('two') RETURNING id")
            one, two = [row[0] for row in await cursor.fetchall()]
            channels = [
                await World(connection, OfChannel(UUID(int=0), account)).value(
                    "INSERT INTO channel (account_id, name, kind, secrets) VALUES (%s, 'c', 'jira', '') RETURNING id",
                    (account,),
                )
                for account in (one, two)
            ]
            first = World(connection, OfChannel(channels[0], one))
            await first.tell(LOST)
        async with database.tenant(two) as connection:
            second = World(connection, OfChannel(channels[1], two))
            assert await second.tell(("compliance.regained", "vex", "CVE-2026-1", 1)) == {}
            assert await second.value("SELECT count(*) FROM thread_image", ()) == 0
        async with database.system() as connection:
            assert await World(connection, OfChannel(channels[0], one)).open() == {KEY}


KINDS: list[TransitionKind] = [
    "compliance.lost",
    "compliance.regained",
    "finding.new",
    "finding.worse",
    "finding.retracted",
    "fix.available",
]
transitions = st.tuples(
    st.sampled_from(KINDS), st.just("advisory"), st.sampled_from(["CVE-1", "CVE-2", "CVE-3"]), st.integers(1, 3)
)
plans = st.lists(
    st.tuples(st.lists(transitions, min_size=1, max_size=6), st.integers(0, 5), st.booleans()), min_size=1, max_size=6
)
CLOUD = jira.Settings(url="https://x.atlassian.net", project="SEC", token="T", email="mail@example.org")  # noqa: S106


def trackers() -> list[tuple[Channel, Any, Tracker]]:
    return [
        (pagerduty.CHANNEL, pagerduty.Settings(routing_key="R" * 32), PagerDuty()),
        (opsgenie.CHANNEL, opsgenie.Settings(api_key="K"), Opsgenie()),
        (github.CHANNEL, github.Settings(repository="o/r", token="T"), GitHub()),  # noqa: S106
        (jira.CHANNEL, CLOUD, Jira()),
    ]


def fold(images: dict[str, set[int]], message: list[Told]) -> None:
    """The rules, one transition after the other."""
    for kind, of, subject, image in message:
        if kind in ("compliance.lost", "finding.new", "finding.worse"):
            images.setdefault(thread_key(of, subject), set()).add(image)
        for key, held in images.items():
            if kind == "compliance.regained" or (kind == "finding.retracted" and key == thread_key(of, subject)):
                held.discard(image)


async def _deliver(
    at: World, number: int, way: tuple[Channel, Any, Tracker], remotes: dict[str, str], cut: int
) -> None:
    """As deliveries go: threads in a transaction of their own, remote names kept as they come, perhaps cut off."""
    channel, known, tracker = way
    threads = [msgspec.structs.replace(each, remote=remotes.get(each.key, "")) for each in await at.threads(number)]
    body = Delivery(
        notice=notice(number), title="t", text="x", now=NOW, threads=tuple(threads), keep=remotes.__setitem__
    )
    drive(channel.deliver(body, known), tracker, cut_after=cut)


async def _live(url: str, plan: list[tuple[list[Told], int, bool]]) -> None:
    async with world(url) as at:
        ways = trackers()
        remotes: list[dict[str, str]] = [{} for _ in ways]
        images: dict[str, set[int]] = {}
        for message, cut, is_twice in plan:
            number = await at.message(*message)
            fold(images, message)
            for way, names in zip(ways, remotes, strict=True):
                with contextlib.suppress(Cut):
                    await _deliver(at, number, way, names, cut)
                for _ in range(1 + is_twice):
                    await _deliver(at, number, way, names, -1)
            expected = {key for key, held in images.items() if held}
            assert await at.open() == expected
            for _, _, tracker in ways:
                assert tracker.open() == {marker_of(at.channel.id, key) for key in expected}


@given(plan=plans)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_open_in_every_channel_is_what_the_tables_say(
    database_url: str, plan: list[tuple[list[Told], int, bool]]
) -> None:
    asyncio.run(_live(database_url, plan))


WAYS: dict[str, tuple[dict[str, Any], Callable[[], Tracker]]] = {
    "pagerduty": ({"routing_key": "R" * 32}, PagerDuty),
    "opsgenie": ({"api_key": "K"}, Opsgenie),
    "github": ({"repository": "o/r", "token": "T"}, GitHub),
    "jira": ({"project": "SEC", "token": "T", "kind": "server"}, lambda: Jira(version=2, authorization="Bearer T")),
}


@pytest.mark.parametrize("kind", WAYS)
async def test_over_http_issues_are_opened_once_and_closed(kind: str, database_url: str, tmp_path: Path) -> None:
    given, make = WAYS[kind]
    tracker = make()
    with served(tracker) as url:
        async with desk(database_url, tmp_path) as at:
            await at.post("/channels", {"name": "c", "kind": kind, "settings": {**given, "url": url}})
            async with at.services.database.system() as connection:
                row = (await channels(connection, 1))[0]
                told = World(connection, OfChannel(row.id, row.account_id))
                numbers = [
                    await told.message(LOST),
                    await told.message(("compliance.regained", "vex", "CVE-2026-1", 1)),
                ]
            remote = ""
            for number, is_open in zip((numbers[0], numbers[0], numbers[1], numbers[1]), (1, 1, 0, 0), strict=True):
                attempt = await send(at.services, row, notice(number), number)
                assert (attempt.outcome, attempt.error) == ("delivered", "")
                remote = attempt.remote
                assert len(tracker.open()) == is_open
            async with at.services.database.system() as connection:
                kept = await World(connection, OfChannel(row.id, row.account_id)).value("SELECT remote FROM thread", ())
            assert kept == remote != ""
            answer = await at.post("/channels/c/test", None)
            assert answer["outcome"] == "delivered", answer
            assert tracker.open() == set()
