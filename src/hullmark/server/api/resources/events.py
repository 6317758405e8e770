"""Events: listed, and told live as Server-Sent Events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, HeaderParameter, QueryParameter
from litestar.response import Stream

from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Cursor, Limit, Page, page, values_in
from hullmark.server.api.problems import problem
from hullmark.server.api.resources.images import moment
from hullmark.server.listening import Listeners
from hullmark.server.stories.services import Services
from hullmark.server.tables import events
from hullmark.server.tables.events import EventFilter, EventRow

_READ: dict[str, Any] = {"permission": "events:read"}
_BATCH = 200
_PAUSE = 15.0


@get("/events", opt=_READ, summary="What happened, the newest first")
async def list_events(  # noqa: PLR0913 - one parameter a filter
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    kind: Annotated[
        str, QueryParameter(max_length=200, description="As image.analysed; an asterisk at the end is wild.")
    ] = "",
    level: FromQuery[str] = "",
    resource_type: FromQuery[str] = "",
    resource: FromQuery[str] = "",
    since: FromQuery[datetime | None] = None,
    before: FromQuery[datetime | None] = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[EventRow]:
    """The events of the account."""
    wanted = EventFilter(
        kind=kind,
        level=level,
        resource_type=resource_type,
        resource=resource,
        since=moment(since),
        before=moment(before),
    )
    below = values_in(cursor, int)
    async with services.database.tenant(caller.account_id) as connection:
        rows = await events.list_events(connection, caller.account_id, wanted, below=below, limit=limit + 1)
    return page(rows, limit, lambda row: row.id)


@get(
    "/events/stream",
    operation_id="stream_events",
    opt={**_READ, "answers": {200: ("text/event-stream",)}},
    summary="What happens, as it happens",
)
async def stream(
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    listeners: NamedDependency[Listeners],
    kind: FromQuery[str] = "",
    last_event_id: Annotated[str, HeaderParameter(name="Last-Event-ID")] = "",
) -> Stream:
    """Server-Sent Events: `id` is the event's number, `event` its kind, `data` the event. A client that comes back with Last-Event-ID
    gets what it missed."""
    if last_event_id and not (last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) < 19):
        raise problem(400, "Last-Event-ID is not an event's number", "leave it out to begin now")
    start = int(last_event_id) if last_event_id else None
    return Stream(
        _stream(services, caller.account_id, listeners, EventFilter(kind=kind), start),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _stream(
    services: Services, account_id: int, listeners: Listeners, wanted: EventFilter, start: int | None
) -> AsyncIterator[bytes]:
    """Events above a number, for ever. Notifications only say that it is time to look: none can be missed for good."""
    with listeners.wait_for(account_id) as bell:
        last = start if start is not None else await _newest(services, account_id)
        yield b": hullmark\n\n"
        while True:
            async with services.database.tenant(account_id) as connection:
                until = await events.find_settled_number(connection)
                rows = await events.list_events(connection, account_id, wanted, above=last, limit=_BATCH, up_to=until)
            for row in rows:
                last = row.id
                yield _as_text(row)
            if len(rows) == _BATCH:
                continue
            try:
                await asyncio.wait_for(bell.wait(), _PAUSE)
            except TimeoutError:
                yield b": still here\n\n"
            bell.clear()


async def _newest(services: Services, account_id: int) -> int:
    async with services.database.tenant(account_id) as connection:
        return await events.find_settled_number(connection)


def _as_text(row: EventRow) -> bytes:
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (row.id, row.kind.encode(), msgspec.json.encode(row))


ROUTES = [list_events, stream]
