"""rpm's three database formats: what goes in comes out, and damage costs only what it touches."""

from __future__ import annotations

import sqlite3
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hullmark.catalog.systems.rpmdb import bdb, ndb, read_database, sqlite
from hullmark.catalog.systems.rpmdb.header import RpmHeader
from hullmark.rootfs.reads import Report
from tests.unit.catalog.systems.test_rpm_header import make_header

_TABLE = "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)"


def make_sqlite(blobs: Sequence[bytes], table: str = _TABLE) -> bytes:
    """A database as rpm leaves it: last written with a write-ahead log."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute(table)
        db.executemany("INSERT INTO Packages (blob) VALUES (?)", [(blob,) for blob in blobs])
        db.commit()
        data = bytearray(db.serialize())
    data[18:20] = b"\2\2"
    return bytes(data)


def make_ndb(blobs: Sequence[bytes]) -> bytes:
    """One page of slots (254 at most), and the blobs."""
    slots, store = b"", b""
    for number, blob in enumerate(blobs, 1):
        body = struct.pack("<4sIII", b"BlbS", number, 0, len(blob)) + blob
        body += bytes(-(len(body) + 12) % 16)
        body += struct.pack("<II4s", zlib.adler32(body), len(blob), b"BlbE")
        slots += struct.pack("<4sIII", b"Slot", number, (4096 + len(store)) // 16, len(body) // 16)
        store += body
    head = struct.pack("<4sIIII12x", b"RpmP", 0, 1, 1, len(blobs) + 1)
    free = struct.pack("<4sIII", b"Slot", 0, 0, 0)
    return head + slots + free * ((4096 - 32 - len(slots)) // 16) + store


def make_bdb(blobs: Sequence[bytes], order: str = "<", page_bytes: int = 4096) -> bytes:
    """A hash of one bucket: a chain of hash pages, and chains of overflow pages for all values that are not short."""
    entries = [(bytes(4), struct.pack(f"{order}I", len(blobs)))]
    entries += [(struct.pack(f"{order}I", number), blob) for number, blob in enumerate(blobs, 1)]
    per_page = (page_bytes - 26) // 80
    groups = [entries[i : i + per_page] for i in range(0, len(entries), per_page)]
    overflow: list[bytes] = []
    first = len(groups) + 1

    def page(number: int, following: int, words: tuple[int, int], kind: int) -> bytes:
        return struct.pack(f"{order}8xIIIHHBB", number, 0, following, *words, 0, kind)

    def item(value: bytes) -> bytes:
        if len(value) < 40:
            return b"\1" + value
        room = page_bytes - 26
        start = first + len(overflow)
        pieces = [value[i : i + room] for i in range(0, len(value), room)]
        for i, piece in enumerate(pieces):
            following = start + i + 1 if i + 1 < len(pieces) else 0
            overflow.append((page(start + i, following, (0, len(piece)), 7) + piece).ljust(page_bytes, b"\0"))
        return struct.pack(f"{order}B3xII", 3, start, len(value))

    hashes = []
    for number, group in enumerate(groups, 1):
        content, offsets = b"", []
        for part in (part for key, value in group for part in (b"\1" + key, item(value))):
            content = part + content
            offsets.append(page_bytes - len(content))
        head = page(number, number + 1 if number < len(groups) else 0, (len(offsets), offsets[-1]), 13)
        head += struct.pack(f"{order}{len(offsets)}H", *offsets)
        hashes.append(head.ljust(page_bytes - len(content), b"\0") + content)
    meta = struct.pack(f"{order}8xIIIIBBBxI", 0, 0x61561, 9, page_bytes, 0, 8, 0, 0)
    meta += struct.pack(f"{order}I", len(hashes) + len(overflow)) + bytes(96 - 36)
    meta += struct.pack(f"{order}32I", *[1] * 32)
    return meta.ljust(page_bytes, b"\0") + b"".join(hashes + overflow)


def package(name: str, padding: int = 0) -> bytes:
    """The header of a package; padding makes it as long as wanted."""
    return make_header({1000: name, 1001: "1", 1002: "1", 1004: "x" * padding})


def read(data: bytes) -> tuple[list[str], list[str]]:
    """The packages' names and the reports."""
    reports: list[str] = []
    database = read_database(memoryview(data), reports.append)
    assert database is not None
    return [header.name for header in database.headers], reports


Maker = Callable[[Sequence[bytes]], bytes]
MAKERS: dict[str, Maker] = {
    "sqlite": make_sqlite,
    "ndb": make_ndb,
    "bdb": make_bdb,
    "bdb-big-endian": lambda blobs: make_bdb(blobs, ">"),
    "bdb-small-pages": lambda blobs: make_bdb(blobs, "<", 512),
}
every_format = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
NAMES = [f"package-{i}" for i in range(60)]
BLOBS = [package(name, i * 311) for i, name in enumerate(NAMES)]


@every_format
def test_all_packages_of_a_database_come_out(make: Maker) -> None:
    assert read(make(BLOBS)) == (NAMES, [])


@every_format
def test_a_database_without_packages_is_sound(make: Maker) -> None:
    assert read(make([])) == ([], [])


@every_format
def test_a_damaged_header_loses_only_itself(make: Maker) -> None:
    names, reports = read(make([package("a"), struct.pack(">II", 0x7FFFFFFF, 10) + bytes(60), package("b")]))
    assert names == ["a", "b"]
    assert reports == ["a package's header is damaged: it claims 2,147,483,647 index entries"]


@every_format
def test_a_package_without_a_name_is_reported_and_left_out(make: Maker) -> None:
    nameless = make_header({1001: "1", 1002: "1"})
    assert read(make([nameless, package("b")])) == (["b"], ["a package without a name was left out"])


@every_format
def test_only_the_first_of_many_damages_are_told_one_by_one(make: Maker) -> None:
    names, reports = read(make([*[bytes(60)] * 50, package("b")]))
    assert (names, len(reports)) == (["b"], 21)
    assert reports[-1] == "the database has 30 more damages"


def test_other_files_are_no_database() -> None:
    def never(reason: str) -> None:
        pytest.fail(reason)

    for data in (b"", b"x", bytes(8192), b"Package: foo\n" * 100):
        assert read_database(memoryview(data), never) is None


def test_a_sqlite_file_that_was_cut_short_gives_what_is_left_of_it() -> None:
    data = make_sqlite(BLOBS)
    names, reports = read(data[: len(data) // 2 + 100])
    assert 5 < len(names) < 60
    assert names == NAMES[: len(names)]
    assert reports[0].startswith("the SQLite file is cut short")


def test_rows_on_both_sides_of_a_damaged_page_are_found() -> None:
    data = bytearray(make_sqlite([package(name, 1500) for name in NAMES]))
    data[10 * 4096 : 11 * 4096] = b"\xff" * 4096
    names, reports = read(bytes(data))
    assert NAMES[0] in names
    assert NAMES[-1] in names
    assert 54 < len(names) < 60
    assert reports[0] == "the table Packages is damaged: database disk image is malformed"


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TABLE other (x)",
        "CREATE VIEW Packages AS WITH RECURSIVE r(hnum, blob) AS (SELECT 1, x'00' UNION ALL SELECT hnum+1, blob FROM r)"
        " SELECT * FROM r",
        "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, x, blob AS (zeroblob(1000000000)));"
        "INSERT INTO Packages VALUES (1, 2)",
        "CREATE VIRTUAL TABLE Packages USING fts5 (hnum, blob)",
    ],
    ids=["no table", "an endless view", "a column that is computed", "a virtual table"],
)
def test_nothing_inside_a_sqlite_file_is_run(script: str) -> None:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(script)
        data = db.serialize()
    assert read(data) == ([], ["the SQLite file has no table Packages as rpm makes it"])


def test_a_message_of_sqlite_that_quotes_bytes_that_are_no_text_is_no_fault() -> None:
    data = (
        make_sqlite([package("a")]).replace(b"PackagesPackages", b"\xff" * 16).replace(b"CREATE TABLE", b"CREATE xABLE")
    )
    names, reports = read(data)
    assert names == []
    assert reports[0].startswith("the SQLite file cannot be read: 'utf-8' codec can't decode")


def test_a_sqlite_file_shorter_than_its_first_page_is_reported() -> None:
    data = bytearray(make_sqlite([package("a")]))
    data[16:18] = b"\0\1"
    assert read(bytes(data)) == ([], ["the SQLite file cannot be read: database disk image is malformed"])


def test_items_of_a_page_that_lie_outside_of_it_are_reported() -> None:
    data = bytearray(make_bdb([package("a"), package("b")]))
    struct.pack_into("<H", data, 4096 + 26 + 2 * 1, 0xFFFF)
    names, reports = read(bytes(data))
    assert names == ["b"]
    assert reports == ["an entry in page 1 of the Berkeley DB file is damaged: it lies outside of the page"] * 2


def test_a_row_without_a_number_or_a_content_is_told() -> None:
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE TABLE Packages (hnum, blob)")
        db.executemany("INSERT INTO Packages VALUES (?, ?)", [(1, package("a")), ("two", package("b")), (3, None)])
        db.commit()
        data = db.serialize()
    assert read(data) == (["a"], ["rows of the table Packages without a number or a content were left out: 2"])


def test_a_page_that_claims_more_items_than_it_can_hold_loses_only_itself() -> None:
    data = bytearray(make_bdb(BLOBS))
    count = struct.unpack_from("<H", data, 4096 + 20)[0]
    struct.pack_into("<H", data, 4096 + 20, 0xFFFF)
    names, reports = read(bytes(data))
    assert names == NAMES[count // 2 - 1 :]
    assert reports == ["the page 1 of the Berkeley DB file claims 65,535 items"]


@pytest.mark.parametrize(
    ("position", "value", "reason"),
    [
        (8, b"\xff\xff\xff\x7f", "it claims 2,147,483,647 bytes"),
        (4, b"\1\0\0\0", "its chain of pages leads to a page of another kind"),
    ],
)
def test_a_value_that_lies_nowhere_loses_only_itself(position: int, value: bytes, reason: str) -> None:
    data = bytearray(make_bdb([package("a"), package("b")]))
    place = struct.unpack_from("<H", data, 4096 + 26 + 2 * 3)[0]  # the value of the first package
    data[4096 + place + position : 4096 + place + position + len(value)] = value
    names, reports = read(bytes(data))
    assert (names, reports) == (["b"], [f"an entry in page 1 of the Berkeley DB file is damaged: {reason}"])


def test_an_entry_of_an_ndb_database_that_fills_less_than_its_blocks_is_told() -> None:
    data = bytearray(make_ndb([package("a", 100)]))
    length = struct.unpack_from("<I", data, 4096 + 12)[0]
    for place in (4096 + 12, len(data) - 8):
        struct.pack_into("<I", data, place, length - 64)
    assert read(bytes(data)) == ([], [f"the entry 1 claims {length - 64:,} bytes, in {len(data) - 4096:,}"])


def test_a_table_without_a_key_ends_when_patience_does() -> None:
    data = make_sqlite([b"x"] * 20_000, "CREATE TABLE Packages (hnum DEFAULT 7, blob)")
    assert read(data)[0] == []
    data = make_sqlite([b"x"] * 20_000, "CREATE TABLE Packages (hnum DEFAULT (random()), blob)")
    names, reports = read(data)
    assert names == []
    assert len(reports) == 21


def test_a_chain_of_pages_that_bites_its_tail_ends() -> None:
    data = bytearray(make_bdb([package("a", 20_000), package("b")]))
    struct.pack_into("<I", data, 4 * 4096 + 16, 2)
    names, reports = read(bytes(data))
    assert names == ["b"]
    assert reports == ["an entry in page 1 of the Berkeley DB file is damaged: its chain of pages breaks off at page 2"]


def test_a_berkeley_db_file_that_was_cut_short_gives_what_is_left_of_it() -> None:
    data = make_bdb(BLOBS)
    names, reports = read(data[: len(data) // 2])
    assert 5 < len(names) < 60
    assert reports[0].startswith("the Berkeley DB file is cut short")


@pytest.mark.parametrize(
    ("position", "value", "reason"),
    [
        (16, b"\7\0\0\0", "the Berkeley DB hash has version 7, which is not known"),
        (20, b"\1\2\0\0", "the Berkeley DB file claims pages of 513 bytes"),
        (24, b"\1", "the Berkeley DB file is encrypted or has checksums, which rpm never writes"),
    ],
)
def test_a_berkeley_db_file_of_another_kind_is_reported(position: int, value: bytes, reason: str) -> None:
    data = bytearray(make_bdb(BLOBS))
    data[position : position + len(value)] = value
    assert read(bytes(data)) == ([], [reason])


@pytest.mark.parametrize(
    ("position", "value", "names", "reason"),
    [
        (4, b"\1", [], "the database has version 1, which is not known"),
        (12, b"\2", ["a", "b"], "the database claims 2 pages of slots, of which 1 were read"),
        (32, b"X", ["b"], "1 slots of the database are damaged"),
        (47, b"\xff", ["b"], "the entry 1 lies outside of the database"),
        (44, b"\7", ["b"], "the entry 1 is damaged"),
        (4096, b"X", ["b"], "the entry 1 is damaged"),
        (4096 + 12, b"\xff", ["b"], "the entry 1 is damaged"),
        (4096 + 8, b"\1", ["a", "b"], "the checksum of the entry 1 is wrong; what can be read of it is used"),
    ],
)
def test_damage_to_an_ndb_database_loses_only_what_it_touches(
    position: int, value: bytes, names: list[str], reason: str
) -> None:
    data = bytearray(make_ndb([package("a"), package("b")]).ljust(8192, b"\0"))
    data[position : position + 1] = value
    if position == 12:
        data = data[:8000]
    assert read(bytes(data)) == (names, [reason])


def test_slots_that_share_one_blob_do_not_multiply_it() -> None:
    data = bytearray(make_ndb([package("a", 50_000)]))
    data[48:4096] = bytes(data[32:48]) * ((4096 - 48) // 16)
    names, reports = read(bytes(data))
    assert len(names) == 1
    assert reports == ["the entries of the database share their bytes; the rest of them was left out"]


def _blobs_of_sqlite(body: memoryview, report: Report) -> Iterator[bytes]:
    return (blob for _, blob in sqlite.read_rows(body, report))


@given(
    st.lists(st.binary(min_size=8, max_size=9000), max_size=8), st.sampled_from(["sqlite", "ndb", "bdb", ">", "512"])
)
@settings(max_examples=40)
def test_every_blob_comes_out_as_it_went_in(blobs: list[bytes], form: str) -> None:
    makers = {
        "sqlite": (make_sqlite, _blobs_of_sqlite),
        "ndb": (make_ndb, ndb.read_blobs),
        "bdb": (make_bdb, bdb.read_blobs),
        ">": (MAKERS["bdb-big-endian"], bdb.read_blobs),
        "512": (MAKERS["bdb-small-pages"], bdb.read_blobs),
    }
    make, read_blobs = makers[form]
    reports: list[str] = []
    assert list(read_blobs(memoryview(make(blobs)), reports.append)) == blobs
    assert reports == []


_HEADS = st.sampled_from(
    [
        b"SQLite format 3\0",
        b"RpmP\0\0\0\0",
        bytes(12) + b"\x61\x15\x06\0\x09\0\0\0",
        bytes(12) + b"\0\6\x15\x61\0\0\0\x09",
    ]
)


def survives(data: bytes) -> tuple[RpmHeader, ...]:
    """Reads without raising anything."""
    reports: list[str] = []
    database = read_database(memoryview(data), reports.append)
    return database.headers if database else ()


@given(_HEADS, st.binary(max_size=3000))
def test_reading_survives_any_bytes_behind_the_magic(head: bytes, rest: bytes) -> None:
    survives(head + rest)


SMALL = {name: make(BLOBS[:12]) for name, make in MAKERS.items()}


@given(st.sampled_from(sorted(SMALL)), st.data())
@settings(max_examples=150)
def test_reading_survives_changed_bytes(form: str, data: st.DataObject) -> None:
    body = bytearray(SMALL[form])
    places = st.one_of(st.integers(0, 300), st.integers(0, len(body) - 1))
    for position, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=8)):
        body[position] = value
    assert len(survives(bytes(body))) <= 100
