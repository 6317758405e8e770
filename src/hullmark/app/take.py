"""From what the user wrote to an inventory: an image from a source, or a folder."""

from __future__ import annotations

from hullmark.app.scan import Means, Scanned, Wish, inventory_of, reads_for, scan_image
from hullmark.model.image import Image
from hullmark.rootfs.dispatch import Dispatch
from hullmark.source import SourceOptions, classify, open_image
from hullmark.source.folder import read_folder


def take(reference: str, wish: Wish, means: Means, options: SourceOptions) -> Scanned:
    """Find the image or folder that a reference names, and take its inventory.

    Raises HullmarkError where it cannot be found or reached, BrokenImage where it contradicts itself.
    """
    scheme, rest = classify(reference)
    if scheme != "dir":
        return scan_image(open_image(reference, options), wish, means)
    record = read_folder(rest, Dispatch(reads_for(wish)), digests=wish.digests)
    return inventory_of(Image(kind="dir", reference=reference, layers=()), [record], wish)
