"""Messages: what was or will be sent, through which channel, and the result of each attempt."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import UUID

import msgspec
from litestar import MediaType, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from hullmark.model.advisory import Severity
from hullmark.model.notice import Cause, Item
from hullmark.notify.notice_page import notice_page
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Cursor, Limit, Page, page, values_in
from hullmark.server.api.problems import not_found, problem
from hullmark.server.api.resources.images import moment
from hullmark.server.stories.notice.notices import cause_of, item_of, notice_of, severity_of
from hullmark.server.stories.notice.placed import add_places
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.database import Connection
from hullmark.server.tables.notice import deliveries, latency, messages, transitions
from hullmark.server.tables.notice.deliveries import AttemptRow
from hullmark.server.tables.notice.messages import MessageFilter, MessageRow
from hullmark.server.tables.notice.transitions import CauseRow

_READ: dict[str, Any] = {"permission": "notices:read"}
_WRITE: dict[str, Any] = {"permission": "notices:write"}
_ATTEMPTS = 100
_OF_A_PAGE = 500
_NUMBER = 1 << 62
State = Annotated[
    Literal["", "gathering", "waiting", "delivered", "dead"],
    QueryParameter(name="state", description="gathering, waiting, delivered or dead."),
]


class CauseView(msgspec.Struct, kw_only=True):
    """What brought it about, in short."""

    kind: str
    subject: str
    sentence: str
    severity: Severity


class MessageView(msgspec.Struct, kw_only=True):
    """A message. `key` is the id that its receiver sees; `cause` is null of digests and tests."""

    id: int
    key: UUID
    channel: str
    subscription: str
    form: Literal["group", "digest", "test"]
    part: int
    state: Literal["gathering", "waiting", "delivered", "dead"]
    cause: CauseView | None
    items: int
    opened_at: datetime
    due_at: datetime
    sealed_at: datetime | None
    resent_at: datetime | None
    attempts: int
    next_at: datetime | None
    delivered_at: datetime | None
    last_status: int | None
    last_error: str
    remote: str


class WholeMessageView(msgspec.Struct, kw_only=True):
    """A message with its cause, how many there are of each kind, its last attempts (the newest first), and the seconds that each stage
    took until it arrived."""

    message: MessageView
    cause: Cause | None
    kinds: dict[str, int]
    attempts: list[AttemptRow]
    latency: dict[str, float]


def make_message_view(row: MessageRow, causes: dict[int, CauseRow]) -> MessageView:
    """A message as it is answered."""
    cause = causes.get(row.cause_id or 0)
    known = {name: getattr(row, name) for name in MessageView.__struct_fields__ if name not in ("cause", "items")}
    short = None
    if cause is not None:
        severity = severity_of(cause.severity)
        short = CauseView(kind=cause.kind, subject=cause.subject, sentence=cause.sentence, severity=severity)
    return MessageView(**known, cause=short, items=row.item_count)


@get("/messages", opt=_READ, summary="Messages, the newest first")
async def list_messages(  # noqa: PLR0913 - one parameter a filter
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    channel: FromQuery[str] = "",
    is_in: State = "",
    since: FromQuery[datetime | None] = None,
    before: FromQuery[datetime | None] = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[MessageView]:
    """The delivery log: of a channel, in a state (`dead`: given up), begun in a time."""
    wanted = MessageFilter(channel=channel, state=is_in, since=moment(since), before=moment(before))
    below = values_in(cursor, int)
    async with services.database.tenant(caller.account_id) as connection:
        rows = await messages.messages(connection, caller.account_id, wanted, below=below, limit=limit + 1)
        numbers = [row.cause_id for row in rows if row.cause_id is not None]
        causes = await transitions.causes(connection, caller.account_id, numbers)
    some = page(rows, limit, lambda row: row.id)
    return Page(items=[make_message_view(row, causes) for row in some.items], next=some.next)


async def _find_message(connection: Connection, caller: Caller, number: int) -> MessageRow:
    row = await messages.message(connection, caller.account_id, number) if 0 < number < _NUMBER else None
    if row is None:
        raise not_found(f"message {number}")
    return row


@get("/messages/{number:int}", opt=_READ, summary="A message")
async def get_message(
    number: FromPath[int], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> WholeMessageView:
    """With its cause, its attempts, and how long each stage took."""
    async with services.database.tenant(caller.account_id) as connection:
        row = await _find_message(connection, caller, number)
        causes = await transitions.causes(connection, caller.account_id, [row.cause_id or 0])
        kinds: dict[str, int] = {}
        for group in await messages.groups(connection, number):
            kinds[group.kind] = kinds.get(group.kind, 0) + group.count
        return WholeMessageView(
            message=make_message_view(row, causes),
            cause=cause_of(causes[row.cause_id]) if row.cause_id in causes else None,
            kinds=kinds,
            attempts=await deliveries.attempts(connection, caller.account_id, number, _ATTEMPTS),
            latency=await latency.latency_of(connection, number) if row.form == "group" else {},
        )


@get("/messages/{number:int}/items", opt=_READ, summary="All that a message tells of")
async def list_message_items(
    number: FromPath[int],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[Item]:
    """In the order in which it came about."""
    after = values_in(cursor, int) or 0
    async with services.database.tenant(caller.account_id) as connection:
        await _find_message(connection, caller, number)
        rows = await messages.items(connection, caller.account_id, number, after=after, limit=limit + 1)
    some = page(rows, limit, lambda row: row.id)
    return Page(items=[item_of(services.settings, caller.account, row) for row in some.items], next=some.next)


@get(
    "/messages/{number:int}/page",
    operation_id="read_message",
    opt={**_READ, "answers": {200: ("text/html",)}},
    media_type=MediaType.HTML,
    summary="A message as a page to read",
)
async def read_message(
    number: FromPath[int],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    after: Annotated[
        int, QueryParameter(ge=0, le=_NUMBER, description="Behind which of its items the page begins.")
    ] = 0,
) -> Response[bytes]:
    """What happened, what to do, and its images, each with the way to its verdict; for who has no use for the console."""
    async with services.database.tenant(caller.account_id) as connection:
        row = await _find_message(connection, caller, number)
        notice = await notice_of(connection, services.settings, row, services.clock())
        rows = await messages.items(connection, caller.account_id, number, after=after, limit=_OF_A_PAGE + 1)
    notice = await add_places(services, caller.account_id, notice)
    items = [item_of(services.settings, caller.account, row) for row in rows[:_OF_A_PAGE]]
    more = len(rows) > _OF_A_PAGE
    following = f"?format=html&account={quote(caller.account, safe='')}&after={items[-1].id}" if more else ""
    return Response(await asyncio.to_thread(notice_page, notice, items, following), media_type=MediaType.HTML)


@post(
    "/messages/{number:int}/redeliver", status_code=202, opt={**_WRITE, "fails": (409,)}, summary="Send a message again"
)
async def redeliver_message(
    number: FromPath[int],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> MessageView:
    """One that was given up, or arrived. It keeps its id, and says that it is a replay."""
    async with services.database.tenant(caller.account_id) as connection:
        before = await _find_message(connection, caller, number)
        if not await messages.send_again(connection, caller.account_id, number, services.clock()):
            raise problem(409, f"message {number} is {before.state}", "what waits is sent by itself; send a new test")
        await transitions.want_delivery(connection, [str(before.channel_id)])
        await audit.record(
            connection, caller, "message.redeliver", "message", str(number), {"state": before.state}, None, origin
        )
        causes = await transitions.causes(connection, caller.account_id, [before.cause_id or 0])
        return make_message_view(await _find_message(connection, caller, number), causes)


ROUTES = [list_messages, get_message, list_message_items, read_message, redeliver_message]
