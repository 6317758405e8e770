"""The files of a tar inside an archive, read by the walk that layers are read by."""

from __future__ import annotations

import io
from typing import Protocol

from hullmark.rootfs.inflate import ReadInto
from hullmark.rootfs.inflow import refill_from
from hullmark.rootfs.limits import Limits
from hullmark.rootfs.tar import Meta, TarWalker

_MAX_NAME = 1000


class MemberSink(Protocol):
    """What is left of the limits of one file, and who is shown what is in it; as archives have it."""

    def count(self) -> None:
        """One more entry."""

    def note(self, reason: str) -> None:
        """Something was left out."""

    def room(self) -> int:
        """The largest file, in bytes, that may be held now."""

    def too_large(self) -> None:
        """A file is left out because it would not fit."""

    def member(self, path: str, content: bytes, depth: int) -> None:
        """Show one file, and what is in it."""


def show_tar(unpacking: MemberSink, readinto: ReadInto, prefix: str, depth: int, limits: Limits) -> None:
    """Show every file of a tar. Raises what an unpacking raises, and for damage what the walk does."""
    TarWalker(refill_from(readinto), _TarFiles(unpacking, prefix, depth), _ignore_value, limits).walk()


def _ignore_value(value: object) -> None:
    """Neither a digest nor a limit of its own: the stream counts."""


class _TarFiles:
    """Shows the files of a tar. It is the visitor of a walk."""

    starts: frozenset[int] = frozenset()

    def __init__(self, unpacking: MemberSink, prefix: str, depth: int) -> None:
        self._unpacking = unpacking
        self._prefix = prefix
        self._depth = depth
        self._is_sparse = False

    def attributes(self, capability: bytes, is_sparse: bool) -> None:
        """What extended headers say about the entry that comes next."""
        self._is_sparse = is_sparse

    def entry(self, path: bytes, kind: str, meta: Meta, link: bytes, head: bytes) -> _TarFile | None:
        """Wants the body of every file."""
        self._unpacking.count()
        is_sparse, self._is_sparse = self._is_sparse, False
        if kind != "f" or not meta[3]:
            return None
        if is_sparse:
            self._unpacking.note("a file in it is sparse")
            return None
        if meta[3] > self._unpacking.room():
            self._unpacking.too_large()
            return None
        return _TarFile(self._unpacking, self._prefix + path[:_MAX_NAME].decode("utf-8", "replace"), self._depth)


class _TarFile:
    """The body of one file of a tar."""

    def __init__(self, unpacking: MemberSink, path: str, depth: int) -> None:
        self._unpacking = unpacking
        self._path = path
        self._depth = depth
        self._held = io.BytesIO()

    def whole(self, body: memoryview) -> None:
        """The complete body."""
        self._unpacking.member(self._path, bytes(body), self._depth)

    def piece(self, piece: memoryview) -> None:
        """The next bytes."""
        self._held.write(piece)

    def end(self) -> None:
        """All pieces were given."""
        self._unpacking.member(self._path, self._held.getvalue(), self._depth)
