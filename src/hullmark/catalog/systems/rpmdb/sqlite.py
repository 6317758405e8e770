"""`rpmdb.sqlite`, rpm's database since 2020: the file's bytes → header blobs and the numbers of their rows.

Format: https://sqlite.org/fileformat2.html; the table is that of lib/backend/sqlite.c of rpm. The bytes are opened in
memory and never as a file.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import islice

from hullmark.catalog.systems.rpmdb.header import MAX_HEADER_BYTES
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import Report

_MAX_ROWS = Limit(100_000, "packages of an rpm database in SQLite")
_STEPS = 1000
_MAX_TURNS = Limit(30_000, "thousand steps of SQLite's machine for one question to an rpm database")
# SQLite's messages quote the file, which need not be UTF-8.
_ERRORS = (sqlite3.Error, UnicodeDecodeError)
_SCHEMA = "sqlite_master"
_LIMITS = (
    (sqlite3.SQLITE_LIMIT_LENGTH, MAX_HEADER_BYTES),
    (sqlite3.SQLITE_LIMIT_SQL_LENGTH, 100_000),
    (sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 50),
    (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
    (sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1),
)
_UP = "SELECT hnum, length(blob) FROM Packages ORDER BY hnum"
_DOWN = "SELECT hnum, length(blob) FROM Packages ORDER BY hnum DESC"


def read_rows(body: memoryview, report: Report) -> Iterator[tuple[int, bytes]]:
    """The header blobs with their numbers, in that order. What is damaged is reported and skipped."""
    if len(body) < 100:
        report("the SQLite file ends within its head")
        return
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        try:
            open_bytes(db, body, "Packages", report)
            if not has_table(db, "Packages"):
                report("the SQLite file has no table Packages as rpm makes it")
                return
        except _ERRORS as error:
            report(f"the SQLite file cannot be read: {str(error)[:200]}")
            return
        for number, length in sorted(_rows(db, report).items()):
            if length > min(MAX_HEADER_BYTES, len(body)):
                report(f"the row {number} claims {length:,} bytes")
            elif (blob := _fetch(db, number, report)) is not None:
                yield number, blob


def read_column(body: memoryview, table: str, column: str, most: int, report: Report) -> list[object]:
    """The distinct values of a column of a table of any database, in their order, `most` at most; nothing without such a table."""
    if len(body) < 100:
        report("the SQLite file ends within its head")
        return []
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        try:
            open_bytes(db, body, table, report)
            if not has_table(db, table):
                return []
            query = f"SELECT DISTINCT {column} FROM {table} ORDER BY {column}"  # noqa: S608 - both are words of our own
            return [value for (value,) in db.execute(query).fetchmany(most)]
        except _ERRORS as error:
            report(f"the SQLite file cannot be read: {str(error)[:200]}")
            return []


def read_columns(
    body: memoryview, table: str, columns: Sequence[str], most: int, report: Report
) -> list[tuple[object, ...]] | None:
    """Columns of a table of any database, row by row, `most` rows at most; None without such a table. Rows before damage are kept."""
    if len(body) < 100:
        report("the SQLite file ends within its head")
        return None
    rows: list[tuple[object, ...]] = []
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        try:
            open_bytes(db, body, table, report)
            if not has_table(db, table):
                return None
            query = f"SELECT {', '.join(columns)} FROM {table} NOT INDEXED"  # noqa: S608 - words of our own
            rows.extend(islice(db.execute(query), most))
        except _ERRORS as error:
            report(f"the SQLite file cannot be read: {str(error)[:200]}")
    return rows


def _prepare_body(body: memoryview, report: Report) -> bytearray:
    data = bytearray(body)
    # A file that was last used with a write-ahead log cannot be opened in memory unless it says otherwise.
    data[18:20] = b"\1\1"
    page_bytes, claimed = struct.unpack_from(">H", data, 16)[0], struct.unpack_from(">I", data, 28)[0]
    found = len(data) // (65536 if page_bytes == 1 else max(page_bytes, 512))
    if 0 < found < claimed:
        report(f"the SQLite file is cut short: it claims {claimed:,} pages and has {found:,}")
        # SQLite refuses a file that is shorter than it says, but the pages that are there can be read.
        struct.pack_into(">I", data, 28, found)
    return data


def open_bytes(db: sqlite3.Connection, body: memoryview, table: str, report: Report) -> None:
    """Open the bytes of a database so that nothing in them can run, only one table can be read, and no query takes for ever.

    Raises sqlite3.Error or UnicodeDecodeError.
    """
    data = _prepare_body(body, report)
    db.text_factory = bytes
    for pragma in ("PRAGMA trusted_schema = OFF", "PRAGMA cell_size_check = ON", "PRAGMA query_only = ON"):
        db.execute(pragma)
    db.deserialize(data)
    for limit, value in _LIMITS:
        db.setlimit(limit, value)
    db.set_authorizer(partial(_authorize, table))
    db.set_progress_handler(_patience(), _STEPS)


def _authorize(
    table: str, action: int, name: str | None, detail: str | None, _database: str | None, _trigger: str | None
) -> int:
    allowed = (
        action == sqlite3.SQLITE_SELECT
        or (action == sqlite3.SQLITE_READ and name in (_SCHEMA, table))
        or (action == sqlite3.SQLITE_FUNCTION and detail == "length")
        or (action == sqlite3.SQLITE_PRAGMA and name == "table_xinfo")
    )
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _patience() -> Callable[[], int]:
    """Called every so many steps of SQLite's machine; returns 1 (stop) after too many."""
    turns = iter(range(_MAX_TURNS))
    return lambda: next(turns, None) is None


def has_table(db: sqlite3.Connection, table: str) -> bool:
    """Whether there is such a table proper, of stored columns: a view or a virtual table could compute anything."""
    for kind, root, sql in db.execute("SELECT type, rootpage, sql FROM sqlite_master WHERE name = ?", (table,)):
        if kind == b"table" and isinstance(root, int) and root > 1 and isinstance(sql, bytes):
            # The last column of table_xinfo distinguishes computed and hidden columns from stored ones (0).
            columns = db.execute(f"PRAGMA table_xinfo({table})").fetchall()
            return sql[:13].upper() == b"CREATE TABLE " and not any(column[6] for column in columns)
    return False


def _rows(db: sqlite3.Connection, report: Report) -> dict[int, int]:
    """Number → length of each row, without reading the blobs. Around a damaged page the rows of both sides are found."""
    rows: dict[int, int] = {}
    for query in (_UP, _DOWN):
        odd = 0
        try:
            for number, length in db.execute(query):
                if len(rows) >= _MAX_ROWS:
                    report(f"the table Packages has more than {_MAX_ROWS:,} rows")
                    return rows
                if isinstance(number, int) and isinstance(length, int):
                    rows[number] = length
                else:
                    odd += 1
            if odd:
                report(f"rows of the table Packages without a number or a content were left out: {odd:,}")
            return rows
        except _ERRORS as error:
            if query is _UP:
                report(f"the table Packages is damaged: {str(error)[:200]}")
    return rows


def _fetch(db: sqlite3.Connection, number: int, report: Report) -> bytes | None:
    try:
        row = db.execute("SELECT blob FROM Packages WHERE hnum = ?", (number,)).fetchone()
    except _ERRORS as error:
        report(f"the row {number} cannot be read: {str(error)[:200]}")
        return None
    return row[0] if row and isinstance(row[0], bytes) else b""
