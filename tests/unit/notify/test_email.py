"""Mails: text and HTML, one conversation for each cause, and nothing in a name that becomes a header or markup."""

from __future__ import annotations

import re
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from hypothesis import given

from hullmark.notify.channel import Delivery, Reply
from hullmark.notify.email import CHANNEL, Settings, mail
from hullmark.notify.words import text_of
from hullmark.server.stories.notice.mailing import compose_mail
from tests.support.deliveries import AT, HOSTILE, LINK, cause, deliveries, delivery, digest, drive, item, notice
from tests.support.examples import tried_on


def settings(**more: Any) -> Settings:
    return msgspec.convert({"to": ["a@example.test", "b@example.test"], **more}, Settings)


class Page(HTMLParser):
    """The tags, links and words of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.words += data


def read(example: Delivery, given: Settings) -> EmailMessage:
    """The mail, as who receives it reads it."""
    parsed = message_from_bytes(compose_mail(mail(example, given), "notice@hullmark.test", AT), policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def test_a_mail_says_what_happened_in_text_and_html() -> None:
    (sent,), remote = drive(CHANNEL, delivery(), settings(relay="smtp://u:p@relay.example:587"), Reply(status=200))
    assert (sent.to, sent.relay) == (("a@example.test", "b@example.test"), "smtp://u:p@relay.example:587")
    assert sent.subject == "300 images are out of compliance: CVE-2026-0001"
    assert remote == sent.message_id
    lines = sent.text.splitlines()
    assert "CVE-2026-0001 is new and critical" in lines
    assert "- CVE-2026-0001 in openssl 3.0.1: rule no-critical. To do: update openssl to 3.0.2" in lines
    assert f"… and 297 more <{LINK}>" in lines
    assert f"All 300 of them: {LINK}" in lines
    page = Page(sent.html)
    assert "CVE-2026-0001 in openssl 3.0.1" in page.words
    assert ("href", LINK) in page.attributes


def test_mails_of_one_cause_are_one_conversation_and_a_repeated_one_is_known() -> None:
    first, again = mail(delivery(), settings()), mail(delivery(), settings())
    more = mail(delivery(notice(id="other", part=2)), settings())
    other = mail(delivery(notice(id="third", cause=cause(key="policy:base@2"))), settings())
    assert first.message_id == again.message_id != more.message_id
    assert first.thread == more.thread != other.thread
    assert mail(delivery(notice(account="another")), settings()).thread != first.thread
    assert mail(delivery(digest()), settings()).thread == ""
    for name in (first.message_id, first.thread):
        assert re.fullmatch(r"<[0-9a-f]{40}@hullmark\.invalid>", name)
    assert mail(delivery(), settings(sender="n@example.test")).message_id.endswith("@example.test>")


def test_the_template_alone_is_sent_where_that_is_asked_for() -> None:
    sent = mail(delivery(text="One <b>\nTwo"), settings(layout="text"))
    assert (sent.text, sent.html) == ("One <b>\nTwo\n", "")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"to": []},
        {"to": ["no address"]},
        {"to": ["a@example.test\r\nBcc: b@example.test"]},
        {"to": ["a@example.test\n"]},
        {"to": ["a@example.test, b@example.test"]},
        {"to": ["A <a@example.test>"]},
        {"to": ["a@example.test"] * 51},
        {"to": ["a@example.test"], "sender": "x"},
        {"to": ["a@example.test"], "relay": "http://relay.example"},
        {"to": ["a@example.test"], "relay": "smtp://u:p@relay.example/x?y"},
    ],
)
def test_settings_that_cannot_be_meant_are_not_taken(given: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(given, Settings)


def check(example: Delivery, given: Settings) -> None:
    parsed = read(example, given)
    assert sorted(name.lower() for name in parsed) == sorted(
        name.lower()
        for name in (
            *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"),
            *(("In-Reply-To", "References") if mail(example, given).thread else ()),
            *(("Content-Transfer-Encoding",) if given.layout == "text" else ()),
        )
    )
    assert parsed["To"] == "a@example.test, b@example.test"
    assert not parsed.defects
    text, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
    assert text is not None
    assert text.get_content().strip()
    if html is None:
        return
    page = Page(html.get_content())
    assert page.tags <= {"html", "head", "meta", "body", "div", "h2", "p", "br", "strong", "code", "a"}
    assert {name for name, _ in page.attributes} <= {"lang", "charset", "style", "href"}
    links = [value for name, value in page.attributes if name == "href"]
    assert all(value and value.startswith(("https://", "http://")) for value in links)


@tried_on(20)
@given(deliveries())
def test_whatever_names_hold_it_is_one_mail_without_foreign_markup(example: Delivery) -> None:
    check(replace(example, text=text_of(example.notice)), settings())


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_only_a_name(name: str) -> None:
    named = delivery(notice(items=(item(reference=name, policy=name, environment=name),)), title=name, text=f"x {name}")
    check(replace(named, text=text_of(named.notice)), settings())
    check(named, settings(layout="text"))
