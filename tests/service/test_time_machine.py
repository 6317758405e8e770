"""The time machine: what held at two moments, by what was known then and with the advisories of today."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest

from hullmark.server.console.pages import time_machine
from hullmark.server.tables.judging import comparison
from tests.service.test_rejudge import FILLER, deb
from tests.support.desk import PASSWORD, Desk, desk, status_file

pytestmark = pytest.mark.anyio

POLICY = """
schema: hullmark-policy/1
name: shop
rules:
  - {id: severe, gate: vulnerabilities, trigger: found, action: stop, params: {severity: critical, unrated: ignore}}
"""


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A server with its first person."""
    async with desk(database_url, tmp_path) as found:
        yield found


async def get(at: Desk, path: str, status: int = 200) -> str:
    """A page of the account admin, as it is read."""
    answer = await at.client.get(f"/console/admin/{path}", auth=("admin", PASSWORD))
    assert answer.status_code == status, answer.text
    return unescape(answer.text)


async def dated(at: Desk, moment: datetime) -> None:
    """What the database dated itself so far, now, is dated as of a moment of the server's clock."""
    async with at.services.database.system() as connection:
        for table, column in (
            ("activation", "created_at"),
            ("verdict_history", "recorded_at"),
            ("snapshot", "adopted_at"),
        ):
            await connection.execute(
                f"UPDATE {table} SET {column} = %s WHERE {column} > now() - interval '1 hour'", (moment,)
            )


async def story(at: Desk) -> tuple[str, datetime]:
    """An image that passes, of which a critical vulnerability is told two days later; answers it, and when it was first judged."""
    began = at.now
    await at.advise(FILLER)
    await at.work()
    await at.post("/policies", {"text": POLICY})
    await at.post("/activations", {"policy": "shop"})
    digest = at.push("web", status_file(("a", "1.0")))
    await at.add("web")
    await at.work()
    await dated(at, began)
    at.now = began + timedelta(days=2)
    await at.advise(FILLER, deb("CVE-2026-1", "a", severity="critical"))
    await at.work()
    await dated(at, at.now)
    assert [row["verdict"] for row in await at.get(f"/images/{digest}/verdicts")] == ["stop"]
    return digest, began


def query(since: datetime, until: datetime, **more: str) -> str:
    """The address of the page for two moments."""
    moments = {"from": since.isoformat(), "to": until.isoformat(), **more}
    return "time?" + "&".join(f"{name}={quote(value)}" for name, value in moments.items())


async def test_images_that_differ_are_listed_with_the_cause(at: Desk) -> None:
    digest, began = await story(at)
    page = await get(at, query(began + timedelta(hours=1), at.now))
    assert at.reference("web") in page
    assert "CVE-2026-1 became known" in page
    rows = json.loads(await get(at, query(began, at.now) + "&export=json&table=changes"))
    assert [(row["before"], row["after"], row["policy"]) for row in rows] == [("go", "stop", "shop")]
    assert quote(digest, safe="") in page
    assert "every verdict is what it was" in await get(at, query(began, began + timedelta(days=1)))


async def test_what_came_back_between_the_moments_does_not_differ(at: Desk) -> None:
    """Lost and regained is where it was; seen from between, it differs."""
    _, began = await story(at)
    between = at.now + timedelta(hours=1)
    at.now += timedelta(days=1)
    await at.advise(FILLER, deb("CVE-2026-9", "b", severity="low"))
    await at.work()
    await dated(at, at.now)
    assert "every verdict is what it was" in await get(at, query(began, at.now))
    rows = json.loads(await get(at, query(between, at.now) + "&export=json&table=changes"))
    assert [(row["before"], row["after"]) for row in rows] == [("stop", "go")]


async def test_one_image_shows_both_verdicts_and_why(at: Desk) -> None:
    digest, began = await story(at)
    page = await get(at, query(began + timedelta(hours=1), at.now, image=digest))
    assert page.count('class="side-of"') == 2
    assert '<span class="mark verdict go">' in page
    assert '<span class="mark verdict stop">' in page
    assert "An advisory is new, changed or gone (advisory CVE-2026-1: not known, then known)" in page
    assert "With hindsight" not in page
    history = json.loads(await get(at, query(began, at.now, image=digest) + "&export=json&table=history"))
    assert [row["verdict"] for row in history] == ["stop", "go"]


async def test_hindsight_judges_the_past_with_the_advisories_of_today(at: Desk) -> None:
    """Before anybody knew, the image passed; with what is known today it would not have. Nothing is written by looking."""
    digest, began = await story(at)
    then = began + timedelta(hours=1)
    before = await at.get(f"/images/{digest}/history")
    page = await get(at, query(then, then + timedelta(hours=1), image=at.reference("web"), known="today"))
    known, _, judged = page.partition("With today's advisories")
    assert '<span class="mark verdict go">' in known.partition('class="side-of"')[2]
    assert '<span class="mark verdict stop">' in judged.partition("</dl>")[0]
    assert "Findings that nobody could know" in page
    page = await get(at, query(then, then + timedelta(hours=1), image=digest))
    assert '<span class="mark verdict stop">' not in page.partition("Every verdict on this image")[0]
    assert await at.get(f"/images/{digest}/history") == before


async def test_a_policy_that_was_not_in_force_says_nothing(at: Desk) -> None:
    digest, began = await story(at)
    page = await get(at, query(began - timedelta(days=3), at.now, image=digest))
    assert "Not judged by this policy then." in page
    page = await get(at, query(began - timedelta(days=3), began - timedelta(days=2), image=digest))
    assert "No verdict at either moment" in page


async def test_what_is_not_a_time_is_said_at_its_field(at: Desk) -> None:
    page = await get(at, "time?from=yesterday&to=2026-02-30")
    assert "'yesterday' is not a valid time" in page
    assert "'2026-02-30' is not a valid time" in page
    for odd in ("0001-01-01T00:00%2B14:00", "9999-12-31T23:59-14:00", "2026-01-01T00:00:00Z%00"):
        await get(at, f"time?from={odd}&image=%00")
    await get(at, "time?cursor=x", 400)
    await get(at, "time?image=nowhere", 404)


async def test_a_page_ends_where_it_looked_through_enough(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page may be short; the next one goes on where it ended."""
    began = at.now
    await at.advise(FILLER)
    await at.work()
    await at.post("/policies", {"text": POLICY})
    await at.post("/activations", {"policy": "shop"})
    for number in range(5):
        at.push(f"v{number}", status_file(("a", f"1.{number}")))
        await at.add(f"v{number}")
    await at.work()
    at.now += timedelta(days=1)
    await at.advise(FILLER, deb("CVE-2026-1", "a", severity="critical"))
    await at.work()
    monkeypatch.setattr(comparison, "_WINDOW", 2)
    rows = json.loads(await get(at, query(began, at.now) + "&export=json&table=changes"))
    assert len({row["image"] for row in rows}) == len(rows) == 5
    monkeypatch.setattr(time_machine, "_WEEK", timedelta(days=3))
    assert "Next page" in await get(at, "time")


async def test_another_account_sees_neither_changes_nor_images(at: Desk) -> None:
    digest, began = await story(at)
    await at.post("/accounts", {"name": "other"})
    path = query(began, at.now)
    answer = await at.client.get(f"/console/other/{path}", auth=("admin", PASSWORD))
    assert "every verdict is what it was" in answer.text
    answer = await at.client.get(f"/console/other/{path}&image={digest}", auth=("admin", PASSWORD))
    assert answer.status_code == 404
