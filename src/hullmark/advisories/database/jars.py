"""An index of Java archives by SHA-1: a list of lines, or a table in SQLite that is made of one, or of Trivy's Java database.

A line is `SHA1 GROUP:ARTIFACT:VERSION`; empty ones, and those that begin with `#`, say nothing. Trivy's database
(https://github.com/aquasecurity/trivy-java-db) has the tables artifacts(id, group_id, artifact_id) and indices(artifact_id, version,
sha1, archive_type). Where one digest has several names, the first in their order counts.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path

import msgspec

from hullmark.advisories.database.shelf import Shelf
from hullmark.model.errors import HullmarkError
from hullmark.model.jar import KEPT_FILE, JarIndex, JarName
from hullmark.model.limit import Limit

_MAX_LIST = Limit(
    64 << 20, "bytes of a list of Java archives that is used as it is (a larger one is imported first)", "refused"
)
_LONGEST_LINE = Limit(1000, "characters of a line in a list of Java archives", "refused")
_SQLITE = b"SQLite format 3\0"
_OURS = 0x484C4A31  # "HLJ1"
_PIECE = 1 << 20
_LINE = re.compile(r"([0-9a-fA-F]{40})[ \t]+([^\s:]+):([^\s:]+):([^\s:]+)").fullmatch
_TABLES = """
CREATE TABLE artifacts(id INTEGER PRIMARY KEY, grp TEXT NOT NULL, artifact TEXT NOT NULL, UNIQUE(grp, artifact));
CREATE TABLE jars(sha1 BLOB PRIMARY KEY, artifact INTEGER NOT NULL, version TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE about(entries INTEGER NOT NULL, digest TEXT NOT NULL, source TEXT NOT NULL, imported_at TEXT NOT NULL);
"""
_GIVEN_BY_TRIVY = """
CREATE TEMP VIEW given AS
SELECT i.sha1 AS sha1, a.group_id AS grp, a.artifact_id AS artifact, i.version AS version
FROM trivy.indices i JOIN trivy.artifacts a ON a.id = i.artifact_id
WHERE typeof(i.sha1) = 'blob' AND length(i.sha1) = 20 AND typeof(i.version) = 'text' AND i.version <> ''
  AND typeof(a.group_id) = 'text' AND a.group_id <> '' AND typeof(a.artifact_id) = 'text' AND a.artifact_id <> ''
"""
_GIVEN_BY_LIST = "CREATE TEMP TABLE given(sha1 BLOB, grp TEXT, artifact TEXT, version TEXT)"
_FILL = (
    "INSERT OR IGNORE INTO artifacts(grp, artifact) SELECT DISTINCT grp, artifact FROM given ORDER BY grp, artifact",
    "INSERT OR IGNORE INTO jars SELECT g.sha1, a.id, g.version FROM given g JOIN artifacts a USING (grp, artifact) "
    "ORDER BY g.sha1, g.grp, g.artifact, g.version",
)
_ASK = "SELECT grp, a.artifact, version FROM jars JOIN artifacts a ON a.id = jars.artifact WHERE sha1 = ?"
_ADVICE = "give a list of lines `SHA1 GROUP:ARTIFACT:VERSION`, or what `hullmark db jars` made"


class AboutJars(msgspec.Struct, frozen=True, kw_only=True):
    """What an index is: its number of archives, the digest of the file that it was made of, that file's name, and when (ISO 8601)."""

    entries: int
    digest: str
    source: str
    imported_at: str


class JarTable:
    """Implements model.jar.JarIndex over a table. Raises HullmarkError where the file is not one."""

    def __init__(self, path: Path) -> None:
        self.title = path.name
        try:
            self._db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
            self._db.execute("PRAGMA trusted_schema = OFF")
            if self._db.execute("PRAGMA application_id").fetchone() != (_OURS,):
                advice = f"hullmark db jars {path} makes an index of it, if it is Trivy's Java database"
                raise HullmarkError(f"{path} is not an index of Java archives", advice=advice)
            entries, digest, source, at = self._db.execute(
                "SELECT entries, digest, source, imported_at FROM about"
            ).fetchone()
        except (sqlite3.Error, TypeError, ValueError) as error:
            raise HullmarkError(f"{path} is not an index of Java archives: {error}", advice=_ADVICE) from error
        self.about = AboutJars(entries=int(entries), digest=str(digest), source=str(source), imported_at=str(at))

    @property
    def digest(self) -> str:
        """The digest of what it was made of."""
        return self.about.digest

    def named(self, digests: Collection[str]) -> Mapping[str, JarName]:
        """The names of those that it knows."""
        found: dict[str, JarName] = {}
        for digest in sorted(digests):
            name = self._db.execute(_ASK, (bytes.fromhex(digest),)).fetchone()
            if name is not None:
                found[digest] = JarName(*map(str, name))
        return found


class JarList:
    """Implements model.jar.JarIndex over the lines of a list. Raises HullmarkError that names the line of the first mistake."""

    def __init__(self, path: Path, data: bytes) -> None:
        self.title = path.name
        self.digest = "sha256:" + hashlib.sha256(data).hexdigest()
        self._names: dict[str, JarName] = {}
        for sha1, name in _lines(path, data.split(b"\n")):
            key = sha1.hex()
            self._names[key] = min(name, self._names.get(key, name))

    def named(self, digests: Collection[str]) -> Mapping[str, JarName]:
        """The names of those that it knows."""
        return {digest: self._names[digest] for digest in digests if digest in self._names}


def opened_jars(path: Path) -> JarIndex:
    """The index in a file. Raises HullmarkError where it cannot be read, or is none."""
    try:
        with path.open("rb") as file:
            head = file.read(len(_SQLITE))
            if head == _SQLITE:
                return JarTable(path)
            data = head + file.read(_MAX_LIST + 1)
    except OSError as error:
        raise HullmarkError(f"cannot read {path}: {error.strerror}", advice="check the path") from error
    if len(data) > _MAX_LIST:
        advice = f"hullmark db jars {path} makes an index of it"
        raise HullmarkError(f"{path} is larger than {_MAX_LIST >> 20} MiB", advice=advice)
    return JarList(path, data)


def keep_jars(shelf: Shelf, source: Path, now: datetime) -> AboutJars:
    """Import an index beside the advisories of a shelf, in the place of the one before. Raises HullmarkError; then that one stays."""
    with shelf.lock():
        made = shelf.folder / f"{KEPT_FILE}.new"
        made.unlink(missing_ok=True)
        try:
            about = import_jars(source, made, now)
            made.replace(shelf.folder / KEPT_FILE)
        finally:
            made.unlink(missing_ok=True)
    return about


def import_jars(source: Path, target: Path, now: datetime) -> AboutJars:
    """Make an index of a list, or of Trivy's Java database, in a file that must not be there yet.

    Raises HullmarkError where the source cannot be read, or is neither.
    """
    try:
        digest = _digest_of(source)
        with source.open("rb") as file:
            is_database = file.read(len(_SQLITE)) == _SQLITE
        with closing(sqlite3.connect(target.absolute().as_uri(), uri=True, isolation_level=None)) as db:
            db.executescript(
                f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA application_id = {_OURS};{_TABLES}"
            )
            if is_database:
                db.execute("ATTACH ? AS trivy", (f"{source.absolute().as_uri()}?mode=ro&immutable=1",))
                db.execute(_GIVEN_BY_TRIVY)
            else:
                _list(db, source)
            for statement in _FILL:
                db.execute(statement)
            (entries,) = db.execute("SELECT count(*) FROM jars").fetchone()
            about = AboutJars(
                entries=entries, digest=digest, source=source.name, imported_at=now.isoformat(timespec="seconds")
            )
            db.execute("INSERT INTO about VALUES (?, ?, ?, ?)", msgspec.structs.astuple(about))
    except OSError as error:
        raise HullmarkError(f"cannot read {source}: {error.strerror}", advice="check the path") from error
    except sqlite3.Error as error:
        advice = "give Trivy's Java database (trivy-java.db), or a list of lines `SHA1 GROUP:ARTIFACT:VERSION`"
        raise HullmarkError(f"{source} is not an index of Java archives: {error}", advice=advice) from error
    return about


def _list(db: sqlite3.Connection, path: Path) -> None:
    """Put the lines of a list where a database's rows would be."""
    db.execute(_GIVEN_BY_LIST)
    db.execute("BEGIN")
    with path.open("rb") as file:
        lines = _lines(path, iter(lambda: file.readline(_LONGEST_LINE + 2), b""))
        rows = ((sha1, *msgspec.structs.astuple(name)) for sha1, name in lines)
        db.executemany("INSERT INTO given VALUES (?, ?, ?, ?)", rows)
    db.execute("COMMIT")


def _lines(path: Path, lines: Iterable[bytes]) -> Iterator[tuple[bytes, JarName]]:
    for number, line in enumerate(lines, 1):
        if len(line) > _LONGEST_LINE + 1:
            raise HullmarkError(f"{path}:{number}: longer than {_LONGEST_LINE} characters", advice=_ADVICE)
        text = line.decode("utf-8", "replace").strip()
        if not text or text.startswith("#"):
            continue
        found = _LINE(text)
        if found is None or not all(part.isprintable() for part in found.groups()):
            wrong = f"{path}:{number}: not a line `SHA1 GROUP:ARTIFACT:VERSION`: {text[:80]!a}"
            raise HullmarkError(wrong, advice=_ADVICE)
        yield bytes.fromhex(found[1]), JarName(*found.group(2, 3, 4))


def _digest_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return "sha256:" + digest.hexdigest()
