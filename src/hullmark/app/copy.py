"""An image on its way to another place, with all its platforms, and all that is attached to it. No digest changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from hullmark.model.digest import digest_of, is_digest
from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.model.limit import Limit
from hullmark.source.manifest import OCI_INDEX, OCI_MANIFEST, Descriptor, decode
from hullmark.source.repository import (
    Referrer,
    Repository,
    RepositoryBlob,
    WritableRepository,
)
from hullmark.source.signature_tags import SIGNATURE_TAGS, fallback_tag
from hullmark.source.source import ImageNotFound

_MOST_DEPTH = Limit(4, "indexes in each other, and attachments of attachments, of an image that is copied", "refused")
_MOST_MANIFESTS = Limit(20_000, "manifests of an image that is copied", "refused")
_MOST_BLOBS = Limit(200_000, "blobs of an image that is copied", "refused")

Watch = Callable[[str], None]
"""Is told what is copied now: a line."""


class CopyResult(msgspec.Struct, frozen=True, kw_only=True):
    """What was copied: the digest, how many manifests and blobs it comes to, how many blobs and bytes were sent (others were there),
    and how many of the manifests are attached: signatures, attestations, bills of materials."""

    digest: str
    manifests: int
    attached: int
    blobs: int
    sent_blobs: int
    sent_bytes: int


class _Wire(msgspec.Struct, frozen=True, rename="camel"):
    media_type: str = ""
    artifact_type: str = ""
    manifests: tuple[Descriptor, ...] | None = None
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()
    blobs: tuple[Descriptor, ...] = ()
    annotations: dict[str, str] | None = None

    @property
    def kind(self) -> str:
        """The media type of the manifest."""
        return self.media_type or (OCI_INDEX if self.manifests is not None else OCI_MANIFEST)


def copy_image(
    origin: Repository, version: str, target: WritableRepository, tag: str, watch: Watch = lambda _: None
) -> CopyResult:
    """Copy what a tag or digest leads to, under a tag ("": under its digest alone). What is there already is not sent again.

    Raises ImageNotFound, BrokenImage for what is not what it should be, HullmarkError where the target refuses.
    """
    body = origin.manifest(version)
    copying = _Copy(origin, target, watch)
    digest = digest_of(body, version.partition(":")[0] if is_digest(version) else "sha256")
    copying.copy(digest, body, 0)
    for subject in tuple(copying.manifests):
        copying.copy_attached(subject, 0)
    if tag:
        target.put_manifest(tag, body, decode(body, _Wire, "the manifest").kind)
    return CopyResult(
        digest=digest,
        manifests=len(copying.manifests),
        attached=copying.attached,
        blobs=len(copying.blobs),
        sent_blobs=copying.sent_blobs,
        sent_bytes=copying.sent_bytes,
    )


class _Copy:
    """One copy: what it has seen, and what it sent."""

    def __init__(self, origin: Repository, target: WritableRepository, watch: Watch) -> None:
        self.manifests: dict[str, None] = {}
        self.blobs: set[str] = set()
        self.attached = self.sent_blobs = self.sent_bytes = 0
        self._origin, self._target, self._watch = origin, target, watch

    def copy(self, digest: str, body: bytes, depth: int) -> _Wire:
        """Copy a manifest with all below it. What a manifest refers to is there before it is."""
        wire = self._enter(digest, body, depth)
        self._copy_below(wire, depth)
        self._target.put_manifest(digest, body, wire.kind)
        return wire

    def _enter(self, digest: str, body: bytes, depth: int) -> _Wire:
        if depth > _MOST_DEPTH:
            raise BrokenImage(f"it is nested more than {_MOST_DEPTH} deep", advice="do not trust it")
        self.manifests[digest] = None
        if len(self.manifests) > _MOST_MANIFESTS:
            raise BrokenImage(f"there are more than {_MOST_MANIFESTS} manifests", advice="do not trust it")
        return decode(body, _Wire, f"the manifest {digest[:19]}")

    def _copy_below(self, wire: _Wire, depth: int) -> None:
        for entry in wire.manifests or ():
            self._copy_entry(entry, depth + 1)
        for blob in (*((wire.config,) if wire.config is not None else ()), *wire.layers, *wire.blobs):
            if not blob.is_foreign:
                self._copy_blob(blob)

    def _copy_entry(self, entry: Descriptor, depth: int) -> None:
        if entry.digest in self.manifests:
            return
        self._watch(f"manifest {entry.digest[:19]}")
        self.copy(entry.digest, self._origin.manifest(entry.digest), depth)

    def _copy_blob(self, blob: Descriptor) -> None:
        if blob.digest in self.blobs:
            return
        if not is_digest(blob.digest) or not 0 <= blob.size < 1 << 62:
            raise BrokenImage(f"a blob has the digest {blob.digest[:100]!r}", advice="do not trust it")
        self.blobs.add(blob.digest)
        if len(self.blobs) > _MOST_BLOBS:
            raise BrokenImage(f"there are more than {_MOST_BLOBS} blobs", advice="do not trust it")
        self._watch(f"blob {blob.digest[:19]}, {blob.size:,} bytes")
        sent = self._target.put_blob(RepositoryBlob(self._origin, blob), self._origin)
        self.sent_bytes += sent
        self.sent_blobs += bool(sent)

    # What is attached

    def copy_attached(self, subject: str, depth: int) -> None:
        """Copy what says that it is about a manifest, and what is under the tags of its digest."""
        listed = self._origin.referrers(subject)
        if listed.unseen:
            raise HullmarkError(f"not all that is attached can be copied: {listed.unseen}", advice="delete some of it")
        for referrer in listed.referrers:
            self._copy_referrer(subject, referrer, depth)
        for tag in (f"{fallback_tag(subject)}{ending}" for ending in SIGNATURE_TAGS):
            self._copy_tag(tag, depth)

    def _copy_referrer(self, subject: str, referrer: Referrer, depth: int) -> None:
        if referrer.digest in self.manifests:
            return
        body = self._origin.manifest(referrer.digest)
        self._watch(f"attached {referrer.digest[:19]}")
        wire = self._enter(referrer.digest, body, depth + 1)
        self._copy_below(wire, depth + 1)
        kept = msgspec.structs.replace(
            referrer,
            media_type=wire.kind,
            size=len(body),
            artifact_type=referrer.artifact_type or wire.artifact_type,
            annotations=referrer.annotations or wire.annotations or {},
        )
        self._target.put_referrer(subject, kept, body)
        self.attached += 1
        self.copy_attached(referrer.digest, depth + 1)

    def _copy_tag(self, tag: str, depth: int) -> None:
        try:
            body = self._origin.manifest(tag)
        except ImageNotFound:
            return
        digest = digest_of(body)
        if digest not in self.manifests:
            self._watch(f"attached {tag[:40]}")
            self.copy(digest, body, depth + 1)
            self.attached += 1
        self._target.put_manifest(tag, body, decode(body, _Wire, f"what is under {tag}").kind)


def pick_only_version(versions: Iterable[str]) -> str:
    """The one version that is meant, of those that a place has. Raises HullmarkError where there are several or none."""
    found = tuple(dict.fromkeys(versions))
    if len(found) != 1:
        names = " ".join(f":{name}" for name in found[:30])
        raise HullmarkError(
            "there are several images" if found else "there is no image",
            advice=f"append one of {names}" if found else "check the path",
        )
    return found[0]
