"""Channels: where messages go, and how they fare. What is secret in their settings is encrypted, in `secrets`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hullmark.server.tables.database import Connection
from hullmark.server.tables.notice.turns import DELIVERERS


class ChannelRow(msgspec.Struct, frozen=True, kw_only=True):
    """A channel. `failures` counts failed attempts since the last success."""

    id: UUID
    account_id: int
    name: str
    kind: str
    settings: dict[str, Any]
    secrets: bytes
    templates: dict[str, str]
    is_active: bool
    failures: int
    failing_since: datetime | None
    failing_told_at: datetime | None
    resume_at: datetime | None
    last_error: str
    created_by: str
    created_at: datetime
    updated_at: datetime


_COLUMNS = """id, account_id, name, kind, settings, secrets, templates, is_active, failures, failing_since, failing_told_at, resume_at,
    last_error, created_by, created_at, updated_at"""


async def channels(
    connection: Connection, account_id: int, *, after: str = "", limit: int | None = None
) -> list[ChannelRow]:
    """An account's channels by name, behind a name."""
    async with connection.cursor(row_factory=class_row(ChannelRow)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM channel WHERE account_id = %s AND name > %s ORDER BY name LIMIT %s",
            (account_id, after, limit),
        )
        return await cursor.fetchall()


async def channel_named(connection: Connection, account_id: int, name: str, *, lock: bool = False) -> ChannelRow | None:
    """A channel by its name; with `lock`, it is locked until the transaction ends."""
    async with connection.cursor(row_factory=class_row(ChannelRow)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM channel WHERE account_id = %s AND name = %s {'FOR UPDATE' if lock else ''}",
            (account_id, name),
        )
        return await cursor.fetchone()


async def channel(connection: Connection, channel_id: UUID) -> ChannelRow | None:
    """A channel by its id."""
    async with connection.cursor(row_factory=class_row(ChannelRow)) as cursor:
        await cursor.execute(f"SELECT {_COLUMNS} FROM channel WHERE id = %s", (channel_id,))
        return await cursor.fetchone()


async def add_channel(connection: Connection, row: ChannelRow) -> bool:
    """Keep a new channel; False if the account has one of this name."""
    cursor = await connection.execute(
        """
        INSERT INTO channel (id, account_id, name, kind, settings, secrets, templates, is_active, created_by, created_at, updated_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (account_id, name) DO NOTHING
        """,
        (
            row.id,
            row.account_id,
            row.name,
            row.kind,
            Jsonb(row.settings),
            row.secrets,
            Jsonb(row.templates),
            row.is_active,
            row.created_by,
            row.created_at,
            row.updated_at,
        ),
    )
    return cursor.rowcount == 1


async def count_channels(connection: Connection, account_id: int) -> int:
    """How many channels an account has."""
    cursor = await connection.execute("SELECT count(*) FROM channel WHERE account_id = %s", (account_id,))
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def change_channel(connection: Connection, row: ChannelRow) -> None:
    """Keep other settings, secrets and templates, and whether it is used; it is tried again at once."""
    await connection.execute(
        """
        UPDATE channel SET settings = %s, secrets = %s, templates = %s, is_active = %s, updated_at = %s, resume_at = NULL
        WHERE account_id = %s AND id = %s
        """,
        (
            Jsonb(row.settings),
            row.secrets,
            Jsonb(row.templates),
            row.is_active,
            row.updated_at,
            row.account_id,
            row.id,
        ),
    )


async def remove_channel(connection: Connection, account_id: int, name: str) -> bool:
    """Remove a channel with all its messages."""
    cursor = await connection.execute("DELETE FROM channel WHERE account_id = %s AND name = %s", (account_id, name))
    return cursor.rowcount == 1


async def resting(connection: Connection, channel_id: UUID, now: datetime, until: datetime, error: str) -> None:
    """An attempt failed: the next one is not made before `until`."""
    await connection.execute(
        """
        UPDATE channel SET failures = failures + 1, failing_since = coalesce(failing_since, %s), resume_at = %s, last_error = %s
        WHERE id = %s
        """,
        (now, until, error, channel_id),
    )


async def well(connection: Connection, channel_id: UUID) -> None:
    """A message arrived."""
    await connection.execute(
        """
        UPDATE channel SET failures = 0, failing_since = NULL, failing_told_at = NULL, resume_at = NULL, last_error = ''
        WHERE id = %s AND (failures > 0 OR resume_at IS NOT NULL OR failing_since IS NOT NULL)
        """,
        (channel_id,),
    )


async def to_wake(connection: Connection, now: datetime, limit: int) -> list[UUID]:
    """Channels that have something to send now and that no process serves."""
    cursor = await connection.execute(
        """
        SELECT channel.id FROM channel WHERE is_active AND (resume_at IS NULL OR resume_at <= %(now)s)
            AND EXISTS (SELECT FROM message WHERE message.channel_id = channel.id AND message.state IN ('gathering', 'waiting')
                AND (message.state = 'waiting' OR message.due_at <= %(now)s))
            AND (hashtext(channel.id::text)::bigint & 4294967295) NOT IN (
                SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND classid::bigint = %(class)s
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
        LIMIT %(limit)s
        """,
        {"now": now, "class": DELIVERERS, "limit": limit},
    )
    return [row[0] for row in await cursor.fetchall()]


async def long_failing(connection: Connection, since: datetime, now: datetime) -> list[ChannelRow]:
    """Channels without a success since before `since` that were not reported yet; now they are."""
    async with connection.cursor(row_factory=class_row(ChannelRow)) as cursor:
        await cursor.execute(
            f"""
            UPDATE channel SET failing_told_at = %s WHERE failing_since <= %s AND failing_told_at IS NULL AND is_active
            RETURNING {_COLUMNS}
            """,
            (now, since),
        )
        return await cursor.fetchall()


async def counts(connection: Connection, account_id: int) -> Mapping[UUID, tuple[int, int]]:
    """How many messages wait and are dead, by channel."""
    cursor = await connection.execute(
        """
        SELECT channel_id, count(*) FILTER (WHERE state IN ('gathering', 'waiting')), count(*) FILTER (WHERE state = 'dead')
        FROM message WHERE account_id = %s AND state <> 'delivered' GROUP BY 1
        """,
        (account_id,),
    )
    return {row[0]: (row[1], row[2]) for row in await cursor.fetchall()}


async def fares(connection: Connection) -> tuple[dict[str, int], int]:
    """How many channels are well, failing and off, and how many attempts failed since their last success."""
    cursor = await connection.execute(
        """
        SELECT count(*) FILTER (WHERE is_active AND failing_since IS NULL), count(*) FILTER (WHERE is_active AND failing_since IS NOT NULL),
            count(*) FILTER (WHERE NOT is_active), coalesce(sum(failures), 0) FROM channel
        """
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - an aggregate answers
    return {"well": row[0], "failing": row[1], "off": row[2]}, int(row[3])
