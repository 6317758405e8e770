"""Alerts of PagerDuty: their whole life, and what is in an event."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings

from hullmark.model.notice import Evidence
from hullmark.notify.channel import Delivery, MessageRefused
from hullmark.notify.pagerduty import CHANNEL, Settings
from tests.support.thread_lives import Lives, Plan, live, plans
from tests.support.trackers import NOW, Ledger, PagerDuty, drive, item, notice

KEY = "R" * 32


class TestPagerDuty(Lives):
    def ledger(self) -> Ledger:
        return Ledger(CHANNEL, Settings(routing_key=KEY), PagerDuty())

    def state(self, at: Ledger) -> object:
        assert isinstance(at.tracker, PagerDuty)
        return dict(at.tracker.alerts), dict(at.tracker.last)


@pytest.mark.parametrize(
    ("more", "url"),
    [
        ({}, "https://events.pagerduty.com/v2/enqueue"),
        ({"region": "eu"}, "https://events.eu.pagerduty.com/v2/enqueue"),
        ({"url": "https://proxy.example/pd/"}, "https://proxy.example/pd/v2/enqueue"),
    ],
)
def test_the_region_is_a_host(more: dict[str, str], url: str) -> None:
    at = Ledger(CHANNEL, msgspec.convert({"routing_key": KEY, **more}, Settings), PagerDuty())
    at.tell(1, [("compliance.lost", "CVE-2026-1", 1)])
    assert at.tracker.requests[0].url == url


def test_an_event_says_how_bad_where_and_what() -> None:
    tracker = PagerDuty()
    at = Ledger(CHANNEL, Settings(routing_key=KEY), tracker)
    at.tell(1, [("compliance.lost", "CVE-2026-1", 1)])
    (event,) = tracker.last.values()
    assert event["payload"]["severity"] == "error"
    assert event["payload"]["source"] == "hullmark/shop"
    assert event["links"] == [{"href": "https://hullmark.example/all", "text": "All of it"}]
    assert event["payload"]["custom_details"]["first"][0]["digest"] == f"sha256:{1:064x}"
    at = Ledger(CHANNEL, Settings(routing_key=KEY, levels={"high": "critical"}), tracker)
    at.tell(2, [("compliance.lost", "CVE-2026-1", 1)])
    (event,) = tracker.last.values()
    assert event["payload"]["severity"] == "critical"


def test_an_event_is_never_too_long() -> None:
    at = Ledger(CHANNEL, Settings(routing_key=KEY), PagerDuty())
    thread = at._thread("advisory:x", False)
    seen = (Evidence(message="漢" * 5000),)
    many = tuple(item(n, reference="漢" * 5000, link="https://x/" + "y" * 3000, evidence=seen) for n in range(1, 200))
    thread = msgspec.structs.replace(thread, is_open=True, open=many, open_count=500)
    delivery = Delivery(notice=notice(1), title="t" * 10_000, text="x" * 900_000, now=NOW, threads=(thread,))
    drive(CHANNEL.deliver(delivery, Settings(routing_key=KEY)), at.tracker)
    assert at.tracker.open() == {thread.marker}, "the fake takes 512,000 bytes at most"
    assert len(at.tracker.requests[0].body) > 200_000


def test_a_wrong_key_is_refused_and_not_shown() -> None:
    at = Ledger(CHANNEL, Settings(routing_key="hidden-key"), PagerDuty())
    with pytest.raises(MessageRefused) as told:
        at.tell(1, [("compliance.lost", "CVE-2026-1", 1)])
    assert "hidden-key" not in str(told.value)


@given(plan=plans)
@settings(max_examples=60, deadline=None)
def test_what_is_open_there_is_what_is_open_here(plan: Plan) -> None:
    live(Ledger(CHANNEL, Settings(routing_key=KEY), PagerDuty()), plan)
