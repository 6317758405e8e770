"""What is true of every channel that keeps threads: told as facts once, and checked for each."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import strategies as st

from hullmark.notify.channel import Again, Delivery
from tests.support.trackers import NOW, Cut, Ledger, drive, notice, said

KINDS = ("compliance.lost", "compliance.regained", "finding.new", "finding.worse", "finding.retracted", "fix.available")
SUBJECTS = ("CVE-2026-1", "CVE-2026-2", 'tag "x" OR 1=1 <b>*@all* #1 `{code}')
changes = st.tuples(st.sampled_from(KINDS), st.sampled_from(SUBJECTS), st.integers(1, 3))
messages = st.lists(changes, min_size=1, max_size=5)
Plan = list[tuple[list[tuple[str, str, int]], int, bool]]
plans: st.SearchStrategy[Plan] = st.lists(st.tuples(messages, st.integers(0, 5), st.booleans()), min_size=1, max_size=8)


class Lives:
    """Facts about a channel; its tests inherit them and give a fresh ledger."""

    def ledger(self) -> Ledger:
        """The channel, with a tracker in which nothing is."""
        raise NotImplementedError

    def test_it_opens_changes_closes_and_opens_again(self) -> None:
        at = self.ledger()
        marker = at.marker("CVE-2026-1")
        assert at.tell(1, [("compliance.lost", "CVE-2026-1", 1)])
        assert at.tracker.open() == {marker}
        at.tell(2, [("compliance.lost", "CVE-2026-1", 2), ("finding.new", "CVE-2026-2", 1)])
        assert at.tracker.open() == {marker, at.marker("CVE-2026-2")}
        at.tell(3, [("compliance.regained", "CVE-2026-1", 1)])
        assert at.tracker.open() == {marker}, "the other image still is"
        at.tell(4, [("finding.retracted", "CVE-2026-1", 2)])
        assert at.tracker.open() == set()
        at.tell(5, [("compliance.lost", "CVE-2026-1", 2)])
        assert at.tracker.open() == {marker}

    def test_told_twice_nothing_more_is_said(self) -> None:
        at = self.ledger()
        at.tell(1, [("compliance.lost", "CVE-2026-1", 1)])
        once = self.state(at)
        at.tell(1, [("compliance.lost", "CVE-2026-1", 1)])
        assert self.state(at) == once
        at.tell(2, [("finding.worse", "CVE-2026-1", 1)])
        once = self.state(at)
        at.tell(2, [("finding.worse", "CVE-2026-1", 1)])
        assert self.state(at) == once

    def state(self, at: Ledger) -> object:
        """All that people see there."""
        raise NotImplementedError

    @pytest.mark.parametrize("cut_after", range(8))
    def test_killed_at_any_request_it_is_made_once(self, cut_after: int) -> None:
        at = self.ledger()
        with contextlib.suppress(Cut):
            at.tell(1, [("compliance.lost", "CVE-2026-1", 1)], cut_after=cut_after)
        at.tell(1, [("compliance.lost", "CVE-2026-1", 1)])
        assert at.tracker.open() == {at.marker("CVE-2026-1")}, "open() fails if there are two"
        with contextlib.suppress(Cut):
            at.tell(2, [("compliance.regained", "CVE-2026-1", 1)], cut_after=cut_after)
        at.tell(2, [("compliance.regained", "CVE-2026-1", 1)])
        assert at.tracker.open() == set()

    def test_a_message_that_comes_late_again_opens_nothing(self) -> None:
        at = self.ledger()
        at.tell(1, [("compliance.lost", "CVE-2026-1", 1)])
        at.tell(2, [("compliance.regained", "CVE-2026-1", 1)])
        at.tell(1, [("compliance.lost", "CVE-2026-1", 1)])
        assert at.tracker.open() == set()

    def test_without_threads_nothing_is_sent(self) -> None:
        at = self.ledger()
        at.tell(1, [("fix.available", "CVE-2026-1", 1)])
        assert at.tracker.requests == []

    def test_a_test_is_opened_and_closed(self) -> None:
        at = self.ledger()
        delivery = Delivery(notice=notice(7, is_test=True), title="A test", text="All is well.", now=NOW)
        drive(at.channel.deliver(delivery, at.settings), at.tracker)
        assert len(at.tracker.requests) >= 2
        assert at.tracker.open() == set()
        assert self.state(at), "something was there"

    @pytest.mark.parametrize(("status", "seconds"), [(429, 7.0), (503, 7.0)])
    def test_asked_to_wait_it_waits(self, status: int, seconds: float) -> None:
        at = self.ledger()
        at.tracker.first.append(said(status, {"message": "slow down"}, retry_after="7"))
        with pytest.raises(Again) as told:
            at.tell(1, [("compliance.lost", "CVE-2026-1", 1)])
        assert told.value.after == seconds
        at.tell(1, [("compliance.lost", "CVE-2026-1", 1)])
        assert at.tracker.open() == {at.marker("CVE-2026-1")}

    @pytest.mark.parametrize("status", [401, 403])
    def test_what_is_not_permitted_may_be_later(self, status: int) -> None:
        at = self.ledger()
        at.tracker.first.append(said(status, {"message": "no"}))
        with pytest.raises(Again, match=f"answered {status}"):
            at.tell(1, [("compliance.lost", "CVE-2026-1", 1)])


def live(at: Ledger, plan: Plan) -> None:
    """Live through a plan: after each message, what is open there is what is open here."""
    for number, (message, cut_after, is_twice) in enumerate(plan, 1):
        with contextlib.suppress(Cut):
            at.tell(number, message, cut_after=cut_after)
        for _ in range(1 + is_twice):
            at.tell(number, message)
        assert at.tracker.open() == at.open()
