"""Image configs as sources find them."""

from __future__ import annotations

from hullmark.model.digest import checked_digest
from hullmark.model.image import ImageConfig
from hullmark.model.image_config import ImageConfigJson, image_config
from hullmark.model.limit import Limit
from hullmark.source.manifest import decode

CONFIG_LIMIT = Limit(8 << 20, "bytes of an image's config", "refused")
"""Bytes of a config that are read. Larger ones are verified, and reported as too large."""


def parse_config(body: bytes, what: str = "the image's config") -> ImageConfig:
    """The settings, with every missing value empty. Raises BrokenImage for what no container runtime would read."""
    found = image_config(decode(body, ImageConfigJson, what))
    for diff_id in found.diff_ids:
        checked_digest(diff_id, f"a layer in {what}")
    return found
