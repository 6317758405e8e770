"""Events by page numbers and by sets of kinds, and their removal: for clients that know no cursors."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection
from hullmark.server.tables.events import EventRow


class EventQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which events: of these kinds, of a level, about a resource or a reference, within times; what is "" or None is not asked for."""

    kinds: Sequence[str] | None = None
    level: str = ""
    about: str = ""
    since: datetime | None = None
    before: datetime | None = None


_WHERE = """account_id = %(account)s AND (%(kinds)s::text[] IS NULL OR kind = ANY(%(kinds)s::text[]))
    AND %(level)s IN ('', level) AND (%(about)s = '' OR resource = %(about)s OR body ->> 'reference' = %(about)s)
    AND (%(since)s::timestamptz IS NULL OR at >= %(since)s) AND (%(before)s::timestamptz IS NULL OR at < %(before)s)"""
_COLUMNS = "id, at, kind, level, resource_type, resource, body"


async def kinds_of(connection: Connection, account_id: int) -> list[str]:
    """The kinds of events that there are in an account."""
    cursor = await connection.execute("SELECT DISTINCT kind FROM event WHERE account_id = %s ORDER BY 1", (account_id,))
    return [str(kind) for (kind,) in await cursor.fetchall()]


async def event_page(
    connection: Connection, account_id: int, wanted: EventQuery, skip: int, limit: int
) -> list[EventRow]:
    """Events, the newest first, after `skip` of them."""
    async with connection.cursor(row_factory=class_row(EventRow)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM event WHERE {_WHERE} ORDER BY id DESC OFFSET %(skip)s LIMIT %(limit)s",
            {**_values(account_id, wanted), "skip": skip, "limit": limit},
        )
        return await cursor.fetchall()


async def event_by_id(connection: Connection, account_id: int, number: int) -> EventRow | None:
    """An event by its number."""
    async with connection.cursor(row_factory=class_row(EventRow)) as cursor:
        await cursor.execute(f"SELECT {_COLUMNS} FROM event WHERE account_id = %s AND id = %s", (account_id, number))
        return await cursor.fetchone()


async def delete_events(
    connection: Connection, account_id: int, wanted: EventQuery, number: int | None = None
) -> list[int]:
    """Remove events of an account, or only that of a number; answers their numbers. Tenants cannot: take a transaction of the system's."""
    cursor = await connection.execute(
        f"DELETE FROM event WHERE {_WHERE} AND (%(number)s::bigint IS NULL OR id = %(number)s) RETURNING id",
        {**_values(account_id, wanted), "number": number},
    )
    return [int(number) for (number,) in await cursor.fetchall()]


def _values(account_id: int, wanted: EventQuery) -> dict[str, Any]:
    return {
        "account": account_id,
        "kinds": list(wanted.kinds) if wanted.kinds is not None else None,
        "level": wanted.level,
        "about": wanted.about,
        "since": wanted.since,
        "before": wanted.before,
    }
