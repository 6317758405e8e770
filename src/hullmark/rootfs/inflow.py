"""The inflated bytes of a layer in the order they are walked: inflated when they are asked for, or ahead of that by a second thread.

Inflating and hashing release the interpreter's lock, so that one thread can inflate and hash what is stored while the other hashes and
walks what was inflated before. The bytes come in chunks of one size whichever way they come, and limits are asked at the end of each: so
a layer that reaches one is read as far in either way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from hullmark.rootfs.inflate import ReadInto, VerifyingStream, open_inflater

if TYPE_CHECKING:
    from queue import SimpleQueue

CHUNK_BYTES = 1 << 20
_AHEAD = 2
"""Chunks that are inflated ahead: one that is walked, and one that is filled."""

Guard = Callable[[int, int], None]
"""Told how many bytes were inflated so far, and from how many stored ones. It may raise."""

Spare = Callable[[], bool]
"""Whether a second thread may be begun now. Whoever is told so has it until the layer is read."""


class Inflow:
    """One layer's bytes. `close` ends the second thread, if there is one, and leaves the stream open."""

    def __init__(self, stream: VerifyingStream, guard: Guard, spare: Spare | None = None) -> None:
        self._stream = stream
        self._inflate = open_inflater(stream)
        self._guard = guard
        self._spare = spare
        self._ahead: _Ahead | None = None
        self._left = 0
        self._total = 0

    def readinto(self, view: memoryview) -> int:
        """Fill the buffer, or as much of it as there is to the end of the chunk; 0 at the end of the layer."""
        if not self._left:
            self._left = CHUNK_BYTES
            if self._ahead is None and self._spare is not None and self._spare():
                self._ahead = _Ahead(self._inflate, self._stream)
        view = view[: self._left]
        count = _fill_buffer(self._inflate, view) if self._ahead is None else self._ahead.take(view)
        self._total += count
        self._left -= count
        if not self._left or count < len(view):
            self._guard(self._total, self._stream.size if self._ahead is None else self._ahead.stored)
        return count

    def close(self) -> None:
        """Let nothing be read from the stream any more. May be called twice."""
        if self._ahead is not None:
            self._ahead.close()


def _fill_buffer(inflate: ReadInto, view: memoryview) -> int:
    """Fill the buffer; returns fewer bytes only at the end."""
    done = 0
    while done < len(view) and (count := inflate(view[done:])):
        done += count
    return done


class _Chunk(msgspec.Struct, frozen=True):
    """Inflated bytes, as many as `size` says, how many were read of the stored ones by then, and what went wrong instead."""

    buffer: bytearray
    size: int
    stored: int
    error: BaseException | None


class _Ahead:
    """A thread that inflates chunks until the layer ends or it is closed."""

    def __init__(self, inflate: ReadInto, stream: VerifyingStream) -> None:
        from queue import SimpleQueue  # a walk on one thread needs neither
        from threading import Thread

        self._inflate, self._stream = inflate, stream
        self._free: SimpleQueue[bytearray | None] = SimpleQueue()
        self._ready: SimpleQueue[_Chunk] = SimpleQueue()
        self._chunk = _Chunk(bytearray(), 0, 0, None)
        self._at = 0
        self._is_last = self._is_closed = False
        for _ in range(_AHEAD):
            self._free.put(bytearray(CHUNK_BYTES))
        # Nobody waits for it who gives up for good, as with Ctrl-C.
        self._thread = Thread(target=self._run, name="inflate ahead", daemon=True)
        self._thread.start()

    @property
    def stored(self) -> int:
        """How many stored bytes were read for the chunk that was taken last."""
        return self._chunk.stored

    def _run(self) -> None:
        while (buffer := self._free.get()) is not None and not self._is_closed:
            size, error = 0, None
            try:
                size = _fill_buffer(self._inflate, memoryview(buffer))
            except BaseException as fault:  # noqa: BLE001 - raised where the chunk is taken
                error = fault
            self._ready.put(_Chunk(buffer, size, self._stream.size, error))
            if error is not None or size < CHUNK_BYTES:
                return

    def take(self, view: memoryview) -> int:
        """Fill the buffer from the chunk at hand, or the next one where that is used up. Raises what the inflating raised."""
        if self._at == self._chunk.size and not self._is_last:
            if self._chunk.buffer:
                self._free.put(self._chunk.buffer)
            self._chunk, self._at = self._ready.get(), 0
            self._is_last = self._chunk.size < CHUNK_BYTES
            if self._chunk.error is not None:
                raise self._chunk.error
        count = min(len(view), self._chunk.size - self._at)
        view[:count] = memoryview(self._chunk.buffer)[self._at : self._at + count]
        self._at += count
        return count

    def close(self) -> None:
        """End the thread: what it inflates now is its last."""
        self._is_closed = True
        self._free.put(None)
        self._thread.join()
