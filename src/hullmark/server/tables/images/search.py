"""What a word may mean: repositories of an account, images by the beginning of their digest, advisories by the beginning of their name."""

from __future__ import annotations

from typing import NamedTuple

from hullmark.model.limit import Limit
from hullmark.server.tables.advisories.matches import LONGEST_NAME
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images.coordinates import plain

_MOST_REPOSITORIES = Limit(3000, "repositories that a word is looked for in", "shortened")
_LAST = "\uffff"


class FoundRepository(NamedTuple):
    """A repository, and the digest of the image that one of its tags names."""

    registry: str
    repository: str
    tag: str
    digest: str


async def repositories_like(connection: Connection, account_id: int, word: str, limit: int) -> list[FoundRepository]:
    """Repositories whose name has the word in it, each with its newest tag."""
    cursor = await connection.execute(
        """
        WITH RECURSIVE known AS (
            (SELECT registry, repository, 1 AS number FROM tag WHERE account_id = %(account)s AND is_current
                ORDER BY registry, repository LIMIT 1)
            UNION ALL
            SELECT next.registry, next.repository, known.number + 1 FROM known CROSS JOIN LATERAL (
                SELECT registry, repository FROM tag WHERE account_id = %(account)s AND is_current
                    AND (registry, repository) > (known.registry, known.repository) ORDER BY registry, repository LIMIT 1
            ) next WHERE known.number < %(most)s
        ), fitting AS (
            SELECT registry, repository FROM known
            WHERE position(lower(%(word)s) IN lower(registry || '/' || repository)) > 0 LIMIT %(limit)s
        )
        SELECT fitting.registry, fitting.repository, newest.tag, image.digest FROM fitting CROSS JOIN LATERAL (
            SELECT tag, image_id FROM tag WHERE account_id = %(account)s AND is_current AND tag.registry = fitting.registry
                AND tag.repository = fitting.repository ORDER BY tag DESC LIMIT 1
        ) newest JOIN image ON image.id = newest.image_id ORDER BY 1, 2
        """,
        {"account": account_id, "word": plain(word), "most": int(_MOST_REPOSITORIES), "limit": limit},
    )
    return [FoundRepository(*row) for row in await cursor.fetchall()]


async def digests_beginning(connection: Connection, account_id: int, start: str, limit: int) -> list[str]:
    """Digests of the account's images that begin so."""
    cursor = await connection.execute(
        """
        SELECT image.digest FROM image JOIN account_image held ON held.image_id = image.id AND held.account_id = %s
        WHERE image.digest >= %s AND image.digest < %s ORDER BY image.digest LIMIT %s
        """,
        (account_id, start, start + "g", limit),
    )
    return [str(digest) for (digest,) in await cursor.fetchall()]


async def advisories_beginning(connection: Connection, start: str, limit: int) -> list[str]:
    """Names of advisories, and their aliases, that begin so."""
    first = plain(start)[:LONGEST_NAME]
    cursor = await connection.execute(
        "SELECT DISTINCT name FROM advisory_name WHERE name >= %s AND name < %s ORDER BY name LIMIT %s",
        (first, first + _LAST, limit),
    )
    return [str(name) for (name,) in await cursor.fetchall()]
