"""Who hears of what: subscriptions, silences, quiet hours, digests, and the messages that come of it, over a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import AsyncCursor, Connection, connect

from hullmark.cli.remote.event import more_of
from hullmark.model.notice import TRANSITION_KINDS
from hullmark.policy.values import NameGlob
from hullmark.server.stories.notice.route import route_what_waits
from hullmark.server.tables.notice import messages
from hullmark.server.tables.notice.decisions import like
from hullmark.server.tables.notice.silences import end_silence
from tests.support.notices import START, Place, cause, digest_of, lost, place, transitions_of

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)
WEB, API = "registry.example.org/shop/web:1", "registry.example.org/shop/api:2"
NIGHT = {"from": "22:00", "until": "07:00"}
TOLD = ("told", "")


def unheard(why: str) -> tuple[str, str]:
    return ("suppressed", why)


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Place]:
    async with place(database_url, tmp_path) as found:
        yield found


async def outcome(at: Place, **said: Any) -> tuple[str, str]:
    """What becomes of one more transition. `when`: the moment at which it came about."""
    because, when = said.pop("because", cause()), said.pop("when", START)
    await at.tell(because, [lost(**said, at=when)])
    await at.route()
    return (await at.outcomes())[-1]


async def test_default_subscription_tells_of_what_is_watched(at: Place) -> None:
    certified, running, neither = await at.image(), await at.image(is_certified=False, is_deployed=True), 0
    neither = await at.image(is_certified=False)
    assert await outcome(at, image=certified) == unheard("no channel")
    channel = await at.channel()
    assert await outcome(at, image=certified) == TOLD
    assert await outcome(at, image=running) == TOLD
    assert await outcome(at, image=neither) == unheard("not watched")
    assert await outcome(at, image=None, reference="", kind="data.stale") == TOLD
    await at.rows("UPDATE channel SET is_active = false WHERE id = %(channel)s", channel=channel)
    assert await outcome(at, image=certified) == unheard("no channel")
    await at.rows("UPDATE subscription SET is_active = false")
    assert await outcome(at, image=certified) == unheard("no subscription")


async def test_one_cause_is_one_message_to_each_channel(at: Place) -> None:
    hook, mail = await at.channel("hook"), await at.channel("mail")
    images = [await at.image() for _ in range(5)]
    await at.tell(cause(), [lost(image) for image in images])
    await at.tell(cause("CVE-2026-2"), [lost(images[0])])
    done = await at.route()
    assert (done.count, done.told, done.messages) == (6, 6, 4)
    found = await at.messages()
    assert [(row["channel"], row["cause"], row["item_count"], row["part"]) for row in found] == [
        (name, f"advisory:{key}@1", count, 1)
        for key, count in (("CVE-2026-1", 5), ("CVE-2026-2", 1))
        for name in sorted(["hook", "mail"], key=lambda each: str({"hook": hook, "mail": mail}[each]))
    ]
    assert all(row["state"] == "gathering" and row["due_at"] == START and not row["is_held"] for row in found)
    assert len(found[0]["items"]) == 5
    assert await at.jobs() == [{"channel_id": key} for key in sorted([str(hook), str(mail)])]
    # Nothing is routed twice.
    assert (await at.route()).count == 0
    assert await at.messages() == found


async def test_events_say_it_once_for_a_cause_and_kind(at: Place) -> None:
    await at.channel()
    images = [await at.image() for _ in range(30)]
    unknown = await at.image(is_certified=False)
    await at.tell(cause(), [*(lost(image) for image in images), lost(unknown), lost(images[0], kind="finding.new")])
    await at.route()
    found = await at.rows("SELECT * FROM event WHERE account_id = %(account)s ORDER BY id")
    assert [(row["kind"], row["resource_type"], row["body"]["count"]) for row in found] == [
        ("compliance.lost", "cause", 31),
        ("finding.new", "cause", 1),
    ]
    (message,) = await at.messages()
    body = found[0]["body"]
    assert body["cause"] == {"kind": "advisory", "subject": "CVE-2026-1", "sentence": "CVE-2026-1 became known"}
    assert body["told"] == 30
    assert [each["image"] for each in body["images"]] == [digest_of(image) for image in images[:20]]
    assert body["message"].endswith(f"/api/v1/messages/{message['id']}")
    (number,) = {row["resource"] for row in found}
    assert number == str(message["cause_id"])
    web = "registry.example.org/shop/web:1"
    assert [more_of(row) for row in found] == [
        f"{web}, {web}, {web} and 28 more: CVE-2026-1 became known",
        f"{web}: CVE-2026-1 became known",
    ]


async def test_events_say_that_nobody_was_told(at: Place) -> None:
    await at.tell(cause(sentence=""), [lost(await at.image(), reference="")])
    await at.tell(cause("feeds", kind="data"), [lost(kind="data.stale", reference="")])
    await at.route()
    found = await at.rows("SELECT * FROM event WHERE account_id = %(account)s ORDER BY id")
    (image,) = await at.rows("SELECT digest FROM image")
    assert [more_of(row) for row in found] == [
        f"{image['digest']}: CVE-2026-1 (nobody was told)",
        "feeds became known (nobody was told)",
    ]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"kinds": ("compliance.*",)}, ""),
        ({"kinds": ("fix.available", "compliance.lost")}, ""),
        ({"kinds": ("finding.*", "tag.moved")}, "no subscription to this kind"),
        ({"selector": "registry.example.org/shop/*"}, ""),
        ({"selector": "other.example.org/*, registry.example.org/*:1"}, ""),
        ({"selector": "registry.example.org/shop/we?:1"}, ""),
        ({"selector": "registry.example.org/shop"}, "no subscription to this reference"),
        ({"selector": "registry.example.org/shop/w_b:1"}, "no subscription to this reference"),
        ({"selector": "%"}, "no subscription to this reference"),
        ({"environments": ("prod", "test")}, ""),
        ({"environments": ("test",)}, "no subscription to this environment"),
        ({"severity": 4}, ""),
        ({"severity": 5}, "below severity"),
        ({"scope": "deployed"}, "not deployed"),
        ({"scope": "all"}, ""),
        ({"is_active": False}, "no subscription"),
    ],
)
async def test_a_subscription_says_what_it_wants(at: Place, said: dict[str, Any], why: str) -> None:
    await at.channel()
    await at.only(**said)
    image = await at.image()
    assert await outcome(at, image=image, environment="prod") == (unheard(why) if why else TOLD)


async def test_reason_is_that_of_the_subscription_that_comes_nearest(at: Place) -> None:
    await at.channel()
    await at.only("a", kinds=("tag.moved",))
    await at.subscribe("b", severity=5)
    await at.subscribe("c", selector="elsewhere/*")
    assert await outcome(at, image=await at.image()) == unheard("below severity")
    assert await outcome(at, image=await at.image(is_certified=False)) == unheard("not watched")


async def test_what_has_no_environment_reference_or_severity(at: Place) -> None:
    """In force everywhere is in force there; an unrated thing is not known to weigh less; no reference fits `*` alone."""
    await at.channel()
    await at.only(environments=("prod",), severity=5)
    image = await at.image()
    unrated = cause("policy p", kind="policy", severity="unknown")
    assert await outcome(at, image=image, severity="unknown", because=unrated) == TOLD
    assert await outcome(at, image=image, severity="unknown") == unheard("below severity")  # its cause is rated
    assert await outcome(at, image=image, severity="critical", reference="") == TOLD
    await at.rows("UPDATE subscription SET selector = '*:*' WHERE name = 'mine'")
    assert await outcome(at, image=image, severity="critical", reference="") == unheard(
        "no subscription to this reference"
    )


async def test_tag_that_moved_is_as_well_known_as_the_image_before(at: Place) -> None:
    await at.channel()
    moved = cause("web:1", kind="image", severity="unknown")
    first = await at.image(is_certified=True, tag=WEB)
    fresh = await at.image(is_certified=False, tag=WEB)
    assert first != fresh
    assert await outcome(at, image=fresh, because=moved) == TOLD
    # It stands in the other's place: who heard that it is out of compliance hears that it is back.
    assert await outcome(at, image=fresh, kind="compliance.regained") == TOLD
    assert await outcome(at, image=fresh, reference="") == unheard("not watched")
    other = await at.image(is_certified=False, tag=API)
    assert await outcome(at, image=other, reference=API, because=moved) == unheard("not watched")


async def test_channels_of_a_subscription(at: Place) -> None:
    hook, mail = await at.channel("hook"), await at.channel("mail")
    await at.channel("off", is_active=False)
    await at.only("a", channels=(hook,), kinds=("compliance.*",))
    await at.subscribe("b", channels=(hook, mail), kinds=("compliance.lost",))
    assert await outcome(at, image=await at.image()) == TOLD
    # It goes to a channel once, whoever asks for it.
    assert [(row["channel"], row["item_count"]) for row in await at.messages()] in (
        [("hook", 1), ("mail", 1)],
        [("mail", 1), ("hook", 1)],
    )
    await at.rows("DELETE FROM channel WHERE name = 'hook'")
    assert await outcome(at, image=await at.image(), kind="compliance.regained") == unheard("no channel")


OF_COMPLIANCE = (
    "compliance.lost",
    "compliance.regained",
    "finding.new",
    "finding.worse",
    "finding.retracted",
    "fix.available",
)


@pytest.mark.parametrize("kind", ["pagerduty", "opsgenie", "jira", "github"])
async def test_issues_are_about_what_images_are_held_against_and_nothing_else(at: Place, kind: str) -> None:
    await at.channel("issues", kind=kind)
    image = await at.image()
    for each in TRANSITION_KINDS:
        expected = TOLD if each in OF_COMPLIANCE else unheard("no channel carries this kind")
        assert await outcome(at, image=image, kind=each) == expected, each
    told = [number for row in await at.messages() for number in row["items"]]
    await at.channel("chat", kind="slack")
    for each in TRANSITION_KINDS:
        assert await outcome(at, image=image, kind=each) == TOLD, each
    by_channel = {row["channel"]: row["items"] for row in await at.messages()}
    assert len(by_channel["chat"]) == len(TRANSITION_KINDS)
    assert len(by_channel["issues"]) == len(told) + len(OF_COMPLIANCE) == 2 * len(OF_COMPLIANCE)


async def test_a_subscription_to_what_its_channel_cannot_carry(at: Place) -> None:
    pager, chat = await at.channel("pager", kind="pagerduty"), await at.channel("chat")
    await at.only("a", channels=(pager,), kinds=("data.stale",))
    assert await outcome(at, reference="", kind="data.stale") == unheard("no channel carries this kind")
    await at.subscribe("b", channels=(pager, chat), kinds=("data.*",), mode="digest")
    assert await outcome(at, reference="", kind="data.stale") == TOLD
    assert [(row["channel"], row["form"]) for row in await at.messages()] == [("chat", "digest")]


async def test_silence_holds_back_what_somebody_would_hear_of(at: Place) -> None:
    await at.channel()
    image, unknown = await at.image(), await at.image(is_certified=False)
    silence = await at.silence(
        START + HOUR, selector="*/shop/*", kinds=("compliance.*",), subject="CVE-2026-*", reason="we know"
    )
    assert await outcome(at, image=image) == unheard(f"silenced by {silence.id}: we know")
    assert await outcome(at, image=unknown) == unheard("not watched")
    assert await outcome(at, image=image, reference="other/app:1") == TOLD
    assert await outcome(at, image=image, kind="fix.available") == TOLD
    assert await outcome(at, image=image, because=cause("CVE-2025-9")) == TOLD
    # What counts is when it happened, not when it is routed.
    assert await outcome(at, image=image, when=START + HOUR - timedelta(seconds=1)) != TOLD
    assert await outcome(at, image=image, when=START + HOUR) == TOLD
    assert await outcome(at, image=image, when=START - timedelta(seconds=1)) == TOLD
    async with at.services.database.system() as connection:
        assert await end_silence(connection, at.account_id, silence.id, START + timedelta(minutes=10))
        assert not await end_silence(connection, at.account_id, silence.id, START + timedelta(minutes=11))
    assert await outcome(at, image=image, when=START + timedelta(minutes=9)) != TOLD
    assert await outcome(at, image=image, when=START + timedelta(minutes=10)) == TOLD


async def test_incomplete_cause_gathers_in_windows_that_grow(at: Place) -> None:
    await at.channel()
    images = [await at.image() for _ in range(6)]
    await at.tell(cause(), [lost(images[0])], is_complete=False)
    await at.route()
    (first,) = await at.messages()
    assert first["due_at"] == START + timedelta(seconds=4)
    assert await at.jobs() == []  # nothing is due yet
    at.now += timedelta(seconds=1)
    await at.tell(cause(), [lost(images[1])], is_complete=False)
    await at.route()
    (same,) = await at.messages()
    assert (same["id"], same["item_count"], same["due_at"]) == (first["id"], 2, first["due_at"])
    for part, seconds in ((2, 8), (3, 16)):
        await at.rows("UPDATE message SET state = 'waiting' WHERE state = 'gathering'")
        at.now += HOUR
        await at.tell(cause(), [lost(images[part])], is_complete=False)
        await at.route()
        *_, last = await at.messages()
        assert (last["part"], last["due_at"] - at.now) == (part, timedelta(seconds=seconds))
    await at.forget_jobs()
    await at.complete(cause())
    *_, last = await at.messages()
    assert last["due_at"] <= at.now
    assert len(await at.jobs()) == 1
    # Once complete, what comes is due at once; and complete once more says nothing new.
    await at.forget_jobs()
    await at.complete(cause())
    assert await at.jobs() == []
    await at.tell(cause(), [lost(images[5])])
    await at.route()
    *_, last = await at.messages()
    assert (last["part"], last["item_count"], last["due_at"] <= at.now) == (3, 2, True)


async def test_a_cause_that_completes_before_it_is_routed_is_one_message(at: Place) -> None:
    await at.channel()
    images = [await at.image() for _ in range(7)]
    await at.tell(cause(), [lost(image) for image in images], is_complete=False)
    await at.complete(cause())
    assert (await at.route(at_once=3)).messages == 1
    (message,) = await at.messages()
    assert (message["item_count"], message["due_at"]) == (7, START)
    assert len(await at.jobs()) == 1


async def test_longest_window(at: Place) -> None:
    await at.channel()
    await at.tell(cause(), [lost(await at.image())], is_complete=False)
    await at.route()
    await at.rows("UPDATE message SET state = 'delivered', part = 40")
    await at.tell(cause(), [lost(await at.image())], is_complete=False)
    await at.route()
    *_, last = await at.messages()
    assert (last["part"], last["due_at"] - at.now) == (41, timedelta(seconds=240))


async def test_digest_gathers_until_its_time(at: Place) -> None:
    hook = await at.channel("hook")
    await at.channel("mail")
    # Noon in UTC on a Friday is 14:00 in Berlin.
    said = {"mode": "digest", "digest_at": "14:30", "timezone": "Europe/Berlin", "digest_days": (1, 5)}
    await at.only("daily", channels=(hook,), **said)
    image = await at.image()
    for each in range(3):
        await at.tell(cause(f"CVE-2026-{each}"), [lost(image)])
        await at.route()
    (digest,) = await at.messages()
    assert (digest["form"], digest["cause"], digest["subscription"]) == ("digest", None, "daily")
    assert (digest["item_count"], digest["due_at"]) == (3, START + timedelta(minutes=30))
    assert await at.jobs() == []
    await at.rows("UPDATE message SET state = 'waiting'")
    at.now += HOUR
    await at.tell(cause("CVE-2026-9"), [lost(image)])
    await at.route()
    _, later = await at.messages()
    assert later["due_at"] == START + timedelta(days=3, minutes=30)


async def test_at_once_wins_over_digest_on_one_channel(at: Place) -> None:
    hook, mail = await at.channel("hook"), await at.channel("mail")
    await at.only("digest", mode="digest", channels=(hook, mail))
    await at.subscribe("urgent", channels=(hook,), kinds=("compliance.lost",))
    image = await at.image()
    await at.tell(cause(), [lost(image), lost(image, kind="finding.new")])
    await at.route()
    found = {(row["channel"], row["form"]): row["item_count"] for row in await at.messages()}
    assert found == {("hook", "group"): 1, ("hook", "digest"): 1, ("mail", "digest"): 2}


async def test_quiet_hours_put_off(at: Place) -> None:
    hook = await at.channel()
    at.now = START.replace(hour=23)
    await at.only(quiet={**NIGHT, "unless_severity": "critical"})
    morning = START.replace(day=2, hour=7)
    first, second, third = [await at.image() for _ in range(3)]
    assert await outcome(at, image=first) == TOLD
    (held,) = await at.messages()
    assert (held["due_at"], held["is_held"], held["state"]) == (morning, True, "gathering")
    assert await at.jobs() == []
    # Complete or not, it stays quiet.
    await at.tell(cause(), [lost(first)], is_complete=False)
    await at.complete(cause())
    await at.route()
    assert [(row["due_at"], row["is_held"]) for row in await at.messages()] == [(morning, True)]
    # What weighs enough does not wait, and another image's does.
    assert await outcome(at, image=second, because=cause("CVE-2026-2"), severity="critical") == TOLD
    held, urgent = await at.messages()
    assert (held["due_at"], urgent["due_at"], urgent["is_held"]) == (morning, at.now, False)
    assert await at.jobs() == [{"channel_id": str(hook)}]
    # What waits of the same image goes before it.
    assert await outcome(at, image=third, because=cause("CVE-2026-3")) == TOLD
    assert await outcome(at, image=first, because=cause("CVE-2026-4"), severity="critical") == TOLD
    held, _, other, _ = await at.messages()
    assert (held["due_at"], held["is_held"]) == (at.now, False)
    assert (other["due_at"], other["is_held"]) == (morning, True)
    # Of one cause, what does not wait takes along what would.
    assert await outcome(at, image=second, because=cause("CVE-2026-3"), severity="critical") == TOLD
    assert (await at.messages())[2]["due_at"] == at.now


async def test_quiet_hours_of_one_do_not_hold_for_another(at: Place) -> None:
    hook = await at.channel()
    at.now = START.replace(hour=23)
    await at.only("asleep", channels=(hook,), quiet=NIGHT)
    await at.subscribe("awake", channels=(hook,), kinds=("compliance.*",))
    assert await outcome(at, image=await at.image()) == TOLD
    (message,) = await at.messages()
    assert (message["due_at"], message["subscription"]) == (at.now, "awake")


async def test_digest_waits_for_quiet_hours_to_end(at: Place) -> None:
    await at.channel()
    await at.only(mode="digest", digest_at="23:30", quiet=NIGHT)
    assert await outcome(at, image=await at.image()) == TOLD
    (digest,) = await at.messages()
    assert (digest["due_at"], digest["is_held"]) == (START.replace(day=2, hour=7), False)


async def test_a_zone_that_is_gone_holds_nothing_up(at: Place) -> None:
    await at.channel()
    await at.only(timezone="Atlantis/Center", quiet=NIGHT)
    assert await outcome(at, image=await at.image()) == TOLD


async def test_suppressed_from_the_start_is_left_alone(at: Place) -> None:
    await at.channel()
    await at.tell(cause(kind="analyzer"), [lost(await at.image())], suppressed="the analyzer changed")
    assert (await at.route()).count == 0
    assert await at.outcomes() == [unheard("the analyzer changed")]
    assert await at.rows("SELECT FROM event WHERE account_id = %(account)s") == []


async def test_accounts_hear_of_their_own_only(database_url: str, tmp_path: Path) -> None:
    async with place(database_url, tmp_path, "one") as one, place(database_url, tmp_path, "two") as two:
        await one.channel("first")
        await two.channel("second")
        await one.tell(cause(), [lost(await one.image(), key="k")])
        await two.tell(cause(), [lost(await two.image(), key="k")])
        assert (await one.route()).count == 1
        assert (await two.outcomes()) == [("", "")]
        assert (await two.route()).count == 1
        assert [row["channel"] for row in await one.messages()] == ["first"]
        assert [row["channel"] for row in await two.messages()] == ["second"]


async def test_batches_are_one_message_and_a_few_statements(at: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """2,000 transitions of a cause take no more statements than 20 do."""
    await at.channel()
    image = await at.image()
    asked: list[str] = []
    execute = AsyncCursor.execute

    async def counted(self: AsyncCursor[Any], query: Any, *args: Any, **more: Any) -> Any:
        asked.append(str(query).strip())
        return await execute(self, query, *args, **more)

    counts = []
    for number, size in ((1, 20), (2, 2000)):
        await at.tell(cause(f"CVE-2026-{number}"), [lost(image) for _ in range(size)])
        with monkeypatch.context() as patch:
            patch.setattr(AsyncCursor, "execute", counted)
            asked.clear()
            assert (await at.route()).count == size
            counts.append(len(list(filter(None, asked))))  # an empty one looks whether the connection still lives
    assert counts[0] == counts[1] <= 22
    assert [row["item_count"] for row in await at.messages()] == [20, 2000]


async def test_a_batch_that_fails_leaves_nothing_behind(at: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    await at.channel()
    await at.tell(cause(), [lost(await at.image())])

    async def broken(*_: object) -> None:
        raise RuntimeError("stopped")

    with monkeypatch.context() as patch:
        patch.setattr("hullmark.server.tables.events.tell_all", broken)
        with pytest.raises(RuntimeError, match="stopped"):
            await at.route()
    assert await at.messages() == []
    assert await at.outcomes() == [("", "")]
    assert (await at.route()).told == 1
    assert [row["item_count"] for row in await at.messages()] == [1]


async def test_a_job_that_was_lost_is_made_again(at: Place) -> None:
    await at.tell(cause(), [lost(await at.image())])
    await at.forget_jobs()
    await route_what_waits(at.services)
    assert await at.jobs("route") == [], "it is young: its job may be on its way"
    at.now += timedelta(minutes=2)
    for _ in range(2):
        await route_what_waits(at.services)
        assert await at.jobs("route") == [{"account_id": at.account_id}]
    await at.route()
    await at.forget_jobs()
    await route_what_waits(at.services)
    assert await at.jobs("route") == []


async def test_what_came_with_one_verdict_does_not_overtake_what_came_with_the_one_before(at: Place) -> None:
    await at.channel()
    image, other = await at.image(), await at.image()
    await at.tell(cause("CVE-2026-1"), [lost(other)], is_complete=False)
    await at.route()
    for subject, verdict in (("CVE-2026-2", 1), ("CVE-2026-3", 2), ("CVE-2026-1", 2)):
        await at.tell(cause(subject), [lost(image, history_id=verdict)], is_complete=False)
    await at.route()
    assert [(each["cause"], len(each["items"])) for each in await at.messages()] == [
        ("advisory:CVE-2026-1@1", 1),
        ("advisory:CVE-2026-2@1", 1),
        ("advisory:CVE-2026-3@1", 1),
        ("advisory:CVE-2026-1@1", 1),
    ]


async def test_causes_that_nobody_completed_are_completed_when_nothing_is_judged(at: Place) -> None:
    await at.channel()
    await at.tell(cause(), [lost(await at.image())], is_complete=False)
    await at.route()
    at.now = datetime.now(UTC)
    await route_what_waits(at.services)
    assert await at.rows("SELECT is_complete FROM cause") == [{"is_complete": False}], "more of it may come"
    at.now += timedelta(minutes=1)
    await at.rows("INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('matching', 'adopt')")
    await route_what_waits(at.services)
    assert await at.rows("SELECT is_complete FROM cause") == [{"is_complete": False}], (
        "advisories are carried into verdicts"
    )
    await at.forget_jobs()
    await route_what_waits(at.services)
    assert await at.rows("SELECT is_complete FROM cause") == [{"is_complete": True}]
    (message,) = await at.messages()
    assert message["due_at"] == message["opened_at"]


async def test_whoever_routes_and_seals_meanwhile(at: Place) -> None:
    """Several processes route one account while messages are sealed: each transition is in one message, of its cause."""
    channels = {await at.channel(name) for name in ("hook", "mail")}
    images = [await at.image() for _ in range(3)]

    async def tell(number: int) -> None:
        for _ in range(4):
            told = [lost(image) for image in images]
            await at.tell(cause(f"CVE-2026-{number}"), told, is_complete=number % 2 == 0)
            await at.route(at_once=5)

    async def seal() -> None:
        for _ in range(30):
            for channel in channels:
                async with at.services.database.system() as connection:
                    await messages.seal_due(connection, channel, at.now + timedelta(seconds=2))
            await asyncio.sleep(0.01)

    await asyncio.gather(*(tell(number) for number in range(5)), seal())
    assert await at.outcomes() == [TOLD] * 60
    (found,) = await at.rows(
        """
        SELECT count(*) AS items, count(DISTINCT (item.transition_id, item.channel_id)) AS once,
            count(*) FILTER (WHERE message.cause_id <> t.cause_id OR message.channel_id <> item.channel_id) AS astray,
            (SELECT sum(item_count) FROM message)::int AS counted
        FROM message_item item JOIN message ON message.id = item.message_id JOIN transition t ON t.id = item.transition_id
        """
    )
    assert found == {"items": 120, "once": 120, "astray": 0, "counted": 120}


@pytest.mark.parametrize("at_once", [1, 2, 100])
async def test_news_of_an_image_keep_their_order(at: Place, at_once: int) -> None:
    """Message by message, whatever cause they are grouped by; and no message is divided without need."""
    await at.channel()
    x, y = [await at.image() for _ in range(2)]
    first, second = cause("CVE-2026-1"), cause("CVE-2026-2")
    for because, image in ((first, x), (second, y), (first, y), (second, x), (second, y), (first, x)):
        await at.tell(because, [lost(image)], is_complete=False)
    await at.route(at_once)
    found = await at.messages()
    assert [(row["cause"][-3:-2], row["part"], row["items"]) for row in found] == [
        ("1", 1, [1]),
        ("2", 1, [2, 4]),
        ("1", 2, [3, 6]),
        ("2", 2, [5]),
    ]


async def test_what_came_with_one_verdict_has_no_order(at: Place) -> None:
    await at.channel()
    first, second = cause("CVE-2026-1"), cause("CVE-2026-2")
    for number in range(4):
        image = await at.image()
        for because in (first, second) if number % 2 else (second, first):
            await at.tell(because, [lost(image, history_id=number + 1)])
    await at.route()
    assert [row["item_count"] for row in await at.messages()] == [4, 4]


async def test_telling_again_is_told_once(at: Place) -> None:
    await at.channel()
    same = lost(await at.image())
    for _ in range(3):
        await at.tell(cause(), [same])
        await at.route()
    assert [row["item_count"] for row in await at.messages()] == [1]
    async with at.services.database.system() as connection:
        assert len(await transitions_of(connection, at.account_id, same.image_id or 0)) == 1


WILD = st.text(st.sampled_from("ab*?%_\\/.:é\n"), min_size=1, max_size=8)
NAMES = st.text(st.sampled_from("ab%_\\/.:é\n*?"), max_size=8)


@pytest.fixture(scope="module")
def comparing(database_server: str) -> Iterator[Connection[Any]]:
    """A connection for many small questions."""
    with connect(database_server, autocommit=True) as connection:
        yield connection


@given(pattern=WILD, names=st.lists(NAMES, min_size=1, max_size=5))
@settings(max_examples=150, deadline=None)
def test_wildcards_are_those_of_policies(comparing: Connection[Any], pattern: str, names: list[str]) -> None:
    """The database compares as policies do."""
    rows = comparing.execute(
        "SELECT name LIKE %s FROM unnest(%s::text[]) WITH ORDINALITY AS given(name, at) ORDER BY at",
        (like(pattern), names),
    ).fetchall()
    assert [found for (found,) in rows] == [NameGlob(pattern).matches(name) for name in names]
