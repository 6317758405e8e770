"""From a manifest to an image: choice of platform, verified documents, layers paired with what the config says of them.

Follows the OCI image specification 1.1. A source only has to say where blobs are; see `Store`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec
from msgspec.structs import replace

from hullmark.model.digest import verify
from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.model.image import Image, ImageConfig, LayerBlob, Platform, RawStream
from hullmark.model.limit import Limit
from hullmark.model.problem import Problem
from hullmark.source.config import CONFIG_LIMIT, parse_config
from hullmark.source.files import read_bounded
from hullmark.source.manifest import (
    DOCKER_LIST,
    OCI_INDEX,
    Descriptor,
    Index,
    Manifest,
    artifact_kind,
    parse_manifest,
)
from hullmark.source.platform import best, suits
from hullmark.source.source import SourceOptions

_MAX_DEPTH = Limit(4, "levels of indexes in an index of images", "refused")
_MAX_INDEXES = Limit(64, "indexes in an index of images", "refused")
_MAX_LOOKED_INTO = Limit(
    32, "images of an index that are looked into because it does not tell their platform", "refused"
)
_MAX_CONFIG = Limit(256 << 20, "bytes of the config of an image in an archive", "refused")


class Store(Protocol):
    """Where an image's parts are. Nothing it gives has been verified; everything it gives is bounded."""

    def has_manifest(self, descriptor: Descriptor) -> bool:
        """Whether this manifest is available. Cheap: a store that would have to ask returns True."""

    def manifest(self, descriptor: Descriptor) -> bytes:
        """The bytes of a manifest or index. Raises BrokenImage if it is missing or longer than any manifest."""

    def blob(self, descriptor: Descriptor) -> RawStream:
        """The bytes of a config. Raises BrokenImage if it is missing."""

    def layer(self, descriptor: Descriptor, diff_id: str) -> LayerBlob:
        """A layer, to be read later. Raises BrokenImage if it is known to be missing, or of another size."""


class ImageRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the user wants: the source's scheme, what was written, the tags it was found by, and how to look."""

    kind: str
    reference: str
    options: SourceOptions
    tags: tuple[str, ...] = ()


def image_from_document(store: Store, body: bytes, digest: str, request: ImageRequest) -> Image:
    """The image that a (verified) manifest or index with this digest leads to."""
    document = parse_manifest(body, "the image's manifest")
    if isinstance(document, Manifest):
        return _assemble(store, document, Descriptor(digest, len(body)), request)
    return replace(image_from_entries(store, document.manifests, request), index_digest=digest)


def image_from_entries(
    store: Store, entries: Sequence[Descriptor], request: ImageRequest, *, strict: bool = False
) -> Image:
    """The image, of those that an index lists, that suits the platform. `strict`: two that suit equally are an error."""
    chosen = _choose(store, entries, request.options, strict=strict)
    manifest = _document(store, chosen)
    if not isinstance(manifest, Manifest):
        raise BrokenImage("an index is listed as an image", advice="do not trust it")
    return _assemble(store, manifest, chosen, request)


def _document(store: Store, descriptor: Descriptor) -> Index | Manifest:
    what = f"the manifest {descriptor.digest[:19]}"
    body = store.manifest(descriptor)
    if len(body) != descriptor.size:
        raise BrokenImage(
            f"{what} has {len(body)} bytes where {descriptor.size} are promised",
            advice="fetch or build the image again",
        )
    verify(body, descriptor.digest, what)
    return parse_manifest(body, what)


def _choose(store: Store, entries: Sequence[Descriptor], options: SourceOptions, *, strict: bool) -> Descriptor:
    found = {descriptor.digest: descriptor for descriptor in _images(store, entries, _Budget())}
    images = [image for image in found.values() if store.has_manifest(image)] or list(found.values())
    if not images:
        raise HullmarkError("the index lists no image", advice="name one that was built for a platform")
    if len(images) == 1:
        return images[0]
    choices = [
        (image.platform_wanted() or (_platform_inside(store, image) if place < _MAX_LOOKED_INTO else None), image)
        for place, image in enumerate(images)
    ]
    wanted = options.platform or options.machine
    suitable = best(wanted, choices)
    if not suitable:
        there = ", ".join(sorted({str(platform) for platform, _ in choices if platform is not None})[:30])
        raise HullmarkError(
            f"there is no image for {wanted}",
            advice=f"choose one with --platform: {there or 'none says what it is for'}",
        )
    if strict and len(suitable) > 1:
        digests = ", ".join(image.digest for image in suitable[:10])
        raise HullmarkError(f"there are {len(suitable)} images for {wanted}", advice=f"append one of @{digests}")
    return suitable[0]


class _Budget:
    """How many indexes may still be read."""

    def __init__(self) -> None:
        self.left: int = _MAX_INDEXES

    def spend(self) -> None:
        if not self.left:
            raise BrokenImage(f"there are more than {_MAX_INDEXES} indexes in each other", advice="do not trust it")
        self.left -= 1


def _images(store: Store, entries: Sequence[Descriptor], budget: _Budget, depth: int = 1) -> Iterator[Descriptor]:
    """The image manifests below these entries, in order; attestations are left out."""
    for entry in entries:
        if entry.is_attestation:
            continue
        if entry.media_type not in (OCI_INDEX, DOCKER_LIST, ""):
            yield entry
            continue
        if not store.has_manifest(entry):
            yield entry
            continue
        budget.spend()
        document = _document(store, entry)
        if isinstance(document, Manifest):
            yield entry
        elif depth >= _MAX_DEPTH:
            raise BrokenImage(f"indexes are nested more than {_MAX_DEPTH} deep", advice="do not trust it")
        else:
            yield from _images(store, document.manifests, budget, depth + 1)


def _platform_inside(store: Store, descriptor: Descriptor) -> Platform | None:
    """The platform by the image's own config, for indexes that do not say."""
    document = _document(store, descriptor)
    if not isinstance(document, Manifest) or artifact_kind(document):
        return None
    config, _ = _read_config(store, document.config)
    return platform_of(config)


def platform_of(config: ImageConfig | None) -> Platform | None:
    """What the config says the image is for, if it says."""
    if config is None or not (config.os or config.architecture):
        return None
    return Platform(config.os, config.architecture, config.variant)


def _assemble(store: Store, manifest: Manifest, descriptor: Descriptor, request: ImageRequest) -> Image:
    bare = Image(
        kind=request.kind,
        reference=request.reference,
        layers=(),
        digest=descriptor.digest,
        config_digest=manifest.config.digest,
        tags=request.tags,
        media_type=manifest.media_type,
    )
    kind = artifact_kind(manifest)
    if kind:
        reason = f"this is an artifact of type {kind[:200]}, whose layers are not file systems"
        return replace(bare, problems=(Problem("", -1, "source", reason),))
    config, problems = _read_config(store, manifest.config)
    platform = platform_of(config) or descriptor.platform_wanted()
    check_platform(platform, request.options)
    pairs = zip(manifest.layers, padded_diff_ids(config, len(manifest.layers)), strict=True)
    layers = tuple(store.layer(layer, diff_id) for layer, diff_id in pairs)
    check_layer_count(config, len(layers))
    return replace(bare, layers=layers, config=config, platform=platform, problems=problems)


def padded_diff_ids(config: ImageConfig | None, layers: int) -> tuple[str, ...]:
    """One diff id for each layer, "" where there is none.

    Layers are looked up before they are counted: a missing one says more than differing numbers.
    """
    promised = config.diff_ids if config is not None else ()
    return (*promised, *("",) * layers)[:layers]


def check_layer_count(config: ImageConfig | None, layers: int) -> None:
    """Raises BrokenImage if the config names another number of layers than the image has."""
    if config is not None and len(config.diff_ids) != layers:
        raise BrokenImage(
            f"the image has {layers} layers, its config names {len(config.diff_ids)}",
            advice="fetch or build the image again",
        )


def check_platform(platform: Platform | None, options: SourceOptions) -> None:
    """Raises HullmarkError if a platform was requested, and the only image there is says it is for another."""
    if options.platform is not None and platform is not None and not suits(options.platform, platform):
        raise HullmarkError(
            f"the image is for {platform}, not for {options.platform}",
            advice=f"use --platform {platform}, or another image",
        )


def _read_config(store: Store, descriptor: Descriptor) -> tuple[ImageConfig | None, tuple[Problem, ...]]:
    if descriptor.size > CONFIG_LIMIT:
        verify_stream(store.blob(descriptor), descriptor.digest, descriptor.size)
        return None, (too_large_config(descriptor.size),)
    body = read_bounded(store.blob(descriptor), descriptor.size)
    if body is None or len(body) != descriptor.size:
        raise BrokenImage(
            f"the config has not the promised size of {descriptor.size} bytes", advice="fetch or build the image again"
        )
    verify(body, descriptor.digest, "the image's config")
    return parse_config(body), ()


def too_large_config(size: int) -> Problem:
    """Says that the config was left out because of its size in bytes."""
    reason = (
        f"the config has {size} bytes, more than the {CONFIG_LIMIT} that are read: settings and history are unknown"
    )
    return Problem("", -1, "source", reason)


def verify_stream(stream: RawStream, digest: str, size: int) -> None:
    """Read a config that is too large to be kept, and close it. Raises BrokenImage if its size or digest is another."""
    algorithm, _, promised = digest.partition(":")
    hashed = hashlib.new(algorithm)
    length, buffer = 0, memoryview(bytearray(1 << 18))
    try:
        while n := stream.readinto(buffer):
            length += n
            hashed.update(buffer[:n])
            if length > min(size, _MAX_CONFIG):
                break
    finally:
        stream.close()
    if length != size or hashed.hexdigest() != promised:
        raise BrokenImage(f"the config is not the {size} bytes it should be", advice="do not trust it")
