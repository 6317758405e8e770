"""What people read of a change, from the server to the page that a link opens: what, where, since when, and what to do."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from httpx import Response

from hullmark.model.notice import Notice
from hullmark.notify.words import text_of, title_of
from hullmark.server.stories.notice.notices import notice_of
from hullmark.server.stories.notice.placed import add_places
from hullmark.server.stories.notice.route import route
from hullmark.server.tables.notice import messages
from tests.service.test_transitions import OTHER
from tests.service.test_verdicts import LIBC, NO_HIGH, SHOP, kept
from tests.support.desk import PASSWORD, Desk, desk

pytestmark = pytest.mark.anyio

OPERATOR = ("admin", PASSWORD)

ROOT = """\
schema: hullmark-policy/1
name: users
rules:
  - {id: no-root, gate: config, trigger: user, action: stop, params: {not_root: true}, message: Ask the platform team.}
"""


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as opened:
        await opened.post(
            "/channels", {"name": "hook", "kind": "webhook", "settings": {"url": "https://hooks.example.com/x"}}
        )
        yield opened


async def told(at: Desk) -> list[Notice]:
    """What goes out, as it would be sent now, the oldest first."""
    await at.work()
    await route(at.services, 1)
    async with at.services.database.system() as connection:
        rows = await messages.messages(connection, 1, messages.MessageFilter(), below=None, limit=50)
        notices = [await notice_of(connection, at.services.settings, row, at.now) for row in reversed(rows)]
    found = [await add_places(at.services, 1, notice) for notice in notices]
    return [notice for notice in found if isinstance(notice, Notice)]


async def opened(at: Desk, link: str, **more: Any) -> Response:
    """What a browser gets that follows a link."""
    parts = urlsplit(link)
    accept = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    return await at.client.get(f"{parts.path}?{parts.query}", headers=accept, **more)


def words(page: Response) -> str:
    assert page.headers["content-type"].startswith("text/html"), page.text
    text = page.text.replace("<wbr>", "")
    return " ".join(unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", text, flags=re.DOTALL)).split())


async def test_a_moved_tag_tells_the_new_verdict_with_its_reasons_in_one_message(at: Desk) -> None:
    await kept(at, ROOT)
    at.push("1.0", SHOP, User="1000")
    await at.add("1.0")
    await at.work()
    digest = at.push("1.0", {**SHOP, "new": b"x"}, User="0")
    await at.add("1.0")
    await route(at.services, 1)  # before the image is judged
    (notice,) = await told(at)
    assert title_of(notice) == f"1 image out of compliance, 1 tag moved: {at.reference('1.0')}"
    text = text_of(notice)
    assert "rule no-root" in text
    assert "since 2026-05-01 12:00 UTC. To do: " in text
    assert "go → stop" in text
    assert "no longer" not in text
    page = await opened(at, next(item.link for item in notice.items if item.policy), auth=OPERATOR)
    assert digest in words(page)
    assert "no-root" in words(page)


async def test_a_moved_tag_to_an_image_that_is_as_good_tells_so(at: Desk) -> None:
    await kept(at, ROOT)
    at.push("1.0", SHOP, User="1000")
    at.push("2.0", {**SHOP, "new": b"x"}, User="1000")
    await at.add("1.0")
    await at.add("2.0")
    await at.work()
    at.registry.tags["1.0"] = at.registry.tags["2.0"]
    await at.add("1.0")
    (notice,) = await told(at)
    assert [(item.kind, item.before, item.after, item.policy) for item in notice.items] == [
        ("tag.moved", "go", "go", "users")
    ]
    assert title_of(notice) == f"1 tag moved: {at.reference('1.0')}"
    assert "still go" in text_of(notice)


async def test_an_exception_that_begins_is_not_told_as_if_the_finding_were_gone(at: Desk) -> None:
    at.push("1.0", SHOP, User="0")
    await kept(at, ROOT)
    await at.add("1.0")
    await at.work()
    body = {"rule": "no-root", "subject": "*", "owner": "anna", "reason": "soon", "expires": "2026-05-03"}
    await at.post("/exceptions", body)
    (notice,) = await told(at)
    assert "excepted by anna until 2026-05-03" in text_of(notice)
    assert "no longer" not in text_of(notice)


async def test_an_advisory_tells_where_its_package_is_seen_and_its_link_opens_the_verdict(at: Desk) -> None:
    at.push("1.0", SHOP)
    await at.advise(OTHER)
    await kept(at, NO_HIGH)
    await at.add("1.0")
    await at.work()
    await at.advise(OTHER, LIBC)
    (notice,) = await told(at)
    ((seen,),) = [item.evidence for item in notice.items]
    assert (seen.path, seen.layer, seen.since) == ("/var/lib/dpkg/status", 0, at.now)
    assert "at /var/lib/dpkg/status in layer 0" in text_of(notice)
    assert re.fullmatch(r"http://127\.0\.0\.1:8228/console/admin/causes/\d+", notice.link)
    page = await opened(at, notice.items[0].link, auth=OPERATOR)
    assert "CVE" in words(page)
    assert at.reference("1.0") in words(page)


async def test_the_page_of_a_message_leads_to_every_verdict(at: Desk) -> None:
    await at.advise(OTHER)
    await kept(at, NO_HIGH)
    for tag in ("1.0", "2.0"):
        at.push(tag, {**SHOP, "new": tag.encode()})
        await at.add(tag)
    await at.work()
    await at.advise(OTHER, LIBC)
    (notice,) = await told(at)
    (message,) = (await at.get("/messages"))["items"]
    tags = {at.reference("1.0"), at.reference("2.0")}
    page = await opened(at, f"/api/v1/messages/{message['id']}/page?format=html&account=admin", auth=OPERATOR)
    assert tags <= set(words(page).replace(": out", " ").split())
    links = re.findall(r'<a href="([^"]+)"', page.text)
    assert len(links) == 2
    for link in links:
        assert "libc6" in words(await opened(at, unescape(link), auth=OPERATOR))
    page = await opened(at, f"/console/admin/messages/{message['id']}", auth=OPERATOR)
    assert tags <= set(words(page).split())
    assert f'href="{urlsplit(notice.link).path}"' in page.text
    for number in re.findall(r'href="(/console/admin/history/\d+)"', page.text):
        assert "libc6" in words(await opened(at, number, auth=OPERATOR))


async def test_who_is_not_signed_in_is_led_to_the_sign_in_page_and_from_there_to_what_the_link_is_about(
    at: Desk,
) -> None:
    link = "https://h.example.com/console/admin/history/1"
    page = await opened(at, link)
    assert (page.status_code, page.headers["location"]) == (303, "/console/signin?next=/console/admin/history/1")
    gone = await opened(at, link, auth=OPERATOR)
    assert (gone.status_code, "There is no verdict 1." in words(gone)) == (404, True)


async def test_the_address_of_the_server_opens_the_console_and_answers_programs_as_before(at: Desk) -> None:
    page = await opened(at, "https://h.example.com/")
    assert (page.status_code, page.headers["location"]) == (303, "/console/")
    assert (await at.client.get("/")).status_code == 404
    assert (await at.client.get("/v1/", auth=OPERATOR)).text == "v1"


async def test_who_is_not_signed_in_reads_how_to(at: Desk) -> None:
    link = "https://h.example.com/api/v1/history/1?format=html&account=admin"
    page = await opened(at, link)
    assert (page.status_code, "Basic" in page.headers["www-authenticate"]) == (401, True)
    assert "Sign in to read this" in words(page)
    assert "name and the password" in words(page)
    gone = await opened(at, link, auth=OPERATOR)
    assert (gone.status_code, "There is no verdict 1." in words(gone)) == (404, True)
    assert (await at.ask("GET", "/history/1")).headers["content-type"] == "application/problem+json"


async def test_a_link_opens_the_account_that_it_is_about(at: Desk) -> None:
    await at.post("/accounts", {"name": "second"})
    at.push("1.0", SHOP, User="0")
    await at.post("/policies", {"text": ROOT}, "second")
    await at.post("/activations", {"policy": "users"}, "second")
    digest = (await at.post("/images", {"reference": at.reference("1.0")}, "second"))["digest"]
    await at.work()
    link = f"https://h.example.com/api/v1/images/{digest}/check?format=html&account="
    assert (await opened(at, f"{link}admin", auth=OPERATOR)).status_code == 404
    assert "no-root" in words(await opened(at, f"{link}second", auth=OPERATOR))
