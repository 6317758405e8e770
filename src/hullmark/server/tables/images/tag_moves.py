"""Moves of tags: how they are distinguished, and what the new image takes over from the old one."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from hullmark.server.tables.database import Connection
from hullmark.server.tables.images.tags import TagName
from hullmark.server.tables.places.running import runs


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
        f"""
        UPDATE transition SET
            is_certified = is_certified OR EXISTS (SELECT FROM account_image held WHERE held.account_id = transition.account_id
                AND held.image_id = %(image)s AND held.certified_at IS NOT NULL),
            is_deployed = is_deployed OR {runs("transition.account_id", "%(image)s")}
        WHERE account_id = %(account)s AND key = %(key)s
        """,
        {"account": account_id, "key": key, "image": image_id},
    )


class MovedTag(NamedTuple):
    """A tag (HOST/REPOSITORY:TAG), the image that it pointed to before, and when it moved."""

    reference: str
    image_id: int
    since: datetime


async def moved_from(connection: Connection, account_id: int, image_id: int) -> list[MovedTag]:
    """The tags that point to an image and pointed to another before, by name."""
    cursor = await connection.execute(
        """
        SELECT tag.registry || '/' || tag.repository || ':' || tag.tag, earlier.image_id, tag.seen_at
        FROM tag JOIN LATERAL (SELECT move.image_id FROM tag_move move WHERE move.account_id = tag.account_id
            AND move.registry = tag.registry AND move.repository = tag.repository AND move.tag = tag.tag
            AND move.image_id <> tag.image_id ORDER BY move.at DESC, move.id DESC LIMIT 1) earlier ON true
        WHERE tag.account_id = %s AND tag.image_id = %s AND tag.is_current ORDER BY 1
        """,
        (account_id, image_id),
    )
    return [MovedTag(str(name), int(other), at) for name, other, at in await cursor.fetchall()]


async def tagged_as_of(connection: Connection, account_id: int, name: TagName, moment: datetime) -> str | None:
    """The digest of the image that a tag pointed to at a moment, as far as it was seen."""
    cursor = await connection.execute(
        """
        SELECT image.digest FROM tag_move move JOIN image ON image.id = move.image_id
        WHERE move.account_id = %s AND move.registry = %s AND move.repository = %s AND move.tag = %s AND move.at <= %s
        ORDER BY move.at DESC, move.id DESC LIMIT 1
        """,
        (account_id, *name, moment),
    )
    row = await cursor.fetchone()
    return str(row[0]) if row else None
