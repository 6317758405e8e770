"""The bill of materials inside native programs of GraalVM (GraalVM's documentation, "Embed an SBOM").

The program exports the symbols `sbom` and `sbom_length`; the document is CycloneDX in gzip. What it names was compiled in.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import suppress

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.claims import Claim, claims_of, make_claimed_package
from hullmark.catalog.oversize import (
    BODY_LIMIT,
    LOOKAHEAD,
    Body,
    ExecutableRequest,
    MarkedReader,
    OversizeSink,
    PatternSearch,
)
from hullmark.catalog.programs.executable import Reader
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import Package
from hullmark.rootfs.reads import MIB, Read, Report

NAME = "graalvm"
LOST = "its bill of materials lies where a file of this size is not kept"
_SIGN = b"sbom_length"
_BEGINNING = _SIGN[:5]
"""Python looks for five bytes in half the time that it takes for more."""

_HEAD_BYTES = 64 * 1024  # the names of exported symbols stand before the code
_DOCUMENT = Limit(16 * MIB, "bytes of the bill of materials in a program of GraalVM")
_STEP = 64 * 1024
_BEGIN = late(rb'\s*\{\s*"(?:bomFormat|\$schema|specVersion)"').match


def _begins(window: bytes, position: int, _offset: int) -> bool:
    try:
        begin = zlib.decompressobj(31).decompress(window[position : position + LOOKAHEAD], 128)
    except zlib.error:
        return False
    return _BEGIN(begin) is not None


def _decompress_document(reader: Reader, offset: int) -> bytes:
    """The document at this place. Raises ValueError for one that cannot be read, and BytesNotKept."""
    stream, data, at = zlib.decompressobj(31), bytearray(), 0
    while not stream.eof:
        piece = reader.read(offset + at, _STEP)
        if not piece:
            raise ValueError("it ends too early")
        try:
            data += stream.decompress(piece, _DOCUMENT + 1 - len(data))
        except zlib.error as error:
            raise ValueError("the compressed data is damaged") from error
        if len(data) > _DOCUMENT:
            raise ValueError(f"it is larger than {_DOCUMENT // MIB} MiB")
        at += len(piece)
    return bytes(data)


def _is_whole(reader: Reader, mark: int) -> None:
    with suppress(ValueError):
        _decompress_document(reader, mark)


_STREAMS = PatternSearch(pattern=b"\x1f\x8b\x08", accept=_begins, most=4, whole=_is_whole)


def _take(reader: MarkedReader, report: Report) -> tuple[Claim, ...] | None:
    wrong = "there is none"
    for mark in reader.hits(_STREAMS):
        try:
            return claims_of(_decompress_document(reader, mark), report)
        except ValueError as reason:
            wrong = str(reason)
    report(f"its bill of materials cannot be read: {wrong}")
    return None


_REQUEST = ExecutableRequest(hunts=(_STREAMS,), take=_take, lost=LOST)


def _is_signed(head: bytes) -> bool:
    return _BEGINNING in head and _SIGN in head


class _Sink:
    """Looks for the sign in the first bytes; most programs lack it, and cost nothing more."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._head: bytearray | None = bytearray()
        self._inner: OversizeSink | None = None

    def write(self, piece: memoryview, /) -> None:
        """The next bytes of the file."""
        if self._head is not None:
            self._head += piece
            if len(self._head) >= _HEAD_BYTES:
                self._decide()
        elif self._inner is not None:
            self._inner.write(piece)

    def _decide(self) -> None:
        head, self._head = bytes(self._head or b""), None
        if _is_signed(head[:_HEAD_BYTES]):
            self._inner = OversizeSink(self._size, _REQUEST)
            self._inner.write(memoryview(head))

    def finish(self, report: Report, /) -> tuple[Claim, ...] | None:
        """What the document names, if there is one."""
        if self._head is not None:
            self._decide()
        found: tuple[Claim, ...] | None = self._inner.finish(report) if self._inner is not None else None
        return found


def extract(path: str, body: memoryview, report: Report) -> tuple[Claim, ...] | None:
    """What the document of a small program names."""
    if not _is_signed(bytes(body[:_HEAD_BYTES])):
        return None
    return _take(Body(body), report)


PROGRAM = Read(
    name="graalvm-sbom",
    fact=tuple[Claim, ...],
    extract=extract,
    magic=(b"\x7fELF",),
    limit=BODY_LIMIT,
    oversize=_Sink,
)


def assemble(view: View) -> Iterator[Package]:
    """One package an entry of each program's document."""
    for found in view.facts(PROGRAM):
        yield from (make_claimed_package(claim, found, NAME) for claim in found.fact)


CATALOGER = Cataloger(name=NAME, types=("maven",), reads=(PROGRAM,), assemble=assemble)
