"""Issues on GitHub: their whole life, what they show, and what foreign words cannot do."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given, settings

from hullmark.notify.channel import Again, Delivery, MessageRefused
from hullmark.notify.github import CHANNEL, Settings
from tests.support.thread_lives import Lives, Plan, live, plans
from tests.support.trackers import NOW, Cut, GitHub, Ledger, drive, item, notice, said

TO = Settings(repository="o/r", token="T")  # noqa: S106
LOST = ("compliance.lost", "CVE-2026-1", 1)


def fresh() -> tuple[Ledger, GitHub]:
    tracker = GitHub()
    return Ledger(CHANNEL, TO, tracker), tracker


class TestGitHub(Lives):
    def ledger(self) -> Ledger:
        return fresh()[0]

    def state(self, at: Ledger) -> object:
        assert isinstance(at.tracker, GitHub)
        issues = {number: (issue["state"], issue["body"]) for number, issue in at.tracker.issues.items()}
        return issues, {number: tuple(found) for number, found in at.tracker.comments.items()}


@given(plan=plans)
@settings(max_examples=60, deadline=None)
def test_what_is_open_there_is_what_is_open_here(plan: Plan) -> None:
    live(fresh()[0], plan)


def test_an_issue_that_the_search_does_not_know_yet_is_found_among_the_newest() -> None:
    at, tracker = fresh()
    tracker.is_blind = True
    with pytest.raises(Cut):
        at.tell(1, [LOST], cut_after=2)
    assert (len(tracker.issues), at.remote) == (1, {})
    at.tell(1, [LOST])
    assert len(tracker.issues) == 1
    assert at.remote == {"advisory:CVE-2026-1": "1"}


def test_an_issue_that_is_no_longer_among_the_newest_is_searched_for() -> None:
    at, tracker = fresh()
    at.tell(1, [LOST])
    for number in range(2, 60):
        tracker.issues[number] = {"number": number, "body": "another's", "state": "open", "title": "x"}
    at.remote.clear()
    at.tell(2, [("finding.worse", "CVE-2026-1", 1)])
    assert at.remote == {"advisory:CVE-2026-1": "1"}
    assert len(tracker.comments[1]) == 1


def test_where_the_page_of_the_newest_issues_cannot_be_read_the_search_is_used() -> None:
    at, tracker = fresh()
    at.tell(1, [LOST])
    at.remote.clear()
    tracker.first.append(msgspec.structs.replace(said(200), body=b'[{"number": 1, "bo'))
    at.tell(2, [("finding.worse", "CVE-2026-1", 1)])
    assert (list(tracker.issues), at.remote) == ([1], {"advisory:CVE-2026-1": "1"})


def test_boxes_of_mended_images_go_where_there_is_no_room_for_them() -> None:
    at, tracker = fresh()
    at.tell(1, [LOST])
    start, end = "<!-- hullmark images -->\n", "\n<!-- /hullmark images -->"
    body = tracker.issues[1]["body"]
    assert start in body
    old = "\n".join(f"- [x] `{'r' * 5000}:{number}`" for number in range(30))
    tracker.issues[1]["body"] = body.replace(end, f"\n{old}{end}")
    at.tell(2, [("compliance.lost", "CVE-2026-1", 2)])
    body = tracker.issues[1]["body"]
    ticked = re.findall(r"^- \[x\] `r{5000}:(\d+)`$", body, re.M)
    assert ticked == [str(number) for number in range(len(ticked))]
    assert 0 < len(ticked) < 30
    assert len(re.findall(r"^- \[ \] ", body, re.M)) == 2


def test_an_issue_that_was_deleted_is_made_anew() -> None:
    at, tracker = fresh()
    at.tell(1, [LOST])
    del tracker.issues[1]
    at.tell(2, [("finding.worse", "CVE-2026-1", 1)])
    assert list(tracker.issues) == [2]
    del tracker.issues[2]
    at.tell(3, [("compliance.regained", "CVE-2026-1", 1)])
    assert tracker.issues == {}, "nothing is made to be closed"


def test_boxes_are_ticked_when_images_are_mended() -> None:
    at, tracker = fresh()
    at.tell(1, [LOST, ("compliance.lost", "CVE-2026-1", 2)])
    assert len(re.findall(r"^- \[ \] ", tracker.issues[1]["body"], re.M)) == 2
    at.tell(2, [("compliance.regained", "CVE-2026-1", 1)])
    body = tracker.issues[1]["body"]
    assert re.findall(r"^- \[(.)\] `registry.example/shop/seller:(\d)", body, re.M) == [(" ", "2"), ("x", "1")]
    at.tell(3, [("compliance.regained", "CVE-2026-1", 2)])
    assert len(re.findall(r"^- \[x\] ", tracker.issues[1]["body"], re.M)) == 2
    assert (tracker.issues[1]["state"], tracker.issues[1]["state_reason"]) == ("closed", "completed")
    at.tell(4, [LOST])
    body = tracker.issues[1]["body"]
    assert re.findall(r"^- \[(.)\] `registry.example/shop/seller:(\d)", body, re.M) == [(" ", "1"), ("x", "2")]
    assert (tracker.issues[1]["state"], tracker.issues[1]["state_reason"]) == ("open", "reopened")


def test_what_people_closed_too_early_is_opened_again() -> None:
    at, tracker = fresh()
    at.tell(1, [LOST])
    tracker.issues[1]["state"] = "closed"
    at.tell(2, [("fix.available", "CVE-2026-1", 1)])
    assert tracker.issues[1]["state"] == "open"


def test_an_issue_is_never_too_long() -> None:
    at, tracker = fresh()
    many = tuple(item(number, reference="r" * 5000) for number in range(1, 400))
    thread = msgspec.structs.replace(
        at._thread("advisory:x", True), title="t" * 900, is_open=True, open=many, open_count=100_000
    )
    delivery = Delivery(
        notice=notice(1), title="*" * 10_000, text="\n".join(["#" * 99] * 9000), now=NOW, threads=(thread,)
    )
    drive(CHANNEL.deliver(delivery, TO), tracker)
    drive(CHANNEL.deliver(delivery, TO), tracker)
    assert tracker.open() == {thread.marker}
    assert re.search(r"… and \d+ more", tracker.issues[1]["body"])


@pytest.mark.parametrize(
    ("status", "headers", "body", "after"),
    [
        (403, {"x_ratelimit_remaining": "0", "x_ratelimit_reset": str(int(NOW.timestamp()) + 90)}, "limit", 90.0),
        (429, {"x_ratelimit_remaining": "0", "x_ratelimit_reset": str(int(NOW.timestamp()) - 90)}, "limit", 1.0),
        (403, {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "9" * 12}, "limit", 3600.0),
        (403, {"retry_after": "30"}, "You have exceeded a secondary rate limit", 30.0),
        (403, {}, "You have exceeded a secondary rate limit", 60.0),
        (429, {}, "", 60.0),
        (403, {"x_ratelimit_remaining": "9"}, "Resource not accessible by personal access token", None),
    ],
)
def test_limits_of_the_rate_are_kept(status: int, headers: dict[str, str], body: str, after: float | None) -> None:
    at, tracker = fresh()
    tracker.first.append(said(status, {"message": body}, **headers))
    with pytest.raises(Again) as told:
        at.tell(1, [LOST])
    assert told.value.after == after
    assert tracker.issues == {}


def test_labels_assignees_and_an_enterprise_server() -> None:
    tracker = GitHub()
    delivery = {
        "repository": "o/r",
        "token": "T",
        "url": "https://git.example/api/v3/",
        "labels": ["security"],
        "assignees": ["ann"],
    }
    Ledger(CHANNEL, msgspec.convert(delivery, Settings), tracker).tell(1, [LOST])
    assert tracker.requests[0].url.startswith("https://git.example/api/v3/repos/o/r/issues?")
    assert (tracker.issues[1]["labels"], tracker.issues[1]["assignees"]) == (["security"], ["ann"])


def test_what_cannot_be_made_is_refused() -> None:
    at, tracker = fresh()
    tracker.first += [said(200, []), said(200, {"items": []}), said(422, {"message": "Validation Failed"})]
    with pytest.raises(MessageRefused, match="Validation Failed"):
        at.tell(1, [LOST])


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b"{}", b'{"number": "1"}', b"null"])
def test_nonsense_is_no_issue(answer: bytes) -> None:
    at, tracker = fresh()
    at.remote["advisory:CVE-2026-1"] = "1"
    tracker.first.append(msgspec.structs.replace(said(200), body=answer))
    with pytest.raises(Again):
        at.tell(1, [LOST])


def test_foreign_words_are_shown_as_they_are() -> None:
    at, tracker = fresh()
    bad = "x` <img src=x> @org/all #1 [a](javascript:1) <!-- /hullmark images -->\n- [x] fake"
    thread = msgspec.structs.replace(
        at._thread("advisory:x", False),
        title=bad,
        is_open=True,
        open=(item(1, reference=bad, policy=bad),),
        open_count=1,
    )
    delivery = Delivery(notice=notice(1), title=bad, text=bad, now=NOW, threads=(thread,))
    drive(CHANNEL.deliver(delivery, TO), tracker)
    drive(CHANNEL.deliver(delivery, TO), tracker)
    body = tracker.issues[1]["body"]
    (line,) = re.findall(r"^- \[.\] .*$", body, re.M)
    assert line.count("`") == 2, "one code span"
    outside = body.replace(line, "")
    assert not re.search(r"(?<!\\)<img|@org|#1|(?<!\\)\]\(j", outside)
    assert "\n" not in tracker.issues[1]["title"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"repository": "o/r/x"},
        {"repository": "o/r?"},
        {"token": "a\r\nb"},
        {"url": "file:///x"},
        {"url": "https://a@b"},
        {"more": 1},
    ],
)
def test_settings_are_checked(wrong: dict[str, str]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"repository": "o/r", "token": "T", **wrong}, Settings)


def test_tried_again_what_is_as_it_should_be_is_left_alone() -> None:
    at, tracker = fresh()
    message = [LOST, ("compliance.lost", "CVE-2026-2", 1), ("compliance.lost", "CVE-2026-3", 1)]
    at.tell(1, message)
    at.tell(1, message)
    assert len(tracker.asked("POST")) == 3, "three issues"
    assert tracker.asked("PATCH") == []


def test_a_change_is_told_in_one_comment() -> None:
    at, tracker = fresh()
    at.tell(1, [LOST])
    at.tell(2, [("compliance.lost", "CVE-2026-1", 2)])
    at.tell(2, [("compliance.lost", "CVE-2026-1", 2)])
    (comment,) = tracker.comments[1]
    assert "2 images are concerned" in comment
    assert "[All of it](<https://hullmark.example/all>)" in comment
