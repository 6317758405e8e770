"""Runs of bytes in files on this machine, and a cheap mark that recognises an unchanged file."""

from __future__ import annotations

import os
import stat
import weakref
from typing import Protocol

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.image import RawStream

_FRESH_SECONDS = 1.0


class RandomAccess(Protocol):
    """Bytes that can be read from any place on: a file on this machine, or an object elsewhere."""

    @property
    def path(self) -> str:
        """Its name in messages."""

    def stream(self, offset: int, size: int) -> RawStream:
        """A fresh stream of `size` bytes from `offset` on."""

    def stamp(self, offset: int, now: float) -> str:
        """Identifies the bytes from `offset` on as long as they stay as they are; "" where nothing cheap does."""


class HeldFile:
    """A file without a name, kept open as long as anything refers to it."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        weakref.finalize(self, os.close, fd)


class FileRange:
    """`size` bytes from `offset` on. Owns the descriptor, and shares no position with others who have the file open."""

    def __init__(self, fd: int, offset: int, size: int) -> None:
        self._fd: int | None = fd
        self._position = offset
        self._end = offset + size

    def readinto(self, buffer: memoryview) -> int:
        """Fill some of the buffer; 0 at the end of the range or the file."""
        wanted = min(len(buffer), self._end - self._position)
        if self._fd is None or wanted <= 0:
            return 0
        n = os.preadv(self._fd, [buffer[:wanted]], self._position)
        self._position += n
        return n

    def close(self) -> None:
        """Close the file. May be called twice."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __del__(self) -> None:
        self.close()


class LocalFile(msgspec.Struct, frozen=True):
    """A regular file: by its path, or held open because it has none.

    Raises HullmarkError from every function here if it cannot be opened, or is a folder, device or pipe.
    """

    path: str
    held: HeldFile | None = None

    def open(self) -> int:
        """A new descriptor, the caller's to close."""
        if self.held is not None:
            return os.dup(self.held.fd)
        try:
            # Without O_NONBLOCK a named pipe would be waited for.
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (OSError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            raise HullmarkError(f"{self.path} cannot be read ({reason})", advice="check the path") from error
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise HullmarkError(f"{self.path} is not a file", advice="check the path")
        return fd

    def status(self) -> os.stat_result:
        """Size, times and identity of the file."""
        fd = self.open()
        try:
            return os.fstat(fd)
        finally:
            os.close(fd)

    def whole(self) -> ByteRange:
        """All of the file as it is now."""
        return ByteRange(self, 0, self.status().st_size)

    def stream(self, offset: int, size: int) -> FileRange:
        """A fresh stream of `size` bytes from `offset` on."""
        return FileRange(self.open(), offset, size)

    def stamp(self, offset: int, now: float) -> str:
        """Identifies the bytes from `offset` on as long as the file stays as it is.

        "" if the file has no name, or was changed so lately that a further change might leave the same times.
        """
        if self.held is not None:
            return ""
        status = self.status()
        if now - status.st_ctime < _FRESH_SECONDS:
            return ""
        path = os.path.abspath(self.path)  # noqa: PTH100 - Path.resolve() would follow links
        return (
            f"{path}:{offset}:{status.st_dev}:{status.st_ino}:{status.st_size}"
            f":{status.st_mtime_ns}:{status.st_ctime_ns}"
        )


class ByteRange(msgspec.Struct, frozen=True):
    """A run of bytes in a file or an object."""

    file: RandomAccess
    offset: int
    size: int

    def open(self) -> RawStream:
        """A fresh stream of these bytes."""
        return self.file.stream(self.offset, self.size)

    def stamp(self, now: float) -> str:
        """Identifies these bytes as long as they stay as they are; "" where nothing cheap does."""
        return self.file.stamp(self.offset, now)


def read_bounded(stream: RawStream, limit: int) -> bytes | None:
    """All bytes of a stream, which is closed; None if there are more than `limit`."""
    body, buffer = bytearray(), memoryview(bytearray(min(limit + 1, 1 << 16)))
    try:
        while n := stream.readinto(buffer):
            body += buffer[:n]
            if len(body) > limit:
                return None
    finally:
        stream.close()
    return bytes(body)
