"""Each request gets an id, is counted, timed and logged; its answer must not be cached unless a header allows it."""

from __future__ import annotations

import re
import time
from typing import cast
from uuid import uuid4

import structlog
from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from hullmark.server.api.browser import BROWSER_HEADERS
from hullmark.server.metrics import REQUESTS, SECONDS
from hullmark.server.tracing import span

_log = structlog.get_logger("hullmark.request")
_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,100}").fullmatch
_CONSOLE = "/console"
_QUIET = ("/healthz", "/readyz", "/metrics")


class MeasuringMiddleware(ASGIMiddleware):
    """The outermost layer. `X-Request-Id` of the client is taken over if it is a plain word."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Measure one request; what it raises becomes an answer further out, and is counted as that kind of failure."""
        number = _number_of(scope)
        route = scope.get("path_template") or "other"
        began = time.perf_counter()
        status = 0

        async def send_measured(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        method = cast("HTTPScope", scope)["method"]
        try:
            with span(f"{method} {route}", {"http.request.method": method, "http.route": route}):
                await next_app(scope, receive, send_measured)
        except Exception as error:
            status = getattr(error, "status", 0) or getattr(error, "status_code", 0) or 500
            raise
        finally:
            seconds = time.perf_counter() - began
            REQUESTS.labels(method, route, str(status or 499)).inc()
            SECONDS.labels(route).observe(seconds)
            if route not in _QUIET:
                _tell(scope, number, status, seconds)


async def add_headers(message: Message, scope: Scope) -> None:
    """Give every answer its request's id, also where there is no route; for `before_send`."""
    if message["type"] == "http.response.start":
        headers = MutableScopeHeaders.from_message(message)
        headers["X-Request-Id"] = _number_of(scope)
        for name, value in BROWSER_HEADERS.items() if scope["path"].startswith(_CONSOLE) else ():
            headers.setdefault(name, value)
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Cache-Control", "no-store")


def _number_of(scope: Scope) -> str:
    """The id of a request, which it is given when somebody first asks for it."""
    state = scope.setdefault("state", {})
    if "request_id" not in state:
        given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"), "")
        state["request_id"] = given if _ID(given) else uuid4().hex
    return str(state["request_id"])


def _tell(scope: Scope, number: str, status: int, seconds: float) -> None:
    caller = scope["state"].get("caller")
    _log.info(
        "request",
        id=number,
        method=cast("HTTPScope", scope)["method"],
        route=scope.get("path_template", ""),
        status=status or 499,
        ms=round(seconds * 1000, 1),
        account=caller.account if caller is not None else "",
        who=caller.name if caller is not None else "",
    )
