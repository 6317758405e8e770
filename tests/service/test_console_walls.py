"""Every page and form of the console, asked by everybody: who may, what it is sent with, and that nobody sees or changes a byte of another
account.

The routes are the application's own: one that is new is asked, too.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from httpx import Response
from litestar import Litestar

from hullmark.server.api.permissions import ROLES, SIGNED_IN
from hullmark.server.tables.identity.accounts import Role
from tests.service.test_authorisation import ABSENT, OURS, THEIRS, World, difference_of, furnished, rows_of
from tests.support.browsing import Browser, browser, token_in
from tests.support.database import fresh_database
from tests.support.furnished import WORDS, Furnished

pytestmark = pytest.mark.anyio

HEADERS = {
    "content-security-policy": r"default-src 'none'; script-src 'self'( 'nonce-[\w-]{22}')?; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
"""What keeps a page from being framed, kept, or made to do something else."""

STATIC = "/console/static"
KEPT = "GET /console/{account}/policy-schema"
"""What tells nothing of anybody, so that browsers may keep it for a while."""

FORMS: dict[str, dict[str, Any]] = {
    "POST /console/{account}/profile/password": {"old": "x", "new": "words", "again": "other words"},
}
"""What is sent with the forms of addresses (as "POST /console/{account}/…") that need something to come as far as their deed."""


class Gateway(msgspec.Struct, frozen=True, kw_only=True):
    """A route of the console with its method."""

    method: str
    path: str
    needs: str | None
    of: str | None
    is_console: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def gateways(app: Litestar) -> Iterator[Gateway]:
    """Every route and method of the console."""
    for route in app.routes:
        if not route.path_format.startswith("/console"):
            continue
        for method, (handler, _) in route.route_handler_map.items():  # type: ignore[union-attr]
            if method != "OPTIONS":
                opt = handler.opt
                yield Gateway(
                    method=method,
                    path=route.path_format,
                    needs=opt.get("permission"),
                    of=opt.get("of"),
                    is_console=opt.get("console") is True,
                )


@pytest.fixture(scope="module")
async def world(database_server: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Two accounts that have something of everything."""
    async with furnished(fresh_database(database_server), tmp_path_factory.mktemp("world")) as found:
        yield found


@asynccontextmanager
async def signed_in(world: World, role: str) -> AsyncIterator[Browser]:
    """The browser of the person of this role in our account."""
    world.seconds[0] += 60
    async with browser(world.at) as opened:
        assert (await opened.sign_in(f"{OURS}-{role}", f"{WORDS} {OURS}")).status_code == 303
        yield opened


async def _asked(
    opened: Browser, gateway: Gateway, by: Furnished, token: str | None = None, **headers: str
) -> Response:
    if gateway.method == "GET":
        return await opened.get(by.path(gateway.path), **headers)
    return await opened.send(by.path(gateway.path), FORMS.get(str(gateway), {}), token, **headers)


async def test_every_page_says_who_may_open_it(world: World) -> None:
    """In the account of its address, and by a session's cookie."""
    wrong = [
        str(gateway)
        for gateway in gateways(world.at.app)
        if not gateway.path.startswith(STATIC)
        and (not gateway.is_console or ("{account" in gateway.path) != (gateway.of == "account"))
    ]
    assert not wrong


async def test_nobody_is_sent_to_the_sign_in_page_and_no_form_does_anything_for_it(world: World) -> None:
    wrong = []
    async with browser(world.at) as opened:
        for gateway in gateways(world.at.app):
            answer = await _asked(opened, gateway, world.ours)
            is_closed = answer.status_code == 303 and answer.headers["location"].startswith("/console/signin")
            expected = is_closed if gateway.method == "GET" and gateway.needs else answer.status_code == 403
            if (gateway.method != "GET" or gateway.needs) and not expected:
                wrong.append(f"{gateway} → {answer.status_code}")
            if OURS in answer.text:
                wrong.append(f"{gateway} tells of an account")
    assert not wrong, "\n".join(wrong)


SOME = ("editor", "ci")
OTHERS = tuple(role for role in ROLES if role not in (*SOME, "viewer"))  # the viewer is disabled


@pytest.mark.parametrize("roles", [SOME, pytest.param(OTHERS, marks=pytest.mark.slow)], ids=["some", "the others"])
async def test_a_role_opens_the_pages_that_it_may(world: World, roles: tuple[Role, ...]) -> None:
    """And no other; nothing that any of them shows is another account's."""
    wrong, seconds = [], world.seconds
    for role in roles:
        may = ROLES[role]
        async with signed_in(world, role) as opened:
            token = token_in((await opened.get("/console/ours/nowhere")).text)
            for gateway in gateways(world.at.app):
                if gateway.needs is None:
                    continue
                seconds[0] += 60
                answer = await _asked(opened, gateway, msgspec.structs.replace(ABSENT, account="ours"), token)
                is_open = gateway.needs == SIGNED_IN or gateway.needs in may
                if (answer.status_code == 403) == is_open or answer.status_code >= 500:
                    wrong.append(f"{role}: {gateway} → {answer.status_code} {answer.text[:200]}")
                if THEIRS in answer.text or world.theirs.digest in answer.text:
                    wrong.append(f"{role}: {gateway} tells of another account")
    assert not wrong, "\n".join(wrong)


async def test_who_adds_images_sees_what_becomes_of_them(world: World) -> None:
    """Without the right to read policies."""
    async with signed_in(world, "ci") as opened:
        answers = [await opened.get(f"/console/ours/add{rest}") for rest in ("", f"/{world.ours.digest}")]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert not [answer for answer in answers if "Use the policy" in answer.text]


async def test_every_answer_is_sent_with_what_keeps_it_safe(world: World) -> None:
    """Pages, forms, exports, refusals, and addresses that there are not."""
    wrong = []
    elsewhere = ("/console/a/b/c", "/console/ours/images/%ff", "/console/signin/none", "/console/ours/now?export=csv")
    async with signed_in(world, "admin") as opened, browser(world.at) as nobody:
        answers = [(path, await who.get(path)) for path in elsewhere for who in (opened, nobody)]
        answers += [(path, await opened.client.request("DELETE", path)) for path in ("/console/ours/now", "/console/")]
        for gateway in gateways(world.at.app):
            world.seconds[0] += 60
            if not gateway.path.startswith(STATIC):
                answers += [(str(gateway), await _asked(who, gateway, world.ours)) for who in (opened, nobody)]
        for what, answer in answers:
            wrong += [
                f"{what} ({answer.status_code}): {name} is {answer.headers.get(name)!r}"
                for name, value in HEADERS.items()
                if (what, name) != (KEPT, "cache-control") and not re.fullmatch(value, answer.headers.get(name, ""))
            ]
    assert not wrong, "\n".join(wrong)


async def test_a_form_without_the_token_of_its_page_does_nothing(world: World) -> None:
    """Nor with another session's, nor where the browser says that another site sent it."""
    wrong = []
    before = await rows_of(world.at, "ours")
    async with signed_in(world, "admin") as opened, signed_in(world, "editor") as other:
        own = token_in((await opened.get("/console/ours/nowhere")).text)
        foreign = token_in((await other.get("/console/ours/nowhere")).text)
        tries: list[tuple[str | None, dict[str, str]]] = [
            (None, {}),
            (foreign, {}),
            (own, {"sec_fetch_site": "cross-site"}),
            (own, {"origin": "https://evil.example"}),
        ]
        for gateway in gateways(world.at.app):
            for token, headers in tries if gateway.method != "GET" else []:
                world.seconds[0] += 60
                answer = await _asked(opened, gateway, world.ours, token, **headers)
                if answer.status_code != 403:
                    wrong.append(f"{gateway} with {headers} → {answer.status_code}")
        assert (await opened.get("/console/ours/now")).status_code == 200
    assert not wrong, "\n".join(wrong)
    after = await rows_of(world.at, "ours")
    assert {name for name in after if after[name] != before[name]} <= {"audit"}  # of the sign-ins


async def test_nobody_sees_or_changes_anything_of_another_account(world: World) -> None:
    """By its name in the address, and by what its things are called in one's own: the answer is that for things that there are not."""
    before = await rows_of(world.at, "theirs")
    wrong = []
    absent = msgspec.structs.replace(ABSENT, tag=world.theirs.tag.replace(THEIRS, ABSENT.mark))
    async with signed_in(world, "admin") as opened:
        token = token_in((await opened.get("/console/ours/nowhere")).text)
        for gateway in gateways(world.at.app):
            if gateway.of is None:
                continue
            world.seconds[0] += 60
            answer = await _asked(opened, gateway, world.theirs, token)
            if answer.status_code != 403:
                wrong.append(f"{gateway} in the other account → {answer.status_code}")
            foreign, nothing = [
                await _asked(opened, gateway, msgspec.structs.replace(by, account="ours"), token)
                for by in (world.theirs, absent)
            ]
            if difference := difference_of(foreign, nothing, (world.theirs, absent)):
                wrong.append(f"{gateway}: {difference}")
    assert not wrong, "\n".join(wrong)
    assert await rows_of(world.at, "theirs") == before


async def test_an_admin_s_pages_show_its_own_account_alone(world: World) -> None:
    """Every page of things that there are opens."""
    wrong = []
    async with signed_in(world, "admin") as opened:
        for gateway in gateways(world.at.app):
            if gateway.method != "GET" or gateway.of is None or gateway.path.endswith("{rest}"):
                continue
            world.seconds[0] += 60
            answer = await _asked(opened, gateway, world.ours)
            if THEIRS in answer.text or world.theirs.digest in answer.text:
                wrong.append(f"{gateway} tells of another account")
            if answer.status_code not in (200, 303) and gateway.needs in (*ROLES["admin"], SIGNED_IN):
                wrong.append(f"{gateway} → {answer.status_code} {answer.text[:300]}")
    assert not wrong, "\n".join(wrong)
