"""Requests of browsers: the cookie that names a session, and the proof that a form is one of our own pages'.

A browser sends cookies, and a name and password that it remembers, with every request, whoever's page made it. So whatever changes
something has to come from a page of ours by what the browser says (Sec-Fetch-Site, Origin), and with a token that only such a page knows.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import os
import re
import secrets
from collections.abc import Callable
from typing import Literal, cast
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from litestar.datastructures import Cookie
from litestar.types import HTTPRequestEvent, HTTPScope, Message, Receive, Scope

from hullmark.model.limit import Limit
from hullmark.server.api.problems import Refusal
from hullmark.server.stories.identity.sessions import is_secret
from hullmark.server.stories.settings import Settings
from hullmark.server.stories.vault import Vault

CookieKind = Literal["session", "form", "login"]
"""Whose session it is; what the forms of nobody's pages are bound to; an attempt to sign in at an identity provider."""

SIGN_IN = "/console/signin"
FIELD, HEADER = "_csrf", "x-hullmark-csrf"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
BROWSER_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    # With no-referrer, browsers would say "Origin: null" of our own forms.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""What every answer below /console is sent with, also where something is wrong."""

_SAFE = ("GET", "HEAD", "OPTIONS")
_OWN_SITE = ("same-origin", "none")
_LONGEST_PAGE = 2000
_LARGEST_FORM = Limit(4 << 20, "bytes of a form of the console", "refused")
_LARGEST_HEAD = 4096
_LONGEST_WAIT = 30.0
_MOST_FIELDS = 5000
_PAGE = re.compile(r"/console(/[A-Za-z0-9._~!$'()*+,;=:@%/-]*)?").fullmatch


class FormTokens:
    """Makes and checks the tokens of forms: each is another one, so that compressed pages tell nothing of it, and bound to a cookie."""

    def __init__(self, vault: Vault) -> None:
        self._key = vault.derived("forms")

    def make(self, cookie: str) -> str:
        """A token for pages that are read with this cookie."""
        chance = os.urandom(12)
        return base64.urlsafe_b64encode(chance + self._proof(chance, cookie)).decode("ascii")

    def fits(self, token: str, cookie: str) -> bool:
        """Whether the token was made for this cookie."""
        try:
            given = base64.urlsafe_b64decode(token.encode("ascii"))
        except (ValueError, binascii.Error):
            return False
        return bool(cookie) and hmac.compare_digest(given[12:], self._proof(given[:12], cookie))

    def _proof(self, chance: bytes, cookie: str) -> bytes:
        return hmac.digest(self._key, chance + b"\0" + cookie.encode("utf-8", "surrogatepass"), "sha256")[:24]


def cookie_of(scope: Scope, settings: Settings, kind: CookieKind) -> str:
    """What a cookie of ours holds; "" where there is none, and where a session's or a form's does not have its form."""
    name = _cookie_name(settings, kind)
    for value in (value for key, value in scope["headers"] if key == b"cookie"):
        for pair in value.decode("latin-1").split(";"):
            key, _, given = pair.strip().partition("=")
            if key == name:
                return given if kind == "login" or is_secret(given) else ""
    return ""


def new_form_cookie() -> str:
    """What a form of somebody is bound to who is not signed in yet."""
    return secrets.token_urlsafe(32)


def cookie(settings: Settings, kind: CookieKind, value: str, seconds: int | None = None) -> Cookie:
    """A cookie of ours; without `seconds` it ends with the browser. "Lax": a link in a mail leads to a page without a sign-in."""
    return Cookie(
        key=_cookie_name(settings, kind),
        value=value,
        path="/",
        httponly=True,
        samesite="lax",
        secure=_is_secure(settings),
        max_age=seconds,
    )


def no_cookie(settings: Settings, kind: CookieKind) -> Cookie:
    """Has the browser forget a cookie."""
    return cookie(settings, kind, "", 0)


def _is_secure(settings: Settings) -> bool:
    return settings.public_url.lower().startswith("https://")


def _cookie_name(settings: Settings, kind: CookieKind) -> str:
    """With the prefix, no neighbouring host and no page without TLS can set it."""
    return f"{'__Host-' if _is_secure(settings) else ''}hullmark-{kind}"


def is_change(scope: Scope) -> bool:
    """Whether a request may change something."""
    return cast("HTTPScope", scope).get("method", "GET") not in _SAFE


def check_site(scope: Scope, settings: Settings) -> None:
    """Refuse a change that a browser makes for a page of another site. Raises Refusal 403. Programs say nothing of sites."""
    site, origin = header(scope, b"sec-fetch-site"), header(scope, b"origin")
    if site in _OWN_SITE or (not site and (not origin or _is_own(origin, scope, settings))):
        return
    raise Refusal(403, "this request was made by a page of another site", "open the console and do it there")


def _is_own(origin: str, scope: Scope, settings: Settings) -> bool:
    try:
        where = urlsplit(origin).netloc
        known = {header(scope, b"host"), urlsplit(settings.public_url).netloc}
    except ValueError:
        return False
    return bool(where) and where in known


async def proven_form(scope: Scope, receive: Receive, is_ours: Callable[[str], bool]) -> Receive:
    """The request's body again, once its token was seen: in the header, or the form's field, which is the first of a multipart form. Raises
    Refusal 403."""
    if token := header(scope, HEADER.encode()):
        return _check_token(token, is_ours, receive)
    kind, _, more = header(scope, b"content-type").partition(";")
    if kind.strip().lower() == "application/x-www-form-urlencoded":
        taken, body = await _read_messages(receive, _LARGEST_FORM)
        return _check_token(_field(body), is_ours, _replay_messages(taken, receive))
    if kind.strip().lower() == "multipart/form-data" and (found := re.search(r'boundary="?([^\s";,]{1,70})', more)):
        # Its route may take any length, and then has no bounds yet.
        taken, body = await _read_form_start(receive)
        return _check_token(_first_part(body, found[1]), is_ours, _replay_messages(taken, receive))
    return _check_token("", is_ours, receive)


async def _read_form_start(receive: Receive) -> tuple[list[Message], bytes]:
    try:
        async with asyncio.timeout(_LONGEST_WAIT):
            return await _read_messages(receive, _LARGEST_FORM, _LARGEST_HEAD)
    except TimeoutError:
        raise Refusal(408, "the form does not come", "send it again over a faster connection") from None


def _check_token(token: str, is_ours: Callable[[str], bool], receive: Receive) -> Receive:
    if not is_ours(token):
        raise Refusal(
            403, "this form is too old, or is not of this server", "load the page again, and send it once more"
        )
    return receive


async def _read_messages(receive: Receive, most: int, enough: int | None = None) -> tuple[list[Message], bytes]:
    """The messages of a body and their bytes: all, or as many as are enough. Raises Refusal 413."""
    taken: list[Message] = []
    body = b""
    while True:
        message = await receive()
        taken.append(cast("Message", message))
        if message["type"] != "http.request":
            raise Refusal(400, "the request ended early")
        body += message.get("body", b"")
        if enough is None and len(body) > most:
            raise Refusal(413, f"the form has more than {most} bytes")
        if not message.get("more_body") or (enough is not None and len(body) >= enough):
            return taken, body


def _replay_messages(taken: list[Message], receive: Receive) -> Receive:
    waiting = iter(taken)

    async def again() -> HTTPRequestEvent:
        message = next(waiting, None)
        return cast("HTTPRequestEvent", await receive() if message is None else message)

    return again


def _field(body: bytes) -> str:
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return ""
    return next((value for name, value in pairs if name == FIELD), "")


def _first_part(body: bytes, boundary: str) -> str:
    pattern = (
        rb"\A--" + re.escape(boundary.encode("latin-1", "replace")) + rb"\r\n"
        rb'Content-Disposition: form-data; name="' + FIELD.encode() + rb'"\r\n\r\n([A-Za-z0-9_=-]{1,200})\r\n'
    )
    found = re.match(pattern, body, re.IGNORECASE)
    return found[1].decode("ascii") if found else ""


def header(scope: Scope, name: bytes) -> str:
    """The first header of this name, "" if there is none."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def local_page(text: str) -> str:
    """An address to go on to after the sign-in, if it is a page of the console on this very server; else the first page."""
    path, mark, query = text.partition("?")
    is_usable = (
        len(text) <= _LONGEST_PAGE and _PAGE(path) and "//" not in path and query.isascii() and query.isprintable()
    )
    if (
        not is_usable
        or ".." in unquote(unquote(path))
        or "\\" in unquote(path)
        or "#" in query
        or path.startswith(SIGN_IN)
    ):
        return "/console/"
    return f"{path}{mark}{query}"


def sign_in_first(scope: Scope) -> Refusal:
    """Has the browser go to the sign-in page, and from there to what it asked for.

    htmx is told so in a header: it would put that page into the middle of another one.
    """
    asked = cast("HTTPScope", scope)
    if header(scope, b"hx-request"):
        shown = urlsplit(header(scope, b"hx-current-url"))
        following = f"{shown.path}?{shown.query}" if shown.query else shown.path
        return Refusal(401, "the session has ended", "sign in", headers={"HX-Redirect": _sign_in_page(following)})
    query = asked["query_string"].decode("latin-1")
    page = quote(asked["path"], safe="/:@!$'()*+,;=") + (f"?{query}" if query else "")
    following = page if asked["method"] in _SAFE else "/console/"
    return Refusal(303, "the session has ended", "sign in", headers={"Location": _sign_in_page(following)})


def _sign_in_page(following: str) -> str:
    page = local_page(following)
    return SIGN_IN if page == "/console/" else f"{SIGN_IN}?next={quote(page, safe='/')}"
