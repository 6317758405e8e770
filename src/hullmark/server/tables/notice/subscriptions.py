"""Who wants to hear of what, where and when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hullmark.server.tables.database import Connection

DEFAULT = "default"
"""The subscription that every account begins with."""

Scope = Literal["watched", "deployed", "all"]
Mode = Literal["at-once", "digest"]
Stopped = Literal["digest", "at-once"]
"""How what concerns images that ran and run nowhere any more is told: with the next digest, or as everything else."""


class NewSubscription(msgspec.Struct, frozen=True, kw_only=True):
    """What a subscription says. Empty `channels`, `kinds` and `environments` are all; `severity` is its place in SEVERITIES.

    `selector` are wildcards on HOST/REPOSITORY:TAG, several with commas between; `quiet` is a notify.quiet.Quiet as JSON.
    """

    name: str
    channels: tuple[UUID, ...] = ()
    kinds: tuple[str, ...] = ()
    selector: str = "*"
    environments: tuple[str, ...] = ()
    severity: int = 0
    scope: Scope = "watched"
    mode: Mode = "at-once"
    digest_at: str = "09:00"
    digest_days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    timezone: str = "UTC"
    quiet: dict[str, Any] | None = None
    stopped: Stopped = "digest"
    is_active: bool = True


class SubscriptionRow(NewSubscription, frozen=True, kw_only=True):
    """A subscription that is kept."""

    id: UUID
    created_by: str
    created_at: datetime
    updated_at: datetime


_SAID = """name, channels, kinds, selector, environments, severity, scope, mode, digest_at, digest_days, timezone, quiet, stopped,
    is_active"""
_COLUMNS = f"id, {_SAID}, created_by, created_at, updated_at"


def _values(wanted: NewSubscription) -> dict[str, Any]:
    values = {name: getattr(wanted, name) for name in NewSubscription.__struct_fields__}
    lists = {name: list(value) for name, value in values.items() if isinstance(value, tuple)}
    return {**values, **lists, "quiet": None if wanted.quiet is None else Jsonb(wanted.quiet)}


async def add_subscription(
    connection: Connection, account_id: int, wanted: NewSubscription, by: str, now: datetime
) -> bool:
    """Keep a new one; False if there is one of that name."""
    cursor = await connection.execute(
        f"""
        INSERT INTO subscription (account_id, {_SAID}, created_by, created_at, updated_at)
        VALUES (%(account)s, %(name)s, %(channels)s::uuid[], %(kinds)s::text[], %(selector)s, %(environments)s::text[], %(severity)s,
            %(scope)s, %(mode)s, %(digest_at)s, %(digest_days)s::smallint[], %(timezone)s, %(quiet)s, %(stopped)s, %(is_active)s, %(by)s,
            %(now)s, %(now)s)
        ON CONFLICT (account_id, name) DO NOTHING
        """,
        {**_values(wanted), "account": account_id, "by": by, "now": now},
    )
    return cursor.rowcount == 1


async def change_subscription(
    connection: Connection, account_id: int, name: str, wanted: NewSubscription, now: datetime
) -> bool:
    """Change a subscription, perhaps its name too; False if there is none, or the new name is taken."""
    cursor = await connection.execute(
        """
        UPDATE subscription SET name = %(name)s, channels = %(channels)s::uuid[], kinds = %(kinds)s::text[], selector = %(selector)s,
            environments = %(environments)s::text[], severity = %(severity)s, scope = %(scope)s, mode = %(mode)s,
            digest_at = %(digest_at)s, digest_days = %(digest_days)s::smallint[], timezone = %(timezone)s, quiet = %(quiet)s,
            stopped = %(stopped)s, is_active = %(is_active)s, updated_at = %(now)s
        WHERE account_id = %(account)s AND name = %(old)s
            AND (%(name)s = %(old)s OR NOT EXISTS (SELECT FROM subscription WHERE account_id = %(account)s AND name = %(name)s))
        """,
        {**_values(wanted), "account": account_id, "old": name, "now": now},
    )
    return cursor.rowcount == 1


async def remove_subscription(connection: Connection, account_id: int, name: str) -> bool:
    """Delete a subscription; its messages stay. False if there is none."""
    cursor = await connection.execute(
        "DELETE FROM subscription WHERE account_id = %s AND name = %s", (account_id, name)
    )
    return cursor.rowcount == 1


async def subscription_named(
    connection: Connection, account_id: int, name: str, *, for_change: bool = False
) -> SubscriptionRow | None:
    """One by its name; `for_change`: it is locked until this transaction ends."""
    async with connection.cursor(row_factory=class_row(SubscriptionRow)) as cursor:
        lock = "FOR UPDATE" if for_change else ""
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM subscription WHERE account_id = %s AND name = %s {lock}", (account_id, name)
        )
        return await cursor.fetchone()


async def list_subscriptions(
    connection: Connection, account_id: int, *, after: str = "", limit: int
) -> list[SubscriptionRow]:
    """Subscriptions by name, after one."""
    async with connection.cursor(row_factory=class_row(SubscriptionRow)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM subscription WHERE account_id = %s AND name > %s ORDER BY name LIMIT %s",
            (account_id, after, limit),
        )
        return await cursor.fetchall()


async def count_subscriptions(connection: Connection, account_id: int) -> int:
    """How many an account has."""
    cursor = await connection.execute("SELECT count(*) FROM subscription WHERE account_id = %s", (account_id,))
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def active_subscriptions(connection: Connection, account_id: int) -> list[SubscriptionRow]:
    """Those that are switched on, the oldest first."""
    async with connection.cursor(row_factory=class_row(SubscriptionRow)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM subscription WHERE account_id = %s AND is_active ORDER BY created_at, id",
            (account_id,),
        )
        return await cursor.fetchall()


async def channel_names(connection: Connection, account_id: int) -> dict[UUID, str]:
    """The names of an account's channels."""
    cursor = await connection.execute("SELECT id, name FROM channel WHERE account_id = %s ORDER BY name", (account_id,))
    return {key: str(name) for key, name in await cursor.fetchall()}


async def active_channels(connection: Connection, account_id: int) -> dict[UUID, str]:
    """The kinds of an account's channels that are switched on."""
    cursor = await connection.execute(
        "SELECT id, kind FROM channel WHERE account_id = %s AND is_active ORDER BY name", (account_id,)
    )
    return {key: str(kind) for key, kind in await cursor.fetchall()}


async def put_off(
    connection: Connection,
    account_id: int,
    subscription_id: UUID,
    *,
    held_until: datetime | None,
    digest_at: datetime,
    now: datetime,
) -> Sequence[UUID]:
    """Have what still gathers of a subscription go out when it says now: what quiet hours hold, at their new end (None: at once), and its
    digests. Returns the channels that have something due."""
    cursor = await connection.execute(
        """
        UPDATE message SET due_at = CASE WHEN form = 'digest' THEN %(digest)s::timestamptz
                ELSE coalesce(%(held)s::timestamptz, %(now)s::timestamptz) END,
            is_held = form = 'group' AND %(held)s::timestamptz IS NOT NULL
        WHERE account_id = %(account)s AND subscription_id = %(subscription)s AND state = 'gathering' AND (form = 'digest' OR is_held)
        RETURNING channel_id, due_at
        """,
        {
            "account": account_id,
            "subscription": subscription_id,
            "held": held_until,
            "digest": digest_at,
            "now": now,
        },
    )
    return sorted({channel for channel, due in await cursor.fetchall() if due <= now})
