"""Everything of an account, as lines of JSON that are written while they are read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import msgspec
from litestar import Litestar, Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream

from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import cursor_of, values_in
from hullmark.server.api.permissions import SIGNED_IN
from hullmark.server.api.problems import Refusal
from hullmark.server.stories.services import Services
from hullmark.server.tables import exports
from hullmark.server.tables.exports import KINDS, Key

Kind = Literal[
    "images", "packages", "vulnerabilities", "verdicts", "history", "audit", "events", "transitions", "places"
]
_NEEDS: dict[Kind, str] = {
    "images": "images:read",
    "packages": "images:read",
    "vulnerabilities": "images:read",
    "verdicts": "verdicts:read",
    "history": "verdicts:read",
    "audit": "audit:read",
    "events": "events:read",
    "transitions": "notices:read",
    "places": "places:read",
}
_SLOTS = "exports"
_AT_ONCE = 4
_encode = msgspec.json.Encoder().encode


@get(
    "/export/{kind:str}",
    opt={"permission": SIGNED_IN, "answers": {200: ("application/x-ndjson",)}},
    summary="Everything of a kind, as lines of JSON",
)
async def export(
    kind: FromPath[Kind],
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    after: Annotated[
        str, QueryParameter(max_length=200, description="The `cursor` of the last line that was had.")
    ] = "",
) -> Stream:
    """One object a line, by age, as the database was at the beginning, whatever changes meanwhile. Needs the permission to read that kind.

    Each line has a `cursor`: where the lines broke off, `after` goes on from there. Whoever takes no line for a minute gets no more."""
    if not caller.may(_NEEDS[kind]):
        raise Refusal(
            403, f"this needs the permission {_NEEDS[kind]}", f"your role in {caller.account} is {caller.role}"
        )
    start = _key(after, KINDS[kind][1])
    slots = _slots_of(request.app)
    if slots.locked():
        raise Refusal(503, "too many exports at the same time", "try again soon", headers={"Retry-After": "15"})
    return Stream(
        _lines(services, slots, caller.account_id, kind, start),
        media_type="application/x-ndjson",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _lines(
    services: Services, slots: asyncio.Semaphore, account_id: int, kind: Kind, after: Key
) -> AsyncIterator[bytes]:
    read, _ = KINDS[kind]
    async with slots, services.database.system() as connection:
        await exports.begin(connection, account_id)
        async for some in exports.rows(connection, read, account_id, after):
            yield b"".join(_encode({"cursor": cursor_of(key), **row}) + b"\n" for key, row in some)


def _key(after: str, width: int) -> Key:
    values = values_in(after, tuple[int, ...]) if after else (0,) * width
    if values is None or len(values) != width or not all(0 <= value < 1 << 62 for value in values):
        raise Refusal(400, "`after` is not a cursor of this kind", "begin again without it")
    return values


def _slots_of(app: Litestar) -> asyncio.Semaphore:
    """How many are written at the same time in this process: each holds a connection."""
    if _SLOTS not in app.state:
        app.state[_SLOTS] = asyncio.Semaphore(_AT_ONCE)
    found: asyncio.Semaphore = app.state[_SLOTS]
    return found


ROUTES = [export]
