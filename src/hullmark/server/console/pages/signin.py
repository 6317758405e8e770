"""Signing in, with name and password or at the identity provider, and signing out."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

from litestar import Request, Response, get, post
from litestar.di import NamedDependency

from hullmark.server.api.browser import SIGN_IN, cookie, cookie_of, local_page, no_cookie
from hullmark.server.api.caller import origin_of
from hullmark.server.api.problems import not_found
from hullmark.server.api.resources.signin import answer_of, gate_of
from hullmark.server.console.forms import fields_of
from hullmark.server.console.views import redirect, render
from hullmark.server.stories.identity.identity import OpenedSession, TooManyFailures
from hullmark.server.stories.identity.oidc import ProviderUnreachable, TokenRefused
from hullmark.server.stories.identity.oidc_login import ATTEMPT_SECONDS, OidcLogin
from hullmark.server.stories.identity.sessions import SessionClient, digest_of
from hullmark.server.stories.identity.subjects import SignInRefused
from hullmark.server.stories.notice.links import root_of
from hullmark.server.stories.services import Services
from hullmark.server.tables.identity import sessions

_Request = Request[Any, Any, Any]
_ANYBODY: dict[str, Any] = {"public": True, "console": True}
_LONGEST_NAME, _LONGEST_PASSWORD = 200, 1024


@get("/signin", opt=_ANYBODY)
async def sign_in_page(request: _Request, services: NamedDependency[Services]) -> Response[bytes]:
    """The form; whoever is signed in already goes on."""
    following = local_page(request.query_params.get("next", ""))
    if await _is_signed_in(request, services):
        return redirect(following)
    return _form(request, services, following)


@post("/signin", opt=_ANYBODY)
async def sign_in(request: _Request, services: NamedDependency[Services]) -> Response[bytes]:
    """By name and password. A browser that had a session gets another one, and the old one ends."""
    fields = await fields_of(request)
    following = local_page(fields.text("next"))
    name, password = fields.text("name", _LONGEST_NAME), fields.text("password", _LONGEST_PASSWORD)
    try:
        opened = await gate_of(request.app).identity.session_for(name, password, _client(request))
    except (SignInRefused, TooManyFailures, ProviderUnreachable) as error:
        return _not_in(request, services, following, error, name)
    return await _welcome(request, services, opened, following)


@get("/signin/provider", opt=_ANYBODY)
async def go_to_provider(request: _Request, services: NamedDependency[Services]) -> Response[bytes]:
    """To the identity provider, and from there back to the page below."""
    following = local_page(request.query_params.get("next", ""))
    try:
        begun = await _login(request).begin(_callback(services), following, services.clock())
    except ProviderUnreachable as error:
        return _not_in(request, services, following, error)
    answer = redirect(begun.url)
    answer.set_cookie(cookie(services.settings, "login", begun.sealed, ATTEMPT_SECONDS))
    return answer


@get("/signin/callback", opt=_ANYBODY)
async def come_from_provider(request: _Request, services: NamedDependency[Services]) -> Response[bytes]:
    """Back from the identity provider, with a code for its token."""
    sealed = cookie_of(request.scope, services.settings, "login")
    given = {name: value[:4000] for name, value in request.query_params.items()}
    try:
        done = await _login(request).finish(given, sealed, _callback(services), services.clock())
        opened = await gate_of(request.app).identity.session_of(done.identity, _client(request))
    except (SignInRefused, TokenRefused, ProviderUnreachable) as error:
        answer = _not_in(request, services, "/console/", error)
    else:
        answer = await _welcome(request, services, opened, done.following)
    answer.set_cookie(no_cookie(services.settings, "login"))
    return answer


@post("/signout", opt=_ANYBODY)
async def sign_out(request: _Request, services: NamedDependency[Services]) -> Response[bytes]:
    """The session ends, here at once and in other processes within seconds."""
    await _end_session(request, services)
    answer = redirect(SIGN_IN)
    answer.set_cookie(no_cookie(services.settings, "session"))
    return answer


def _form(request: _Request, services: Services, following: str, status: int = 200, **values: Any) -> Response[bytes]:
    login = gate_of(request.app).login
    shown = {
        "following": following,
        "provider": urlsplit(login.issuer).hostname if login is not None else "",
        "provider_page": f"{SIGN_IN}/provider?next={quote(following, safe='/')}",
        "name": "",
        "wrong": "",
        "advice": "",
        **values,
    }
    answer = render(request, "pages/signin.html", status=status, **shown)
    if made := request.scope["state"].get("form_cookie"):
        answer.set_cookie(cookie(services.settings, "form", made))
    return answer


def _not_in(
    request: _Request,
    services: Services,
    following: str,
    error: SignInRefused | TooManyFailures | ProviderUnreachable | TokenRefused,
    name: str = "",
) -> Response[bytes]:
    """The form again, with what is wrong. A 401 would have the browser ask for a name and password itself."""
    refusal = answer_of(SignInRefused(str(error), advice=error.advice) if isinstance(error, TokenRefused) else error)
    status = 403 if refusal.status == 401 else refusal.status
    answer = _form(request, services, following, status, name=name, wrong=refusal.detail, advice=refusal.advice)
    if "Retry-After" in refusal.headers:
        answer.headers["Retry-After"] = refusal.headers["Retry-After"]
    return answer


async def _welcome(request: _Request, services: Services, opened: OpenedSession, following: str) -> Response[bytes]:
    await _end_session(request, services)
    answer = redirect(following)
    answer.set_cookie(cookie(services.settings, "session", opened.secret))
    answer.set_cookie(no_cookie(services.settings, "form"))
    return answer


async def _end_session(request: _Request, services: Services) -> None:
    secret = cookie_of(request.scope, services.settings, "session")
    if not secret:
        return
    async with services.database.system() as connection:
        is_ended = await sessions.end_session(connection, digest_of(secret))
    if is_ended:
        gate_of(request.app).identity.forget()


async def _is_signed_in(request: _Request, services: Services) -> bool:
    secret = cookie_of(request.scope, services.settings, "session")
    if not secret:
        return False
    try:
        await gate_of(request.app).identity.by_session(secret)
    except SignInRefused:
        return False
    return True


def _login(request: _Request) -> OidcLogin:
    login = gate_of(request.app).login
    if login is None:
        raise not_found("identity provider to sign in at", "sign in with name and password")
    return login


def _callback(services: Services) -> str:
    return f"{root_of(services.settings)}{SIGN_IN}/callback"


def _client(request: _Request) -> SessionClient:
    return SessionClient(origin=origin_of(request.scope), agent=request.headers.get("user-agent", ""))


ROUTES = [sign_in_page, sign_in, go_to_provider, come_from_provider, sign_out]
