"""A snapshot's pages in their one order (SQLite file format 3), and whether a file that came from elsewhere is a snapshot."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec

from hullmark.advisories.database.schema import APPLICATION_ID, FORMAT, INDEXES, TABLES, FeedInfo
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit

_HEADER = {40: 1, 96: 3_040_000}
"""Words of the header that tell how a file was made (schema changes so far, SQLite's version), and what is written there."""

_MAX_FEEDS = Limit(1000, "feeds of a snapshot that its summary names", "shortened")
_FEED_LIMIT = Limit(1 << 16, "bytes of what a snapshot tells of one feed, for it to be in the summary", "shortened")

Column = tuple[str, str, int]
"""A column's name, its type, and its place in the primary key (from 1; 0: not in it)."""


class SnapshotFile(NamedTuple):
    """A snapshot as it lies on disk: its path, and its digest (`sha256:HEX`)."""

    path: Path
    digest: str


class SnapshotSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot says of itself: the youngest date in its records (ISO 8601, may be "") and its feeds, by name."""

    data_at: str
    feeds: tuple[FeedInfo, ...]


def settle(path: Path) -> None:
    """Write a finished database anew so that its bytes depend on nothing but its schema and its rows.

    Neither the order of writing nor SQLite's version shows any more. Takes the file's space once more, beside it, for a moment.
    Raises OSError or sqlite3.Error.
    """
    target = path.with_name(f"{path.name}.settling")
    target.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("PRAGMA page_size = 4096")
            db.execute("PRAGMA secure_delete = ON")  # else what memory held before stays in the gaps of pages
            db.execute("VACUUM INTO ?", (str(target),))
        with target.open("r+b") as stream:
            for place, word in _HEADER.items():
                stream.seek(place)
                stream.write(word.to_bytes(4, "big"))
        target.replace(path)
    finally:
        target.unlink(missing_ok=True)


def columns_of_tables() -> dict[str, tuple[Column, ...]]:
    """The tables of a snapshot in the order of their making, and their columns."""
    with closing(_empty()) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid")]
        return {name: tuple(db.execute("SELECT name, type, pk FROM pragma_table_info(?)", (name,))) for name in names}


def inspect(path: Path) -> SnapshotSummary:
    """What a snapshot says of itself, once it is one through and through: its kind, its format, its tables, its pages.

    Raises HullmarkError, with what it is instead.
    """
    advice = "have whoever made it make it anew"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as db:
            for pragma in ("trusted_schema = OFF", "cell_size_check = ON"):
                db.execute(f"PRAGMA {pragma}")
            wrong = _wrong(db)
            if not wrong:
                return _read_summary(db)
    except (sqlite3.Error, msgspec.MsgspecError, UnicodeDecodeError) as error:
        wrong = f"is damaged: {error}"
    raise HullmarkError(f"the snapshot {wrong}", advice=advice)


def _wrong(db: sqlite3.Connection) -> str:
    kind, version = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    if kind != APPLICATION_ID:
        return "is some other database"
    if version != FORMAT:
        return f"has format {version}, this program reads {FORMAT}"
    if _schema(db) != _expected_schema():
        return "has other tables than a snapshot has"
    found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    return "" if found == "ok" else f"is damaged: {str(found)[:200]}"


def _read_summary(db: sqlite3.Connection) -> SnapshotSummary:
    rows = db.execute(
        "SELECT body FROM feed WHERE length(body) <= ? ORDER BY name LIMIT ?", (_FEED_LIMIT, _MAX_FEEDS)
    ).fetchall()
    (data_at,) = db.execute("SELECT value FROM about WHERE name = 'data_at'").fetchone() or ("",)
    feeds = tuple(msgspec.msgpack.decode(body, type=FeedInfo) for (body,) in rows)
    return SnapshotSummary(data_at=str(data_at), feeds=feeds)


def _empty() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.executescript(TABLES)
    db.executescript(INDEXES)
    return db


def _schema(db: sqlite3.Connection) -> list[tuple[str, str, str, str | None]]:
    return db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name LIMIT 1000").fetchall()


def _expected_schema() -> list[tuple[str, str, str, str | None]]:
    with closing(_empty()) as db:
        return _schema(db)
