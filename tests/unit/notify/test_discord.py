"""Discord: what is sent, within its limits and harmless, and how its answers are judged."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given

from hullmark.notify.channel import Again, Delivery, MessageRefused, Reply
from hullmark.notify.discord import CHANNEL, MAX_DESCRIPTION, MAX_TITLE, Settings, message
from tests.support.deliveries import HOSTILE, LINK, deliveries, delivery, digest, drive, item, notice, refusing
from tests.support.examples import tried_on

MAX_FOOTER, MAX_EMBED = 2048, 6000
"""What Discord takes of a footer, and of an embed in all."""
HOOK = "https://discord.example/api/webhooks/1/secret"


def settings(**more: Any) -> Settings:
    return msgspec.convert({"url": HOOK, **more}, Settings)


def answer(status: int = 200, headers: dict[str, str] | None = None, **body: Any) -> Reply:
    return Reply(status=status, body=msgspec.json.encode(body), headers=headers or {})


def test_a_message_is_an_embed_that_mentions_nobody() -> None:
    (post,), remote = drive(CHANNEL, delivery(), settings(), answer(id="99"))
    assert (post.url, remote) == (f"{HOOK}?wait=true", "99")
    content = msgspec.json.decode(post.body)
    assert content["allowed_mentions"] == {"parse": []}
    (embed,) = content["embeds"]
    assert embed["title"] == "300 images are out of compliance\\: CVE\\-2026\\-0001"
    assert (embed["color"], embed["url"], embed["timestamp"]) == (0xA3182B, LINK, "2026-05-01T12:30:00+00:00")
    head, found, images, last = embed["description"].split("\n\n")
    assert head.startswith("**CVE\\-2026\\-0001 is new and critical**\n298 images out of compliance")
    assert found == "• `CVE-2026-0001 in openssl 3.0.1`: rule no\\-critical. To do\\: update openssl to 3.0.2"
    assert images.startswith(
        f"• [registry.example/shop/web\\:1]({item().link}): out of compliance, policy base in production"
    )
    assert last == f"[All 300 of them]({LINK})"


def test_a_thread_is_named_in_the_address() -> None:
    (post,), _ = drive(
        CHANNEL, delivery(), settings(url=f"{HOOK}?wait=false&with_components=true", thread="42"), answer(204)
    )
    assert post.url == f"{HOOK}?with_components=true&wait=true&thread_id=42"


@pytest.mark.parametrize(
    ("reply", "kind", "after"),
    [
        (answer(400, code=50035, message="Invalid Form Body"), MessageRefused, None),
        (answer(404, code=10015, message="Unknown Webhook"), Again, None),
        (answer(401), Again, None),
        (answer(429, {"retry-after": "65"}, retry_after=64.57, message="You are being rate limited."), Again, 64.57),
        (Reply(status=429, body=b"<html>", headers={"retry-after": "7"}), Again, 7),
        (answer(429, retry_after=1e9), Again, 3600),
        (answer(429, retry_after=-5), Again, 0),
        (Reply(status=502, body=b"bad gateway"), Again, None),
        (Reply(status=307), Again, None),
    ],
)
def test_answers_are_judged(reply: Reply, kind: type[Again | MessageRefused], after: float | None) -> None:
    with pytest.raises(kind) as error:
        refusing(CHANNEL, delivery(), settings(), reply)
    assert getattr(error.value, "after", None) == after
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("reply", [Reply(status=204), Reply(status=200, body=b"[]"), answer(id="")])
def test_a_success_needs_no_body(reply: Reply) -> None:
    assert drive(CHANNEL, delivery(), settings(), reply)[1] == ""


@pytest.mark.parametrize("given", [{}, {"url": "http://discord.example/x"}, {"url": HOOK, "thread": "x"}, {"url": 1}])
def test_settings_that_cannot_be_meant_are_not_taken(given: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(given, Settings)


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def check(content: dict[str, Any]) -> None:
    assert msgspec.json.decode(msgspec.json.encode(content)) == content
    assert content["allowed_mentions"] == {"parse": []}
    (embed,) = content["embeds"]
    title, text, footer = embed["title"], embed["description"], embed["footer"]["text"]
    assert 1 <= units(title) <= MAX_TITLE
    assert units(text) <= MAX_DESCRIPTION
    assert units(footer) <= MAX_FOOTER
    assert units(title) + units(text) + units(footer) <= MAX_EMBED
    for line in (title, *text.splitlines()):
        assert not re.search(r"@(everyone|here)|<[@#!]", line), line
        # Without what is escaped, code, and our own links, emphasis and bullets, nothing is left that means anything.
        # Read from left to right: in code a backslash is one.
        rest = re.sub(r"\\[^\w\s]|\\_|`[^`]+`", "", line)
        rest = re.sub(r"\[[^\[\]()]*\]\(https?://[^\s()<>\[\]]+\)", "", rest)
        rest = re.sub(r"^\*\*(.*)\*\*$", r"\1", rest)
        assert not re.search(r"[\\*_~`|<>#\[\]()]|://", rest), (line, rest)


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


def test_a_digest_tells_of_each_cause() -> None:
    text = message(delivery(digest()))["embeds"][0]["description"]
    assert "**CVE\\-2026\\-0001 is new and critical**" in text
    assert "**Policy base was replaced**" in text
