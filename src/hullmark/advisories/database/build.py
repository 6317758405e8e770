"""Records of feeds → a snapshot file. The same records in the same order give the same bytes.

So they do whether all of them are written, or only those of the feeds that changed, beside what an earlier snapshot has of the others.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from hullmark.advisories.database.contributions import Ledger, Source
from hullmark.advisories.database.layout import settle
from hullmark.advisories.database.renewal import NotRenewable, renew
from hullmark.advisories.database.schema import APPLICATION_ID, FORMAT, INDEXES, TABLES, FeedInfo
from hullmark.advisories.database.writer import Writer, overriding
from hullmark.model.advisory import Record

_CHUNK = 1 << 20


class Base(NamedTuple):
    """An earlier snapshot, and how it was made."""

    path: Path
    ledger: Ledger


def build(path: Path, feeds: Iterable[tuple[FeedInfo, Iterable[Record]]]) -> str:
    """Write a snapshot of these feeds' records to a path where nothing is yet; answers its digest, `sha256:HEX`.

    Feeds are written in the order of their names, a feed's records in the order given. Of two advisories of one
    feed with the same id, the later one counts. Raises OSError or sqlite3.Error if the file cannot be written.
    """
    _write_whole(path, ((info, "", records) for info, records in feeds))
    settle(path)
    return digest_of(path)


def build_on(path: Path, sources: Sequence[Source], code: str, base: Base | None) -> Ledger:
    """Write the snapshot that `build` writes, and answer how it was made; what has not changed since `base` is taken from there.

    `code` names the program that writes. A base that is damaged, was written by another program or is of other feeds is left aside.
    """
    writer = None
    if (
        base is not None
        and base.ledger.code == code
        and base.ledger.feeds == [_bond(source.info) for source in sources]
    ):
        writer = _write_changed(path, sources, base)
    if writer is None:
        path.unlink(missing_ok=True)
        writer = _write_whole(path, ((source.info, source.digest, source.records()) for source in sources))
    settle(path)
    return Ledger(code=code, snapshot=digest_of(path), contributions=tuple(writer.contributions))


def digest_of(path: Path) -> str:
    """The digest of a file's bytes, `sha256:HEX`."""
    return _read_through(path, lambda _: None)


def _read_through(path: Path, take: Callable[[bytes], object]) -> str:
    content = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            content.update(chunk)
            take(chunk)
    return f"sha256:{content.hexdigest()}"


def _bond(info: FeedInfo) -> tuple[str, str]:
    return info.name, info.overrides


def _write_whole(path: Path, feeds: Iterable[tuple[FeedInfo, str, Iterable[Record]]]) -> Writer:
    with closing(_open_database(path)) as db:
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {FORMAT}")
        db.executescript(TABLES)
        db.execute("BEGIN")
        writer = Writer(db)
        for info, digest, records in feeds:
            writer.feed(info, digest, records)
        for feed, overridden in overriding(
            (contribution.name, contribution.overrides) for contribution in writer.contributions
        ):
            writer.override(feed, overridden)
        rows = ((number, *key) for key, number in writer.packages.items())
        db.executemany("INSERT INTO package VALUES (?, ?, ?)", rows)
        writer.describe()
        db.execute("COMMIT")
        db.executescript(INDEXES)
    return writer


def _write_changed(path: Path, sources: Sequence[Source], base: Base) -> Writer | None:
    """Write what has changed over a copy of an earlier snapshot; None if that cannot be done."""
    with path.open("wb") as stream:
        if _read_through(base.path, stream.write) != base.ledger.snapshot:
            return None
    try:
        with closing(_open_database(path)) as db:
            db.execute("BEGIN")
            writer = renew(db, base.ledger.contributions, sources)
            db.execute("COMMIT")
    except (NotRenewable, sqlite3.Error):
        return None
    return writer


def _open_database(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE", "cache_size = -65536"):
        db.execute(f"PRAGMA {pragma}")
    return db
