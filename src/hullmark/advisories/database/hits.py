"""The look-up of all packages of an inventory: one statement, however many they are and however many namespaces they ask in."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from hullmark.advisories.database.keys import version_key
from hullmark.advisories.database.schema import HIGH_OPEN, LOW_OPEN
from hullmark.advisories.match.advisory_source import Ask, Hit
from hullmark.model.advisory import Advisory, AffectedPackage, Range
from hullmark.versions import InvalidVersion
from hullmark.versions.ranges import contains, is_version

# Most ranges end before the installed version: that is asked first. An invalid bound does not end the comparison.
_INSIDE = """CASE WHEN s.{0}high < q.version OR s.{0}low > q.version THEN 0
    WHEN s.{0}high = q.version AND s.flags & 8 THEN 0 WHEN s.{0}low = q.version AND s.flags & 4 THEN 0 ELSE 1 END"""

# Of bounds that are text most are one exact version: a shorter call for those.
_BY_CODE = """CASE WHEN s.low = s.high AND s.flags & 12 = 0 THEN is_equal(q.i, s.low)
    ELSE is_inside(q.i, s.flags, s.low, s.high) END"""

_COVERS = f"""CASE WHEN s.flags & 2 THEN {_BY_CODE} WHEN q.version IS NULL THEN {{}}
    WHEN q.bare THEN {_INSIDE.format("bare_")} ELSE {_INSIDE.format("")} END"""

# `LIMIT -1` limits nothing, but keeps a subquery as it stands: what it computes is computed once a row, and not again
# wherever it is named. The version's key is made only for names that are known.
STATEMENT = f"""
WITH
listed(namespace, flags, first, names) AS (
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), names_of(key)
    FROM json_each(?) LIMIT -1),
known(i, flags, package) AS (
    SELECT listed.first + wanted.key, listed.flags, package.id
    FROM listed CROSS JOIN json_each(listed.names) AS wanted
    CROSS JOIN package ON package.namespace = listed.namespace AND package.name = wanted.value LIMIT -1),
keyed(i, flags, package, version) AS (SELECT i, flags, package, version_of(i) FROM known LIMIT -1),
question(i, package, version, bare, whole) AS (
    SELECT i, package, version, flags & 1, CASE WHEN flags & 2 THEN 1 WHEN version IS NULL THEN is_refused(i) END
    FROM keyed LIMIT -1)
SELECT q.i, s.advisory, s.part, s.number, q.whole, {_COVERS.format("NULL")}, advisory.head, part.body
FROM question AS q CROSS JOIN span AS s ON s.package = q.package
CROSS JOIN advisory ON advisory.id = s.advisory
CROSS JOIN part ON part.advisory = s.advisory AND part.number = s.part
WHERE CASE WHEN q.whole THEN 1 ELSE {_COVERS.format("1")} END
"""  # noqa: S608 - put together of the constants above
"""The look-up. Its one parameter is `_AskTable.groups`."""

_Compared = tuple[dict[bytes, bool], dict[tuple[int, bytes | None, bytes | None], bool]]
"""Of one version: whether it is one that is written so, and whether it lies between bounds (with their flags)."""

_advisory = msgspec.msgpack.Decoder(Advisory).decode
_affected = msgspec.msgpack.Decoder(AffectedPackage).decode


class LookUp:
    """Puts asks to an opened snapshot, over a connection of its own: it gives it the functions that its statement calls."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._asked = _AskTable()
        db.create_function("names_of", 1, self._asked.names_of)
        db.create_function("version_of", 1, self._asked.version_of)
        db.create_function("is_refused", 1, self._asked.is_refused)
        db.create_function("is_equal", 2, self._asked.is_equal)
        db.create_function("is_inside", 4, self._asked.is_inside)
        self._heads: dict[int, Advisory] = {}

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def hits(self, asks: Sequence[Ask]) -> list[Hit]:
        """The parts of advisories that cover what was asked for (all about the name for `is_whole`), in the order of the asks."""
        places = self._asked.begin(asks)
        rows = self._db.execute(STATEMENT, (self._asked.groups,)).fetchall()
        rows.sort()  # its first four columns tell every row apart
        heads, parts = self._heads, dict[tuple[int, int], AffectedPackage]()
        found = []
        for i, advisory, part, number, is_whole, is_inside, head, body in rows:
            if advisory not in heads:
                heads[advisory] = _advisory(head)
            if (advisory, part) not in parts:
                parts[advisory, part] = _affected(body)
            affected, place = parts[advisory, part], places[i]
            exact = number - len(affected.ranges)
            span = affected.ranges[number] if exact < 0 else _exactly(affected.versions[exact])
            covers = _contains(span, asks[place]) if is_inside is None else is_inside == 1
            if covers or is_whole:
                found.append(Hit(place, heads[advisory], affected, span, covers))
        found.sort(key=lambda hit: hit.ask)
        return found


class _AskTable:
    """What the statement has to be told of the asks. Those of one namespace and of the same flags are numbered together.

    `groups` is JSON, `[[namespace, flags, number of its first ask], ...]`.
    """

    def __init__(self) -> None:
        self.begin(())

    def begin(self, asks: Sequence[Ask]) -> list[int]:
        """From now on it speaks of these asks; answers the place of each number's ask among them."""
        grouped: dict[tuple[str, int], list[int]] = {}
        for place, ask in enumerate(asks):
            group = (ask.namespace, ask.is_bare + 2 * ask.is_whole)
            if group in grouped:
                grouped[group].append(place)
            else:
                grouped[group] = [place]
        order: list[int] = []
        groups: list[tuple[str, int, int]] = []
        for (namespace, flags), places in grouped.items():
            groups.append((namespace, flags, len(order)))
            order += places
        self.groups = json.dumps(groups)
        self._names = [[asks[place].name for place in places] for places in grouped.values()]
        self._asks = [asks[place] for place in order]
        self._of_version: dict[tuple[str, str, bool], _Compared] = {}
        self._compared: dict[int, _Compared] = {}
        return order

    def names_of(self, group: int) -> str:
        """The names that a group asks about, in order, as JSON."""
        return json.dumps(self._names[group])

    def version_of(self, i: int) -> bytes | None:
        """The key of the version, None where its order has none, or it is not a version."""
        ask = self._asks[i]
        self._compared[i] = self._of_version.setdefault((ask.scheme, ask.version, ask.is_bare), ({}, {}))
        try:
            return version_key(ask.scheme, ask.version, is_bare=ask.is_bare)
        except InvalidVersion:
            return None

    def is_refused(self, i: int) -> bool:
        """Whether it is not a version at all: what is said of the name is wanted then, so that nothing passes for sound."""
        return not is_version(self._asks[i].version, self._asks[i].scheme)

    def is_equal(self, i: int, exact: bytes) -> bool:
        """Whether it is the version that this text is. Each is compared once, as for `is_inside`."""
        known = self._compared[i][0]
        found = known.get(exact)
        if found is None:
            found = known[exact] = _contains(_exactly(exact.decode()), self._asks[i])
        return found

    def is_inside(self, i: int, flags: int, low: bytes | None, high: bytes | None) -> bool:
        """Whether the version lies between bounds that are text.

        Many advisories share a range, and many packages a version: each pair is compared once.
        """
        known = self._compared[i][1]
        found = known.get((flags, low, high))
        if found is None:
            found = known[flags, low, high] = _contains(_make_range(flags, low, high), self._asks[i])
        return found


def _make_range(flags: int, low: bytes | None, high: bytes | None) -> Range:
    """The range of a row whose bounds are text."""
    return Range(
        low=low.decode() if low else "",
        low_open=bool(flags & LOW_OPEN),
        high=high.decode() if high else "",
        high_open=bool(flags & HIGH_OPEN),
    )


def _contains(span: Range, ask: Ask) -> bool:
    return _is_in(span, ask.version, ask.scheme, ask.is_bare)


@lru_cache(maxsize=1 << 16)
def _is_in(span: Range, version: str, scheme: str, is_bare: bool) -> bool:
    return contains(span, version, scheme, is_bare=is_bare)


def _exactly(version: str) -> Range:
    return Range(low=version, high=version, high_open=False)
