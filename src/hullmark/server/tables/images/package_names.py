"""The packages of a name in images, without repeats."""

from __future__ import annotations

from collections.abc import Sequence

from hullmark.server.tables.database import Connection
from hullmark.server.tables.images.coordinates import plain
from hullmark.server.tables.images.holders import PackageQuery

Named = tuple[str, str, str, str]
"""Type, name, version, purl."""


async def packages_named(conn: Connection, image_ids: Sequence[int], wanted: PackageQuery) -> dict[int, list[Named]]:
    """The packages that are looked for, in each of these images."""
    cursor = await conn.execute(
        "SELECT DISTINCT i.image_id, p.type, p.name, p.version, p.purl FROM image_set i JOIN set_member s ON s.set_id = i.set_id "
        "JOIN package p ON p.id = s.package_id WHERE i.image_id = ANY(%(images)s::bigint[]) AND p.name = %(name)s "
        "AND %(version)s IN ('', p.version) AND %(type)s IN ('', p.type) ORDER BY 1, 2, 3, 4, 5",
        {
            "images": list(image_ids),
            "name": plain(wanted.name),
            "version": plain(wanted.version),
            "type": plain(wanted.type),
        },
    )
    found: dict[int, list[Named]] = {}
    for image_id, *named in await cursor.fetchall():
        found.setdefault(int(image_id), []).append((named[0], named[1], named[2], named[3]))
    return found
