"""Layer records in the object store, shared by all workers."""

from __future__ import annotations

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore

import zstandard

from hullmark.server.objects.objects import Objects

_MAGIC = b"hullmark-object-1\n"
_SEAL = 32
_LARGEST = 2 << 30
_REMEMBERED = 100_000


class ObjectKeep:
    """Payloads as compressed, sealed objects. Unlike a folder's, a store that fails raises (ObjectsUnreachable, ObjectsRefused).

    With `behind`, so many payloads may be on their way to the disk or the network while the caller goes on; `settle` waits for them and
    raises what the first of them raised. It remembers which keys it has seen, so that it asks for each of them once. One that somebody
    removed is found missing when it is read.
    May be used by several threads.
    """

    is_local = False

    def __init__(self, objects: Objects, prefix: str = "layers/", *, behind: int = 0) -> None:
        self._objects = objects
        self._prefix = prefix
        self._seen: set[str] = set()
        self._behind = behind
        self._slots = BoundedSemaphore(max(behind, 1))
        self._pool = ThreadPoolExecutor(behind, "keep") if behind else None
        self._pending: list[Future[None]] = []

    def read(self, key: str) -> bytes | None:
        """What is kept under the key; None if nothing is, or if it was damaged."""
        stored = self._objects.get(self._prefix + key)
        payload = _unseal(stored) if stored is not None else None
        if payload is None:
            self._seen.discard(key)
        else:
            self._remember(key)
        return payload

    def write(self, key: str, payload: bytes) -> None:
        """Keep it, at once or soon."""
        if self._pool is None:
            self._put(key, payload)
            return
        self._slots.acquire()
        future = self._pool.submit(self._put, key, payload)
        future.add_done_callback(lambda _: self._slots.release())
        self._pending.append(future)

    def settle(self) -> None:
        """Wait until all is kept. Raises what writing raised; what was written is kept all the same."""
        if self._pool is None:
            return
        pending, self._pending = self._pending, []
        self._pool.shutdown(wait=True)
        self._pool = ThreadPoolExecutor(self._behind, "keep")
        for future in pending:
            future.result()

    def close(self) -> None:
        """Let what is on its way arrive, and end the threads."""
        if self._pool is not None:
            self._pool.shutdown(wait=True)

    def _put(self, key: str, payload: bytes) -> None:
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


def _unseal(stored: bytes) -> bytes | None:
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
