"""What the server remembers of itself, by name: JSON values in one table."""

from __future__ import annotations

from typing import Any

from psycopg.types.json import Jsonb

from hullmark.server.tables.database import Connection


async def setting(connection: Connection, name: str) -> Any:
    """The last stored value; None if there is none."""
    row = await (await connection.execute("SELECT value FROM setting WHERE name = %s", (name,))).fetchone()
    return row[0] if row else None


async def forget_setting(connection: Connection, name: str) -> None:
    """Keep no value any more."""
    await connection.execute("DELETE FROM setting WHERE name = %s", (name,))


async def keep_setting(connection: Connection, name: str, value: Any) -> None:
    """Keep a value in place of the one before."""
    await connection.execute(
        """
        INSERT INTO setting (name, value) VALUES (%s, %s)
        ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value, updated_at = now()
        """,
        (name, Jsonb(value)),
    )
