"""Mattermost: what is sent, within its limits and harmless, and how its answers are judged."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given

from hullmark.notify.channel import Again, Delivery, MessageRefused, Reply
from hullmark.notify.mattermost import CHANNEL, MAX_ATTACHMENTS, Settings, message
from tests.support.deliveries import HOSTILE, LINK, deliveries, delivery, digest, drive, item, notice, refusing, strings
from tests.support.examples import tried_on

HOOK = "http://mattermost.example:8065/hooks/secret"


def settings(**more: Any) -> Settings:
    return msgspec.convert({"url": HOOK, **more}, Settings)


def failed(status: int, id: str, message: str = "") -> Reply:
    return Reply(status=status, body=msgspec.json.encode({"id": id, "message": message, "status_code": status}))


def test_a_message_is_an_attachment() -> None:
    (post,), remote = drive(CHANNEL, delivery(), settings(channel="alerts"), Reply(status=200, body=b"ok"))
    assert (post.url, remote) == (HOOK, "")
    content = msgspec.json.decode(post.body)
    assert content["channel"] == "alerts"
    assert "text" not in content
    (attachment,) = content["attachments"]
    assert (attachment["color"], attachment["title_link"]) == ("#a3182b", LINK)
    assert attachment["fallback"] == "300 images are out of compliance: CVE-2026-0001"
    head, found, images, last = attachment["text"].split("\n\n")
    assert head.startswith("**CVE\\-2026\\-0001 is new and critical**")
    assert found == "• `CVE-2026-0001 in openssl 3.0.1`: rule no\\-critical. To do: update openssl to 3.0.2"
    assert images.startswith("• [registry.example/shop/web:1](https://hullmark.example/api/v1/images/sha256:")
    assert last == f"[All 300 of them]({LINK})"


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (failed(400, "web.incoming_webhook.parse.app_error"), MessageRefused),
        (failed(400, "web.incoming_webhook.text.app_error"), MessageRefused),
        (failed(400, "web.incoming_webhook.invalid.app_error", "Invalid webhook."), Again),
        (Reply(status=400, body=b"<html>"), MessageRefused),
        (Reply(status=400, body=b"[]"), MessageRefused),
        (failed(403, "web.incoming_webhook.channel_locked.app_error"), Again),
        (failed(404, "web.incoming_webhook.channel.app_error"), Again),
        (failed(413, ""), MessageRefused),
        (failed(501, "web.incoming_webhook.disabled.app_error"), Again),
        (Reply(status=500), Again),
        (Reply(status=302), Again),
    ],
)
def test_answers_are_judged(reply: Reply, kind: type[Again | MessageRefused]) -> None:
    with pytest.raises(kind) as error:
        refusing(CHANNEL, delivery(), settings(), reply)
    assert "secret" not in str(error.value)


def test_it_is_left_alone_as_long_as_it_asks() -> None:
    with pytest.raises(Again) as error:
        refusing(CHANNEL, delivery(), settings(), Reply(status=429, headers={"retry-after": "2"}))
    assert error.value.after == 2


@pytest.mark.parametrize("given", [{}, {"url": "mattermost.example"}, {"url": HOOK, "channel": "@all"}])
def test_settings_that_cannot_be_meant_are_not_taken(given: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(given, Settings)


def check(content: dict[str, Any]) -> None:
    assert msgspec.json.decode(msgspec.json.encode(content)) == content
    assert len(msgspec.json.encode(content["attachments"]).decode().encode("utf-16-le")) // 2 <= MAX_ATTACHMENTS
    (attachment,) = content["attachments"]
    for text in strings(content):
        assert not re.search(r"@(all\b|here|channel|everyone)|(^|\s)@\w", text, re.IGNORECASE), text
    for line in (attachment["title"], *attachment["text"].splitlines()):
        # Without what is escaped, code, and our own links and emphasis, nothing is left that means anything.
        # Read from left to right: in code a backslash is one.
        rest = re.sub(r"\\[\\`*_{}\[\]()#+.!|>~-]|`[^`]+`", "", line)
        rest = re.sub(r"\[[^\[\]()]*\]\(https?://[^\s()<>\[\]]+\)", "", rest)
        rest = re.sub(r"^\*\*(.*)\*\*$", r"\1", rest)
        assert not re.search(r"[\\*_~`|>#\[\]()!]|://|www\.", rest), (line, rest)


@tried_on(20)
@given(deliveries())
def test_no_message_is_too_long_or_calls_anybody(sent: Delivery) -> None:
    check(message(sent))
    check(message(sent, "text"))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_only_a_name(name: str) -> None:
    check(
        message(delivery(notice(items=(item(reference=name, policy=name, environment=name),)), title=name, text=name))
    )


def test_much_text_is_cut_to_what_the_server_keeps() -> None:
    images = tuple(item(number, reference='"' * 200 + str(number)) for number in range(10))
    check(message(delivery(notice(items=images))))
    check(message(delivery(digest(groups=(notice(items=images),) * 8)), "rich", "town"))
    assert message(delivery(text='"' * 50_000), "text")["attachments"][0]["text"]
