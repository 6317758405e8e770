"""A client of a Hullmark server: JSON is requested and answered, lists come page by page, refusals are errors with advice."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.net.errors import Cut, TimedOut
from hullmark.net.http import Answer, Client, HttpSettings, Request, StreamedAnswer, origin
from hullmark.net.proxies import is_loopback
from hullmark.net.wait import LONGEST_WAIT, backoff, retry_after

PREFIX = "/api/v1"
MOST_BYTES = Limit(64 << 20, "bytes of one answer of another server's API", "refused")
"""The default limit of an answer."""

_PAGE = 100
_BUSY = frozenset((429, 503))
_ATTEMPTS = 5
_KEY = "Idempotency-Key"
_LONGEST_TEXT = Limit(2000, "characters of an error that another server tells", "shortened")
_MOST_ERRORS = Limit(3, "errors of one answer that are shown", "shortened")

_ADVICE = {
    401: "sign in: `hullmark login URL`, HULLMARK_API_KEY, or HULLMARK_USER and HULLMARK_PASSWORD",
    403: "ask an admin of the account, or choose another by --account",
    404: "check the name, and the account by --account",
    413: "send less, or have the server's limit raised",
    429: "try again later",
    503: "try again later; `hullmark system ready` says what the server lacks",
}

Query = Mapping[str, str | int | bool | None]


class ApiRefused(HullmarkError):
    """The server refused the request; `status` is HTTP's, `problem` the document that says why ({}: there is none; RFC 9457)."""

    def __init__(
        self, message: str, *, advice: str = "", status: int, problem: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message, advice=advice)
        self.status = status
        self.problem = problem or {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiLogin:
    """How to sign in: a key or token, or a person's name and password, or nothing. `account` is the one to act in ("": the first)."""

    key: str = field(default="", repr=False)
    user: str = ""
    password: str = field(default="", repr=False)
    account: str = ""

    def headers(self) -> dict[str, str]:
        """What says who asks. Raises HullmarkError for what no header can hold."""
        if not all(text.isascii() and text.isprintable() for text in (self.key, self.account)):
            raise HullmarkError("the API key or the account holds strange characters", advice="give it as it was shown")
        found = {"X-Hullmark-Account": self.account} if self.account else {}
        if self.key:
            found["Authorization"] = f"Bearer {self.key}"
        elif self.user:
            pair = f"{self.user}:{self.password}".encode("utf-8", "surrogateescape")
            found["Authorization"] = f"Basic {base64.b64encode(pair).decode('ascii')}"
        return found


def server_url(text: str, *, insecure: bool = False) -> str:
    """The address of a server as it is kept: scheme, host and perhaps a path, without a slash at the end; https where no scheme is given.

    Raises HullmarkError if it is not valid, and for plain HTTP to another machine unless `insecure`: it would show the key to
    the network.
    """
    url = text.strip() if "://" in text else f"https://{text.strip()}"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and url.isprintable()
    except ValueError:
        raise _no_address(text) from None
    if not usable or parts.query or parts.fragment or " " in url:
        raise _no_address(text)
    if "@" in parts.netloc:
        raise HullmarkError(
            "the address of the server holds a login", advice="use `hullmark login`, or HULLMARK_API_KEY"
        )
    if parts.scheme == "http" and not insecure and not is_loopback(parts.hostname or ""):
        raise HullmarkError(
            f"{origin(url)} is plain HTTP: others on the network could read the key",
            advice="use https://, or --insecure where that does not matter",
        )
    return parts._replace(netloc=parts.netloc.lower()).geturl().rstrip("/")


def _no_address(text: str) -> HullmarkError:
    return HullmarkError(f"{text[:200]!r} is not an address of a server", advice="write it as https://HOST[:PORT]")


def segment(text: str, safe: str = "") -> str:
    """A name as a part of a path."""
    return quote(text, safe=safe, errors="surrogateescape")


class _ErrorBody(dict[str, Any]):
    """What a server says of something. Another kind of server says other things, which is not our fault."""

    def __missing__(self, name: str) -> Any:
        raise HullmarkError(f"the server does not say {name!r}: is it one of Hullmark?", advice="check its address")


class ApiClient:
    """Asks one server. Reads are repeated if a connection breaks; changes only if the server can recognise
    the repetition, or says that it is busy."""

    def __init__(self, url: str, login: ApiLogin, settings: HttpSettings) -> None:
        """`url` as `server_url` returns it. Raises HullmarkError for a login that cannot be sent."""
        self.url = url
        self.login = login
        self.settings = settings
        self._headers = login.headers()
        self._steady = Client(settings)
        self._once = Client(replace(settings, retries=0))

    def json(self, method: str, path: str, query: Query | None = None, document: object = None) -> Any:
        """The answer's document; None where there is none. `path` is below /api/v1. Raises ApiRefused, NetError."""
        body = None if document is None else msgspec.json.encode(document)
        headers = {} if body is None else {"Content-Type": "application/json"}
        return self.decode_answer(self.send(method, path, query, body, headers))

    def get(self, path: str, query: Query | None = None) -> Any:
        """What `json` answers to GET."""
        return self.json("GET", path, query)

    def raw(self, path: str, query: Query | None = None, limit: int = MOST_BYTES) -> Answer:
        """An answer as it is, of at most `limit` bytes. Raises ApiRefused, NetError."""
        return self._check_status(self._steady.fetch(self._request("GET", path, query), limit))

    def send(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer to a request that may have a body. Raises ApiRefused, NetError."""
        request = replace(self._request(method, path, query, headers), body=body)
        if method in ("GET", "PUT"):
            return self._check_status(self._steady.fetch(request, MOST_BYTES))
        if method == "POST" and (body is None or isinstance(body, bytes)):
            request = replace(request, headers={_KEY: secrets.token_hex(16), **request.headers})
        return self._check_status(self._persistently(request))

    def public(self, path: str) -> Answer:
        """The server's answer at a path outside the API, whatever its status; requested once, without a login."""
        return self._once.fetch(Request(self.url + path, {"Accept": "application/json"}), MOST_BYTES)

    def pages(self, path: str, query: Query | None = None, most: int | None = None, size: int = _PAGE) -> Iterator[Any]:
        """The items of a list, requested page by page while they are used; at most `most`, `size` a page."""
        cursor, left = "", most
        while left is None or left > 0:
            wanted = size if left is None else min(size, left)
            found = self.get(path, {**(query or {}), "limit": wanted, "cursor": cursor or None})
            items = found if isinstance(found, list) else found.get("items")
            if not isinstance(items, list):
                raise self._strange()
            items = items if left is None else items[:left]
            yield from items
            following = None if isinstance(found, list) else found.get("next")
            if not following or following == cursor:
                return
            cursor, left = str(following), None if left is None else left - len(items)

    def stream(self, path: str, query: Query | None, headers: Mapping[str, str]) -> StreamedAnswer:
        """An answer that comes bit by bit. Raises ApiRefused, NetError. Close it."""
        streamed = self._once.open(self._request("GET", path, query, headers))
        if streamed.status == 200:
            return streamed
        try:
            buffer = memoryview(bytearray(_LONGEST_TEXT * 2))
            body = bytes(buffer[: streamed.readinto(buffer)])
        finally:
            streamed.close()
        raise self._refusal(Answer(streamed.status, streamed.headers, body, streamed.url))

    def _request(
        self, method: str, path: str, query: Query | None = None, headers: Mapping[str, str] | None = None
    ) -> Request:
        words = [(name, _word(value)) for name, value in (query or {}).items() if value not in (None, "")]
        text = f"?{urlencode(words, errors='surrogateescape')}" if words else ""
        sent = {"Accept": "*/*", **self._headers, **(headers or {})}
        return Request(f"{self.url}{PREFIX}{path}{text}", sent, method)

    def _persistently(self, request: Request) -> Answer:
        """Ask again while the server is busy; after a broken connection only with a key that identifies the request."""
        is_known = _KEY in request.headers
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = self._once.fetch(request, MOST_BYTES)
            except (Cut, TimedOut):
                if not is_known or attempt >= _ATTEMPTS:
                    raise
                delay = backoff(attempt)
            else:
                pause = retry_after(answer.headers.get("retry-after", ""), self.settings.clock())
                # 409 with a time to come again: the first request with this key is still at work.
                is_busy = answer.status in _BUSY or (answer.status == 409 and pause is not None)
                delay = backoff(attempt) if pause is None else pause
                if not is_busy or attempt >= _ATTEMPTS or delay > LONGEST_WAIT:
                    return answer
            self.settings.sleep(delay)

    def _check_status(self, answer: Answer) -> Answer:
        if not 200 <= answer.status < 300:
            raise self._refusal(answer)
        return answer

    def decode_answer(self, answer: Answer) -> Any:
        """The document of an answer. Raises HullmarkError if it is not valid."""
        if not answer.body:
            return None
        try:
            found = json.loads(answer.body, object_hook=_ErrorBody)
        except (ValueError, RecursionError):
            raise self._strange() from None
        if not isinstance(found, dict | list):
            raise self._strange()
        return found

    def _strange(self) -> HullmarkError:
        return HullmarkError(f"{origin(self.url)} does not answer as a Hullmark server", advice="check the address")

    def _refusal(self, answer: Answer) -> HullmarkError:
        """The problem in an answer (RFC 9457), as an error of two lines."""
        try:
            problem = msgspec.json.decode(answer.body)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            problem = None
        is_ours = isinstance(problem, dict) and ("title" in problem or "detail" in problem)
        if not is_ours:
            what = f"{origin(self.url)} answers with status {answer.status}"
            advice = "check the address of the server, and what stands before it"
            return ApiRefused(what, advice=advice, status=answer.status)
        detail = _text(problem.get("detail")) or _text(problem.get("title")) or f"status {answer.status}"
        errors = problem.get("errors")
        wrong = [_error(error) for error in errors[:_MOST_ERRORS]] if isinstance(errors, list) else []
        what = f"{detail} ({'; '.join(wrong)})" if wrong else detail
        advice = _text(problem.get("advice")) or _ADVICE.get(answer.status, "")
        if answer.status == 401 and "Authorization" not in self._headers:
            advice = _ADVICE[401]
        return ApiRefused(what, advice=advice, status=answer.status, problem=problem)


def _word(value: str | int | bool | None) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _text(value: object) -> str:
    return " ".join(value.split())[:_LONGEST_TEXT] if isinstance(value, str) else ""


def _error(value: object) -> str:
    if not isinstance(value, dict):
        return ""
    return ": ".join(text for text in (_text(value.get("key")), _text(value.get("message"))) if text)
