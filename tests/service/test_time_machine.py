"""The time machine: what held at two moments, by what was known then and with the advisories of today."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from html import unescape
from urllib.parse import quote

import pytest
import sqlalchemy
from alembic import command

from hullmark.server.console.pages import time_machine
from hullmark.server.tables import migrate as migrations
from hullmark.server.tables.judging import comparison
from hullmark.server.tables.migrate import dialect_url
from tests.service.test_rejudge import FILLER, deb
from tests.support.desk import PASSWORD, Desk, status_file
from tests.support.desk_copies import furnished_by
from tests.support.inventories import Agent, container

pytestmark = pytest.mark.anyio

POLICY = """
schema: hullmark-policy/1
name: shop
rules:
  - {id: severe, gate: vulnerabilities, trigger: found, action: stop, params: {severity: critical, unrated: ignore}}
"""


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


@furnished_by(story)
async def test_images_that_differ_are_listed_with_the_cause(at: Desk) -> None:
    digest, began = at.found
    page = await get(at, query(began + timedelta(hours=1), at.now))
    assert at.reference("web") in page
    assert "CVE-2026-1 became known" in page
    rows = json.loads(await get(at, query(began, at.now) + "&export=json&table=changes"))
    assert [(row["before"], row["after"], row["policy"]) for row in rows] == [("go", "stop", "shop")]
    assert quote(digest, safe="") in page
    assert "every verdict is what it was" in await get(at, query(began, began + timedelta(days=1)))


@furnished_by(story)
async def test_what_came_back_between_the_moments_does_not_differ(at: Desk) -> None:
    """Lost and regained is where it was; seen from between, it differs."""
    _, began = at.found
    between = at.now + timedelta(hours=1)
    at.now += timedelta(days=1)
    await at.advise(FILLER, deb("CVE-2026-9", "b", severity="low"))
    await at.work()
    await dated(at, at.now)
    assert "every verdict is what it was" in await get(at, query(began, at.now))
    rows = json.loads(await get(at, query(between, at.now) + "&export=json&table=changes"))
    assert [(row["before"], row["after"]) for row in rows] == [("stop", "go")]


@furnished_by(story)
async def test_one_image_shows_both_verdicts_and_why(at: Desk) -> None:
    digest, began = at.found
    page = await get(at, query(began + timedelta(hours=1), at.now, image=digest))
    assert page.count('class="side-of"') == 2
    assert '<span class="mark verdict go">' in page
    assert '<span class="mark verdict stop">' in page
    assert "An advisory is new, changed or gone (advisory CVE-2026-1: not known, then known)" in page
    assert "With hindsight" not in page
    history = json.loads(await get(at, query(began, at.now, image=digest) + "&export=json&table=history"))
    assert [row["verdict"] for row in history] == ["stop", "go"]


@furnished_by(story)
async def test_hindsight_judges_the_past_with_the_advisories_of_today(at: Desk) -> None:
    """Before anybody knew, the image passed; with what is known today it would not have. Nothing is written by looking."""
    digest, began = at.found
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


@furnished_by(story)
async def test_a_policy_that_was_not_in_force_says_nothing(at: Desk) -> None:
    digest, began = at.found
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
    monkeypatch.setattr(comparison, "_WINDOWS", 1)
    monkeypatch.setattr(time_machine, "_WEEK", timedelta(days=3))
    assert "Next page" in await get(at, "time")


async def changes(at: Desk, path: str) -> list[tuple[str, ...]]:
    """The verdicts that differ: tag, before, after, kinds of causes."""
    rows = json.loads(await get(at, f"{path}&export=json&table=changes"))
    return sorted((row["image"].rpartition(":")[2], row["before"], row["after"], row["kinds"]) for row in rows)


LOW = deb("CVE-2026-7", "b", severity="low")
WORDS = """
schema: hullmark-policy/1
name: shop
rules:
  - {id: severe, gate: vulnerabilities, trigger: found, action: stop, params: {severity: critical, unrated: ignore}}
  - {id: any, gate: vulnerabilities, trigger: found, action: warn, params: {unrated: ignore}}
"""


async def varied(at: Desk) -> datetime:
    """Three images: of one more is known a day later (go to warn), of another a day after that (go to stop), and the policy warns of all on
    the third day. Answers the moment after all were judged first."""
    began = at.now
    await at.advise(FILLER)
    await at.work()
    await at.post("/policies", {"text": WORDS})
    await at.post("/activations", {"policy": "shop"})
    for tag, package in (("one", "a"), ("two", "b"), ("three", "c")):
        at.push(tag, status_file((package, "1.0")))
        await at.add(tag)
    await at.work()
    await dated(at, began)
    at.now = began + timedelta(days=1)
    await at.advise(FILLER, LOW)
    await at.work()
    at.now = began + timedelta(days=2)
    await at.advise(FILLER, LOW, deb("CVE-2026-1", "a", severity="critical"))
    await at.work()
    at.now = began + timedelta(days=3)
    await at.post(
        "/policies",
        {"text": WORDS + "  - {id: root, gate: config, trigger: user, action: warn, params: {not_root: true}}"},
    )
    await at.post("/activations", {"policy": "shop"})
    await at.work()
    at.now = began + timedelta(days=3, hours=1)
    return began + timedelta(hours=1)


@furnished_by(varied)
async def test_every_change_of_verdict_is_told_with_its_cause(at: Desk) -> None:
    """Also those that nobody has to be told of: from go to warn and back."""
    since = at.found
    path = query(since, at.now)
    assert await changes(at, path) == [
        ("one", "go", "stop", "advisory"),
        ("three", "go", "warn", "policy"),
        ("two", "go", "warn", "advisory"),
    ]
    page = await get(at, path)
    assert "CVE-2026-7" in page.partition('id="changes"')[2].partition("</section>")[0]
    assert "2 verdicts: go, first; warn, then" in page
    assert "1 verdicts: go, first; stop, then" in page
    assert [row[0] for row in await changes(at, f"{path}&before=go&after=warn")] == ["three", "two"]
    assert await changes(at, f"{path}&after=unknown") == []
    back = at.now
    at.now += timedelta(days=1)
    await at.advise(FILLER, deb("CVE-2026-1", "a", severity="critical"))
    await at.post("/policies", {"text": WORDS})
    await at.post("/activations", {"policy": "shop"})
    await at.work()
    assert [row[:3] for row in await changes(at, query(back, at.now))] == [
        ("three", "warn", "go"),
        ("two", "warn", "go"),
    ]
    assert [row[0] for row in await changes(at, query(since, at.now))] == ["one"], "the others are where they were"


@furnished_by(varied)
async def test_what_was_known_of_all_images_stands_beside_what_is_known_today(at: Desk) -> None:
    """Only of images that were there, and only where more is known of them: not what a policy decided otherwise."""
    since = at.found
    at.push("four", status_file(("a", "1.0")))
    await at.add("four")
    await at.work()
    path = query(since, at.now, known="today")
    assert await changes(at, path) == [("one", "go", "stop", "advisory"), ("two", "go", "warn", "advisory")]
    page = await get(at, path)
    assert "With hindsight" in page
    assert "knowledge alone" in page
    assert "1 verdicts: go, then; stop, today" in page
    # What was known two days later is known of less.
    later = query(since + timedelta(days=1), at.now, known="today")
    assert await changes(at, later) == [("one", "go", "stop", "advisory")]


@furnished_by(varied)
async def test_what_ran_is_asked_of_the_moment_that_it_is_about(at: Desk) -> None:
    since = at.found
    digest = at.registry.tags["one"]
    began, at.now = at.now, since
    await Agent(at).list(container("Deployment/web", digest=digest, since=since))
    at.now = began
    assert [
        row[0] for row in await changes(at, query(since + timedelta(minutes=1), at.now, known="today", ran="1"))
    ] == ["one"]
    assert [row[0] for row in await changes(at, query(since, at.now, ran="1"))] == ["one"]
    before = query(since - timedelta(minutes=30), at.now, known="today", ran="1")
    assert await changes(at, before) == [], "it did not run yet"


@furnished_by(varied)
async def test_counts_that_are_cut_say_since_when_they_count(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    since = at.found
    monkeypatch.setattr(comparison, "COUNTED", 1)
    page = await get(at, query(since, at.now))
    assert "More changed than is counted here" in page
    assert "2 verdicts: go" not in page
    assert len(await changes(at, query(since, at.now))) == 3


@furnished_by(varied)
async def test_a_tag_that_moved_is_a_change_but_not_knowledge(at: Desk) -> None:
    since = at.found
    at.push("two", status_file(("a", "1.0"), ("x", "1.0")))
    await at.add("two")
    await at.work()
    assert ("two", "warn", "stop", "image") in await changes(at, query(since + timedelta(days=1), at.now))
    assert [row[0] for row in await changes(at, query(since, at.now, known="today"))] == ["one", "two"]


@furnished_by(varied)
async def test_changes_of_before_are_found_in_the_history_by_the_migration(at: Desk) -> None:
    asked = "SELECT image_id, before, after, at, history_id, known_since FROM verdict_change ORDER BY history_id"

    async def kept() -> list[tuple[object, ...]]:
        async with at.services.database.system() as connection:
            return await (await connection.execute(asked)).fetchall()

    def back_and_forth() -> None:
        url = at.services.settings.database_url
        engine = sqlalchemy.create_engine(dialect_url(url))
        with engine.begin() as connection:
            command.downgrade(migrations._config(connection), "0020")
        engine.dispose()
        migrations.migrate(url)

    before = await kept()
    await asyncio.to_thread(back_and_forth)
    assert await kept() == before
    assert len(before) >= 3


@furnished_by(story)
async def test_another_account_sees_neither_changes_nor_images(at: Desk) -> None:
    digest, began = at.found
    await at.post("/accounts", {"name": "other"})
    path = query(began, at.now)
    answer = await at.client.get(f"/console/other/{path}", auth=("admin", PASSWORD))
    assert "every verdict is what it was" in answer.text
    answer = await at.client.get(f"/console/other/{path}&image={digest}", auth=("admin", PASSWORD))
    assert answer.status_code == 404
