"""What images of an account are called."""

from __future__ import annotations

from collections.abc import Sequence

from hullmark.server.tables.database import Connection


async def names_of(connection: Connection, account_id: int, image_ids: Sequence[int]) -> dict[int, list[str]]:
    """The references that point to each of these images now; of those without any, the one that it was added by, unless that
    points to another now."""
    cursor = await connection.execute(
        """
        SELECT held.image_id, coalesce(nullif(ARRAY(
            SELECT tag.registry || '/' || tag.repository || ':' || tag.tag FROM tag
            WHERE tag.account_id = held.account_id AND tag.image_id = held.image_id AND tag.is_current ORDER BY 1
        ), '{}'), CASE WHEN held.reference = '' OR EXISTS (SELECT FROM tag other WHERE other.account_id = held.account_id
                AND other.image_id <> held.image_id AND other.is_current
                AND other.registry || '/' || other.repository || ':' || other.tag = held.reference)
            THEN '{}' ELSE ARRAY[held.reference] END)
        FROM account_image held WHERE held.account_id = %s AND held.image_id = ANY(%s)
        """,
        (account_id, list(image_ids)),
    )
    return {int(image): list(names) for image, names in await cursor.fetchall()}


async def name_of(connection: Connection, account_id: int, digest: str) -> str:
    """The first reference that points to the image of this digest; "" where none does."""
    cursor = await connection.execute(
        "SELECT image.id FROM image JOIN account_image held ON held.image_id = image.id"
        " WHERE image.digest = %s AND held.account_id = %s",
        (digest, account_id),
    )
    ids = [int(row[0]) for row in await cursor.fetchall()]
    names = await names_of(connection, account_id, ids)
    return min((name for found in names.values() for name in found), default="")
