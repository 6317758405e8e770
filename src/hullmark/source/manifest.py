"""Manifests and indexes: OCI image specification 1.1, Docker image manifest v2 schema 2 and manifest lists.

Both kinds are decoded by one function, which refuses documents that are both: tools would disagree about them.
"""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

from hullmark.model.digest import checked_digest
from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.model.image import Platform
from hullmark.model.limit import Limit

MANIFEST_LIMIT = Limit(4 << 20, "bytes of a manifest", "refused")
"""Bytes of a manifest or index, as registries have it."""

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
ACCEPTED = (OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST)

_CONFIG_TYPES = frozenset(
    ("", "application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")
)
_LAYER_TYPE = re.compile(
    r"application/vnd\.(?:oci\.image\.layer(?:\.nondistributable)?\.v1\.tar|docker\.image\.rootfs(?:\.foreign)?\.diff\.tar)"
    r"(?:[.+](?:gzip|zstd|bzip2|xz))?|application/vnd\.docker\.container\.image\.rootfs\.diff\+x-gtar"
).fullmatch
_FOREIGN = ("application/vnd.oci.image.layer.nondistributable.", "application/vnd.docker.image.rootfs.foreign.")
_SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1+"
_MAX_LAYERS = Limit(10_000, "layers of an image, or images of an index", "refused")

ATTESTATION = "vnd.docker.reference.type"
REF_NAME = "org.opencontainers.image.ref.name"
IMAGE_NAME = "io.containerd.image.name"


class WirePlatform(msgspec.Struct, frozen=True, rename="lower"):
    """The platform of an index entry."""

    os: str = ""
    architecture: str = ""
    variant: str | None = None


class Descriptor(msgspec.Struct, frozen=True, rename="camel"):
    """A reference to other content by digest and size."""

    digest: str
    size: int
    media_type: str = ""
    annotations: dict[str, str] | None = None
    platform: WirePlatform | None = None
    urls: tuple[str, ...] | None = None
    artifact_type: str | None = None

    @property
    def is_foreign(self) -> bool:
        """Whether this layer is only available at its own address."""
        return self.media_type.startswith(_FOREIGN) or bool(self.urls)

    @property
    def is_attestation(self) -> bool:
        """Is this a statement about an image, that builders put beside it in the index?"""
        unknown = self.platform is not None and self.platform.os == self.platform.architecture == "unknown"
        return unknown or ATTESTATION in (self.annotations or {})

    def named(self, annotation: str) -> str:
        """An annotation's value, "" where it is missing."""
        return (self.annotations or {}).get(annotation, "")

    def platform_wanted(self) -> Platform | None:
        """The platform that the index says this is for."""
        if self.platform is None or not (self.platform.os or self.platform.architecture):
            return None
        return Platform(self.platform.os, self.platform.architecture, self.platform.variant or "")


class Index(msgspec.Struct, frozen=True):
    """Several manifests; a reader chooses one."""

    manifests: tuple[Descriptor, ...]


class Manifest(msgspec.Struct, frozen=True):
    """One image, or one artifact: then `artifact_type` says of which kind."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    media_type: str = OCI_MANIFEST
    artifact_type: str = ""


_NOTHING = msgspec.Raw(b"null")


class _Wire(msgspec.Struct, frozen=True, rename="camel"):
    schema_version: int = 2
    media_type: str | None = None
    artifact_type: str | None = None
    manifests: tuple[Descriptor, ...] | None = None
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] | None = None
    fs_layers: msgspec.Raw = _NOTHING
    blobs: msgspec.Raw = _NOTHING


T = TypeVar("T")


def decode(body: bytes, type: type[T], what: str) -> T:
    """JSON of a known shape. Raises BrokenImage for anything else, however deeply nested it is."""
    try:
        return msgspec.json.decode(body, type=type)
    except RecursionError:
        raise BrokenImage(f"{what} is nested too deeply", advice="no builder writes this: do not trust it") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        reason = str(error)[:120].replace("\n", " ")
        raise BrokenImage(f"{what} cannot be read: {reason}", advice="fetch or build the image again") from error


def parse_manifest(body: bytes, what: str) -> Index | Manifest:
    """A manifest or an index. Raises BrokenImage, and HullmarkError for the schema 1 of old registries."""
    wire = decode(body, _Wire, what)
    media_type = wire.media_type or ""
    if wire.schema_version == 1 or wire.fs_layers != _NOTHING or media_type.startswith(_SCHEMA_1):
        raise HullmarkError(
            f"{what} has the old schema 1, which names no digests of its layers' contents",
            advice="push the image again with a current tool",
        )
    if wire.manifests is not None:
        return _index(wire, media_type, what)
    if wire.config is None:
        raise _no_image(wire, media_type, what)
    if media_type in (OCI_INDEX, DOCKER_LIST):
        raise BrokenImage(f"{what} calls itself an index and is not one", advice="do not trust it")
    layers = wire.layers or ()
    if len(layers) > _MAX_LAYERS:
        raise BrokenImage(f"{what} names {len(layers)} layers", advice="no builder writes this: do not trust it")
    for place, descriptor in enumerate((wire.config, *layers)):
        _check(descriptor, f"layer {place - 1} of {what}" if place else f"the config of {what}")
    return Manifest(wire.config, layers, media_type or OCI_MANIFEST, wire.artifact_type or "")


def _index(wire: _Wire, media_type: str, what: str) -> Index:
    if wire.config is not None or wire.layers is not None or media_type in (OCI_MANIFEST, DOCKER_MANIFEST):
        raise BrokenImage(f"{what} is an index and a manifest at once", advice="do not trust it")
    manifests = wire.manifests or ()
    if len(manifests) > _MAX_LAYERS:
        raise BrokenImage(f"{what} names {len(manifests)} images", advice="no builder writes this: do not trust it")
    for descriptor in manifests:
        _check(descriptor, f"an image of {what}")
    return Index(manifests)


def _no_image(wire: _Wire, media_type: str, what: str) -> HullmarkError:
    if wire.blobs != _NOTHING or wire.artifact_type:
        kind = wire.artifact_type or media_type
        return HullmarkError(f"{what} is an artifact of type {kind[:100]}, not an image", advice="name an image")
    return BrokenImage(f"{what} names no config and no images", advice="fetch or build the image again")


def _check(descriptor: Descriptor, what: str) -> None:
    checked_digest(descriptor.digest, what)
    if not 0 <= descriptor.size < 1 << 62:
        raise BrokenImage(f"{what} has the size {descriptor.size}", advice="do not trust it")


def artifact_kind(manifest: Manifest) -> str:
    """What kind of artifact this is; "" for an image.

    The config's type decides. Some artifacts (signatures, attestations) carry an image's config type: there, no layer is a
    file system. Raises HullmarkError if only some layers are.
    """
    if manifest.config.media_type not in _CONFIG_TYPES:
        return manifest.artifact_type or manifest.config.media_type
    strange = [layer.media_type for layer in manifest.layers if layer.media_type and not _LAYER_TYPE(layer.media_type)]
    encrypted = next((kind for kind in strange if "encrypted" in kind), None)
    if encrypted:
        raise HullmarkError(f"a layer is encrypted ({encrypted[:100]})", advice="decrypt the image first")
    if not strange:
        return ""
    if len(strange) < len(manifest.layers):
        raise HullmarkError(
            f"a layer is of type {strange[0][:100]}, which is not a file system",
            advice="name an image with tar layers only",
        )
    return manifest.artifact_type or strange[0]
