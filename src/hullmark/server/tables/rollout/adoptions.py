"""Which snapshot counted when, and what each says of itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.advisories.snapshots import SnapshotRow
from hullmark.server.tables.database import Connection


class ShownSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot as it is shown. `namespaces`: by name how many advisories (`count`), how young (`data_at`), under which `licences`.

    `adopted_at` is when everything was first matched with it.
    """

    id: int
    digest: str
    data_at: str
    namespaces: dict[str, Any]
    added_at: datetime
    adopted_at: datetime | None


async def list_snapshots(connection: Connection, limit: int) -> list[ShownSnapshot]:
    """The snapshots that are kept, the newest first."""
    async with connection.cursor(row_factory=class_row(ShownSnapshot)) as cursor:
        await cursor.execute(
            "SELECT id, digest, data_at, namespaces, added_at, adopted_at FROM snapshot ORDER BY id DESC LIMIT %s",
            (limit,),
        )
        return await cursor.fetchall()


async def tell_of(connection: Connection, snapshot_id: int) -> ShownSnapshot | None:
    """What a snapshot says of itself."""
    async with connection.cursor(row_factory=class_row(ShownSnapshot)) as cursor:
        await cursor.execute(
            "SELECT id, digest, data_at, namespaces, added_at, adopted_at FROM snapshot WHERE id = %s", (snapshot_id,)
        )
        return await cursor.fetchone()


async def counted_at(connection: Connection, moment: datetime) -> SnapshotRow | None:
    """The snapshot that counted at a moment: the newest that was adopted until then."""
    async with connection.cursor(row_factory=class_row(SnapshotRow)) as cursor:
        await cursor.execute(
            """
            SELECT id, digest, data_at, object, true AS is_adopted FROM snapshot WHERE adopted_at <= %s
            ORDER BY id DESC LIMIT 1
            """,
            (moment,),
        )
        return await cursor.fetchone()


async def is_superseded(connection: Connection, digest: str) -> bool:
    """Whether this snapshot was here before and a newer one counts now."""
    row = await (
        await connection.execute(
            "SELECT (SELECT max(id) FROM snapshot WHERE digest = %s) < snapshot_id FROM matching",
            (digest,),
        )
    ).fetchone()
    return row == (True,)


async def accounts_with_policies(connection: Connection) -> list[int]:
    """The accounts that have a policy in force."""
    rows = await (
        await connection.execute("SELECT DISTINCT account_id FROM activation WHERE ended_at IS NULL ORDER BY 1")
    ).fetchall()
    return [int(account) for (account,) in rows]


async def by_digest(connection: Connection, digest: str) -> SnapshotRow | None:
    """The snapshot of a digest; the last of them, if it returned."""
    async with connection.cursor(row_factory=class_row(SnapshotRow)) as cursor:
        await cursor.execute(
            """
            SELECT id, digest, data_at, object, adopted_at IS NOT NULL AS is_adopted FROM snapshot WHERE digest = %s
            ORDER BY id DESC LIMIT 1
            """,
            (digest,),
        )
        return await cursor.fetchone()


async def is_under_way(connection: Connection, snapshot_id: int, *, is_told: bool) -> bool:
    """Whether work is left for the current snapshot, including what another process is doing.

    It is one statement, so that work and its results are seen at one time. `is_told`: it is also carried into verdicts.
    """
    row = await (
        await connection.execute(
            """
            SELECT EXISTS (SELECT FROM rematch) OR EXISTS (SELECT FROM matching WHERE snapshot_id = %(snapshot)s AND NOT is_weighed)
                OR %(told)s AND (EXISTS (SELECT FROM match_change WHERE snapshot_id = %(snapshot)s)
                    OR EXISTS (SELECT FROM finding_change WHERE snapshot_id = %(snapshot)s AND wave_id IS NULL)
                    OR EXISTS (SELECT FROM wave WHERE snapshot_id = %(snapshot)s))
            """,
            {"snapshot": snapshot_id, "told": is_told},
        )
    ).fetchone()
    return row == (True,)
