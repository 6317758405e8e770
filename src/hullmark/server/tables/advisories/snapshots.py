"""Snapshots of advisories, which of them all is matched with, and what is left to do until it is.

One row (`matching`) says which snapshot counts. Writers of matches lock it for reading, changes lock it for writing: so what was
matched with an older snapshot exists when the work for a newer one is planned. What must be matched again waits in `rematch`; a
batch takes rows out and writes the result in one transaction, so that it has its effect once, however often it is begun.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hullmark.model.errors import HullmarkError
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images.coordinates import Key, columns, key_of, namespace_key

LAST_RANK = 3
"""The rank of what is least urgent; the most urgent has 0."""


class SnapshotRow(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot: its digest, the youngest date in it (ISO 8601), and under which key its file is kept."""

    id: int
    digest: str
    data_at: str
    object: str
    is_adopted: bool


class Current(msgspec.Struct, frozen=True, kw_only=True):
    """What all is matched with, and the day that counts as today (ISO 8601). None: nothing yet.

    `weighed` is the last advisory whose weight was brought to this snapshot, `is_weighed` whether all are. `is_baseline`: these are the
    first advisories there are, and nothing is said differently from before.
    """

    snapshot_id: int | None
    digest: str | None
    previous_id: int | None
    at: str
    weighed: int
    is_weighed: bool
    is_baseline: bool


class OtherSnapshot(HullmarkError):
    """Matching was begun with a snapshot that no longer counts: take the current one and begin again."""


async def add_snapshot(
    conn: Connection, digest: str, *, data_at: str, object: str, namespaces: Mapping[str, Any], may_return: bool = False
) -> int:
    """The number of a snapshot, which is written down if it is new. `may_return`: also if it was there before, and others came since."""
    await conn.execute("LOCK TABLE snapshot IN SHARE ROW EXCLUSIVE MODE")
    there = await (await conn.execute("SELECT max(id) FROM snapshot WHERE digest = %s", (digest,))).fetchone()
    number = int(there[0]) if there and there[0] is not None else None
    if number is not None and (not may_return or number == await newest(conn)):
        return number
    row = await (
        await conn.execute(
            "INSERT INTO snapshot (digest, data_at, object, namespaces) VALUES (%s, %s, %s, %s) RETURNING id",
            (digest, data_at, object, Jsonb(dict(namespaces))),
        )
    ).fetchone()
    assert row is not None  # noqa: S101 - it was just written
    return int(row[0])


async def newest(conn: Connection) -> int | None:
    """The number of the newest snapshot; None if there is none."""
    row = await (await conn.execute("SELECT max(id) FROM snapshot")).fetchone()
    return int(row[0]) if row and row[0] is not None else None


async def snapshot_by_id(conn: Connection, snapshot_id: int) -> SnapshotRow | None:
    """The snapshot of this number."""
    async with conn.cursor(row_factory=class_row(SnapshotRow)) as cursor:
        await cursor.execute(
            "SELECT id, digest, data_at, object, adopted_at IS NOT NULL AS is_adopted FROM snapshot WHERE id = %s",
            (snapshot_id,),
        )
        return await cursor.fetchone()


_CURRENT = """SELECT snapshot_id, digest, previous_id, at, weighed, is_weighed, previous_id IS NULL AND adopted_at IS NULL AS is_baseline
FROM matching LEFT JOIN snapshot ON snapshot.id = snapshot_id"""


async def current(conn: Connection) -> Current:
    """What all is matched with now."""
    return await _current(conn, _CURRENT)


async def current_kept(conn: Connection) -> Current:
    """What all is matched with, which stays so until the transaction ends."""
    return await _current(conn, _CURRENT + " FOR SHARE OF matching")


async def current_to_change(conn: Connection) -> Current:
    """What everything is matched with; locks matches and this until the transaction ends."""
    return await _current(conn, _CURRENT + " FOR UPDATE OF matching")


async def is_ours_to_change(conn: Connection) -> bool:
    """Try to lock matches and the current snapshot until the transaction ends; False if they are in use."""
    return await (await conn.execute("SELECT FROM matching FOR UPDATE SKIP LOCKED")).fetchone() is not None


async def _current(conn: Connection, statement: Any) -> Current:
    async with conn.cursor(row_factory=class_row(Current)) as cursor:
        await cursor.execute(statement)
        row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - the migration wrote it
    return row


async def require(conn: Connection, snapshot_id: int) -> Current:
    """Make sure that this snapshot counts, and does until the transaction ends. Raises OtherSnapshot."""
    known = await current_kept(conn)
    if known.snapshot_id != snapshot_id:
        raise OtherSnapshot(
            f"snapshot {snapshot_id} is not the one that counts", advice="take the current snapshot and try again"
        )
    return known


async def require_next(conn: Connection, snapshot_id: int) -> None:
    """Make sure that a snapshot is newer than the one that counts, and that this is done with. Hold `current_to_change`. Raises
    OtherSnapshot."""
    cursor = await conn.execute(
        "SELECT FROM matching WHERE snapshot_id < %s AND carried_out_id = snapshot_id", (snapshot_id,)
    )
    if await cursor.fetchone() is None:
        raise OtherSnapshot("another snapshot comes first", advice="take the current one and begin again")


async def count_on(conn: Connection, snapshot_id: int, at: str) -> None:
    """From now on this snapshot counts, as on this day (ISO 8601). Hold `current_to_change`."""
    await conn.execute(
        "UPDATE matching SET previous_id = CASE WHEN snapshot_id = %(new)s THEN previous_id ELSE snapshot_id END, "
        "snapshot_id = %(new)s, at = %(at)s, weighed = 0, is_weighed = false, carried_out_id = NULL",
        {"new": snapshot_id, "at": at},
    )


async def plan_all(conn: Connection) -> None:
    """Every coordinate is to be matched again."""
    await conn.execute(
        "INSERT INTO rematch (coordinate_id) SELECT id FROM coordinate ORDER BY id ON CONFLICT DO NOTHING"
    )


async def plan(conn: Connection, keys: Mapping[Key, int], namespaces: Iterable[str]) -> None:
    """The coordinates that are looked up under one of these names, or in one of these namespaces, are to be matched again.

    `keys` are the names with their ranks: what is most urgent (0) comes first.
    """
    ranked = sorted((key_of(key), rank) for key, rank in keys.items())
    await conn.execute(
        "INSERT INTO rematch (coordinate_id, rank) SELECT coordinate_id, min(rank) FROM ("
        "SELECT coordinate_id, rank FROM unnest(%s::bytea[], %s::smallint[]) AS wanted (key, rank) JOIN coordinate_key USING (key) "
        "UNION ALL SELECT coordinate_id, %s FROM coordinate_key WHERE namespace = ANY(%s::text[])) AS planned "
        "GROUP BY 1 ORDER BY 1 ON CONFLICT (coordinate_id) DO UPDATE SET rank = least(rematch.rank, excluded.rank)",
        (*columns(ranked, 2), LAST_RANK, [namespace_key(namespace) for namespace in namespaces]),
    )


async def take_planned(conn: Connection, most: int, rank: int = LAST_RANK) -> tuple[int, ...]:
    """Some coordinates up to a rank that are to be matched again, sorted, the most urgent first, locked for others; they leave
    the plan once this transaction commits."""
    cursor = await conn.execute(
        "DELETE FROM rematch WHERE coordinate_id IN (SELECT coordinate_id FROM rematch WHERE rank <= %s "
        "ORDER BY rank, coordinate_id FOR UPDATE SKIP LOCKED LIMIT %s) RETURNING coordinate_id",
        (rank, most),
    )
    return tuple(sorted(number for (number,) in await cursor.fetchall()))


async def count_planned(conn: Connection, rank: int = LAST_RANK) -> int:
    """How many coordinates up to a rank are still to be matched again."""
    row = await (await conn.execute("SELECT count(*) FROM rematch WHERE rank <= %s", (rank,))).fetchone()
    return int(row[0]) if row else 0


async def settle(conn: Connection, snapshot_id: int) -> bool:
    """Write down that a snapshot is adopted, if nothing is left to do; returns whether that is so."""
    cursor = await conn.execute(
        "UPDATE snapshot SET adopted_at = coalesce(adopted_at, now()) FROM matching WHERE snapshot.id = %s "
        "AND snapshot_id = snapshot.id AND is_weighed AND NOT EXISTS (SELECT FROM rematch) RETURNING 1",
        (snapshot_id,),
    )
    return await cursor.fetchone() is not None


async def carried_out(conn: Connection, snapshot_id: int) -> None:
    """Write down that all that a snapshot says differently is in the verdicts."""
    await conn.execute("UPDATE matching SET carried_out_id = %s WHERE snapshot_id = %s", (snapshot_id, snapshot_id))


async def is_carried_out(conn: Connection) -> bool:
    """Whether all that the snapshot that counts says differently is in the verdicts."""
    row = await (await conn.execute("SELECT carried_out_id IS NOT DISTINCT FROM snapshot_id FROM matching")).fetchone()
    return row == (True,)
