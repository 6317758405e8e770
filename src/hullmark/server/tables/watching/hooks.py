"""Hooks: which registries may say that something changed, and the secrets that prove it is them. Secrets are stored encrypted."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection


class HookRow(msgspec.Struct, frozen=True, kw_only=True):
    """A hook. `registry` is the host that it is of; `adds`: tags that are not watched yet are added. `secret` is encrypted."""

    id: UUID
    account_id: int
    name: str
    kind: str
    registry: str
    secret: bytes
    adds: bool
    created_by: str
    created_at: datetime
    last_used_at: datetime | None


_COLUMNS = "id, account_id, name, kind, registry, secret, adds, created_by, created_at, last_used_at"


async def hooks(connection: Connection, account_id: int, after: str, limit: int) -> list[HookRow]:
    """The hooks of an account by name, after one."""
    async with connection.cursor(row_factory=class_row(HookRow)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM hook WHERE account_id = %s AND name > %s ORDER BY name LIMIT %s",
            (account_id, after, limit),
        )
        return await cursor.fetchall()


async def hook_by_id(connection: Connection, account_id: int, key: UUID, *, lock: bool = False) -> HookRow | None:
    """A hook of an account."""
    async with connection.cursor(row_factory=class_row(HookRow)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM hook WHERE account_id = %s AND id = %s {'FOR UPDATE' if lock else ''}",
            (account_id, key),
        )
        return await cursor.fetchone()


async def hook_of_anybody(connection: Connection, key: UUID) -> HookRow | None:
    """A hook, whichever account has it, if that is enabled."""
    async with connection.cursor(row_factory=class_row(HookRow)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM hook WHERE id = %s AND account_id IN (SELECT id FROM account WHERE state = 'enabled')",
            (key,),
        )
        return await cursor.fetchone()


async def count_hooks(connection: Connection, account_id: int) -> int:
    """How many hooks an account has."""
    cursor = await connection.execute("SELECT count(*) FROM hook WHERE account_id = %s", (account_id,))
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def put_hook(connection: Connection, row: HookRow) -> bool:
    """Keep a hook, under its id; returns False if another one has its name."""
    cursor = await connection.execute(
        """
        INSERT INTO hook (id, account_id, name, kind, registry, secret, adds, created_by, created_at)
        SELECT %(id)s, %(account_id)s, %(name)s, %(kind)s, %(registry)s, %(secret)s, %(adds)s, %(created_by)s, %(created_at)s
        WHERE NOT EXISTS (SELECT FROM hook WHERE account_id = %(account_id)s AND name = %(name)s AND id <> %(id)s)
        ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name, registry = EXCLUDED.registry, adds = EXCLUDED.adds,
            secret = EXCLUDED.secret
        """,
        msgspec.structs.asdict(row),
    )
    return cursor.rowcount == 1


async def forget_hook(connection: Connection, account_id: int, key: UUID) -> bool:
    """Remove a hook."""
    cursor = await connection.execute("DELETE FROM hook WHERE account_id = %s AND id = %s", (account_id, key))
    return cursor.rowcount == 1


async def note_use(connection: Connection, account_id: int, key: UUID, now: datetime) -> None:
    """A hook was used."""
    await connection.execute(
        "UPDATE hook SET last_used_at = %s WHERE account_id = %s AND id = %s", (now, account_id, key)
    )
