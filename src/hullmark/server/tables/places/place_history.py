"""One place: a placement by its number, and what ran there before."""

from __future__ import annotations

from psycopg.rows import class_row

from hullmark.server.tables.database import Connection
from hullmark.server.tables.places.placements import PLACEMENT_ROWS, PlacementRow


async def placement(connection: Connection, account_id: int, number: int) -> PlacementRow | None:
    """One placement, whether it lasts or ended."""
    async with connection.cursor(row_factory=class_row(PlacementRow)) as cursor:
        await cursor.execute(
            f"WITH page AS (SELECT * FROM placement WHERE account_id = %s AND id = %s) {PLACEMENT_ROWS}",
            (account_id, number),
        )
        return await cursor.fetchone()


async def history(
    connection: Connection, account_id: int, of: PlacementRow, before: int | None, limit: int
) -> list[PlacementRow]:
    """What ran at the place of a placement, and what runs there, the newest first; those before one."""
    async with connection.cursor(row_factory=class_row(PlacementRow)) as cursor:
        await cursor.execute(
            f"""
            WITH page AS MATERIALIZED (
                SELECT * FROM placement WHERE account_id = %(account)s AND cluster = %(cluster)s AND namespace = %(namespace)s
                    AND workload = %(workload)s AND container = %(container)s AND platform = %(platform)s AND told = %(told)s
                    AND (%(before)s::bigint IS NULL OR id < %(before)s) ORDER BY id DESC LIMIT %(limit)s
            ) {PLACEMENT_ROWS} ORDER BY placed.id DESC
            """,
            {
                **{
                    name: getattr(of, name)
                    for name in ("cluster", "namespace", "workload", "container", "platform", "told")
                },
                "account": account_id,
                "before": before,
                "limit": limit,
            },
        )
        return await cursor.fetchall()
