"""Finds what is no longer needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from hullmark.server.tables.advisories import snapshots
from hullmark.server.tables.database import Connection
from hullmark.server.tables.places.running import runs

_NAMED_BY = {
    "analyses": "SELECT document FROM image WHERE document = ANY(%s)",
    "files": "SELECT files FROM image WHERE files = ANY(%s)",
    "verdicts": "SELECT DISTINCT document FROM verdict_history WHERE document = ANY(%s)",
    "layers": "SELECT DISTINCT digest FROM image_layer WHERE digest = ANY(%s)",
    "reach": "SELECT DISTINCT reach FROM image WHERE reach = ANY(%s) AND reach <> ''",
}
_NAMED_BY["signed"] = """
    SELECT name FROM unnest(%s::text[]) AS name WHERE EXISTS (SELECT FROM account_image
        WHERE account_id = split_part(name, '-', 1)::bigint AND image_id = split_part(name, '-', 2)::bigint)
"""
_NAMED_BY["reach-files"] = _NAMED_BY["reach"]
_NAMED_BY["folders"] = _NAMED_BY["analyses"]
Room = Literal["analyses", "files", "folders", "verdicts", "layers", "reach", "reach-files", "signed"]
"""A kind of document in the object store."""


async def still_named(connection: Connection, room: Room, names: Sequence[str]) -> set[str]:
    """Those of these documents (or layers' digests) that something in the database names."""
    cursor = await connection.execute(_NAMED_BY[room], (list(names),))
    return {str(name) for (name,) in await cursor.fetchall()}


async def let_untagged_go(connection: Connection, days: int, limit: int) -> int:
    """Have accounts hold images no longer that had no tag for so many days and run nowhere; returns how many."""
    cursor = await connection.execute(
        f"""
        DELETE FROM account_image WHERE (account_id, image_id) IN (
            SELECT held.account_id, held.image_id FROM account_image held
            WHERE held.added_at < now() - make_interval(days => %(days)s) AND NOT EXISTS (
                SELECT FROM tag WHERE tag.account_id = held.account_id AND tag.image_id = held.image_id
                    AND (tag.is_current OR tag.seen_at > now() - make_interval(days => %(days)s)))
                AND NOT {runs("held.account_id", "held.image_id")}
            LIMIT %(limit)s)
        """,
        {"days": days, "limit": limit},
    )
    return cursor.rowcount


async def forget_answers(connection: Connection, hours: int) -> int:
    """Forget the answers that are kept for repeated requests and are older; returns how many."""
    cursor = await connection.execute(
        "DELETE FROM idempotency WHERE created_at < now() - make_interval(hours => %s)", (hours,)
    )
    return cursor.rowcount


async def forget_weights(connection: Connection, days: int) -> None:
    """Remove what advisories weighed more than so many days ago."""
    await connection.execute("DELETE FROM advisory_weight WHERE at < now() - make_interval(days => %s)", (days,))


async def take_old_snapshots(connection: Connection, kept: int) -> list[str]:
    """The objects of snapshots that are not among the newest `kept`, nor count; they are no longer named after this. A snapshot that
    returned shares its object."""
    cursor = await connection.execute(
        """
        WITH old AS (
            SELECT id, object FROM snapshot WHERE object <> '' AND id NOT IN (SELECT id FROM snapshot ORDER BY id DESC LIMIT %s)
                AND NOT EXISTS (SELECT FROM matching WHERE snapshot.id IN (matching.snapshot_id, matching.previous_id))
                AND added_at < now() - interval '1 day'
            FOR UPDATE
        ), gone AS (UPDATE snapshot SET object = '' FROM old WHERE snapshot.id = old.id RETURNING old.object)
        SELECT DISTINCT object FROM gone WHERE object NOT IN (SELECT object FROM snapshot WHERE id NOT IN (SELECT id FROM old))
        """,
        (kept,),
    )
    return [str(key) for (key,) in await cursor.fetchall()]


async def delete_account(connection: Connection, account_id: int) -> bool:
    """Remove an account that is to be deleted, with all that is its own; its audit log stays."""
    cursor = await connection.execute("DELETE FROM account WHERE id = %s AND state = 'deleting'", (account_id,))
    if cursor.rowcount:
        # Only now: writers had to finish first.
        for table in ("verdict_history", "verdict_change", "transition"):
            await connection.execute(f"DELETE FROM {table} WHERE account_id = %s", (account_id,))
    return cursor.rowcount == 1


async def unheld_sets(connection: Connection, limit: int) -> list[int]:
    """Package sets that no image holds, by number."""
    cursor = await connection.execute(
        "SELECT id FROM package_set WHERE NOT EXISTS (SELECT FROM image_set WHERE image_set.set_id = package_set.id)"
        " ORDER BY id LIMIT %s",
        (limit,),
    )
    return [int(number) for (number,) in await cursor.fetchall()]


async def forget_sets(connection: Connection, ids: Sequence[int]) -> bool:
    """Remove those of package sets that no image holds, and packages and coordinates that nothing else has.

    Storing and matching packages is locked until the transaction ends; returns False, without any change, if that is in progress.
    """
    if not await snapshots.is_ours_to_change(connection):
        return False
    free = "SELECT id FROM package_set WHERE id = ANY(%s::bigint[]) AND NOT EXISTS (SELECT FROM image_set WHERE set_id = package_set.id)"
    sets = [number for (number,) in await (await connection.execute(free, (list(ids),))).fetchall()]
    cursor = await connection.execute(
        "SELECT DISTINCT package_id FROM set_member WHERE set_id = ANY(%s::bigint[])", (sets,)
    )
    packages = [number for (number,) in await cursor.fetchall()]
    await connection.execute("DELETE FROM package_set WHERE id = ANY(%s::bigint[])", (sets,))
    cursor = await connection.execute(
        """
        DELETE FROM package WHERE id = ANY(%s::bigint[]) AND NOT EXISTS (SELECT FROM set_member WHERE package_id = package.id)
        RETURNING coordinate_id, owner_coordinate_id
        """,
        (packages,),
    )
    coordinates = sorted({number for row in await cursor.fetchall() for number in row if number is not None})
    await connection.execute(
        """
        DELETE FROM coordinate WHERE id = ANY(%s::bigint[])
            AND NOT EXISTS (SELECT FROM package WHERE package.coordinate_id = coordinate.id)
            AND NOT EXISTS (SELECT FROM package WHERE package.owner_coordinate_id = coordinate.id)
        """,
        (coordinates,),
    )
    return True
