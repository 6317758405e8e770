"""Subscriptions as Anchore knows them: what an account wants to hear of a tag, or a repository."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection


class SubscriptionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription. `key` is `registry/repository`, with `:tag` for all but `repo_update`; `value` a document as text, None for none."""

    id: str
    type: str
    key: str
    value: str | None
    is_active: bool
    created_at: datetime
    updated_at: datetime


class NewSubscription(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes a subscription."""

    id: str
    type: str
    key: str
    value: str | None = None
    is_active: bool = True


_COLUMNS = "id, type, key, value, is_active, created_at, updated_at"


async def subscribe(connection: Connection, account_id: int, wanted: Sequence[NewSubscription]) -> list[str]:
    """Add those that are not there yet; answers their ids. What was switched off by hand stays so."""
    cursor = await connection.execute(
        """
        INSERT INTO anchore_subscription (account_id, id, type, key, value, is_active)
        SELECT %s, id, type, key, value, is_active
        FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::boolean[]) AS new (id, type, key, value, is_active)
        ON CONFLICT DO NOTHING RETURNING id
        """,
        (
            account_id,
            [subscription.id for subscription in wanted],
            [subscription.type for subscription in wanted],
            [subscription.key for subscription in wanted],
            [subscription.value for subscription in wanted],
            [subscription.is_active for subscription in wanted],
        ),
    )
    return [str(row[0]) for row in await cursor.fetchall()]


async def list_subscriptions(
    connection: Connection, account_id: int, *, type: str = "", key: str = ""
) -> list[SubscriptionRow]:
    """The subscriptions of an account by key and type; only of a type and a key, where these are given."""
    async with connection.cursor(row_factory=class_row(SubscriptionRow)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_COLUMNS} FROM anchore_subscription WHERE account_id = %(account)s AND %(type)s IN ('', type) AND %(key)s IN ('', key)
            ORDER BY key, type
            """,
            {"account": account_id, "type": type, "key": key},
        )
        return await cursor.fetchall()


async def subscription_by_id(
    connection: Connection, account_id: int, id: str, *, lock: bool = False
) -> SubscriptionRow | None:
    """A subscription by its id; with `lock`, it is locked until the transaction ends."""
    async with connection.cursor(row_factory=class_row(SubscriptionRow)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM anchore_subscription WHERE account_id = %s AND id = %s {'FOR UPDATE' if lock else ''}",
            (account_id, id),
        )
        return await cursor.fetchone()


async def change_subscription(
    connection: Connection, account_id: int, id: str, *, is_active: bool | None = None, value: str | None = None
) -> bool:
    """Change what is not None; returns whether there is such a subscription."""
    cursor = await connection.execute(
        """
        UPDATE anchore_subscription SET is_active = coalesce(%s, is_active), value = coalesce(%s, value), updated_at = now()
        WHERE account_id = %s AND id = %s
        """,
        (is_active, value, account_id, id),
    )
    return cursor.rowcount == 1


async def unsubscribe(connection: Connection, account_id: int, id: str) -> bool:
    """Remove a subscription; returns whether there was one."""
    cursor = await connection.execute(
        "DELETE FROM anchore_subscription WHERE account_id = %s AND id = %s", (account_id, id)
    )
    return cursor.rowcount == 1
