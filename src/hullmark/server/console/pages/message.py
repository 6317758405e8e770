"""A message that was sent: what brought it about, everything that it tells of, and whether it arrived."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from hullmark.model.notice import TRANSITION_KINDS, Cause
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Page, page, values_in
from hullmark.server.api.problems import not_found
from hullmark.server.console.listing import Column, Listing, ShownPage, export, wants_export
from hullmark.server.console.views import render, rights
from hullmark.server.stories.notice.notices import cause_of
from hullmark.server.stories.services import Services
from hullmark.server.tables.notice import messages, transitions
from hullmark.server.tables.notice.messages import MessageRow
from hullmark.server.tables.notice.transitions import TransitionRow

_LARGEST = 1 << 62


class MessageView(msgspec.Struct, kw_only=True):
    """The message. `cause` is None of digests and tests, which have several or none."""

    message: MessageRow
    cause: Cause | None
    items: ShownPage[TransitionRow]


_COLUMNS: tuple[Column[TransitionRow], ...] = (
    Column("at", "At", lambda row: row.at, "time"),
    Column("kind", "What", lambda row: TRANSITION_KINDS[row.kind]),
    Column("reference", "Image", lambda row: row.reference or row.image_digest),
    Column("before", "Before", lambda row: row.before),
    Column("after", "After", lambda row: row.after),
    Column("policy", "Policy", lambda row: row.policy),
    Column("environment", "Environment", lambda row: row.environment),
)


@get("/{account:str}/messages/{number:int}", opt=rights("notices:read"))
async def message_page(
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    number: FromPath[int],
) -> Response[Any]:
    """A message by its number; links in messages that tell of several things lead here."""
    async with services.database.tenant(caller.account_id) as connection:
        row = await messages.message(connection, caller.account_id, number) if 0 < number < _LARGEST else None
        causes = await transitions.causes(connection, caller.account_id, [row.cause_id]) if row and row.cause_id else {}
    if row is None:
        raise not_found(f"message {number}")
    listing = _items(services, caller, number)
    if wants_export(request, listing.name):
        return export(request, listing)
    cause = causes.get(row.cause_id or 0)
    view = MessageView(
        message=row, cause=cause_of(cause) if cause is not None else None, items=await listing.shown(request)
    )
    return render(request, "pages/message.html", view=view, kinds=TRANSITION_KINDS)


def _items(services: Services, caller: Caller, number: int) -> Listing[TransitionRow]:
    async def fetch(cursor: str, limit: int) -> Page[TransitionRow]:
        after = values_in(cursor, int) or 0
        async with services.database.tenant(caller.account_id) as connection:
            rows = await messages.items(connection, caller.account_id, number, after=after, limit=limit + 1)
        return page(rows, limit, lambda row: row.id)

    return Listing(name="items", columns=_COLUMNS, fetch=fetch)


ROUTES = [message_page]
