"""Events: what happened, for people and programs that listen. Each is told on the channel `hullmark_event` when its transaction ends."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hullmark.store.database import Connection

CHANNEL = "hullmark_event"


class EventRow(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened in an account."""

    id: int
    at: datetime
    kind: str
    level: Literal["info", "error"]
    resource_type: str
    resource: str
    body: dict[str, Any]


async def tell(
    connection: Connection,
    account_id: int,
    kind: str,
    resource: tuple[str, str],
    body: dict[str, Any],
    level: Literal["info", "error"] = "info",
) -> None:
    """Write an event down and tell those who listen, once the transaction is done. `resource` is (type, name)."""
    await connection.execute(
        """
        WITH told AS (INSERT INTO event (account_id, kind, level, resource_type, resource, body) VALUES (%s, %s, %s, %s, %s, %s)
            RETURNING id)
        SELECT pg_notify(%s, %s || ':' || id) FROM told
        """,
        (account_id, kind, level, *resource, Jsonb(body), CHANNEL, str(account_id)),
    )


class EventFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which events: what is "" is not asked for. `kind` may end in an asterisk."""

    kind: str = ""
    level: str = ""
    resource_type: str = ""
    resource: str = ""
    since: datetime | None = None
    before: datetime | None = None


async def list_events(
    connection: Connection,
    account_id: int,
    wanted: EventFilter,
    *,
    below: int | None = None,
    above: int | None = None,
    limit: int,
) -> list[EventRow]:
    """Events below a number, the newest first; or above one, the oldest first."""
    order = "ASC" if above is not None else "DESC"
    async with connection.cursor(row_factory=class_row(EventRow)) as cursor:
        await cursor.execute(
            f"""
            SELECT id, at, kind, level, resource_type, resource, body FROM event
            WHERE account_id = %(account)s AND (%(below)s::bigint IS NULL OR id < %(below)s)
                AND (%(above)s::bigint IS NULL OR id > %(above)s)
                AND (%(kind)s = '' OR kind LIKE %(pattern)s) AND (%(level)s = '' OR level = %(level)s)
                AND (%(type)s = '' OR resource_type = %(type)s) AND (%(resource)s = '' OR resource = %(resource)s)
                AND (%(since)s::timestamptz IS NULL OR at >= %(since)s) AND (%(before)s::timestamptz IS NULL OR at < %(before)s)
            ORDER BY id {order} LIMIT %(limit)s
            """,
            {
                "account": account_id,
                "below": below,
                "above": above,
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
