"""Teams: the card, within its limits and without markup, and how answers are judged."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given

from hullmark.notify.channel import Again, Delivery, MessageRefused, Reply
from hullmark.notify.teams import CHANNEL, Settings, card, message
from tests.support.deliveries import HOSTILE, LINK, deliveries, delivery, digest, drive, item, notice, refusing, strings
from tests.support.examples import tried_on

HOOK = "https://prod-1.westeurope.logic.azure.example/workflows/a/triggers/manual/paths/invoke?api-version=2016-06-01&sig=secret"
LIMIT = 28 * 1024


def settings(**more: Any) -> Settings:
    return msgspec.convert({"url": HOOK, **more}, Settings)


def runs(part: Any) -> list[dict[str, Any]]:
    """Every text run in a card."""
    if isinstance(part, dict):
        return [part] if part.get("type") == "TextRun" else [run for each in part.values() for run in runs(each)]
    return [run for each in part for run in runs(each)] if isinstance(part, list) else []


def test_a_message_is_a_card() -> None:
    (post,), remote = drive(CHANNEL, delivery(), settings(), Reply(status=202))
    assert (post.url, remote) == (HOOK, "")
    assert post.headers["Content-Type"] == "application/json; charset=utf-8"
    content = msgspec.json.decode(post.body)
    (attachment,) = content["attachments"]
    assert (content["type"], attachment["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    shown = attachment["content"]
    assert (shown["type"], shown["version"]) == ("AdaptiveCard", "1.4")
    assert shown["actions"] == [{"type": "Action.OpenUrl", "title": "All 300 of them", "url": LINK}]
    head, *rows, foot = shown["body"]
    assert (head["type"], head["style"]) == ("Container", "attention")
    said = ["".join(run["text"] for run in runs(row)) for row in (head, *rows, foot)]
    assert said == [
        "300 images are out of compliance: CVE-2026-0001",
        "CVE-2026-0001 is new and critical",
        "298 images out of compliance, 2 images with one more finding",
        "• CVE-2026-0001 in openssl 3.0.1: rule no-critical. To do: update openssl to 3.0.2",
        "• registry.example/shop/web:1: out of compliance, policy base in production, go → stop, running",
        "• registry.example/shop/web:2: out of compliance, policy base in production, go → stop",
        "• registry.example/shop/web:3: out of compliance, policy base in production, go → stop",
        "… and 297 more",
        "Hullmark · shop · 2026-05-01 12:30 UTC",
    ]
    assert runs(rows[3])[1]["selectAction"] == {"type": "Action.OpenUrl", "url": item().link}


@pytest.mark.parametrize("reply", [Reply(status=202), Reply(status=200, body=b"1"), Reply(status=200)])
def test_what_was_accepted_is_done(reply: Reply) -> None:
    assert drive(CHANNEL, delivery(), settings(), reply)[1] == ""


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(status=400, body=b'{"error":{"code":"TriggerInputSchemaMismatch"}}'), MessageRefused),
        (Reply(status=413), MessageRefused),
        (Reply(status=401, body=b'{"error":{"code":"DirectApiAuthorizationRequired"}}'), Again),
        (Reply(status=404, body=b'{"error":{"code":"WorkflowNotFound"}}'), Again),
        (Reply(status=502), Again),
        (Reply(status=302), Again),
        (
            Reply(
                status=200,
                body=b"Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId x",
            ),
            Again,
        ),
        (
            Reply(
                status=200,
                body=b"Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 413 with ContextId x",
            ),
            MessageRefused,
        ),
    ],
)
def test_answers_are_judged(reply: Reply, kind: type[Again | MessageRefused]) -> None:
    with pytest.raises(kind) as error:
        refusing(CHANNEL, delivery(), settings(), reply)
    assert "secret" not in str(error.value)


def test_it_is_left_alone_as_long_as_it_asks() -> None:
    with pytest.raises(Again) as error:
        refusing(CHANNEL, delivery(), settings(), Reply(status=429, headers={"retry-after": "17"}))
    assert error.value.after == 17


@pytest.mark.parametrize("given", [{}, {"url": "http://teams.example/x"}, {"url": ""}, {"url": HOOK, "x": 1}])
def test_settings_that_cannot_be_meant_are_not_taken(given: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(given, Settings)


def check(example: Delivery, layout: str) -> None:
    sent = message(example, layout)
    assert len(sent) <= LIMIT
    assert len(sent.decode().encode("utf-16-le")) <= LIMIT
    (attachment,) = msgspec.json.decode(sent)["attachments"]
    body = attachment["content"]["body"]
    # Only text runs hold words: markup means nothing in them.
    words = {run["text"] for run in runs(body)}
    assert all(words)
    assert {part["type"] for part in body} <= {"Container", "RichTextBlock"}
    fixed = {"Container", "RichTextBlock", "TextRun", "Monospace", "Bolder", "Medium", "Small", "Action.OpenUrl"}
    styles = {"attention", "warning", "accent", "good", "emphasis"}
    others = set(strings(body)) - words - fixed - styles
    assert all(url.startswith(("https://", "http://")) for url in others), others
    assert not any("{{" in text for text in words)


@tried_on(20)
@given(deliveries())
def test_no_card_is_too_large_or_has_markup(example: Delivery) -> None:
    check(example, "rich")
    check(example, "text")


@pytest.mark.parametrize("name", [*HOSTILE, "{{{{{DATE(x)}}"])
def test_a_name_is_only_a_name(name: str) -> None:
    check(delivery(notice(items=(item(reference=name, policy=name, environment=name),)), title=name, text=name), "rich")


def test_what_does_not_fit_is_left_out_and_the_last_lines_stay() -> None:
    long = notice(items=tuple(item(number, reference="ö" * 190 + str(number)) for number in range(10)))
    large = delivery(digest(groups=(long,) * 8))
    check(large, "rich")
    body = card(large)["body"]
    assert runs(body[-1])[0]["text"].startswith("Hullmark · shop")
    assert len(body) > 20
