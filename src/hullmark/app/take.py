"""From what the user wrote to an inventory: an image from a source, or a folder."""

from __future__ import annotations

from hullmark.app.scan import scan_folder, scan_image
from hullmark.app.wish import Means, Scanned, Wish
from hullmark.source import SourceOptions, classify, open_image


def take(reference: str, wish: Wish, means: Means, options: SourceOptions) -> Scanned:
    """Find the image or folder that a reference names, and take its inventory.

    Raises HullmarkError where it cannot be found or reached, BrokenImage where it contradicts itself.
    """
    scheme, rest = classify(reference)
    if scheme == "dir":
        return scan_folder(rest, reference, wish)
    return scan_image(open_image(reference, options), wish, means)
