"""What a snapshot says differently of packages: by coordinate and vulnerability the rows that there were, and those that there are.

Written in the transaction that changes the rows, so that all changes after one another lead from what was judged to what there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import msgspec

from hullmark.model.match import Epss, Kev
from hullmark.server.tables.advisories.matches import FoundRow, Weight
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images.coordinates import columns

Exempt = dict[int, str]
"""Advisories, by number, for which the owner of a package answers, and how."""

_encode = msgspec.msgpack.Encoder().encode


class Side(NamedTuple):
    """A match as it was or is: its row, and what its advisory weighs. `exempt`: the package's owner answers for it."""

    row: FoundRow
    weight: Weight
    exempt: str | None = None

    @property
    def counts(self) -> bool:
        """Whether it counts: nothing suppresses it."""
        return self.row.suppressed_by is None and self.exempt is None


class MatchChange(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a vulnerability in the unowned packages of a coordinate, or in one package.

    `name` is its CVE, else its id; "": it is another reason why nothing can be told, and there are no sides.
    """

    id: int
    coordinate_id: int
    package_id: int | None
    name: str
    rank: int
    before: tuple[Side, ...]
    after: tuple[Side, ...]


class _KevFields(NamedTuple):
    """Why KEV lists a vulnerability: since when, by when to act, and whether ransomware uses it."""

    added: str
    due: str
    ransomware: bool


class _Plain(NamedTuple):
    """A side as it is kept."""

    row: tuple[Any, ...]
    risk: float
    epss: float | None
    percentile: float
    kev: _KevFields | None
    exempt: str | None


_decode = msgspec.msgpack.Decoder(tuple[_Plain, ...]).decode


class OwnedPackage(NamedTuple):
    """A package that another owns."""

    id: int
    coordinate_id: int


async def owned_among(conn: Connection, coordinates: Iterable[int]) -> list[OwnedPackage]:
    """The owned packages of coordinates, and those whose owners are of one."""
    ids = sorted(set(coordinates))
    cursor = await conn.execute(
        "SELECT id, coordinate_id FROM package WHERE coordinate_id = ANY(%s::bigint[]) AND situation IS NOT NULL "
        "UNION SELECT id, coordinate_id FROM package WHERE owner_coordinate_id = ANY(%s::bigint[]) AND situation IS NOT NULL",
        (ids, ids),
    )
    return [OwnedPackage(*row) for row in await cursor.fetchall()]


async def exempt_of(conn: Connection, packages: Iterable[int]) -> dict[int, Exempt]:
    """For which advisories the owners of packages answer."""
    cursor = await conn.execute(
        "SELECT package_id, advisory_id, reason FROM package_exempt WHERE package_id = ANY(%s::bigint[])",
        (sorted(set(packages)),),
    )
    found: dict[int, Exempt] = {}
    for package, advisory, reason in await cursor.fetchall():
        found.setdefault(package, {})[advisory] = reason
    return found


async def weights_of(conn: Connection, advisories: Iterable[int]) -> dict[int, tuple[str, Weight]]:
    """The vulnerabilities of advisories, and what these weigh."""
    cursor = await conn.execute(
        "SELECT id, CASE WHEN cve <> '' THEN cve ELSE name END, risk, epss, percentile, kev_added, kev_due, is_ransomware "
        "FROM advisory WHERE id = ANY(%s::bigint[])",
        (sorted(set(advisories)),),
    )
    return {
        number: (name, _weight(risk, epss, share, None if added is None else _KevFields(added, due, ransomware)))
        for number, name, risk, epss, share, added, due, ransomware in await cursor.fetchall()
    }


def _weight(risk: float, epss: float | None, share: float | None, kev: _KevFields | None) -> Weight:
    return Weight(
        risk,
        None if epss is None else Epss(score=epss, percentile=share or 0.0),
        None if kev is None else Kev(added=kev.added, due=kev.due, ransomware=kev.ransomware),
    )


async def rows_about(conn: Connection, coordinates: Iterable[int], names: Iterable[str]) -> dict[int, set[FoundRow]]:
    """The matches of coordinates that are about some vulnerabilities."""
    cursor = await conn.execute(
        "SELECT found.* FROM coordinate_match found JOIN advisory ON advisory.id = found.advisory_id "
        "WHERE found.coordinate_id = ANY(%s::bigint[]) "
        "AND CASE WHEN advisory.cve <> '' THEN advisory.cve ELSE advisory.name END = ANY(%s::text[])",
        (sorted(set(coordinates)), sorted(set(names))),
    )
    found: dict[int, set[FoundRow]] = {}
    for row in await cursor.fetchall():
        found.setdefault(row[0], set()).add(FoundRow(*row))
    return found


NewChange = tuple[int, int | None, str, Sequence[Side], Sequence[Side]]
"""Coordinate, package, vulnerability, before, after."""


async def note(conn: Connection, snapshot_id: int, changes: Iterable[NewChange]) -> None:
    """Write changes down. Those of vulnerabilities that the snapshot's news do not name come last."""
    rows = [
        (number, package, name, _encode_sides(before), _encode_sides(after))
        for number, package, name, before, after in changes
    ]
    await conn.execute(
        "INSERT INTO match_change (snapshot_id, coordinate_id, package_id, name, rank, before, after) "
        "SELECT %s, new.coordinate_id, new.package_id, new.name, coalesce(news.rank, 3), new.before, new.after "
        "FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::bytea[], %s::bytea[]) WITH ORDINALITY "
        "AS new (coordinate_id, package_id, name, before, after, place) "
        "LEFT JOIN snapshot_news news ON news.snapshot_id = %s AND news.name = new.name ORDER BY new.place",
        (snapshot_id, *columns(rows, 5), snapshot_id),
    )


def _encode_sides(sides: Sequence[Side]) -> bytes:
    plain = [
        _Plain(
            tuple(side.row),
            side.weight.risk,
            side.weight.epss.score if side.weight.epss else None,
            side.weight.epss.percentile if side.weight.epss else 0.0,
            _KevFields(side.weight.kev.added, side.weight.kev.due, side.weight.kev.ransomware)
            if side.weight.kev
            else None,
            side.exempt,
        )
        for side in sorted(sides, key=lambda side: side.row[:2])
    ]
    return _encode(plain)


async def take(conn: Connection, snapshot_id: int, rank: int, most: int) -> list[MatchChange]:
    """The next changes up to a rank, in their order, one of each vulnerability in a coordinate or package: from what it was at first to
    what it is. They are deleted once this transaction commits."""
    cursor = await conn.execute(
        "WITH next AS (SELECT coordinate_id, name FROM match_change WHERE snapshot_id = %s AND rank <= %s ORDER BY rank, id LIMIT %s) "
        "DELETE FROM match_change WHERE snapshot_id = %s AND (coordinate_id, name) IN (SELECT * FROM next) "
        "RETURNING id, coordinate_id, package_id, name, rank, before, after",
        (snapshot_id, rank, most, snapshot_id),
    )
    rows = cast("list[tuple[int, int, int | None, str, int, bytes, bytes]]", await cursor.fetchall())
    merged: dict[tuple[int, int | None, str], MatchChange] = {}
    for number, coordinate, package, name, place, before, after in sorted(rows, key=lambda row: row[0]):
        known = merged.get((coordinate, package, name))
        merged[(coordinate, package, name)] = MatchChange(
            id=known.id if known else number,
            coordinate_id=coordinate,
            package_id=package,
            name=name,
            rank=place,
            before=known.before if known else _sides(before),
            after=_sides(after),
        )
    return sorted(merged.values(), key=lambda change: (change.rank, change.id))


def _sides(kept: bytes) -> tuple[Side, ...]:
    return tuple(
        Side(FoundRow(*side.row), _weight(side.risk, side.epss, side.percentile, side.kev), side.exempt)
        for side in _decode(kept)
    )


async def note_news(conn: Connection, snapshot_id: int, ranks: Mapping[str, int]) -> None:
    """Write down how urgent it is what a snapshot says differently of vulnerabilities."""
    await conn.execute(
        "INSERT INTO snapshot_news SELECT %s, * FROM unnest(%s::text[], %s::smallint[]) ON CONFLICT DO NOTHING",
        (snapshot_id, *columns(sorted(ranks.items()), 2)),
    )


async def forget_news(conn: Connection, snapshot_id: int) -> None:
    """Drop what was written down of this snapshot's news and of those before it."""
    await conn.execute("DELETE FROM snapshot_news WHERE snapshot_id <= %s", (snapshot_id,))
    await conn.execute("DELETE FROM match_change WHERE snapshot_id <= %s", (snapshot_id,))


class HeldPackage(NamedTuple):
    """A package as images hold it, and what of it its coordinate does not say."""

    id: int
    coordinate_id: int
    is_owned: bool
    name: str
    version: str
    arch: str
    purl: str


async def packages_of(conn: Connection, coordinates: Iterable[int]) -> dict[int, list[HeldPackage]]:
    """The packages of coordinates."""
    cursor = await conn.execute(
        "SELECT id, coordinate_id, situation IS NOT NULL, name, version, arch, purl FROM package "
        "WHERE coordinate_id = ANY(%s::bigint[]) ORDER BY id",
        (sorted(set(coordinates)),),
    )
    found: dict[int, list[HeldPackage]] = {}
    for row in await cursor.fetchall():
        found.setdefault(row[1], []).append(HeldPackage(*row))
    return found


async def bodies_of(conn: Connection, advisories: Iterable[int]) -> dict[int, bytes]:
    """What advisories say, by number; see `matches.named_of`."""
    cursor = await conn.execute(
        "SELECT id, body FROM advisory WHERE id = ANY(%s::bigint[])", (sorted(set(advisories)),)
    )
    return dict(cast("list[tuple[int, bytes]]", await cursor.fetchall()))
