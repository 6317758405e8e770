"""Snapshots of advisories between machines: as a bundle file, or as an artifact in a registry."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from hullmark.advisories.database import bundle, pack, sign
from hullmark.advisories.database.layout import SnapshotFile
from hullmark.advisories.database.shelf import Shelf
from hullmark.model.errors import HullmarkError
from hullmark.source.artifacts import Artifact, ArtifactRequest, Part, open_artifact, push_artifact
from hullmark.source.source import SourceOptions

ARTIFACT_TYPE = "application/vnd.hullmark.advisories.v1"
MANIFEST_TYPE = "application/vnd.hullmark.advisories.manifest.v1+json"
SIGNATURE_TYPE = "application/vnd.hullmark.advisories.signature.v1"
PAYLOAD_TYPES = {
    "snapshot": "application/vnd.hullmark.advisories.snapshot.v1+zstd",
    "delta": "application/vnd.hullmark.advisories.delta.v1+zstd",
}
SNAPSHOT_ANNOTATION = "hullmark.advisories.snapshot"
DATA_AT_ANNOTATION = "hullmark.advisories.data-at"

_WORTH = 0.5  # a delta larger than this part of the snapshot is not worth its time


class ExportResult(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle that was written: of which snapshot, from which (`parent`, "" for a whole one), its bytes, and whether signed."""

    file: str
    snapshot: str
    parent: str
    size: int
    is_signed: bool


class ImportResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of importing or pulling: `snapshot` is in use now, `previous` was before ("" for none).

    `kind` says what was needed: nothing if it was here already. `signer` is the trusted key's fingerprint, "" for one that was
    not verified. `is_older`: its data is older than what was in use.
    """

    snapshot: str
    previous: str
    kind: Literal["snapshot", "delta", "nothing"]
    data_at: str
    signer: str
    is_older: bool


class PushResult(msgspec.Struct, frozen=True, kw_only=True):
    """What was pushed: under which reference, as which manifest, with deltas from which snapshots, how many bytes were sent."""

    reference: str
    digest: str
    snapshot: str
    deltas: tuple[str, ...]
    sent: int
    is_signed: bool


class TrustedKeys(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to believe: the public keys in a file or folder, and whether also what none of them signed."""

    keys: Path | None = None
    allow_unsigned: bool = False

    def signer(self, document: bytes, signature: bytes) -> str:
        """The fingerprint of who signed, "" for nobody who is known. Raises HullmarkError if that is not allowed."""
        if self.keys is None:
            if self.allow_unsigned:
                return ""
            raise HullmarkError(
                "no key is named to verify the signature with", advice="name one, or allow what is unsigned"
            )
        try:
            return sign.verify(document, signature, self.keys)
        except sign.NotSigned:
            if self.allow_unsigned:
                return ""
            raise


# Bundles


def export_bundle(shelf: Shelf, target: Path, *, since: str | None = None, key: Path | None = None) -> ExportResult:
    """Write the snapshot in use into a bundle file; with `since` only what changed since that snapshot of the shelf.

    Raises HullmarkError if there is none, or the file cannot be written.
    """
    current = _current(shelf)
    path, digest = current
    with (
        _explain_write_errors(f"{target}"),
        tempfile.TemporaryDirectory(prefix=".exporting-", dir=target.parent) as name,
    ):
        folder = Path(name)
        if since is None:
            packed = pack.pack_snapshot(path, digest, folder / "payload")
        else:
            packed = pack.pack_delta(SnapshotFile(_parent(shelf, since, digest), since), current, folder / "payload")
        manifest = pack.encode_manifest(pack.manifest_of(path, digest, (packed,)))
        signature = sign.sign(manifest, key) if key else b""
        made = folder / "bundle"
        bundle.write_bundle(made, manifest, signature, packed)
        _sync(made)
        made.replace(target)
        size = target.stat().st_size
    return ExportResult(
        file=str(target), snapshot=digest, parent=packed.payload.parent, size=size, is_signed=bool(signature)
    )


def import_bundle(
    shelf: Shelf, file: Path, *, trusted: Path | None = None, allow_unsigned: bool = False
) -> ImportResult:
    """Take a bundle's snapshot into use. Nothing changes unless all of it is as its manifest and signature say.

    Raises HullmarkError with what is wrong.
    """
    with shelf.lock(), _explain_write_errors(f"{shelf.folder}"), _open_bundle(file) as opened:
        signer = TrustedKeys(keys=trusted, allow_unsigned=allow_unsigned).signer(
            opened.manifest_bytes, opened.signature
        )
        taking = _IncomingSnapshot(shelf, opened.manifest, signer)
        if taking.is_here():
            return taking.done("nothing")
        taking.take(opened.payload, opened.readinto, opened.check_end)
        return taking.done(opened.payload.kind)


@contextmanager
def _open_bundle(file: Path) -> Iterator[bundle.Bundle]:
    try:
        stream = file.open("rb")
    except OSError as error:
        raise HullmarkError(f"{file} cannot be read ({error.strerror})", advice="check the path") from error
    with stream:
        yield bundle.Bundle(stream)


# Registries


def push(shelf: Shelf, reference: str, options: SourceOptions, key: Path | None = None) -> PushResult:
    """Put the snapshot in use into a registry, with deltas from the other snapshots of the shelf.

    Raises HullmarkError if there is none, or the registry does not take it.
    """
    current = _current(shelf)
    path, digest = current
    with tempfile.TemporaryDirectory(prefix="hullmark-push-") as name, _explain_write_errors(name):
        folder = Path(name)
        packed = [pack.pack_snapshot(path, digest, folder / "snapshot"), *_deltas(shelf, current, folder)]
        packed[1:] = [file for file in packed[1:] if file.payload.size < _WORTH * packed[0].payload.size]
        manifest = pack.manifest_of(path, digest, packed)
        document = pack.encode_manifest(manifest)
        signature = sign.sign(document, key) if key else b""
        request = ArtifactRequest(
            artifact_type=ARTIFACT_TYPE,
            parts=(*_small_parts(document, signature), *(_large_part(file) for file in packed)),
            annotations={SNAPSHOT_ANNOTATION: digest, DATA_AT_ANNOTATION: manifest.data_at},
        )
        pushed = push_artifact(reference, request, options)
    return PushResult(
        reference=pushed.reference,
        digest=pushed.digest,
        snapshot=digest,
        deltas=tuple(file.payload.parent for file in packed[1:]),
        sent=pushed.sent,
        is_signed=bool(signature),
    )


def _deltas(shelf: Shelf, current: SnapshotFile, folder: Path) -> Iterator[pack.PackedFile]:
    """What turns the other snapshots of the shelf into the current one. One that cannot be used is left out."""
    for number, other in enumerate(digest for digest in shelf.digests() if digest != current.digest):
        try:
            if shelf.verify(other):
                yield pack.pack_delta(SnapshotFile(shelf.path_of(other), other), current, folder / f"delta-{number}")
        except HullmarkError:
            continue


def _small_parts(document: bytes, signature: bytes) -> Iterator[Part]:
    yield Part(media_type=MANIFEST_TYPE, title="manifest.json", content=document)
    if signature:
        yield Part(media_type=SIGNATURE_TYPE, title="manifest.sig", content=signature)


def _large_part(packed: pack.PackedFile) -> Part:
    payload = packed.payload
    title = f"delta-{payload.parent[7:19]}.zst" if payload.parent else payload.name
    return Part(media_type=PAYLOAD_TYPES[payload.kind], title=title, path=packed.path)


def pull(
    shelf: Shelf,
    reference: str,
    options: SourceOptions,
    *,
    trusted: Path | None = None,
    allow_unsigned: bool = False,
) -> ImportResult:
    """Take the snapshot into use that a registry has under a tag or digest; fetch as little as is needed.

    Raises HullmarkError with what is wrong; then nothing has changed.
    """
    artifact = open_artifact(reference, ARTIFACT_TYPE, options)
    document = _small(artifact, MANIFEST_TYPE, pack.MANIFEST_LIMIT)
    signature = _small(artifact, SIGNATURE_TYPE, sign.SIGNATURE_LIMIT)
    signer = TrustedKeys(keys=trusted, allow_unsigned=allow_unsigned).signer(document, signature)
    manifest = pack.decode_manifest(document)
    with shelf.lock(), _explain_write_errors(f"{shelf.folder}"):
        taking = _IncomingSnapshot(shelf, manifest, signer)
        if taking.is_here():
            return taking.done("nothing")
        payloads = sorted(manifest.payloads, key=lambda payload: payload.size)
        useful = [payload for payload in payloads if not payload.parent or shelf.path_of(payload.parent).exists()]
        if not useful:
            raise HullmarkError("it has deltas only, from snapshots that are not here", advice="import a whole bundle")
        *others, last = useful
        for payload in others:
            try:
                _fetch(artifact, taking, payload)
            except HullmarkError:
                if payload.kind == "snapshot":
                    raise
                continue  # a delta that is of no use here
            return taking.done(payload.kind)
        _fetch(artifact, taking, last)
        return taking.done(last.kind)


def _small(artifact: Artifact, media_type: str, limit: int) -> bytes:
    part = artifact.of_type(media_type)
    return artifact.whole(part, limit) if part else b""


def _fetch(artifact: Artifact, taking: _IncomingSnapshot, payload: pack.Payload) -> None:
    part = next(
        (
            candidate
            for candidate in artifact.parts
            if (candidate.digest, candidate.size) == (payload.digest, payload.size)
        ),
        None,
    )
    if part is None:
        raise HullmarkError(f"the registry lacks the {payload.kind} that the manifest names", advice="push it again")
    stream = artifact.open(part)
    try:
        taking.take(payload, stream.readinto)
    finally:
        stream.close()


# What both ways share


class _IncomingSnapshot:
    """A snapshot on its way to the shelf, which is locked."""

    def __init__(self, shelf: Shelf, manifest: pack.Manifest, signer: str) -> None:
        self._shelf, self._manifest, self._signer = shelf, manifest, signer
        before = shelf.current()
        self._previous = before[1] if before else ""
        self._data_before = _data_at(*before) if before else ""

    def is_here(self) -> bool:
        """Whether the shelf has the snapshot, undamaged; then it is taken into use."""
        digest = self._manifest.snapshot
        if not self._shelf.path_of(digest).exists() or not self._shelf.verify(digest):
            return False
        if digest != self._previous:
            self._shelf.use(digest)
        return True

    def take(self, payload: pack.Payload, readinto: pack.ReadInto, check: Callable[[], None] = lambda: None) -> None:
        """Receive a payload beside the shelf's snapshots; it becomes one of them once all is proved."""
        parent = self._shelf.path_of(payload.parent) if payload.parent else None
        with self._shelf.scratch() as folder:
            there = parent if parent and parent.exists() else None
            made = pack.receive(self._manifest, payload, readinto, folder, there)
            check()
            self._shelf.adopt(made, self._manifest.snapshot)

    def done(self, kind: Literal["snapshot", "delta", "nothing"]) -> ImportResult:
        return ImportResult(
            snapshot=self._manifest.snapshot,
            previous=self._previous,
            kind=kind,
            data_at=self._manifest.data_at,
            signer=self._signer,
            is_older=self._manifest.data_at < self._data_before,
        )


def _current(shelf: Shelf) -> SnapshotFile:
    current = shelf.current()
    if current is None:
        raise HullmarkError("there is no snapshot yet", advice="make one: hullmark db update")
    return current


def _parent(shelf: Shelf, since: str, digest: str) -> Path:
    if since == digest:
        raise HullmarkError("nothing has changed since that snapshot: it is the one in use", advice="name an older one")
    if since not in shelf.digests():
        raise HullmarkError(f"the snapshot {since} is not here", advice="export the whole one: leave --since out")
    if not shelf.verify(since):
        raise HullmarkError(f"the snapshot {since} is damaged", advice="export the whole one: leave --since out")
    return shelf.path_of(since)


def _data_at(path: Path, digest: str) -> str:
    from hullmark.advisories.database.snapshot import Snapshot

    try:
        with Snapshot(path, digest) as snapshot:
            return snapshot.data_at
    except HullmarkError:
        return ""  # one that cannot be read is replaced gladly


@contextmanager
def _explain_write_errors(where: str) -> Iterator[None]:
    """What the disk refuses is told as what cannot be done."""
    try:
        yield
    except OSError as error:
        raise HullmarkError(
            f"cannot write {error.filename or where}: {error.strerror or error}", advice="check rights and space"
        ) from error


def _sync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
