"""The tables of a snapshot. A snapshot is written once, in one fixed order, so that equal records give equal bytes."""

from __future__ import annotations

from typing import Literal

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit

APPLICATION_ID = 0x48554C4C
FORMAT = 3
"""Raised whenever the tables or what stands in them change; a program reads only its own format."""

FOLDER = "folder"
"""What advisories that somebody gives for one run go under, in place of a feed's name."""

UNAFFECTED, BY_CODE, LOW_OPEN, HIGH_OPEN = 1, 2, 4, 8
"""Flags of a row of `span`. BY_CODE: its bounds have no faithful key; `low` and `high` are their text, and the scheme compares."""

_NUMBER_BITS = 24
_MAX_ROWS = Limit(
    (1 << _NUMBER_BITS) - 1, "advisories, packages or products of statements in one feed of a snapshot", "refused"
)

TABLES = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE feed (id INTEGER PRIMARY KEY, name TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE coverage (namespace TEXT, feed INTEGER, advisories INTEGER NOT NULL, data_at TEXT NOT NULL,
    whole_at TEXT NOT NULL, PRIMARY KEY (namespace, feed)) WITHOUT ROWID;
CREATE TABLE package (id INTEGER PRIMARY KEY, namespace TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (namespace, name));
CREATE TABLE advisory (id INTEGER PRIMARY KEY, feed INTEGER NOT NULL, name TEXT NOT NULL, hash BLOB NOT NULL,
    head BLOB NOT NULL);
CREATE INDEX advisory_name ON advisory (name, feed);
CREATE TABLE alias (name TEXT, advisory INTEGER, PRIMARY KEY (name, advisory)) WITHOUT ROWID;
CREATE TABLE part (advisory INTEGER, number INTEGER, body BLOB NOT NULL, PRIMARY KEY (advisory, number)) WITHOUT ROWID;
CREATE TABLE span (package INTEGER, advisory INTEGER, part INTEGER, number INTEGER, flags INTEGER NOT NULL,
    low BLOB, high BLOB, bare_low BLOB, bare_high BLOB,
    PRIMARY KEY (package, advisory, part, number)) WITHOUT ROWID;
CREATE TABLE kev (cve TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE epss (cve TEXT PRIMARY KEY, score REAL NOT NULL, percentile REAL NOT NULL, day TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE lifecycle (product TEXT, release TEXT, feed INTEGER, body BLOB NOT NULL,
    PRIMARY KEY (product, release, feed)) WITHOUT ROWID;
CREATE TABLE support (namespace TEXT, name TEXT, body BLOB NOT NULL, PRIMARY KEY (namespace, name)) WITHOUT ROWID;
CREATE TABLE statement (id INTEGER PRIMARY KEY, vulnerability TEXT NOT NULL, product TEXT NOT NULL, body BLOB NOT NULL);
"""

INDEXES = """
CREATE INDEX statement_of ON statement (product, vulnerability);
"""


def row_number(feed: int, place: int) -> int:
    """The number of a feed's advisory, package or statement, by its place among those of this feed (from 1).

    So a feed's numbers depend on no other feed. Raises HullmarkError where a feed has too many.
    """
    if place > _MAX_ROWS:
        raise HullmarkError(f"a feed gives more than {_MAX_ROWS:,} rows of a kind", advice="leave it out: --feeds")
    return feed << _NUMBER_BITS | place


def numbers_of(feed: int) -> tuple[int, int]:
    """Below and above all row numbers of a feed: the numbers between are its own."""
    return feed << _NUMBER_BITS, (feed + 1) << _NUMBER_BITS


class Cover(msgspec.Struct, frozen=True, array_like=True):
    """Namespaces that a feed covers completely: a glob, and the least number of advisories that a whole one has.

    `day` (ISO 8601): somebody declares that the namespace of this very name was told of as a whole on that day, however little it is.
    """

    names: str
    least: int = 1
    day: str = ""


class FeedInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot says of a feed: whose data it is, under which licence, how many records, after how many days it is old (0: never).

    `overrides` names a feed whose word on what is affected this one replaces, id by id. `covers`, `least_records`, `stale_days` (0: never)
    and `dated_by` are as the feed declares them. `is_partial`: not all of its documents were to be had. `unread`: how many of its records
    could not be read, `unplaced`: how many of these may be about any package; `cut`: of how many a limit left
    something out. `checked_on`: the day on which it was last asked with success; it stands in a snapshot only where the
    feed's age goes by it.
    """

    name: str
    title: str
    homepage: str
    licence: str
    records: int = 0
    data_at: str = ""
    fresh_days: int = 7
    overrides: str = ""
    covers: tuple[Cover, ...] = ()
    least_records: int = 1
    stale_days: int = 30
    dated_by: Literal["records", "check"] = "records"
    is_partial: bool = False
    unread: int = 0
    unplaced: int = 0
    cut: int = 0
    checked_on: str = ""


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """What one feed says of one namespace: how many advisories, and the youngest date in them (ISO 8601).

    `whole_at`: the day up to which it covers the namespace completely; "" if it does not.
    """

    namespace: str
    feed: str
    advisories: int
    data_at: str
    whole_at: str = ""
