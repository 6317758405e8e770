"""OCI image layouts, wherever their files are: in a folder or in an archive (OCI image specification 1.1, image layout)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from hullmark.model.digest import is_digest
from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.model.image import Image, LayerBlob, RawStream
from hullmark.source.files import ByteRange, read_bounded
from hullmark.source.image import ImageRequest, image_from_entries
from hullmark.source.manifest import (
    IMAGE_NAME,
    MANIFEST_LIMIT,
    REF_NAME,
    Descriptor,
    Index,
    parse_manifest,
)
from hullmark.source.signature_tags import is_signature_tag

_SHOWN = 30


class LocalStore(msgspec.Struct, frozen=True):
    """Blobs that are files, or parts of one file, on this machine. `find` takes a digest; `now` is the time for stamps."""

    find: Callable[[str], ByteRange | None]
    now: float

    def has_manifest(self, descriptor: Descriptor) -> bool:
        """Is this manifest there?"""
        return self.find(descriptor.digest) is not None

    def manifest(self, descriptor: Descriptor) -> bytes:
        """The bytes of a manifest or index."""
        body = read_bounded(self._find_content(descriptor, "the manifest").open(), MANIFEST_LIMIT)
        if body is None:
            raise BrokenImage(f"a manifest has more than {MANIFEST_LIMIT} bytes", advice="do not trust it")
        return body

    def blob(self, descriptor: Descriptor) -> RawStream:
        """The bytes of a config."""
        return self._find_content(descriptor, "the config").open()

    def layer(self, descriptor: Descriptor, diff_id: str) -> LayerBlob:
        """A layer; its presence and size are checked here, its bytes when they are read."""
        what = "the foreign layer" if descriptor.is_foreign else "the layer"
        byte_range = self._find_content(descriptor, what)
        if byte_range.size != descriptor.size:
            raise BrokenImage(
                f"the layer {descriptor.digest[:19]} has {byte_range.size} bytes where {descriptor.size} are promised",
                advice="fetch or build the image again",
            )
        return LayerBlob(
            digest=descriptor.digest,
            diff_id=diff_id,
            size=descriptor.size,
            open=byte_range.open,
            stamp=byte_range.stamp(self.now),
        )

    def _find_content(self, descriptor: Descriptor, what: str) -> ByteRange:
        byte_range = self.find(descriptor.digest)
        if byte_range is None:
            advice = "fetch or build the image again"
            if descriptor.is_foreign:
                advice = "save the image with its foreign layers: the addresses they name are never asked"
            raise BrokenImage(f"{what} {descriptor.digest} is missing", advice=advice)
        return byte_range


def open_layout(index: ByteRange, store: LocalStore, wanted: str, request: ImageRequest) -> Image:
    """The image of a layout: the one that `wanted` (a tag, a digest or "") names, for the platform that is requested."""
    entries = layout_entries(index)
    if wanted and is_digest(wanted):
        chosen = _by_digest(entries, store, wanted)
    elif wanted:
        chosen = _by_tag(entries, wanted)
    else:
        chosen = _the_only(tuple(entry for entry in entries if not _is_attached(entry)))
    request = ImageRequest(kind=request.kind, reference=request.reference, options=request.options, tags=_names(chosen))
    return image_from_entries(store, chosen, request, strict=True)


def _is_attached(entry: Descriptor) -> bool:
    """Whether an entry is a signature or another artifact about an image beside it."""
    return bool(entry.artifact_type) or is_signature_tag(entry.named(REF_NAME))


def layout_entries(index: ByteRange) -> tuple[Descriptor, ...]:
    """What index.json lists. Raises BrokenImage."""
    body = read_bounded(index.open(), MANIFEST_LIMIT)
    if body is None:
        raise BrokenImage(f"index.json has more than {MANIFEST_LIMIT} bytes", advice="do not trust it")
    document = parse_manifest(body, "index.json")
    if not isinstance(document, Index):
        raise BrokenImage("index.json is not an index", advice="build the layout again")
    return document.manifests


def _names(entries: Sequence[Descriptor]) -> tuple[str, ...]:
    return tuple(sorted({entry.named(IMAGE_NAME) or entry.named(REF_NAME) for entry in entries} - {""}))


def _by_digest(entries: Sequence[Descriptor], store: LocalStore, digest: str) -> tuple[Descriptor, ...]:
    listed = tuple(entry for entry in entries if entry.digest == digest)
    if listed:
        return listed[:1]
    byte_range = store.find(digest)
    if byte_range is None or byte_range.size > MANIFEST_LIMIT:
        raise HullmarkError(f"there is no image {digest}", advice=_there(entries))
    return (Descriptor(digest, byte_range.size),)


def _by_tag(entries: Sequence[Descriptor], tag: str) -> tuple[Descriptor, ...]:
    exact = tuple(entry for entry in entries if tag in (entry.named(REF_NAME), entry.named(IMAGE_NAME)))
    found = exact or tuple(
        entry
        for entry in entries
        if any(entry.named(name).endswith((f":{tag}", f"/{tag}")) for name in (REF_NAME, IMAGE_NAME))
    )
    if not found:
        raise HullmarkError(f"there is no image {tag[:100]!r}", advice=_there(entries))
    if len({entry.named(IMAGE_NAME) or entry.named(REF_NAME) for entry in found}) > 1 and len(_distinct(found)) > 1:
        raise HullmarkError(f"{tag[:100]!r} names several images", advice=_there(found))
    return found


def _the_only(entries: Sequence[Descriptor]) -> tuple[Descriptor, ...]:
    if len(_names(entries)) > 1 and len(_distinct(entries)) > 1:
        raise HullmarkError("there are several images", advice=_there(entries))
    return tuple(entries)


def _distinct(entries: Sequence[Descriptor]) -> set[str]:
    return {entry.digest for entry in entries if not entry.is_attestation}


def _there(entries: Sequence[Descriptor]) -> str:
    names = [f":{name}" for name in _names(entries)] or [f"@{digest}" for digest in sorted(_distinct(entries))]
    return f"append one of {' '.join(names[:_SHOWN])}" if names else "the index lists no image"
