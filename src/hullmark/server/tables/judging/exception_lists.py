"""Exceptions as people look them up: by when they end, who answers for them, and whether they cover anything."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection
from hullmark.server.tables.judging.policies import ExceptionRow

Standing = Literal["current", "unused", "over"]
"""Exceptions that count; those that never covered anything; those that have ended."""

_ROW = "id, body, owner, reason, expires_at, created_by, created_at, ended_at, used_at"
_STANDING: dict[Standing, str] = {
    "current": "ended_at IS NULL AND (expires_at IS NULL OR expires_at > %(now)s)",
    "unused": "ended_at IS NULL AND (expires_at IS NULL OR expires_at > %(now)s) AND used_at IS NULL",
    "over": "(ended_at IS NOT NULL OR expires_at <= %(now)s)",
}
_NOTED_EVERY = timedelta(hours=1)
_MOST_SUMMED = 10_000


class ListedException(ExceptionRow, frozen=True, kw_only=True):
    """An exception, and when a verdict was made last in which it covered a finding (None: never)."""

    used_at: datetime | None


class ExceptionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """How many exceptions count, how many of these never covered anything, and how many end within a week."""

    current: int
    unused: int
    within_week: int


async def note_used(connection: Connection, account_id: int, keys: Iterable[UUID], at: datetime) -> None:
    """Exceptions cover something at a moment; it is written down once an hour."""
    wanted = sorted(set(keys))
    if wanted:
        await connection.execute(
            "UPDATE exception SET used_at = %(at)s WHERE id = ANY(ARRAY(SELECT id FROM exception WHERE account_id = %(account)s"
            " AND id = ANY(%(keys)s) AND (used_at IS NULL OR used_at < %(before)s) ORDER BY id FOR UPDATE SKIP LOCKED))",
            {"at": at, "account": account_id, "keys": wanted, "before": at - _NOTED_EVERY},
        )


async def list_exceptions(
    connection: Connection,
    account_id: int,
    standing: Standing,
    now: datetime,
    *,
    after: tuple[datetime | None, UUID] | None = None,
    limit: int,
) -> list[ListedException]:
    """Exceptions by their end, what ends first before the rest; those that are over the other way round."""
    order, beyond = ("DESC", "<") if standing == "over" else ("ASC", ">")
    end = "coalesce(expires_at, 'infinity')"
    async with connection.cursor(row_factory=class_row(ListedException)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_ROW} FROM exception WHERE account_id = %(account)s AND {_STANDING[standing]}
                AND (%(key)s::uuid IS NULL OR ({end}, id) {beyond} (coalesce(%(end)s::timestamptz, 'infinity'), %(key)s::uuid))
            ORDER BY {end} {order}, id {order} LIMIT %(limit)s
            """,
            {
                "account": account_id,
                "now": now,
                "end": after[0] if after else None,
                "key": after[1] if after else None,
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def exception_of(connection: Connection, account_id: int, key: UUID) -> ListedException | None:
    """An exception by its id."""
    async with connection.cursor(row_factory=class_row(ListedException)) as cursor:
        await cursor.execute(f"SELECT {_ROW} FROM exception WHERE account_id = %s AND id = %s", (account_id, key))
        return await cursor.fetchone()


async def sum_exceptions(connection: Connection, account_id: int, now: datetime) -> ExceptionSummary:
    """The numbers of those that count; where there are ten thousand and more, of the ten thousand that end first."""
    async with connection.cursor(row_factory=class_row(ExceptionSummary)) as cursor:
        await cursor.execute(
            f"""
            SELECT count(*) AS current, count(*) FILTER (WHERE used_at IS NULL) AS unused,
                count(*) FILTER (WHERE expires_at <= %(week)s) AS within_week
            FROM (SELECT used_at, expires_at FROM exception WHERE account_id = %(account)s AND {_STANDING["current"]}
                ORDER BY expires_at LIMIT %(most)s) AS first
            """,
            {"account": account_id, "now": now, "week": now + timedelta(days=7), "most": _MOST_SUMMED},
        )
        found = await cursor.fetchone()
    assert found is not None  # noqa: S101 - a count is always one row
    return found


async def count_ends(connection: Connection, account_id: int, now: datetime, until: datetime) -> dict[date, int]:
    """How many exceptions that count end on which day (UTC), until a moment."""
    cursor = await connection.execute(
        f"""
        SELECT (expires_at AT TIME ZONE 'UTC')::date, count(*) FROM exception
        WHERE account_id = %(account)s AND {_STANDING["current"]} AND expires_at < %(until)s GROUP BY 1
        """,
        {"account": account_id, "now": now, "until": until},
    )
    return {day: int(number) for day, number in await cursor.fetchall()}
