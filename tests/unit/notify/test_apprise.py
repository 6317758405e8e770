"""Apprise: what is handed to the library, and which services are none."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given

from hullmark.notify.apprise import CHANNEL, LOCAL_SCHEMES, MAX_BODY, Settings
from hullmark.notify.channel import Again, Delivery, Reply
from tests.support.deliveries import HOSTILE, deliveries, delivery, digest, drive, notice, refusing

URL = "gotify://push.example/secret"


def settings(url: str = URL) -> Settings:
    return msgspec.convert({"url": url}, Settings)


def test_the_title_and_the_text_are_handed_over() -> None:
    (relay,), remote = drive(CHANNEL, delivery(), settings(), Reply(status=200))
    assert (relay.url, remote) == (URL, "")
    assert relay.title == "300 images are out of compliance: CVE-2026-0001"
    assert relay.body.splitlines()[0] == "CVE-2026-0001 is new and critical"
    assert "- and 297 more" in relay.body.splitlines()


@pytest.mark.parametrize(
    ("of", "level"),
    [
        (notice(), "failure"),
        (notice(severity="medium"), "warning"),
        (notice(severity="unknown"), "info"),
        (notice(kinds={"compliance.regained": 1}), "success"),
        (notice(kinds={"compliance.regained": 1, "compliance.lost": 1}), "failure"),
        (digest(), "info"),
    ],
)
def test_the_level_is_how_bad_it_is(of: Any, level: str) -> None:
    (relay,), _ = drive(CHANNEL, delivery(of), settings(), Reply(status=200))
    assert relay.level == level


def test_what_did_not_go_out_is_tried_again_and_the_url_not_shown() -> None:
    with pytest.raises(Again, match="gotify") as error:
        refusing(CHANNEL, delivery(), settings(), Reply(status=500))
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("scheme", sorted(LOCAL_SCHEMES))
def test_services_on_the_servers_own_machine_are_not_taken(scheme: str) -> None:
    for written in (scheme, scheme.upper()):
        with pytest.raises(msgspec.ValidationError, match="own machine"):
            settings(f"{written}://x")


@pytest.mark.parametrize(
    "url", ["", "gotify", "gotify://", "json://a json://b", "json://a\njson://b", "://x", "1x://y"]
)
def test_what_is_not_one_url_is_not_taken(url: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        settings(url)


def check(sent: Delivery) -> None:
    (relay,), _ = drive(CHANNEL, sent, settings(), Reply(status=200))
    assert relay.body
    assert len(relay.title) <= 400
    assert len(relay.body) <= MAX_BODY
    for text in (relay.title, relay.body):
        assert not re.search(r"@(everyone|here|channel|all\b)|(^|\s)@\w|<[@!#]", text, re.IGNORECASE), text
        assert text.encode().decode() == text
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)


@given(deliveries())
def test_nobody_is_called_and_nothing_is_too_long(sent: Delivery) -> None:
    check(sent)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_only_a_name(name: str) -> None:
    check(delivery(title=name, text=name))
    check(delivery(text=name * 2000))
