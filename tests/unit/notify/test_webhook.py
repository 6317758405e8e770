"""The webhook: CloudEvents in both modes, and signatures as anybody else computes them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.notice import Cause, Digest, Item, Notice
from hullmark.notify import webhook
from hullmark.notify.channel import Again, Delivery, MessageRefused, Post, Reply

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
KEY = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OLD = "whsec_" + base64.b64encode(bytes(range(100, 132))).decode()


def notice(**more: Any) -> Notice:
    cause = Cause(kind="advisory", key="advisory:CVE-2026-1@1", subject="CVE-2026-1", sentence="It is new.", seen_at=AT)
    made = {
        "id": "0d7d1f5e-6f34-4b8e-9d0a-000000000001",
        "account": "ours",
        "cause": cause,
        "items": (Item(id=1, kind="compliance.lost", at=AT, reference="a/b:1"),),
        "count": 1,
        "kinds": {"compliance.lost": 1},
        "at": AT,
        "link": "https://hullmark.example.org/api/v1/messages/7",
    }
    return Notice(**{**made, **more})


def sent(settings: dict[str, Any], told: Notice | Digest | None = None, now: datetime = AT) -> Post:
    delivery = Delivery(notice=told or notice(), title="t", text="x", now=now)
    steps = webhook.deliver(delivery, msgspec.convert({"url": "https://a.example.org/h", **settings}, webhook.Settings))
    post = next(steps)
    assert isinstance(post, Post)
    with pytest.raises(StopIteration):
        steps.send(Reply(status=204))
    return post


def test_in_structured_mode_the_body_is_the_event() -> None:
    post = sent({})
    event = json.loads(post.body)
    assert post.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    data = event.pop("data")
    assert event == {
        "specversion": "1.0",
        "id": notice().id,
        "source": "https://hullmark.example.org/accounts/ours",
        "type": "io.hullmark.compliance.lost",
        "subject": "CVE-2026-1",
        "time": "2026-05-01T12:00:00Z",
        "datacontenttype": "application/json",
    }
    assert msgspec.convert(data, Notice) == notice()


def test_in_binary_mode_the_attributes_are_headers_and_the_body_is_the_notice() -> None:
    told = notice(cause=msgspec.structs.replace(notice().cause, subject='50 % of "é" €'))
    post = sent({"mode": "binary"}, told)
    assert post.headers["content-type"] == "application/json"
    assert post.headers["ce-specversion"] == "1.0"
    assert post.headers["ce-type"] == "io.hullmark.compliance.lost"
    # As the HTTP protocol binding, 3.1.3.2, has it.
    assert post.headers["ce-subject"] == "50%20%25%20of%20%22%C3%A9%22%20%E2%82%AC"
    assert "ce-datacontenttype" not in post.headers
    assert msgspec.json.decode(post.body, type=Notice) == told


def test_replays_tests_and_digests_say_so() -> None:
    assert json.loads(sent({}, notice(is_replay=True)).body)["replay"] is True
    assert sent({"mode": "binary"}, notice(is_replay=True)).headers["ce-replay"] == "true"
    assert json.loads(sent({}, notice(is_test=True)).body)["type"] == "io.hullmark.test"
    digest = Digest(id="d", account="ours", subscription="s", groups=(notice(),), count=1, since=AT, until=AT)
    event = json.loads(sent({}, digest).body)
    assert (event["type"], "subject" in event, event["source"]) == (
        "io.hullmark.digest",
        False,
        "urn:hullmark/accounts/ours",
    )


def test_the_type_is_that_of_the_most_urgent_kind() -> None:
    mixed = notice(kinds={"fix.available": 5, "finding.new": 1})
    assert json.loads(sent({}, mixed).body)["type"] == "io.hullmark.finding.new"


def test_the_signature_is_that_of_the_specification() -> None:
    """Key, id, time and body of the example that the libraries of Standard Webhooks are tested with."""
    key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    made = webhook.signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_id_time_and_body_are_signed() -> None:
    post = sent({"secret": KEY})
    assert post.headers["webhook-id"] == notice().id
    assert post.headers["webhook-timestamp"] == "1777636800"
    signed = notice().id.encode() + b".1777636800." + post.body
    expected = base64.b64encode(hmac.new(bytes(range(32)), signed, hashlib.sha256).digest()).decode()
    assert post.headers["webhook-signature"] == f"v1,{expected}"


def test_while_a_key_is_replaced_both_sign() -> None:
    settings = {"secret": KEY, "previous_secret": OLD, "previous_until": "2026-05-02T12:00:00Z"}
    first, second = sent(settings).headers["webhook-signature"].split(" ")
    assert first == sent({"secret": KEY}).headers["webhook-signature"]
    assert second == sent({"secret": OLD}).headers["webhook-signature"]
    assert " " not in sent(settings, now=AT + timedelta(days=1)).headers["webhook-signature"]


def test_a_secret_may_be_a_plain_text() -> None:
    post = sent({"secret": "a text of 24 characters!"})
    signed = notice().id.encode() + b".1777636800." + post.body
    made = base64.b64encode(hmac.new(b"a text of 24 characters!", signed, hashlib.sha256).digest()).decode()
    assert post.headers["webhook-signature"] == f"v1,{made}"


def test_without_a_secret_nothing_is_signed() -> None:
    assert "webhook-signature" not in sent({}).headers


def test_authorization_and_headers_are_sent_along() -> None:
    assert sent({"token": "abc"}).headers["authorization"] == "Bearer abc"
    basic = sent({"username": "Aladdin", "password": "open sesame"}).headers["authorization"]
    assert basic == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="  # RFC 7617
    assert sent({"headers": {"X-Team": "a"}}).headers["X-Team"] == "a"


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "ftp://a.example.org/"},
        {"url": "https://user@a.example.org/"},
        {"url": "https:///x"},
        {"url": "https://a.example.org/\nx"},
        {"secret": "short"},
        {"secret": "whsec_!!!"},
        {"secret": "whsec_é"},
        {"secret": "whsec_c2hvcnQ="},
        {"headers": {"Webhook-Id": "x"}},
        {"headers": {"CE-id": "x"}},
        {"headers": {"Content-Length": "1"}},
        {"headers": {"a b": "x"}},
        {"headers": {"x": "a\r\nb: c"}},
        {"token": "a", "username": "b"},
        {"token": "a\nb"},
        {"username": "a:b"},
        {"unknown": 1},
    ],
)
def test_settings_that_cannot_be_used_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"url": "https://a.example.org/h", **settings}, webhook.Settings)


@pytest.mark.parametrize(
    ("status", "kind"), [(500, Again), (302, Again), (404, Again), (429, Again), (400, MessageRefused)]
)
def test_what_the_receiver_says_decides(status: int, kind: type[Exception]) -> None:
    settings = webhook.Settings(url="https://a.example.org/h")
    steps = webhook.deliver(Delivery(notice=notice(), title="", text="", now=AT), settings)
    next(steps)
    with pytest.raises(kind):
        steps.send(Reply(status=status, headers={"retry-after": "7"}))


@given(st.text(max_size=200))
def test_attributes_survive_binary_mode(text: str) -> None:
    from urllib.parse import unquote

    made = webhook.header_value(text)
    assert all("!" <= letter <= "~" for letter in made)
    assert unquote(made) == text.encode("utf-8", "replace").decode()


@given(st.binary(max_size=300), st.binary(min_size=24, max_size=64), st.integers(0, 2**40))
def test_whoever_knows_the_key_can_tell(body: bytes, key: bytes, at: int) -> None:
    made = webhook.signature(webhook.encode_key(key), "id", at, body)
    whole = b"id." + str(at).encode() + b"." + body
    assert made == "v1," + base64.b64encode(hmac.new(key, whole, "sha256").digest()).decode()
    assert made != webhook.signature(webhook.encode_key(key), "id", at + 1, body)
