"""Tags: which names images had and have in an account, and which indexes the images were found in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection


class TagName(NamedTuple):
    """What a tag is called: its registry's host, the repository in it, and the tag itself; "" is every tag of the repository."""

    registry: str
    repository: str
    tag: str


class TagRow(msgspec.Struct, frozen=True, kw_only=True):
    """A tag that points, or pointed, to an image; when it was last seen to do so."""

    image_id: int
    registry: str
    repository: str
    tag: str
    seen_at: datetime
    is_current: bool


async def tags_of(connection: Connection, account_id: int, image_ids: Sequence[int]) -> dict[int, list[TagRow]]:
    """The tags of images, also those that point elsewhere by now, by image; the last seen first."""
    async with connection.cursor(row_factory=class_row(TagRow)) as cursor:
        await cursor.execute(
            """
            SELECT image_id, registry, repository, tag, seen_at, is_current FROM tag
            WHERE account_id = %s AND image_id = ANY(%s::bigint[])
            ORDER BY image_id, is_current DESC, seen_at DESC, registry, repository, tag
            """,
            (account_id, list(image_ids)),
        )
        found: dict[int, list[TagRow]] = {}
        for row in await cursor.fetchall():
            found.setdefault(row.image_id, []).append(row)
    return found


async def indexes_of(connection: Connection, image_ids: Sequence[int]) -> dict[int, str]:
    """The digest of the index that each image was found in; images that came without one are left out."""
    cursor = await connection.execute(
        "SELECT image_id, min(digest) FROM image_alias WHERE kind = 'index' AND image_id = ANY(%s::bigint[]) GROUP BY 1",
        (list(image_ids),),
    )
    return {int(image): str(digest) for image, digest in await cursor.fetchall()}


async def history_of(connection: Connection, account_id: int, name: TagName, limit: int) -> list[str]:
    """The images (digests) that a tag ever pointed to: that of now first, then the last seen."""
    cursor = await connection.execute(
        """
        SELECT image.digest FROM tag JOIN image ON image.id = tag.image_id
        WHERE tag.account_id = %s AND tag.registry = %s AND tag.repository = %s AND tag.tag = %s
        ORDER BY tag.is_current DESC, tag.seen_at DESC, image.id DESC LIMIT %s
        """,
        (account_id, *name, limit),
    )
    return [str(digest) for (digest,) in await cursor.fetchall()]
