"""What is no longer needed, and by whom it might still be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from hullmark.store.database import Connection

_NAMED_BY = {
    "analyses": "SELECT document FROM image WHERE document = ANY(%s)",
    "files": "SELECT files FROM image WHERE files = ANY(%s)",
    "verdicts": "SELECT DISTINCT document FROM verdict_history WHERE document = ANY(%s)",
    "layers": "SELECT DISTINCT digest FROM image_layer WHERE digest = ANY(%s)",
}


async def still_named(
    connection: Connection, room: Literal["analyses", "files", "verdicts", "layers"], names: Sequence[str]
) -> set[str]:
    """Those of these documents (or layers' digests) that something in the database names."""
    cursor = await connection.execute(_NAMED_BY[room], (list(names),))
    return {str(name) for (name,) in await cursor.fetchall()}


async def let_untagged_go(connection: Connection, days: int, limit: int) -> int:
    """Have accounts hold images no longer that had no tag for so many days; answers how many."""
    cursor = await connection.execute(
        """
        DELETE FROM account_image WHERE (account_id, image_id) IN (
            SELECT held.account_id, held.image_id FROM account_image held
            WHERE held.added_at < now() - make_interval(days => %(days)s) AND NOT EXISTS (
                SELECT FROM tag WHERE tag.account_id = held.account_id AND tag.image_id = held.image_id
                    AND (tag.is_current OR tag.seen_at > now() - make_interval(days => %(days)s)))
            LIMIT %(limit)s)
        """,
        {"days": days, "limit": limit},
    )
    return cursor.rowcount


async def forget_answers(connection: Connection, hours: int) -> int:
    """Forget the answers that are kept for repeated requests and are older; answers how many."""
    cursor = await connection.execute(
        "DELETE FROM idempotency WHERE created_at < now() - make_interval(hours => %s)", (hours,)
    )
    return cursor.rowcount


async def take_old_snapshots(connection: Connection, kept: int) -> list[str]:
    """The objects of snapshots that are not among the newest `kept`, nor count; they are no longer named after this."""
    cursor = await connection.execute(
        """
        WITH old AS (
            SELECT id, object FROM snapshot WHERE object <> '' AND id NOT IN (SELECT id FROM snapshot ORDER BY id DESC LIMIT %s)
                AND NOT EXISTS (SELECT FROM matching WHERE snapshot.id IN (matching.snapshot_id, matching.previous_id))
                AND added_at < now() - interval '1 day'
            FOR UPDATE
        )
        UPDATE snapshot SET object = '' FROM old WHERE snapshot.id = old.id RETURNING old.object
        """,
        (kept,),
    )
    return [str(key) for (key,) in await cursor.fetchall()]


async def delete_account(connection: Connection, account_id: int) -> bool:
    """Remove an account that is to be deleted, with all that is its own; its audit log stays."""
    cursor = await connection.execute("DELETE FROM account WHERE id = %s AND state = 'deleting'", (account_id,))
    return cursor.rowcount == 1


async def forget_unheld_packages(connection: Connection, limit: int) -> int:
    """Remove package sets that no image holds, packages of no set and coordinates of no package; answers how many sets went.

    Whoever stores an image meanwhile waits: the tables are locked in the order in which images are stored, so that nobody waits in a
    circle. Raises psycopg.errors.LockNotAvailable if they are busy.
    """
    await connection.execute("SET LOCAL lock_timeout = '2s'")
    await connection.execute("LOCK TABLE coordinate, package, package_set IN SHARE ROW EXCLUSIVE MODE")
    sets = await connection.execute(
        """
        DELETE FROM package_set WHERE id IN (SELECT id FROM package_set WHERE NOT EXISTS (
            SELECT FROM image_set WHERE image_set.set_id = package_set.id) LIMIT %s)
        """,
        (limit,),
    )
    if sets.rowcount:
        await connection.execute(
            "DELETE FROM package WHERE NOT EXISTS (SELECT FROM set_member member WHERE member.package_id = package.id)"
            " AND NOT EXISTS (SELECT FROM image_exempt exempt WHERE exempt.package_id = package.id)"
        )
        await connection.execute(
            """
            DELETE FROM coordinate WHERE NOT EXISTS (SELECT FROM package WHERE package.coordinate_id = coordinate.id)
                AND NOT EXISTS (SELECT FROM package WHERE package.owner_coordinate_id = coordinate.id)
            """
        )
    return sets.rowcount
