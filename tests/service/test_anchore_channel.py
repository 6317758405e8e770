"""Anchore's notifications from a real server: tests of webhooks, and what a changed verdict looks like to an old receiver."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx import Response

from hullmark.notify.channel import Delivery, Steps
from hullmark.notify.channels import CHANNELS
from hullmark.server.stories.notice.deliver import wake_due
from tests.support.desk import PASSWORD, Desk, desk, status_file
from tests.support.matching import advisory, affected
from tests.support.receivers import Receiver, receiver

pytestmark = pytest.mark.anyio

NO_HIGH = """
schema: hullmark-policy/1
name: weaknesses
version: "1"
rules:
  - {id: no-high, gate: vulnerabilities, trigger: found, action: stop, params: {severity: high, unrated: ignore}}
"""


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


async def channel(at: Desk, name: str, url: str, **settings: Any) -> None:
    document = {
        "name": name,
        "kind": "anchore",
        "settings": {"url": url, "user": "hook", "password": "its secret", **settings},
    }
    await at.post("/channels", document)


async def try_webhook(at: Desk, kind: str, type: str = "") -> Response:
    more = f"?notification_type={type}" if type else ""
    return await at.client.post(f"/v1/system/webhooks/{kind}/test{more}", auth=("admin", PASSWORD))


def bodies(received: Receiver) -> list[dict[str, Any]]:
    return [json.loads(request.body) for request in received.requests]


async def test_a_webhook_is_tested_through_every_channel_of_the_kind(at: Desk) -> None:
    assert (await try_webhook(at, "general")).status_code == 404
    with receiver() as one, receiver() as two:
        await channel(at, "one", f"{one.url}/<userId>/<notification_type>")
        await channel(at, "two", two.url)
        await at.post("/channels", {"name": "other", "kind": "webhook", "settings": {"url": f"{two.url}/other"}})
        answer = await try_webhook(at, "general", "tag_update")
        assert answer.status_code == 200, answer.text
        assert answer.json()["channels"] == ["one", "two"]
        assert (await try_webhook(at, "policy_eval")).is_success
        assert [body["queueId"] for body in bodies(one)] == ["tag_update", "policy_eval"]
        assert one.requests[0].path == "/admin/tag_update"
        assert one.requests[0].headers["authorization"].startswith("Basic ")
        assert [request.path for request in two.requests] == ["/", "/"], "the other kind is left alone"
        assert bodies(two)[1]["data"]["notification_payload"]["curr_eval"]["status"] == "fail"


async def test_a_test_that_does_not_arrive_is_told(at: Desk) -> None:
    assert (await try_webhook(at, "general", "poetry")).status_code == 400
    with receiver((500, {}, b"no")) as broken:
        await channel(at, "broken", broken.url)
        answer = await try_webhook(at, "general")
        assert answer.status_code == 502
        assert "broken: the receiver answered 500" in answer.json()["message"]
        assert "its secret" not in answer.text


async def test_a_verdict_that_changes_is_told_with_both_evaluations(at: Desk) -> None:
    with receiver() as old:
        await channel(at, "old", old.url)
        at.push("1.0", status_file(("libc6", "2.41-12")))
        await at.advise(advisory("CVE-2026-9", affected("debian:13", "other", "deb", "2"), severity="high"))
        await at.post("/policies", {"text": NO_HIGH})
        await at.post("/activations", {"policy": "weaknesses"})
        await at.add("1.0")
        await at.work()
        assert old.requests == []
        at.now += timedelta(days=1)
        libc = advisory("CVE-2026-1", affected("debian:13", "libc6", "deb", "2.41-13"), severity="high")
        await at.advise(libc)
        await at.work()
        at.now += timedelta(minutes=5)
        await at.work()
        await _delivered(at)
        by_type = {body["queueId"]: body["data"]["notification_payload"] for body in bodies(old)}
        assert set(by_type) == {"policy_eval", "vuln_update"}
        evaluation = by_type["policy_eval"]
        assert evaluation["subscription_key"] == at.reference("1.0")
        assert (evaluation["last_eval"]["final_action"], evaluation["curr_eval"]["final_action"]) == ("go", "stop")
        tables = [each["result"] for each in evaluation["curr_eval"]["result"].values() if "result" in each]
        assert tables[0]["row_count"] == 1
        (added,) = by_type["vuln_update"]["diff_vulnerability_result"]["added"]
        assert (added["CVE_ID"], added["Fix_Available"]) == ("CVE-2026-1", "2.41-13")


async def test_a_channel_is_handed_verdicts_as_the_api_shows_them(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[Any] = []

    def keeping(document: Delivery, settings: Any) -> Steps:
        assert document.all_items is not None
        for item in document.all_items():
            assert item.history_id is not None
            handed.append(
                (item.history_id, document.evaluation(item.history_id), document.evaluation_before(item.history_id))
            )
        yield from ()
        return ""

    monkeypatch.setitem(CHANNELS, "anchore", replace(CHANNELS["anchore"], deliver=keeping))
    await channel(at, "old", "http://127.0.0.1:9/")
    await at.advise(advisory("CVE-2026-9", affected("debian:13", "other", "deb", "2"), severity="high"))
    at.push("1.0", status_file(("libc6", "2.41-12")))
    await at.post("/policies", {"text": NO_HIGH})
    await at.post("/activations", {"policy": "weaknesses"})
    await at.add("1.0")
    await at.work()
    at.now += timedelta(days=1)
    await at.advise(advisory("CVE-2026-1", affected("debian:13", "libc6", "deb", "2.41-13"), severity="high"))
    await at.work()
    at.now += timedelta(minutes=5)
    await _delivered(at)
    ((number, after, before),) = handed
    shown = await at.get(f"/history/{number}")
    for finding in shown["findings"]:
        del finding["reach"]
    assert after == shown
    assert (before["verdict"], after["verdict"], len(after["findings"])) == ("go", "stop", 1)
    assert set(before) == set(after) == {"schema", "verdict", "reason", "findings", "problems", "inputs"}
    assert not set(after["findings"][0]) & {"weakness", "first_seen"}


async def _delivered(at: Desk) -> None:
    """Have everything sent that is due."""
    await wake_due(at.services)
    await at.work()
