"""rpm's databases of installed packages, in the three formats there have been: a file's bytes → headers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from hullmark.catalog.systems.rpmdb.header import DamagedHeader, RpmHeader, read_header
from hullmark.catalog.systems.rpmdb.pages import Outline, outline_of
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import Report

_MAX_REPORTS = Limit(20, "problems of one rpm database that are listed one by one", "shortened")


class Database(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A database's packages. `is_empty`: the file has no bytes at all.

    Of SQLite's files also what a log is laid over: `numbers` are those of the packages' rows, `outline` is where the rows begin.
    """

    headers: tuple[RpmHeader, ...] = ()
    is_empty: bool = False
    numbers: tuple[int, ...] = ()
    outline: Outline | None = None


def read_database(body: memoryview, report: Report) -> Database | None:
    """The packages of a database, recognised by its first bytes; None for any other file.

    What is damaged is reported; the rest is returned.
    """
    reports = Reports(report, "the database")
    if bytes(body[:16]) == _SQLITE:
        from hullmark.catalog.systems.rpmdb import sqlite  # images without an rpm database need no SQLite

        rows = list(_headers(sqlite.read_rows(body, reports), len(body), reports))
        reports.finish()
        return Database(
            tuple(header for _, header in rows), numbers=tuple(number for number, _ in rows), outline=outline_of(body)
        )
    reader = _reader(body)
    if reader is None:
        return None
    headers = tuple(header for _, header in _headers(enumerate(reader(body, reports)), len(body), reports))
    reports.finish()
    return Database(headers)


_SQLITE = b"SQLite format 3\0"


def _reader(body: memoryview) -> Callable[[memoryview, Report], Iterator[bytes]] | None:
    from hullmark.catalog.systems.rpmdb import bdb, ndb  # nor these

    if body[:4] == ndb.MAGIC:
        return ndb.read_blobs
    return bdb.read_blobs if bytes(body[12:16]) in bdb.MAGICS else None


def _headers(blobs: Iterable[tuple[int, bytes]], size: int, report: Report) -> Iterator[tuple[int, RpmHeader]]:
    """The packages with their numbers."""
    left = size
    for number, blob in blobs:
        left -= len(blob)
        if left < 0:
            report("the entries of the database share their bytes; the rest of them was left out")
            return
        try:
            header = read_header(blob, report)
        except DamagedHeader as error:
            report(f"a package's header is damaged: {error}")
            continue
        if header.name:
            yield number, header
        else:
            report("a package without a name was left out")


class Reports:
    """Passes on the first sentences and counts the rest: a database can have a hundred thousand faults."""

    def __init__(self, report: Report, what: str) -> None:
        """`what` is damaged: begins the sentence about those that are not told one by one."""
        self._report, self._what = report, what
        self._count = 0

    def __call__(self, reason: str) -> None:
        self._count += 1
        if self._count <= _MAX_REPORTS:
            self._report(reason)

    def finish(self) -> None:
        """Say how many were not passed on."""
        if self._count > _MAX_REPORTS:
            self._report(f"{self._what} has {self._count - _MAX_REPORTS:,} more damages")
