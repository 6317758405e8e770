"""Signing in to the console at an identity provider, and what an answer that is not that provider's to this browser is worth."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from hullmark.server.api.resources.signin import Gate
from hullmark.server.stories.identity.oidc_login import ATTEMPT_SECONDS
from tests.support.browsing import Browser, browser
from tests.support.desk import Desk, desk
from tests.unit.server.test_identity import FakeProvider

pytestmark = pytest.mark.anyio

HOME = "/console/team/now"
CALLBACK = "/console/signin/callback"


class World(msgspec.Struct, kw_only=True):
    at: Desk
    provider: FakeProvider

    async def begun(self, opened: Browser, following: str = HOME) -> str:
        """The provider's page that a browser is sent to."""
        answer = await opened.client.get("/console/signin/provider", params={"next": following})
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    async def back(self, opened: Browser, query: dict[str, str]) -> Any:
        return await opened.client.get(CALLBACK, params=query, headers={"sec-fetch-site": "cross-site"})


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    provider = FakeProvider()
    provider.add("one", "ES256")
    yield provider
    provider.close()


@pytest.fixture
async def world(database_url: str, tmp_path: Path, provider: FakeProvider) -> AsyncIterator[World]:
    settings = {
        "oidc_issuer": provider.issuer,
        "oidc_audience": "the-api",
        "oidc_client": "console client",
        "oidc_client_secret": "s3cret:ä",
        "oidc_groups": "devs=team:editor",
    }
    encoded = base64.b64encode(b"console%20client:s3cret%3A%C3%A4").decode()
    provider.secret = f"Basic {encoded}"
    async with desk(database_url, tmp_path, **settings) as at:
        at.app.state["gate"] = Gate(at.services)
        await at.post("/accounts", {"name": "team"})
        yield World(at=at, provider=provider)


async def test_a_person_of_the_provider_signs_in_there(world: World) -> None:
    async with browser(world.at) as opened:
        page = await opened.get(f"/console/signin?next={HOME}")
        assert f'href="/console/signin/provider?next={HOME}"' in page.text
        asked = await world.begun(opened)
        query = dict(parse_qsl(urlsplit(asked).query))
        assert asked.startswith(f"{world.provider.issuer}/authorize?tenant=x&")
        assert (query["response_type"], query["client_id"], query["scope"]) == (
            "code",
            "console client",
            "openid profile email",
        )
        assert (query["code_challenge_method"], len(query["code_challenge"])) == ("S256", 43)
        assert query["redirect_uri"] == f"http://{world.at.services.settings.listen}{CALLBACK}"
        answer = await world.back(opened, world.provider.agree(asked, sub="carl-1", groups=["devs"]))
        assert (answer.status_code, answer.headers["location"]) == (303, HOME)
        shown = await opened.get(HOME)
        assert shown.status_code == 200
        assert "editor" in shown.text
    entries = (await world.at.get("/audit?action=session.*", "team"))["items"]
    assert [entry["actor"] for entry in entries] == [f"oidc:{world.provider.issuer}#carl-1"]


async def test_a_provider_that_takes_the_secret_in_the_body_gets_it_there(world: World) -> None:
    world.provider.described |= {
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "scopes_supported": ["openid", "groups"],
    }
    world.provider.secret = "s3cret:ä"  # noqa: S105
    async with browser(world.at) as opened:
        asked = await world.begun(opened)
        assert dict(parse_qsl(urlsplit(asked).query))["scope"] == "openid profile email groups"
        answer = await world.back(opened, world.provider.agree(asked, sub="carl-1", groups=["devs"]))
        assert answer.headers["location"] == HOME


async def test_whoever_may_nothing_here_is_told_so(world: World) -> None:
    async with browser(world.at) as opened:
        answer = await world.back(opened, world.provider.agree(await world.begun(opened), sub="stranger"))
        assert answer.status_code == 303
        page = await opened.get(HOME)
        assert (page.status_code, "is not open to you" in page.text) == (403, True)


async def test_a_disabled_person_is_not_let_in_again(world: World) -> None:
    for person in ({"name": "carl", "subject": "carl-1"}, {"name": "eva", "password": "eva's own words"}):
        await world.at.post("/accounts/team/persons", {**person, "role": "admin"})
    async with browser(world.at) as opened:
        asked = await world.begun(opened)
        assert (await world.back(opened, world.provider.agree(asked, sub="carl-1"))).status_code == 303
        assert "carl" in (await opened.get(HOME)).text
        assert (await world.at.ask("PATCH", "/accounts/team/persons/carl", {"state": "disabled"})).is_success
        assert (await opened.get(HOME)).status_code == 303
        asked = await world.begun(opened)
        assert (await world.back(opened, world.provider.agree(asked, sub="carl-1"))).status_code == 403


async def test_other_groups_end_the_sessions_that_the_old_ones_gave(world: World) -> None:
    async with browser(world.at) as opened:
        asked = await world.begun(opened)
        await world.back(opened, world.provider.agree(asked, sub="carl-1", groups=["devs"]))
        assert (await opened.get(HOME)).status_code == 200
        world.at.services.settings = msgspec.structs.replace(world.at.services.settings, oidc_groups="devs=team:viewer")
        world.at.app.state["gate"] = Gate(world.at.services)
        assert (await opened.get(HOME)).status_code == 303
        world.at.services.settings = msgspec.structs.replace(world.at.services.settings, oidc_issuer="", oidc_client="")
        world.at.app.state["gate"] = Gate(world.at.services)
        assert (await opened.get(HOME)).status_code == 303
        assert (await opened.get("/console/signin/provider")).status_code == 404
        assert "signin/provider" not in (await opened.get("/console/signin")).text


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "x"},
        {"state": ""},
        {"code": "unknown"},
        {"code": ""},
        {"iss": "https://evil.example"},
        {"error": "access_denied"},
    ],
    ids=str,
)
async def test_an_answer_that_is_not_to_this_attempt_is_refused(world: World, changes: dict[str, str]) -> None:
    async with browser(world.at) as opened:
        answer = await world.back(opened, {**world.provider.agree(await world.begun(opened), sub="carl-1"), **changes})
        assert (answer.status_code, opened.cookie) == (403, "")
        assert 'role="alert"' in answer.text


async def test_somebody_else_s_answer_signs_nobody_in(world: World) -> None:
    """Else a page could have a browser act as the one who made it, and see what its owner does (login CSRF)."""
    async with browser(world.at) as theirs, browser(world.at) as ours:
        query = world.provider.agree(await world.begun(theirs), sub="mallory", groups=["devs"])
        assert (await world.back(ours, query)).status_code == 403
        await world.begun(ours)
        assert (await world.back(ours, query)).status_code == 403
        assert ours.cookie == ""
        assert (await world.back(theirs, query)).status_code == 303
        assert (await world.back(theirs, query)).status_code == 403  # once


async def test_an_attempt_ends(world: World) -> None:
    async with browser(world.at) as opened:
        query = world.provider.agree(await world.begun(opened), sub="carl-1", groups=["devs"])
        world.at.now += timedelta(seconds=ATTEMPT_SECONDS)
        assert (await world.back(opened, query)).status_code == 403


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "x"},
        {"nonce": None},
        {"nonce": 7},
        {"aud": "the-api"},
        {"aud": ["console client", "another"]},
        {"azp": "another"},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"sub": ""},
    ],
    ids=str,
)
async def test_a_token_that_is_not_for_this_attempt_is_refused(world: World, claims: dict[str, Any]) -> None:
    async with browser(world.at) as opened:
        query = world.provider.agree(await world.begun(opened), **{"sub": "carl-1", "groups": ["devs"], **claims})
        answer = await world.back(opened, query)
        assert (answer.status_code, opened.cookie) == (403, "")


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ((200, {}), 403),
        ((200, {"id_token": 7}), 403),
        ((200, {"id_token": "x"}), 403),
        ((401, {"error": "invalid_client"}), 403),
        ((500, {}), 503),
    ],
)
async def test_a_provider_that_gives_no_token(world: World, answers: tuple[int, dict[str, Any]], status: int) -> None:
    world.provider.answers = answers
    async with browser(world.at) as opened:
        answer = await world.back(opened, world.provider.agree(await world.begun(opened), sub="carl-1"))
        assert (answer.status_code, opened.cookie) == (status, "")


@pytest.mark.parametrize("address", [None, 7, "ftp://x", "javascript:alert(1)", "https://x/#y"])
async def test_a_provider_that_describes_no_page_to_sign_in_at(world: World, address: Any) -> None:
    world.provider.described["authorization_endpoint"] = address
    async with browser(world.at) as opened:
        assert (await opened.get("/console/signin/provider")).status_code == 503


async def test_a_provider_leads_to_pages_of_the_console_alone(world: World) -> None:
    async with browser(world.at) as opened:
        asked = await world.begun(opened, "https://evil.example/console/x")
        answer = await world.back(opened, world.provider.agree(asked, sub="carl-1", groups=["devs"]))
        assert answer.headers["location"] == "/console/"
