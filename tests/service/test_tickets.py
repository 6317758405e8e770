"""Tickets that somebody has made about a cause, by a channel that keeps issues."""

from __future__ import annotations

from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from hullmark.notify import github, jira
from tests.service.test_rejudge import FILLER, deb
from tests.support.desk import PASSWORD, Desk, status_file
from tests.support.desk_copies import DeskCopies
from tests.support.trackers import GitHub, Jira, served

pytestmark = pytest.mark.anyio

POLICY = """
schema: hullmark-policy/1
name: shop
rules:
  - {id: severe, gate: vulnerabilities, trigger: found, action: stop, params: {severity: critical, unrated: ignore}}
"""


@pytest.fixture
async def at(copies: DeskCopies, tmp_path: Path) -> AsyncIterator[Desk]:
    """A server on which two images fell out of compliance, before there was any channel."""
    async with copies.desk(tmp_path, fallen) as found:
        yield found


async def fallen(at: Desk) -> None:
    """Have the two images fall."""
    await at.advise(FILLER)
    await at.work()
    await at.post("/policies", {"text": POLICY})
    await at.post("/activations", {"policy": "shop"})
    for tag in ("web", "api"):
        at.push(tag, status_file(("a", "1.0"), (tag, "1")))
        await at.add(tag)
    await at.work()
    await at.advise(FILLER, deb("CVE-2026-1", "a", severity="critical"))
    await at.work()


async def cause_of(at: Desk) -> int:
    """The number of what brought it about."""
    (cause,) = {item["cause"]["id"] for item in (await at.get("/transitions?kind=compliance.lost"))["items"]}
    return int(cause)


async def page(at: Desk, number: int, query: str = "") -> str:
    """The page of a cause."""
    answer = await at.client.get(f"/console/admin/causes/{number}{query}", auth=("admin", PASSWORD))
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


async def press(at: Desk, number: int, channel: str, status: int = 303) -> Any:
    """Send the form of the button."""
    path = f"/console/admin/causes/{number}/ticket"
    answer = await at.client.post(path, data={"channel": channel}, auth=("admin", PASSWORD))
    assert answer.status_code == status, answer.text
    return answer


async def add_jira(at: Desk, url: str) -> None:
    """A channel to a tracker."""
    settings = {"url": url, "project": "SEC", "email": "mail@example.org", "token": "T"}
    await at.post("/channels", {"name": "board", "kind": "jira", "settings": settings})


async def test_without_a_tracker_there_is_a_text_to_copy(at: Desk) -> None:
    said = await page(at, await cause_of(at))
    assert "Ready to be put into any tracker." in said
    assert "Make a ticket" not in said
    assert "CVE-2026-1" in said.partition('id="ticket-text"')[2]


async def test_the_button_has_the_channel_make_a_ticket_which_is_linked_from_then_on(at: Desk) -> None:
    number = await cause_of(at)
    tracker = Jira()
    with served(tracker) as url:
        await add_jira(at, url)
        assert "Make a ticket in board" in await page(at, number)
        answer = await press(at, number, "board")
        assert answer.headers["location"] == f"/console/admin/causes/{number}?ticket=1#ticket"
        assert "A ticket is being made" in await page(at, number, "?ticket=1")
        assert "is being told" in await page(at, number)
        assert "deliver" in await at.work()
        (key,) = tracker.issues
        description = str(tracker.issues[key])
        assert at.reference("web") in description
        assert at.reference("api") in description
        said = await page(at, number)
        assert f'href="{url}/browse/{key}"' in said
        assert "Make a ticket" not in said
        assert "open" in said.partition('id="ticket"')[2].partition("</li>")[0]
        assert await at.get(f"/transitions/causes/{number}/tickets") == {
            "made": [{"channel": "board", "kind": "jira", "name": key, "link": f"{url}/browse/{key}", "is_open": True}],
            "unsent": [],
            "channels": [],
        }
        await press(at, number, "board", 409)
        # What becomes of it later goes into the same ticket: it is closed with its last image.
        await at.advise(FILLER, deb("CVE-2026-9", "b", severity="low"))
        await at.work()
        assert tracker.open() == set()
        assert len(tracker.issues) == 1
        assert "closed" in (await page(at, number)).partition('id="ticket"')[2].partition("</li>")[0]
    done = (await at.get("/audit?limit=200"))["items"]
    made = [each for each in done if each["action"] == "ticket.make"]
    assert [(each["resource_type"], each["resource"], each["after"]["channel"]) for each in made] == [
        ("cause", str(number), "board")
    ]


async def test_only_what_still_stands_is_put_into_a_ticket(at: Desk) -> None:
    number = await cause_of(at)
    exception = {"rule": "severe", "subject": "*", "owner": "o", "reason": "r", "images": "*:api"}
    await at.post("/exceptions", {**exception, "expires": "2026-12-31T00:00:00Z"})
    await at.work()
    tracker = GitHub()
    with served(tracker) as url:
        settings = {"url": url, "repository": "o/r", "token": "T"}
        await at.post("/channels", {"name": "issues", "kind": "github", "settings": settings})
        await at.post(f"/transitions/causes/{number}/tickets", {"channel": "issues"}, status=202)
        await at.work()
        (issue,) = tracker.issues.values()
        assert "shop" in issue["body"]
        assert at.reference("web").rpartition(":")[2] in issue["body"]
        assert ":api" not in issue["body"].replace("\\", "")
        assert f"{url}/o/r/issues/1" in await page(at, number)


async def test_a_tracker_that_does_not_answer_is_said(at: Desk) -> None:
    number = await cause_of(at)
    await add_jira(at, "http://127.0.0.1:9")
    await press(at, number, "board")
    await at.work()
    said = await page(at, number)
    assert "tried again" in said
    assert "Make a ticket" not in said


async def test_what_makes_no_tickets_is_refused(at: Desk) -> None:
    number = await cause_of(at)
    await at.post("/channels", {"name": "chat", "kind": "webhook", "settings": {"url": "http://127.0.0.1:9/"}})
    await press(at, number, "chat", 422)
    await press(at, number, "nobody", 404)
    await press(at, 987_654, "chat", 404)
    assert "Make a ticket" not in await page(at, number)


def test_an_issue_has_an_address_that_people_can_read() -> None:
    public = {"repository": "o/r"}
    assert github.address_of(public, "7") == "https://github.com/o/r/issues/7"
    assert github.address_of({**public, "url": "https://git.example/api/v3"}, "7") == "https://git.example/o/r/issues/7"
    assert github.address_of({}, "7") == ""
    assert jira.address_of({"url": "https://x.example/jira/"}, "SEC-1") == "https://x.example/jira/browse/SEC-1"
    assert jira.address_of({"url": "https://x.example"}, 'A"/../b') == "https://x.example/browse/A%22%2F..%2Fb"
