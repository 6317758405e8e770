"""Which images of an account hold a package, or something that an advisory is about: page by page, by the images' numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString

import msgspec

from hullmark.model.limit import Limit
from hullmark.server.tables.advisories.matches import LONGEST_NAME
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images.coordinates import plain

_MOST_PURLS = Limit(100, "packages that are named of an image that holds an advisory's", "shortened")
_MANY_SETS = 300
"""Above this many package sets, the account's images are scanned one by one: every few of them hold one."""


class PackageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which packages are looked for: of this very name; in this version and of this purl type where they are said."""

    name: str
    version: str = ""
    type: str = ""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """An image that holds what was requested, and the purls of the packages in it (of many, the first hundred)."""

    image_id: int
    digest: str
    purls: tuple[str, ...]


class HolderPage(msgspec.Struct, frozen=True, kw_only=True):
    """Images by number, and after which number to go on (None: that was all). A page may be shorter than asked for."""

    holders: tuple[Holder, ...]
    next: int | None


async def images_with_advisory(
    conn: Connection, account_id: int, name: str, cursor: int | None = None, limit: int = 100
) -> HolderPage:
    """The images of an account in which a vulnerability (any id or alias) counts."""
    return await _page(conn, account_id, await _packages_with(conn, name), cursor or 0, limit)


async def sets_with_advisory(conn: Connection, name: str) -> list[int]:
    """The sets of packages in which a vulnerability (any id or alias) counts, whoever's images hold them."""
    return await _sets_of(conn, [number for (number,) in await _packages_with(conn, name)])


async def _packages_with(conn: Connection, name: str) -> list[tuple[Any, ...]]:
    found = await conn.execute(
        "SELECT DISTINCT p.id FROM advisory_name n JOIN coordinate_match m ON m.advisory_id = n.advisory_id "
        "JOIN package p ON p.coordinate_id = m.coordinate_id WHERE n.name = %s AND m.suppressed_by IS NULL AND NOT EXISTS "
        "(SELECT FROM package_exempt x WHERE x.package_id = p.id AND x.advisory_id = m.advisory_id)",
        (plain(name)[:LONGEST_NAME],),
    )
    return await found.fetchall()


async def _sets_of(conn: Connection, packages: Sequence[int]) -> list[int]:
    cursor = await conn.execute(
        "SELECT DISTINCT set_id FROM set_member WHERE package_id = ANY(%s::bigint[])", (list(packages),)
    )
    return [int(number) for (number,) in await cursor.fetchall()]


async def images_with_package(
    conn: Connection, account_id: int, wanted: PackageQuery, cursor: int | None = None, limit: int = 100
) -> HolderPage:
    """The images of an account that hold such a package."""
    found = await conn.execute(
        "SELECT id FROM package WHERE name = %(name)s AND %(version)s IN ('', version) AND %(type)s IN ('', type)",
        {"name": plain(wanted.name), "version": plain(wanted.version), "type": plain(wanted.type)},
    )
    return await _page(conn, account_id, await found.fetchall(), cursor or 0, limit)


# The account's next images of each set.
_FROM_SETS: LiteralString = """
SELECT DISTINCT image_id FROM unnest(%(sets)s::bigint[]) AS sets (set_id) CROSS JOIN LATERAL (
    SELECT i.image_id FROM image_set i JOIN account_image h ON h.image_id = i.image_id AND h.account_id = %(account)s
    WHERE i.set_id = sets.set_id AND i.image_id > %(after)s ORDER BY i.image_id LIMIT %(limit)s
) AS held ORDER BY image_id LIMIT %(limit)s"""
# The account's images that hold one of the sets. `+ 0`: the sets are hashed once; as a key of the index they would be sorted
# again for each image.
_FROM_ACCOUNT: LiteralString = """
SELECT h.image_id FROM account_image h CROSS JOIN LATERAL
    (SELECT FROM image_set i WHERE i.image_id = h.image_id AND i.set_id + 0 = ANY(%(sets)s::bigint[]) LIMIT 1) AS held
WHERE h.account_id = %(account)s AND h.image_id > %(after)s ORDER BY h.image_id LIMIT %(limit)s"""
_PURLS: LiteralString = """
SELECT image.id, image.digest, array_agg(DISTINCT p.purl ORDER BY p.purl)
FROM image_set i JOIN set_member s ON s.set_id = i.set_id
JOIN package p ON p.id = s.package_id JOIN image ON image.id = i.image_id
WHERE i.image_id = ANY(%(images)s::bigint[]) AND s.package_id = ANY(%(packages)s::bigint[])
GROUP BY 1, 2 ORDER BY 1"""


async def images_with_sets(conn: Connection, account_id: int, sets: Sequence[int], after: int, limit: int) -> list[int]:
    """The next images of an account, by number, that hold one of these sets of packages."""
    parameters = {"sets": list(sets), "account": account_id, "after": after, "limit": limit}
    statement = _FROM_ACCOUNT if len(sets) > _MANY_SETS else _FROM_SETS
    cursor = await conn.execute(statement, parameters, prepare=False)
    return [int(number) for (number,) in await cursor.fetchall()]


async def _page(
    conn: Connection, account_id: int, hits: Sequence[tuple[Any, ...]], after: int, limit: int
) -> HolderPage:
    """A page of the images that hold one of these packages, each a row with its number."""
    packages = [number for (number,) in hits]
    images = await images_with_sets(conn, account_id, await _sets_of(conn, packages), after, limit + 1)
    shown = {"packages": packages, "images": images[:limit]}
    rows = await (await conn.execute(_PURLS, shown, prepare=False)).fetchall()
    found = tuple(Holder(image_id=row[0], digest=row[1], purls=tuple(row[2][:_MOST_PURLS])) for row in rows)
    return HolderPage(holders=found, next=images[limit - 1] if len(images) > limit else None)
