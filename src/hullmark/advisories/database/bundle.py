"""Bundles: one tar file (POSIX ustar) of a manifest, its signature, and one payload, in this order and with nothing else.

manifest.json                   pack.Manifest with one payload
manifest.sig                    the signature of its bytes; may be missing
snapshot.zst or delta.zst       the payload
"""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path
from typing import BinaryIO

from hullmark.advisories.database.pack import MANIFEST_LIMIT, Manifest, PackedFile, Payload, decode_manifest
from hullmark.advisories.database.sign import SIGNATURE_LIMIT
from hullmark.model.errors import HullmarkError

_BLOCK = 512
_RECORD = 20 * _BLOCK
_CHUNK = 1 << 20
_MANIFEST, _SIGNATURE = "manifest.json", "manifest.sig"
_DAMAGED = "export or copy it again"


def write_bundle(target: Path, manifest: bytes, signature: bytes, packed: PackedFile) -> None:
    """Write a bundle; the same content gives the same bytes. An empty signature is left out. Raises OSError."""
    with target.open("wb") as out:
        for name, body in ((_MANIFEST, manifest), (_SIGNATURE, signature)):
            if body:
                out.write(_header(name, len(body)) + body + _padding(len(body)))
        size = packed.payload.size
        out.write(_header(packed.payload.name, size))
        with packed.path.open("rb") as stream:
            shutil.copyfileobj(stream, out, _CHUNK)
        out.write(_padding(size) + b"\0" * 2 * _BLOCK)


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o644, 0
    return info.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return b"\0" * (-size % _BLOCK)


class Bundle:
    """A bundle that is read from an open file, from its beginning to its end.

    `manifest_bytes` are what was signed, `signature` is empty if there is none. Nothing has been verified yet.
    Raises HullmarkError if the file is not a bundle.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        name, size = self._member()
        if name != _MANIFEST:
            raise _no_bundle(f"begins with {name[:100]!r}")
        self.manifest_bytes = self._whole(name, size, MANIFEST_LIMIT)
        self.manifest: Manifest = decode_manifest(self.manifest_bytes)
        self.payload: Payload = self.manifest.payloads[0]
        self.signature = b""
        name, size = self._member()
        if name == _SIGNATURE:
            self.signature = self._whole(name, size, SIGNATURE_LIMIT)
            name, size = self._member()
        if (name, size) != (self.payload.name, self.payload.size) or len(self.manifest.payloads) != 1:
            raise _no_bundle("holds another payload than its manifest names")
        self._left = size

    def readinto(self, buffer: memoryview) -> int:
        """Fill some of the buffer with the payload's bytes; 0 at its end, or where the file ends early."""
        piece = self._stream.read(min(len(buffer), self._left))
        buffer[: len(piece)] = piece
        self._left -= len(piece)
        return len(piece)

    def check_end(self) -> None:
        """After the payload: nothing else may come. Raises HullmarkError."""
        rest = self._stream.read(len(_padding(self.payload.size)) + _RECORD + 1)
        if self._left or rest.strip(b"\0") or len(rest) > len(_padding(self.payload.size)) + _RECORD:
            raise _no_bundle("holds more than its manifest names")

    def _member(self) -> tuple[str, int]:
        block = self._stream.read(_BLOCK)
        try:
            info = tarfile.TarInfo.frombuf(block, "ascii", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError, ValueError) as error:
            raise _no_bundle("is damaged, or no tar file") from error
        if not info.isreg() or info.type == tarfile.GNUTYPE_SPARSE or info.size < 0:
            raise _no_bundle(f"holds {info.name[:100]!r}, which is not a plain file")
        return info.name.removeprefix("./"), info.size

    def _whole(self, name: str, size: int, limit: int) -> bytes:
        if size > limit:
            raise _no_bundle(f"holds a {name} of {size:,} bytes")
        body = self._stream.read(size + len(_padding(size)))
        if len(body) != size + len(_padding(size)):
            raise _no_bundle("ends early")
        return body[:size]


def _no_bundle(what: str) -> HullmarkError:
    return HullmarkError(f"the file {what}: it is not a bundle of advisories", advice=_DAMAGED)
