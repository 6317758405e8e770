"""Logs over rpm databases of which single pages or rows make no sense: what is told, and what stays."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cache

import pytest

from hullmark.catalog.systems.rpmdb.header import RpmHeader, read_header
from hullmark.catalog.systems.rpmdb.log import Log, read_log
from hullmark.catalog.systems.rpmdb.overlay import lay_over
from tests.unit.catalog.systems.test_rpm_databases import package
from tests.unit.catalog.systems.test_rpm_header import make_header
from tests.unit.catalog.systems.test_rpm_log import LOG, listed, put, put_many, two_files

PAGE = 512
ROOT = 2  # the first table of a new database is Packages
DAMAGE = "the log of the rpm database cannot be followed: "


@cache
def schema() -> bytes:
    """The page with the list of tables."""
    _, log, _ = two_files(lambda db: put(db, "a"), page_bytes=PAGE)
    found = read_log(memoryview(log), pytest.fail)
    assert found is not None
    return found.pages[1]


def varint(number: int) -> bytes:
    """A number as SQLite writes it."""
    if number < 0:
        return b"\xff" * 9
    parts = [number & 0x7F]
    while number := number >> 7:
        parts.append(number & 0x7F | 0x80)
    return bytes(reversed(parts))


def record(blob: bytes) -> bytes:
    """A row of Packages: its number stands elsewhere."""
    head = b"\0" + varint(12 + 2 * len(blob))
    return varint(len(head) + 1) + head + blob


def cell(number: int, row: bytes, *, size: int | None = None, following: int | None = None) -> bytes:
    """A row on its page."""
    rest = struct.pack(">I", following) if following is not None else b""
    return varint(len(row) if size is None else size) + varint(number) + row + rest


def long_cell(size: int, following: int) -> bytes:
    """The row 1 as far as it is on its page, where it goes on at another."""
    least = (PAGE - 12) * 32 // 255 - 23
    return cell(1, bytes(least + (size - least) % (PAGE - 4)), size=size, following=following)


def leaf(*cells: bytes, places: Sequence[int] | None = None) -> bytes:
    """A page of rows; `places` of the cells if they are not to be their own."""
    content, found = b"", []
    for each in cells:
        content = each + content
        found.append(PAGE - len(content))
    found = list(places) if places is not None else found
    head = struct.pack(">BHHHB", 13, 0, len(found), 0, 0) + struct.pack(f">{len(found)}H", *found)
    return head + bytes(PAGE - len(head) - len(content)) + content


def laid(pages: dict[int, bytes], rows: dict[int, RpmHeader] | None = None) -> tuple[list[str], list[str]]:
    """The names of the packages once these pages count, and what is told."""
    reports: list[str] = []
    log = Log(size=1, page_bytes=PAGE, count=9, pages={1: schema(), **pages})
    found = lay_over(rows or {}, None, log, reports.append)
    return [header.name for _, header in sorted(found.items())], reports


def header(name: str) -> RpmHeader:
    """A package that the database has."""
    return read_header(package(name), pytest.fail)


def test_rows_of_the_log_are_read_with_any_number() -> None:
    page = leaf(cell(-1, record(package("minus"))), cell(300, record(package("plus"))))
    assert laid({ROOT: page}) == (["minus", "plus"], [])


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (cell(1, record(bytes(8))), "a package's header is damaged: it claims 0 index entries"),
        (cell(1, record(b"\x7f" + bytes(20))), "a package's header is damaged: it claims 2,130,706,432 index entries"),
        (cell(1, record(make_header({1001: "1"}))), "a package without a name was left out"),
        (cell(1, b"\1"), f"{DAMAGE}a row is damaged"),
        (cell(1, b"\5\x80"), f"{DAMAGE}a row is damaged"),
        (cell(1, b"\3\x0a\x0a"), f"{DAMAGE}a row is damaged"),
        (cell(1, b"\3\x20\x20\0"), f"{DAMAGE}a row is damaged"),
        (long_cell(20_000, following=3), f"{DAMAGE}the row 1 claims 20,000 bytes"),
    ],
)
def test_a_row_of_the_log_that_cannot_be_read_loses_only_itself(row: bytes, reason: str) -> None:
    pages = {ROOT: leaf(row, cell(2, record(package("b")))), 3: bytes(PAGE)}
    assert laid(pages) == (["b"], [reason])


def test_a_row_that_goes_on_at_a_page_that_is_not_there_is_told() -> None:
    pages = {ROOT: leaf(long_cell(1300, following=3)), 3: struct.pack(">I", 7) + bytes(PAGE - 4)}
    assert laid(pages, {5: header("kept")}) == (
        ["kept"],
        [f"{DAMAGE}the row 1 goes on at a page that is not there"],
    )


def test_rows_that_share_their_bytes_do_not_multiply_them() -> None:
    row = cell(1, record(package("a", 150)))
    page = leaf(row, places=[PAGE - len(row)] * 3)
    assert laid({ROOT: page}, {5: header("kept")}) == (
        ["kept"],
        [f"{DAMAGE}the rows of the page 2 share their bytes"],
    )


@pytest.mark.parametrize(
    ("page", "reason"),
    [(bytes(PAGE), "the page 1 is not of a table"), (b"", "the page 1 is damaged")],
)
def test_a_list_of_tables_that_cannot_be_read_leaves_the_database_as_it_is(page: bytes, reason: str) -> None:
    assert laid({1: page}, {5: header("kept")}) == (
        ["kept"],
        [f"the log of the rpm database cannot be laid over it: {reason}"],
    )


def test_a_list_without_the_table_of_packages_leaves_the_database_as_it_is() -> None:
    page = schema()[:100] + struct.pack(">BHHHB", 13, 0, 0, 0, 0) + bytes(PAGE - 108)
    assert laid({1: page}, {5: header("kept")}) == (
        ["kept"],
        ["the rpm database and its log have no table Packages"],
    )


def test_rows_beyond_the_limit_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hullmark.catalog.systems.rpmdb.overlay._MAX_ROWS", 1)
    page = leaf(cell(1, record(package("a"))), cell(2, record(package("b"))))
    assert laid({ROOT: page}) == (["a"], [f"{DAMAGE}there are more than 1 rows"])


def test_a_log_with_a_damaged_head_is_told_and_changes_nothing() -> None:
    body, log, _ = two_files(lambda db: put(db, "new"), before=lambda db: put_many(db, 0, 2))
    damaged = log[:16] + bytes((log[16] ^ 1,)) + log[17:]
    assert listed(body, damaged) == (
        ["p0", "p1"],
        [(LOG, "the log of the rpm database has a damaged head; changes in it were not read")],
    )
