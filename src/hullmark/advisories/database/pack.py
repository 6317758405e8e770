"""Snapshots made ready for travelling: a manifest that says what comes, and payloads (zstd, RFC 8878) that can be proved by it.

The same manifest and payloads make a bundle file and an artifact in a registry. Whoever signs, signs the manifest's bytes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, BinaryIO, Literal, cast

import msgspec

from hullmark._version import __version__
from hullmark.advisories.database.build import digest_of
from hullmark.advisories.database.delta import DeltaTarget, apply_delta, make_delta
from hullmark.advisories.database.layout import SnapshotFile, SnapshotSummary, inspect
from hullmark.advisories.database.schema import FORMAT, FeedInfo
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit

MANIFEST_LIMIT = Limit(1 << 20, "bytes of the manifest of a bundle of advisories", "refused")
"""Bytes of a manifest."""

_LARGEST = Limit(64 << 30, "bytes of a snapshot that comes in a bundle", "refused")
_LEVEL = 12
_THREADS = 2  # any number but none gives the same bytes
_WINDOW_LOG = 24
_LARGEST_WINDOW = Limit(1 << 27, "bytes that a bundle of advisories may want for unpacking", "refused")
_CHUNK = 1 << 20
_READ = 1 << 18
_DAMAGED = "fetch or export it again"

ReadInto = Callable[[memoryview], int]
"""Fills some of a buffer and answers how many bytes; 0 at the end."""

Digest = Annotated[str, msgspec.Meta(pattern=r"\Asha256:[0-9a-f]{64}\Z")]
Size = Annotated[int, msgspec.Meta(ge=1, le=int(_LARGEST))]


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """Compressed bytes that give the snapshot: itself, or what turns the snapshot `parent` into it.

    `digest` and `size` are of the compressed bytes, `unpacked` is how many they become.
    """

    kind: Literal["snapshot", "delta"]
    digest: Digest
    size: Size
    unpacked: Size
    parent: Annotated[str, msgspec.Meta(pattern=r"\A(?:sha256:[0-9a-f]{64})?\Z")] = ""

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{self.kind}.zst"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What travels. `snapshot` and `size` are the digest and size in bytes of the snapshot file, once it is unpacked."""

    schema: Literal["hullmark-advisories/1"] = "hullmark-advisories/1"
    snapshot: Digest
    size: Size
    format: int
    data_at: str
    feeds: Annotated[tuple[FeedInfo, ...], msgspec.Meta(max_length=1000)]
    payloads: Annotated[tuple[Payload, ...], msgspec.Meta(min_length=1, max_length=16)]
    made_by: str = ""


class PackedFile(msgspec.Struct, frozen=True):
    """A payload and the file that holds it."""

    payload: Payload
    path: Path


def encode_manifest(manifest: Manifest) -> bytes:
    """A manifest's bytes: JSON to be read by people too. They are what is signed."""
    return msgspec.json.format(msgspec.json.encode(manifest, order="sorted")) + b"\n"


def decode_manifest(text: bytes) -> Manifest:
    """The manifest of these bytes. Raises HullmarkError for other bytes, or another format."""
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise HullmarkError(f"the manifest cannot be read: {str(error)[:200]}", advice=_DAMAGED) from error
    if manifest.format != FORMAT:
        raise HullmarkError(
            f"it holds a snapshot of format {manifest.format}, this program reads {FORMAT}",
            advice="use the same version of hullmark on both sides",
        )
    if any((payload.kind == "delta") != bool(payload.parent) for payload in manifest.payloads):
        raise HullmarkError("the manifest names a delta without what it is from", advice=_DAMAGED)
    return manifest


# Packing


def manifest_of(snapshot: Path, digest: str, packed: Iterable[PackedFile]) -> Manifest:
    """The manifest of a snapshot and its payloads. Raises HullmarkError if the file is not a sound snapshot."""
    info = inspect(snapshot)
    return Manifest(
        snapshot=digest,
        size=snapshot.stat().st_size,
        format=FORMAT,
        data_at=info.data_at,
        feeds=info.feeds,
        payloads=tuple(file.payload for file in packed),
        made_by=f"hullmark {__version__}",
    )


def pack_snapshot(snapshot: Path, digest: str, target: Path) -> PackedFile:
    """Compress a snapshot into `target`. Raises HullmarkError if its bytes are no longer what its digest says, OSError."""
    content, size, unpacked = _compress(snapshot, target)
    if content != digest:
        raise HullmarkError(f"the snapshot {digest} is damaged", advice="make a new one: hullmark db update")
    return PackedFile(Payload(kind="snapshot", digest=digest_of(target), size=size, unpacked=unpacked), target)


def pack_delta(parent: SnapshotFile, snapshot: SnapshotFile, target: Path) -> PackedFile:
    """Compress what turns the snapshot `parent` into another into `target`, once that is proved to work.

    Raises HullmarkError if it does not, or if one of them is not a sound snapshot; OSError.
    """
    for file in (parent, snapshot):
        inspect(file.path)
    raw, proof = (target.with_name(f"{target.name}.{word}") for word in ("raw", "proof"))
    try:
        make_delta(parent.path, snapshot.path, raw)
        with raw.open("rb", _CHUNK) as stream:
            apply_delta(parent.path, stream, proof, DeltaTarget(snapshot.digest, snapshot.path.stat().st_size))
        _, size, unpacked = _compress(raw, target)
    except sqlite3.Error as error:
        raise HullmarkError(f"the snapshots cannot be compared: {error}", advice="export the whole snapshot") from error
    finally:
        raw.unlink(missing_ok=True)
        proof.unlink(missing_ok=True)
    payload = Payload(kind="delta", digest=digest_of(target), size=size, unpacked=unpacked, parent=parent.digest)
    return PackedFile(payload, target)


def _compress(source: Path, target: Path) -> tuple[str, int, int]:
    """The digest of what was compressed, the compressed size, and the size before."""
    import zstandard

    content, unpacked = hashlib.sha256(), 0
    with source.open("rb") as stream, target.open("wb") as out:
        length = os.fstat(stream.fileno()).st_size
        settings = zstandard.ZstdCompressionParameters.from_level(_LEVEL, window_log=_WINDOW_LOG, threads=_THREADS)
        compressor = zstandard.ZstdCompressor(compression_params=settings)
        with compressor.stream_writer(out, size=length, closefd=False) as writer:
            while chunk := stream.read(_CHUNK):
                content.update(chunk)
                unpacked += len(chunk)
                writer.write(chunk)
        size = out.tell()
    return f"sha256:{content.hexdigest()}", size, unpacked


# Unpacking


def receive(manifest: Manifest, payload: Payload, readinto: ReadInto, folder: Path, parent: Path | None) -> Path:
    """The snapshot that a payload gives, as a new file in `folder`, proved to be all that the manifest says.

    `parent` is where the snapshot stands that a delta is from. Raises HullmarkError for everything that is not as promised,
    OSError if it cannot be written.
    """
    made = folder / "snapshot"
    if payload.kind == "snapshot":
        _check_space(folder, payload.unpacked)
        if payload.unpacked != manifest.size:
            raise _lies("two sizes for the snapshot")
        if _unpack(readinto, payload, made) != manifest.snapshot:
            raise _lies("another digest than the snapshot has")
    else:
        if parent is None or digest_of(parent) != payload.parent:
            raise HullmarkError(
                f"the delta is from the snapshot {payload.parent}, which is not here", advice="take the whole snapshot"
            )
        _check_space(folder, 3 * manifest.size + payload.unpacked)
        raw = folder / "delta"
        _unpack(readinto, payload, raw)
        with raw.open("rb", _CHUNK) as stream:
            apply_delta(parent, stream, made, DeltaTarget(manifest.snapshot, manifest.size))
        raw.unlink()
    if inspect(made) != SnapshotSummary(data_at=manifest.data_at, feeds=manifest.feeds):
        raise _lies("other feeds or dates than the snapshot has")
    return made


def _lies(what: str) -> HullmarkError:
    return HullmarkError(f"the manifest names {what}", advice="do not trust it; have it made anew")


def _check_space(folder: Path, need: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < need:
        raise HullmarkError(
            f"{need / 1e6:,.0f} MB are needed in {folder.parent}, {free / 1e6:,.0f} MB are free", advice="make room"
        )


class _IncomingStream:
    """The compressed bytes as they come: never more than promised, and what their digest is."""

    def __init__(self, readinto: ReadInto, size: int) -> None:
        self._readinto = readinto
        self._left = size
        self._content = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """So many bytes, fewer only at the end."""
        buffer = bytearray(min(_READ if size < 0 else size, self._left))
        at = 0
        with memoryview(buffer) as view:
            while at < len(buffer) and (n := self._readinto(view[at:])):
                at += n
        self._left -= at
        piece = bytes(buffer[:at])
        self._content.update(piece)
        return piece

    def is_whole(self, digest: str) -> bool:
        """Whether everything came, and is what was promised."""
        return not self._left and f"sha256:{self._content.hexdigest()}" == digest


def _unpack(readinto: ReadInto, payload: Payload, target: Path) -> str:
    """Decompress a payload into a file, within what it promises; answers the digest of what was written."""
    import zstandard

    arriving, content, size = _IncomingStream(readinto, payload.size), hashlib.sha256(), 0
    reader = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW).stream_reader(
        cast("BinaryIO", arriving), read_size=_READ, read_across_frames=True
    )
    with target.open("wb") as out:
        try:
            while chunk := reader.read(_CHUNK):
                size += len(chunk)
                if size > payload.unpacked:
                    raise _lies(f"{payload.unpacked:,} bytes where more come")
                content.update(chunk)
                out.write(chunk)
        except zstandard.ZstdError as error:
            raise HullmarkError(f"the {payload.kind} is damaged: {error}", advice=_DAMAGED) from error
    if not arriving.is_whole(payload.digest):
        raise HullmarkError(f"the {payload.kind} is damaged: its digest is another", advice=_DAMAGED)
    if size != payload.unpacked:
        raise _lies(f"{payload.unpacked:,} bytes where {size:,} come")
    return f"sha256:{content.hexdigest()}"
