"""Sessions of the console: who signs in by a form stays so, for how long, and what another site's page cannot do with them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
import psycopg
import pytest

from hullmark.server.api.browser import local_page
from hullmark.server.api.resources.signin import Gate
from hullmark.server.process.scheduler import forget_sessions
from hullmark.server.stories.identity.identity import KEEP
from hullmark.server.stories.identity.passwords import Passwords
from tests.support.browsing import Browser, browser, token_in
from tests.support.desk import PASSWORD, Desk, desk

pytestmark = pytest.mark.anyio

ANNA, WORDS = "anna", "anna's own words"
HOME = "/console/team/now"


class World(msgspec.Struct, kw_only=True):
    """A server with an account of one person, and its clocks."""

    at: Desk
    seconds: list[float]

    def later(self, seconds: float) -> None:
        self.at.now += timedelta(seconds=seconds)
        self.seconds[0] += seconds

    def gate(self) -> Gate:
        """A gate of another process."""
        gate = Gate(self.at.services, lambda: self.seconds[0])
        gate.identity.passwords = Passwords(time_cost=1, memory_kib=64)
        return gate


async def world_of(at: Desk) -> World:
    world = World(at=at, seconds=[1000.0])
    at.app.state["gate"] = world.gate()
    await at.post("/accounts", {"name": "team"})
    await at.post("/accounts/team/persons", {"name": ANNA, "password": WORDS, "role": "admin"})
    return world


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with desk(database_url, tmp_path) as at:
        yield await world_of(at)


@pytest.fixture
async def anna(world: World) -> AsyncIterator[Browser]:
    """Her browser, signed in."""
    async with browser(world.at) as opened:
        assert (await opened.sign_in(ANNA, WORDS)).status_code == 303
        yield opened


def _kept(world: World) -> list[Any]:
    with psycopg.connect(world.at.services.settings.database_url) as connection:
        return connection.execute("SELECT owner, digest, address, agent FROM browser_session ORDER BY id").fetchall()


async def test_whoever_follows_a_link_signs_in_and_gets_to_where_it_leads(world: World) -> None:
    async with browser(world.at) as opened:
        link = f"{HOME}?tab=a%26b&cursor=x"
        asked = await opened.get(link)
        assert asked.status_code == 303
        page = asked.headers["location"]
        assert page == f"/console/signin?next={quote(link, safe='/')}"
        assert "hullmark-form" in (form := await opened.get(page)).headers["set-cookie"]
        assert 'autocomplete="current-password"' in form.text
        answer = await opened.sign_in(ANNA, WORDS, quote(link, safe=""))
        assert (answer.status_code, answer.headers["location"]) == (303, link)
        cookie = next(each for each in answer.headers.get_list("set-cookie") if "hullmark-session" in each)
        assert {"HttpOnly", "SameSite=lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
        assert "Domain" not in cookie
        assert (await opened.get(HOME)).status_code == 200
        assert (await opened.get("/console/")).headers["location"] == "/console/team/add"
        assert (await opened.get("/console/signin")).status_code == 303
        owner, digest, address, _ = _kept(world)[0]
        assert (owner.partition(":")[0], address) == ("person", "127.0.0.1")
        assert opened.cookie.encode() not in bytes(digest)
    entries = (await world.at.get("/audit?action=session.*", "team"))["items"]
    assert [(entry["actor"], entry["action"]) for entry in entries] == [("person:anna", "session.open")]


@pytest.mark.parametrize("public_url", ["https://hullmark.example.org", "http://hullmark.example.org"])
async def test_with_tls_no_page_without_it_can_set_the_cookie(
    database_url: str, tmp_path: Path, public_url: str
) -> None:
    async with desk(database_url, tmp_path, public_url=public_url) as at:
        await world_of(at)
        async with browser(at, base=public_url) as opened:
            answer = await opened.sign_in(ANNA, WORDS)
            cookie = next(each for each in answer.headers.get_list("set-cookie") if "hullmark-session" in each)
            assert cookie.startswith("__Host-hullmark-session=") == public_url.startswith("https")
            assert ("Secure" in cookie) == public_url.startswith("https")
            assert (await opened.get(HOME)).status_code == 200


async def test_the_cookie_opens_pages_alone(world: World, anna: Browser) -> None:
    """So no form of another site can do anything at the API, which asks for no token."""
    for path in ("/api/v1/whoami", "/api/v1/images", "/v1/images", "/metrics"):
        assert (await anna.get(path)).status_code == 401, path
    assert (await anna.client.post("/api/v1/keys", json={"name": "x", "role": "ci"})).status_code == 401


async def test_a_sign_in_gives_another_session_than_the_browser_had(world: World, anna: Browser) -> None:
    """Whoever had a browser use a session that it knows would else be signed in with its owner (session fixation)."""
    before = anna.cookie
    await anna.send("/console/signin", {"name": "admin", "password": PASSWORD}, await anna.token(HOME))
    assert anna.cookie not in ("", before)
    async with browser(world.at) as other:
        other.client.cookies.set("hullmark-session", before)
        assert (await other.get(HOME)).status_code == 303
        planted = "A" * 43
        other.client.cookies.set("hullmark-session", planted)
        answer = await other.sign_in(ANNA, WORDS)
        given = [re.match(r"hullmark-session=([^;]*)", each) for each in answer.headers.get_list("set-cookie")]
        assert [found[1] == planted for found in given if found] == [False]
    assert len(_kept(world)) == 2


async def test_what_is_wrong_is_said_in_the_form(world: World) -> None:
    async with browser(world.at) as opened:
        answer = await opened.sign_in(ANNA, "wrong words", HOME)
        assert answer.status_code == 403
        assert "www-authenticate" not in answer.headers
        assert 'value="anna"' in answer.text
        assert "wrong words" not in answer.text
        assert f'name="next" value="{HOME}"' in answer.text
        assert opened.cookie == ""
        key = (await world.at.post("/keys", {"name": "k", "role": "ci"}, "team"))["key"]
        assert (await opened.sign_in("_api_key", key)).status_code == 403
        for _ in range(40):
            answer = await opened.sign_in(ANNA, "wrong words")
        assert (answer.status_code, int(answer.headers["retry-after"]) > 0) == (429, True)
        assert (await opened.sign_in(ANNA, WORDS)).status_code == 429
    async with browser(world.at, "192.0.2.7") as elsewhere:
        assert (await elsewhere.sign_in(ANNA, WORDS)).status_code == 303


async def test_sessions_that_ended_are_no_failures(world: World, anna: Browser) -> None:
    """A page that was left open asks on and on; nobody else of its network is to be locked out by that."""
    world.later(86_400)
    for _ in range(100):
        assert (await anna.get(HOME, hx_request="true")).status_code == 401
    assert (await anna.sign_in(ANNA, WORDS)).status_code == 303


async def test_a_part_of_a_page_sends_the_whole_page_to_the_sign_in(world: World) -> None:
    async with browser(world.at) as opened:
        shown = f"http://hullmark{HOME}?tab=x"
        answer = await opened.get(HOME, hx_request="true", hx_current_url=shown)
        assert (answer.status_code, answer.headers["hx-redirect"]) == (
            401,
            f"/console/signin?next={quote(f'{HOME}?tab=x', safe='/')}",
        )
        answer = await opened.get(HOME, hx_request="true", hx_current_url="https://evil.example/console/x")
        assert urlsplit(answer.headers["hx-redirect"]).netloc == ""


async def test_a_session_ends_when_unused_and_at_last(world: World, anna: Browser) -> None:
    settings = world.at.services.settings
    began = world.at.now
    while world.at.now + timedelta(seconds=settings.session_idle * 0.9) < began + timedelta(
        seconds=settings.session_life
    ):
        world.later(settings.session_idle * 0.9)
        assert (await anna.get(HOME)).status_code == 200
    world.later(settings.session_idle * 0.9)
    assert (await anna.get(HOME)).status_code == 303
    async with browser(world.at) as other:
        assert (await other.sign_in(ANNA, WORDS)).status_code == 303
        world.later(settings.session_idle)
        assert (await other.get(HOME)).status_code == 303
    await forget_sessions(world.at.services)
    assert _kept(world) == []


async def test_signing_out_ends_the_session_itself(world: World, anna: Browser) -> None:
    cookie = anna.cookie
    answer = await anna.send("/console/signout", {}, await anna.token(HOME))
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/signin")
    assert anna.cookie == ""
    async with browser(world.at) as other:
        other.client.cookies.set("hullmark-session", cookie)
        assert (await other.get(HOME)).status_code == 303
    assert _kept(world) == []


@pytest.mark.parametrize("deed", ["password", "disabled", "removed", "account"])
async def test_what_ends_a_person_s_rights_ends_its_sessions(world: World, anna: Browser, deed: str) -> None:
    """In this process at once, in others within KEEP seconds."""
    await world.at.post("/accounts/team/persons", {"name": "bert", "password": "bert's own words", "role": "admin"})
    other = world.gate()
    assert (await other.identity.by_session(anna.cookie)).name == "person:anna"
    method, path, body = {
        "password": ("PATCH", "/accounts/team/persons/anna", {"password": "anna's new words"}),
        "disabled": ("PATCH", "/accounts/team/persons/anna", {"state": "disabled"}),
        "removed": ("DELETE", "/accounts/team/persons/anna", None),
        "account": ("PATCH", "/accounts/team", {"state": "disabled"}),
    }[deed]
    assert (await world.at.ask(method, path, body)).is_success
    assert (await anna.get(HOME)).status_code == (403 if deed == "account" else 303)
    world.later(KEEP + 0.1)
    world.at.app.state["gate"] = other
    assert (await anna.get(HOME)).status_code == (403 if deed == "account" else 303)


async def test_one_person_has_so_many_sessions_at_most(world: World, anna: Browser) -> None:
    first = anna.cookie
    for _ in range(50):
        world.later(1)
        async with browser(world.at) as opened:
            assert (await opened.sign_in(ANNA, WORDS)).status_code == 303
    assert len(_kept(world)) == 50
    world.later(KEEP + 0.1)
    assert anna.cookie == first
    assert (await anna.get(HOME)).status_code == 303


_ELSEWHERE = (
    "https://evil.example/",
    "//evil.example/console/",
    "/console//evil.example",
    "/\\evil.example/console/",
    "/console/\\evil",
    "/console/..//evil.example",
    "/console/%2e%2e/api/v1/whoami",
    "/console/%252e%252e/api",
    "/consoles",
    "/api/v1/images",
    "javascript:alert(1)",
    "/console/\nSet-Cookie: x=1",
    "/console/signin",
    "/console/signin?next=/console/signin",
    "/console/x#https://evil.example",
    "/console/" + "x" * 3000,
    "console/now",
    "",
)


@pytest.mark.parametrize("wanted", _ELSEWHERE)
async def test_the_sign_in_leads_to_pages_of_the_console_alone(world: World, wanted: str) -> None:
    assert local_page(wanted) == "/console/"
    async with browser(world.at) as opened:
        token = await opened.token()
        fields = {"name": ANNA, "password": WORDS, "next": wanted}
        answer = await opened.send("/console/signin", fields, token)
        assert answer.headers.get("location", "/console/") == "/console/"
        again = await opened.client.get("/console/signin", params={"next": wanted})
        assert again.headers.get("location", "/console/") == "/console/"


def test_pages_with_all_that_addresses_hold_are_gone_on_to() -> None:
    for page in (
        "/console",
        "/console/a/now",
        "/console/a/images/sha256:00?tab=files&q=a%20b%2Fc+d",
        "/console/a/x%C3%A4",
    ):
        assert local_page(page) == page


@pytest.mark.parametrize(
    "wrong",
    [
        {"form": None},
        {"form": ""},
        {"form": "x"},
        {"form": "ä"},
        {"form": "A" * 48},
        {"form": "other"},
        {"form": "right", "sec_fetch_site": "cross-site"},
        {"form": "right", "sec_fetch_site": "same-site"},
        {"form": "right", "origin": "https://evil.example"},
        {"form": "right", "origin": "null"},
        {"form": "right", "origin": "http://hullmark.evil.example"},
    ],
    ids=str,
)
async def test_forms_of_other_pages_do_nothing(world: World, anna: Browser, wrong: dict[str, Any]) -> None:
    """Without the token, with another session's, or by a page of another site."""
    given = dict(wrong)
    if given["form"] == "other":
        async with browser(world.at) as other:
            await other.sign_in("admin", PASSWORD)
            given["form"] = token_in((await other.get("/console/admin/now")).text)
    elif given["form"] == "right":
        given["form"] = await anna.token(HOME)
    token = given.pop("form")
    for path in ("/console/signout", "/console/signin"):
        answer = await anna.send(path, {"name": ANNA, "password": WORDS}, token, **given)
        assert answer.status_code == 403, answer.text
    assert (await anna.get(HOME)).status_code == 200


async def test_the_token_counts_in_a_header_and_in_both_kinds_of_forms(world: World, anna: Browser) -> None:
    fields = {"name": ANNA, "password": "wrong words"}
    wrong = "is refused"
    token = await anna.token(HOME)
    own = {"origin": "http://hullmark", "sec-fetch-site": "same-origin"}
    by_header = await anna.client.post("/console/signin", data=fields, headers={"x-hullmark-csrf": token, **own})
    assert wrong in by_header.text
    parts = [("_csrf", (None, token)), *((name, (None, value)) for name, value in fields.items())]
    assert wrong in (await anna.client.post("/console/signin", files=parts, headers=own)).text
    last = [*parts[1:], parts[0]]
    assert (await anna.client.post("/console/signin", files=last)).status_code == 403
    assert (await anna.client.post("/console/signin", json={"_csrf": token, **fields})).status_code == 403
    tokens = {await anna.token(HOME) for _ in range(5)}
    assert len(tokens) == 5  # a compressed page tells nothing of it


async def test_a_remembered_password_does_nothing_for_another_site(world: World) -> None:
    """A browser that was asked for a name and a password sends them along, whoever's page made the request."""
    async with browser(world.at) as opened:
        signed = {"auth": (ANNA, WORDS)}
        body = {"name": "k", "role": "ci"}
        for site in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
            for path in ("/api/v1/keys", "/v1/policies"):
                answer = await opened.client.post(path, json=body, headers=site, **signed)  # type: ignore[arg-type]
                assert answer.status_code == 403, answer.text
        assert (await opened.client.post("/api/v1/keys", json=body, **signed)).status_code == 201  # type: ignore[arg-type]


async def test_two_sign_in_pages_of_one_browser_both_work(world: World) -> None:
    async with browser(world.at) as opened:
        first, second = await opened.token(), await opened.token()
        assert (await opened.send("/console/signin", {"name": ANNA, "password": "no"}, second)).status_code == 403
        assert (await opened.send("/console/signin", {"name": ANNA, "password": WORDS}, first)).status_code == 303


async def test_cookies_that_we_did_not_set_are_nothing(world: World) -> None:
    async with browser(world.at) as opened:
        for value in ("", "x", "A" * 43, "A" * 5000, "%00", '"x"'):
            answer = await opened.client.get(HOME, headers={"cookie": f"hullmark-session={value}; other=1"})
            assert answer.status_code == 303, value


def test_forms_begin_with_their_token() -> None:
    """Of a form with files only the beginning is looked at before it is taken."""
    folder = Path(__file__).parents[2] / "src/hullmark/server/console/templates"
    wrong = []
    for path in folder.rglob("*.html"):
        for form in re.finditer(r'<form[^>]*method="post"[^>]*>\s*(.{0,60})', path.read_text(), re.S | re.I):
            if "form_token(" not in form[1]:
                wrong.append(f"{path.name}: {form[0][:120]}")
    assert not wrong, "\n".join(wrong)
