"""OCI image layouts as repositories: folders, read and written, and archives, read (OCI image specification 1.1, image layout)."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from hullmark.model.digest import digest_of, is_digest, verify
from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.model.image import RawStream
from hullmark.source.archive import open_archive
from hullmark.source.files import ByteRange, LocalFile, read_bounded
from hullmark.source.layout import layout_entries
from hullmark.source.manifest import IMAGE_NAME, MANIFEST_LIMIT, OCI_INDEX, OCI_MANIFEST, REF_NAME, Descriptor, decode
from hullmark.source.pushing import StoredBlob
from hullmark.source.repository import Referrer, ReferrerList, Repository, listed_by_tag
from hullmark.source.signature_tags import is_signature_tag
from hullmark.source.source import ImageNotFound

_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'


class _Artifact(msgspec.Struct, rename="camel"):
    subject: Descriptor | None = None
    config: Descriptor | None = None
    artifact_type: str | None = None
    annotations: dict[str, str] | None = None


class LayoutRepository:
    """What a layout holds. `find` takes a digest, `index` gives index.json."""

    def __init__(self, name: str, index: Callable[[], ByteRange], find: Callable[[str], ByteRange | None]) -> None:
        self.name = name
        self._index, self._find = index, find

    def manifest(self, version: str) -> bytes:
        """The bytes of a manifest by tag or digest, verified."""
        digest = version if is_digest(version) else self._find_tagged_digest(version)
        byte_range = self._find(digest)
        if byte_range is None:
            raise ImageNotFound(f"{self.name} has no {version[:100]}", advice="check the tag or digest")
        body = read_bounded(byte_range.open(), MANIFEST_LIMIT)
        if body is None:
            raise BrokenImage(f"a manifest has more than {MANIFEST_LIMIT} bytes", advice="do not trust it")
        verify(body, digest, f"the manifest in {self.name}")
        return body

    def _find_tagged_digest(self, tag: str) -> str:
        for entry in self.entries():
            if tag in (entry.named(REF_NAME), entry.named(IMAGE_NAME)):
                return entry.digest
        raise ImageNotFound(f"{self.name} has no {tag[:100]}", advice="check the tag or digest")

    def entries(self) -> tuple[Descriptor, ...]:
        """What index.json lists."""
        return layout_entries(self._index())

    def versions(self) -> tuple[str, ...]:
        """The tags of the images, or the digests of those without one; what is attached to images is left out."""
        entries = [entry for entry in self.entries() if not entry.artifact_type and not entry.is_attestation]
        named = [entry.named(IMAGE_NAME) or entry.named(REF_NAME) or entry.digest for entry in entries]
        return tuple(name for name in named if not is_signature_tag(name))

    def blob(self, descriptor: Descriptor) -> RawStream:
        """The bytes of a blob."""
        byte_range = self._find(descriptor.digest)
        if byte_range is None:
            raise BrokenImage(f"{self.name} lacks {descriptor.digest}", advice="fetch or build the image again")
        return byte_range.open()

    def referrers(self, digest: str) -> ReferrerList:
        """The artifacts about a manifest: those that index.json lists, and those under the fallback tag."""
        found = {referrer.digest: referrer for referrer in listed_by_tag(self, digest)}
        unseen = ""
        for entry in self.entries():
            if entry.media_type in (OCI_MANIFEST, OCI_INDEX) and entry.digest not in found:
                try:
                    referrer = self._referrer(entry, digest)
                except HullmarkError as error:
                    # Of an image for many platforms, often only some were saved.
                    if entry.artifact_type or not isinstance(error, ImageNotFound):
                        unseen = f"{entry.digest[:19]} cannot be read: {error}"
                    continue
                if referrer is not None:
                    found[entry.digest] = referrer
        return ReferrerList(tuple(found[name] for name in sorted(found)), unseen)

    def _referrer(self, entry: Descriptor, digest: str) -> Referrer | None:
        artifact = decode(self.manifest(entry.digest), _Artifact, "an artifact")
        if artifact.subject is None or artifact.subject.digest != digest:
            return None
        return Referrer(
            media_type=entry.media_type,
            digest=entry.digest,
            size=entry.size,
            artifact_type=artifact.artifact_type or (artifact.config.media_type if artifact.config else ""),
            annotations=artifact.annotations or {},
        )


def open_layout_archive(path: str) -> LayoutRepository:
    """The layout in a tar archive. Raises HullmarkError."""
    archive = open_archive(LocalFile(path))
    index = archive.find("index.json")
    if index is None:
        raise HullmarkError(
            f"{path} has no manifests: it is not an OCI archive",
            advice="save it as one: skopeo copy … oci-archive:FILE",
        )
    return LayoutRepository(path, lambda: index, archive.blob)


class LayoutFolder(LayoutRepository):
    """A layout in a folder, which is made when something is put there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(str(folder), self._stored_index, self._find_stored_content)

    def _stored_index(self) -> ByteRange:
        return LocalFile(str(self.folder / "index.json")).whole()

    def _find_stored_content(self, digest: str) -> ByteRange | None:
        path = self._path(digest)
        return LocalFile(str(path)).whole() if path.exists() else None

    def _path(self, digest: str) -> Path:
        if not is_digest(digest):
            raise BrokenImage(f"{digest[:100]!r} is not a digest", advice="do not trust it")
        return self.folder / "blobs" / Path(*digest.split(":"))

    def entries(self) -> tuple[Descriptor, ...]:
        """What index.json lists; nothing where there is none yet."""
        return super().entries() if (self.folder / "index.json").exists() else ()

    def has(self, digest: str) -> bool:
        """Whether a blob is there. Blobs get their names once they are whole."""
        return self._path(digest).exists()

    def put_blob(self, blob: StoredBlob, mount_from: Repository | None = None) -> int:
        """Put a blob there unless it is. Raises BrokenImage for bytes that have another digest."""
        if self.has(blob.digest):
            return 0
        algorithm, _, promised = blob.digest.partition(":")
        path, hashed = self._path(blob.digest), hashlib.new(algorithm)
        with self._write_whole_file(path) as stream:
            for block in blob.blocks(0, None):
                hashed.update(block)
                _write_all(stream, block)
            if hashed.hexdigest() != promised:
                raise BrokenImage(f"a blob does not have the digest {blob.digest}", advice="do not trust it")
        return blob.size

    def put_manifest(self, version: str, body: bytes, media_type: str) -> None:
        """Put a manifest there; with a tag, or for an artifact, index.json lists it."""
        digest = version if is_digest(version) else digest_of(body)
        if not self.has(digest):
            with self._write_whole_file(self._path(digest)) as stream:
                _write_all(stream, body)
        if not is_digest(version):
            self._list(media_type, digest, len(body), {REF_NAME: version})

    def put_referrer(self, subject: str, referrer: Referrer, body: bytes) -> None:
        """Put an artifact's manifest there; index.json lists it."""
        self.put_manifest(referrer.digest, body, referrer.media_type)
        self._list(referrer.media_type or OCI_MANIFEST, referrer.digest, len(body), {}, referrer.artifact_type)

    def _list(
        self, media_type: str, digest: str, size: int, annotations: dict[str, str], artifact_type: str = ""
    ) -> None:
        """Add an entry to index.json, in place of one with the same tag, or of the same artifact."""
        tag = annotations.get(REF_NAME)
        kept = [
            entry
            for entry in self.entries()
            if not (entry.named(REF_NAME) == tag if tag else entry.digest == digest and not entry.named(REF_NAME))
        ]
        new = Descriptor(digest, size, media_type, annotations or None, artifact_type=artifact_type or None)
        document = {"manifests": [_entry(entry) for entry in (*kept, new)], "mediaType": OCI_INDEX, "schemaVersion": 2}
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, content in (("oci-layout", _LAYOUT), ("index.json", msgspec.json.encode(document, order="sorted"))):
            with self._write_whole_file(self.folder / name) as stream:
                _write_all(stream, content)

    @contextmanager
    def _write_whole_file(self, path: Path) -> Iterator[int]:
        """A file that gets its name once it is whole. Raises HullmarkError for what the disk refuses."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stream, temporary = tempfile.mkstemp(prefix=".incoming-", dir=path.parent)
            try:
                yield stream
                os.fchmod(stream, 0o644)
                Path(temporary).replace(path)
            finally:
                os.close(stream)
                Path(temporary).unlink(missing_ok=True)
        except OSError as error:
            raise HullmarkError(
                f"cannot write {error.filename or path}: {error.strerror or error}", advice="check rights and space"
            ) from error


def _write_all(stream: int, body: bytes) -> None:
    view = memoryview(body)
    while view:
        view = view[os.write(stream, view) :]


def _entry(descriptor: Descriptor) -> dict[str, object]:
    built: dict[str, object] = msgspec.to_builtins(descriptor)
    return {name: value for name, value in built.items() if value not in (None, "")}
