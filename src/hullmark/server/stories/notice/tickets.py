"""Tickets about a cause: where they can be read, and which channels may be asked for one."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hullmark.notify.channels import CHANNELS
from hullmark.server.stories.notice.threads import thread_key
from hullmark.server.tables.database import Connection
from hullmark.server.tables.notice import tickets
from hullmark.server.tables.notice.channels import ChannelRow, channels
from hullmark.server.tables.notice.tickets import TicketMessage, TicketRow
from hullmark.server.tables.notice.transitions import CauseRow

TRACKERS = tuple(sorted(name for name, channel in CHANNELS.items() if channel.address is not None))
"""Kinds of channels that make tickets, which people can read."""


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket: the channel's name and kind, what it is called there, and its address ("": nobody can say)."""

    channel: str
    kind: str
    name: str
    link: str
    is_open: bool


class Tickets(msgspec.Struct, frozen=True, kw_only=True):
    """What is there about a cause; what is on its way or did not arrive; and the channels that may be asked for one, by name."""

    made: list[Ticket]
    unsent: list[TicketMessage]
    channels: list[str]


async def tickets_about(connection: Connection, account_id: int, cause: CauseRow) -> Tickets:
    """The tickets about a cause."""
    rows = await channels(connection, account_id)
    trackers = [row for row in rows if row.kind in TRACKERS]
    if not trackers:
        return Tickets(made=[], unsent=[], channels=[])
    known = await tickets.tickets_of(connection, account_id, cause.id, thread_key(cause.kind, cause.subject))
    made = [_ticket(row) for row in known if row.kind in TRACKERS]
    unsent = await tickets.unsent_of(connection, account_id, cause.id, TRACKERS)
    return Tickets(made=made, unsent=unsent, channels=_list_other_trackers(trackers, made, unsent))


def _list_other_trackers(
    trackers: Sequence[ChannelRow], made: Sequence[Ticket], unsent: Sequence[TicketMessage]
) -> list[str]:
    taken = {each.channel for each in made} | {each.channel for each in unsent}
    return [row.name for row in trackers if row.is_active and row.name not in taken]


def _ticket(row: TicketRow) -> Ticket:
    address = CHANNELS[row.kind].address
    link = address(row.settings, row.remote) if address is not None else ""
    return Ticket(channel=row.channel, kind=row.kind, name=row.remote, link=link, is_open=row.is_open)
