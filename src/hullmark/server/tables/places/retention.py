"""Forgets what ran long ago, and what nothing names any more."""

from __future__ import annotations

from datetime import datetime
from typing import LiteralString

from hullmark.server.tables.database import Connection


async def forget_places(connection: Connection, before: datetime, limit: int) -> int:
    """Remove placements that ended before a moment, at most so many; returns how many."""
    cursor = await connection.execute(
        "DELETE FROM placement WHERE id IN (SELECT id FROM placement WHERE until < %s ORDER BY until LIMIT %s)",
        (before, limit),
    )
    return cursor.rowcount


_UNNAMED: dict[LiteralString, LiteralString] = {
    "running_image": "running_image_id",
    "isolation": "isolation_id",
    "label_set": "label_set_id",
}


async def forget_unnamed(connection: Connection, limit: int) -> None:
    """Remove images, isolation facts and sets of labels that no placement names, at most so many of each."""
    # Reports look these up before they name them: none is taken at the same time.
    await connection.execute("LOCK TABLE placement IN SHARE MODE")
    for table, column in _UNNAMED.items():
        await connection.execute(
            f"DELETE FROM {table} WHERE id IN (SELECT kept.id FROM {table} kept WHERE NOT EXISTS ("
            f"SELECT FROM placement WHERE placement.{column} = kept.id) LIMIT %s)",
            (limit,),
        )
