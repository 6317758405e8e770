"""rpm's databases of installed packages, in the three formats there have been: a file's bytes → headers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hullmark.catalog.systems.rpmdb import bdb, ndb
from hullmark.catalog.systems.rpmdb.header import DamagedHeader, RpmHeader, read_header
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import Report

_MAX_REPORTS = Limit(20, "problems of one rpm database that are told one by one", "shortened")


def read_database(body: memoryview, report: Report) -> tuple[RpmHeader, ...] | None:
    """The packages of a database, recognised by its first bytes; None for any other file.

    What is damaged is reported; the rest is returned.
    """
    reader = _reader(body)
    if reader is None:
        return None
    reports = _Reports(report)
    headers = tuple(_headers(reader(body, reports), len(body), reports))
    reports.finish()
    return headers


def _reader(body: memoryview) -> Callable[[memoryview, Report], Iterator[bytes]] | None:
    if bytes(body[:16]) == b"SQLite format 3\0":
        from hullmark.catalog.systems.rpmdb import sqlite  # images without an rpm database need no SQLite

        return sqlite.read_blobs
    if body[:4] == ndb.MAGIC:
        return ndb.read_blobs
    return bdb.read_blobs if bytes(body[12:16]) in bdb.MAGICS else None


def _headers(blobs: Iterator[bytes], size: int, report: Report) -> Iterator[RpmHeader]:
    left = size
    for blob in blobs:
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
            yield header
        else:
            report("a package without a name was left out")


class _Reports:
    """Passes on the first sentences and counts the rest: a database can have a hundred thousand faults."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._count = 0

    def __call__(self, reason: str) -> None:
        self._count += 1
        if self._count <= _MAX_REPORTS:
            self._report(reason)

    def finish(self) -> None:
        """Say how many were not passed on."""
        if self._count > _MAX_REPORTS:
            self._report(f"the database has {self._count - _MAX_REPORTS:,} more damages")
