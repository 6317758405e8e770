"""Dockerfiles: reads bytes, or an image's history, into stages of instructions, and works out the image settings that result."""

from __future__ import annotations

from hullmark.policy.dockerfile.effective import BaseImage, Effective, ExposedPort, base_images, effective
from hullmark.policy.dockerfile.history import from_history
from hullmark.policy.dockerfile.parse import KEYWORDS, parse_dockerfile

__all__ = [
    "KEYWORDS",
    "BaseImage",
    "Effective",
    "ExposedPort",
    "base_images",
    "effective",
    "from_history",
    "parse_dockerfile",
]
