"""Nix' database, and the log beside it, as SQLite writes them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

DB = "nix/var/nix/db/db.sqlite"
_TABLES = (
    "CREATE TABLE ValidPaths (id integer primary key autoincrement not null, path text unique not null, hash text not null, "
    "registrationTime integer not null, deriver text, narSize integer, ultimate integer, sigs text, ca text)",
    "CREATE TABLE Refs (referrer integer not null, reference integer not null, primary key (referrer, reference))",
    "CREATE INDEX IndexReferrer ON Refs(referrer)",
    "CREATE TABLE DerivationOutputs (drv integer not null, id text not null, path text not null, primary key (drv, id))",
)
Change = Callable[[sqlite3.Connection], object]


def place(name: str) -> str:
    """The path of an object; all have one digest here."""
    return f"nix/store/{'0' * 32}-{name}"


def register(*names: str) -> Change:
    """Objects, each of which refers to the next one and to itself."""

    def change(db: sqlite3.Connection) -> None:
        rows = [
            db.execute(
                "INSERT INTO ValidPaths (path, hash, registrationTime, narSize) VALUES (?, 'sha256:0', 1, 9)",
                (f"/{place(name)}",),
            ).lastrowid
            for name in names
        ]
        db.executemany("INSERT INTO Refs VALUES (?, ?)", [(one, one) for one in rows])
        db.executemany("INSERT INTO Refs VALUES (?, ?)", pairwise(rows))

    return change


def two_files(*changes: Change, before: Change | None = None) -> dict[str, bytes]:
    """The database as `before` left it, and the log of the changes."""
    with TemporaryDirectory() as folder, closing(sqlite3.connect(Path(folder, "db"), isolation_level=None)) as db:
        for line in ("PRAGMA journal_mode = WAL", "PRAGMA wal_autocheckpoint = 0", *_TABLES):
            db.execute(line).fetchall()
        if before is not None:
            before(db)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        for change in changes:
            change(db)
        return {DB: Path(folder, "db").read_bytes(), f"{DB}-wal": Path(folder, "db-wal").read_bytes()}
