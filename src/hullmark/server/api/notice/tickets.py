"""Tickets: what trackers keep of a cause."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from hullmark.server.api.caller import Caller
from hullmark.server.api.problems import not_found, problem
from hullmark.server.stories.notice.tickets import TRACKERS, Tickets, tickets_about
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.database import Connection
from hullmark.server.tables.notice import tickets, transitions
from hullmark.server.tables.notice.channels import channel_named
from hullmark.server.tables.notice.transitions import CauseRow

_HIGHEST = (1 << 62) - 1


class TicketBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The channel that is to make a ticket, by its name: one of a kind that keeps issues."""

    channel: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class TicketMessageView(msgspec.Struct, kw_only=True):
    """The message by which the ticket is made; GET /messages/{number} says what became of it."""

    message: int


async def _cause(connection: Connection, account_id: int, number: int) -> CauseRow:
    found = await transitions.causes(connection, account_id, [number] if 0 < number <= _HIGHEST else [])
    if number not in found:
        raise not_found(f"cause {number}")
    return found[number]


@get(
    "/transitions/causes/{number:int}/tickets", opt={"permission": "notices:read"}, summary="The tickets about a cause"
)
async def list_tickets(
    number: FromPath[int], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> Tickets:
    """What channels that keep issues have of it, what is on its way there, and which of them may be asked for a ticket."""
    async with services.database.tenant(caller.account_id) as connection:
        return await tickets_about(connection, caller.account_id, await _cause(connection, caller.account_id, number))


@post(
    "/transitions/causes/{number:int}/tickets",
    status_code=202,
    opt={"permission": "notices:write", "fails": (409,)},
    summary="Have a ticket made about a cause",
)
async def make_ticket(
    number: FromPath[int],
    data: JSONBody[TicketBody],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> TicketMessageView:
    """The channel is told of the images that the cause put out of compliance and that still are, as if it had been subscribed to that: the
    same ticket grows, and is closed, with what becomes of them."""
    return await ask_for_ticket(services, caller, origin, number, data.channel)


async def ask_for_ticket(
    services: Services, caller: Caller, origin: RequestOrigin, number: int, name: str
) -> TicketMessageView:
    """Have a channel make a ticket, and write down who wanted it. Raises Refusal."""
    account_id = caller.account_id
    async with services.database.tenant(account_id) as connection:
        cause = await _cause(connection, account_id, number)
        row = await channel_named(connection, account_id, name)
        if row is None:
            raise not_found(f"channel {name}")
        if row.kind not in TRACKERS or not row.is_active:
            advice = f"choose one of the kinds {', '.join(TRACKERS)} that is in use"
            raise problem(422, f"the channel {name} makes no tickets", advice)
        message = await tickets.begin_ticket(connection, account_id, row.id, number, services.clock())
        if message is None:
            raise problem(
                409,
                "there is nothing to make a ticket of",
                "either no image is out of compliance by it any more, or the channel was told of it already",
            )
        after: dict[str, Any] = {"channel": name, "message": message, "subject": cause.subject}
        await audit.record(connection, caller, "ticket.make", "cause", str(number), None, after, origin)
    return TicketMessageView(message=message)


ROUTES = [list_tickets, make_ticket]
