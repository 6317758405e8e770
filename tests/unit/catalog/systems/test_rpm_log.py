"""The write-ahead log of an rpm database in SQLite: what SQLite itself sees through it is what is listed, in whichever layer the log is."""

from __future__ import annotations

import random
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.systems.rpm import CATALOGER, assemble, databases, extract_log
from hullmark.catalog.systems.rpmdb import read_database
from hullmark.catalog.systems.rpmdb.log import read_log
from hullmark.catalog.systems.rpmdb.overlay import lay_over
from tests.support.views import FakeView
from tests.unit.catalog.systems.test_rpm_databases import package

SQLITE = "var/lib/rpm/rpmdb.sqlite"
LOG = SQLITE + "-wal"
_TABLES = (
    "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)",
    "CREATE TABLE 'Name' (key TEXT NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL)",
    "CREATE INDEX 'Name_key_idx' ON 'Name'(key ASC)",
)
Change = Callable[[sqlite3.Connection], object]


def put(db: sqlite3.Connection, name: str, padding: int = 0) -> None:
    """Add a package, as rpm does."""
    number = db.execute("INSERT INTO Packages (blob) VALUES (?)", (package(name, padding),)).lastrowid
    db.execute("INSERT INTO Name VALUES (?, ?, 0)", (name, number))


@contextmanager
def database(folder: Path, page_bytes: int) -> Iterator[sqlite3.Connection]:
    """An empty database of rpm, that never writes its log into itself."""
    with closing(sqlite3.connect(folder / "rpmdb.sqlite", isolation_level=None)) as db:
        for line in (f"PRAGMA page_size = {page_bytes}", "PRAGMA journal_mode = WAL", "PRAGMA wal_autocheckpoint = 0"):
            db.execute(line).fetchall()
        for line in _TABLES:
            db.execute(line)
        yield db


def two_files(*changes: Change, before: Change | None = None, page_bytes: int = 4096) -> tuple[bytes, bytes, list[str]]:
    """The database as `before` left it, the log of the changes, each a transaction, and the packages that SQLite then sees."""
    with TemporaryDirectory() as folder, database(Path(folder), page_bytes) as db:
        if before is not None:
            before(db)
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        for change in changes:
            db.execute("BEGIN")
            change(db)
            db.execute("COMMIT")
        rows = db.execute("SELECT key FROM Name ORDER BY hnum").fetchall()
        wal = Path(folder, "rpmdb.sqlite-wal").read_bytes()
        return Path(folder, "rpmdb.sqlite").read_bytes(), wal, [name for (name,) in rows]


def listed(body: bytes, log: bytes) -> tuple[list[str], list[tuple[str, str]]]:
    """The packages of a database and a log in one layer, and the problems."""
    view = FakeView({SQLITE: body, LOG: log}, CATALOGER)
    return [found.name for found in assemble(view)], view.problems


def put_many(db: sqlite3.Connection, start: int = 0, end: int = 80) -> None:
    """Packages of all sizes: some fit on a leaf, some need twenty pages more."""
    for number in range(start, end):
        put(db, f"p{number}", number % 20 * 531)


def remove(db: sqlite3.Connection, *names: str) -> None:
    """Delete packages."""
    for name in names:
        db.execute("DELETE FROM Packages WHERE hnum = (SELECT hnum FROM Name WHERE key = ?)", (name,))
        db.execute("DELETE FROM Name WHERE key = ?", (name,))


def replace(db: sqlite3.Connection, name: str, padding: int) -> None:
    """What an upgrade does: the new version comes, the old one goes."""
    remove(db, name)
    put(db, name, padding)


_CHANGES: dict[str, tuple[Change | None, tuple[Change, ...]]] = {
    "nothing is new": (put_many, (lambda db: db.execute("DELETE FROM Name WHERE key = 'none'"),)),
    "one more": (put_many, (lambda db: put(db, "new", 9000),)),
    "one less": (put_many, (lambda db: remove(db, "p3", "p77"),)),
    "an upgrade": (put_many, (lambda db: replace(db, "p50", 20_000), lambda db: put(db, "small"))),
    "all gone": (put_many, (lambda db: remove(db, *(f"p{n}" for n in range(80))),)),
    "twice as many": (put_many, (lambda db: put_many(db, 80, 160),)),
    "made small": (put_many, (lambda db: remove(db, "p79", "p60"), lambda db: put_many(db, 80, 90))),
}


@pytest.mark.parametrize("page_bytes", [512, 4096])
@pytest.mark.parametrize(("before", "changes"), _CHANGES.values(), ids=_CHANGES)
def test_the_packages_are_those_that_sqlite_sees(
    before: Change | None, changes: tuple[Change, ...], page_bytes: int
) -> None:
    body, log, seen = two_files(*changes, before=before, page_bytes=page_bytes)
    assert listed(body, log) == (seen, [])


def test_pages_of_the_largest_size_are_read() -> None:
    body, log, seen = two_files(lambda db: put(db, "new", 200_000), before=put_many, page_bytes=65536)
    assert listed(body, log) == (seen, [])


def test_a_database_of_which_all_is_in_the_log_is_read_from_there() -> None:
    body, log, seen = two_files(put_many)
    assert listed(body, log) == (seen, [(SQLITE, "the SQLite file has no table Packages as rpm makes it")])


def test_any_course_of_changes_is_followed() -> None:
    dice = random.Random(7)  # noqa: S311
    for _ in range(2):

        def change(db: sqlite3.Connection) -> None:
            for number in dice.sample(range(80), 12):
                replace(db, f"p{number}", dice.randrange(30_000))

        body, log, seen = two_files(change, change, change, before=put_many, page_bytes=1024)
        assert listed(body, log) == (seen, [])


def test_a_vacuum_in_the_log_moves_every_page() -> None:
    with TemporaryDirectory() as folder, database(Path(folder), 1024) as db:
        put_many(db)
        remove(db, *(f"p{number}" for number in range(0, 80, 2)))
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        db.execute("VACUUM")
        body, log = Path(folder, "rpmdb.sqlite").read_bytes(), Path(folder, "rpmdb.sqlite-wal").read_bytes()
    assert listed(body, log) == ([f"p{number}" for number in range(1, 80, 2)], [])


def test_a_transaction_that_did_not_end_does_not_count_and_a_damaged_one_is_told() -> None:
    body, log, _ = two_files(lambda db: put(db, "first"), lambda db: put(db, "second"), before=put_many)
    frames = (len(log) - 32) // 4120
    ends = [n for n in range(frames) if struct.unpack_from(">I", log, 32 + n * 4120 + 4)[0]]
    cut = log[: 32 + ends[-1] * 4120]
    names, problems = listed(body, cut)
    assert (names[-1], problems) == ("first", [])
    torn = cut + bytes(log[len(cut) : -1]) + b"\xff"
    assert listed(body, torn) == (
        names,
        [(LOG, "the log of the rpm database is damaged: what follows its last sound page was not read")],
    )


def test_what_an_earlier_use_left_in_the_file_does_not_count() -> None:
    with TemporaryDirectory() as folder, database(Path(folder), 4096) as db:
        put_many(db)
        db.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        put(db, "one")
        body, log = Path(folder, "rpmdb.sqlite").read_bytes(), Path(folder, "rpmdb.sqlite-wal").read_bytes()
    assert len(log) > 40_000
    assert listed(body, log) == ([*(f"p{number}" for number in range(80)), "one"], [])


def test_a_log_in_a_later_layer_lies_over_the_database_of_an_earlier_one() -> None:
    body, log, _ = two_files(lambda db: replace(db, "p1", 7), before=lambda db: put_many(db, 0, 3))
    view = FakeView({"etc/motd": b""}, CATALOGER, layers=[{SQLITE: body}, {}, {LOG: log}])
    assert {each.name: each.locations[0].layer for each in assemble(view)} == {"p0": 0, "p2": 0, "p1": 0}
    assert [len(each.fact.headers) for each in databases(view)] == [3]
    added = two_files(lambda db: put(db, "new"), before=lambda db: put_many(db, 0, 3))
    view = FakeView({}, CATALOGER, layers=[{SQLITE: added[0]}, {LOG: added[1]}, {"etc/motd": b""}])
    assert {each.name: each.locations[0].layer for each in assemble(view)} == {"p0": 0, "p1": 0, "p2": 0, "new": 1}


def test_a_log_of_another_database_is_told_and_hides_nothing() -> None:
    _, log, _ = two_files(lambda db: put_many(db, 80, 120), before=put_many)
    other, _, _ = two_files(lambda db: put(db, "x"), before=lambda db: put_many(db, 0, 2))
    names, problems = listed(other, log)
    assert {"p0", "p1"} <= set(names)
    assert 1 <= len(problems) <= 21
    assert problems[0][1].startswith("the log of the rpm database cannot be followed: ")


@cache
def _pair() -> tuple[bytes, bytes]:
    return two_files(lambda db: put_many(db, 80, 84), before=lambda db: put_many(db, 70, 76), page_bytes=512)[:2]


def checked(log: bytearray, page_bytes: int = 512) -> bytes:
    """The log with right checksums, by the definition."""
    form = "<" if log[3] == 0x82 else ">"

    def sums(piece: bytes | bytearray, first: int, second: int) -> tuple[int, int]:
        for left, right in struct.iter_unpack(f"{form}II", piece):
            first = (first + left + second) & 0xFFFFFFFF
            second = (second + right + first) & 0xFFFFFFFF
        return first, second

    state = sums(log[:24], 0, 0)
    struct.pack_into(">II", log, 24, *state)
    step = 24 + page_bytes
    for start in range(32, len(log) - step + 1, step):
        state = sums(log[start : start + 8], *state)
        state = sums(log[start + 24 : start + step], *state)
        struct.pack_into(">II", log, start + 16, *state)
    return bytes(log)


@given(st.lists(st.tuples(st.integers(0, 1 << 30), st.integers(0, 255)), min_size=1, max_size=8), st.booleans())
def test_any_change_of_a_log_or_its_database_is_survived(changes: list[tuple[int, int]], in_database: bool) -> None:
    body, log = map(bytearray, _pair())
    for place, byte in changes:
        target = body if in_database else log
        target[max(32, place % len(target))] = byte
    reports: list[str] = []
    database = read_database(memoryview(body), reports.append)
    found = read_log(memoryview(checked(log)), reports.append)
    if database is not None and found is not None:
        rows = dict(zip(database.numbers, database.headers, strict=True))
        lay_over(rows, database.outline, found, reports.append)


@given(st.integers(0, 1 << 20) | st.integers(0, 40))
def test_a_log_that_is_cut_anywhere_keeps_whole_transactions(length: int) -> None:
    body, log = _pair()
    names, problems = listed(body, log[: length % len(log)])
    assert names[:6] == [f"p{number}" for number in range(70, 76)]
    assert len(names) in (6, 10)
    assert len(problems) <= 1


@given(st.binary(max_size=200))
def test_reading_a_log_survives_any_bytes(body: bytes) -> None:
    extract_log(LOG, memoryview(b"\x37\x7f\x06\x82" + body), lambda _: None)
    extract_log(LOG, memoryview(body), lambda _: None)
