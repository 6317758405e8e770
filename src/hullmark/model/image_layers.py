"""What each layer of an image does to the files below it."""

from __future__ import annotations

import msgspec

from hullmark.model.inventory import InventorySource
from hullmark.model.problem import Problem


class GhostFile(msgspec.Struct, frozen=True, gc=False):
    """A file that a later layer hides or replaces but that is still in the image.

    `path` begins with a slash, `size` is the number of its bytes that can no longer be reached (0 if another name of the same file is still
    visible, and for anything without content), `hidden_by` the index of the layer that hides it.
    """

    path: str
    size: int
    hidden_by: int


class LayerFiles(msgspec.Struct, frozen=True, kw_only=True):
    """What one layer does to the tree below it. Paths begin with a slash and are sorted; folders are not counted.

    `unpacked` is the number of bytes of all files in it, `added` what did not exist below, `changed` what replaces a file below, `hidden`
    what it removes (whiteouts, opaque folders, a file in the place of a folder). `ghosts` are files of this layer that later ones hide or
    replace, `wasted` their bytes.
    """

    unpacked: int = 0
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    ghosts: tuple[GhostFile, ...] = ()
    wasted: int = 0


class ImageLayers(msgspec.Struct, frozen=True, kw_only=True):
    """The layers of an image, bottom first; `layers` has an entry for each of `source.layers`."""

    source: InventorySource
    layers: tuple[LayerFiles, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def wasted(self) -> int:
        """The bytes of files that are in the image but invisible when it runs."""
        return sum(layer.wasted for layer in self.layers)
