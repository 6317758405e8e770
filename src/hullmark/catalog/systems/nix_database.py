"""What Nix knows of its store: nix/var/nix/db/db.sqlite, and the log beside it (Nix' source, libstore/schema.sql).

`ValidPaths` has the objects of the store, `Refs` which of them names which in its files: that is what it needs to run. Which packages
there are is told by the store itself, so that nothing is hidden by a database that cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from hullmark.model.limit import Limit
from hullmark.rootfs.reads import MIB, Read, Remark, Report

_MAX_PATHS = Limit(500_000, "objects in a database of Nix", "shortened")
_MAX_REFS = Limit(2_000_000, "references between objects in a database of Nix", "shortened")
_MAX_BYTES = Limit(256 * MIB, "bytes of a database of Nix, or of its log", "shortened")
_PATH_BYTES = 512
_STORE = b"/nix/store/"
_COLUMNS_OF_PATHS = 6


class NixDatabase(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Numbers and paths of objects (`nix/store/…`), and pairs of numbers: an object, and one that it refers to."""

    paths: tuple[tuple[int, str], ...] = ()
    refs: tuple[tuple[int, int], ...] = ()


class _TooLarge:
    """A database, or a log, that is too large to be read."""

    def __init__(self, size: int) -> None:
        self._size = size

    def write(self, piece: memoryview, /) -> None:
        """Nothing."""

    def finish(self, report: Report, /) -> NixDatabase:
        """It is there, and was not read."""
        report(Remark(f"it has {self._size:,} bytes and was not read: which packages of Nix need which is not known"))
        return NixDatabase()


def extract_database(_path: str, body: memoryview, report: Report) -> NixDatabase:
    """The objects that are valid, and what they refer to."""
    from hullmark.catalog.systems.rpmdb.sqlite import read_columns  # few images have one

    complaints: list[str] = []
    paths = read_columns(body, "ValidPaths", ("id", "path"), _MAX_PATHS + 1, complaints.append)
    refs = read_columns(body, "Refs", ("referrer", "reference"), _MAX_REFS + 1, complaints.append)
    if not complaints and (paths is None or refs is None):
        complaints.append("it has no tables ValidPaths and Refs as Nix makes them")
    return _database(paths or (), refs or (), dict.fromkeys(complaints), report)


def extract_log(_path: str, body: memoryview, report: Report) -> NixDatabase | None:
    """The rows on the pages that the log has. They only add to the database: what an object refers to never changes, and one that is gone
    from the database is gone from the store."""
    from hullmark.catalog.systems.rpmdb.log import read_log
    from hullmark.catalog.systems.rpmdb.pages import DamagedPage, columns, read_page

    log = read_log(body, lambda reason: report(Remark(reason)), "the database of Nix")
    if log is None:
        return None
    paths: list[tuple[object, object]] = []
    refs: list[tuple[object, object]] = []
    damaged = 0
    for number, page in log.pages.items():
        try:
            rows = read_page(page, number, log.page_bytes) if number != 1 else ()
            for cell in rows if isinstance(rows, list) else ():
                values = columns(cell.local)
                if len(values) >= _COLUMNS_OF_PATHS and values[1].startswith(_STORE):
                    paths.append((cell.number, values[1]))
                elif len(values) == 2 and max(map(len, values)) <= 8:
                    # SQLite stores the number 1 without any bytes; ids begin at 1, so an empty value is never 0.
                    refs.append(tuple(int.from_bytes(value, "big", signed=True) if value else 1 for value in values))  # type: ignore[arg-type]
        except DamagedPage:
            damaged += 1
    complaints = [f"{damaged:,} pages of the log of the database of Nix are damaged"] if damaged else []
    return _database(paths, refs, complaints, report)


def _database(
    paths: Sequence[tuple[object, ...]],
    refs: Sequence[tuple[object, ...]],
    complaints: Iterable[str],
    report: Report,
) -> NixDatabase:
    """What the rows say; what is of another form is counted."""
    complaints = list(complaints)
    known = [
        (number, path[1:].decode("utf-8", "replace"))
        for number, path in paths
        if isinstance(number, int) and isinstance(path, bytes) and path.startswith(_STORE) and len(path) <= _PATH_BYTES
    ]
    numbers = [(one, other) for one, other in refs if isinstance(one, int) and isinstance(other, int)]
    odd = len(paths) - len(known) + len(refs) - len(numbers)
    if odd:
        complaints.append(f"rows that are not of objects of the store were left out: {odd:,}")
    pairs = [(one, other) for one, other in numbers if one != other]
    for found, most, what in ((known, _MAX_PATHS, "objects"), (pairs, _MAX_REFS, "references")):
        if len(found) > most:
            complaints.append(f"it has more than {most:,} {what}; the rest was not read")
    for complaint in complaints:
        report(Remark(complaint))
    return NixDatabase(tuple(sorted(known[:_MAX_PATHS])), tuple(sorted(pairs[:_MAX_REFS])))


DATABASE = Read(
    name="nix-database",
    fact=NixDatabase,
    extract=extract_database,
    globs=("**/nix/var/nix/db/db.sqlite",),
    limit=_MAX_BYTES,
    oversize=_TooLarge,
)
LOG = Read(
    name="nix-log",
    fact=NixDatabase,
    extract=extract_log,
    globs=("**/nix/var/nix/db/db.sqlite-wal",),
    limit=_MAX_BYTES,
    oversize=_TooLarge,
)
