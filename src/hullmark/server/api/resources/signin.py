"""Each request passes here before its route: who is it, may it, and not too often?

A route says in `opt` what it needs: `permission`, or `public`. With `of`, the path parameter of that name is the account which the
permission is needed in; else the header X-Hullmark-Account chooses it. Pages of the console say `console`: only they take a session's
cookie, and what changes something there has to come from a form of theirs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import parse_qs

import msgspec
from litestar import Litestar
from litestar.enums import ScopeType
from litestar.exceptions import ImproperlyConfiguredException
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from hullmark.net.http import Client
from hullmark.server.api.browser import (
    FormTokens,
    check_site,
    cookie_of,
    is_change,
    new_form_cookie,
    proven_form,
    sign_in_first,
)
from hullmark.server.api.caller import Caller, address_of, member, operator, origin_of
from hullmark.server.api.permissions import PERMISSIONS, SIGNED_IN
from hullmark.server.api.problems import Refusal
from hullmark.server.stories.identity.account_address import account_of
from hullmark.server.stories.identity.bootstrap import ADMIN
from hullmark.server.stories.identity.federation import Federation
from hullmark.server.stories.identity.identity import Identity, TooManyFailures
from hullmark.server.stories.identity.oidc import Oidc, ProviderUnreachable, provider_of
from hullmark.server.stories.identity.oidc_login import OidcLogin
from hullmark.server.stories.identity.sessions import sessions_of
from hullmark.server.stories.identity.subjects import Principal, SignInRefused, make_sign_in_refusal
from hullmark.server.stories.identity.tokens import Tokens
from hullmark.server.stories.limits import TokenBuckets, network_of
from hullmark.server.stories.services import Services, outgoing
from hullmark.server.stories.settings import Settings
from hullmark.server.tables.identity.accounts import account_by_name
from hullmark.server.tables.identity.keys import OPERATOR_SCOPES
from hullmark.source.distribution import http_settings

ACCOUNT_HEADERS = ("x-hullmark-account", "x-anchore-account")

_HEADERS = frozenset(name.encode() for name in ("authorization", *ACCOUNT_HEADERS))
_CHALLENGE = 'Bearer realm="hullmark", Basic realm="hullmark", charset="UTF-8"'
_FRAMEWORKS_OWN = ("litestar.routes.http", "litestar._openapi.plugin", "litestar.openapi.plugins")
"""Modules of handlers that are not ours: what a path allows, and the interface's description; both are public."""

_OPERATORS = "only an operator may, or a key that an operator made with this scope"


class Gate:
    """Signs in, chooses the account, checks the permission and the rate. One for an application."""

    def __init__(self, services: Services, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Raises HullmarkError for an identity provider's settings that cannot be used."""
        provider = provider_of(services.settings)
        client = Client(http_settings(outgoing(services)))
        self.identity = Identity(
            database=services.database,
            tokens=Tokens(services.vault),
            clock=services.clock,
            sessions=sessions_of(services, provider),
            oidc=Oidc(provider, client, monotonic) if provider is not None else None,
            federation=Federation(client, monotonic),
            monotonic=monotonic,
        )
        self._database = services.database
        self._monotonic = monotonic
        self.forms = FormTokens(services.vault)
        oidc = self.identity.oidc
        self.login = OidcLogin(oidc, client, services.vault) if oidc is not None and oidc.provider.client else None
        rate = services.settings.rate
        self._rates = TokenBuckets(rate, max(rate, 1))

    async def caller(self, headers: Mapping[str, str], address: str, account: str | None) -> Caller:
        """Who asks, in the account of the path, the header's, or its first. Raises Refusal."""
        authorization = headers.get("authorization", "")
        if not authorization:
            self.slow_down(f"address:{network_of(address)}")
            raise make_unauthorized_refusal("nobody is signed in", "give an API key, a token, or a name and password")
        return await self._acting(await self.prove_identity(authorization, address), headers, account)

    async def caller_of_session(self, secret: str, address: str, account: str | None) -> Caller:
        """Whose session it is, in the account of the path, or its first. Raises Refusal, SignInRefused where there is no session."""
        try:
            who = await self.identity.by_session(secret) if secret else None
        except SignInRefused:
            who = None
        if who is None:
            self.slow_down(f"address:{network_of(address)}")
            raise make_sign_in_refusal()
        return await self._acting(who, {}, account)

    async def _acting(self, who: Principal, headers: Mapping[str, str], account: str | None) -> Caller:
        self.slow_down(who.id)
        if account is not None:
            return await self._in_account(who, account, any_state=True)
        chosen = next((headers[name] for name in ACCOUNT_HEADERS if headers.get(name)), "")
        return await self._in_account(who, chosen, any_state=False) if chosen else await self._at_home(who)

    async def prove_identity(self, authorization: str, address: str) -> Principal:
        """Who an `Authorization` proves, whatever it may. Raises Refusal."""
        try:
            return await self.identity.who(authorization, address)
        except (SignInRefused, TooManyFailures, ProviderUnreachable) as error:
            raise answer_of(error) from error

    def slow_down(self, who: str) -> None:
        """Raise Refusal for who asks too often."""
        if wait := self._rates.take(who, self._monotonic()):
            raise too_many("too many requests", wait)

    async def _in_account(self, who: Principal, name: str, *, any_state: bool) -> Caller:
        found = next((membership for membership in who.memberships if membership.account == name), None)
        if found is not None and (found.state == "enabled" or (who.is_operator and any_state)):
            return member(who, found)
        if found is not None and found.state == "disabled" and not who.is_operator:
            enabling = f"an operator enables it: hullmark account enable {name}, or PATCH /api/v1/accounts/{name}"
            raise Refusal(403, f"the account {name} is disabled", enabling)
        if not who.is_operator:
            raise Refusal(403, "this account is not open to you", "name an account that you belong to")
        async with self._database.system() as connection:
            account = await account_by_name(connection, name) if "\0" not in name else None
        if account is None or (account.state == "deleting" and not any_state):
            raise Refusal(404, "there is no such account", "list them: hullmark account list, or GET /api/v1/accounts")
        return operator(who, account)

    async def _at_home(self, who: Principal) -> Caller:
        for membership in who.memberships:
            if membership.state == "enabled":
                return member(who, membership)
        if who.is_operator:
            return await self._in_account(who, ADMIN, any_state=False)
        raise Refusal(403, "you belong to no account that is enabled", "ask an administrator to let you in")


class SignIn(ASGIMiddleware):
    """Lets pass whom the gate lets pass, as `scope["state"]["caller"]`."""

    scopes = (ScopeType.HTTP, ScopeType.WEBSOCKET)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Raises Refusal: 401, 403, 404, 429, 503; 303 to the sign-in page."""
        handler = scope["route_handler"]
        needed, is_page = _needs(handler), handler.opt.get("console") is True
        if needed is None and not is_page:
            await next_app(scope, receive, send)
            return
        scope.setdefault("state", {})
        gate, headers = gate_of(scope["litestar_app"]), _headers(scope)
        settings = scope["litestar_app"].state.services.settings
        if is_change(scope) and not headers.get("authorization", "").lower().startswith("bearer"):
            check_site(scope, settings)
        if is_page and not headers.get("authorization"):
            receive = await _own_form(gate, settings, scope, receive)
        if needed is not None:
            name = handler.opt.get("of")
            account = str(scope["path_params"][name]) if name else None
            account = account_of(account) if is_page and account else account
            await self._sign_in(gate, scope, headers, account)
            _check_permission(scope["state"]["caller"], needed)
        await next_app(scope, receive, send)

    async def _sign_in(self, gate: Gate, scope: Scope, headers: dict[str, str], account: str | None) -> None:
        if scope["route_handler"].opt.get("console") is True and not headers.get("authorization"):
            session = cookie_of(scope, scope["litestar_app"].state.services.settings, "session")
            try:
                caller = await gate.caller_of_session(session, address_of(scope), account)
            except SignInRefused as error:
                raise sign_in_first(scope) from error
        else:
            if account is None and (chosen := _account_of_page(scope)):
                headers.setdefault(ACCOUNT_HEADERS[0], chosen)
            caller = await gate.caller(headers, address_of(scope), account)
        scope["state"]["caller"] = msgspec.structs.replace(caller, origin=origin_of(scope))


async def _own_form(gate: Gate, settings: Settings, scope: Scope, receive: Receive) -> Receive:
    """Have forms of this page find their token as `scope["state"]["csrf"]`; what changes something has to bring one. Raises Refusal 403."""
    bound = cookie_of(scope, settings, "session") or cookie_of(scope, settings, "form")
    if is_change(scope):
        receive = await proven_form(scope, receive, lambda token: gate.forms.fits(token, bound))
    elif not bound:
        bound = scope["state"]["form_cookie"] = new_form_cookie()
    scope["state"]["csrf"] = gate.forms.make(bound)
    return receive


def _check_permission(caller: Caller, needed: str) -> None:
    if not caller.may(needed):
        advice = f"your role in {caller.account} is {caller.role}"
        raise Refusal(403, f"this needs the permission {needed}", _OPERATORS if needed in OPERATOR_SCOPES else advice)


def _headers(scope: Scope) -> dict[str, str]:
    """Those that say who asks, their names in lower case."""
    return {
        name.decode("latin-1").lower(): value.decode("latin-1")
        for name, value in scope["headers"]
        if name.lower() in _HEADERS
    }


def _account_of_page(scope: Scope) -> str:
    """The account in the address of a page that somebody reads in a browser, which sends no header for it; "" if there is none."""
    asked = cast("HTTPScope", scope)
    if asked.get("method") != "GET":
        return ""
    given = parse_qs(asked["query_string"].decode("latin-1"))
    return given["account"][0] if given.get("format") == ["html"] and given.get("account") else ""


def gate_of(app: Litestar) -> Gate:
    """The gate of an application, made when it is first needed."""
    gate = app.state.get("gate")
    if gate is None:
        gate = app.state["gate"] = Gate(app.state["services"])
    return cast("Gate", gate)


def check_routes(app: Litestar) -> None:
    """Raise ImproperlyConfiguredException if a route does not say who may use it. For `on_startup`; makes the gate, too."""
    wrong = []
    for route in app.routes:
        for handler in getattr(route, "route_handlers", None) or (cast("Any", route).route_handler,):
            if _is_frameworks(handler):
                continue
            permission, public = handler.opt.get("permission"), handler.opt.get("public") is True
            if public == (permission is not None) or not (public or permission in PERMISSIONS | {SIGNED_IN}):
                wrong.append(f"{route.path} ({handler.handler_name})")
    if wrong:
        raise ImproperlyConfiguredException(f"routes that do not say who may use them: {', '.join(sorted(wrong))}")
    gate_of(app)


def _is_frameworks(handler: Any) -> bool:
    return getattr(handler.fn, "__module__", "") in _FRAMEWORKS_OWN


def _needs(handler: Any) -> str | None:
    """The permission that a handler needs, None if it is public. What says nothing is closed."""
    permission = handler.opt.get("permission")
    if permission is not None:
        return str(permission)
    return None if handler.opt.get("public") is True or _is_frameworks(handler) else "system:write"


def answer_of(error: SignInRefused | TooManyFailures | ProviderUnreachable) -> Refusal:
    """The answer to a sign-in that did not succeed."""
    if isinstance(error, TooManyFailures):
        return too_many(str(error), error.wait)
    if isinstance(error, ProviderUnreachable):
        return Refusal(503, str(error), error.advice)
    return make_unauthorized_refusal(str(error), error.advice)


def make_unauthorized_refusal(detail: str, advice: str) -> Refusal:
    """401, with how to sign in."""
    return Refusal(401, detail, advice, headers={"WWW-Authenticate": _CHALLENGE})


def too_many(detail: str, wait: float) -> Refusal:
    """429, with when to come again."""
    seconds = max(1, math.ceil(wait))
    return Refusal(429, detail, f"try again in {seconds} seconds", headers={"Retry-After": str(seconds)})
