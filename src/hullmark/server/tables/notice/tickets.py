"""Tickets: what trackers of issues keep of a cause, and how somebody has one made by hand.

A ticket is a thread (`threads`) of a channel. It is made by a message as any other: what becomes of the cause later goes into the same one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from hullmark.model.limit import Limit
from hullmark.server.tables.database import Connection
from hullmark.server.tables.notice.routing import lock_routing
from hullmark.server.tables.notice.threads import OPENING
from hullmark.server.tables.notice.transitions import want_delivery

_MOST = Limit(5000, "transitions of a cause, the newest, that a ticket tells of", "shortened")
_SHOWN = 20


class TicketRow(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket of a channel: its kind, the settings that are not secret, and what the ticket is called there."""

    channel: str
    kind: str
    settings: dict[str, Any]
    remote: str
    is_open: bool


class TicketMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message to a channel that did not arrive yet: `state` as message.state, and what the last attempt came to ("": there was none)."""

    id: int
    channel: str
    state: str
    error: str


async def tickets_of(connection: Connection, account_id: int, cause_id: int, key: str) -> list[TicketRow]:
    """The tickets about a cause: those of its own thread, and those that its messages went into."""
    async with connection.cursor(row_factory=class_row(TicketRow)) as cursor:
        await cursor.execute(
            """
            SELECT channel.name AS channel, channel.kind, channel.settings, thread.remote, thread.state = 'open' AS is_open
            FROM (
                SELECT channel.id AS channel_id, %(key)s AS key FROM channel WHERE channel.account_id = %(account)s
                UNION SELECT message.channel_id, changed.key FROM message JOIN thread_change changed ON changed.message_id = message.id
                    WHERE message.account_id = %(account)s AND message.cause_id = %(cause)s
            ) wanted JOIN thread USING (channel_id, key) JOIN channel ON channel.id = thread.channel_id
            WHERE thread.remote <> '' ORDER BY channel.name, thread.key LIMIT %(limit)s
            """,
            {"account": account_id, "cause": cause_id, "key": key, "limit": _SHOWN},
        )
        return await cursor.fetchall()


async def unsent_of(
    connection: Connection, account_id: int, cause_id: int, kinds: Sequence[str]
) -> list[TicketMessage]:
    """The last message about a cause to each channel of these kinds, where it did not arrive."""
    async with connection.cursor(row_factory=class_row(TicketMessage)) as cursor:
        await cursor.execute(
            """
            SELECT * FROM (
                SELECT DISTINCT ON (channel.name) message.id, channel.name AS channel, message.state, message.last_error AS error
                FROM message JOIN channel ON channel.id = message.channel_id
                WHERE message.account_id = %s AND message.cause_id = %s AND channel.kind = ANY(%s::text[])
                ORDER BY channel.name, message.id DESC
            ) last WHERE state <> 'delivered'
            """,
            (account_id, cause_id, list(kinds)),
        )
        return await cursor.fetchall()


async def begin_ticket(
    connection: Connection, account_id: int, channel_id: UUID, cause_id: int, now: datetime
) -> int | None:
    """Have a channel told of what a cause brought and what still stands; answers the message's number, None where there is nothing of it
    that the channel was not told already."""
    await lock_routing(connection, account_id)
    values = {"account": account_id, "channel": channel_id, "cause": cause_id, "now": now, "most": int(_MOST)}
    cursor = await connection.execute(
        """
        INSERT INTO message (account_id, channel_id, cause_id, part, form, state, due_at, sealed_at)
        SELECT %(account)s, %(channel)s, %(cause)s, coalesce(max(part), 0) + 1, 'group', 'waiting', %(now)s, %(now)s FROM message
        WHERE account_id = %(account)s AND channel_id = %(channel)s AND cause_id = %(cause)s AND form = 'group' RETURNING id
        """,
        values,
    )
    row = await cursor.fetchone()
    number = int(row[0]) if row else 0
    cursor = await connection.execute(
        """
        INSERT INTO message_item (account_id, channel_id, transition_id, message_id)
        SELECT %(account)s, %(channel)s, max(told.id), %(message)s FROM (
            SELECT id, kind, image_id, policy_id, environment FROM transition
            WHERE account_id = %(account)s AND cause_id = %(cause)s ORDER BY id DESC LIMIT %(most)s
        ) told JOIN verdict now ON now.account_id = %(account)s AND now.image_id = told.image_id AND now.policy_id = told.policy_id
            AND now.environment = told.environment AND NOT now.is_shadow AND now.verdict IN ('stop', 'unknown')
        WHERE told.kind = ANY(%(opening)s) GROUP BY told.image_id, told.policy_id, told.environment ORDER BY 3 ON CONFLICT DO NOTHING
        """,
        {**values, "message": number, "opening": list(OPENING)},
    )
    if not cursor.rowcount:
        await connection.execute("DELETE FROM message WHERE account_id = %s AND id = %s", (account_id, number))
        return None
    await connection.execute("UPDATE message SET item_count = %s WHERE id = %s", (cursor.rowcount, number))
    await want_delivery(connection, [str(channel_id)])
    return number
