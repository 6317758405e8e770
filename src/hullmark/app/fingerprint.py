"""What a layer record depends on besides its blob: the code that reads layers, and what was asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import hullmark

_ROOMS = ("model", "rootfs", "catalog", "facets")
_FEED_ROOMS = ("model", "versions", "feeds")


def analysis_fingerprint(extra: Iterable[str] = ()) -> str:
    """A digest over the source of every room that takes part in reading a layer, and over `extra` words.

    So a record made by other code is never used, and nobody has to remember to count up a version.
    """
    digest = _of_rooms(_ROOMS)
    for word in extra:
        digest.update(f"\0{word}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def feeds_fingerprint() -> str:
    """A digest over the source of every room that takes part in reading a feed's documents."""
    return _of_rooms(_FEED_ROOMS).hexdigest()


def _of_rooms(rooms: Iterable[str]) -> hashlib._Hash:
    digest = hashlib.sha256()
    root = Path(hullmark.__file__).parent
    for room in rooms:
        for path in sorted((root / room).rglob("*.py")):
            digest.update(f"{path.relative_to(root)}\0".encode())
            digest.update(path.read_bytes())
    return digest
