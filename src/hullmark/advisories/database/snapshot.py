"""A snapshot, opened for questions. It is never written; opening reads one page."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from hullmark.advisories.database.hits import LookUp
from hullmark.advisories.database.schema import APPLICATION_ID, FOLDER, FORMAT, Coverage, FeedInfo
from hullmark.advisories.match.advisory_source import Ask, Claim, ClaimAnswer, Extent, Hit
from hullmark.model.advisory import Advisory, AffectedPackage, Exploitability, KevEntry, Lifecycle, Statement, Support
from hullmark.model.errors import HullmarkError

_advisory = msgspec.msgpack.Decoder(Advisory).decode
_affected = msgspec.msgpack.Decoder(AffectedPackage).decode

# What a claim says is taken out of its JSON once, and not for each row; a part is read once, however many ranges it has.
_SPOKEN = """
WITH claim(number, namespace, package, id, feed) AS MATERIALIZED (
    SELECT key, json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), json_extract(value, '$[3]')
    FROM json_each(?)),
spoken(number, feed, advisory, part) AS MATERIALIZED (
    SELECT DISTINCT claim.number, claim.feed, span.advisory, span.part FROM claim
    CROSS JOIN package ON package.namespace = claim.namespace AND package.name = claim.package
    CROSS JOIN alias ON alias.name = claim.id
    CROSS JOIN span ON span.package = package.id AND span.advisory = alias.advisory)
SELECT spoken.number, spoken.advisory, spoken.part, head, part.body FROM spoken
CROSS JOIN advisory ON advisory.id = spoken.advisory AND advisory.feed IS NOT spoken.feed
CROSS JOIN part ON part.advisory = spoken.advisory AND part.number = spoken.part
"""


class Snapshot:
    """One opened snapshot. Use it in one thread; close it, or use it as a context manager."""

    def __init__(self, path: Path, digest: str) -> None:
        """Open the file. Raises HullmarkError if it is not a snapshot, or one of another format."""
        self.path, self.digest = path, digest
        advice = "make a new one: hullmark db update"
        try:
            self._db = _connection(path)
            found = (self._pragma("application_id"), self._pragma("user_version"))
            if path.stat().st_size != self._pragma("page_size") * self._pragma("page_count"):
                self._db.close()
                raise HullmarkError(f"{path} is not a whole snapshot: it breaks off", advice=advice)
        except sqlite3.Error as error:
            raise HullmarkError(f"{path} cannot be opened as a snapshot: {error}", advice=advice) from error
        if found != (APPLICATION_ID, FORMAT):
            self._db.close()
            what = (
                "is not a snapshot"
                if found[0] != APPLICATION_ID
                else f"has format {found[1]}, this program reads {FORMAT}"
            )
            raise HullmarkError(f"{path} {what}", advice=advice)
        # Prepared statements use up the small memory that a connection has at hand; without it the look-up takes a third longer.
        self._look_up = LookUp(_connection(path))

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._look_up.close()
        self._db.close()

    # What there is

    @cached_property
    def data_at(self) -> str:
        """The youngest date in the records (ISO 8601), "" if none has one."""
        return str(self._db.execute("SELECT value FROM about WHERE name = 'data_at'").fetchone()[0])

    @cached_property
    def feeds(self) -> tuple[FeedInfo, ...]:
        """The feeds whose records it holds, by name."""
        return tuple(msgspec.msgpack.decode(body, type=FeedInfo) for _, _, body in self._feeds)

    @cached_property
    def _feeds(self) -> list[tuple[int, str, bytes]]:
        return self._db.execute("SELECT id, name, body FROM feed ORDER BY name").fetchall()

    @cached_property
    def licences(self) -> dict[str, str]:
        """The licence of each feed's data."""
        return {feed.name: feed.licence for feed in self.feeds}

    @cached_property
    def coverage(self) -> tuple[Coverage, ...]:
        """What each feed says of each namespace, sorted by both."""
        rows = self._db.execute(
            "SELECT namespace, feed.name, advisories, data_at, whole_at FROM coverage JOIN feed ON feed.id = feed "
            "ORDER BY namespace, feed.name"
        )
        return tuple(
            Coverage(namespace=row[0], feed=row[1], advisories=row[2], data_at=row[3], whole_at=row[4]) for row in rows
        )

    @cached_property
    def namespaces(self) -> dict[str, Extent]:
        """Every namespace that is known, and how much is known about it."""
        feeds = {feed.name: feed for feed in self.feeds}
        found: dict[str, Extent] = {}
        for row in self.coverage:
            feed = feeds[row.feed]
            more = Extent(row.advisories, feed.data_at, row.whole_at, feed.stale_days, feed.name == FOLDER)
            found[row.namespace] = found[row.namespace].beside(more) if row.namespace in found else more
        return found

    # Look-ups

    def hits(self, asks: Sequence[Ask]) -> list[Hit]:
        """The parts of advisories that cover what was asked for (all about the name for `is_whole`), in the order of the asks.

        One query for all of them. A version that its scheme refuses is asked as a whole, and compared as `versions.ranges` tells.
        """
        return self._look_up.hits(asks)

    def spoken(self, claims: Sequence[Claim]) -> list[ClaimAnswer]:
        """The parts of advisories that go by an id, about a package, in the order of the claims. One query for all of them."""
        if not claims:
            return []
        feeds = {name: number for number, name, _ in self._feeds}
        encoded = json.dumps([(*claim[:3], feeds.get(claim.feed)) for claim in claims])
        rows = self._db.execute(_SPOKEN, (encoded,)).fetchall()
        return [ClaimAnswer(claim, _advisory(head), _affected(body)) for claim, _, _, head, body in sorted(rows)]

    def rated(self, names: Iterable[str]) -> dict[str, list[Advisory]]:
        """Advisories that have one of these very ids, without what they affect."""
        rows = self._db.execute(
            "SELECT name, head FROM json_each(?) AS wanted CROSS JOIN advisory ON name = wanted.value ORDER BY name, advisory.id",
            (_encode_values(names),),
        )
        return _by_name(rows)

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

    def ending(self, last: str) -> tuple[tuple[str, str], ...]:
        """The packages (namespace, name) whose names end with this part, behind a colon or a slash, sorted."""
        rows = self._db.execute(
            "SELECT namespace, name FROM package WHERE substr(name, -length(?1) - 1) IN (':' || ?1, '/' || ?1) "
            "ORDER BY namespace, name",
            (last,),
        )
        return tuple(rows.fetchall())

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

    def exploited(self, cves: Iterable[str]) -> dict[str, KevEntry]:
        """Entries of the catalogue of known exploited vulnerabilities."""
        return {
            cve: msgspec.msgpack.decode(body, type=KevEntry) for cve, body in self._by_cve("cve, body", "kev", cves)
        }

    def exploitability(self, cves: Iterable[str]) -> dict[str, Exploitability]:
        """EPSS scores."""
        rows = self._by_cve("cve, score, percentile, day", "epss", cves)
        return {row[0]: Exploitability(*row) for row in rows}

    def _by_cve(self, columns: str, table: str, cves: Iterable[str]) -> Iterator[tuple[Any, ...]]:
        statement = f"SELECT {columns} FROM json_each(?) AS wanted CROSS JOIN {table} ON cve = wanted.value"  # noqa: S608
        yield from self._db.execute(statement, (_encode_values(cves),))

    def all_exploited(self) -> dict[str, KevEntry]:
        """The whole catalogue of known exploited vulnerabilities."""
        rows = self._db.execute("SELECT cve, body FROM kev ORDER BY cve")
        return {cve: msgspec.msgpack.decode(body, type=KevEntry) for cve, body in rows}

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
        rows = self._db.execute(
            "SELECT body FROM json_each(?) AS wanted CROSS JOIN statement ON product = wanted.value ORDER BY statement.id",
            (_encode_values(products),),
        )
        return [msgspec.msgpack.decode(body, type=Statement) for (body,) in rows]


def _connection(path: Path) -> sqlite3.Connection:
    """A connection that only reads. Raises sqlite3.Error for what is not a database."""
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    db.execute("PRAGMA temp_store = MEMORY")
    db.execute("PRAGMA mmap_size = 1073741824")
    return db


def _encode_values(values: Iterable[str]) -> str:
    """Each value once, as JSON."""
    return json.dumps(sorted(set(values)))


def _by_name(rows: Iterable[tuple[str, bytes]]) -> dict[str, list[Advisory]]:
    found: dict[str, list[Advisory]] = {}
    for name, head in rows:
        found.setdefault(name, []).append(_advisory(head))
    return found
