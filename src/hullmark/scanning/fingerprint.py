"""What a layer record depends on besides its blob: the code that reads layers, and what was requested."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from hullmark import _version
from hullmark.rootfs.reads import Read

_ROOMS = ("model", "rootfs", "catalog", "scanning/layers", "scanning/scan")
_FACET_ROOMS = ("model", "rootfs")
_FEED_ROOMS = ("model", "versions", "advisories/feeds")


def analysis_fingerprint(extra: Iterable[str] = ()) -> str:
    """A digest over the source of every room that takes part in reading a layer, and over `extra` words.

    So a record made by other code is never used, and nobody has to remember to count up a version.
    """
    digest = _of_rooms(_ROOMS)
    for word in extra:
        digest.update(f"\0{word}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def read_fingerprint(read: Read[Any]) -> str:
    """A digest over all that a facet's read takes its facts by: the code of the modules that it names, its globs and limits."""
    digest = _of_rooms((*_FACET_ROOMS, *(read.sources or ("facets",))))
    for word in (
        read.name,
        str(read.limit),
        str(read.layer_limit),
        *read.globs,
        *(magic.hex() for magic in read.magic),
    ):
        digest.update(f"\0{word}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def code_fingerprint(rooms: Iterable[str]) -> str:
    """A digest over the source of rooms, folders and modules, as `facets/secrets`."""
    return _of_rooms(rooms).hexdigest()


def feeds_fingerprint() -> str:
    """A digest over the source of every room that takes part in reading a feed's documents."""
    return _of_rooms(_FEED_ROOMS).hexdigest()


def _of_rooms(rooms: Iterable[str]) -> hashlib._Hash:
    return _read_rooms(tuple(rooms)).copy()


@cache
def _read_rooms(rooms: tuple[str, ...]) -> hashlib._Hash:
    digest = hashlib.sha256()
    root = Path(_version.__file__).parent
    for room in rooms:
        module = root / f"{room}.py"
        sources = [module] if module.is_file() else sorted((root / room).rglob("*.py"))
        if not sources:
            raise FileNotFoundError(f"there is no code of {room}, which results depend on")
        for path in sources:
            digest.update(f"{path.relative_to(root)}\0".encode())
            digest.update(path.read_bytes())
    return digest
