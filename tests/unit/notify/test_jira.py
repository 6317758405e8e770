"""Issues in Jira, on Cloud and Data Center: their whole life, what they show, and what foreign words cannot do."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from hullmark.notify.channel import Again, Delivery, MessageRefused
from hullmark.notify.jira import CHANNEL, Settings
from hullmark.notify.jira_text import Text, escape_text, nodes, wiki
from tests.support.thread_lives import Lives, Plan, live, plans
from tests.support.trackers import NOW, Jira, Ledger, drive, item, notice, said

CLOUD = {"url": "https://x.atlassian.net", "project": "SEC", "token": "T", "email": "mail@example.org"}
SERVER = {"url": "https://jira.example/jira/", "project": "SEC", "token": "T", "kind": "server"}
LOST = ("compliance.lost", "CVE-2026-1", 1)


def fresh(known: dict[str, Any] | None = None, **more: Any) -> tuple[Ledger, Jira]:
    known = CLOUD if known is None else known
    tracker = Jira() if known is CLOUD else Jira(version=2, authorization="Bearer T")
    return Ledger(CHANNEL, msgspec.convert({**known, **more}, Settings), tracker), tracker


class TestCloud(Lives):
    def ledger(self) -> Ledger:
        return fresh()[0]

    def state(self, at: Ledger) -> object:
        assert isinstance(at.tracker, Jira)
        return msgspec.json.encode((at.tracker.issues, at.tracker.comments))


class TestServer(TestCloud):
    def ledger(self) -> Ledger:
        return fresh(SERVER)[0]


@given(plan=plans)
@settings(max_examples=60, deadline=None)
def test_what_is_open_there_is_what_is_open_here(plan: Plan) -> None:
    live(fresh()[0], plan)


@given(plan=plans)
@settings(max_examples=30, deadline=None)
def test_the_same_on_a_data_center(plan: Plan) -> None:
    live(fresh(SERVER)[0], plan)


def test_an_issue_has_labels_a_priority_and_a_type() -> None:
    at, tracker = fresh(labels=["security"], priorities={"high": "Highest"}, issue_type="Bug")
    at.tell(1, [LOST])
    issue = tracker.issues["SEC-1"]
    assert issue["labels"] == [at.marker("CVE-2026-1"), "security"]
    assert (issue["priority"], issue["issuetype"]) == ({"name": "Highest"}, {"name": "Bug"})


def test_what_people_changed_of_labels_and_title_stays() -> None:
    at, tracker = fresh()
    at.tell(1, [LOST])
    tracker.issues["SEC-1"]["labels"].append("mine")
    tracker.issues["SEC-1"]["summary"] = "My words"
    at.tell(2, [("compliance.lost", "CVE-2026-1", 2)])
    assert tracker.issues["SEC-1"]["labels"][1:] == ["mine"]
    assert tracker.issues["SEC-1"]["summary"] == "My words"
    assert len(tracker.comments["SEC-1"]) == 1


def test_the_transition_can_be_named_and_gets_its_resolution() -> None:
    at, tracker = fresh(done="won't do", resolution="Fixed")
    at.tell(1, [LOST])
    at.tell(2, [("compliance.regained", "CVE-2026-1", 1)])
    issue = tracker.issues["SEC-1"]
    assert (issue["status"], issue["resolution"]) == ("Won't do", {"name": "Fixed"})


@pytest.mark.parametrize("more", [{"done": "Shipped"}, {}])
def test_without_a_transition_it_is_refused_with_advice(more: dict[str, Any]) -> None:
    at, tracker = fresh(**more)
    tracker.can_move = bool(more)
    at.tell(1, [LOST])
    with pytest.raises(MessageRefused, match="setting done, and let the account transition issues"):
        at.tell(2, [("compliance.regained", "CVE-2026-1", 1)])
    tracker.issues["SEC-1"]["status"] = "Done"
    at.tell(2, [("compliance.regained", "CVE-2026-1", 1)])
    assert tracker.open() == set(), "people closed it: nothing is left to do"


def test_an_issue_that_was_deleted_is_made_anew() -> None:
    at, tracker = fresh()
    at.tell(1, [LOST])
    del tracker.issues["SEC-1"]
    at.tell(2, [("finding.worse", "CVE-2026-1", 1)])
    assert list(tracker.issues) == ["SEC-2"]


def test_nothing_is_made_to_be_closed() -> None:
    at, tracker = fresh()
    at.tell(1, [LOST])
    del tracker.issues["SEC-1"]
    at.remote.clear()
    assert at.tell(2, [("compliance.regained", "CVE-2026-1", 1)]) == ""
    assert tracker.issues == {}


def test_an_issue_that_only_looks_like_it_is_not_taken_for_it() -> None:
    at, tracker = fresh()
    other = {"key": "SEC-7", "fields": {"labels": [at.marker("CVE-2026-1") + "0"]}}
    tracker.first.append(said(200, {"issues": [other, {"key": 8}, None]}))
    at.tell(1, [LOST])
    assert list(tracker.issues) == ["SEC-1"]


def test_a_text_without_link_and_last_line_is_its_paragraphs_and_what_fits_of_its_list() -> None:
    text = Text(paragraphs=("a", ""), entries=("b", "", "c" * 30_000, "d"))
    paragraph = {"type": "paragraph", "content": [{"type": "text", "text": "a"}]}
    bullet = {"type": "paragraph", "content": [{"type": "text", "text": "b"}]}
    listed = {"type": "bulletList", "content": [{"type": "listItem", "content": [bullet]}]}
    assert nodes(text) == {"type": "doc", "version": 1, "content": [paragraph, listed]}
    assert wiki(text) == "a\n\n* b"


@pytest.mark.parametrize("known", [CLOUD, SERVER])
def test_nothing_is_too_long(known: dict[str, Any]) -> None:
    at, tracker = fresh(known)
    many = tuple(item(number, reference="&" * 5000) for number in range(1, 300))
    thread = msgspec.structs.replace(
        at._thread("advisory:x", True), title="t" * 900, is_open=True, open=many, open_count=900
    )
    delivery = Delivery(
        notice=notice(1), title="*" * 10_000, text="\n".join(["&" * 99] * 9000), now=NOW, threads=(thread,)
    )
    drive(CHANNEL.deliver(delivery, at.settings), tracker)
    again = msgspec.structs.replace(notice(2))
    drive(
        CHANNEL.deliver(
            Delivery(notice=again, title=delivery.title, text=delivery.text, now=NOW, threads=(thread,)), at.settings
        ),
        tracker,
    )
    assert tracker.open() == {thread.marker}
    assert len(tracker.comments["SEC-1"]) == 1


def test_foreign_words_are_nothing_but_words() -> None:
    bad = 'x" OR project = Y [~admin] {code} !https://evil/x.png! *b* \\ @[you]'
    for known in (CLOUD, SERVER):
        at, tracker = fresh(known)
        thread = msgspec.structs.replace(
            at._thread(f"tag:{bad}", False),
            title=f"{bad}\n{bad}",
            is_open=True,
            open=(item(1, reference=bad),),
            open_count=1,
        )
        delivery = Delivery(notice=notice(1), title=bad, text=bad, now=NOW, threads=(thread,))
        drive(CHANNEL.deliver(delivery, at.settings), tracker)
        (issue,) = tracker.issues.values()
        assert all(label.replace("-", "").isalnum() for label in issue["labels"]), "and the fake takes no other JQL"
        if known is SERVER:
            assert not set("{}[]~!*\\@") & set(issue["description"].partition("[All of it")[0])
        else:
            assert bad in str(issue["description"]["content"][0]["content"][0]["text"])


def test_wiki_markup_is_escaped_by_references() -> None:
    assert escape_text("a{b}") == "a&#123;b&#125;"
    assert escape_text("Ünïcode 漢字, fine") == "Ünïcode 漢字, fine"


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b"{}", b'{"key": 1}'])
def test_nonsense_is_no_issue(answer: bytes) -> None:
    at, tracker = fresh()
    at.remote["advisory:CVE-2026-1"] = "SEC-1"
    tracker.first.append(msgspec.structs.replace(said(200), body=answer))
    with pytest.raises(Again):
        at.tell(1, [LOST])


@pytest.mark.parametrize(
    "wrong", [{"project": 'S" OR 1=1'}, {"token": "a\nb"}, {"labels": ["a b"]}, {"url": "ftp://x"}]
)
def test_settings_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**CLOUD, **wrong}, Settings)
