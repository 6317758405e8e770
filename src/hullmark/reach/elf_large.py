"""What is kept of a large ELF file: its head, its end, and all that is loaded and is not code.

Where constants lie beside code in one segment (as they did before linkers kept them apart) all of it is kept, as far as that goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import error

from hullmark.model.limit import Limit
from hullmark.reach.elf_file import EXECUTE, LOAD, WRITE, ElfBytes, ElfFile, Part
from hullmark.rootfs.reads import MIB

_HEAD = 64 * 1024
_END = 24 * MIB
_MAX_KEPT = Limit(160 * MIB, "bytes that are kept of a large program (of more, its beginning and its end are)", "later")


class LargeFile:
    """Takes a file of `size` bytes in pieces."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._at = 0
        self._head = bytearray()
        self._kept: list[tuple[int, int, bytearray]] = []

    def write(self, piece: memoryview) -> None:
        """The next bytes."""
        if not self._kept:
            self._head += piece
            if len(self._head) < min(_HEAD, self._size):
                return
            self._begin()
            piece = memoryview(bytes(self._head))
        for start, end, body in self._kept:
            body += piece[max(start - self._at, 0) : max(end - self._at, 0)]
        self._at += len(piece)

    def parts(self) -> ElfBytes:
        """The bytes that were kept."""
        if not self._kept:
            return ElfBytes([Part(0, memoryview(bytes(self._head)))], self._size)
        return ElfBytes([Part(start, memoryview(body)) for start, _, body in self._kept], self._size)

    def _begin(self) -> None:
        self._kept = [
            (start, end, bytearray()) for start, end in _select_ranges(memoryview(bytes(self._head)), self._size)
        ]


def _select_ranges(head: memoryview, size: int) -> Sequence[tuple[int, int]]:
    """The ranges that are kept, sorted, none touching another."""
    ends = [(0, min(_HEAD, size)), (max(size - _END, 0), size)]
    try:
        loads = [segment for segment in ElfFile(ElfBytes([Part(0, head)], size)).segments if segment.kind == LOAD]
    except (error, ValueError, IndexError, OverflowError):
        loads = []
    data = [load for load in loads if not load.flags & EXECUTE]
    is_apart = any(not load.flags & WRITE for load in data)
    found = _merge_ranges(
        [
            *ends,
            *((min(load.offset, size), min(load.offset + load.size, size)) for load in (data if is_apart else loads)),
        ]
    )
    if loads and sum(end - start for start, end in found) <= _MAX_KEPT:
        return found
    return _merge_ranges([*ends, (0, min(_END, size))])


def _merge_ranges(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        elif start < end:
            joined.append((start, end))
    return joined
