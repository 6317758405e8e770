"""Messages: what one cause led to, for one channel, until it has arrived."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from psycopg.rows import args_row, class_row

from hullmark.server.tables.database import Connection
from hullmark.server.tables.notice.transitions import TRANSITION, TransitionRow

State = Literal["gathering", "waiting", "delivered", "dead"]
STATES: tuple[State, ...] = ("gathering", "waiting", "delivered", "dead")


class MessageRow(msgspec.Struct, frozen=True, kw_only=True):
    """A message. `key` is the id that its receiver knows it by; `channel` and `subscription` are names."""

    id: int
    account_id: int
    channel_id: UUID
    channel: str
    subscription: str
    cause_id: int | None
    part: int
    form: Literal["group", "digest", "test"]
    key: UUID
    state: State
    item_count: int
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


class MessageFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which messages: what is "" or None is not asked for. Times are those of the beginning."""

    channel: str = ""
    state: str = ""
    since: datetime | None = None
    before: datetime | None = None
    cause_id: int | None = None


_SELECT = """
    SELECT message.id, message.account_id, message.channel_id, channel.name AS channel, coalesce(subscription.name, '') AS subscription,
        message.cause_id, message.part, message.form, message.key, message.state, message.item_count, message.opened_at, message.due_at,
        message.sealed_at, message.resent_at, message.attempts, message.next_at, message.delivered_at, message.last_status,
        message.last_error, message.remote
    FROM message JOIN channel ON channel.id = message.channel_id
        LEFT JOIN subscription ON subscription.id = message.subscription_id
"""


async def messages(
    connection: Connection, account_id: int, wanted: MessageFilter, *, below: int | None, limit: int
) -> list[MessageRow]:
    """An account's messages below a number, the newest first."""
    async with connection.cursor(row_factory=class_row(MessageRow)) as cursor:
        await cursor.execute(
            f"""
            {_SELECT} WHERE message.account_id = %(account)s AND (%(below)s::bigint IS NULL OR message.id < %(below)s)
                AND (%(channel)s = '' OR channel.name = %(channel)s) AND (%(state)s = '' OR message.state = %(state)s)
                AND (%(since)s::timestamptz IS NULL OR message.opened_at >= %(since)s)
                AND (%(before)s::timestamptz IS NULL OR message.opened_at < %(before)s)
                AND (%(cause)s::bigint IS NULL OR message.cause_id = %(cause)s)
            ORDER BY message.id DESC LIMIT %(limit)s
            """,
            {
                "account": account_id,
                "below": below,
                "channel": wanted.channel,
                "state": wanted.state,
                "since": wanted.since,
                "before": wanted.before,
                "cause": wanted.cause_id,
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def message(connection: Connection, account_id: int, number: int) -> MessageRow | None:
    """A message by its number."""
    async with connection.cursor(row_factory=class_row(MessageRow)) as cursor:
        await cursor.execute(f"{_SELECT} WHERE message.account_id = %s AND message.id = %s", (account_id, number))
        return await cursor.fetchone()


async def first_waiting(connection: Connection, channel_id: UUID) -> MessageRow | None:
    """The message that is next to be sent to a channel."""
    async with connection.cursor(row_factory=class_row(MessageRow)) as cursor:
        await cursor.execute(
            f"{_SELECT} WHERE message.channel_id = %s AND message.state = 'waiting' ORDER BY message.id LIMIT 1",
            (channel_id,),
        )
        return await cursor.fetchone()


async def seal_due(connection: Connection, channel_id: UUID, now: datetime) -> int:
    """What is due to a channel gathers no longer; nor does what began to gather before it, so that an image's news keep their order.

    Digests gather by themselves, and what quiet hours hold. Returns how many there were.
    """
    cursor = await connection.execute(
        """
        UPDATE message SET state = 'waiting', sealed_at = %(now)s
        WHERE channel_id = %(channel)s AND state = 'gathering'
            AND (due_at <= %(now)s OR form <> 'digest' AND NOT is_held AND id <= (SELECT max(due.id) FROM message due
                WHERE due.channel_id = %(channel)s AND due.state = 'gathering' AND due.form <> 'digest' AND due.due_at <= %(now)s))
        RETURNING id
        """,
        {"channel": channel_id, "now": now},
    )
    numbers = [row[0] for row in await cursor.fetchall()]
    # Only now is seen what was put in by those who were waited for.
    await connection.execute(
        """
        UPDATE message SET item_count = (SELECT count(*) FROM message_item item WHERE item.message_id = message.id)
        WHERE id = ANY(%s::bigint[])
        """,
        (numbers,),
    )
    return len(numbers)


async def items(
    connection: Connection, account_id: int, number: int, *, after: int = 0, limit: int
) -> list[TransitionRow]:
    """The items of a message in order, after a number."""
    async with connection.cursor(row_factory=class_row(TransitionRow)) as cursor:
        await cursor.execute(
            f"""
            SELECT {TRANSITION} FROM message_item item JOIN transition ON transition.id = item.transition_id
            WHERE item.account_id = %s AND item.message_id = %s AND item.transition_id > %s ORDER BY item.transition_id LIMIT %s
            """,
            (account_id, number, after, limit),
        )
        return await cursor.fetchall()


async def most_urgent(
    connection: Connection, number: int, kinds: list[str], limit: int, cause_id: int | None = None
) -> list[TransitionRow]:
    """The most urgent kind in a message, or in its items of one cause. `kinds` are all, the most urgent first."""
    async with connection.cursor(row_factory=class_row(TransitionRow)) as cursor:
        await cursor.execute(
            f"""
            SELECT {TRANSITION} FROM message_item item JOIN transition ON transition.id = item.transition_id
            WHERE item.message_id = %s AND (%s::bigint IS NULL OR transition.cause_id = %s)
            ORDER BY transition.severity DESC, transition.is_deployed DESC, array_position(%s::text[], transition.kind), transition.id
            LIMIT %s
            """,
            (number, cause_id, cause_id, kinds, limit),
        )
        return await cursor.fetchall()


class Group(msgspec.Struct, frozen=True):
    """A message's items of one cause: how many of each kind, and the highest severity."""

    cause_id: int
    kind: str
    count: int
    severity: int


async def groups(connection: Connection, number: int) -> list[Group]:
    """All items of a message, counted by cause and kind; the most severe causes first. A tag that moved is one, whatever it leads to."""
    async with connection.cursor(row_factory=args_row(Group)) as cursor:
        await cursor.execute(
            """
            SELECT cause_id, kind, CASE kind WHEN 'tag.moved' THEN count(DISTINCT about) ELSE count(*) END, max(severity) FROM (
                SELECT transition.cause_id, transition.kind, (transition.reference, transition.image_digest) AS about,
                    greatest(transition.severity, cause.severity) AS severity
                FROM message_item item JOIN transition ON transition.id = item.transition_id JOIN cause ON cause.id = transition.cause_id
                WHERE item.message_id = %s) told
            GROUP BY 1, 2 ORDER BY max(max(severity)) OVER (PARTITION BY cause_id) DESC, cause_id, kind
            """,
            (number,),
        )
        return await cursor.fetchall()


async def send_again(connection: Connection, account_id: int, number: int, now: datetime) -> bool:
    """A message that arrived or was given up waits once more, in its old place; False if it is in neither state."""
    cursor = await connection.execute(
        """
        UPDATE message SET state = 'waiting', attempts = 0, reached = 0, resent_at = %s, last_error = '', next_at = NULL
        WHERE account_id = %s AND id = %s AND state IN ('delivered', 'dead') AND form <> 'test'
        """,
        (now, account_id, number),
    )
    return cursor.rowcount == 1


async def replay(
    connection: Connection,
    channel_id: UUID,
    *,
    since: datetime,
    until: datetime | None,
    states: list[str],
    now: datetime,
) -> int:
    """Have a channel's messages that were sealed in a time sent once more; returns how many there are."""
    cursor = await connection.execute(
        """
        UPDATE message SET state = 'waiting', attempts = 0, reached = 0, resent_at = %(now)s, last_error = '', next_at = NULL
        WHERE channel_id = %(channel)s AND state = ANY(%(states)s::text[]) AND form <> 'test' AND sealed_at >= %(since)s
            AND (%(until)s::timestamptz IS NULL OR sealed_at < %(until)s)
        """,
        {"now": now, "channel": channel_id, "states": states, "since": since, "until": until},
    )
    return cursor.rowcount


async def by_state(connection: Connection, since: datetime) -> dict[str, int]:
    """How many messages there are in each state; of those that arrived or were given up, only those sealed since a moment."""
    cursor = await connection.execute(
        """
        SELECT state, count(*) FROM message WHERE state IN ('gathering', 'waiting') GROUP BY 1
        UNION ALL SELECT state, count(*) FROM message WHERE state IN ('delivered', 'dead') AND sealed_at >= %s GROUP BY 1
        """,
        (since,),
    )
    return dict.fromkeys(STATES, 0) | {str(state): int(count) for state, count in await cursor.fetchall()}
