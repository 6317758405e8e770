"""Collectors: who tells what runs in a cluster or on a host, and which of its reports were taken."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection

_KEPT = 256
"""So many reports of a collector are known again."""


class CollectorRow(msgspec.Struct, frozen=True, kw_only=True):
    """A collector. `sequence` is its last report; `list` the whole list whose parts come now ("": none); `listed_at` as of when the last
    whole list was (None: there was none yet); `places` how many of what it tells run now; `ended_at` when somebody said that it is no more;
    `silent_since` since when it has been known that it says nothing any more (None: it does); `key_id` the API key that reports for it
    (None: none that is held to it).
    """

    id: int
    platform: str
    name: str
    sequence: int
    list: str
    listed_at: datetime | None
    reported_at: datetime
    places: int
    ended_at: datetime | None
    created_at: datetime
    silent_since: datetime | None
    key_id: int | None


_COLUMNS = (
    "id, platform, name, sequence, list, listed_at, reported_at, places, ended_at, created_at, silent_since, key_id"
)


async def lock(connection: Connection, account_id: int, platform: str, name: str, now: datetime) -> CollectorRow:
    """A collector, which is known from now on; others who report for it wait until this transaction ends. Nothing that places share is
    forgotten meanwhile (retention.forget_unnamed)."""
    await connection.execute("LOCK TABLE placement IN ROW EXCLUSIVE MODE")
    query = f"SELECT {_COLUMNS} FROM collector WHERE account_id = %s AND platform = %s AND name = %s FOR UPDATE"
    async with connection.cursor(row_factory=class_row(CollectorRow)) as cursor:
        await cursor.execute(query, (account_id, platform, name))
        row = await cursor.fetchone()
        if row is None:
            await cursor.execute(
                "INSERT INTO collector (account_id, platform, name, reported_at) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (account_id, platform, name, now),
            )
            await cursor.execute(query, (account_id, platform, name))
            row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - it was just made
    return row


async def good_key(connection: Connection, account_id: int, key_id: int, now: datetime) -> str:
    """The name of an API key that may still be used; "" if it may not."""
    cursor = await connection.execute(
        """
        SELECT name FROM api_key WHERE id = %s AND account_id = %s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > %s)
        """,
        (key_id, account_id, now),
    )
    row = await cursor.fetchone()
    return str(row[0]) if row else ""


async def report_digest(connection: Connection, collector_id: int, sequence: int) -> bytes | None:
    """The digest of a report that was taken; None if none with this number was, or long ago."""
    cursor = await connection.execute(
        "SELECT digest FROM collector_report WHERE collector_id = %s AND sequence = %s", (collector_id, sequence)
    )
    row = await cursor.fetchone()
    return bytes(row[0]) if row else None


class ReportNote(msgspec.Struct, frozen=True, kw_only=True):
    """What is noted of a report: its place in the row of reports, which list is open after it, how many places it brought (less those
    that it ended), and the key of who reported (None: of somebody who is not held to a collector)."""

    sequence: int
    digest: bytes
    list: str
    listed_at: datetime | None
    places: int
    now: datetime
    key_id: int | None


async def note_report(connection: Connection, account_id: int, collector_id: int, note: ReportNote) -> None:
    """Note that a report was taken."""
    await connection.execute(
        """
        UPDATE collector SET sequence = %(sequence)s, list = %(list)s, listed_at = %(listed_at)s, reported_at = %(now)s, ended_at = NULL,
            places = places + %(places)s, key_id = coalesce(%(key_id)s, key_id)
        WHERE id = %(id)s AND account_id = %(account)s
        """,
        {**msgspec.structs.asdict(note), "id": collector_id, "account": account_id},
    )
    await connection.execute(
        "INSERT INTO collector_report (account_id, collector_id, sequence, digest) VALUES (%s, %s, %s, %s)",
        (account_id, collector_id, note.sequence, note.digest),
    )
    await connection.execute(
        """
        DELETE FROM collector_report WHERE collector_id = %(id)s AND sequence <= (SELECT sequence FROM collector_report
            WHERE collector_id = %(id)s ORDER BY sequence DESC OFFSET %(kept)s LIMIT 1)
        """,
        {"id": collector_id, "kept": _KEPT},
    )


async def add_part(
    connection: Connection, account_id: int, collector_id: int, sequence: int, container_ids: Sequence[str]
) -> None:
    """Note what a part of a whole list names."""
    if container_ids:
        await connection.execute(
            "INSERT INTO listed_part (account_id, collector_id, sequence, container_ids) VALUES (%s, %s, %s, %s::text[])",
            (account_id, collector_id, sequence, list(container_ids)),
        )


async def forget_parts(connection: Connection, account_id: int, collector_id: int) -> None:
    """Forget what parts of a list named."""
    await connection.execute(
        "DELETE FROM listed_part WHERE account_id = %s AND collector_id = %s", (account_id, collector_id)
    )


async def list_collectors(
    connection: Connection, account_id: int, after: tuple[str, str] | None, limit: int
) -> list[CollectorRow]:
    """Collectors by name and platform, after one."""
    name, platform = after or ("", "")
    async with connection.cursor(row_factory=class_row(CollectorRow)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM collector WHERE account_id = %s AND (name, platform) > (%s, %s) ORDER BY name, platform LIMIT %s",
            (account_id, name, platform, limit),
        )
        return await cursor.fetchall()


async def end(connection: Connection, account_id: int, platform: str, name: str, now: datetime) -> CollectorRow | None:
    """Note that a collector is no more: nothing runs where it looked, and its next report is a new beginning, whoever's key and whatever
    number it has. None if there is none."""
    async with connection.cursor(row_factory=class_row(CollectorRow)) as cursor:
        await cursor.execute(
            f"""
            UPDATE collector SET ended_at = %s, sequence = 0, list = '', listed_at = NULL, places = 0, silent_since = NULL, key_id = NULL
            WHERE account_id = %s AND platform = %s AND name = %s
            RETURNING {_COLUMNS}
            """,
            (now, account_id, platform, name),
        )
        row = await cursor.fetchone()
    if row is not None:
        await forget_parts(connection, account_id, row.id)
        await connection.execute("DELETE FROM collector_report WHERE collector_id = %s", (row.id,))
        await connection.execute("DELETE FROM running_container WHERE collector_id = %s", (row.id,))
        await connection.execute(
            "UPDATE placement SET until = greatest(since, %s) WHERE collector_id = %s AND until IS NULL", (now, row.id)
        )
    return row
