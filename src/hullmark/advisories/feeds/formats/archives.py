"""Members of the archives that upstreams serve: zip, tar (gzip, bzip2, xz, zstd or plain); and single compressed files."""

from __future__ import annotations

import bz2
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, BinaryIO, cast

from isal import igzip, isal_zlib

from hullmark.advisories.feeds.feed import DamagedDocument, Document
from hullmark.advisories.feeds.formats import zstd
from hullmark.model.limit import Limit

MIB = 1 << 20
MEMBER_LIMIT = Limit(64 * MIB, "bytes of one document in an archive of advisories", "refused")
"""An archive with a larger member is refused: without it the others would pass for all that there is."""

TOTAL_LIMIT = Limit(65536 * MIB, "bytes of all documents in an archive of advisories", "refused")
"""An archive with more bytes than this is refused."""

_CHUNK = 1 << 16
_MAX_MEMBERS = Limit(2_000_000, "documents in an archive of advisories", "refused")
_TAR_END = b"\0" * 1024
_ZSTD = b"\x28\xb5\x2f\xfd"

DAMAGE: tuple[type[Exception], ...] = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,  # zipfile's word for encrypted members and for methods that it lacks
    zlib.error,
    cast("type[Exception]", isal_zlib.error),
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
)
"""What reading a damaged archive raises."""


class _DecompressedStream(io.RawIOBase):
    """What a decompressor gives; closing it closes the stored stream too."""

    def __init__(self, inner: Any, stored: BinaryIO) -> None:
        self._inner, self._stored = inner, stored

    def readable(self) -> bool:
        """Yes: it is only ever read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The next bytes; 0 at the end. Raises OSError and what DAMAGE names besides."""
        try:
            return int(self._inner.readinto(buffer))
        except DAMAGE:
            raise
        except Exception as error:
            # zstandard's own error, which is not imported where nothing is zstd.
            if type(error).__name__ != "ZstdError":
                raise
            raise OSError(f"damaged zstd data: {error}") from error

    def close(self) -> None:
        """Close both streams."""
        if not self.closed:
            self._inner.close()
            self._stored.close()
        super().close()


def plain(document: Document) -> BinaryIO:
    """The document's bytes, uncompressed if they are gzip, bzip2, xz or zstd: the content decides. Whoever opens closes."""
    stream = document.open()
    with ExitStack() as failed:
        failed.callback(stream.close)
        head = stream.read(6)
        stream.seek(0)
        inner = _decompressor(head, stream)
        failed.pop_all()
    return stream if inner is None else cast("BinaryIO", io.BufferedReader(_DecompressedStream(inner, stream), _CHUNK))


def _decompressor(head: bytes, stream: BinaryIO) -> Any:
    if head[:2] == b"\x1f\x8b":
        return igzip.IGzipFile(fileobj=stream, mode="rb")  # type: ignore[no-untyped-call]
    if head[:3] == b"BZh":
        return bz2.BZ2File(stream)
    if head[:6] == b"\xfd7zXZ\0":
        return lzma.LZMAFile(stream)
    if head[:4] == _ZSTD:
        import zstandard  # only those that need it pay for the import

        if not zstd.ends_whole(stream):
            raise EOFError("the compressed data ends early")
        return zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(stream, read_across_frames=True)
    return None


def whole(document: Document, limit: int = 512 * MIB) -> bytes:
    """All of a document, uncompressed. Raises ValueError if it is larger than `limit` bytes."""
    with plain(document) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"it is larger than {limit // MIB} MiB")
    return data


def members(document: Document, suffixes: tuple[str, ...] = ()) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file in an archive, in its order; only names that end in one of `suffixes`, if any are given.

    Raises DamagedDocument for an archive that is damaged, that ends early, or that is larger than can be read.
    """
    left: int = TOTAL_LIMIT
    with convert_damage_errors(document, "the archive is damaged"):
        for name, size, content in _zip(document, suffixes) if _is_zip(document) else _tar(document, suffixes):
            if size > MEMBER_LIMIT:
                raise ValueError(f"{name} is larger than {MEMBER_LIMIT // MIB} MiB")
            left -= size
            if left < 0:
                raise ValueError(f"it holds more than {TOTAL_LIMIT // MIB:,} MiB")
            with content as stream:
                data = stream.read(MEMBER_LIMIT)
            yield name, data


@contextmanager
def convert_damage_errors(
    document: Document, what: str = "it cannot be read", errors: tuple[type[BaseException], ...] = DAMAGE
) -> Iterator[None]:
    """Turns what reading a damaged document raises into DamagedDocument, which says `what`."""
    try:
        yield
    except errors as error:
        raise DamagedDocument(document.url, f"{what}: {error}") from error


def _is_zip(document: Document) -> bool:
    with document.open() as stream:
        return stream.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def _zip(document: Document, suffixes: tuple[str, ...]) -> Iterator[tuple[str, int, BinaryIO]]:
    with document.open() as stream, zipfile.ZipFile(stream) as archive:
        if len(archive.infolist()) > _MAX_MEMBERS:
            raise ValueError(f"it holds more than {_MAX_MEMBERS:,} files")
        for info in archive.infolist():
            if not info.is_dir() and (not suffixes or info.filename.endswith(suffixes)):
                yield info.filename, info.file_size, cast("BinaryIO", archive.open(info))


def _tar(document: Document, suffixes: tuple[str, ...]) -> Iterator[tuple[str, int, BinaryIO]]:
    with _Tail(plain(document)) as stream, tarfile.open(fileobj=cast("BinaryIO", stream), mode="r|") as archive:
        for number, info in enumerate(archive):
            if number == _MAX_MEMBERS:
                raise ValueError(f"it holds more than {_MAX_MEMBERS:,} files")
            if info.isreg() and (not suffixes or info.name.endswith(suffixes)):
                yield info.name, info.size, cast("BinaryIO", archive.extractfile(info))
            archive.members.clear()  # type: ignore[attr-defined] # it remembers every member; a stream never goes back
        stream.check_end()


class _Tail:
    """A tar's stream, which remembers how it ends: tarfile takes one that stops between two members for a whole one."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._last = stream, b""

    def read(self, size: int) -> bytes:
        """The next bytes."""
        data = self._stream.read(size)
        self._last = (self._last + data)[-len(_TAR_END) :] if len(data) < len(_TAR_END) else data[-len(_TAR_END) :]
        return data

    def check_end(self) -> None:
        """Read what is left; raises EOFError unless it ends as archives do, with two blocks of zeros (POSIX.1-2017, pax)."""
        while self.read(_CHUNK):
            pass
        if self._last != _TAR_END:
            raise EOFError("it ends before its end")

    def __enter__(self) -> _Tail:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
