"""Layer records, by verified blob digest and analysis fingerprint; what facets took beside them, by their own.

They are kept in a folder or elsewhere (`Keep`). In a folder, every file is written beside its place and renamed, and carries a digest of
its own content: two processes may share a folder, a crash leaves no half file, and a damaged file is read again from the image.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from typing import Any, Protocol

import msgspec

from hullmark.rootfs.entry import Entry, LayerProblem, LayerRecord
from hullmark.rootfs.reads import Read

_MAGIC = b"hullmark-record-1\n"


class _StoredRecord(msgspec.Struct, array_like=True):
    """A layer record as it is written: the facts of each read stand alone, so that they decode with their own type."""

    digest: str
    diff_id: str
    size: int
    entries: list[Entry]
    facts: dict[str, bytes]
    problems: list[LayerProblem]


class ReadFacts(msgspec.Struct, array_like=True):
    """What one read took from a layer: (index of the entry, fact), and the problems it had."""

    facts: list[tuple[int, Any]]
    problems: list[LayerProblem]


class _StoredFacts(msgspec.Struct, array_like=True):
    facts: msgspec.Raw
    problems: list[LayerProblem]


class CacheEntry(msgspec.Struct, frozen=True):
    """One cached file: its size in bytes and when it was last used, in seconds since 1970."""

    path: Path
    size: int
    used: float


class PayloadStore(Protocol):
    """Where payloads are kept by key (names joined by slashes), each whole or not at all.

    `is_local`: it is used on this machine alone, so that it may know files by their stamps.
    """

    is_local: bool

    def read(self, key: str) -> bytes | None:
        """What is kept under the key; None if nothing is, or if it was damaged."""

    def write(self, key: str, payload: bytes) -> None:
        """Keep it."""

    def has(self, key: str) -> bool:
        """Whether something is kept under the key."""


class FolderKeep:
    """Payloads as files in a folder. Reading one marks it as used; a full or read-only disk costs the cache only."""

    is_local = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, key: str) -> bytes | None:
        """What is kept under the key; None if nothing is, or if it was damaged."""
        return _read(self._folder / key)

    def write(self, key: str, payload: bytes) -> None:
        """Keep it, if the disk allows."""
        _write(self._folder / key, payload)

    def has(self, key: str) -> bool:
        """Whether something is kept under the key."""
        return (self._folder / key).exists()


class LayerCache:
    """Layer records in a Keep. `fingerprint` names all that a record depends on besides the blob."""

    def __init__(self, keep: PayloadStore, fingerprint: str) -> None:
        self._keep = keep
        self._records = f"records/{fingerprint[:16]}"
        self._results = f"results/{fingerprint[:16]}"
        self._encoder = msgspec.msgpack.Encoder()

    def load(self, digest: str, reads: Sequence[Read[Any]]) -> LayerRecord | None:
        """The record of the blob with this digest, or None if there is none that can be used."""
        payload = self._keep.read(f"{self._records}/{_name(digest)}")
        if payload is None:
            return None
        types: dict[str, Any] = {read.name: list[tuple[int, read.fact]] for read in reads}  # type: ignore[name-defined]
        try:
            stored = msgspec.msgpack.decode(payload, type=_StoredRecord)
            facts = {
                name: msgspec.msgpack.decode(raw, type=types[name])
                for name, raw in stored.facts.items()
                if name in types
            }
        except msgspec.MsgspecError:
            return None
        return LayerRecord(
            digest=stored.digest,
            diff_id=stored.diff_id,
            size=stored.size,
            entries=stored.entries,
            facts=facts,
            problems=stored.problems,
        )

    def has(self, digest: str) -> bool:
        """Whether there is a record of this blob."""
        return self._keep.has(f"{self._records}/{_name(digest)}")

    def save(self, record: LayerRecord) -> None:
        """Keep a record under the digest it was verified to have."""
        encode = self._encoder.encode
        facts = {name: encode(found) for name, found in record.facts.items()}
        stored = _StoredRecord(record.digest, record.diff_id, record.size, record.entries, facts, record.problems)
        self._keep.write(f"{self._records}/{_name(record.digest)}", encode(stored))

    def load_facts(self, digest: str, read: Read[Any], fingerprint: str) -> ReadFacts | None:
        """What a read took from the blob with this digest, or None if it never read it, or other code did."""
        payload = self._keep.read(_facts_key(digest, fingerprint))
        if payload is None:
            return None
        import zstandard  # only where a facet is requested

        try:
            raw = zstandard.ZstdDecompressor().decompress(payload)
            stored = msgspec.msgpack.decode(raw, type=_StoredFacts)
            facts = msgspec.msgpack.decode(stored.facts, type=list[tuple[int, read.fact]])  # type: ignore[name-defined]
        except (msgspec.MsgspecError, zstandard.ZstdError):
            return None
        return ReadFacts(facts, stored.problems)

    def has_facts(self, digest: str, fingerprint: str) -> bool:
        """Whether there are facts of this blob by this fingerprint."""
        return self._keep.has(_facts_key(digest, fingerprint))

    def save_facts(self, digest: str, read: ReadFacts, fingerprint: str) -> None:
        """Keep what a read took from a layer, compressed: the content of files may be among it."""
        import zstandard  # only where a facet is requested

        payload = zstandard.ZstdCompressor().compress(self._encoder.encode(read))
        self._keep.write(_facts_key(digest, fingerprint), payload)

    def load_result(self, key: str) -> bytes | None:
        """A finished result kept under a key of its inputs."""
        return self._keep.read(f"{self._results}/{_name(key)}")

    def save_result(self, key: str, payload: bytes) -> None:
        """Keep a finished result."""
        self._keep.write(f"{self._results}/{_name(key)}", payload)

    def stamped(self, stamp: str) -> str | None:
        """The digest that the local file with this stamp was found to have, if it was ever read whole."""
        payload = self._keep.read(_stamp_key(stamp)) if stamp and self._keep.is_local else None
        return payload.decode("ascii", "replace") if payload is not None else None

    def save_stamp(self, stamp: str, digest: str) -> None:
        """Remember the digest of a local file as long as its stamp is the same, on this machine."""
        if stamp and self._keep.is_local:
            self._keep.write(_stamp_key(stamp), digest.encode("ascii"))


def _facts_key(digest: str, fingerprint: str) -> str:
    return f"facts/{fingerprint[:16]}/{_name(digest)}"


def _stamp_key(stamp: str) -> str:
    return "stamps/" + _name("sha256:" + hashlib.sha256(stamp.encode("utf-8", "surrogateescape")).hexdigest())


def _name(digest: str) -> str:
    algorithm, _, value = digest.partition(":")
    if not (algorithm.isalnum() and value.isalnum()):
        raise ValueError(f"not a digest: {digest!r}")
    return f"{value[:2]}/{algorithm}-{value}"


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            magic, seal, payload = file.read(len(_MAGIC)), file.read(32), file.read()
            if magic != _MAGIC or hashlib.sha256(payload).digest() != seal:
                return None
            with suppress(OSError):  # a folder that may only be read still serves
                os.utime(file.fileno())
            return payload
    except OSError:
        return None


def _write(path: Path, payload: bytes) -> None:
    import tempfile  # only writers pay for it

    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_MAGIC + hashlib.sha256(payload).digest())
                file.write(payload)
            Path(beside).replace(path)
        except OSError:
            Path(beside).unlink(missing_ok=True)
    except OSError:
        return


def list_cache_entries(folder: Path) -> Iterator[CacheEntry]:
    """Every file of a cache folder, of all fingerprints; leftovers of writers that died too."""
    for kind in ("records", "facts", "results", "stamps"):
        for path in sorted((folder / kind).rglob("*")):
            try:
                status = path.stat()
            except OSError:  # another process has pruned it
                continue
            if S_ISREG(status.st_mode):
                yield CacheEntry(path, status.st_size, status.st_mtime)


def prune(folder: Path, *, older_than_seconds: float | None = None, max_bytes: int | None = None) -> tuple[int, int]:
    """Remove what was not used for so long, then the longest unused until the rest fits. Answers (files, bytes) removed.

    With neither bound, everything goes.
    """
    entries = sorted(list_cache_entries(folder), key=lambda entry: entry.used)
    total = sum(entry.size for entry in entries)
    now = time.time()
    files = removed = 0
    for entry in entries:
        is_old = older_than_seconds is not None and now - entry.used > older_than_seconds
        is_over = max_bytes is not None and total - removed > max_bytes
        if is_old or is_over or (older_than_seconds is None and max_bytes is None):
            entry.path.unlink(missing_ok=True)
            files, removed = files + 1, removed + entry.size
    return files, removed
