"""Packages as rows: interned coordinates, the names under which they are looked up, sets of packages by layer, and who holds them.

Everything is named by a digest of its content and written in the order of these digests, so that workers that store images with the
same new packages at the same time wait for one another at most, and each row is there once. Store one image in one transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from typing import Any, LiteralString, NamedTuple

import msgspec

from hullmark.advisories.match.coordinates import Coordinate, coordinate_of, list_lookups, package_of
from hullmark.advisories.match.find import channels_in_use
from hullmark.advisories.match.lookups import is_system
from hullmark.model.inventory import Distro, Inventory
from hullmark.model.package import Package
from hullmark.server.tables.database import Connection

Key = tuple[str, str]
"""Namespace and name of a package in advisories."""

_LONGEST_NAMESPACE = 200
_READ_BY_MATCHING = ("symbols", "vendor", "section", "modularity", "manifest_name", "cpes")
_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_coordinate = msgspec.msgpack.Decoder(Coordinate).decode


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """A package that a package of the system owns: what decides whether the owner answers for it, in whatever image they are."""

    package: Package
    owner: Package
    distro: Distro | None
    channels: tuple[str, ...]


class StoredPackages(msgspec.Struct, frozen=True, kw_only=True):
    """What an image holds, by number. `owned` are the packages that others own, where it is not yet settled who answers for them."""

    coordinates: tuple[int, ...]
    owned: tuple[int, ...]


class _Row(NamedTuple):
    """A package as it is kept; the digests are those of its coordinate and its owner's (None: nobody owns it)."""

    digest: bytes
    coordinate: bytes
    type: str
    name: str
    version: str
    arch: str
    purl: str
    is_system: bool
    owned_by: str
    owner: bytes | None
    situation: bytes | None


class _Content(NamedTuple):
    """An image's packages as rows, those of each layer by their digests, and the coordinates by digest."""

    rows: dict[bytes, _Row]
    layers: list[list[bytes]]
    coordinates: dict[bytes, Coordinate]


async def store_packages(
    conn: Connection, image_id: int, inventory: Inventory, channels: Collection[str] = ()
) -> StoredPackages:
    """Keep which packages an image holds, in place of what was kept before. The number of statements is the same for all images.

    `inventory` has what Go programs were linked with (`app.server.adoption.matching.matchable`), `channels` are as for `find`.
    """
    content = _content(inventory, channels)
    coordinates = await _store_coordinates(conn, content.coordinates)
    packages, owned = await _store_rows(conn, content.rows, coordinates)
    sets = await _store_sets(conn, content, packages, coordinates)
    await conn.execute("DELETE FROM image_set WHERE image_id = %s AND set_id <> ALL(%s::bigint[])", (image_id, sets))
    await conn.execute(
        "INSERT INTO image_set SELECT %s, unnest(%s::bigint[]) ON CONFLICT DO NOTHING", (image_id, sorted(sets))
    )
    return StoredPackages(coordinates=tuple(sorted(set(coordinates.values()))), owned=tuple(sorted(owned)))


def _content(inventory: Inventory, channels: Collection[str]) -> _Content:
    used = tuple(sorted({*channels, *channels_in_use(inventory)}))
    distro = inventory.distro
    if distro is not None and distro.repositories:
        distro = msgspec.structs.replace(distro, repositories=())  # the channels say the result
    owners = {package.purl: package for package in inventory.packages if is_system(package)}
    digests: dict[Coordinate, bytes] = {}
    rows: dict[bytes, _Row] = {}
    layers: dict[int, list[bytes]] = {}

    def digest_of(package: Package) -> bytes:
        coordinate = coordinate_of(package, distro, used)
        known = digests.get(coordinate)
        if known is None:
            known = digests[coordinate] = hashlib.sha256(_encode(coordinate)).digest()
        return known

    for package in inventory.packages:
        owner = None if is_system(package) else owners.get(package.owned_by or "")
        situation = None
        if owner is not None:
            situation = Situation(package=_bare(package), owner=_bare(owner), distro=distro, channels=used)
        row = _row(package, digest_of(package), digest_of(owner) if owner else None, situation)
        if row.digest not in rows:
            rows[row.digest] = row
            layers.setdefault(package.locations[0].layer if package.locations else -1, []).append(row.digest)
    return _Content(rows, list(layers.values()), {digest: place for place, digest in digests.items()})


def _bare(package: Package) -> Package:
    """A package with no more than matching reads."""
    notes = {name: text for name in _READ_BY_MATCHING if (text := package.notes.get(name))}
    return msgspec.structs.replace(package, cataloger="", licenses=(), license_evidence=(), locations=(), notes=notes)


def _row(package: Package, coordinate: bytes, owner: bytes | None, situation: Situation | None) -> _Row:
    shown = (package.type, package.name, package.version, package.arch, package.purl)
    owned_by = package.owned_by or ""
    context = None if situation is None else _encode(situation)
    digest = hashlib.sha256(_encode((coordinate, shown, owned_by, context))).digest()
    return _Row(
        digest=digest,
        coordinate=coordinate,
        type=plain(package.type),
        name=plain(package.name),
        version=plain(package.version),
        arch=plain(package.arch),
        purl=plain(package.purl),
        is_system=is_system(package),
        owned_by=plain(owned_by),
        owner=owner,
        situation=context,
    )


def plain(value: str) -> str:
    """A text as PostgreSQL takes it, which knows no zero characters."""
    return value.replace("\0", "\ufffd")


async def _store_coordinates(conn: Connection, coordinates: dict[bytes, Coordinate]) -> dict[bytes, int]:
    digests = sorted(coordinates)
    rows = await _all(
        conn,
        "INSERT INTO coordinate (digest, body) SELECT * FROM unnest(%s::bytea[], %s::bytea[]) "
        "ON CONFLICT DO NOTHING RETURNING digest, id",
        (digests, [_encode(coordinates[digest]) for digest in digests]),
    )
    keys = sorted(
        (key_of((space, name)), plain(space)[:_LONGEST_NAMESPACE], number)
        for digest, number in rows
        for space, name in _keys(coordinates[digest])
    )
    await conn.execute(
        "INSERT INTO coordinate_key SELECT * FROM unnest(%s::bytea[], %s::text[], %s::bigint[]) ON CONFLICT DO NOTHING",
        columns(keys, 3),
    )
    found = await _all(conn, "SELECT digest, id FROM coordinate WHERE digest = ANY(%s::bytea[])", (digests,))
    return dict(found)


def _keys(coordinate: Coordinate) -> set[Key]:
    """Every name under which a snapshot could have it."""
    return {(lookup.ask.namespace, lookup.ask.name) for lookup in list_lookups(package_of(coordinate), coordinate)}


def key_of(key: Key) -> bytes:
    """The sixteen bytes under which a name is found. Two names in one would only be matched together."""
    return hashlib.sha256(_encode(key)).digest()[:16]


async def _store_rows(
    conn: Connection, rows: dict[bytes, _Row], coordinates: dict[bytes, int]
) -> tuple[dict[bytes, int], set[int]]:
    """The numbers of packages by digest, and of those that are owned and not settled."""
    values = [
        (row.digest, coordinates[row.coordinate], *row[2:9], None if row.owner is None else coordinates[row.owner],
         row.situation, row.situation is None)
        for row in (rows[digest] for digest in sorted(rows))
    ]  # fmt: skip
    await conn.execute(
        "INSERT INTO package (digest, coordinate_id, type, name, version, arch, purl, is_system, owned_by, owner_coordinate_id, "
        "situation, is_settled) SELECT * FROM unnest(%s::bytea[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], "
        "%s::text[], %s::boolean[], %s::text[], %s::bigint[], %s::bytea[], %s::boolean[]) ON CONFLICT DO NOTHING",
        columns(values, 12),
    )
    found = await _all(
        conn, "SELECT digest, id, is_settled FROM package WHERE digest = ANY(%s::bytea[])", (sorted(rows),)
    )
    return {digest: number for digest, number, _ in found}, {number for _, number, settled in found if not settled}


async def _store_sets(
    conn: Connection, content: _Content, packages: dict[bytes, int], coordinates: dict[bytes, int]
) -> list[int]:
    """The numbers of the image's sets, each written with its members if it is new."""
    sets = {hashlib.sha256(b"".join(sorted(layer))).digest(): layer for layer in content.layers}
    new = await _all(
        conn,
        "INSERT INTO package_set (digest) SELECT unnest(%s::bytea[]) ON CONFLICT DO NOTHING RETURNING digest, id",
        (sorted(sets),),
    )
    members = sorted(
        (number, packages[place], coordinates[content.rows[place].coordinate])
        for digest, number in new
        for place in sets[digest]
    )
    await conn.execute(
        "INSERT INTO set_member SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[])", columns(members, 3)
    )
    found = await _all(conn, "SELECT id FROM package_set WHERE digest = ANY(%s::bytea[])", (sorted(sets),))
    return [number for (number,) in found]


async def coordinates_by_id(conn: Connection, ids: Iterable[int]) -> dict[int, Coordinate]:
    """The coordinates of these numbers."""
    rows = await _all(conn, "SELECT id, body FROM coordinate WHERE id = ANY(%s::bigint[])", (sorted(set(ids)),))
    return {number: _coordinate(body) for number, body in rows}


def namespace_key(namespace: str) -> str:
    """A namespace as `coordinate_key` holds it."""
    return namespace[:_LONGEST_NAMESPACE]


def columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """Rows as the arrays that `unnest` takes. `width` counts where there are no rows."""
    flat = list(chain.from_iterable(rows))
    return [flat[at::width] for at in range(width)]


async def _all(conn: Connection, statement: LiteralString, values: Sequence[object]) -> list[tuple[Any, ...]]:
    return await (await conn.execute(statement, values)).fetchall()
