"""Writes records into the tables of a snapshot, feed by feed.

What one feed writes, and how it is numbered, depends on no other feed, but for two things: a package has the number that it has in the
first feed that speaks of it, and what a feed overrides is removed in the end.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator

import msgspec

from hullmark.advisories.database.contributions import Contribution, Extent, Key
from hullmark.advisories.database.keys import bare_bound_key, bound_key
from hullmark.advisories.database.schema import (
    BY_CODE,
    HIGH_OPEN,
    LOW_OPEN,
    UNAFFECTED,
    FeedInfo,
    numbers_of,
    row_number,
)
from hullmark.advisories.database.wholeness import day_of, goes_by_check, list_coverage, whole_at
from hullmark.model.advisory import (
    EXPLOITED,
    Advisory,
    AffectedPackage,
    Exploitability,
    KevEntry,
    Lifecycle,
    Range,
    Record,
    Statement,
    Support,
)

Span = tuple[int, int, int, int, int, bytes | None, bytes | None, bytes | None, bytes | None]

_MANY = 10_000
"""As many rows of short records are written at once."""


def match_hash(advisory: Advisory) -> bytes:
    """Sixteen bytes over what decides matching and weighing, so that a reworded text is not a change.

    That is: who says it, aliases, severity, ratings, withdrawal, and all that is affected.
    """
    matters = (
        advisory.id,
        advisory.source,
        sorted(advisory.aliases),
        advisory.severity,
        advisory.cvss,
        bool(advisory.withdrawn),
        advisory.affected,
    )
    return hashlib.sha256(msgspec.msgpack.encode(matters)).digest()[:16]


class Writer:
    """Writes over a connection. Feeds come in their order: their records to be written, or what they gave and what stands there already."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._encode = msgspec.msgpack.Encoder().encode
        self.packages: dict[Key, int] = {}
        """The numbers of all packages."""
        self.contributions: list[Contribution] = []
        """What each feed gave."""
        self._infos: list[FeedInfo] = []
        self._begin()

    def _begin(self) -> None:
        self._feed = len(self.contributions) + 1
        self._advisory = self._statement = self._count = 0
        self._own: dict[Key, int] = {}
        self._known: dict[Key, tuple[int, tuple[str, ...]]] = {}
        self._extents: dict[str, tuple[int, str]] = {}
        self._days: set[str] = set()
        self._tables: set[str] = set()
        self._scores: list[tuple[str, float, float, str]] = []

    # Feeds

    def feed(self, info: FeedInfo, digest: str, records: Iterable[Record]) -> None:
        """Write the records of the next feed."""
        self._begin()
        for record in records:
            self._count += 1
            self._days.add(self._write(record))
        self._write_scores()
        self._infos.append(info)
        self.contributions.append(
            Contribution(
                name=info.name,
                digest=digest,
                overrides=info.overrides,
                count=self._count,
                days=tuple(sorted(self._days - {""})),
                extents=tuple(Extent(name, *self._extents[name]) for name in sorted(self._extents)),
                packages=tuple(self._own),
                tables=tuple(sorted(self._tables)),
            )
        )

    def keep(self, info: FeedInfo, contribution: Contribution) -> None:
        """The next feed gave this, and what it gave stands there already."""
        first = row_number(len(self.contributions) + 1, 1)
        for number, key in enumerate(contribution.packages, first):
            self.packages.setdefault(key, number)
        self._infos.append(info)
        self.contributions.append(contribution)

    def describe(self) -> None:
        """Write what feeds say of themselves, and which namespaces they cover completely."""
        for table in ("about", "feed", "coverage"):
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own words
        for number, (info, gave) in enumerate(zip(self._infos, self.contributions, strict=True), 1):
            self._describe(number, info, gave)
        data_at = max((max(gave.days, default="") for gave in self.contributions), default="")
        self._db.execute("INSERT INTO about VALUES ('data_at', ?)", (data_at,))

    def _describe(self, number: int, info: FeedInfo, gave: Contribution) -> None:
        # A date in the future makes nothing fresh.
        past = max((day for day in gave.days if not info.checked_on or day <= info.checked_on), default="")
        info = msgspec.structs.replace(info, records=gave.count, data_at=max(gave.days, default=""))
        extents = {extent.namespace: extent for extent in gave.extents}
        counts = {extent.namespace: extent.advisories for extent in gave.extents}
        whole = dict(list_coverage(info, counts, whole_at(info, past)))
        for name in sorted(extents.keys() | whole.keys()):
            extent = extents.get(name) or Extent(name, 0, "")
            row = (name, number, extent.advisories, extent.data_at, whole.get(name, ""))
            self._db.execute("INSERT INTO coverage VALUES (?, ?, ?, ?, ?)", row)
        if not goes_by_check(info, bool(past)):
            info = msgspec.structs.replace(info, checked_on="")
        self._db.execute("INSERT INTO feed VALUES (?, ?, ?)", (number, info.name, self._encode(info)))

    # Records

    def _write(self, record: Record) -> str:
        """Write one record; answers the day that it speaks of."""
        match record:
            case Advisory():
                self._write_advisory(record)
            case Exploitability():
                self._tables.add("epss")
                self._scores.append((record.cve, record.score, record.percentile, record.day))
                if len(self._scores) == _MANY:
                    self._write_scores()
            case KevEntry():
                self._tables.add("kev")
                self._extend(EXPLOITED, record.added)
                self._db.execute("INSERT OR REPLACE INTO kev VALUES (?, ?)", (record.cve, self._encode(record)))
            case Lifecycle():
                release = (record.product, record.release, self._feed, self._encode(record))
                self._db.execute("INSERT OR REPLACE INTO lifecycle VALUES (?, ?, ?, ?)", release)
            case Support():
                self._tables.add("support")
                supported = (record.namespace, record.name, self._encode(record))
                self._db.execute("INSERT OR REPLACE INTO support VALUES (?, ?, ?)", supported)
            case Statement():
                self._write_statement(record)
        return day_of(record)

    def _write_scores(self) -> None:
        self._db.executemany("INSERT OR REPLACE INTO epss VALUES (?, ?, ?, ?)", self._scores)
        self._scores.clear()

    def _write_statement(self, record: Statement) -> None:
        body = self._encode(record)
        for product in record.products:
            self._statement += 1
            values = (row_number(self._feed, self._statement), record.vulnerability, _versionless(product), body)
            self._db.execute("INSERT INTO statement VALUES (?, ?, ?, ?)", values)

    def _write_advisory(self, record: Advisory) -> None:
        self._forget(record)
        self._advisory += 1
        number, names = row_number(self._feed, self._advisory), tuple(dict.fromkeys((record.id, *record.aliases)))
        self._known[record.source, record.id] = (number, names)
        head = self._encode(msgspec.structs.replace(record, affected=()))
        values = (number, self._feed, record.id, match_hash(record), head)
        self._db.execute("INSERT INTO advisory VALUES (?, ?, ?, ?, ?)", values)
        self._db.executemany("INSERT INTO alias VALUES (?, ?)", [(name, number) for name in names])
        day = day_of(record)
        for namespace in {affected.namespace for affected in record.affected if affected.kind != "unknown"}:
            self._extend(namespace, day)
        if not record.withdrawn:
            parts = [(number, place, self._encode(affected)) for place, affected in enumerate(record.affected)]
            self._db.executemany("INSERT INTO part VALUES (?, ?, ?)", parts)
            spans = [
                row for place, affected in enumerate(record.affected) for row in self._spans(number, place, affected)
            ]
            self._db.executemany("INSERT INTO span VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", spans)

    def _extend(self, namespace: str, day: str) -> None:
        count, youngest = self._extents.get(namespace, (0, ""))
        self._extents[namespace] = (count + 1, max(youngest, day))

    def _spans(self, advisory: int, part: int, affected: AffectedPackage) -> Iterator[Span]:
        package = self._package(affected.namespace, affected.name)
        kind = UNAFFECTED if affected.kind == "unaffected" else 0
        exact = [Range(low=version, high=version, high_open=False) for version in affected.versions]
        for number, span in enumerate((*affected.ranges, *exact)):
            low, low_is_code = _key(affected.scheme, span.low)
            high, high_is_code = _key(affected.scheme, span.high)
            flags = kind | (LOW_OPEN if span.low_open else 0) | (HIGH_OPEN if span.high_open else 0)
            if low_is_code or high_is_code:
                # Keys are of no use then: the bounds stand there as they are written, for the scheme to compare.
                texts = [bound.encode() or None for bound in (span.low, span.high)]
                yield (package, advisory, part, number, flags | BY_CODE, texts[0], texts[1], None, None)
            else:
                bare = [bare_bound_key(affected.scheme, bound) if bound else None for bound in (span.low, span.high)]
                yield (package, advisory, part, number, flags, low, high, bare[0], bare[1])

    def _package(self, namespace: str, name: str) -> int:
        """The number of a package: the first feed that speaks of it gives it the one that it has among all those of this feed."""
        key = (namespace, name)
        known = self._own.get(key)
        if known is None:
            number = row_number(self._feed, len(self._own) + 1)
            known = self._own[key] = self.packages.setdefault(key, number)
        return known

    # What a later word removes

    def _forget(self, record: Advisory) -> None:
        """Remove what this feed said before under the same id (in a collection of several sources: what this source said)."""
        known = self._known.pop((record.source, record.id), None)
        if known is None:
            return
        number, names = known
        self._forget_affected(number)
        self._db.executemany("DELETE FROM alias WHERE name = ? AND advisory = ?", [(name, number) for name in names])
        self._db.execute("DELETE FROM advisory WHERE id = ?", (number,))

    def override(self, feed: int, overridden: int) -> None:
        """Remove what one feed says is affected wherever another one has the same id (both by number); its ratings stay."""
        rows = self._db.execute(
            "SELECT DISTINCT theirs.id FROM advisory AS ours CROSS JOIN advisory AS theirs "
            "ON theirs.name = ours.name AND theirs.feed = ? WHERE ours.id > ? AND ours.id < ?",
            (overridden, *numbers_of(feed)),
        ).fetchall()
        for (number,) in rows:
            self._forget_affected(number)
            (head,) = self._db.execute("SELECT head FROM advisory WHERE id = ?", (number,)).fetchone()
            left = match_hash(msgspec.msgpack.decode(head, type=Advisory))
            self._db.execute("UPDATE advisory SET hash = ? WHERE id = ?", (left, number))

    def _forget_affected(self, number: int) -> None:
        gone = self._db.execute("SELECT body FROM part WHERE advisory = ?", (number,)).fetchall()
        for affected in (msgspec.msgpack.decode(body, type=AffectedPackage) for (body,) in gone):
            values = (self.packages[affected.namespace, affected.name], number)
            self._db.execute("DELETE FROM span WHERE package = ? AND advisory = ?", values)
        self._db.execute("DELETE FROM part WHERE advisory = ?", (number,))


def overriding(feeds: Iterable[tuple[str, str]]) -> Iterator[tuple[int, int]]:
    """The numbers of feeds that override one before them, and of that one. `feeds`: names in order, and whom each overrides."""
    numbers: dict[str, int] = {}
    for number, (name, overridden) in enumerate(feeds, 1):
        if overridden in numbers:
            yield number, numbers[overridden]
        numbers[name] = number


def _key(scheme: str, bound: str) -> tuple[bytes | None, bool]:
    """The bound's key, and whether it has to be compared by code."""
    if not bound:
        return None, False
    key = bound_key(scheme, bound)
    return key, key is None


def _versionless(product: str) -> str:
    """A purl without version, qualifiers and subpath; other names as they are."""
    if not product.startswith("pkg:"):
        return product
    bare = product.partition("?")[0].partition("#")[0]
    name, at, version = bare.rpartition("@")
    return name if at and "/" not in version else bare
