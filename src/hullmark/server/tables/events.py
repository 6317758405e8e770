"""Events: what happened, for people and programs that listen. Each is told on the channel `hullmark_event` when its transaction ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hullmark.server.tables.database import Connection

CHANNEL = "hullmark_event"
_BEGUN = 0x484D << 48
"""The first number of the locks that mark transactions with events until they end."""


class EventRow(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened in an account."""

    id: int
    at: datetime
    kind: str
    level: Literal["info", "error"]
    resource_type: str
    resource: str
    body: dict[str, Any]


class NewEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened just now. `resource` is (type, name)."""

    kind: str
    resource: tuple[str, str]
    body: dict[str, Any]
    level: Literal["info", "error"] = "info"


async def tell(
    connection: Connection,
    account_id: int,
    kind: str,
    resource: tuple[str, str],
    body: dict[str, Any],
    level: Literal["info", "error"] = "info",
) -> None:
    """Store an event and notify listeners once the transaction commits. `resource` is (type, name)."""
    event = NewEvent(kind=kind, resource=resource, body=body, level=level)
    await tell_all(connection, account_id, (event,))


async def tell_all(connection: Connection, account_id: int, news: Sequence[NewEvent]) -> None:
    """The same of several events, in their order."""
    if not news:
        return
    # Numbers are not given in the order of commits: until this commits, no later event may count as the newest.
    await connection.execute(
        "SELECT pg_advisory_xact_lock_shared(%s + last_value - (NOT is_called)::int) FROM event_id_seq", (_BEGUN,)
    )
    rows = [
        {"kind": e.kind, "level": e.level, "type": e.resource[0], "name": e.resource[1], "body": e.body} for e in news
    ]
    await connection.execute(
        """
        WITH told AS (
            INSERT INTO event (account_id, kind, level, resource_type, resource, body)
            SELECT %s, each.value ->> 'kind', each.value ->> 'level', each.value ->> 'type', each.value ->> 'name', each.value -> 'body'
            FROM jsonb_array_elements(%s) WITH ORDINALITY each ORDER BY each.ordinality RETURNING id
        )
        SELECT pg_notify(%s, %s || ':' || max(id)) FROM told
        """,
        (account_id, Jsonb(rows), CHANNEL, str(account_id)),
    )


async def find_settled_number(connection: Connection) -> int:
    """The number up to which all events are there: none that is not can still get one that low."""
    cursor = await connection.execute("SELECT last_value - (NOT is_called)::int FROM event_id_seq")
    given = await cursor.fetchone()
    # Only now: who begins after this gets a higher number than the one just read.
    cursor = await connection.execute(
        """
        SELECT min(((classid::bigint & 65535) << 32) | objid::bigint) FROM pg_locks
        WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 16 = %s
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """,
        (_BEGUN >> 48,),
    )
    begun = await cursor.fetchone()
    numbers = [int(row[0]) for row in (given, begun) if row is not None and row[0] is not None]
    return min(numbers, default=0)


class EventFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which events: what is "" is not asked for. `kind` may end in an asterisk."""

    kind: str = ""
    level: str = ""
    resource_type: str = ""
    resource: str = ""
    since: datetime | None = None
    before: datetime | None = None


async def list_events(  # noqa: PLR0913 - one parameter a bound
    connection: Connection,
    account_id: int,
    wanted: EventFilter,
    *,
    below: int | None = None,
    above: int | None = None,
    limit: int,
    up_to: int | None = None,
) -> list[EventRow]:
    """Events below a number, the newest first; or above one, the oldest first, and no later ones than `up_to`."""
    order = "ASC" if above is not None else "DESC"
    async with connection.cursor(row_factory=class_row(EventRow)) as cursor:
        await cursor.execute(
            f"""
            SELECT id, at, kind, level, resource_type, resource, body FROM event
            WHERE account_id = %(account)s AND (%(below)s::bigint IS NULL OR id < %(below)s)
                AND (%(above)s::bigint IS NULL OR id > %(above)s)
                AND (%(up_to)s::bigint IS NULL OR id <= %(up_to)s)
                AND (%(kind)s = '' OR kind LIKE %(pattern)s) AND (%(level)s = '' OR level = %(level)s)
                AND (%(type)s = '' OR resource_type = %(type)s) AND (%(resource)s = '' OR resource = %(resource)s)
                AND (%(since)s::timestamptz IS NULL OR at >= %(since)s) AND (%(before)s::timestamptz IS NULL OR at < %(before)s)
            ORDER BY id {order} LIMIT %(limit)s
            """,
            {
                "account": account_id,
                "below": below,
                "above": above,
                "up_to": up_to,
                "kind": wanted.kind,
                "pattern": wanted.kind.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_").replace("*", "%"),
                "level": wanted.level,
                "type": wanted.resource_type,
                "resource": wanted.resource,
                "since": wanted.since,
                "before": wanted.before,
                "limit": limit,
            },
        )
        return await cursor.fetchall()
