"""Slack: what is sent, within its limits and harmless, and how its answers are judged."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given

from hullmark.notify.channel import Again, Delivery, MessageRefused, Reply
from hullmark.notify.slack import CHANNEL, MAX_BLOCKS, MAX_BLOCKS_LENGTH, MAX_SECTION, Settings, message
from tests.support.deliveries import HOSTILE, LINK, deliveries, delivery, digest, drive, item, notice, refusing, strings
from tests.support.examples import tried_on

HOOK = "https://hooks.slack.example/services/T0/B0/secret"
TOKEN = "xoxb-1"  # noqa: S105
OK = Reply(status=200, body=b"ok")


def hook(**more: Any) -> Settings:
    return msgspec.convert({"url": HOOK, **more}, Settings)


def bot(**more: Any) -> Settings:
    return msgspec.convert({"token": TOKEN, "channel": "C1", **more}, Settings)


def answer(status: int = 200, headers: dict[str, str] | None = None, **body: Any) -> Reply:
    return Reply(status=status, body=msgspec.json.encode(body), headers=headers or {})


def blocks_of(content: dict[str, Any]) -> list[dict[str, Any]]:
    (attachment,) = content["attachments"]
    return list(attachment["blocks"])


def test_a_webhook_gets_a_line_and_blocks_beside_a_coloured_bar() -> None:
    (post,), remote = drive(CHANNEL, delivery(), hook(), OK)
    assert (post.url, post.method, remote) == (HOOK, "POST", "")
    content = msgspec.json.decode(post.body)
    assert content["text"] == "300 images are out of compliance: CVE-2026-0001"
    assert content["attachments"][0]["color"] == "#a3182b"
    said = [block["text"]["text"] for block in blocks_of(content) if block["type"] == "section"]
    assert (
        said[0] == "*CVE-2026-0001 is new and critical*\n298 images out of compliance, 2 images with one more finding"
    )
    assert said[1] == "• `CVE-2026-0001 in openssl 3.0.1`: rule no-critical. To do: update openssl to 3.0.2"
    first, *_, more = said[2].splitlines()
    link = item().link
    assert (
        first
        == f"• <{link}|registry.example/shop/web:1>: out of compliance, policy base in production, go → stop, running"
    )
    assert more == f"<{LINK}|… and 297 more>"
    assert said[3] == f"<{LINK}|All 300 of them>"
    assert blocks_of(content)[-1]["elements"][0]["text"] == "Hullmark · shop · 2026-05-01 12:30 UTC"


def test_a_bot_writes_to_its_channel_and_answers_the_name_of_the_message() -> None:
    (post,), remote = drive(CHANNEL, delivery(), bot(), answer(ok=True, ts="1503435956.000247"))
    assert post.url == "https://slack.com/api/chat.postMessage"
    assert post.headers["Authorization"] == f"Bearer {TOKEN}"
    content = msgspec.json.decode(post.body)
    assert (content["channel"], "thread_ts" in content) == ("C1", False)
    assert remote == "1503435956.000247"


def test_more_of_a_cause_is_an_answer_in_the_thread_of_the_first() -> None:
    later = delivery(notice(part=2), earlier="1.1")
    (post,), remote = drive(CHANNEL, later, bot(), answer(ok=True, ts="2.2"))
    assert msgspec.json.decode(post.body)["thread_ts"] == "1.1"
    assert remote == "1.1"  # a third part answers the first as well


def test_where_the_thread_is_gone_it_is_a_message_of_its_own() -> None:
    later = delivery(notice(part=2), earlier="1.1")
    gone, there = answer(ok=False, error="thread_not_found"), answer(ok=True, ts="2.2")
    (_, second), remote = drive(CHANNEL, later, bot(), gone, there)
    assert "thread_ts" not in msgspec.json.decode(second.body)
    assert remote == "2.2"


@pytest.mark.parametrize(
    ("settings", "reply", "kind"),
    [
        (hook(), Reply(status=400, body=b"invalid_payload"), MessageRefused),
        (hook(), Reply(status=400, body=b"invalid_blocks"), MessageRefused),
        (hook(), Reply(status=400, body=b"no_text"), MessageRefused),
        (hook(), Reply(status=400, body=b"user_not_found"), Again),
        (hook(), Reply(status=400, body=b"<html>gateway"), Again),
        (hook(), Reply(status=403, body=b"action_prohibited"), Again),
        (hook(), Reply(status=404, body=b"no_service"), Again),
        (hook(), Reply(status=410, body=b"channel_is_archived"), Again),
        (hook(), Reply(status=500, body=b"rollup_error"), Again),
        (hook(), Reply(status=302), Again),
        (hook(), answer(ok=False, error="invalid_payload"), MessageRefused),
        (hook(), answer(ok=False, error="channel_not_found"), Again),
        (bot(), answer(ok=False, error="msg_too_long"), MessageRefused),
        (bot(), answer(ok=False, error="msg_blocks_too_long"), MessageRefused),
        (bot(), answer(ok=False, error="invalid_blocks"), MessageRefused),
        (bot(), answer(ok=False, error="invalid_auth"), Again),
        (bot(), answer(ok=False, error="not_in_channel"), Again),
        (bot(), answer(ok=False, error="ratelimited"), Again),
        (bot(), answer(ok=False, error="fatal_error"), Again),
        (bot(), answer(ok=False), Again),
        (bot(), Reply(status=200, body=b"<html>"), Again),
        (bot(), Reply(status=200, body=b"[]"), Again),
        (bot(), Reply(status=503), Again),
    ],
)
def test_what_slack_says_of_the_message_is_for_good_and_all_else_may_be_mended(
    settings: Settings, reply: Reply, kind: type[Again | MessageRefused]
) -> None:
    with pytest.raises(kind) as error:
        refusing(CHANNEL, delivery(), settings, reply)
    assert "secret" not in str(error.value)
    assert TOKEN not in str(error.value)


@pytest.mark.parametrize("settings", [hook(), bot()])
def test_it_is_left_alone_as_long_as_it_asks(settings: Settings) -> None:
    with pytest.raises(Again) as error:
        refusing(CHANNEL, delivery(), settings, answer(429, {"retry-after": "30"}, ok=False, error="ratelimited"))
    assert (error.value.status, error.value.after) == (429, 30)


@pytest.mark.parametrize("body", [b"ok", b"", b'{"ok": true}', b'{"success": true}x'])
def test_any_other_success_is_one(body: bytes) -> None:
    assert drive(CHANNEL, delivery(), hook(), Reply(status=200, body=body))[1] == ""


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"url": HOOK, "token": TOKEN, "channel": "C1"},
        {"token": TOKEN},
        {"url": "http://hooks.slack.example/services/secret"},
        {"url": "hooks.slack.example"},
        {"url": "https://user:pass@hooks.slack.example/"},
        {"token": "a b", "channel": "C1"},
        {"token": TOKEN, "channel": "C1", "api": "http://slack.example/api/"},
        {"url": HOOK, "other": 1},
    ],
)
def test_settings_that_cannot_be_meant_are_not_taken(settings: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.convert(settings, Settings)
    assert "secret" not in str(error.value)
    assert "pass@" not in str(error.value)


def test_this_machine_may_be_written_to_without_encryption() -> None:
    assert hook(url="http://127.0.0.1:8080/hook").url
    assert bot(api="http://localhost:8080").api


def test_the_template_alone_is_sent_where_that_is_asked_for() -> None:
    blocks = blocks_of(message(delivery(text="a & b\n<!here>"), "text"))
    assert [block["type"] for block in blocks] == ["section", "context"]
    assert blocks[0]["text"]["text"] == "a &amp; b\n&lt;\u200b!here&gt;"


def test_a_digest_tells_of_each_cause() -> None:
    said = "\n".join(strings(message(delivery(digest()))))
    assert "*CVE-2026-0001 is new and critical*" in said
    assert "*Policy base was replaced*" in said


def bare(text: str) -> str:
    """Markup without our links."""
    return re.sub(r"<https?://[^<>|\s]+\|[^<>|]*>", "", text)


def check(content: dict[str, Any]) -> None:
    assert msgspec.json.decode(msgspec.json.encode(content)) == content
    blocks = blocks_of(content)
    assert 1 <= len(blocks) <= MAX_BLOCKS
    assert len(msgspec.json.encode(blocks).decode().encode("utf-16-le")) // 2 <= MAX_BLOCKS_LENGTH
    marked = [content["text"]]
    assert len(content["text"]) <= 3000
    for block in blocks:
        if block["type"] == "section":
            text = block["text"]
            assert text["verbatim"]
            assert 1 <= len(text["text"]) <= MAX_SECTION
            marked.append(text["text"])
        else:
            (element,) = block["elements"]
            assert element["type"] == "plain_text"
            assert 1 <= len(element["text"]) <= 2000
    for text in marked:
        assert not re.search(r"[<>]", bare(text)), text
        assert not re.search(r"&(?!amp;|lt;|gt;)", bare(text)), text
        assert not re.search(r"@(everyone|here|channel|all\b)|<[!@#]", text, re.IGNORECASE), text


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


def test_people_read_the_words_that_the_account_chose() -> None:
    (post,), _ = drive(CHANNEL, delivery(text="Our own words"), hook(), OK)
    assert blocks_of(msgspec.json.decode(post.body))[0]["text"]["text"] == "Our own words"
