"""A snapshot, opened for questions. It is never written; opening reads one page."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from hullmark.advisorydb.keys import version_key
from hullmark.advisorydb.schema import APPLICATION_ID, BY_CODE, FORMAT, HIGH_OPEN, LOW_OPEN, Coverage, FeedInfo
from hullmark.match.book import Ask, Extent, Hit
from hullmark.model.advisory import Advisory, Affected, Exploitability, Exploited, Lifecycle, Range, Statement, Support
from hullmark.model.errors import HullmarkError
from hullmark.versions import InvalidVersion
from hullmark.versions.ranges import contains

_HITS = """
SELECT q.i, s.advisory, s.part, s.number, s.flags, CASE WHEN s.flags & 2 THEN s.low END, CASE WHEN s.flags & 2 THEN s.high END
FROM temp.q AS q CROSS JOIN package AS p ON p.namespace = q.namespace AND p.name = q.name
CROSS JOIN span AS s ON s.package = p.id
WHERE (s.flags & 2) OR q.version IS NULL OR CASE q.bare
    WHEN 0 THEN (s.low IS NULL OR s.low < q.version OR (s.low = q.version AND NOT s.flags & 4))
        AND (s.high IS NULL OR q.version < s.high OR (s.high = q.version AND NOT s.flags & 8))
    ELSE (s.bare_low IS NULL OR s.bare_low < q.version OR (s.bare_low = q.version AND NOT s.flags & 4))
        AND (s.bare_high IS NULL OR q.version < s.bare_high OR (s.bare_high = q.version AND NOT s.flags & 8))
END
ORDER BY q.i, s.advisory, s.part, s.number
"""

_Row = tuple[int, int, int, int, int, bytes | None, bytes | None]
"""Ask, advisory, part, number of the range, flags; and the bounds where they are text."""

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

        One query. A version that its scheme refuses is asked as a whole, and compared as `versions.ranges` tells.
        """
        keys = [_key(ask) for ask in asks]
        rows = _covering(asks, self._rows(asks, keys))
        self._load(row[1] for row in rows)
        parts = self._parts({(row[1], row[2]) for row in rows})
        found = []
        for i, advisory, part, number, flags, _, _ in rows:
            ask, affected = asks[i], parts[advisory, part]
            exact = number - len(affected.ranges)
            span = affected.ranges[number] if exact < 0 else _exactly(affected.versions[exact])
            is_compared = ask.is_whole or (keys[i] is None and not flags & BY_CODE)
            covers = not is_compared or contains(span, ask.version, ask.scheme, is_bare=ask.is_bare)
            if covers or ask.is_whole:
                found.append(Hit(i, self._heads[advisory], affected, span, covers))
        return found

    def _rows(self, asks: Sequence[Ask], keys: Sequence[bytes | None]) -> list[_Row]:
        self._db.execute("DROP TABLE IF EXISTS temp.q")
        self._db.execute("CREATE TEMP TABLE q (i INTEGER, namespace TEXT, name TEXT, version BLOB, bare INTEGER)")
        values = [
            (i, ask.namespace, ask.name, None if ask.is_whole else keys[i], ask.is_bare) for i, ask in enumerate(asks)
        ]
        self._db.executemany("INSERT INTO temp.q VALUES (?, ?, ?, ?, ?)", values)
        return self._db.execute(_HITS).fetchall()

    def _load(self, numbers: Iterable[int]) -> None:
        missing = sorted(set(numbers) - self._heads.keys())
        for chunk in _chunks(missing):
            marks = ",".join("?" * len(chunk))
            rows = self._db.execute(f"SELECT id, head FROM advisory WHERE id IN ({marks})", chunk)  # noqa: S608 - question marks
            self._heads.update((number, _advisory(head)) for number, head in rows)

    def _parts(self, wanted: set[tuple[int, int]]) -> dict[tuple[int, int], Affected]:
        found: dict[tuple[int, int], Affected] = {}
        for chunk in _chunks(sorted(wanted)):
            marks = ",".join(["(?,?)"] * len(chunk))
            values = [value for pair in chunk for value in pair]
            rows = self._db.execute(
                f"SELECT advisory, number, body FROM part WHERE (advisory, number) IN (VALUES {marks})",  # noqa: S608
                values,
            )
            found.update(((advisory, number), _affected(body)) for advisory, number, body in rows)
        return found

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


def _covering(asks: Sequence[Ask], rows: Iterable[_Row]) -> list[_Row]:
    """The rows without those whose range is compared by code and lacks the version. Many advisories share a range."""
    known: dict[tuple[object, ...], bool] = {}
    kept = []
    for row in rows:
        flags, low, high = row[4:]
        ask = asks[row[0]]
        if flags & BY_CODE and not ask.is_whole:
            key = (ask.scheme, ask.version, low, high, flags & (LOW_OPEN | HIGH_OPEN))
            covers = known.get(key)
            if covers is None:
                covers = known[key] = contains(_written(flags, low, high), ask.version, ask.scheme, is_bare=ask.is_bare)
            if not covers:
                continue
        kept.append(row)
    return kept


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
