"""Silences: what nobody is told about for a time, who asked for that, and why."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection


class NewSilence(msgspec.Struct, frozen=True, kw_only=True):
    """What is silenced: wildcards on references (several with commas between), kinds (none: all), wildcards on the cause's subject."""

    selector: str
    kinds: tuple[str, ...]
    subject: str
    owner: str
    reason: str
    starts_at: datetime
    ends_at: datetime


class SilenceRow(NewSilence, frozen=True, kw_only=True):
    """A silence that is kept. `ended_at`: it was ended by hand, before its time."""

    id: UUID
    created_by: str
    created_at: datetime
    ended_at: datetime | None


_COLUMNS = "id, selector, kinds, subject, owner, reason, starts_at, ends_at, created_by, created_at, ended_at"


async def add_silence(
    connection: Connection, account_id: int, wanted: NewSilence, by: str, now: datetime
) -> SilenceRow:
    """Keep a new one."""
    async with connection.cursor(row_factory=class_row(SilenceRow)) as cursor:
        await cursor.execute(
            f"""
            INSERT INTO silence (account_id, selector, kinds, subject, owner, reason, starts_at, ends_at, created_by, created_at)
            VALUES (%s, %s, %s::text[], %s, %s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}
            """,
            (
                account_id,
                wanted.selector,
                list(wanted.kinds),
                wanted.subject,
                wanted.owner,
                wanted.reason,
                wanted.starts_at,
                wanted.ends_at,
                by,
                now,
            ),
        )
        row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - an INSERT … RETURNING answers
    return row


async def silence_by_id(connection: Connection, account_id: int, key: UUID) -> SilenceRow | None:
    """One by its id."""
    async with connection.cursor(row_factory=class_row(SilenceRow)) as cursor:
        await cursor.execute(f"SELECT {_COLUMNS} FROM silence WHERE account_id = %s AND id = %s", (account_id, key))
        return await cursor.fetchone()


async def end_silence(connection: Connection, account_id: int, key: UUID, now: datetime) -> bool:
    """End a silence that has not ended; False if there is none."""
    cursor = await connection.execute(
        "UPDATE silence SET ended_at = %(now)s WHERE account_id = %(account)s AND id = %(key)s AND ended_at IS NULL"
        " AND ends_at > %(now)s",
        {"account": account_id, "key": key, "now": now},
    )
    return cursor.rowcount == 1


async def list_silences(
    connection: Connection, account_id: int, now: datetime, *, ended: bool, after: UUID | None, limit: int
) -> list[SilenceRow]:
    """Silences by id, after one, that count now or will; `ended`: also those that no longer do."""
    async with connection.cursor(row_factory=class_row(SilenceRow)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_COLUMNS} FROM silence WHERE account_id = %(account)s AND (%(after)s::uuid IS NULL OR id > %(after)s)
                AND (%(ended)s OR (ended_at IS NULL AND ends_at > %(now)s))
            ORDER BY id LIMIT %(limit)s
            """,
            {"account": account_id, "now": now, "ended": ended, "after": after, "limit": limit},
        )
        return await cursor.fetchall()


async def silences_between(
    connection: Connection, account_id: int, since: datetime, until: datetime
) -> list[SilenceRow]:
    """Those that counted at some moment from `since` up to `until`, the oldest first."""
    async with connection.cursor(row_factory=class_row(SilenceRow)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_COLUMNS} FROM silence WHERE account_id = %(account)s AND starts_at <= %(until)s AND ends_at > %(since)s
                AND (ended_at IS NULL OR (ended_at > %(since)s AND ended_at > starts_at))
            ORDER BY created_at, id
            """,
            {"account": account_id, "since": since, "until": until},
        )
        return await cursor.fetchall()
