"""Transitions as people look them up: by what they are about, by their cause, and what happened to them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection
from hullmark.server.tables.notice.decisions import like
from hullmark.server.tables.notice.transitions import TRANSITION, TransitionRow

PENDING = "pending"
"""The filter for transitions that are not routed yet."""


class TransitionFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which transitions: what is "" or None is not asked for. `kind` and `reference` may have wildcards; `image` is any digest of an image
    that is held."""

    kind: str = ""
    image: str = ""
    reference: str = ""
    environment: str = ""
    cause: int | None = None
    outcome: str = ""
    since: datetime | None = None
    before: datetime | None = None


async def list_transitions(
    connection: Connection, account_id: int, wanted: TransitionFilter, *, below: int | None, limit: int
) -> list[TransitionRow]:
    """Transitions below a number, the newest first."""
    async with connection.cursor(row_factory=class_row(TransitionRow)) as cursor:
        await cursor.execute(
            f"""
            SELECT {TRANSITION} FROM transition WHERE account_id = %(account)s AND (%(below)s::bigint IS NULL OR id < %(below)s)
                AND (%(kind)s = '' OR kind LIKE %(kind_like)s) AND (%(reference)s = '' OR reference LIKE %(reference_like)s)
                AND (%(environment)s = '' OR environment = %(environment)s)
                AND (%(image)s = '' OR image_id = ANY(ARRAY(SELECT image_id FROM image_alias WHERE digest = %(image)s
                    UNION ALL SELECT id FROM image WHERE digest = %(image)s)))
                AND (%(cause)s::bigint IS NULL OR cause_id = %(cause)s)
                AND (%(outcome)s = '' OR outcome = CASE %(outcome)s WHEN %(pending)s THEN '' ELSE %(outcome)s END)
                AND (%(since)s::timestamptz IS NULL OR at >= %(since)s) AND (%(before)s::timestamptz IS NULL OR at < %(before)s)
            ORDER BY id DESC LIMIT %(limit)s
            """,
            {
                "account": account_id,
                "below": below,
                "kind": wanted.kind,
                "kind_like": like(wanted.kind),
                "reference": wanted.reference,
                "reference_like": like(wanted.reference),
                "environment": wanted.environment,
                "image": wanted.image,
                "cause": wanted.cause,
                "outcome": wanted.outcome,
                "pending": PENDING,
                "since": wanted.since,
                "before": wanted.before,
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def newest(connection: Connection, account_id: int, count: int) -> list[tuple[int, datetime]]:
    """An account's newest transitions: number and moment."""
    cursor = await connection.execute(
        "SELECT id, at FROM transition WHERE account_id = %s ORDER BY id DESC LIMIT %s", (account_id, count)
    )
    return [(int(number), at) for number, at in await cursor.fetchall()]


async def by_numbers(connection: Connection, account_id: int, numbers: Sequence[int]) -> list[TransitionRow]:
    """Transitions by their numbers, the newest first."""
    async with connection.cursor(row_factory=class_row(TransitionRow)) as cursor:
        await cursor.execute(
            f"SELECT {TRANSITION} FROM transition WHERE account_id = %s AND id = ANY(%s::bigint[]) ORDER BY id DESC",
            (account_id, list(numbers)),
        )
        return await cursor.fetchall()


async def messages_with(connection: Connection, account_id: int, numbers: Sequence[int]) -> dict[int, list[int]]:
    """The messages of transitions, by the transitions' numbers."""
    cursor = await connection.execute(
        """
        SELECT transition_id, array_agg(message_id ORDER BY message_id) FROM message_item
        WHERE account_id = %s AND transition_id = ANY(%s::bigint[]) GROUP BY 1
        """,
        (account_id, list(numbers)),
    )
    return {int(number): list(messages) for number, messages in await cursor.fetchall()}


class CauseCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many transitions of a cause have a kind and an outcome."""

    kind: str
    outcome: str
    why: str
    count: int


class CauseMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message about a cause, and the number of its transitions in it."""

    id: int
    channel_id: UUID
    channel: str
    form: str
    part: int
    state: str
    count: int


async def count_cause(connection: Connection, account_id: int, cause_id: int) -> list[CauseCount]:
    """The transitions of a cause, counted."""
    async with connection.cursor(row_factory=class_row(CauseCount)) as cursor:
        await cursor.execute(
            "SELECT kind, outcome, why, count(*) AS count FROM transition WHERE account_id = %s AND cause_id = %s"
            " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            (account_id, cause_id),
        )
        return await cursor.fetchall()


async def messages_of_cause(connection: Connection, account_id: int, cause_id: int, limit: int) -> list[CauseMessage]:
    """The first messages about a cause."""
    async with connection.cursor(row_factory=class_row(CauseMessage)) as cursor:
        await cursor.execute(
            """
            SELECT message.id, message.channel_id, channel.name AS channel, message.form, message.part, message.state, told.count
            FROM (SELECT item.message_id, count(*) AS count FROM transition t JOIN message_item item ON item.transition_id = t.id
                WHERE t.account_id = %s AND t.cause_id = %s GROUP BY 1 ORDER BY 1 LIMIT %s) told
            JOIN message ON message.id = told.message_id JOIN channel ON channel.id = message.channel_id ORDER BY message.id
            """,
            (account_id, cause_id, limit),
        )
        return await cursor.fetchall()
