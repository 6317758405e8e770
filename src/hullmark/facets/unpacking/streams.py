"""Compressed streams: gzip (RFC 1952), bzip2, xz and zstandard (RFC 8878), of several parts each."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import zipfile
from collections.abc import Callable
from typing import cast

from hullmark.facets.unpacking.inflating import AT_ONCE, FAULTS, crc32, decompressor
from hullmark.model.errors import BrokenImage
from hullmark.model.limit import Limit
from hullmark.rootfs.inflate import ReadInto, damage_errors
from hullmark.rootfs.tar import LimitReached

MAX_WINDOW_BYTES = Limit(128 << 20, "bytes of the window of a zstandard stream (RFC 8878)")

_PIECE = 1 << 10
_SKIPPED = 1 << 16
_GZIP, _GZIP_END, _SHORTEST_GZIP, _WITH_GZIP_HEAD = b"\x1f\x8b\x08", struct.Struct("<2L"), 18, 31


def stream_of(body: bytes) -> ReadInto:
    """A function that fills a buffer with the unpacked bytes of a stream and returns how many, 0 at the end.

    It raises what `damage` lists where the stream is damaged or cut short, after all that came before.
    """
    return next(_STREAMS[magic] for magic in _STREAMS if body.startswith(magic))(body)


def unpacked_at_once(body: bytes, most: int) -> bytes | None:
    """All bytes of a gzip stream of one part and at most so many bytes, as its end says; None for what is read piece by piece."""
    if len(body) < _SHORTEST_GZIP or not body.startswith(_GZIP):
        return None
    crc, size = _GZIP_END.unpack_from(body, len(body) - _GZIP_END.size)
    if size > min(most, AT_ONCE):
        return None
    inflater = decompressor(_WITH_GZIP_HEAD)
    try:
        content = inflater.decompress(body, size + 1)
    except FAULTS:
        return None
    is_whole = inflater.eof and not inflater.unused_data and len(content) == size
    return content if is_whole and crc32(content) == crc else None


def damage() -> tuple[type[Exception], ...]:
    """What these libraries raise for archives that are damaged, or made to harm."""
    return (
        *damage_errors(),
        ArithmeticError,
        BrokenImage,
        LookupError,
        LimitReached,
        MemoryError,
        RuntimeError,
        ValueError,
        lzma.LZMAError,
        struct.error,
        zipfile.BadZipFile,
    )


def describe_damage(error: Exception) -> str:
    """What is wrong with an archive of which one of `damage` was raised, whichever library read it."""
    if isinstance(error, EOFError):
        return "it ends too early"
    if isinstance(error, NotImplementedError):
        return "it is packed in a way that is not known"
    return "it is damaged"


# Here `readinto1` returns what is available; `readinto` fills the buffer first, and loses it all to a later fault.
def _plain_gzip(body: bytes) -> ReadInto:
    return cast("ReadInto", gzip.GzipFile(fileobj=io.BytesIO(body)).readinto1)


def _gzip(body: bytes) -> ReadInto:
    try:
        from isal import igzip, isal_zlib
    except ImportError:  # pragma: no cover - isal has no wheel for some machines
        return _plain_gzip(body)
    fast = cast("ReadInto", igzip.IGzipFile(fileobj=io.BytesIO(body), mode="rb").readinto1)  # type: ignore[no-untyped-call]
    return _Gzip(body, fast, (EOFError, OSError, cast("type[Exception]", isal_zlib.error))).readinto


class _Gzip:
    """A gzip stream read by the faster library, which loses what it has unpacked where it meets a fault: from there on by Python's."""

    def __init__(self, body: bytes, fast: ReadInto, faults: tuple[type[Exception], ...]) -> None:
        self._body = body
        self._read = fast
        self._faults = faults
        self._given = 0

    def readinto(self, buffer: memoryview) -> int:
        """The next bytes; 0 at the end."""
        try:
            n = self._read(buffer)
        except self._faults:
            self._read, self._faults = _plain_gzip(self._body), ()
            self._skip()
            n = self._read(buffer)
        self._given += n
        return n

    def _skip(self) -> None:
        buffer = memoryview(bytearray(_SKIPPED))
        left = self._given
        while left and (n := self._read(buffer[: min(left, _SKIPPED)])):
            left -= n


def _bzip2(body: bytes) -> ReadInto:
    return cast("ReadInto", bz2.BZ2File(io.BytesIO(body)).readinto1)


def _xz(body: bytes) -> ReadInto:
    return cast("ReadInto", lzma.LZMAFile(io.BytesIO(body)).readinto1)


def _zstd(body: bytes) -> ReadInto:
    return _Zstandard(body).readinto


class _Zstandard:
    """Zstandard frames (RFC 8878), one after the other. The library's own reader does not distinguish a cut from an end."""

    def __init__(self, body: bytes) -> None:
        import zstandard

        self._decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
        self._frame = self._decompressor.decompressobj()
        self._body = body
        self._at = 0
        self._ready = memoryview(b"")

    def readinto(self, buffer: memoryview) -> int:
        """The next bytes; 0 at the end. Raises EOFError where the file ends before its frame does."""
        while not self._ready:
            if self._at == len(self._body):
                if not self._frame.eof:
                    raise EOFError
                return 0
            self._more()
        n = min(len(self._ready), len(buffer))
        buffer[:n], self._ready = self._ready[:n], self._ready[n:]
        return n

    def _more(self) -> None:
        """Unpack a piece: a small one, for what it grows to is held."""
        if self._frame.eof:
            self._frame = self._decompressor.decompressobj()
        piece = self._body[self._at : self._at + _PIECE]
        self._ready = memoryview(self._frame.decompress(piece))
        self._at += len(piece) - (len(self._frame.unused_data) if self._frame.eof else 0)


_STREAMS: dict[bytes, Callable[[bytes], ReadInto]] = {
    _GZIP: _gzip,
    **{b"BZh%d1AY&SY" % level: _bzip2 for level in range(1, 10)},
    b"\xfd7zXZ\0": _xz,
    b"\x28\xb5\x2f\xfd": _zstd,
}
STREAM_MAGIC = tuple(_STREAMS)
