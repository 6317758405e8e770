"""ETags (RFC 9110, 8.8.3): an answer that the client has already is not sent again."""

from __future__ import annotations

import hashlib
from typing import cast

from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

_LARGEST = 4 << 20


class Conditional(ASGIMiddleware):
    """Answers to GET that come in one piece get an ETag over their bytes; 304 where If-None-Match names it."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Hold the head of the answer back until its body is there."""
        if cast("HTTPScope", scope)["method"] not in ("GET", "HEAD"):
            await next_app(scope, receive, send)
            return
        wanted = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"if-none-match"), "")
        start: Message | None = None

        async def send_held(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                if message["status"] == 200:
                    start = message
                    return
            elif start is not None and message["type"] == "http.response.body":
                head, start = start, None
                if not message.get("more_body") and len(message.get("body", b"")) <= _LARGEST:
                    head, message = _add_entity_tag(head, message, wanted)
                await send(head)
            await send(message)

        await next_app(scope, receive, send_held)


def _add_entity_tag(head: Message, body: Message, wanted: str) -> tuple[Message, Message]:
    tag = f'"{hashlib.blake2b(cast("bytes", body.get("body", b"")), digest_size=16).hexdigest()}"'
    headers = MutableScopeHeaders.from_message(head)
    headers["ETag"] = tag
    # Pages and files of the console say themselves how long they may be kept.
    headers.setdefault("Cache-Control", "private, no-cache")
    headers.setdefault("Vary", "Authorization, X-Hullmark-Account")
    if wanted == "*" or tag in (tag.strip().removeprefix("W/") for tag in wanted.split(",")):
        head["status"] = 304  # type: ignore[typeddict-unknown-key]
        for name in ("Content-Length", "Content-Type"):
            if name in headers:
                del headers[name]
        return head, {"type": "http.response.body", "body": b"", "more_body": False}
    return head, body
