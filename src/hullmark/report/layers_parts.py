"""The layers of an image in our JSON documents. Fields are in alphabetical order, as they are written."""

from __future__ import annotations

import msgspec

from hullmark.model.image_layers import GhostFile, ImageLayers, LayerFiles
from hullmark.model.inventory import InventoryLayer


class GhostJson(msgspec.Struct, frozen=True, gc=False):
    """A file that a later layer hides; `size`: bytes that nothing reaches any longer, `hidden_by`: the index of that layer."""

    hidden_by: int
    path: str
    size: int


class LayerChangesJson(msgspec.Struct, frozen=True):
    """A layer and what it does. `number` is its index, `size` its stored bytes (-1: not known), `unpacked` those of its files.

    `added`, `changed` and `hidden` are paths, `wasted` is the number of bytes of `ghosts`.
    """

    added: tuple[str, ...]
    changed: tuple[str, ...]
    created_by: str
    diff_id: str
    digest: str
    ghosts: list[GhostJson]
    hidden: tuple[str, ...]
    number: int
    size: int
    unpacked: int
    wasted: int


def layer_changes(layers: ImageLayers) -> list[LayerChangesJson]:
    """Each layer, bottom first."""
    pairs = zip(layers.source.layers, layers.layers, strict=False)
    return [_layer(number, layer, files) for number, (layer, files) in enumerate(pairs)]


def _layer(number: int, layer: InventoryLayer, files: LayerFiles) -> LayerChangesJson:
    return LayerChangesJson(
        added=files.added,
        changed=files.changed,
        created_by=layer.created_by,
        diff_id=layer.diff_id,
        digest=layer.digest,
        ghosts=[_ghost(ghost) for ghost in files.ghosts],
        hidden=files.hidden,
        number=number,
        size=layer.size,
        unpacked=files.unpacked,
        wasted=files.wasted,
    )


def _ghost(ghost: GhostFile) -> GhostJson:
    return GhostJson(ghost.hidden_by, ghost.path, ghost.size)
