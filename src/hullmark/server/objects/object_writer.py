"""An object that is written in pieces, and invisible until it is complete."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import obstore
from obstore.store import ObjectStore

if TYPE_CHECKING:
    from obstore import WritableFile

_PART = 8 << 20
_AT_ONCE = 2


class ObjectWriter:
    """An object that is being written. At most three parts of 8 MiB are in memory. Any thread may call it; calls wait for each other.

    After `abort`, or a `commit` that failed, nothing of it is there: a folder's file is removed; in a bucket the parts that were sent
    belong to no object, and the bucket's lifecycle rule ends them.
    """

    def __init__(
        self,
        store: ObjectStore,
        key: str,
        reported: Callable[[str], AbstractContextManager[None]],
        settle: Callable[[str], None],
    ) -> None:
        self._key = key
        self._reported = reported
        self._settle = settle
        self._lock = threading.Lock()
        with reported(f"write {key}"):
            self._file: WritableFile | None = obstore.open_writer(
                store, key, buffer_size=_PART, max_concurrency=_AT_ONCE
            )

    def write(self, chunk: bytes | bytearray | memoryview) -> None:
        """Append to the object. Raises ObjectsUnreachable or ObjectsRefused, and ValueError once it has ended."""
        with self._lock, self._reported(f"write {self._key}"):
            if self._file is None:
                raise ValueError("the writer has ended")
            self._file.write(chunk)

    def commit(self) -> None:
        """Make the complete object visible; it replaces one of the same key."""
        with self._lock, self._reported(f"write {self._key}"):
            file, self._file = self._file, None
            if file is None:
                raise ValueError("the writer has ended")
            file.close()
            self._settle(self._key)

    def abort(self) -> None:
        """Discard everything written. Does nothing after a commit or an earlier abort."""
        with self._lock:
            # A writer that is dropped before it is closed never assembles its parts.
            self._file = None
