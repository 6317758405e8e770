"""Layer records in the object store, shared by all workers."""

from __future__ import annotations

import hashlib

import zstandard

from hullmark.store.objects import Objects

_MAGIC = b"hullmark-object-1\n"
_SEAL = 32
_LARGEST = 2 << 30
_REMEMBERED = 100_000


class ObjectKeep:
    """Payloads as compressed, sealed objects. Unlike a folder's, a store that fails raises (ObjectsUnreachable, ObjectsRefused).

    It remembers which keys it has seen, so that it asks for each of them once. One that somebody removed is found missing when it is read.
    May be used by several threads.
    """

    is_local = False

    def __init__(self, objects: Objects, prefix: str = "layers/") -> None:
        self._objects = objects
        self._prefix = prefix
        self._seen: set[str] = set()

    def read(self, key: str) -> bytes | None:
        """What is kept under the key; None if nothing is, or if it was damaged."""
        stored = self._objects.get(self._prefix + key)
        payload = _unsealed(stored) if stored is not None else None
        if payload is None:
            self._seen.discard(key)
        else:
            self._remember(key)
        return payload

    def write(self, key: str, payload: bytes) -> None:
        """Keep it."""
        body = zstandard.ZstdCompressor().compress(payload)
        self._objects.put(self._prefix + key, b"".join((_MAGIC, hashlib.sha256(body).digest(), body)))
        self._remember(key)

    def has(self, key: str) -> bool:
        """Whether something is kept under the key."""
        if key in self._seen:
            return True
        if self._objects.head(self._prefix + key) is None:
            return False
        self._remember(key)
        return True

    def _remember(self, key: str) -> None:
        if len(self._seen) >= _REMEMBERED:
            self._seen.clear()
        self._seen.add(key)


def _unsealed(stored: bytes) -> bytes | None:
    start = len(_MAGIC) + _SEAL
    body = memoryview(stored)[start:]
    if stored[: len(_MAGIC)] != _MAGIC or hashlib.sha256(body).digest() != stored[len(_MAGIC) : start]:
        return None
    try:
        if not 0 <= zstandard.frame_content_size(body) <= _LARGEST:
            return None
        return zstandard.ZstdDecompressor().decompress(body)
    except zstandard.ZstdError:
        return None
