"""Bodies of requests, bounded: in size, in how long the client may be silent, and in how slow it may be over a longer time.

Nobody is told "100 Continue" before a route asks for the body, which it does once permissions were checked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPReceiveMessage, Receive, Scope, Send

from hullmark.server.api.nesting import Nesting
from hullmark.server.api.problems import Refusal
from hullmark.server.stories.settings import Settings

UPLOADS_OF_ACCOUNT = 2
UPLOADS_IN_ALL = 4
_RETRY_SECONDS = 15
_ENDS = {"Connection": "close"}


class BodyLimits(msgspec.Struct, frozen=True, kw_only=True):
    """`most` bytes; `wait` seconds without any; in each `window` seconds of waiting at least `rate` bytes a second."""

    most: int
    wait: float = 30.0
    window: float = 120.0
    rate: int = 4096


class BoundedBody:
    """One request's body. Raises Refusal: 413 (too long), 408 (too slow), 400 (ended early).

    `receive` hands on ASGI messages, `chunks` the bytes alone. Only time spent waiting for the client counts, not what its bytes wait for.
    """

    def __init__(
        self, scope: Scope, receive: Receive, limits: BodyLimits, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.is_whole = False
        self._receive = receive
        self._limits = limits
        self._clock = clock
        self._promised = _content_length(scope)
        self._size = 0
        self._window_size = 0
        self._window_waited = 0.0

    async def receive(self) -> Any:
        """The next message."""
        if self.is_whole:
            return await self._receive()
        if self._promised is not None and self._promised > self._limits.most:
            raise self._too_long()
        message = await self._receive_in_time()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "the connection ended before the body did", "send it again", headers=_ENDS)
        self._count(message)
        return message

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes as they come."""
        while not self.is_whole:
            message = await self.receive()
            if body := message.get("body"):
                yield body

    async def is_gone(self) -> bool:
        """After a whole body: whether the client has gone."""
        try:
            async with asyncio.timeout(0.01):
                return bool((await self._receive())["type"] == "http.disconnect")
        except TimeoutError:
            return False

    async def _receive_in_time(self) -> HTTPReceiveMessage:
        began = self._clock()
        try:
            async with asyncio.timeout(self._limits.wait):
                message = cast("HTTPReceiveMessage", await self._receive())
        except TimeoutError:
            raise self._too_slow(f"no byte of the body came for {self._limits.wait:g} seconds") from None
        self._window_waited += self._clock() - began
        return message

    def _count(self, message: Any) -> None:
        length = len(message.get("body", b""))
        self._size += length
        self._window_size += length
        self.is_whole = not message.get("more_body", False)
        if self._size > self._limits.most:
            raise self._too_long()
        if self.is_whole and self._promised is not None and self._size != self._promised:
            raise Refusal(
                400, f"{self._promised} bytes were promised and {self._size} came", "send it again", headers=_ENDS
            )
        if not self.is_whole and self._window_waited >= self._limits.window:
            if self._window_size < self._window_waited * self._limits.rate:
                raise self._too_slow(f"the body comes at less than {self._limits.rate} bytes a second")
            self._window_size, self._window_waited = 0, 0.0

    def _too_long(self) -> Refusal:
        detail = f"the body has more than the {self._limits.most} bytes that are taken"
        return Refusal(413, detail, "send less, or have the server's limit raised", headers=_ENDS)

    def _too_slow(self, detail: str) -> Refusal:
        return Refusal(408, detail, "send it again over a faster connection", headers=_ENDS)


class Slots:
    """How many uploads, or `what` else, there may be at the same time in this process, of one account and in all."""

    def __init__(
        self, of_account: int = UPLOADS_OF_ACCOUNT, in_all: int = UPLOADS_IN_ALL, what: str = "uploads"
    ) -> None:
        self._of_account = of_account
        self._in_all = in_all
        self._what = what
        self._taken: dict[int, int] = {}

    @contextmanager
    def taken(self, account_id: int) -> Iterator[None]:
        """Hold a slot. Raises Refusal 503 if there is none."""
        self.check(account_id)
        self._taken[account_id] = self._taken.get(account_id, 0) + 1
        try:
            yield
        finally:
            left = self._taken.pop(account_id) - 1
            if left:
                self._taken[account_id] = left

    def check(self, account_id: int) -> None:
        """Raise Refusal 503 if there is no slot."""
        mine = self._taken.get(account_id, 0)
        if mine >= self._of_account or sum(self._taken.values()) >= self._in_all:
            whose = f"the account's {self._what}" if mine >= self._of_account else self._what
            raise Refusal(
                503,
                f"there are as many of {whose} as may be at the same time",
                "wait for one to end, then send it again",
                headers={"Retry-After": str(_RETRY_SECONDS), **_ENDS},
            )


def body_guard(settings: Settings) -> Callable[[ASGIApp], ASGIApp]:
    """Middleware that bounds the bodies of all routes, in size and in depth, except for those with
    `request_max_body_size=None`, which do it themselves."""

    def wrap_app(app: ASGIApp) -> ASGIApp:
        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            most = _limit_of(scope, settings)
            if most is not None:
                limits = BodyLimits(most=most, wait=settings.body_wait, rate=256)
                receive = _shallow(BoundedBody(scope, receive, limits).receive)
            await app(scope, receive, send)

        return serve

    return wrap_app


def _shallow(receive: Receive) -> Receive:
    """The same body as long as it is not nested too deeply. Raises Refusal: 400."""
    nesting = Nesting()

    async def receive_counted() -> HTTPReceiveMessage:
        message = await receive()
        nesting.add(cast("dict[str, bytes]", message).get("body", b""))
        return cast("HTTPReceiveMessage", message)

    return receive_counted


def _limit_of(scope: Scope, settings: Settings) -> int | None:
    """The most bytes that a request's route accepts; None for no bound, and for anything but a request."""
    if scope["type"] != ScopeType.HTTP:
        return None
    find = getattr(scope.get("route_handler"), "resolve_request_max_body_size", None)
    return cast("int | None", find()) if find is not None else settings.request_limit


def _content_length(scope: Scope) -> int | None:
    given = [value for name, value in scope["headers"] if name == b"content-length"]
    if not given:
        return None
    if len(set(given)) > 1 or not given[0].isdigit() or len(given[0]) > 19:
        raise Refusal(400, "the length of the body is not understood", headers=_ENDS)
    return int(given[0])
