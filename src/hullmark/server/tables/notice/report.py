"""The numbers of a day: what was seen, the result, and who was told. Each is counted from the rows themselves, by itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any, LiteralString

import msgspec
from psycopg.rows import class_row, dict_row

from hullmark.server.tables.database import Connection


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """The transitions of a time, counted in ways that have nothing to do with each other.

    `items`: how often one was put into a message; `heard`: how many are in one; `unheard_told`: told, and in none; `heard_suppressed`:
    suppressed, and in one. `silent`: suppressed, without a reason.
    """

    count: int
    images: int
    routed: int
    waiting: int
    heard: int
    items: int
    unheard_told: int
    heard_suppressed: int
    silent: int


class OutcomeCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many transitions of a kind have an outcome ("": none yet), for a reason."""

    kind: str
    outcome: str
    why: str
    count: int


class SentMessages(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of a channel that began in a time, by their state now; `items` as they say themselves, `held` as there are rows."""

    channel: str
    form: str
    state: str
    count: int
    items: int
    held: int
    without_attempt: int


class KnownCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What became known in a time: snapshots of advisories that were published, and how many of these were matched with; packages of the
    account in which their policies find something else since; causes by kind."""

    snapshots: int
    adopted: int
    packages: int
    causes: dict[str, int]


_RANGE: LiteralString = "t.account_id = %(account)s AND t.at >= %(since)s AND t.at < %(until)s"


async def totals(connection: Connection, values: dict[str, Any]) -> Totals:
    """The transitions of a time. `values`: account, since, until."""
    async with connection.cursor(row_factory=class_row(Totals)) as cursor:
        await cursor.execute(
            f"""
            SELECT (SELECT count(*) FROM transition t WHERE {_RANGE}) AS count,
                (SELECT count(DISTINCT t.image_id) FROM transition t WHERE {_RANGE}) AS images,
                (SELECT count(t.routed_at) FROM transition t WHERE {_RANGE}) AS routed,
                (SELECT count(*) FROM transition t WHERE {_RANGE} AND t.routed_at IS NULL) AS waiting,
                count(*) FILTER (WHERE told.items > 0) AS heard, coalesce(sum(told.items), 0)::bigint AS items,
                count(*) FILTER (WHERE told.outcome = 'told' AND told.items = 0) AS unheard_told,
                count(*) FILTER (WHERE told.outcome = 'suppressed' AND told.items > 0) AS heard_suppressed,
                count(*) FILTER (WHERE told.outcome = 'suppressed' AND told.why = '') AS silent
            FROM (SELECT t.outcome, t.why, count(item.message_id) AS items
                FROM transition t LEFT JOIN message_item item ON item.transition_id = t.id WHERE {_RANGE} GROUP BY t.id) told
            """,
            values,
        )
        row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - a count answers
    return row


async def outcomes(connection: Connection, values: dict[str, Any]) -> list[OutcomeCount]:
    """The transitions of a time by kind, outcome and reason."""
    async with connection.cursor(row_factory=class_row(OutcomeCount)) as cursor:
        await cursor.execute(
            f"SELECT t.kind, t.outcome, t.why, count(*) AS count FROM transition t WHERE {_RANGE} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            values,
        )
        return await cursor.fetchall()


async def items_by_state(connection: Connection, values: dict[str, Any]) -> dict[str, int]:
    """How often a transition of a time was put into a message, by the state that the message is in."""
    cursor = await connection.execute(
        f"""
        SELECT message.state, count(*) FROM message JOIN message_item item ON item.message_id = message.id
        JOIN transition t ON t.id = item.transition_id WHERE {_RANGE} GROUP BY 1 ORDER BY 1
        """,
        values,
    )
    return {str(state): int(count) for state, count in await cursor.fetchall()}


async def list_sent_messages(connection: Connection, values: dict[str, Any]) -> list[SentMessages]:
    """The messages that began in a time."""
    async with connection.cursor(row_factory=class_row(SentMessages)) as cursor:
        await cursor.execute(
            """
            SELECT channel.name AS channel, t.form, t.state, count(*) AS count, sum(t.item_count)::bigint AS items,
                sum((SELECT count(*) FROM message_item item WHERE item.message_id = t.id))::bigint AS held,
                count(*) FILTER (WHERE t.state = 'delivered' AND NOT EXISTS (SELECT FROM delivery_attempt attempt
                    WHERE attempt.message_id = t.id AND attempt.outcome = 'delivered')) AS without_attempt
            FROM message t JOIN channel ON channel.id = t.channel_id
            WHERE t.account_id = %(account)s AND t.opened_at >= %(since)s AND t.opened_at < %(until)s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
            """,
            values,
        )
        return await cursor.fetchall()


async def attempts(connection: Connection, values: dict[str, Any]) -> dict[str, int]:
    """The attempts of a time to deliver, by outcome."""
    cursor = await connection.execute(
        f"SELECT t.outcome, count(*) FROM delivery_attempt t WHERE {_RANGE} GROUP BY 1 ORDER BY 1", values
    )
    return {str(outcome): int(count) for outcome, count in await cursor.fetchall()}


async def count_known(connection: Connection, values: dict[str, Any]) -> KnownCounts:
    """What became known in a time."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            """
            WITH fresh AS (SELECT id, adopted_at FROM snapshot WHERE added_at >= %(since)s AND added_at < %(until)s)
            SELECT (SELECT count(*) FROM fresh) AS snapshots, (SELECT count(adopted_at) FROM fresh) AS adopted,
                (SELECT count(DISTINCT change.package_id) FROM finding_change change JOIN fresh ON fresh.id = change.snapshot_id
                    WHERE change.account_id = %(account)s) AS packages,
                (SELECT coalesce(jsonb_object_agg(kind, count), '{}') FROM (SELECT kind, count(*) AS count FROM cause
                    WHERE account_id = %(account)s AND seen_at >= %(since)s AND seen_at < %(until)s GROUP BY 1) by_kind) AS causes
            """,
            values,
        )
        row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - a count answers
    return KnownCounts(**row)


async def removed_channels(connection: Connection, account_id: int, since: datetime) -> int:
    """How many channels were removed since a moment, as the audit log has it: their messages went with them."""
    cursor = await connection.execute(
        "SELECT count(*) FROM audit WHERE account_id = %s AND action = 'channel.delete' AND at >= %s",
        (account_id, since),
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0
