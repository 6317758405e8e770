"""Keeps snapshots of advisories: a folder with the current one, a few before it, and what each feed last gave.

    current                        the digest of the snapshot in use
    history                        which snapshot was taken into use when
    snapshots/HEX.sqlite           snapshots, by digest
    recipe                         what the snapshot in use was made of
    ledger                         what each feed gave to the last snapshot that was made here
    feeds/NAME/state.json          what was fetched when, and what came of it
    feeds/NAME/documents/HEX       the documents as they were served, by sha256
    feeds/NAME/records             the records that were read from them, in order

Every file is written beside its place and then moved there: whoever is killed half-way leaves what was before.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from hullmark.advisories.database.build import digest_of
from hullmark.advisories.database.contributions import MAX_LEDGER, Ledger, decode_ledger, encode_ledger
from hullmark.advisories.database.history import SnapshotUse, decode, in_use_at, last_digest, with_use
from hullmark.advisories.database.layout import SnapshotFile
from hullmark.model.advisory import Record
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit

KEPT_SNAPSHOTS = Limit(3, "snapshots that are kept", "shortened")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}").fullmatch
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}").fullmatch
_LENGTH = 4
_LAST = b"\0" * _LENGTH
"""Ends a file of records: a length that no record has."""

_MAX_RECORD = Limit(256 << 20, "bytes of one kept advisory", "refused")
_MAX_HISTORY = Limit(16 << 20, "bytes of the history of snapshots", "shortened")
_CHUNK = 1 << 20


class KeptDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A fetched document: upstream's URL, the sha256 of its bytes (hex), its size, and what upstream said to ask again with."""

    url: str
    sha256: str
    size: int
    fetched_at: str
    etag: str = ""
    last_modified: str = ""


class FeedState(msgspec.Struct, frozen=True, kw_only=True):
    """What a feed last gave. `checked_at`: the last crawl that went well; `reader` names the code that read the records.

    `error` is what went wrong last time, `held` why new data was not taken (the last good records stay in both cases), and `failing_since`
    since when it is so. `problems`: how many things were reported of its records; `cut` and `unread`: how many of these lie beyond a limit,
    or are not as their format says, and `unplaced` how many of the latter may be about any package.
    `is_partial`: a mirror lacks some of its documents; `is_dated`: a record has a date.
    """

    documents: tuple[KeptDocument, ...] = ()
    checked_at: str = ""
    changed_at: str = ""
    reader: str = ""
    records: int = 0
    problems: int = 0
    cut: int = 0
    unread: int = 0
    unplaced: int = 0
    error: str = ""
    held: str = ""
    failing_since: str = ""
    is_partial: bool = False
    is_dated: bool = False


class StoredDocument:
    """A document of the shelf, as feeds read it."""

    def __init__(self, url: str, path: Path) -> None:
        self.url = url
        self._path = path

    def open(self) -> BinaryIO:
        """Its bytes, from the beginning."""
        return self._path.open("rb")


class Shelf:
    """One such folder, which keeps the `keeps` snapshots that were used last. Raises HullmarkError where it cannot be written."""

    def __init__(self, folder: Path, keeps: int = KEPT_SNAPSHOTS) -> None:
        self.folder = folder
        self._keeps = keeps

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Nobody else changes the folder meanwhile; whoever comes second is told so."""
        self._make(self.folder)
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise HullmarkError(
                    f"another hullmark changes {self.folder} now", advice="wait until it has ended"
                ) from None
            yield

    # Snapshots

    def current(self) -> SnapshotFile | None:
        """The snapshot in use, if there is one."""
        try:
            digest = (self.folder / "current").read_text("ascii").strip()
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        path = self.path_of(digest) if _DIGEST(digest) else None
        return SnapshotFile(path, digest) if path is not None and path.exists() else None

    def path_of(self, digest: str) -> Path:
        """The path of the snapshot of this digest, whether it exists or not."""
        return self.folder / "snapshots" / f"{digest.removeprefix('sha256:')}.sqlite"

    def digests(self) -> list[str]:
        """The digests of all snapshots that are kept, the youngest first."""
        found = sorted((self.folder / "snapshots").glob("*.sqlite"), key=lambda path: -path.stat().st_mtime_ns)
        return [f"sha256:{path.stem}" for path in found]

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder beside the snapshots for files that are made; it is removed in the end."""
        self._make(self.folder / "snapshots")
        for left in (self.folder / "snapshots").glob("making-*"):
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix="making-", dir=self.folder / "snapshots") as name:
            yield Path(name)

    def adopt(self, made: Path, digest: str, at: datetime | None = None) -> Path:
        """Move a finished snapshot to its place and take it into use (`at`: when, by default now). The oldest ones go."""
        target = self.path_of(digest)
        self._make(target.parent)
        with made.open("rb") as stream:
            os.fsync(stream.fileno())
        made.replace(target)
        self.use(digest, at)
        for old in self.digests()[self._keeps :]:
            if old != digest:
                self.path_of(old).unlink(missing_ok=True)
        return target

    def use(self, digest: str, at: datetime | None = None) -> None:
        """Take a snapshot that is there into use (`at`: when, by default now)."""
        before = self._history()
        os.utime(self.path_of(digest))
        write_whole(self.folder / "current", f"{digest}\n".encode())
        write_whole(self.folder / "history", with_use(before, SnapshotUse(at or datetime.now(UTC), digest)))

    def used_at(self, moment: datetime) -> SnapshotFile:
        """The snapshot that was in use at a moment (with a time zone).

        Raises HullmarkError if there was none yet, if it is no longer kept, or if the record of it is damaged.
        """
        uses = decode(self._history())
        digest = in_use_at(uses, moment)
        if digest is not None and self.path_of(digest).exists():
            return SnapshotFile(self.path_of(digest), digest)
        kept = [use for use in uses if self.path_of(use.digest).exists()]
        oldest = f"the oldest kept is of {_day(min(use.at for use in kept))}" if kept else "none is kept"
        if digest is None:
            raise HullmarkError(
                f"no snapshot was in use at {_day(moment)}, {oldest}",
                advice="ask for a later moment, or give --snapshot",
            )
        raise HullmarkError(
            f"the snapshot that was in use at {_day(moment)} is no longer kept ({digest}), {oldest}",
            advice="give its file by --snapshot if there is a copy; --keep-snapshots of db update keeps more of them",
        )

    def _history(self) -> bytes:
        """The record of what was used when. What is in use and does not stand there was taken into use when `current` was written:
        by a program that kept no record, or that was killed before it could."""
        path, current = self.folder / "history", self.current()
        try:
            with path.open("rb") as stream:
                text = stream.read(_MAX_HISTORY)
        except FileNotFoundError:
            text = b""
        if current is None or last_digest(text) == current[1]:
            return text
        written = (self.folder / "current").stat().st_mtime
        return with_use(text, SnapshotUse(datetime.fromtimestamp(written, UTC), current[1]))

    def verify(self, digest: str) -> bool:
        """Whether the snapshot's bytes still have its digest."""
        return digest_of(self.path_of(digest)) == digest

    def recipe(self) -> tuple[str, str]:
        """What the snapshot in use was made of, and its digest; two empty strings if that is not known."""
        try:
            made_of, _, digest = (self.folder / "recipe").read_text("ascii").strip().partition(" ")
        except (FileNotFoundError, UnicodeDecodeError):
            return "", ""
        return made_of, digest

    def save_recipe(self, made_of: str, digest: str) -> None:
        """Remember what a snapshot was made of."""
        write_whole(self.folder / "recipe", f"{made_of} {digest}\n".encode())

    def ledger(self) -> Ledger | None:
        """How the last snapshot was made that was made here; None if that is not known, or the file is damaged."""
        try:
            with (self.folder / "ledger").open("rb") as stream:
                return decode_ledger(stream.read(MAX_LEDGER))
        except FileNotFoundError:
            return None

    def save_ledger(self, ledger: Ledger) -> None:
        """Remember how a snapshot was made, in place of what was remembered."""
        write_whole(self.folder / "ledger", encode_ledger(ledger))

    # Feeds

    def _feed(self, name: str) -> Path:
        if not _NAME(name):
            raise HullmarkError(f"{name!r} is not a feed's name", advice="hullmark feeds lists them")
        return self.folder / "feeds" / name

    def feeds(self) -> list[str]:
        """The names of all feeds that gave records once, sorted."""
        return sorted(path.parent.name for path in (self.folder / "feeds").glob("*/records"))

    def tried(self) -> list[str]:
        """The names of all feeds that were ever fetched, successfully or not, sorted."""
        return sorted(path.parent.name for path in (self.folder / "feeds").glob("*/state.json"))

    def state(self, name: str) -> FeedState:
        """What the feed last gave; an empty state if nothing yet, or if the file is damaged."""
        try:
            return msgspec.json.decode((self._feed(name) / "state.json").read_bytes(), type=FeedState)
        except (FileNotFoundError, msgspec.MsgspecError):
            return FeedState()

    def save_state(self, name: str, state: FeedState) -> None:
        """Remember what the feed gave."""
        self._make(self._feed(name))
        write_whole(self._feed(name) / "state.json", msgspec.json.encode(state))

    def document(self, name: str, kept: KeptDocument) -> StoredDocument:
        """A kept document, to be read."""
        return StoredDocument(kept.url, self._feed(name) / "documents" / kept.sha256)

    def has(self, name: str, kept: KeptDocument) -> bool:
        """Whether the document's bytes are still there."""
        path = self._feed(name) / "documents" / kept.sha256
        return path.exists() and path.stat().st_size == kept.size

    def partial(self, name: str, url: str) -> Path:
        """The file of an unfinished download of this URL, so that it can be resumed."""
        folder = self._feed(name) / "documents"
        self._make(folder)
        return folder / f"partial-{hashlib.sha256(url.encode()).hexdigest()}"

    def keep(self, name: str, finished: Path, **described: str) -> KeptDocument:
        """Give a finished download its name. `described`: url, fetched_at, etag and last_modified."""
        content, size = hashlib.sha256(), 0
        with finished.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                content.update(chunk)
                size += len(chunk)
        kept = KeptDocument(sha256=content.hexdigest(), size=size, **described)
        finished.replace(self._feed(name) / "documents" / kept.sha256)
        return kept

    def tidy(self, name: str, state: FeedState) -> None:
        """Remove documents that the state no longer names."""
        wanted = {kept.sha256 for kept in state.documents}
        for path in (self._feed(name) / "documents").glob("*"):
            if path.name not in wanted:
                path.unlink(missing_ok=True)

    def write_records(self, name: str, records: Iterable[Record], accept: Callable[[int], bool]) -> int | None:
        """Write a feed's records as they come; they replace the last ones if `accept(count)` is true. Returns the count, else None."""
        self._make(self._feed(name))
        making = self._feed(name) / "records.making"
        with ExitStack() as undone:
            undone.callback(making.unlink, missing_ok=True)
            count = _write_records(making, records)
            if not accept(count):
                return None
            making.replace(self._feed(name) / "records")
        return count

    def digest_of_records(self, name: str) -> str:
        """The digest of the feed's records as they are kept."""
        return digest_of(self._feed(name) / "records")

    def records(self, name: str) -> Iterator[Record]:
        """The feed's records, in order. Raises HullmarkError if the file is damaged, or is not all that was written."""
        decode = msgspec.msgpack.Decoder(Record).decode
        count = 0
        try:
            with (self._feed(name) / "records").open("rb", 1 << 20) as stream:
                while (head := stream.read(_LENGTH)) not in (b"", _LAST):
                    yield decode(stream.read(min(int.from_bytes(head, "little"), _MAX_RECORD)))
                    count += 1
            # Files of earlier versions have no mark at their end.
            reason = "" if head == _LAST or count == self.state(name).records else "they break off"
        except msgspec.MsgspecError as error:
            reason = str(error)
        if reason:
            raise HullmarkError(
                f"the records of the feed {name} are damaged: {reason}",
                advice=f"hullmark db update --feeds {name} --anew",
            )

    def _make(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HullmarkError(
                f"cannot write {folder}: {error.strerror}", advice="check rights and space, or give --db-dir"
            ) from error


def _write_records(path: Path, records: Iterable[Record]) -> int:
    encode, count = msgspec.msgpack.Encoder().encode, 0
    with path.open("wb", 1 << 20) as stream:
        for record in records:
            payload = encode(record)
            stream.write(len(payload).to_bytes(_LENGTH, "little") + payload)
            count += 1
        stream.write(_LAST)
        stream.flush()
        os.fsync(stream.fileno())
    return count


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def write_whole(path: Path, payload: bytes) -> None:
    """Write a file atomically: afterwards it is complete, or unchanged."""
    with (
        tempfile.NamedTemporaryFile(prefix=f".{path.name}-", dir=path.parent, delete=False) as stream,
        ExitStack() as undone,
    ):
        undone.callback(Path(stream.name).unlink, missing_ok=True)
        stream.write(payload)
        stream.flush()
        os.fsync(stream.fileno())
        Path(stream.name).replace(path)
        undone.pop_all()
