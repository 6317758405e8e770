"""Registries that accounts have logins for. Passwords are stored encrypted."""

from __future__ import annotations

from datetime import datetime

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection


class RegistryRow(msgspec.Struct, frozen=True, kw_only=True):
    """A login. `secret` is encrypted; `publishes`: signed verdicts are put beside images there."""

    id: int
    pattern: str
    username: str
    secret: bytes
    kind: str
    verify: bool
    parallel: int
    publishes: bool
    created_at: datetime
    updated_at: datetime


_COLUMNS = "id, pattern, username, secret, kind, verify, parallel, publishes, created_at, updated_at"


async def registries(connection: Connection, account_id: int) -> list[RegistryRow]:
    """All logins of an account, by pattern."""
    async with connection.cursor(row_factory=class_row(RegistryRow)) as cursor:
        await cursor.execute(f"SELECT {_COLUMNS} FROM registry WHERE account_id = %s ORDER BY pattern", (account_id,))
        return await cursor.fetchall()


async def put_registry(connection: Connection, account_id: int, row: RegistryRow) -> bool:
    """Keep a login under its pattern; returns whether it is new. Number and times of `row` are ignored."""
    cursor = await connection.execute(
        """
        INSERT INTO registry (account_id, pattern, username, secret, kind, verify, parallel, publishes)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (account_id, pattern) DO UPDATE SET username = EXCLUDED.username, secret = EXCLUDED.secret, kind = EXCLUDED.kind,
            verify = EXCLUDED.verify, parallel = EXCLUDED.parallel, publishes = EXCLUDED.publishes,
            updated_at = now()
        RETURNING xmax = 0
        """,
        (account_id, row.pattern, row.username, row.secret, row.kind, row.verify, row.parallel, row.publishes),
    )
    found = await cursor.fetchone()
    return bool(found and found[0])


async def forget_registry(connection: Connection, account_id: int, pattern: str) -> bool:
    """Remove a login."""
    cursor = await connection.execute(
        "DELETE FROM registry WHERE account_id = %s AND pattern = %s", (account_id, pattern)
    )
    return cursor.rowcount == 1
