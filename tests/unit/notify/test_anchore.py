"""What receivers of Anchore's webhooks are sent: envelopes, payloads of each type, and which are sent at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.notice import TRANSITION_KINDS, Digest, Evidence, Item, Notice, TransitionKind
from hullmark.notify.anchore import CHANNEL, MOST_ROWS, TYPES, Settings
from hullmark.notify.channel import Again, Delivery, Post, Reply
from tests.support.trackers import NOW, Tracker, drive, item, notice, said

URL = "https://receiver.example/<notification_type>/<userId>"
SEEN = Evidence(
    advisory="CVE-2026-1", package="pkg:deb/debian/libc%2B%2B1@1%3A2.41-12?arch=amd64", fix_version="1:2.41-13"
)


@dataclass
class Receiver(Tracker):
    """Takes everything."""

    def answer(self, post: Post) -> Reply:
        assert post.method == "POST"
        return said(200)

    def messages(self) -> list[dict[str, Any]]:
        """What was sent."""
        return self.asked("POST")


def sent(told: Notice | Digest, settings: Mapping[str, Any] | None = None, **more: Any) -> Receiver:
    receiver = Receiver()
    known = msgspec.convert({"url": URL, **(settings or {})}, Settings)
    drive(CHANNEL.deliver(Delivery(notice=told, title="t", text="x", now=NOW, **more), known), receiver)
    return receiver


def verdict(word: str, count: int = 1) -> dict[str, Any]:
    """A verdict as the API shows it."""
    finding: dict[str, Any] = {
        "gate": "vulnerabilities",
        "trigger": "found",
        "trigger_id": "t",
        "action": "stop",
        "message": "CVE-2026-1 in libc",
    }
    finding |= {
        "subject": "libc",
        "rule_id": "no-high",
        "evidence": [],
        "allowlisted": None,
        "legacy_id": "",
        "stable_id": "",
    }
    finding |= {"policy_id": "", "recommendation": ""}
    inputs: dict[str, Any] = {
        "image": "sha256:1",
        "policy": "p",
        "snapshot": None,
        "analyzer": "a",
        "at": NOW.isoformat(),
    }
    findings = [finding] * (count if word == "stop" else 0)
    return {
        "schema": "hullmark-verdict/1",
        "verdict": word,
        "reason": "r",
        "findings": findings,
        "problems": [],
        "inputs": inputs,
    }


def types_of(receiver: Receiver) -> list[str]:
    return [message["data"]["notification_type"] for message in receiver.messages()]


def test_the_envelope_is_the_record_of_anchores_queue() -> None:
    receiver = sent(notice(1, item(5)), {"user": "ann", "password": "pw", "email": "a@example.org"})
    (message,) = receiver.messages()
    keys = (
        "queueId",
        "userId",
        "queueName",
        "dataId",
        "created_at",
        "last_updated",
        "record_state_key",
        "record_state_val",
    )
    assert set(message) == {*keys, "tries", "max_tries", "data"}
    assert (message["queueId"], message["userId"], message["created_at"]) == (
        "policy_eval",
        "shop",
        int(NOW.timestamp()),
    )
    assert message["data"]["notification_user_email"] == "a@example.org"
    payload = message["data"]["notification_payload"]
    assert payload["subscription_key"] == "registry.example/shop/seller:5"
    assert payload["notificationId"] == message["dataId"]
    assert receiver.requests[0].url == "https://receiver.example/policy_eval/shop"
    assert receiver.requests[0].headers["authorization"] == "Basic YW5uOnB3"


def test_a_changed_verdict_is_sent_with_both_evaluations() -> None:
    receiver = sent(
        notice(1, item(5, history_id=7)),
        evaluation=lambda number: verdict("stop"),
        evaluation_before=lambda number: verdict("go"),
    )
    payload = receiver.messages()[0]["data"]["notification_payload"]
    last, now = payload["last_eval"], payload["curr_eval"]
    assert (last["status"], now["status"]) == ("pass", "fail")
    assert (last["final_action"], now["final_action"]) == ("go", "stop")
    ((_, table),) = [each for each in now["result"].items() if "result" in each[1]]
    assert table["result"]["row_count"] == 1
    assert table["result"]["rows"][0][5] == "CVE-2026-1 in libc"
    assert now["image_digest"] == f"sha256:{5:064x}"


@pytest.mark.parametrize("told", [None, {}, {"verdict": "maybe"}])
def test_without_a_verdict_its_end_is_sent(told: dict[str, Any] | None) -> None:
    receiver = sent(notice(1, item(5, history_id=7)), evaluation=lambda number: told)
    payload = receiver.messages()[0]["data"]["notification_payload"]
    assert payload["curr_eval"] == {"image_digest": f"sha256:{5:064x}", "status": "fail", "final_action": "stop"}
    assert payload["last_eval"]["status"] == "pass"


def test_an_evaluation_has_a_limit() -> None:
    receiver = sent(notice(1, item(5, history_id=7)), evaluation=lambda number: verdict("stop", MOST_ROWS + 50))
    payload = receiver.messages()[0]["data"]["notification_payload"]
    assert MOST_ROWS in [
        each["result"]["row_count"] for each in payload["curr_eval"]["result"].values() if "result" in each
    ]


def test_vulnerabilities_are_told_as_a_difference() -> None:
    gone = msgspec.structs.replace(SEEN, advisory="CVE-2026-2", is_gained=False)
    receiver = sent(notice(1, item(5, "finding.new", evidence=(SEEN, gone, Evidence(message="no advisory")))))
    (message,) = receiver.messages()
    payload = message["data"]["notification_payload"]
    diff = payload["diff_vulnerability_result"]
    assert [each["CVE_ID"] for each in diff["added"] + diff["removed"]] == ["CVE-2026-1", "CVE-2026-2"]
    added = diff["added"][0]
    assert (added["Package_Name"], added["Package_Version"], added["Package_Type"]) == ("libc++1", "1:2.41-12", "deb")
    assert (added["Severity"], added["Fix_Available"], added["Vulnerable_Package"]) == (
        "High",
        "1:2.41-13",
        "libc++1-1:2.41-12",
    )
    assert payload["imageDigest"] == f"sha256:{5:064x}"


def test_a_package_that_is_not_called_by_a_package_url_keeps_its_name() -> None:
    named = Evidence(advisory="CVE-2026-1", package="openssl 3.0")
    payload = sent(notice(1, item(5, evidence=(named,)))).messages()[-1]["data"]["notification_payload"]
    [added] = payload["diff_vulnerability_result"]["added"]
    assert (added["Package_Name"], added["Package_Version"], added["Package_Type"]) == ("openssl 3.0", "", "None")
    assert added["Vulnerable_Package"] == "openssl 3.0"


def test_a_moved_tag_and_a_failed_analysis() -> None:
    receiver = sent(notice(1, item(5, "tag.moved", before="sha256:a", after="sha256:b"), item(6, "analysis.failed")))
    tag, analysis = (message["data"]["notification_payload"] for message in receiver.messages())
    assert (tag["last_eval"], tag["curr_eval"]) == (["sha256:a"], ["sha256:b"])
    assert analysis["curr_eval"]["analysis_status"] == "analysis_failed"


def test_events_are_sent_if_they_are_wanted() -> None:
    told = notice(1, item(5, "exception.expired"), item(6))
    assert types_of(sent(told)) == ["policy_eval"]
    receiver = sent(told, {"types": ["event_log"]})
    assert types_of(receiver) == ["event_log", "event_log"]
    event = receiver.messages()[1]["data"]["notification_payload"]
    assert "subscription_key" not in event
    assert event["event"]["type"] == "user.checks.tag.policy_evaluation.update"
    assert event["event"]["resource"]["id"] == "registry.example/shop/seller:6"


def test_subscriptions_choose() -> None:
    told = notice(1, item(5, evidence=(SEEN,)), item(6, evidence=(SEEN,)))

    def subscribed(type: str, tag: str) -> bool:
        return (type, tag) == ("vuln_update", "registry.example/shop/seller:6")

    assert len(sent(told, subscribed=subscribed).messages()) == 4
    (message,) = sent(told, {"by_subscriptions": True}, subscribed=subscribed).messages()
    assert message["data"]["notification_type"] == "vuln_update"
    assert message["data"]["notification_payload"]["subscription_key"].endswith(":6")


def test_all_items_are_sent_not_only_those_that_the_notice_names() -> None:
    every = [item(number) for number in range(1, 200)]
    receiver = sent(notice(1, *every[:50], count=199), all_items=lambda: iter(every))
    assert len({message["dataId"] for message in receiver.messages()}) == 199


def test_sent_again_it_is_the_same() -> None:
    told = notice(1, item(5, evidence=(SEEN,)), item(6, evidence=(SEEN,)))
    first, second = sent(told), sent(told)
    assert [request.body for request in first.requests] == [request.body for request in second.requests]
    assert len({message["dataId"] for message in first.messages()}) == 4


def test_a_digest_sends_what_its_groups_name() -> None:
    group = notice(1, item(6), item(5))
    told = Digest(id="d", account="shop", subscription="s", groups=(group,), count=1, since=NOW, until=NOW)
    keys = [message["data"]["notification_payload"]["subscription_key"][-1] for message in sent(told).messages()]
    assert keys == ["5", "6"]


def test_all_of_a_digest_is_sent_where_it_can_be_had() -> None:
    told = Digest(id="d", account="shop", subscription="s", groups=(), count=1, since=NOW, until=NOW)
    receiver = sent(told, {"types": ["policy_eval", "event_log"]}, all_items=lambda: iter([item(1), item(2)]))
    assert types_of(receiver) == ["policy_eval", "event_log"] * 2


def test_how_far_it_came_is_told() -> None:
    reached: list[int] = []
    receiver = Receiver()
    receiver.first += [said(200), said(200), said(503)]
    told = notice(1, item(5, evidence=(SEEN,)), item(6))
    delivery = Delivery(notice=told, title="t", text="x", now=NOW, reached=reached.append)
    with pytest.raises(Again):
        drive(CHANNEL.deliver(delivery, Settings(url=URL)), receiver)
    assert reached == [5], "both requests of the first, not the one of the second"


def test_a_test_is_one_message_of_the_type_that_is_asked_for() -> None:
    assert types_of(sent(notice(1, is_test=True))) == ["policy_eval"]
    assert types_of(sent(notice(1, is_test=True, subject="tag_update"))) == ["tag_update"]


def test_what_fails_is_tried_again() -> None:
    receiver = Receiver()
    receiver.first += [said(200), said(503)]
    delivery = Delivery(notice=notice(1, item(5), item(6)), title="t", text="x", now=NOW)
    with pytest.raises(Again):
        drive(CHANNEL.deliver(delivery, Settings(url=URL)), receiver)


@given(
    kind=st.sampled_from(list(TRANSITION_KINDS)),
    words=st.lists(st.text(max_size=30), min_size=6, max_size=6),
    account=st.text(max_size=10),
    wanted=st.sets(st.sampled_from(TYPES), min_size=1),
)
def test_whatever_is_told_is_json_at_the_urls_host(
    kind: TransitionKind, words: list[str], account: str, wanted: set[str]
) -> None:
    names = ("image", "reference", "policy", "before", "after", "link")
    seen = (Evidence(advisory=words[0], package=f"pkg:{words[1]}", message=words[2]),)
    told: Item = item(1, kind, evidence=seen, **dict(zip(names, words, strict=True)))
    receiver = sent(notice(1, told, account=account), {"types": sorted(wanted)})
    for request in receiver.requests:
        assert urlsplit(request.url).netloc == "receiver.example"
        assert request.url.isascii()
        assert json.loads(request.body)["data"]["notification_type"] in wanted
