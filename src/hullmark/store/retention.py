"""What is no longer needed, and by whom it might still be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
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


async def is_analysing(connection: Connection) -> bool:
    """Whether an image is being analysed, whose documents are not named yet."""
    row = await (await connection.execute("SELECT EXISTS (SELECT FROM image WHERE state = 'analysing')")).fetchone()
    return row == (True,)


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


async def take_expired(connection: Connection, now: datetime) -> list[int]:
    """The accounts with exceptions that have expired since this was last asked."""
    cursor = await connection.execute(
        """
        WITH over AS (UPDATE exception SET expired_at = %s WHERE ended_at IS NULL AND expired_at IS NULL AND expires_at <= %s
            RETURNING account_id)
        SELECT DISTINCT account_id FROM over
        """,
        (now, now),
    )
    return [int(account) for (account,) in await cursor.fetchall()]


async def delete_account(connection: Connection, account_id: int) -> bool:
    """Remove an account that is to be deleted, with all that is its own; its audit log stays."""
    cursor = await connection.execute("DELETE FROM account WHERE id = %s AND state = 'deleting'", (account_id,))
    return cursor.rowcount == 1
