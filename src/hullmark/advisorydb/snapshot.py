"""A snapshot, opened for questions. It is never written; opening reads one page."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from hullmark.advisorydb.keys import version_key
from hullmark.advisorydb.schema import APPLICATION_ID, FORMAT, HIGH_OPEN, LOW_OPEN, Coverage, FeedInfo
from hullmark.match.book import Ask, Extent, Hit
from hullmark.model.advisory import Advisory, Affected, Exploitability, Exploited, Lifecycle, Range, Statement, Support
from hullmark.model.errors import HullmarkError
from hullmark.versions import InvalidVersion
from hullmark.versions.ranges import contains, is_version

_QUESTIONS = """
CREATE TEMP TABLE IF NOT EXISTS question
    (i INTEGER PRIMARY KEY, package INTEGER NOT NULL, version BLOB, bare INTEGER NOT NULL, whole INTEGER NOT NULL)
"""

_NAMED = """
SELECT package.name, package.id FROM json_each(?) AS wanted
CROSS JOIN package ON package.namespace = ? AND package.name = wanted.value
"""

# Most ranges end before the installed version: that is asked first. What is compared with a bound that is none goes on.
_INSIDE = """CASE WHEN s.{0}high < q.version OR s.{0}low > q.version THEN 0
    WHEN s.{0}high = q.version AND s.flags & 8 THEN 0 WHEN s.{0}low = q.version AND s.flags & 4 THEN 0 ELSE 1 END"""

_COVERS = f"""CASE WHEN s.flags & 2 THEN is_inside(q.i, s.flags, s.low, s.high) WHEN q.version IS NULL THEN {{}}
    WHEN q.bare THEN {_INSIDE.format("bare_")} ELSE {_INSIDE.format("")} END"""

_HITS = f"""
SELECT q.i, s.advisory, s.part, s.number, {_COVERS.format("NULL")}
FROM temp.question AS q CROSS JOIN span AS s ON s.package = q.package
WHERE CASE WHEN q.whole THEN 1 ELSE {_COVERS.format("1")} END
ORDER BY q.i, s.advisory, s.part, s.number
"""  # noqa: S608 - put together of the constants above

_HEADS = (
    "SELECT advisory.id, advisory.head FROM json_each(?) AS wanted CROSS JOIN advisory ON advisory.id = wanted.value"
)

_PARTS = """
SELECT part.advisory, part.number, part.body FROM json_each(?) AS wanted
CROSS JOIN part ON part.advisory = wanted.value >> 32 AND part.number = wanted.value & 0xFFFFFFFF
"""

_Row = tuple[int, int, int, int, int | None]
"""Ask, advisory, part, number of the range, and whether it covers the version: None where neither keys nor their texts tell."""

_T = TypeVar("_T")
_advisory = msgspec.msgpack.Decoder(Advisory).decode
_affected = msgspec.msgpack.Decoder(Affected).decode


class Snapshot:
    """One opened snapshot. Use it in one thread; close it, or use it as a context manager."""

    def __init__(self, path: Path, digest: str) -> None:
        """Open the file. Raises HullmarkError if it is no snapshot, or one of another format."""
        self.path, self.digest = path, digest
        advice = "make a new one: hullmark db update"
        try:
            self._db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
            found = (self._pragma("application_id"), self._pragma("user_version"))
        except sqlite3.Error as error:
            raise HullmarkError(f"{path} cannot be opened as a snapshot: {error}", advice=advice) from error
        if found != (APPLICATION_ID, FORMAT):
            self._db.close()
            what = (
                "is no snapshot"
                if found[0] != APPLICATION_ID
                else f"has format {found[1]}, this program reads {FORMAT}"
            )
            raise HullmarkError(f"{path} {what}", advice=advice)
        self._db.execute("PRAGMA temp_store = MEMORY")
        self._db.execute("PRAGMA mmap_size = 1073741824")
        self._heads: dict[int, Advisory] = {}

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    # What there is

    @cached_property
    def data_at(self) -> str:
        """The youngest date in the records (ISO 8601), "" if none has one."""
        return str(self._db.execute("SELECT value FROM about WHERE name = 'data_at'").fetchone()[0])

    @cached_property
    def feeds(self) -> tuple[FeedInfo, ...]:
        """The feeds whose records it holds, by name."""
        rows = self._db.execute("SELECT body FROM feed ORDER BY name")
        return tuple(msgspec.msgpack.decode(body, type=FeedInfo) for (body,) in rows)

    @cached_property
    def licences(self) -> dict[str, str]:
        """The licence of each feed's data."""
        return {feed.name: feed.licence for feed in self.feeds}

    @cached_property
    def coverage(self) -> tuple[Coverage, ...]:
        """What each feed says of each namespace, sorted by both."""
        rows = self._db.execute(
            "SELECT namespace, feed.name, advisories, data_at FROM coverage JOIN feed ON feed.id = feed "
            "ORDER BY namespace, feed.name"
        )
        return tuple(Coverage(namespace=row[0], feed=row[1], advisories=row[2], data_at=row[3]) for row in rows)

    @cached_property
    def namespaces(self) -> dict[str, Extent]:
        """Every namespace of which anything is known, and how much."""
        latest = {feed.name: feed.data_at if feed.fresh_days else "" for feed in self.feeds}
        found: dict[str, Extent] = {}
        for row in self.coverage:
            known = found.get(row.namespace, Extent(0, ""))
            data_at = max(known.data_at, latest[row.feed])
            found[row.namespace] = Extent(known.advisories + row.advisories, data_at)
        return found

    # Look-ups

    def hits(self, asks: Sequence[Ask]) -> list[Hit]:
        """The parts of advisories that cover what was asked for (all about the name for `is_whole`), in the order of the asks.

        One query for the names of each namespace, one for the ranges. A version that its scheme refuses is asked as a whole,
        and compared as `versions.ranges` tells.
        """
        packages = self._packages(asks)
        known = {
            i: package for i, ask in enumerate(asks) if (package := packages[ask.namespace].get(ask.name)) is not None
        }
        if not known:
            return []
        keys = {i: _key(asks[i]) for i in known}
        whole = {
            i
            for i in known
            if asks[i].is_whole or (keys[i] is None and not is_version(asks[i].version, asks[i].scheme))
        }
        self._db.create_function("is_inside", 4, _comparison({i: asks[i] for i in known}))
        rows = self._rows((i, package, keys[i], asks[i].is_bare, i in whole) for i, package in known.items())
        self._load(row[1] for row in rows)
        parts = self._parts({(row[1], row[2]) for row in rows})
        found = []
        for i, advisory, part, number, is_inside in rows:
            affected = parts[advisory, part]
            exact = number - len(affected.ranges)
            span = affected.ranges[number] if exact < 0 else _exactly(affected.versions[exact])
            covers = _contains(span, asks[i]) if is_inside is None else is_inside == 1
            if covers or i in whole:
                found.append(Hit(i, self._heads[advisory], affected, span, covers))
        return found

    def _packages(self, asks: Iterable[Ask]) -> dict[str, dict[str, int]]:
        """The numbers of the packages that are asked about and known, by namespace and name."""
        wanted: dict[str, dict[str, None]] = {}
        for ask in asks:
            wanted.setdefault(ask.namespace, {})[ask.name] = None
        return {
            namespace: dict(self._db.execute(_NAMED, (json.dumps(list(names)), namespace)))
            for namespace, names in wanted.items()
        }

    def _rows(self, questions: Iterable[tuple[int, int, bytes | None, bool, bool]]) -> list[_Row]:
        self._db.execute(_QUESTIONS)
        self._db.execute("DELETE FROM temp.question")
        self._db.executemany("INSERT INTO temp.question VALUES (?, ?, ?, ?, ?)", questions)
        return self._db.execute(_HITS).fetchall()

    def _load(self, numbers: Iterable[int]) -> None:
        missing = sorted(set(numbers) - self._heads.keys())
        rows = self._db.execute(_HEADS, (json.dumps(missing),)) if missing else ()
        self._heads.update((number, _advisory(head)) for number, head in rows)

    def _parts(self, wanted: set[tuple[int, int]]) -> dict[tuple[int, int], Affected]:
        pairs = json.dumps(sorted(advisory << 32 | number for advisory, number in wanted))
        rows = self._db.execute(_PARTS, (pairs,))
        return {(advisory, number): _affected(body) for advisory, number, body in rows}

    def named(self, names: Iterable[str]) -> dict[str, list[Advisory]]:
        """Advisories that have one of these ids or aliases, without what they affect, by the id asked for."""
        found: dict[str, list[Advisory]] = {}
        for chunk in _chunks(sorted(set(names))):
            marks = ",".join("?" * len(chunk))
            rows = self._db.execute(
                f"SELECT alias.name, head FROM alias JOIN advisory ON id = alias.advisory WHERE alias.name IN ({marks}) "  # noqa: S608
                "ORDER BY alias.name, id",
                chunk,
            )
            for name, head in rows:
                found.setdefault(name, []).append(_advisory(head))
        return found

    def rated(self, names: Iterable[str]) -> dict[str, list[Advisory]]:
        """Advisories that have one of these very ids, without what they affect."""
        found: dict[str, list[Advisory]] = {}
        for chunk in _chunks(sorted(set(names))):
            marks = ",".join("?" * len(chunk))
            rows = self._db.execute(
                f"SELECT name, head FROM advisory WHERE name IN ({marks}) ORDER BY name, id",  # noqa: S608
                chunk,
            )
            for name, head in rows:
                found.setdefault(name, []).append(_advisory(head))
        return found

    def complete(self, name: str) -> tuple[Advisory, ...]:
        """Every advisory with this id or alias, with all that it affects."""
        rows = self._db.execute(
            "SELECT advisory.id, head FROM alias JOIN advisory ON id = alias.advisory WHERE alias.name = ? ORDER BY id",
            (name,),
        ).fetchall()
        return tuple(self._whole(number, head) for number, head in rows)

    def about(self, namespace: str, name: str) -> tuple[Advisory, ...]:
        """Every advisory about a package, with all that it affects. An empty namespace is any."""
        rows = self._db.execute(
            "SELECT DISTINCT advisory.id, head FROM package JOIN span ON span.package = package.id "
            "JOIN advisory ON advisory.id = span.advisory WHERE package.name = ? AND ? IN ('', package.namespace) "
            "ORDER BY advisory.id",
            (name, namespace),
        ).fetchall()
        return tuple(self._whole(number, head) for number, head in rows)

    def _whole(self, number: int, head: bytes) -> Advisory:
        rows = self._db.execute("SELECT body FROM part WHERE advisory = ? ORDER BY number", (number,))
        return msgspec.structs.replace(_advisory(head), affected=tuple(_affected(body) for (body,) in rows))

    def hashes(self) -> Iterator[tuple[str, str, bytes, int]]:
        """Feed, id, match-relevant hash and row number of every advisory, sorted by feed and id."""
        yield from self._db.execute(
            "SELECT feed.name, advisory.name, hash, advisory.id FROM feed JOIN advisory ON feed = feed.id "
            "ORDER BY feed.name, advisory.name"
        )

    def by_number(self, number: int) -> Advisory:
        """The advisory of a row number, with all that it affects."""
        head = self._db.execute("SELECT head FROM advisory WHERE id = ?", (number,)).fetchone()[0]
        return self._whole(number, head)

    # What is known by CVE, product and distribution

    def exploited(self, cves: Iterable[str]) -> dict[str, Exploited]:
        """Entries of the catalogue of known exploited vulnerabilities."""
        return {
            cve: msgspec.msgpack.decode(body, type=Exploited) for cve, body in self._by_cve("cve, body", "kev", cves)
        }

    def exploitability(self, cves: Iterable[str]) -> dict[str, Exploitability]:
        """EPSS scores."""
        rows = self._by_cve("cve, score, percentile, day", "epss", cves)
        return {row[0]: Exploitability(*row) for row in rows}

    def _by_cve(self, columns: str, table: str, cves: Iterable[str]) -> Iterator[tuple[Any, ...]]:
        for chunk in _chunks(sorted(set(cves))):
            marks = ",".join("?" * len(chunk))
            yield from self._db.execute(f"SELECT {columns} FROM {table} WHERE cve IN ({marks})", chunk)  # noqa: S608

    def all_exploited(self) -> dict[str, Exploited]:
        """The whole catalogue of known exploited vulnerabilities."""
        rows = self._db.execute("SELECT cve, body FROM kev ORDER BY cve")
        return {cve: msgspec.msgpack.decode(body, type=Exploited) for cve, body in rows}

    def all_scores(self) -> Iterator[tuple[str, float]]:
        """CVE and EPSS score of all, sorted by CVE."""
        yield from self._db.execute("SELECT cve, score FROM epss ORDER BY cve")

    def lifecycles(self, product: str, release: str = "") -> tuple[Lifecycle, ...]:
        """What is known of a product's releases (of one of them), sorted."""
        rows = self._db.execute(
            "SELECT body FROM lifecycle WHERE product = ? AND ? IN ('', release) ORDER BY release, feed",
            (product, release),
        )
        return tuple(msgspec.msgpack.decode(body, type=Lifecycle) for (body,) in rows)

    def support(self, namespaces: Sequence[str]) -> dict[str, Support]:
        """Packages of these namespaces that their distribution maintains less than the rest, by name."""
        marks = ",".join("?" * len(namespaces))
        rows = self._db.execute(f"SELECT name, body FROM support WHERE namespace IN ({marks})", tuple(namespaces))  # noqa: S608
        return {name: msgspec.msgpack.decode(body, type=Support) for name, body in rows}

    def statements(self, products: Iterable[str]) -> list[Statement]:
        """VEX statements of the hub about these products (purls without version), in the order they were made."""
        found: dict[int, Statement] = {}
        for chunk in _chunks(sorted(set(products))):
            marks = ",".join("?" * len(chunk))
            rows = self._db.execute(f"SELECT id, body FROM statement WHERE product IN ({marks})", chunk)  # noqa: S608
            found.update((number, msgspec.msgpack.decode(body, type=Statement)) for number, body in rows)
        return [found[number] for number in sorted(found)]


def _key(ask: Ask) -> bytes | None:
    try:
        return version_key(ask.scheme, ask.version, is_bare=ask.is_bare)
    except InvalidVersion:
        return None


def _contains(span: Range, ask: Ask) -> bool:
    return contains(span, ask.version, ask.scheme, is_bare=ask.is_bare)


def _comparison(asks: Mapping[int, Ask]) -> Callable[[int, int, bytes | None, bytes | None], bool]:
    """A function for the query: whether the ask's version lies between bounds that are text.

    Many advisories share a range, and many packages a version: each pair is compared once.
    """
    versions = {i: (ask.scheme, ask.version, ask.is_bare) for i, ask in asks.items()}
    numbers = {version: number for number, version in enumerate(versions.values())}
    places = {i: numbers[version] for i, version in versions.items()}
    known: dict[tuple[int, int, bytes | None, bytes | None], bool] = {}

    def is_inside(i: int, flags: int, low: bytes | None, high: bytes | None) -> bool:
        key = (places[i], flags, low, high)
        found = known.get(key)
        if found is None:
            found = known[key] = _contains(_written(flags, low, high), asks[i])
        return found

    return is_inside


def _written(flags: int, low: bytes | None, high: bytes | None) -> Range:
    """The range of a row whose bounds are text."""
    return Range(
        low=low.decode() if low else "",
        low_open=bool(flags & LOW_OPEN),
        high=high.decode() if high else "",
        high_open=bool(flags & HIGH_OPEN),
    )


def _exactly(version: str) -> Range:
    return Range(low=version, high=version, high_open=False)


def _chunks(values: Sequence[_T], size: int = 400) -> Iterator[Sequence[_T]]:
    for at in range(0, len(values), size):
        yield values[at : at + size]
