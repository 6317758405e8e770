"""Layers and images built in memory, for tests that need no source."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Callable, Iterable
from typing import Any

from hullmark.model.image import Image, ImageConfig, LayerBlob
from hullmark.rootfs.dispatch import Dispatch
from hullmark.rootfs.entry import LayerRecord
from hullmark.rootfs.layer import read_layer
from hullmark.rootfs.limits import DEFAULT, Limits
from hullmark.rootfs.reads import Read


class TarBuilder:
    """Writes a tar entry by entry."""

    def __init__(self, format: int = tarfile.GNU_FORMAT) -> None:
        self._buffer = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._buffer, mode="w", format=format)  # noqa: SIM115

    def add(
        self, name: str, body: bytes = b"", *, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644
    ) -> TarBuilder:
        """One entry of any kind."""
        info = tarfile.TarInfo(name)
        info.size, info.type, info.linkname, info.mode = len(body), kind, link, mode
        self._tar.addfile(info, io.BytesIO(body))
        return self

    def folder(self, name: str) -> TarBuilder:
        """A folder."""
        return self.add(name, kind=tarfile.DIRTYPE, mode=0o755)

    def symlink(self, name: str, to: str) -> TarBuilder:
        """A symbolic link."""
        return self.add(name, kind=tarfile.SYMTYPE, link=to, mode=0o777)

    def hardlink(self, name: str, to: str) -> TarBuilder:
        """A hard link."""
        return self.add(name, kind=tarfile.LNKTYPE, link=to)

    def done(self) -> bytes:
        """The whole tar."""
        self._tar.close()
        return self._buffer.getvalue()


class Bytes:
    """A RawStream over bytes that hands out at most `most` at a time."""

    def __init__(self, data: bytes, most: int = 1 << 20) -> None:
        self._file = io.BytesIO(data)
        self._most = most

    def readinto(self, buffer: memoryview) -> int:
        """The next bytes."""
        return self._file.readinto(buffer[: self._most])

    def close(self) -> None:
        """Nothing to let go of."""


def sha256(data: bytes) -> str:
    """A digest as images write it."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def gzipped(body: bytes) -> bytes:
    """The same bytes at any hour: gzip writes the time into its header otherwise."""
    return gzip.compress(body, mtime=0)


def blob(tar: bytes, pack: Callable[[bytes], bytes] = gzipped, most: int = 1 << 20) -> LayerBlob:
    """A layer whose promises are true."""
    stored = pack(tar)
    return LayerBlob(digest=sha256(stored), diff_id=sha256(tar), size=len(stored), open=lambda: Bytes(stored, most))


def image(*tars: bytes) -> Image:
    """An image of these layers, bottom first."""
    return Image(kind="memory", reference="memory", layers=tuple(blob(tar) for tar in tars), config=ImageConfig())


def records(
    tars: Iterable[bytes], reads: Iterable[Read[Any]] = (), *, digests: bool = False, limits: Limits = DEFAULT
) -> list[LayerRecord]:
    """The records of these layers."""
    dispatch = Dispatch(tuple(reads))
    return [read_layer(blob(tar), dispatch, digests=digests, limits=limits) for tar in tars]
