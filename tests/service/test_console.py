"""The console's frame: who may come in, what pages are sent with, tables and their exports."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hullmark.server.console.static_files import static_url
from hullmark.server.console.views import ago, environment, size, span
from hullmark.server.stories.identity.account_address import RESERVED
from hullmark.server.stories.notice.links import cause_link
from hullmark.server.tables.identity.accounts import add_account
from tests.support.desk import PASSWORD, Desk, desk, status_file

pytestmark = pytest.mark.anyio

_CAREFUL = """
schema: hullmark-policy/1
name: careful
version: "1"
rules:
  - {id: no-root, gate: config, trigger: user, action: stop, params: {not_root: true}}
"""


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A server with its first person."""
    async with desk(database_url, tmp_path) as found:
        yield found


async def _page(at: Desk, path: str, status: int = 200) -> str:
    answer = await at.client.get(f"/console/{path}", auth=("admin", PASSWORD))
    assert answer.status_code == status, answer.text
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    return answer.text


async def test_the_front_door_leads_to_the_first_account(at: Desk) -> None:
    """So do the doors of accounts: to what is wrong now, or to the way to a first verdict while there is no image."""
    for first in ("/console/admin/add", "/console/admin/now"):
        for path in ("/console/", "/console/admin"):
            answer = await at.client.get(path, auth=("admin", PASSWORD))
            assert (answer.status_code, answer.headers["location"]) == (303, first), path
        at.push("any", {})
        await at.add("any")


async def test_nothing_out_of_compliance_is_said_plainly(at: Desk) -> None:
    """An empty list would look like a fault."""
    page = await _page(at, "admin/now")
    assert "Nothing to do" in page
    assert 'aria-current="page"' in page


async def test_every_part_escapes_what_it_shows(at: Desk) -> None:
    """The gallery shows them all, with markup among the values."""
    page = await _page(at, "gallery")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert " style=" not in page


async def test_another_address_is_told_as_a_page(at: Desk) -> None:
    """Below the console there is no JSON for people."""
    assert "Choose one from the menu." in await _page(at, "admin/nowhere", 404)
    assert "there is no such account" in (await _page(at, "other/now", 404)).lower()


async def test_accounts_called_as_the_consoles_own_pages_are_reached_by_a_mark(at: Desk) -> None:
    """Made before these names were reserved. All that leads to their pages does so by the same address."""
    async with at.services.database.system() as connection:
        for name in sorted(RESERVED):
            assert await add_account(connection, name, "") is not None
    for name in sorted(RESERVED):
        base = f"/console/~{name}"
        answer = await at.client.get(base, auth=("admin", PASSWORD))
        assert (answer.status_code, answer.headers["location"]) == (303, f"{base}/add")
        now = await _page(at, f"~{name}/now")
        assert f'href="{base}/images"' in now
        assert f'"/console/{name}/images' not in now
        assert f'href="{base}/admin/people"' in await _page(at, "admin/admin/accounts")
        assert cause_link(at.services.settings, name, 7).endswith(f"{base}/causes/7")
        assert (await at.ask("POST", "/accounts", {"name": name})).status_code == 422
    assert "there is no such account" in (await _page(at, "~admin/now", 404)).lower()


async def test_files_that_were_not_made_are_named_with_what_makes_them(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a checkout without them: on a page of its own, to which every other page leads; nothing asks for them."""
    monkeypatch.setitem(environment().globals, "missing", ("htmx.js", "uplot.js"))
    page = await _page(at, "assets")
    assert "make console-assets" in page
    assert "<code>uplot.js</code>" in page
    page = await _page(at, "admin/now")
    assert 'href="/console/assets"' in page
    assert "vendor/htmx.js" not in page


async def test_files_are_kept_for_ever_under_the_address_of_their_version(at: Desk) -> None:
    """Under any other they are asked for again; no other file is served."""
    answer = await at.client.get(static_url("app.css"))
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/css")
    assert (await at.client.get("/console/static/old/app.css")).headers["cache-control"] == "no-cache"
    assert (await at.client.get("/console/static/old/../views.py")).status_code == 404


async def test_a_table_is_exported_whole(at: Desk) -> None:
    """As CSV with its header, as JSON as one array; another form is refused."""
    answer = await at.client.get("/console/admin/now?export=csv&table=causes", auth=("admin", PASSWORD))
    assert list(csv.reader(io.StringIO(answer.text))) == [["severity", "cause", "running", "images", "since"]]
    answer = await at.client.get("/console/admin/now?export=json&table=causes", auth=("admin", PASSWORD))
    assert json.loads(answer.text) == []
    assert (await at.client.get("/console/admin/now?export=xml", auth=("admin", PASSWORD))).status_code == 400


def test_lengths_of_time_and_sizes_are_said_in_their_largest_unit() -> None:
    """As people say them."""
    now = datetime(2026, 5, 1, tzinfo=UTC)
    assert [span(seconds) for seconds in (40, 120, 7200, 86_400 * 3, 86_400 * 90, 86_400 * 800)] == [
        "40 s",
        "2 min",
        "2 h",
        "3 d",
        "2 months",
        "2 years",
    ]
    assert ago(now - timedelta(hours=3), now) == "3 h ago"
    assert ago(now + timedelta(days=2), now) == "in 2 d"
    assert [size(octets) for octets in (0, 999, 1500, 123_456_789)] == ["0 B", "999 B", "1.5 kB", "123 MB"]


async def test_a_word_finds_images_packages_advisories_and_policies(at: Desk) -> None:
    """Of the account alone; a package by its whole name, with the images that hold it."""
    digest = at.push("shop", status_file(("nginx", "1.26.3-3")))
    await at.add("shop")
    await at.post("/policies", {"text": _CAREFUL})
    await at.work()
    repository = at.registry.repository
    found = {
        word: json.loads(await _page(at, f"admin/search?format=json&q={word}"))
        for word in (repository[1:], digest[7:20], "nginx", "ngin", "careful")
    }
    assert [item["href"] for item in found[repository[1:]]] == [f"/console/admin/images/{digest}"]
    assert [item["title"] for item in found[digest[7:20]]] == [digest]
    assert [item["kind"] for item in found["nginx"]] == ["package"]
    assert found["ngin"] == []
    assert [item["href"] for item in found["careful"]] == ["/console/admin/policies/careful"]
    assert "pkg:deb/debian/nginx@1.26.3-3" in await _page(at, "admin/search?q=nginx")
    assert "Nothing of this name" in await _page(at, "admin/search?q=%3Cb%3E")
