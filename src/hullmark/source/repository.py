"""Repositories of manifests and blobs, wherever they are: what is there, what is attached to it, and how to put more there.

Follows the OCI distribution specification 1.1 (referrers, and their fallback tag) and the tags that cosign uses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from hullmark.model.digest import digest_of, is_digest
from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.model.image import RawStream
from hullmark.model.limit import Limit
from hullmark.source.files import read_bounded
from hullmark.source.manifest import OCI_INDEX, Descriptor, decode
from hullmark.source.pushing import StoredBlob
from hullmark.source.signature_tags import fallback_tag
from hullmark.source.source import ImageNotFound

MOST_REFERRERS = Limit(1000, "artifacts attached to one image")
"""How many artifacts attached to an image are looked at."""

_BLOCK = 1 << 18


class Referrer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An artifact that says which manifest it is about, as a list of referrers has it."""

    media_type: str
    digest: str
    size: int
    artifact_type: str = ""
    annotations: dict[str, str] = {}


class ReferrerList(msgspec.Struct, frozen=True):
    """Artifacts about one manifest, and what of them was not seen, "" for nothing."""

    referrers: tuple[Referrer, ...] = ()
    unseen: str = ""


class Repository(Protocol):
    """Manifests and blobs in one place. `name` is how it is called in messages, and in statements about what is in it."""

    @property
    def name(self) -> str:
        """Registry and repository, or the path."""

    def manifest(self, version: str) -> bytes:
        """The bytes of a manifest by tag or digest; by digest they are verified. Raises ImageNotFound, HullmarkError."""

    def blob(self, descriptor: Descriptor) -> RawStream:
        """The bytes of a blob, not verified. Raises HullmarkError."""

    def referrers(self, digest: str) -> ReferrerList:
        """The artifacts about a manifest. Raises HullmarkError where that cannot be asked."""


class WritableRepository(Repository, Protocol):
    """One that takes more."""

    def has(self, digest: str) -> bool:
        """Whether a blob is there."""

    def put_blob(self, blob: StoredBlob, mount_from: Repository | None = None) -> int:
        """Put a blob there unless it is; returns how many bytes were sent."""

    def put_manifest(self, version: str, body: bytes, media_type: str) -> None:
        """Put a manifest under a tag or its digest."""

    def put_referrer(self, subject: str, referrer: Referrer, body: bytes) -> None:
        """Put an artifact's manifest there, so that it is found as a referrer of its subject."""


class RepositoryBlob:
    """A blob of a repository that is sent on to another, which verifies it."""

    def __init__(self, repository: Repository, descriptor: Descriptor) -> None:
        self._repository, self._descriptor = repository, descriptor
        self.digest, self.size = descriptor.digest, descriptor.size

    def blocks(self, start: int, stop: int | None) -> Iterator[bytes]:
        """The bytes from `start` up to `stop`. Raises BrokenImage if the blob is shorter or longer than promised."""
        stop = self.size if stop is None else stop
        stream, at = self._repository.blob(self._descriptor), 0
        buffer = memoryview(bytearray(_BLOCK))
        try:
            while at < stop:
                count = stream.readinto(buffer[: min(_BLOCK, (start if at < start else stop) - at)])
                if not count:
                    raise BrokenImage(
                        f"the blob {self.digest[:19]} ends too early", advice="fetch or build the image again"
                    )
                if at >= start:
                    yield bytes(buffer[:count])
                at += count
        finally:
            stream.close()


class BytesBlob:
    """A small blob that is at hand."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.digest, self.size = digest_of(body), len(body)

    def blocks(self, start: int, stop: int | None) -> Iterator[bytes]:
        """The bytes from `start` up to `stop`."""
        yield self.body[start:stop]

    def descriptor(self, media_type: str) -> dict[str, object]:
        """How a manifest refers to it."""
        return {"digest": self.digest, "mediaType": media_type, "size": self.size}


def small_blob(repository: Repository, descriptor: Descriptor, limit: int) -> bytes:
    """All of a small blob, verified. Raises HullmarkError, BrokenImage."""
    if not 0 <= descriptor.size <= limit:
        raise BrokenImage(f"a blob has {descriptor.size:,} bytes, more than are read", advice="do not trust it")
    body = read_bounded(repository.blob(descriptor), descriptor.size)
    if body is None or digest_of(body, descriptor.digest.partition(":")[0]) != descriptor.digest:
        raise BrokenImage(f"a blob does not have the digest {descriptor.digest}", advice="do not trust it")
    return body


def listed_by_tag(repository: Repository, digest: str) -> tuple[Referrer, ...]:
    """The referrers by the fallback tag. Raises HullmarkError if what is under the tag cannot be read."""
    try:
        body = repository.manifest(fallback_tag(digest))
    except ImageNotFound:
        return ()
    return read_referrers(body)


class _WireReferrer(msgspec.Struct, rename="camel"):
    digest: str
    size: int
    media_type: str = ""
    artifact_type: str | None = None
    annotations: dict[str, str] | None = None


class _WireList(msgspec.Struct):
    manifests: tuple[_WireReferrer, ...] = ()


def read_referrers(body: bytes) -> tuple[Referrer, ...]:
    """The referrers in an index; entries without a digest that is trusted are left out. Raises BrokenImage."""
    return tuple(
        Referrer(
            media_type=entry.media_type,
            digest=entry.digest,
            size=entry.size,
            artifact_type=entry.artifact_type or "",
            annotations=entry.annotations or {},
        )
        for entry in decode(body, _WireList, "the list of referrers").manifests
        if is_digest(entry.digest)
    )


def write_referrers(referrers: Sequence[Referrer]) -> bytes:
    """An index that lists referrers, as the fallback tag has it."""
    entries = [
        {
            "annotations": dict(sorted(referrer.annotations.items())),
            "artifactType": referrer.artifact_type,
            "digest": referrer.digest,
            "mediaType": referrer.media_type,
            "size": referrer.size,
        }
        for referrer in referrers
    ]
    document = {"manifests": entries, "mediaType": OCI_INDEX, "schemaVersion": 2}
    return msgspec.json.encode(document, order="sorted")


def check_count(referrers: Sequence[Referrer], subject: str) -> None:
    """Raises HullmarkError where a list has no room for more."""
    if len(referrers) >= MOST_REFERRERS:
        raise HullmarkError(f"{subject[:19]} has {len(referrers)} referrers", advice="delete some that have expired")
