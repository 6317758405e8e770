"""ar archives, as debs are (deb(5), ar(5) in its common form: a head of 60 bytes before each member, which begins at an even place)."""

from __future__ import annotations

import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

import zstandard

from hullmark.maintenance.upkeep.package_lists import xz_pieces
from hullmark.model.limit import Limit

_MAGIC, _HEAD = b"!<arch>\n", 60
_MAX_MEMBERS = Limit(20, "parts of a newer package's file", "unseen")
_CHUNK = 1 << 20
_MEMORY = 256 << 20
"""Bytes that unpacking may take."""


class SupportsRead(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, none at the end."""


def members(body: bytes) -> Iterator[tuple[str, bytes]]:
    """The members, with their names. Raises ValueError for damage."""
    if not body.startswith(_MAGIC):
        raise ValueError("it is not a deb")
    at = len(_MAGIC)
    for _ in range(_MAX_MEMBERS):
        if at + _HEAD > len(body):
            return
        head = body[at : at + _HEAD]
        try:
            size = int(head[48:58])
        except ValueError:
            raise ValueError("it is damaged: a member has no size") from None
        at += _HEAD
        if size < 0 or at + size > len(body):
            raise ValueError("it is cut short")
        yield head[:16].decode("ascii", "replace").strip().rstrip("/"), body[at : at + size]
        at += size + size % 2


def decompress_member(name: str, body: bytes, most: int) -> bytes:
    """A member as its name says it is compressed. Raises ValueError for damage, another compression, or more than `most` bytes."""
    opener = _OPENERS.get(name.rpartition(".tar")[2])
    if opener is None:
        raise ValueError(f"{name[:40]!r} is compressed in another way")
    found = bytearray()
    try:
        for piece in opener(body):
            found += piece
            if len(found) > most:
                raise ValueError(f"it has more than {most >> 20:,} MiB")
    except (lzma.LZMAError, zlib.error, EOFError, OSError, zstandard.ZstdError) as error:
        raise ValueError(f"it is damaged: {error}") from error
    return bytes(found)


def _pieces(stream: SupportsRead) -> Iterator[bytes]:
    while piece := stream.read(_CHUNK):
        yield piece


def _zstd(body: bytes) -> Iterator[bytes]:
    return _pieces(zstandard.ZstdDecompressor(max_window_size=_MEMORY).stream_reader(io.BytesIO(body)))


_OPENERS: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "": lambda body: iter((body,)),
    ".gz": lambda body: _pieces(gzip.GzipFile(fileobj=io.BytesIO(body))),
    ".xz": xz_pieces,
    ".zst": _zstd,
}
