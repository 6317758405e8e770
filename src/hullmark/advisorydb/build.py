"""Records of feeds → a snapshot file. The same records in the same order give the same bytes."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from hullmark.advisorydb.keys import bare_bound_key, bound_key
from hullmark.advisorydb.layout import settle
from hullmark.advisorydb.schema import (
    APPLICATION_ID,
    BY_CODE,
    FORMAT,
    HIGH_OPEN,
    INDEXES,
    LOW_OPEN,
    TABLES,
    UNAFFECTED,
    FeedInfo,
)
from hullmark.advisorydb.wholeness import covered, day_of, goes_by_check, whole_at
from hullmark.model.advisory import (
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

_CHUNK = 1 << 20

Span = tuple[int, int, int, int, int, bytes | None, bytes | None, bytes | None, bytes | None]


def match_hash(advisory: Advisory) -> bytes:
    """Sixteen bytes over what decides matching and weighing, so that a reworded text is no change.

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


def build(path: Path, feeds: Iterable[tuple[FeedInfo, Iterable[Record]]]) -> str:
    """Write a snapshot of these feeds' records to a path where nothing is yet; answers its digest, `sha256:HEX`.

    Feeds are written in the order of their names, a feed's records in the order given. Of two advisories of one
    feed with the same id, the later one counts. Raises OSError or sqlite3.Error if the file cannot be written.
    """
    writer = _Writer(path)
    try:
        for info, records in feeds:
            writer.feed(info, records)
        writer.finish()
    finally:
        writer.close()
    settle(path)
    return digest_of(path)


def digest_of(path: Path) -> str:
    """The digest of a file's bytes, `sha256:HEX`."""
    content = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            content.update(chunk)
    return f"sha256:{content.hexdigest()}"


class _Writer:
    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE", "cache_size = -65536"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        self._db.execute(f"PRAGMA user_version = {FORMAT}")
        self._db.executescript(TABLES)
        self._db.execute("BEGIN")
        self._encode = msgspec.msgpack.Encoder().encode
        self._packages: dict[tuple[str, str], int] = {}
        self._feed = self._advisory = self._statement = 0
        self._feeds: dict[str, int] = {}
        self._overridden: int | None = None
        self._known: dict[tuple[str, str], tuple[int, tuple[str, ...]]] = {}
        self._coverage: dict[str, list[str]] = {}
        self._data_at = ""

    def feed(self, info: FeedInfo, records: Iterable[Record]) -> None:
        self._feed += 1
        self._feeds[info.name] = self._feed
        self._overridden = self._feeds.get(info.overrides)
        self._known.clear()
        self._coverage.clear()
        count, latest, past = 0, "", ""
        for record in records:
            count += 1
            day = self._write(record)
            latest = max(latest, day)
            if not info.checked_on or day <= info.checked_on:  # a date in the future makes nothing fresh
                past = max(past, day)
        info = msgspec.structs.replace(info, records=count, data_at=latest)
        self._data_at = max(self._data_at, latest)
        self._write_coverage(info, whole_at(info, past))
        if not goes_by_check(info, bool(past)):
            info = msgspec.structs.replace(info, checked_on="")
        self._db.execute("INSERT INTO feed VALUES (?, ?, ?)", (self._feed, info.name, self._encode(info)))

    def _write_coverage(self, info: FeedInfo, day: str) -> None:
        whole = dict(covered(info, {name: len(dates) for name, dates in self._coverage.items()}, day))
        for name in sorted(self._coverage.keys() | whole.keys()):
            dates = self._coverage.get(name, [])
            row = (name, self._feed, len(dates), max(dates, default=""), whole.get(name, ""))
            self._db.execute("INSERT INTO coverage VALUES (?, ?, ?, ?, ?)", row)

    def _write(self, record: Record) -> str:
        """Write one record; answers the day that it speaks of."""
        match record:
            case Advisory():
                self._write_advisory(record)
            case Exploitability():
                score = (record.cve, record.score, record.percentile, record.day)
                self._db.execute("INSERT OR REPLACE INTO epss VALUES (?, ?, ?, ?)", score)
            case KevEntry():
                self._db.execute("INSERT OR REPLACE INTO kev VALUES (?, ?)", (record.cve, self._encode(record)))
            case Lifecycle():
                release = (record.product, record.release, self._feed, self._encode(record))
                self._db.execute("INSERT OR REPLACE INTO lifecycle VALUES (?, ?, ?, ?)", release)
            case Support():
                supported = (record.namespace, record.name, self._encode(record))
                self._db.execute("INSERT OR REPLACE INTO support VALUES (?, ?, ?)", supported)
            case Statement():
                self._write_statement(record)
        return day_of(record)

    def _write_statement(self, record: Statement) -> None:
        body = self._encode(record)
        for product in record.products:
            self._statement += 1
            values = (self._statement, record.vulnerability, _versionless(product), body)
            self._db.execute("INSERT INTO statement VALUES (?, ?, ?, ?)", values)

    def _write_advisory(self, record: Advisory) -> None:
        self._forget(record)
        if self._overridden is not None:
            self._override(self._overridden, record.id)
        self._advisory += 1
        number, names = self._advisory, tuple(dict.fromkeys((record.id, *record.aliases)))
        self._known[record.source, record.id] = (number, names)
        head = self._encode(msgspec.structs.replace(record, affected=()))
        values = (number, self._feed, record.id, match_hash(record), head)
        self._db.execute("INSERT INTO advisory VALUES (?, ?, ?, ?, ?)", values)
        self._db.executemany("INSERT INTO alias VALUES (?, ?)", [(name, number) for name in names])
        day = day_of(record)
        for namespace in sorted({affected.namespace for affected in record.affected}):
            self._coverage.setdefault(namespace, []).append(day)
        if not record.withdrawn:
            parts = [(number, place, self._encode(affected)) for place, affected in enumerate(record.affected)]
            self._db.executemany("INSERT INTO part VALUES (?, ?, ?)", parts)
            spans = [
                row for place, affected in enumerate(record.affected) for row in self._spans(number, place, affected)
            ]
            self._db.executemany("INSERT INTO span VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", spans)

    def _forget(self, record: Advisory) -> None:
        """Remove what this feed said before under the same id (in a collection of several sources: what this source said)."""
        known = self._known.pop((record.source, record.id), None)
        if known is None:
            return
        number, names = known
        self._forget_affected(number)
        self._db.executemany("DELETE FROM alias WHERE name = ? AND advisory = ?", [(each, number) for each in names])
        self._db.execute("DELETE FROM advisory WHERE id = ?", (number,))

    def _override(self, feed: int, name: str) -> None:
        """Remove what another feed says is affected under the same id; its ratings stay."""
        rows = self._db.execute("SELECT id, head FROM advisory WHERE name = ? AND feed = ?", (name, feed)).fetchall()
        for number, head in rows:
            self._forget_affected(number)
            left = match_hash(msgspec.msgpack.decode(head, type=Advisory))
            self._db.execute("UPDATE advisory SET hash = ? WHERE id = ?", (left, number))

    def _forget_affected(self, number: int) -> None:
        gone = self._db.execute("SELECT body FROM part WHERE advisory = ?", (number,)).fetchall()
        for affected in (msgspec.msgpack.decode(body, type=AffectedPackage) for (body,) in gone):
            values = (self._package(affected.namespace, affected.name), number)
            self._db.execute("DELETE FROM span WHERE package = ? AND advisory = ?", values)
        self._db.execute("DELETE FROM part WHERE advisory = ?", (number,))

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
        known = self._packages.get((namespace, name))
        if known is None:
            known = self._packages[namespace, name] = len(self._packages) + 1
            self._db.execute("INSERT INTO package VALUES (?, ?, ?)", (known, namespace, name))
        return known

    def finish(self) -> None:
        self._db.execute("INSERT INTO about VALUES ('data_at', ?)", (self._data_at,))
        self._db.execute("COMMIT")
        self._db.executescript(INDEXES)

    def close(self) -> None:
        self._db.close()


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
