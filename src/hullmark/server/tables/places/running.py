"""Whether images run, and since when: SQL for what asks it of many images at once, and the answer for judging."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

from hullmark.server.tables.database import Connection


def runs(account: LiteralString, image: LiteralString) -> LiteralString:
    """SQL that says whether an image runs anywhere; both as SQL."""
    return (
        "EXISTS (SELECT FROM running_image ran JOIN placement placed ON placed.running_image_id = ran.id AND placed.until IS NULL"
        f" WHERE ran.account_id = {account} AND ran.image_id = {image})"
    )


def stopped(account: LiteralString, image: LiteralString) -> LiteralString:
    """SQL that says whether an image ran, as a collector told, and runs nowhere any more."""
    return (
        "(EXISTS (SELECT FROM running_image ran JOIN placement placed ON placed.running_image_id = ran.id AND placed.until IS NOT NULL"
        f" WHERE ran.account_id = {account} AND ran.image_id = {image} AND placed.collector_id IS NOT NULL)"
        f" AND NOT {runs(account, image)})"
    )


async def running_since(
    connection: Connection, account_id: int, image_ids: Sequence[int]
) -> dict[int, dict[str, datetime]]:
    """Since when images run, by their numbers and by environment; those that run."""
    cursor = await connection.execute(
        """
        SELECT ran.image_id, placed.environment, min(placed.since) FROM running_image ran
        JOIN placement placed ON placed.running_image_id = ran.id AND placed.until IS NULL
        WHERE ran.account_id = %s AND ran.image_id = ANY(%s::bigint[]) GROUP BY 1, 2 ORDER BY 1, 2
        """,
        (account_id, list(image_ids)),
    )
    found: dict[int, dict[str, datetime]] = {}
    for image_id, environment, since in await cursor.fetchall():
        found.setdefault(int(image_id), {})[str(environment)] = since
    return found


async def is_told(connection: Connection, account_id: int) -> bool:
    """Whether a collector ever told an account what runs."""
    row = await (
        await connection.execute("SELECT EXISTS (SELECT FROM collector WHERE account_id = %s)", (account_id,))
    ).fetchone()
    return bool(row and row[0])
