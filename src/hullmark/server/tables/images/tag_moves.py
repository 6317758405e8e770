"""Moves of tags: how they are distinguished, and what the new image takes over from the old one."""

from __future__ import annotations

from typing import Any

from hullmark.server.tables.database import Connection
from hullmark.server.tables.images.tags import TagName


async def last_move(connection: Connection, account_id: int, name: TagName) -> int:
    """The number of the last move of a tag; 0 if it never pointed anywhere."""
    cursor = await connection.execute(
        """
        SELECT max(id) FROM tag_move WHERE account_id = %s AND registry = %s AND repository = %s AND tag = %s
        """,
        (account_id, *name),
    )
    row = await cursor.fetchone()
    return int(row[0]) if row and row[0] is not None else 0


async def annotations_of(connection: Connection, account_id: int, name: TagName) -> dict[str, Any]:
    """The annotations of the image that a tag points to; none if it points nowhere."""
    cursor = await connection.execute(
        """
        SELECT held.annotations FROM tag JOIN account_image held USING (account_id, image_id)
        WHERE tag.account_id = %s AND tag.registry = %s AND tag.repository = %s AND tag.tag = %s AND tag.is_current
        """,
        (account_id, *name),
    )
    row = await cursor.fetchone()
    return dict(row[0]) if row else {}


async def stands_for(connection: Connection, account_id: int, key: str, image_id: int) -> None:
    """A transition weighs as much as the image that was there before: where that was certified, or runs, people want to hear of it."""
    await connection.execute(
        """
        UPDATE transition SET
            is_certified = is_certified OR EXISTS (SELECT FROM account_image held WHERE held.account_id = transition.account_id
                AND held.image_id = %(image)s AND held.certified_at IS NOT NULL),
            is_deployed = is_deployed OR EXISTS (SELECT FROM deployment runs WHERE runs.account_id = transition.account_id
                AND runs.image_id = %(image)s)
        WHERE account_id = %(account)s AND key = %(key)s
        """,
        {"account": account_id, "key": key, "image": image_id},
    )
