"""Collectors that have said nothing for longer than their account allows."""

from __future__ import annotations

from datetime import datetime

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection


class SilentCollector(msgspec.Struct, frozen=True, kw_only=True):
    """A collector that went silent: when it was last heard of, and how many places of what it told run as far as anybody knows."""

    id: int
    account_id: int
    platform: str
    name: str
    reported_at: datetime
    places: int


async def note_silent(
    connection: Connection, now: datetime, listening_since: datetime, limit: int
) -> list[SilentCollector]:
    """Note which collectors have gone silent, by account and name. Before `listening_since` nobody could be heard."""
    async with connection.cursor(row_factory=class_row(SilentCollector)) as cursor:
        await cursor.execute(
            """
            WITH silent AS (
                SELECT collector.id FROM collector
                LEFT JOIN place_setting said ON said.account_id = collector.account_id
                CROSS JOIN LATERAL (SELECT coalesce(said.silent_after, 3600) AS seconds) allowed
                WHERE collector.ended_at IS NULL AND collector.silent_since IS NULL AND allowed.seconds > 0
                    AND greatest(collector.reported_at, %(listening)s::timestamptz)
                        < %(now)s::timestamptz - make_interval(secs => allowed.seconds)
                ORDER BY collector.id LIMIT %(limit)s FOR UPDATE OF collector SKIP LOCKED
            ), noted AS (
                UPDATE collector SET silent_since = %(now)s FROM silent WHERE collector.id = silent.id
                RETURNING collector.id, collector.account_id, platform, name, reported_at, places
            )
            SELECT * FROM noted ORDER BY account_id, name, platform
            """,
            {"now": now, "listening": listening_since, "limit": limit},
        )
        return await cursor.fetchall()


async def note_heard(connection: Connection, account_id: int, collector_id: int) -> datetime | None:
    """Note that a collector is heard again; since when it was silent (None: it was not)."""
    cursor = await connection.execute(
        """
        UPDATE collector SET silent_since = NULL FROM (SELECT id, silent_since FROM collector WHERE id = %s AND account_id = %s) before
        WHERE collector.id = before.id AND before.silent_since IS NOT NULL RETURNING before.silent_since
        """,
        (collector_id, account_id),
    )
    row = await cursor.fetchone()
    return row[0] if row is not None else None
