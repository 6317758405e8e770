"""A database of rpm with a log over it: the pages of the log count before those of the database (sqlite.org/wal.html).

Of the database below only its packages and its outline are known, which is enough: a row of a page that the log has is either in the log
as a whole, or begins at the same page as before.
"""

from __future__ import annotations

from hullmark.catalog.systems.rpmdb.header import MAX_HEADER_BYTES, DamagedHeader, RpmHeader, read_header
from hullmark.catalog.systems.rpmdb.log import Log
from hullmark.catalog.systems.rpmdb.pages import (
    Cell,
    DamagedPage,
    Outline,
    Page,
    columns,
    page_size,
    read_page,
    root_of_packages,
    walk,
)  # fmt: skip
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import Report

_MAX_ROWS = Limit(100_000, "packages of an rpm database with a log")

Rows = dict[int, RpmHeader]
"""The packages of a database by the numbers of their rows."""


def lay_over(rows: Rows, outline: Outline | None, log: Log, report: Report) -> Rows:
    """The packages once the log counts. What cannot be followed is reported; then the packages of the database stay in the list."""
    overlay = _Overlay(rows, outline, log, report)
    try:
        root = root_of_packages(overlay.schema_page)
    except DamagedPage as damage:
        report(f"the log of the rpm database cannot be laid over it: {damage}")
        return rows
    if root is None:
        report("the rpm database and its log have no table Packages")
        return rows
    for number, found in walk(overlay.page, root):
        overlay.take(number, found)
    if overlay.is_damaged:
        return rows | overlay.rows
    return overlay.rows


class _Overlay:
    """The database as SQLite sees it, page by page."""

    def __init__(self, rows: Rows, outline: Outline | None, log: Log, report: Report) -> None:
        self.rows: Rows = {}
        self.is_damaged = False
        self._below = rows
        self._log = log
        self._report = report
        self._bytes_left = sum(map(len, log.pages.values()))
        self._outline = outline or Outline(log.page_bytes, log.page_bytes, {}, {}, {})
        first = log.pages.get(1) or self._outline.schema.get(1, b"")
        self._usable = page_size(first)[1] if len(first) > 100 else self._outline.usable
        self._starts = dict(row for leaf in self._outline.leaves.values() for row in leaf)

    def schema_page(self, number: int) -> Page:
        """A page of the list of tables."""
        raw = self._of_log(number) or self._outline.schema.get(number, b"")
        return read_page(raw, number, self._usable)

    def page(self, number: int) -> Page:
        """A page of the table Packages. Raises DamagedPage."""
        raw = self._of_log(number)
        if raw is not None:
            return read_page(raw, number, self._usable)
        inner = self._outline.inner.get(number)
        if inner is not None:
            return inner
        leaf = self._outline.leaves.get(number)
        if leaf is None:
            raise DamagedPage(f"the page {number} is neither in the log nor in the database")
        return [Cell(row, 0, b"", following) for row, following in leaf]

    def _of_log(self, number: int) -> bytes | None:
        if not 0 < number <= self._log.count:
            raise DamagedPage(f"the page {number} is behind the end")
        return self._log.pages.get(number)

    def take(self, number: int, found: Page | DamagedPage) -> None:
        """Add the rows of a page."""
        if isinstance(found, DamagedPage):
            self._damage(str(found))
        elif isinstance(found, list):
            is_new = number in self._log.pages
            for cell in found:
                self._take_row(cell, is_new)

    def _take_row(self, cell: Cell, is_new: bool) -> None:
        if len(self.rows) >= _MAX_ROWS:
            self._damage(f"there are more than {_MAX_ROWS:,} rows")
        elif not is_new or (cell.following and cell.following not in self._log.pages):
            # The row begins where it did, so it is the same one. What was wrong with it has been told.
            header = self._below.get(cell.number)
            if is_new and self._starts.get(cell.number) != cell.following:
                self._damage(f"the row {cell.number} goes on at a page that is not there")
            elif header is not None:
                self.rows[cell.number] = header
        else:
            self._read_row(cell)

    def _read_row(self, cell: Cell) -> None:
        try:
            header = read_header(_blob(self._record(cell)), self._report)
        except DamagedPage as damage:
            self._damage(str(damage))
        except DamagedHeader as damage:
            self._report(f"a package's header is damaged: {damage}")
        else:
            if header.name:
                self.rows[cell.number] = header
            else:
                self._report("a package without a name was left out")

    def _record(self, cell: Cell) -> bytes:
        """The bytes of a row that lies in the log as a whole."""
        # A row that claims too much takes nothing from what the others may have.
        if cell.size > min(MAX_HEADER_BYTES, self._bytes_left):
            raise DamagedPage(f"the row {cell.number} claims {cell.size:,} bytes")
        self._bytes_left -= cell.size
        record, following = bytearray(cell.local), cell.following
        while len(record) < cell.size:
            raw = self._log.pages.get(following)
            if raw is None:
                raise DamagedPage(f"the row {cell.number} goes on at a page that is not there")
            record += raw[4 : min(self._usable, 4 + cell.size - len(record))]
            following = int.from_bytes(raw[:4], "big")
        return bytes(record)

    def _damage(self, reason: str) -> None:
        self.is_damaged = True
        self._report(f"the log of the rpm database cannot be followed: {reason}")


def _blob(record: bytes) -> bytes:
    values = columns(record)
    if len(values) < 2:
        raise DamagedPage("a row is damaged")
    return values[1]
