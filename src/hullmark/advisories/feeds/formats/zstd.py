"""Whether zstd data is whole (RFC 8878, section 3): its decoders take data that stops between two blocks for the end."""

from __future__ import annotations

from typing import BinaryIO

_FRAME = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = b"\x2a\x4d\x18"
_HEADER_BYTES = 14
_RLE = 1


def ends_whole(stream: BinaryIO) -> bool:
    """Whether a stream, from where it stands, is frames to its end, and the last is not cut. It stands there again afterwards."""
    start = stream.tell()
    end = stream.seek(0, 2)
    stream.seek(start)
    at = start
    while 0 <= at < end:
        at = _end_of_frame(stream, at)
    stream.seek(start)
    return at == end


def _end_of_frame(stream: BinaryIO, at: int) -> int:
    """Where the frame that begins here ends; -1 if no frame begins here, or it is cut before its last block."""
    head = _at(stream, at, _HEADER_BYTES + len(_FRAME))
    if head[1:4] == _SKIPPABLE and head[0] >> 4 == 5 and len(head) >= 8:
        return at + 8 + int.from_bytes(head[4:8], "little")
    if head[:4] != _FRAME or len(head) < 6:
        return -1
    at += 4 + _size_of_header(head[4])
    while True:
        block = _at(stream, at, 3)
        if len(block) < 3:
            return -1
        word = int.from_bytes(block, "little")
        at += 3 + (1 if word >> 1 & 3 == _RLE else word >> 3)
        if word & 1:
            return at + (4 if head[4] & 4 else 0)


def _size_of_header(descriptor: int) -> int:
    """The size of a frame's header without its magic number, by its first byte."""
    is_single = bool(descriptor & 0x20)
    content = (1 if is_single else 0, 2, 4, 8)[descriptor >> 6]
    return 1 + (not is_single) + (0, 1, 2, 4)[descriptor & 3] + content


def _at(stream: BinaryIO, at: int, size: int) -> bytes:
    stream.seek(at)
    return stream.read(size)
