"""Alerts of Opsgenie: their whole life, and their limits."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings

from hullmark.notify.channel import Delivery
from hullmark.notify.opsgenie import CHANNEL, Settings
from tests.support.thread_lives import Lives, Plan, live, plans
from tests.support.trackers import NOW, Ledger, Opsgenie, drive, item, notice


class TestOpsgenie(Lives):
    def ledger(self) -> Ledger:
        return Ledger(CHANNEL, Settings(api_key="K"), Opsgenie())

    def state(self, at: Ledger) -> object:
        assert isinstance(at.tracker, Opsgenie)
        return {alias: (alert["is_open"], tuple(alert["notes"])) for alias, alert in at.tracker.alerts.items()}


def test_settings_become_hosts_tags_responders_and_priorities() -> None:
    tracker = Opsgenie()
    delivery = {
        "api_key": "K",
        "region": "eu",
        "tags": ["shop"],
        "responders": [{"name": "ops"}],
        "priorities": {"high": "P1"},
    }
    at = Ledger(CHANNEL, msgspec.convert(delivery, Settings), tracker)
    at.tell(1, [("compliance.lost", "CVE-2026-1", 1)])
    assert tracker.requests[0].url == "https://api.eu.opsgenie.com/v2/alerts"
    (alert,) = tracker.alerts.values()
    assert (alert["tags"], alert["priority"]) == (["hullmark", "shop"], "P1")
    assert alert["responders"] == [{"name": "ops", "type": "team"}]


def test_a_change_is_a_note() -> None:
    tracker = Opsgenie()
    at = Ledger(CHANNEL, Settings(api_key="K"), tracker)
    at.tell(1, [("compliance.lost", "CVE-2026-1", 1)])
    at.tell(2, [("compliance.lost", "CVE-2026-1", 2)])
    (alert,) = tracker.alerts.values()
    assert (len(alert["notes"]), alert["count"]) == (1, 2)
    assert "2 images are concerned." in alert["notes"][0]


def test_nothing_is_too_long() -> None:
    at = Ledger(CHANNEL, Settings(api_key="K"), Opsgenie())
    many = tuple(item(number, reference="r" * 5000) for number in range(1, 200))
    thread = msgspec.structs.replace(
        at._thread("advisory:x", True), key="k" * 9000, title="t" * 900, is_open=True, open=many, open_count=500
    )
    delivery = Delivery(notice=notice(1), title="t" * 10_000, text="x" * 900_000, now=NOW, threads=(thread,))
    drive(CHANNEL.deliver(delivery, Settings(api_key="K")), at.tracker)
    assert at.tracker.open() == {thread.marker}


@given(plan=plans)
@settings(max_examples=60, deadline=None)
def test_what_is_open_there_is_what_is_open_here(plan: Plan) -> None:
    live(Ledger(CHANNEL, Settings(api_key="K"), Opsgenie()), plan)
