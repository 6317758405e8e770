"""Lists of packages: Packages of Debian's repositories (deb-control stanzas), APKINDEX of Alpine's. Only wanted names are looked at."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

import zstandard

from hullmark.model.limit import Limit
from hullmark.model.package import SourcePackage

STORED_LIMIT = Limit(256 << 20, "bytes of a list of packages as it is stored")
_MAX_BYTES = Limit(2 << 30, "bytes of a list of packages of apt, unpacked")
_MAX_INDEX = Limit(256 << 20, "bytes of an index of apk, unpacked")
_MAX_STANZA = Limit(16 << 20, "bytes of what a list of apt says of one package")
_CHUNK = 1 << 20
_MEMORY = 256 << 20
"""Bytes that unpacking may take."""

_NAME = re.compile(rb"^package:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE).search
_FIELD = re.compile(rb"^([A-Za-z0-9-]+):[ \t]*(.*(?:\n[ \t].*)*)$", re.MULTILINE)
_SOURCE = re.compile(r"(\S+)(?:\s+\((\S+)\))?").match


class ListedPackage(NamedTuple):
    """A package as a list has it. `source` is what it was built from. Of apt also: what it `depends` on and `breaks` (deb-control(5)), the
    `file` below the repository's address, and its `sha256` (hex)."""

    name: str
    version: str
    arch: str
    source: SourcePackage
    depends: str = ""
    breaks: str = ""
    file: str = ""
    sha256: str = ""


def packages_in(name: str, body: bytes, wanted: Collection[str]) -> Iterator[ListedPackage]:
    """The packages of these names in a Packages file, which is compressed as its name says. Raises ValueError for damage."""
    for stanza in _stanzas(pieces(name, body, _MAX_BYTES)):
        # Runs for each package of a distribution: all but a few hundred are not wanted.
        named = _NAME(stanza)
        found = named[1].decode("utf-8", "replace") if named is not None else ""
        if found not in wanted:
            continue
        fields = {key.lower(): value for key, value in _FIELD.findall(stanza)}
        version = fields.get(b"version", b"").strip().decode("utf-8", "replace")
        if not version:
            continue
        arch = fields.get(b"architecture", b"").strip().decode("ascii", "replace")
        built = _SOURCE(fields.get(b"source", b"").strip().decode("utf-8", "replace"))
        source = SourcePackage(built[1], built[2] or version) if built else SourcePackage(found, version)
        yield ListedPackage(
            name=found,
            version=version,
            arch=arch,
            source=source,
            depends=_join_fields(fields, b"pre-depends", b"depends"),
            breaks=_join_fields(fields, b"breaks", b"conflicts"),
            file=_join_fields(fields, b"filename"),
            sha256=_join_fields(fields, b"sha256"),
        )


def _join_fields(fields: Mapping[bytes, bytes], *names: bytes) -> str:
    """The values of some fields, separated by commas."""
    values = (fields.get(name, b"").strip().decode("utf-8", "replace") for name in names)
    return ", ".join(filter(None, values))


def apks_in(body: bytes, wanted: Collection[str]) -> Iterator[ListedPackage]:
    """The packages of these names in an APKINDEX.tar.gz. Raises ValueError for damage."""
    try:
        unpacked = io.BytesIO(b"".join(pieces("APKINDEX.tar.gz", body, _MAX_INDEX)))
        # What is packed in it once more, and files with holes, would be read without a bound.
        with tarfile.open(fileobj=unpacked, mode="r:") as tar:
            # The signature comes first, in an archive of its own that the index follows.
            named = (entry for entry in tar if entry.name == "APKINDEX" and entry.isfile() and not entry.issparse())
            member = next(named, None)
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
        if len(rest) > _MAX_STANZA:
            raise ValueError(f"what it says of a package has more than {_MAX_STANZA >> 20} MiB")
    if rest.strip():
        yield rest


def pieces(name: str, body: bytes, most: int) -> Iterator[bytes]:
    """The body unpacked, in pieces. Raises ValueError where it is damaged, or larger than `most` bytes."""
    left = most
    kind = name.rpartition(".")[2]
    try:
        for piece in _UNPACKED.get(kind, _plain)(body):
            left -= len(piece)
            if left < 0:
                raise ValueError(f"it has more than {most >> 20:,} MiB")
            yield piece
    except (lzma.LZMAError, zlib.error, zstandard.ZstdError, EOFError, OSError) as error:
        raise ValueError(f"it is damaged: {error}") from error


def xz_pieces(body: bytes) -> Iterator[bytes]:
    """What is in an xz stream, or in several, in pieces. Raises LZMAError or EOFError for damage."""
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


def _from_bzip2(body: bytes) -> Iterator[bytes]:
    with bz2.BZ2File(io.BytesIO(body)) as file:
        while piece := file.read(_CHUNK):
            yield piece


def _from_zstd(body: bytes) -> Iterator[bytes]:
    unpacker = zstandard.ZstdDecompressor(max_window_size=_MEMORY >> 1)
    with unpacker.stream_reader(io.BytesIO(body), read_across_frames=True) as file:
        while piece := file.read(_CHUNK):
            yield piece


def _plain(body: bytes) -> Iterator[bytes]:
    yield body


_UNPACKED: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "xz": xz_pieces,
    "gz": _from_gzip,
    "bz2": _from_bzip2,
    "zst": _from_zstd,
}
