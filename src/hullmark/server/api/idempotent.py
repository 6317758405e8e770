"""`Idempotency-Key`: a POST that is sent again, because its answer was lost, acts once and is answered as the first time."""

from __future__ import annotations

import asyncio
import hashlib
from typing import cast

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPRequestEvent, HTTPScope, Message, Receive, Scope, Send

from hullmark.model.limit import Limit
from hullmark.server.api.caller import Caller
from hullmark.server.api.problems import Refusal
from hullmark.server.stories.services import Services
from hullmark.server.tables import answers
from hullmark.server.tables.answers import KeptAnswer

_PATIENCE = 120.0
_LARGEST_KEY = Limit(200, "characters of an Idempotency-Key", "refused")
_LARGEST_ANSWER = 1 << 20


class Idempotent(ASGIMiddleware):
    """Behind sign-in. Keys are an account's and a caller's own, and are forgotten after a day.

    Routes whose body is a stream say `opt={"streamed": True}`: they are idempotent by what they are sent.
    """

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Act, or answer as before. Raises Refusal: 409 while the first one is at work, 422 for a key of another request."""
        given = next((value for name, value in scope["headers"] if name == b"idempotency-key"), b"").decode("latin-1")
        caller: Caller | None = scope.get("state", {}).get("caller")
        handler = scope["route_handler"]
        if not given or caller is None or cast("HTTPScope", scope)["method"] != "POST" or handler.opt.get("streamed"):
            await next_app(scope, receive, send)
            return
        if len(given) > _LARGEST_KEY or not given.isprintable():
            raise Refusal(400, "the Idempotency-Key is too long", f"at most {_LARGEST_KEY} printable characters")
        services: Services = scope["litestar_app"].state.services
        body = await _body(receive, services.settings.request_limit)
        key = f"{caller.id}:{given}"
        request = _digest_request(scope, body)
        async with services.database.tenant(caller.account_id) as connection:
            known = await answers.claim(connection, caller.account_id, key, request, _PATIENCE)
        if known is not None:
            await _replay(known, request, send, services, key)
            return
        await self._act(_Claim(services, caller, key, request), scope, _again(body, receive), send, next_app)

    async def _act(self, claim: _Claim, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        try:
            await next_app(scope, receive, claim.heard(send))
        finally:
            await asyncio.shield(claim.settle())


class _Claim:
    """A key that is ours, and the answer as it goes by."""

    def __init__(self, services: Services, caller: Caller, key: str, request: bytes) -> None:
        self._services, self._caller, self._key, self._request = services, caller, key, request
        self._status, self._type, self._parts, self._is_whole = 0, "", [b""], False

    def heard(self, send: Send) -> Send:
        """The sending, listened to."""

        async def listening(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._status = message["status"]
                self._type = next(
                    (v.decode("latin-1") for n, v in message["headers"] if n.lower() == b"content-type"), ""
                )
            elif message["type"] == "http.response.body":
                self._parts.append(message.get("body", b""))
                self._is_whole = not message.get("more_body")
            await send(message)

        return listening

    async def settle(self) -> None:
        """Keep the answer; release the key if the answer cannot be repeated."""
        body = b"".join(self._parts)
        async with self._services.database.tenant(self._caller.account_id) as connection:
            if not self._is_whole or not 200 <= self._status < 500 or len(body) > _LARGEST_ANSWER:
                await answers.release(connection, self._caller.account_id, self._key)
                return
            sealed = self._services.vault.encrypt(body.decode("latin-1"), f"answer/{self._key}")
            kept = KeptAnswer(request=self._request, status=self._status, content_type=self._type, answer=sealed)
            await answers.keep(connection, self._caller.account_id, self._key, kept)


async def _replay(known: KeptAnswer, request: bytes, send: Send, services: Services, key: str) -> None:
    if known.request != request:
        raise Refusal(422, "the Idempotency-Key was used for another request", "use a new key for each request")
    if not known.status:
        raise Refusal(409, "the first request with this key is at work", "try again", headers={"Retry-After": "1"})
    body = services.vault.decrypt(known.answer, f"answer/{key}").encode("latin-1")
    headers = [(b"content-length", str(len(body)).encode()), (b"idempotent-replayed", b"true")]
    if known.content_type:
        headers.append((b"content-type", known.content_type.encode("latin-1")))
    await send({"type": "http.response.start", "status": known.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _body(receive: Receive, limit: int) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "the request ended early")
        part = cast("HTTPRequestEvent", message).get("body", b"")
        size += len(part)
        if size > limit:
            raise Refusal(413, f"the request has more than {limit} bytes")
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """The body as if it were received now; then what comes after it."""
    is_sent = False

    async def replay_body() -> HTTPRequestEvent:
        nonlocal is_sent
        if is_sent:
            return cast("HTTPRequestEvent", await receive())
        is_sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay_body


def _digest_request(scope: Scope, body: bytes) -> bytes:
    """Names what is requested."""
    parts = (cast("HTTPScope", scope)["method"].encode(), scope["path"].encode(), scope["query_string"], body)
    return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).digest()
