"""Stored layer bytes → tar bytes: gzip (RFC 1952, several members), zstd (RFC 8878, several frames) or plain.

The content decides, not the media type. The fastest inflater that is installed is used: ISA-L, zlib-ng, zlib.
"""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Callable
from typing import cast

from hullmark.model.errors import BrokenImage
from hullmark.model.image import RawStream

ReadInto = Callable[[memoryview], int]

_CHUNK = 1 << 18
_GZIP = b"\x1f\x8b"
_ZSTD = (b"\x28\xb5\x2f\xfd", *(bytes((n,)) + b"\x2a\x4d\x18" for n in range(0x50, 0x60)))
_OTHER = {b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"PK\x03\x04": "zip"}


class VerifyingStream(io.RawIOBase):
    """A stored blob that hashes and counts what is read from it, so that one pass also verifies it.

    `algorithm` is sha256 or sha512, the two that the OCI image specification registers.
    """

    def __init__(self, raw: RawStream, algorithm: str = "sha256") -> None:
        self._raw = raw
        self._algorithm = algorithm
        self._hash = hashlib.new(algorithm)
        self._head = b""
        self.size = 0

    def readable(self) -> bool:
        """Always true: it is only read."""
        return True

    def peek(self, size: int) -> bytes:
        """The first `size` bytes (fewer at the end), without consuming them."""
        buffer = bytearray(size)
        while len(self._head) < size and (n := self._fill(memoryview(buffer)[: size - len(self._head)])):
            self._head += buffer[:n]
        return self._head

    def _fill(self, buffer: memoryview) -> int:
        n = self._raw.readinto(buffer)
        self._hash.update(buffer[:n])
        self.size += n
        return n

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """The next bytes; 0 at the end."""
        if self._head:
            n = min(len(self._head), len(buffer))
            buffer[:n] = self._head[:n]
            self._head = self._head[n:]
            return n
        return self._fill(buffer)

    def drain(self) -> None:
        """Read to the end, so that digest and size are those of the whole blob."""
        buffer = memoryview(bytearray(_CHUNK))
        while self._fill(buffer):
            pass

    @property
    def digest(self) -> str:
        """The digest of all bytes read so far, as `sha256:HEX`."""
        return f"{self._algorithm}:{self._hash.hexdigest()}"

    def close(self) -> None:
        """Close the stored stream."""
        self._raw.close()
        super().close()


def open_inflater(stream: VerifyingStream) -> ReadInto:
    """A function that fills a buffer with uncompressed bytes and returns how many, 0 at the end.

    Raises BrokenImage for a compression that no container runtime reads. The function itself raises what `DAMAGE` lists.
    """
    head = stream.peek(6)
    if head.startswith(_GZIP):
        return _gunzip(stream)
    if head.startswith(_ZSTD):
        import zstandard  # only zstd layers pay for the import

        # Its reader fails on short reads that end inside a frame header; a BufferedReader never gives them.
        whole = io.BufferedReader(stream, _CHUNK)
        reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(
            whole, read_size=_CHUNK, read_across_frames=True
        )
        return cast("ReadInto", reader.readinto)
    for magic, name in _OTHER.items():
        if head.startswith(magic):
            raise BrokenImage(f"a layer is compressed with {name}", advice="layers are plain tar, gzip or zstd")
    return stream.readinto


def _gunzip(stream: VerifyingStream) -> Callable[[memoryview], int]:
    try:
        from isal import isal_zlib

        # Its inner reader fills our buffer itself; the public class around it copies once more (3 % of the time).
        if (reader := getattr(isal_zlib, "_GzipReader", None)) is not None:
            return cast("ReadInto", reader(stream, _CHUNK).readinto)
        from isal import igzip

        return cast("ReadInto", igzip.IGzipFile(fileobj=stream, mode="rb").readinto)  # type: ignore[no-untyped-call]
    except ImportError:
        pass
    try:
        from zlib_ng import gzip_ng

        return cast("ReadInto", gzip_ng.GzipNGFile(fileobj=stream, mode="rb").readinto)
    except ImportError:
        import gzip

        return gzip.GzipFile(fileobj=cast("io.BufferedReader", stream), mode="rb").readinto


def damage_errors() -> tuple[type[Exception], ...]:
    """The exceptions that the inflaters raise for a damaged blob."""
    errors: list[type[Exception]] = [EOFError, OSError, zlib.error]
    try:
        from isal import isal_zlib

        errors.append(cast("type[Exception]", isal_zlib.error))
    except ImportError:
        pass
    import sys

    if (zstandard := sys.modules.get("zstandard")) is not None:
        errors.append(zstandard.ZstdError)
    return tuple(errors)
