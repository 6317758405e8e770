"""An image as the server keeps it: everything except the layers themselves, whose records are kept.

So it can be scanned again for other requests, and by newer code for packages, as long as the records have what is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.image import Image, ImageConfig, Platform, RawStream
from hullmark.model.inventory import Inventory
from hullmark.model.problem import Problem
from hullmark.scanning.layers import KeptLayer

_ADVICE = "analyse the image again from where it came from"


class LayerNotKept(HullmarkError):
    """A stored image's layer is needed, and only its record is kept."""

    def __init__(self, digest: str) -> None:
        super().__init__(f"the layer {digest} must be read for this, and it is not kept", advice=_ADVICE)
        self.digest = digest


class StoredLayer(msgspec.Struct, frozen=True, kw_only=True):
    """A layer that was read: the verified digest of its stored bytes and their number, the digest of its tar, the manifest's type of it.

    `diff_id` is "" where the layer was not read to its end and the config promises none, `media_type` where it is not known.
    """

    digest: str
    diff_id: str
    size: int
    media_type: str = ""


class StoredImage(msgspec.Struct, frozen=True, kw_only=True):
    """The storable parts of an `Image`. `config` is complete, including secrets that were built into it."""

    kind: str
    reference: str
    layers: tuple[StoredLayer, ...]
    digest: str = ""
    config_digest: str = ""
    platform: Platform | None = None
    config: ImageConfig | None = None
    tags: tuple[str, ...] = ()
    media_type: str = ""
    problems: tuple[Problem, ...] = ()


def stored_image(image: Image, inventory: Inventory, media_types: Sequence[str] = ()) -> StoredImage:
    """The image to be stored, once it was scanned: `inventory`, of a scan of this image, has its layers' verified digests.

    `media_types` are those of its layers, bottom first, where the manifest is at hand.
    """
    types = tuple(media_types) or ("",) * len(image.layers)
    layers = tuple(
        StoredLayer(digest=read.digest, diff_id=blob.diff_id or read.diff_id, size=read.size, media_type=media_type)
        for blob, read, media_type in zip(image.layers, inventory.source.layers, types, strict=True)
    )
    return StoredImage(
        kind=image.kind,
        reference=image.reference,
        layers=layers,
        digest=image.digest,
        config_digest=image.config_digest,
        platform=image.platform,
        config=image.config,
        tags=image.tags,
        media_type=image.media_type,
        problems=image.problems,
    )


def as_image(stored: StoredImage) -> Image:
    """The image to be scanned from the records that are kept of it. Opening one of its layers raises LayerNotKept."""
    layers = tuple(
        KeptLayer(digest=layer.digest, diff_id=layer.diff_id, size=layer.size, open=partial(_no_stream, layer.digest))
        for layer in stored.layers
    )
    return Image(
        kind=stored.kind,
        reference=stored.reference,
        layers=layers,
        digest=stored.digest,
        config_digest=stored.config_digest,
        platform=stored.platform,
        config=stored.config,
        tags=stored.tags,
        media_type=stored.media_type,
        problems=stored.problems,
    )


def _no_stream(digest: str) -> RawStream:
    raise LayerNotKept(digest)
