"""Oneself: one's password, and where one is signed in."""

from __future__ import annotations

import itertools
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from hullmark.server.api.browser import cookie, cookie_of
from hullmark.server.api.permissions import SIGNED_IN
from hullmark.server.api.problems import Refusal, not_found, problem
from hullmark.server.api.resources import persons
from hullmark.server.api.resources.persons import PasswordChange
from hullmark.server.api.resources.signin import gate_of
from hullmark.server.console.forms import fields_of
from hullmark.server.console.views import rights
from hullmark.server.console.visit import Visit
from hullmark.server.stories.identity.sessions import SessionClient, digest_of
from hullmark.server.tables import audit
from hullmark.server.tables.identity import sessions

_DONE = {
    "password": "The password is changed. Every other session has ended.",
    "ended": "The session has ended.",
    "others": "Every other session has ended.",
}


@get("/{account:str}/profile", opt=rights(SIGNED_IN))
async def profile_page(visit: NamedDependency[Visit]) -> Response[Any]:
    """Who one is, what one may, and one's sessions."""
    return await _profile(visit)


@post("/{account:str}/profile/password", opt=rights(SIGNED_IN))
async def change_password(visit: NamedDependency[Visit]) -> Response[Any]:
    """All sessions end with the old one; this browser gets another."""
    given = await fields_of(visit.request)
    old, new = given.text("old", 1024), given.text("new", 1024)
    if new != given.text("again", 1024):
        return await _profile(visit, problem(422, "the new password is not the same both times", "write it again"))
    wrong = await visit.attempt(persons.change_password, (PasswordChange, {"old": old, "new": new}))
    if wrong:
        return await _profile(visit, wrong)
    answer = visit.back("profile", "password")
    client = SessionClient(origin=visit.caller.origin, agent=visit.request.headers.get("user-agent", ""))
    identity = gate_of(visit.request.app).identity
    opened = await identity.session_for(visit.caller.name.removeprefix("person:"), new, client)
    answer.set_cookie(cookie(visit.services.settings, "session", opened.secret))
    return answer


@post("/{account:str}/profile/sessions/{number:int}/end", opt=rights(SIGNED_IN))
async def end_session(visit: NamedDependency[Visit], number: FromPath[int]) -> Response[Any]:
    """One of one's own."""
    async with visit.services.database.system() as connection:
        if not 0 < number < 1 << 63 or not await sessions.end_session_of(connection, visit.caller.id, number):
            raise not_found("session of yours of this number", "look at the list again")
        resource, change = ("session", visit.caller.name), (None, None)
        account_id, origin = visit.caller.account_id, visit.caller.origin
        await audit.record_in(connection, account_id, visit.caller, "session.end", resource, change, origin)
    gate_of(visit.request.app).identity.forget()
    return visit.back("profile", "ended")


@post("/{account:str}/profile/sessions/end-others", opt=rights(SIGNED_IN))
async def end_other_sessions(visit: NamedDependency[Visit]) -> Response[Any]:
    """All of one's own but this one."""
    async with visit.services.database.system() as connection:
        ended = await sessions.end_other_sessions(connection, visit.caller.id, digest_of(_own(visit)))
        resource, change = ("session", visit.caller.name), (None, {"ended": ended})
        account_id, origin = visit.caller.account_id, visit.caller.origin
        await audit.record_in(connection, account_id, visit.caller, "session.end", resource, change, origin)
    gate_of(visit.request.app).identity.forget()
    return visit.back("profile", "others")


def _own(visit: Visit) -> str:
    return cookie_of(visit.request.scope, visit.services.settings, "session")


async def _profile(visit: Visit, wrong: Refusal | None = None) -> Response[Any]:
    found = await gate_of(visit.request.app).identity.sessions.list_of(visit.caller.id)
    own = digest_of(_own(visit))
    async with visit.services.database.system() as connection:
        current = await sessions.session_by_digest(connection, own)
    values: dict[str, Any] = {
        "sessions": found,
        "current": current.id if current is not None else 0,
        "permissions": sorted(visit.caller.permissions),
        "browser_name": browser_name,
        "has_password": visit.caller.id.startswith("person:"),
    }
    return visit.show("pages/profile.html", wrong=wrong, done=_DONE, **values)


_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac OS X", "CrOS", "Linux")


def browser_name(agent: str) -> str:
    """What people call a browser that names itself so (RFC 9110, 10.1.5): "Chrome 140 on Linux"; what is unknown as it is."""
    for word, name in _BROWSERS:
        _, found, rest = agent.partition(word)
        if found:
            version = "".join(itertools.takewhile(str.isdigit, rest))
            system = next((system for system in _SYSTEMS if system in agent), "")
            return f"{name} {version}".strip() + (f" on {system.replace('Mac OS X', 'macOS')}" if system else "")
    return agent[:60] or "unnamed"


ROUTES = [profile_page, change_password, end_session, end_other_sessions]
