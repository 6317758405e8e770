"""Messages on their way to a real receiver: in order, at least once, known by their ids, and none held up by another channel."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from hullmark.model.notice import Cause, Transition
from hullmark.server.stories.notice import deliver as delivering
from hullmark.server.stories.notice import sending
from hullmark.server.stories.notice.deliver import deliver, pause, wake_due
from hullmark.server.tables.notice import transitions
from hullmark.server.tables.notice.turns import Turns
from tests.support.desk import Desk, desk
from tests.support.receiver import Receiver
from tests.support.receivers import Receiver as Answering
from tests.support.receivers import receiver as answering

pytestmark = pytest.mark.anyio

Answer = tuple[int, dict[str, str], bytes]
SECRET = "a secret of more than 24 characters"  # noqa: S105


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path, deliver_for=3 * 86_400.0) as found:
        yield found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as found:
        yield found


async def channel(at: Desk, receiver: Receiver, name: str = "ops", **settings: Any) -> str:
    """Add a webhook; answers its id."""
    document = {"name": name, "kind": "webhook", "settings": {"url": receiver.url, "secret": SECRET, **settings}}
    return str((await at.post("/channels", document))["id"])


async def begun(
    at: Desk, to: str, subject: str, images: int = 1, *, due: datetime | None = None, form: str = "group"
) -> str:
    """Have a message about a cause gather for a channel; answers the id that its receiver is to see."""
    cause = Cause(
        kind="advisory", key=f"advisory:{subject}@{to}", subject=subject, sentence="It is new.", seen_at=at.now
    )
    async with at.services.database.system() as connection:
        number = await transitions.keep_cause(connection, 1, cause)
        made = [
            Transition(
                kind="compliance.lost", key=f"{to}/{subject}/{n}", at=at.now, reference=f"a/b:{n}", severity="high"
            )
            for n in range(images)
        ]
        await transitions.add_transitions(connection, 1, number, made)
        cursor = await connection.execute(
            "INSERT INTO message (account_id, channel_id, cause_id, form, due_at, opened_at) VALUES (1, %s, %s, %s, %s, %s)"
            " RETURNING id, key",
            (to, None if form == "digest" else number, form, due or at.now, at.now),
        )
        row = await cursor.fetchone()
        assert row is not None
        await connection.execute(
            "INSERT INTO message_item (account_id, channel_id, transition_id, message_id)"
            " SELECT 1, %s, id, %s FROM transition WHERE cause_id = %s",
            (to, row[0], number),
        )
    return str(row[1])


async def passed(at: Desk, **time: float) -> list[str]:
    """Let time go by, and what is due be done."""
    at.now += timedelta(**time)
    await wake_due(at.services)
    return await at.work()


async def listed(at: Desk, query: str = "") -> list[Any]:
    found: list[Any] = (await at.get(f"/messages?limit=200{query}"))["items"]
    return found[::-1]


async def states(at: Desk) -> list[str]:
    return [each["state"] for each in await listed(at)]


async def told(at: Desk, kind: str) -> list[Any]:
    found: list[Any] = (await at.get(f"/events?kind={kind}"))["items"]
    return found


async def test_a_message_arrives_signed_and_once(at: Desk, receiver: Receiver) -> None:
    key = await begun(at, await channel(at, receiver), "CVE-2026-1", images=60)
    assert await passed(at) == ["deliver"]
    (came,) = receiver.received
    event = came.event
    assert (event["id"], came.headers["webhook-id"], event["subject"]) == (key, key, "CVE-2026-1")
    assert (event["data"]["count"], len(event["data"]["items"])) == (60, 50)
    assert event["data"]["kinds"] == {"compliance.lost": 60}
    signed = f"{key}.{came.headers['webhook-timestamp']}.".encode() + came.body
    made = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    assert came.headers["webhook-signature"] == f"v1,{made}"
    (message,) = await listed(at)
    assert (message["state"], message["attempts"], message["last_status"], message["items"]) == (
        "delivered",
        1,
        204,
        60,
    )
    whole = await at.get(f"/messages/{message['id']}")
    assert [(attempt["outcome"], attempt["status"]) for attempt in whole["attempts"]] == [("delivered", 204)]
    assert set(whole["latency"]) >= {"sealed_delivered", "seen_delivered"}
    assert whole["cause"]["subject"] == "CVE-2026-1"
    assert "/console/admin/causes/" in event["data"]["link"]
    assert await passed(at, hours=1) == []
    assert len(receiver.received) == 1


async def test_all_that_a_message_tells_of_is_paged(at: Desk, receiver: Receiver) -> None:
    await begun(at, await channel(at, receiver), "CVE-2026-1", images=5)
    await passed(at)
    (message,) = await listed(at)
    first = await at.get(f"/messages/{message['id']}/items?limit=3")
    second = await at.get(f"/messages/{message['id']}/items?limit=3&cursor={first['next']}")
    assert [each["reference"] for each in first["items"] + second["items"]] == [f"a/b:{n}" for n in range(5)]
    assert second["next"] is None


async def test_what_began_before_goes_first_and_digests_gather_by_themselves(at: Desk, receiver: Receiver) -> None:
    to = await channel(at, receiver)
    later = at.now + timedelta(minutes=5)
    first = await begun(at, to, "CVE-1", due=later)
    digest = await begun(at, to, "CVE-2", due=later, form="digest")
    second = await begun(at, to, "CVE-3")
    third = await begun(at, to, "CVE-4", due=later)
    await passed(at)
    assert receiver.ids == [first, second]
    await passed(at, minutes=5)
    assert receiver.ids == [first, second, digest, third]
    assert receiver.received[2].event["type"] == "io.hullmark.digest"


async def test_what_quiet_hours_hold_is_not_taken_along(at: Desk, receiver: Receiver) -> None:
    to = await channel(at, receiver)
    held = await begun(at, to, "CVE-1", due=at.now + timedelta(hours=8))
    async with at.services.database.system() as connection:
        await connection.execute("UPDATE message SET is_held = true")
    second = await begun(at, to, "CVE-2")
    await passed(at)
    assert receiver.ids == [second]
    await passed(at, hours=8)
    assert receiver.ids == [second, held]


async def test_a_receiver_that_fails_is_left_alone_for_a_while_each_time(at: Desk, receiver: Receiver) -> None:
    key = await begun(at, await channel(at, receiver), "CVE-1")
    receiver.status = 500
    await passed(at)
    assert await passed(at) == []
    assert len(receiver.received) == 1
    row = await at.get("/channels/ops")
    assert (row["state"], row["failures"], row["waiting"]) == ("failing", 1, 1)
    wait = datetime.fromisoformat(row["resume_at"]) - at.now
    assert timedelta(seconds=1) <= wait <= timedelta(seconds=2)
    await passed(at, seconds=2)
    receiver.status = 200
    await passed(at, seconds=4)
    assert receiver.ids == [key] * 3
    assert (await at.get("/channels/ops"))["state"] == "well"
    (message,) = await listed(at)
    attempts = (await at.get(f"/messages/{message['id']}"))["attempts"]
    assert [attempt["outcome"] for attempt in attempts] == ["delivered", "again", "again"]


async def test_what_the_receiver_asks_for_is_done(at: Desk, receiver: Receiver) -> None:
    await begun(at, await channel(at, receiver), "CVE-1")
    receiver.status, receiver.headers = 429, {"Retry-After": "120"}
    await passed(at)
    assert await passed(at, seconds=119) == []
    receiver.status = 200
    assert await passed(at, seconds=1) == ["deliver"]
    assert len(receiver.received) == 2


async def test_after_a_day_without_receiver_everything_arrives_in_order(at: Desk) -> None:
    receiver = Receiver()
    with receiver.running():
        to = await channel(at, receiver)
    keys = []
    for hour in range(24):
        keys.append(await begun(at, to, f"CVE-{hour}", images=3))
        for minutes in (45, 15):
            await passed(at, minutes=minutes)
    assert set(await states(at)) == {"gathering", "waiting"} or set(await states(at)) == {"waiting"}
    (event,) = await told(at, "channel.failing")
    assert (event["resource"], event["level"]) == ("ops", "error")
    with receiver.running():
        await passed(at, minutes=15)
        assert receiver.ids == keys
    assert set(await states(at)) == {"delivered"}
    assert [each["resource"] for each in await told(at, "channel.recovered")] == ["ops"]


async def test_a_redirect_is_not_followed(at: Desk, receiver: Receiver) -> None:
    await begun(at, await channel(at, receiver), "CVE-1")
    receiver.status, receiver.headers = 302, {"Location": "http://169.254.169.254/latest/meta-data/"}
    await passed(at)
    (message,) = await listed(at)
    assert (message["state"], message["last_status"]) == ("waiting", 302)
    receiver.headers = {"Location": f"http://127.0.0.1:{receiver.port}/elsewhere"}
    await passed(at, seconds=5)
    assert {each.path for each in receiver.received} == {"/hook"}


async def test_a_receiver_that_hangs_or_hangs_up_holds_only_itself(
    at: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "_WHOLE", 1.0)
    with Receiver(status=0).running() as hanging, Receiver(status=-1).running() as rude:
        slow = await channel(at, hanging, "slow")
        await begun(at, slow, "CVE-1")
        await begun(at, await channel(at, rude, "rude"), "CVE-1")
        well = await channel(at, receiver, "well")
        key = await begun(at, well, "CVE-1")
        waiting = asyncio.create_task(deliver(at.services, slow))
        while not hanging.received:
            await asyncio.sleep(0.01)
        assert await deliver(at.services, well) == 1
        assert not waiting.done()
        assert receiver.ids == [key]
        assert await waiting == 0
        await passed(at)
    found = {each["channel"]: (each["state"], each["last_status"]) for each in await listed(at)}
    assert found == {"slow": ("waiting", None), "rude": ("waiting", None), "well": ("delivered", 204)}


async def test_channels_that_fail_wait_behind_one_another_and_before_nobody(at: Desk, receiver: Receiver) -> None:
    to, well = await channel(at, receiver), await channel(at, receiver, "well")
    receiver.status = 500
    await begun(at, to, "CVE-1")
    await passed(at)
    async with at.services.database.system() as connection:
        await connection.execute("DELETE FROM procrastinate_jobs")
        await transitions.want_delivery(connection, [to, well])
        cursor = await connection.execute("SELECT args ->> 'channel_id', queue_name FROM procrastinate_jobs")
        assert dict(await cursor.fetchall()) == {to: "delivery-again", well: "delivery"}
    receiver.status = 200
    await passed(at, seconds=5)
    async with at.services.database.system() as connection:
        await connection.execute("DELETE FROM procrastinate_jobs")
        await transitions.want_delivery(connection, [to])
        cursor = await connection.execute("SELECT queue_name FROM procrastinate_jobs")
        assert await cursor.fetchall() == [("delivery",)], "it is well again"


async def test_what_is_refused_is_given_up_and_the_next_one_goes_on(at: Desk, receiver: Receiver) -> None:
    to = await channel(at, receiver)
    first = await begun(at, to, "CVE-1")
    second = await begun(at, to, "CVE-2")
    receiver.status, receiver.body = 400, b"no\x00 " + SECRET.encode()
    await passed(at)
    await passed(at, seconds=2)
    assert receiver.ids == [first, first]
    await passed(at, seconds=2)
    assert receiver.ids == [first, first, first, second]
    receiver.status = 200
    await passed(at, seconds=2)
    assert await states(at) == ["dead", "delivered"]
    (dead, _) = await listed(at)
    assert dead["last_error"] == "the receiver answered 400: no ***"
    (event,) = await told(at, "message.dead")
    assert event["resource"] == str(dead["id"])


async def test_what_cannot_be_delivered_for_days_is_dead_and_can_be_sent_again(at: Desk, receiver: Receiver) -> None:
    to = await channel(at, receiver)
    key = await begun(at, to, "CVE-1")
    receiver.status = 503
    await passed(at)
    await passed(at, days=3)
    assert await states(at) == ["dead"]
    (message,) = await listed(at, "&state=dead")
    receiver.status = 200
    await at.post(f"/messages/{message['id']}/redeliver", None, status=202)
    await at.post(f"/messages/{message['id']}/redeliver", None, status=409)
    await passed(at, minutes=15)
    assert receiver.ids == [key] * 3
    assert receiver.received[-1].event["replay"] is True
    assert await states(at) == ["delivered"]


async def test_what_went_out_since_a_moment_is_sent_again_with_the_same_ids(at: Desk, receiver: Receiver) -> None:
    to = await channel(at, receiver)
    old = await begun(at, to, "CVE-1")
    await passed(at)
    at.now += timedelta(hours=1)
    since = at.now.isoformat()
    keys = [await begun(at, to, f"CVE-{n}") for n in (2, 3)]
    await passed(at, hours=1)
    assert receiver.ids == [old, *keys]
    again = await at.post("/channels/ops/replay", {"since": since})
    assert again["messages"] == 0
    again = await at.post("/channels/ops/replay", {"since": since, "include_delivered": True})
    assert again["messages"] == 2
    await at.work()
    assert receiver.ids == [old, *keys, *keys]
    assert [each.event.get("replay") for each in receiver.received] == [None] * 3 + [True] * 2


async def test_for_a_day_both_keys_sign(at: Desk, receiver: Receiver) -> None:
    to = await channel(at, receiver)
    made = await at.post("/channels/ops/rotate", None, status=200)
    new = base64.b64decode(made["secret"].removeprefix("whsec_"))
    await begun(at, to, "CVE-1")
    await passed(at)
    await begun(at, to, "CVE-2")
    await passed(at, hours=25)
    for came, keys in zip(receiver.received, ([new, SECRET.encode()], [new]), strict=True):
        signed = f"{came.headers['webhook-id']}.{came.headers['webhook-timestamp']}.".encode() + came.body
        made = [base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in keys]
        assert came.headers["webhook-signature"].split(" ") == [f"v1,{each}" for each in made]


async def test_who_is_ended_before_writing_it_down_sends_the_same_once_more(
    at: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = await channel(at, receiver)
    keys = [await begun(at, to, "CVE-1"), await begun(at, to, "CVE-2")]

    async def killed(*_: object) -> bool:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(delivering, "_written_down", killed)
        with pytest.raises(asyncio.CancelledError):
            await deliver(at.services, to)
    assert receiver.ids == keys[:1]
    assert await deliver(at.services, to) == 2
    assert receiver.ids == [keys[0], *keys]
    assert receiver.received[0].event == receiver.received[1].event


async def test_one_at_a_time_acts_for_a_channel(at: Desk, receiver: Receiver) -> None:
    to = await channel(at, receiver)
    keys = [await begun(at, to, f"CVE-{n}") for n in range(10)]
    counts = await asyncio.gather(*(deliver(at.services, to) for _ in range(3)))
    assert sorted(counts) == [0, 0, 10]
    assert receiver.ids == keys
    key = await begun(at, to, "CVE-10")
    async with Turns(at.services.database).only(UUID(to)) as turn:  # another process's
        assert turn is not None
        assert await deliver(at.services, to) == 0
        await wake_due(at.services)
        assert await at.work() == []
    assert await passed(at) == ["deliver"]
    assert receiver.ids == [*keys, key]


async def test_a_channel_that_is_off_keeps_what_waits(at: Desk, receiver: Receiver) -> None:
    to = await channel(at, receiver)
    await at.ask("PATCH", "/channels/ops", {"is_active": False})
    key = await begun(at, to, "CVE-1")
    await passed(at, hours=1)
    assert receiver.ids == []
    assert (await at.get("/channels/ops"))["state"] == "off"
    await at.ask("PATCH", "/channels/ops", {"is_active": True})
    await at.work()
    assert receiver.ids == [key]


async def test_a_test_says_what_became_of_it(at: Desk, receiver: Receiver) -> None:
    await channel(at, receiver)
    sent = await at.post("/channels/ops/test", None, status=200)
    assert (sent["outcome"], sent["status"], sent["error"]) == ("delivered", 204, "")
    assert receiver.received[0].event["type"] == "io.hullmark.test"
    receiver.status = 500
    sent = await at.post("/channels/ops/test", None, status=200)
    assert (sent["outcome"], sent["status"]) == ("again", 500)
    assert [(each["form"], each["state"]) for each in await listed(at)] == [("test", "delivered"), ("test", "dead")]
    assert str((await listed(at))[0]["key"]) == receiver.ids[0]


async def test_secrets_are_not_shown_and_are_kept(at: Desk, receiver: Receiver) -> None:
    made = await channel(at, receiver, token="tokentoken", headers={"X-Key": "keykeykey"})  # noqa: S106
    found = await at.get("/channels/ops")
    hidden = {"secret": "***", "token": "***", "headers": {"X-Key": "***"}}
    assert {name: found["settings"][name] for name in hidden} == hidden
    for path in ("/channels", "/channels/ops", "/audit", "/events"):
        text = (await at.ask("GET", path)).text
        assert not any(each in text for each in (SECRET, "tokentoken", "keykeykey")), path
    answer = await at.ask("PATCH", "/channels/ops", {"settings": {**found["settings"], "mode": "binary"}})
    assert answer.status_code == 200, answer.text
    await begun(at, made, "CVE-1")
    await passed(at)
    (came,) = receiver.received
    assert (came.headers["authorization"], came.headers["x-key"]) == ("Bearer tokentoken", "keykeykey")
    assert came.headers["ce-type"] == "io.hullmark.compliance.lost"
    async with at.services.database.system() as connection:
        row = await (await connection.execute("SELECT settings::text, secrets FROM channel")).fetchone()
    assert row is not None
    assert "tokentoken" not in row[0]
    assert b"tokentoken" not in row[1]


async def test_a_secret_in_an_address_is_encrypted_and_shown_nowhere(at: Desk, receiver: Receiver) -> None:
    address = f"{receiver.url}?channel=ops&token=tokentoken"
    made = await at.post(
        "/channels", {"name": "ops", "kind": "webhook", "settings": {"url": address, "secret": SECRET}}, status=201
    )
    shown = f"{receiver.url}?channel=ops&token=***"
    assert made["settings"]["url"] == shown
    answer = await at.ask("PATCH", "/channels/ops", {"settings": {**made["settings"], "mode": "binary"}})
    assert answer.json()["settings"]["url"] == shown, answer.text
    await begun(at, made["id"], "CVE-1")
    receiver.status = 500
    await passed(at)
    seen = await at.post("/channels/ops/preview", {}, status=200)
    assert seen["sends"][0]["url"] == shown
    for path in ("/channels", "/channels/ops", "/audit", "/events", "/messages"):
        assert "tokentoken" not in (await at.ask("GET", path)).text, path
    async with at.services.database.system() as connection:
        row = await (await connection.execute("SELECT settings::text, secrets FROM channel")).fetchone()
    assert row is not None
    assert "tokentoken" not in row[0]
    assert b"tokentoken" not in row[1]
    for other in (f"{receiver.url}?token=***", "https://elsewhere.example.org/?channel=ops&token=***"):
        refused = await at.ask("PATCH", "/channels/ops", {"settings": {"url": other}})
        assert refused.status_code == 422, other


async def test_what_was_kept_before_addresses_were_encrypted_goes_on_and_is_encrypted_then(
    at: Desk, receiver: Receiver
) -> None:
    made = await channel(at, receiver)
    address = f"{receiver.url}?token=tokentoken"
    async with at.services.database.system() as connection:
        await connection.execute(
            "UPDATE channel SET settings = settings || jsonb_build_object('url', %s::text)", (address,)
        )
    assert "tokentoken" not in (await at.ask("GET", "/channels/ops")).text
    await begun(at, made, "CVE-1")
    await passed(at)
    assert len(receiver.received) == 1
    async with at.services.database.system() as connection:
        row = await (await connection.execute("SELECT settings::text FROM channel")).fetchone()
    assert row is not None
    assert "tokentoken" not in row[0]
    await begun(at, made, "CVE-2")
    await passed(at)
    assert len(receiver.received) == 2


async def test_a_secret_is_made_where_none_is_given(at: Desk, receiver: Receiver) -> None:
    document = {"name": "ops", "kind": "webhook", "settings": {"url": receiver.url}}
    made = await at.post("/channels", document, status=201)
    assert made["secret"].startswith("whsec_")
    assert made["settings"]["secret"] == "***"  # noqa: S105  # noqa: S105
    assert (await at.get("/channels/ops"))["secret"] is None
    await at.post("/channels", document, status=409)


@pytest.mark.parametrize(
    "document",
    [
        {"settings": {"url": "http://169.254.169.254/latest"}},
        {"settings": {"url": "http://[fd00:ec2::254]/"}},
        {"settings": {"url": "http://metadata.google.internal/"}},
        {"settings": {"url": "file:///etc/passwd"}},
        {"settings": {}},
        {"settings": {"url": "https://a.example.org/", "secret": "***"}},
        {"settings": {"url": "https://a.example.org/"}, "templates": {"title": "{{ ''.__class__ }}{% set a = 1 %}"}},
        {"settings": {"url": "https://a.example.org/"}, "name": "preview"},
        {"settings": {"url": "https://a.example.org/"}, "kind": "pigeon"},
    ],
)
async def test_what_cannot_be_used_is_refused(at: Desk, document: dict[str, Any]) -> None:
    answer = await at.ask("POST", "/channels", {"name": "ops", "kind": "webhook", **document})
    assert answer.status_code in (422, 502), answer.text
    assert (await at.get("/channels"))["items"] == []


async def test_a_preview_shows_what_would_be_sent_without_secrets(at: Desk, receiver: Receiver) -> None:
    to = await channel(at, receiver, token="tokentoken")  # noqa: S106
    await begun(at, to, "CVE-2026-7")
    await passed(at)
    (message,) = await listed(at)
    document = {"message": message["id"], "templates": {"title": "{{ cause.subject }} of {{ account }}"}}
    seen = await at.post("/channels/ops/preview", document, status=200)
    assert seen["title"] == "CVE-2026-7 of admin"
    (post,) = seen["sends"]
    assert post["headers"]["authorization"] == "Bearer ***"
    assert '"CVE-2026-7"' in post["body"]
    assert SECRET not in str(seen)
    settings = {"url": "https://a.example.org/"}
    sample = await at.post("/channels/preview", {"kind": "webhook", "settings": settings}, status=200)
    assert sample["title"].startswith("Test: 3 images out of compliance: CVE-2026-1234 in openssl")
    assert len(receiver.received) == 1


async def test_kinds_say_what_they_take(at: Desk) -> None:
    kinds = {each["name"]: each for each in await at.get("/channel-kinds")}
    schema = kinds["webhook"]["settings"]
    properties = schema["$defs"]["Settings"]["properties"]
    assert {name for name, each in properties.items() if each.get("writeOnly")} == {
        "secret",
        "previous_secret",
        "token",
        "password",
        "headers",
    }


async def test_how_long_people_wait_is_measured(at: Desk, receiver: Receiver) -> None:
    to = await channel(at, receiver)
    await begun(at, to, "CVE-1", images=4)
    await passed(at, seconds=2.5)
    text = (await at.client.get("/metrics", auth=("admin", "the operator's words"))).text
    lines = dict(line.rpartition(" ")[::2] for line in text.splitlines() if not line.startswith("#"))
    assert float(lines['hullmark_notice_seconds_count{stage="seen_delivered"}']) == 4
    assert float(lines['hullmark_notice_seconds_sum{stage="seen_delivered"}']) == 10
    assert float(lines['hullmark_notice_seconds_bucket{le="2.0",stage="seen_delivered"}']) == 0
    assert float(lines['hullmark_notice_seconds_bucket{le="3.0",stage="seen_delivered"}']) == 4
    assert float(lines['hullmark_notice_seconds_bucket{le="+Inf",stage="sealed_delivered"}']) == 4
    assert float(lines['hullmark_messages{state="delivered"}']) == 1
    assert float(lines['hullmark_channels{state="well"}']) == 1


async def test_accounts_see_their_own_channels_and_messages_alone(at: Desk, receiver: Receiver) -> None:
    await begun(at, await channel(at, receiver), "CVE-1")
    await passed(at)
    (message,) = await listed(at)
    await at.post("/accounts", {"name": "others", "email": "o@example.org"})
    assert (await at.get("/channels", "others"))["items"] == []
    assert (await at.get("/messages", "others"))["items"] == []
    await at.get("/channels/ops", "others", status=404)
    await at.get(f"/messages/{message['id']}", "others", status=404)
    await at.get(f"/messages/{message['id']}/items", "others", status=404)
    await at.post(f"/messages/{message['id']}/redeliver", None, "others", status=404)
    await at.post("/channels/ops/preview", {"message": message["id"]}, "others", status=404)


@pytest.mark.parametrize("failures", [1, 2, 5, 10, 50, 10**6])
def test_pauses_grow_and_end(failures: int) -> None:
    shortest, longest = pause(failures, 0.0, None), pause(failures, 1.0, None)
    assert shortest == 1.0
    assert longest == min(900.0, 2.0**failures if failures < 20 else 900.0)
    assert pause(failures, 0.5, 3600.0) == 3600.0


async def test_answers_of_one_cause_are_a_thread(at: Desk) -> None:
    answers: list[Answer] = [(200, {}, json.dumps({"ok": True, "ts": f"1700.{n}"}).encode()) for n in range(3)]
    with answering(*answers) as slack:
        settings = {"token": "xoxb-0123456789", "channel": "C1", "api": f"{slack.url}/api/"}
        to = str((await at.post("/channels", {"name": "chat", "kind": "slack", "settings": settings}))["id"])
        await begun(at, to, "CVE-1")
        await passed(at)
        second = await begun(at, to, "CVE-2")
        await passed(at)
        async with at.services.database.system() as connection:
            # What came of the first cause later is its second part.
            await connection.execute(
                "UPDATE message SET part = 2, cause_id = (SELECT min(cause_id) FROM message) WHERE key = %s", (second,)
            )
        number = next(each["id"] for each in await listed(at) if each["part"] == 2)
        await at.post(f"/messages/{number}/redeliver", {})
        await passed(at)
    bodies = [json.loads(request.body) for request in slack.requests]
    assert [body.get("thread_ts") for body in bodies] == [None, None, "1700.0"]


async def test_where_each_item_is_sent_by_itself_another_attempt_goes_on_behind_what_arrived(at: Desk) -> None:
    fine: Answer = (200, {}, b"")
    broken: Answer = (503, {}, b"")
    with answering(fine, fine, broken, fine) as old:
        document = {"name": "old", "kind": "anchore", "settings": {"url": old.url, "types": ["policy_eval"]}}
        to = str((await at.post("/channels", document))["id"])
        await begun(at, to, "CVE-1", images=4)
        await passed(at)
        assert tags(old) == ["a/b:0", "a/b:1", "a/b:2"]
        await passed(at, minutes=15)
        assert tags(old)[3:] == ["a/b:2", "a/b:3"]
        (message,) = await listed(at)
        assert (message["state"], message["attempts"]) == ("delivered", 2)
        await at.post(f"/messages/{message['id']}/redeliver", {})
        await passed(at)
        assert tags(old)[5:] == [f"a/b:{n}" for n in range(4)], "asked for again, it is sent as a whole"


async def test_of_a_digest_every_item_is_sent(at: Desk) -> None:
    with answering() as old:
        document = {"name": "old", "kind": "anchore", "settings": {"url": old.url, "types": ["policy_eval"]}}
        to = str((await at.post("/channels", document))["id"])
        await begun(at, to, "CVE-1", images=12, form="digest")
        await passed(at)
        assert tags(old) == [f"a/b:{n}" for n in range(12)]


def tags(old: Answering) -> list[str]:
    """What Anchore's notifications were about, in order."""
    payloads = [json.loads(request.body)["data"]["notification_payload"] for request in old.requests]
    return [payload["subscription_key"] for payload in payloads]


async def test_messages_of_long_ago_are_not_counted(at: Desk, receiver: Receiver) -> None:
    to = await channel(at, receiver)
    await begun(at, to, "CVE-1")
    await passed(at)
    at.now += timedelta(days=2)
    await begun(at, to, "CVE-2")
    await begun(at, to, "CVE-3", due=at.now + timedelta(days=9))
    assert await counted(at) == {"gathering": 2, "waiting": 0, "delivered": 0, "dead": 0}
    await passed(at)
    assert await counted(at) == {"gathering": 1, "waiting": 0, "delivered": 1, "dead": 0}


async def counted(at: Desk) -> dict[str, int]:
    text = (await at.client.get("/metrics", auth=("admin", "the operator's words"))).text
    return {name: int(float(n)) for name, n in re.findall(r'hullmark_messages\{state="(\w+)"\} (\S+)', text)}
