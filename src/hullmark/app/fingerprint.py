"""What a layer record depends on besides its blob: the code that reads layers, and what was asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import hullmark

_ROOMS = ("model", "rootfs", "catalog", "facets")


def analysis_fingerprint(extra: Iterable[str] = ()) -> str:
    """A digest over the source of every room that takes part in reading a layer, and over `extra` words.

    So a record made by other code is never used, and nobody has to remember to count up a version.
    """
    digest = hashlib.sha256()
    root = Path(hullmark.__file__).parent
    for room in _ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            digest.update(f"{path.relative_to(root)}\0".encode())
            digest.update(path.read_bytes())
    for word in extra:
        digest.update(f"\0{word}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
