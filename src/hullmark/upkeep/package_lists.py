"""Lists of packages: Packages of Debian's repositories (deb-control stanzas), APKINDEX of Alpine's. Only wanted names are looked at."""

from __future__ import annotations

import gzip
import io
import lzma
import re
import tarfile
import zlib
from collections.abc import Collection, Iterator
from typing import NamedTuple

from hullmark.model.limit import Limit
from hullmark.model.package import SourcePackage

STORED_LIMIT = Limit(256 << 20, "bytes of a list of packages as it is stored")
_MAX_BYTES = Limit(2 << 30, "bytes of a list of packages, unpacked")
_CHUNK = 1 << 20
_MEMORY = 256 << 20
"""Bytes that unpacking may take."""

_FIELD = re.compile(rb"(?m)^([A-Za-z-]+):[ \t]*(.*)$")
_SOURCE = re.compile(r"(\S+)(?:\s+\((\S+)\))?").match


class ListedPackage(NamedTuple):
    """A package as a list has it. `source` is what it was built from."""

    name: str
    version: str
    arch: str
    source: SourcePackage


def packages_in(name: str, body: bytes, wanted: Collection[str]) -> Iterator[ListedPackage]:
    """The packages of these names in a Packages file, which is compressed as its name says. Raises ValueError for damage."""
    for stanza in _stanzas(_pieces(name, body)):
        fields = {key.lower(): value for key, value in _FIELD.findall(stanza)}
        found = fields.get(b"package", b"").strip().decode("utf-8", "replace")
        version = fields.get(b"version", b"").strip().decode("utf-8", "replace")
        if found not in wanted or not version:
            continue
        arch = fields.get(b"architecture", b"").strip().decode("ascii", "replace")
        named = _SOURCE(fields.get(b"source", b"").strip().decode("utf-8", "replace"))
        source = SourcePackage(named[1], named[2] or version) if named else SourcePackage(found, version)
        yield ListedPackage(found, version, arch, source)


def apks_in(body: bytes, wanted: Collection[str]) -> Iterator[ListedPackage]:
    """The packages of these names in an APKINDEX.tar.gz. Raises ValueError for damage."""
    try:
        with tarfile.open(fileobj=io.BytesIO(b"".join(_pieces("APKINDEX.tar.gz", body)))) as tar:
            # The signature comes first, in an archive of its own that the index follows.
            member = next((entry for entry in tar if entry.name == "APKINDEX" and entry.isfile()), None)
            file = tar.extractfile(member) if member is not None else None
            text = file.read() if file is not None else b""
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f"it is damaged: {error}") from error
    if not text:
        raise ValueError("it has no APKINDEX")
    for stanza in text.split(b"\n\n"):
        fields = dict(line.split(b":", 1) for line in stanza.splitlines() if line[1:2] == b":")
        name, version = (
            fields.get(b"P", b"").decode("utf-8", "replace"),
            fields.get(b"V", b"").decode("ascii", "replace"),
        )
        if name in wanted and version:
            origin = fields.get(b"o", b"").decode("utf-8", "replace") or name
            yield ListedPackage(
                name, version, fields.get(b"A", b"").decode("ascii", "replace"), SourcePackage(origin, version)
            )


def _stanzas(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n\n")
        yield from whole
    if rest.strip():
        yield rest


def _pieces(name: str, body: bytes) -> Iterator[bytes]:
    """The body unpacked, in pieces. Raises ValueError where it is damaged or too large."""
    left: int = _MAX_BYTES
    kind = name.rpartition(".")[2]
    try:
        for piece in _from_xz(body) if kind == "xz" else _from_gzip(body) if kind == "gz" else (body,):
            left -= len(piece)
            if left < 0:
                raise ValueError(f"it has more than {_MAX_BYTES >> 20:,} MiB")
            yield piece
    except (lzma.LZMAError, zlib.error, EOFError, OSError) as error:
        raise ValueError(f"it is damaged: {error}") from error


def _from_xz(body: bytes) -> Iterator[bytes]:
    while body:
        unpacker = lzma.LZMADecompressor(memlimit=_MEMORY)
        piece = unpacker.decompress(body, _CHUNK)
        while not unpacker.eof:
            if not piece and unpacker.needs_input:
                raise EOFError("it is cut short")
            yield piece
            piece = unpacker.decompress(b"", _CHUNK)
        yield piece
        body = unpacker.unused_data.lstrip(b"\0")


def _from_gzip(body: bytes) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=io.BytesIO(body)) as file:
        while piece := file.read(_CHUNK):
            yield piece
