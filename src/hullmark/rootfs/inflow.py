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
from hullmark.rootfs.tar import BUFFER_BYTES, Refill

if TYPE_CHECKING:
    from queue import SimpleQueue

CHUNK_BYTES = 1 << 20
ROOM_BYTES = BUFFER_BYTES
"""What a buffer has in front of a chunk, for the rest of the one before."""

_AHEAD = 2
"""Chunks that are inflated ahead: one that is walked, and one that is filled."""

Guard = Callable[[int, int], None]
"""Told how many bytes were inflated so far, and from how many stored ones. It may raise."""

Spare = Callable[[], bool]
"""Whether a second thread may be begun now. Whoever is told so has it until the layer is read."""


class Inflow:
    """One layer's bytes, chunk by chunk. `close` ends the second thread, if there is one, and leaves the stream open."""

    def __init__(self, stream: VerifyingStream, guard: Guard, spare: Spare | None = None) -> None:
        self._stream = stream
        self._inflate = open_inflater(stream)
        self._guard = guard
        self._spare = spare
        self._ahead: _Ahead | None = None
        self._buffer = _take_buffer()
        self._total = 0

    def refill(self, rest: memoryview) -> tuple[bytearray, int, int]:
        """The next chunk behind `rest`, as `tar.Refill` says; it has less than CHUNK_BYTES only at the end of the layer."""
        if self._ahead is None and self._spare is not None and self._spare():
            self._ahead = _Ahead(self._inflate, self._stream)
        last = self._buffer
        if self._ahead is None:
            _place_rest(last, rest)
            count = _fill_buffer(self._inflate, memoryview(last)[ROOM_BYTES:])
            stored = self._stream.size
        else:
            # Nothing but the rest is copied: what the other thread filled is walked where it is.
            self._buffer, count, stored = self._ahead.take()
            _place_rest(self._buffer, rest)
            if self._buffer is not last:
                self._ahead.give_back(last)
        self._total += count
        self._guard(self._total, stored)
        return self._buffer, ROOM_BYTES, count

    def close(self) -> None:
        """Let nothing be read from the stream any more, and nobody look at the buffer. May be called twice."""
        if self._ahead is not None:
            self._ahead.close()
        _give_buffer_back(self._buffer)
        self._buffer = bytearray()


def refill_from(readinto: ReadInto) -> Refill:
    """What fills a buffer from a function that fills as much of one as it has at hand: nothing is read before it is walked."""
    buffer = bytearray(BUFFER_BYTES)
    view = memoryview(buffer)
    end = 0

    def refill(rest: memoryview) -> tuple[bytearray, int, int]:
        nonlocal end
        # While a body is not complete, the rest stays where it is: to move it for each piece would cost its square.
        if not rest or end == len(view):
            view[: len(rest)] = rest
            end = len(rest)
        start, count = end, readinto(view[end:])
        end += count
        return buffer, start, count

    return refill


_FREE: list[bytearray] = []
_KEPT_BUFFERS = 4
"""Buffers that are kept for the next layer: making one costs more than reading a small layer."""


def _place_rest(buffer: bytearray, rest: memoryview) -> None:
    """Copy the rest in front of the chunk, also within one buffer."""
    memoryview(buffer)[ROOM_BYTES - len(rest) : ROOM_BYTES] = rest


def _take_buffer() -> bytearray:
    try:
        return _FREE.pop()
    except IndexError:
        return bytearray(ROOM_BYTES + CHUNK_BYTES)


def _give_buffer_back(buffer: bytearray) -> None:
    if buffer and len(_FREE) < _KEPT_BUFFERS:
        _FREE.append(buffer)


def _fill_buffer(inflate: ReadInto, view: memoryview) -> int:
    """Fill the buffer; returns fewer bytes only at the end."""
    done = 0
    while done < len(view) and (count := inflate(view[done:])):
        done += count
    return done


class _Chunk(msgspec.Struct, frozen=True):
    """A buffer with inflated bytes, as many as `size` says, how many were read of the stored ones by then, and what went wrong instead."""

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
        self._last: _Chunk | None = None
        self._is_closed = False
        for _ in range(_AHEAD):
            self._free.put(_take_buffer())
        # Nobody waits for it who gives up for good, as with Ctrl-C.
        self._thread = Thread(target=self._run, name="inflate ahead", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while (buffer := self._free.get()) is not None and not self._is_closed:
            size, error = 0, None
            try:
                size = _fill_buffer(self._inflate, memoryview(buffer)[ROOM_BYTES:])
            except BaseException as fault:  # noqa: BLE001 - raised where the chunk is taken
                error = fault
            self._ready.put(_Chunk(buffer, size, self._stream.size, error))
            if error is not None or size < CHUNK_BYTES:
                return

    def take(self) -> tuple[bytearray, int, int]:
        """The next buffer, how many bytes are new in it, and how many were read of the stored ones; after the last one that again, and
        0. Raises what the inflating raised."""
        if self._last is not None:
            return self._last.buffer, 0, self._last.stored
        chunk = self._ready.get()
        if chunk.error is not None:
            raise chunk.error
        if chunk.size < CHUNK_BYTES:
            self._last = chunk
        return chunk.buffer, chunk.size, chunk.stored

    def give_back(self, buffer: bytearray) -> None:
        """Let a buffer be filled that was taken, or another one."""
        self._free.put(buffer)

    def close(self) -> None:
        """End the thread: what it inflates now is its last."""
        self._is_closed = True
        self._free.put(None)
        self._thread.join()
        while not self._free.empty():
            _give_buffer_back(self._free.get() or bytearray())
