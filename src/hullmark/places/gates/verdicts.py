"""Local verdicts: one SQLite file that gates answer from, however far away the server is.

Nothing is kept in memory but the pages that SQLite caches, so that a gate with a hundred thousand verdicts is as small as one with ten, and
a program that runs for one image needs no time to load them. One process writes while others read (write-ahead log).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from hullmark.model.admission import AdmissibleImage, AdmissionPage
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit

MOST_IMAGES = Limit(2_000_000, "images with verdicts that a gate keeps", "refused")
MOST_QUEUED = Limit(10_000, "unknown images that wait at a gate to be told to the server", "later")
_MOST_UNDER_DIGEST = Limit(
    64, "images of one index that a gate looks at; beyond them the index is not judged", "unseen"
)
_SCHEMA = 1
_TABLES = """
CREATE TABLE image (id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, document BLOB NOT NULL, seen INTEGER NOT NULL);
CREATE TABLE alias (digest TEXT NOT NULL, image INTEGER NOT NULL, PRIMARY KEY (digest, image)) WITHOUT ROWID;
CREATE INDEX alias_image ON alias (image);
CREATE TABLE tag (name TEXT PRIMARY KEY, image INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX tag_image ON tag (image);
CREATE TABLE ran (place TEXT NOT NULL, digest TEXT NOT NULL, seen_at REAL NOT NULL, PRIMARY KEY (place, digest)) WITHOUT ROWID;
CREATE TABLE queue (reference TEXT PRIMARY KEY, asked_at REAL NOT NULL, told_at REAL) WITHOUT ROWID;
CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(AdmissibleImage)


class TooManyUnderDigest(LookupError):
    """A digest names more images than a gate looks at."""


class LocalVerdicts:
    """The verdicts that a gate keeps. For one thread; other threads and processes open the file for themselves.

    `place` in what ran is whatever the gate tells places by: a namespace of a cluster, or "" for a host.
    """

    def __init__(self, path: Path, *, is_read_only: bool = False) -> None:
        """Open the file, or make it unless it is only read. Raises HullmarkError if it cannot be used.

        One of another version is emptied: the server fills it anew.
        """
        self.path = path
        try:
            if is_read_only:
                self._database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
            else:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._database = sqlite3.connect(path, isolation_level=None)
            self._database.execute("PRAGMA busy_timeout = 5000")
            if not is_read_only:
                self._prepare()
            elif self._version() != _SCHEMA:
                raise HullmarkError(f"{path} is of another version", advice="start the process that fills it")
        except (sqlite3.Error, OSError) as error:
            raise HullmarkError(
                f"cannot use the verdicts in {path}: {error}",
                advice="check the path, or remove the file: it is filled anew",
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def find(self, digest: str) -> tuple[AdmissibleImage, ...]:
        """The images of a digest: a manifest's or a configuration's name one, an index's one a platform. Raises TooManyUnderDigest."""
        rows = self._database.execute(
            "SELECT image.document FROM alias JOIN image ON image.id = alias.image WHERE alias.digest = ? ORDER BY image.digest LIMIT ?",
            (digest, _MOST_UNDER_DIGEST + 1),
        ).fetchall()
        if len(rows) > _MOST_UNDER_DIGEST:
            raise TooManyUnderDigest(digest)
        return tuple(_DECODER.decode(document) for (document,) in rows)

    def tagged(self, name: str) -> AdmissibleImage | None:
        """The image that a tag (HOST/REPOSITORY:TAG) points to, as far as the server has seen."""
        row = self._database.execute(
            "SELECT image.document FROM tag JOIN image ON image.id = tag.image WHERE tag.name = ?", (name,)
        ).fetchone()
        return _DECODER.decode(row[0]) if row is not None else None

    def images(self) -> Iterator[AdmissibleImage]:
        """All of them, by digest."""
        with closing(self._database.cursor()) as cursor:
            for (document,) in cursor.execute("SELECT document FROM image ORDER BY digest"):
                yield _DECODER.decode(document)

    def count(self) -> int:
        """How many images there are."""
        return int(self._database.execute("SELECT count(*) FROM image").fetchone()[0])

    @property
    def cursor(self) -> str:
        """Where the next page of the server begins; "": at the beginning."""
        return self._state("cursor")

    @property
    def synced_at(self) -> datetime | None:
        """When the server last said that there is no more for now; None: never."""
        text = self._state("synced_at")
        return datetime.fromisoformat(text) if text else None

    def age_seconds(self, now: datetime) -> float | None:
        """How old the verdicts are; None where no whole list ever came."""
        synced_at = self.synced_at
        return max((now - synced_at).total_seconds(), 0.0) if synced_at is not None else None

    def take(self, page: AdmissionPage, now: datetime) -> None:
        """Keep a page of the server, whole or not at all. At the end of a whole list, what is not in it goes.

        Raises HullmarkError where there are too many.
        """
        with self._writing():
            generation = int(self._state("generation") or 0) + page.begins
            for image in page.images:
                self._put(image, generation)
            if self.count() > MOST_IMAGES:
                raise HullmarkError(
                    f"the server has more than {MOST_IMAGES:,} verdicts", advice="give the gate an account of its own"
                )
            is_listing = page.begins or self._state("listing") == "1"
            if is_listing and page.is_last:
                self._forget_before(generation)
            self._set("generation", str(generation))
            self._set("listing", "1" if is_listing and not page.is_last else "")
            self._set("cursor", page.cursor)
            if page.is_last:
                self._set("synced_at", now.astimezone(UTC).isoformat())

    def bind(self, identity: str) -> None:
        """Say whose verdicts these are (a server and an account): those of another are forgotten."""
        with self._writing():
            if self._state("identity") != identity:
                for table in ("image", "alias", "tag", "queue"):
                    self._database.execute(f"DELETE FROM {table}")
                for name in ("cursor", "synced_at", "listing"):
                    self._set(name, "")
                self._set("identity", identity)

    # What runs.

    def note_running(self, running: Iterable[tuple[str, str]], now: datetime) -> None:
        """Note that images run: pairs of a place and a digest."""
        seen_at = now.timestamp()
        with self._writing():
            self._database.executemany(
                "INSERT INTO ran VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seen_at = excluded.seen_at",
                ((place, digest, seen_at) for place, digest in running),
            )

    def ran_at(self, place: str, digests: Iterable[str]) -> datetime | None:
        """When an image, by any of these digests, was last seen to run at a place; None: never."""
        wanted = tuple(digests)
        marks = ",".join("?" * len(wanted))
        row = self._database.execute(
            f"SELECT max(seen_at) FROM ran WHERE place = ? AND digest IN ({marks})", (place, *wanted)
        ).fetchone()
        return datetime.fromtimestamp(row[0], UTC) if row[0] is not None else None

    def forget_ran_before(self, moment: datetime) -> None:
        """Forget what ran last before a moment."""
        with self._writing():
            self._database.execute("DELETE FROM ran WHERE seen_at < ?", (moment.timestamp(),))

    # Unknown images.

    def queue(self, reference: str, now: datetime) -> bool:
        """Have an unknown image told to the server, once; whether there was room."""
        known = self._database.execute("SELECT 1 FROM queue WHERE reference = ?", (reference,)).fetchone()
        if known is not None:
            return True
        with self._writing():
            count = self._database.execute("SELECT count(*) FROM queue").fetchone()[0]
            if count >= MOST_QUEUED:
                return False
            self._database.execute("INSERT OR IGNORE INTO queue VALUES (?, ?, NULL)", (reference, now.timestamp()))
        return True

    def queued(self) -> tuple[str, ...]:
        """The unknown images that the server was not told of yet, those asked for first first."""
        rows = self._database.execute("SELECT reference FROM queue WHERE told_at IS NULL ORDER BY asked_at, reference")
        return tuple(str(reference) for (reference,) in rows)

    def mark_told(self, references: Iterable[str], now: datetime) -> None:
        """Note that the server was told of unknown images. They may be told again after a day."""
        with self._writing():
            self._database.executemany(
                "UPDATE queue SET told_at = ? WHERE reference = ?",
                ((now.timestamp(), reference) for reference in references),
            )
            self._database.execute("DELETE FROM queue WHERE told_at < ?", (now.timestamp() - 86_400,))

    # Below.

    def _prepare(self) -> None:
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        with self._writing():
            if self._version() == _SCHEMA:
                return
            names = self._database.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            ).fetchall()
            for (name,) in names:
                self._database.execute(f'DROP TABLE "{name}"')
            for statement in filter(str.strip, _TABLES.split(";")):
                self._database.execute(statement)
            self._database.execute(f"PRAGMA user_version = {_SCHEMA}")

    def _version(self) -> int:
        return int(self._database.execute("PRAGMA user_version").fetchone()[0])

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._database:  # commits, or rolls back
            self._database.execute("BEGIN IMMEDIATE")
            yield

    def _put(self, image: AdmissibleImage, generation: int) -> None:
        if not image.verdicts:
            self._drop("digest = ?", image.digest)
            return
        row = self._database.execute(
            "INSERT INTO image (digest, document, seen) VALUES (?, ?, ?)"
            " ON CONFLICT (digest) DO UPDATE SET document = excluded.document, seen = excluded.seen RETURNING id",
            (image.digest, _ENCODER.encode(image), generation),
        ).fetchone()
        for table in ("alias", "tag"):
            self._database.execute(f"DELETE FROM {table} WHERE image = ?", row)
        digests = {image.digest, image.config, *image.indexes} - {""}
        self._database.executemany("INSERT OR IGNORE INTO alias VALUES (?, ?)", ((digest, *row) for digest in digests))
        self._database.executemany(
            "INSERT INTO tag VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET image = excluded.image",
            ((name, *row) for name in image.tags),
        )

    def _forget_before(self, generation: int) -> None:
        self._drop("seen < ?", generation)

    def _drop(self, where: str, value: str | int) -> None:
        for table in ("alias", "tag"):
            self._database.execute(f"DELETE FROM {table} WHERE image IN (SELECT id FROM image WHERE {where})", (value,))
        self._database.execute(f"DELETE FROM image WHERE {where}", (value,))

    def _state(self, name: str) -> str:
        row = self._database.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row is not None else ""

    def _set(self, name: str, value: str) -> None:
        self._database.execute(
            "INSERT INTO state VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (name, value)
        )
