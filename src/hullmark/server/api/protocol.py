"""HTTP/1.1 as uvicorn speaks it, with bounds for what a client may do before any of our code sees a request.

A request's head must come within some seconds and bytes, and connections are counted. A client that is answered while it still sends
is listened to a little longer, unread, so that it gets to see the answer.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from ipaddress import ip_address
from typing import Any, ClassVar, cast

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from hullmark.net.guard import Network, parse_networks

_TITLES = {
    400: b"Bad Request",
    408: b"Request Timeout",
    431: b"Request Header Fields Too Large",
    503: b"Service Unavailable",
}
_UNREAD = 64 << 20
"""Bytes that are taken and dropped after the answer."""


class ConnectionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a client may do.

    `head_seconds` and `head_bytes` for a request's line and headers, of which there are at most `headers`; `overhead_bytes` of a body that
    are none of its content; `linger_seconds` of sending on after the answer; `stall_seconds` of taking nothing of an answer; connections at
    the same time from one address (0: any number), but for the networks
    of `proxies`, and in all.
    """

    head_seconds: float = 10.0
    head_bytes: int = 64 << 10
    headers: int = 100
    overhead_bytes: int = 1 << 20
    linger_seconds: float = 2.0
    stall_seconds: float = 60.0
    per_address: int = 250
    in_all: int = 2000
    proxies: str = ""


def protocol_class(limits: ConnectionLimits | None = None) -> type[asyncio.Protocol]:
    """The class for `uvicorn.Config(http=…)`. Connections are counted by class: make it once for a process."""
    limits = limits or ConnectionLimits()
    proxies = parse_networks(limits.proxies)
    members = {"limits": limits, "proxies": proxies, "addresses": Counter(), "__doc__": HttpProtocol.__doc__}
    return type("BoundedHttpProtocol", (HttpProtocol,), members)


class _Patient(asyncio.Transport):
    """A connection as a request's answer sees it: closing it waits a little for what the client still sends."""

    def __init__(self, protocol: HttpProtocol, transport: asyncio.Transport) -> None:
        super().__init__()
        self._protocol = protocol
        self._transport = transport

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Send, if anybody is there."""
        if not self.is_closing():
            self._transport.write(data)

    def is_closing(self) -> bool:
        """Is it closed, or about to be?"""
        return self._protocol.is_ending or self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What is known of the connection."""
        return self._transport.get_extra_info(name, default)

    def close(self) -> None:
        """End it."""
        self._protocol.end()


class HttpProtocol(HttpToolsProtocol):
    """One connection, bounded."""

    limits: ClassVar[ConnectionLimits]
    proxies: ClassVar[tuple[Network, ...]]
    addresses: ClassVar[Counter[str]]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.is_ending = False
        self._address = ""
        self._in_head = False
        self._head_size = 0
        self._since_content = 0
        self._dropped = 0
        self._unanswered: deque[RequestResponseCycle] = deque()
        self._head_timer: asyncio.TimerHandle | None = None
        self._end_timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._address = str(cast("Any", self.client)[0]) if self.client else ""
        self.addresses[self._address] += 1
        most = self.limits.per_address if self._address and not self._is_proxy() else 0
        if (most and self.addresses[self._address] > most) or self.addresses.total() > self.limits.in_all:
            self._refuse(503, b"too many connections", b"retry-after: 5\r\n")
            return
        self._await_head()

    def _is_proxy(self) -> bool:
        """Whether others stand behind this address."""
        return bool(self.proxies) and any(ip_address(self._address) in network for network in self.proxies)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        for timer in (self._head_timer, self._end_timer, self._stall_timer):
            if timer is not None:
                timer.cancel()
        self._head_timer = self._end_timer = self._stall_timer = None
        self.addresses[self._address] -= 1
        if self.addresses[self._address] <= 0:
            del self.addresses[self._address]
        super().connection_lost(exc)
        self._tell_gone()
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        """The client has sent something."""
        if self.is_ending:
            self._dropped += len(data)
            if self._dropped > _UNREAD:
                self.transport.abort()
            return
        if self._is_idle():
            self._await_head()
        self._since_content += len(data)
        super().data_received(data)
        if self._is_over():
            return
        if self._in_head and self._since_content > self.limits.head_bytes:
            self._refuse(431, b"the head of the request is too long")
        elif self._since_content > self.limits.overhead_bytes:
            self._refuse(400, b"what comes is not a request, or more framing than content")

    def eof_received(self) -> None:
        """The client sends nothing more; a request that is not whole by now will never be."""
        cycle = self._current()
        if cycle is not None and cycle.more_body and not cycle.response_started and not self.is_ending:
            self._refuse(400, b"the connection ended before the body did")

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_head = True
        self._head_size = 0

    def on_url(self, url: bytes) -> None:
        """A part of the request's line."""
        self._head_size += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header. What follows a body in chunks is dropped."""
        if not self._in_head:
            return
        self._head_size += len(name) + len(value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole: the request can be served."""
        self._in_head = False
        self._since_content = 0
        self._cancel_head_timer()
        if self.is_ending:
            return
        if self._head_size > self.limits.head_bytes or len(self.headers) > self.limits.headers:
            self._refuse(431, b"the head of the request is too long")
            return
        super().on_headers_complete()
        self.cycle.transport = _Patient(self, self.transport)
        while self._unanswered and self._unanswered[0].response_complete:
            self._unanswered.popleft()
        self._unanswered.append(self.cycle)

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._since_content = 0
        if not self.is_ending:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._since_content = 0
        if not self.is_ending:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer was sent. Where the request has not ended, nothing more of it is wanted."""
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body:
            self.end()

    def pause_writing(self) -> None:
        """The client takes nothing more for now."""
        super().pause_writing()
        self._stall_timer = self.loop.call_later(self.limits.stall_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has taken something."""
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """What was sent is not HTTP."""
        self._refuse(400, msg.encode("ascii", "replace"))

    def end(self) -> None:
        """Close the connection; a client that still sends gets a little time to see what it was answered."""
        if self.is_ending or self.transport.is_closing():
            return
        self._cancel_head_timer()
        cycle = self._current()
        if cycle is None or not cycle.more_body or not self.transport.can_write_eof():
            self.transport.close()
            return
        self._linger()

    def _linger(self) -> None:
        self.is_ending = True
        self.flow.resume_reading()
        self.transport.write_eof()
        self._end_timer = self.loop.call_later(self.limits.linger_seconds, self.transport.abort)

    def _refuse(self, status: int, detail: bytes, headers: bytes = b"") -> None:
        """Answer and end, whatever was going on."""
        body = b'{"type":"about:blank","title":"%b","status":%d,"detail":"%b"}' % (_TITLES[status], status, detail)
        cycle = self._current()
        if not self.transport.is_closing():
            if cycle is None or cycle.response_complete or not cycle.response_started:
                self.transport.write(
                    b"HTTP/1.1 %d %b\r\ncontent-type: application/problem+json\r\ncontent-length: %d\r\n%bconnection: close\r\n\r\n%b"
                    % (status, _TITLES[status], len(body), headers, body)
                )
            if self.transport.can_write_eof():
                self._linger()
            else:
                self.transport.close()
        self.is_ending = True
        self._cancel_head_timer()
        self._tell_gone()

    def _tell_gone(self) -> None:
        """The client is gone. uvicorn reports this only to the last of several pipelined requests."""
        for cycle in self._unanswered:
            if not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
        self._unanswered.clear()

    def _is_over(self) -> bool:
        return self.is_ending or self.transport.is_closing()

    def _is_idle(self) -> bool:
        cycle = self._current()
        return self._head_timer is None and (cycle is None or cycle.response_complete)

    def _current(self) -> RequestResponseCycle | None:
        return self.cycle

    def _await_head(self) -> None:
        self._since_content = 0
        self._head_timer = self.loop.call_later(self.limits.head_seconds, self._head_is_late)

    def _cancel_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._in_head:
            self._refuse(408, b"the head of the request did not come in time")
        elif not self.is_ending:
            self.transport.close()

    def _should_upgrade_to_ws(self) -> bool:
        return False
