"""Rust crates from the list that cargo-auditable puts into executables.

Follows cargo-auditable's PARSING.md: a section `.dep-v0` with zlib-compressed JSON, `{"packages": [{name, version,
source, kind, dependencies, root}]}`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import suppress

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.oversize import (
    BODY_LIMIT,
    LOOKAHEAD,
    Body,
    ExecutableRequest,
    MarkedReader,
    OversizeSink,
    PatternSearch,
)
from hullmark.catalog.programs.executable import (
    MAGIC,
    Reader,
    find_section,
    names_in,
    section_names,
    slices,
)
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import MIB, LocatedFact, Read, Report

NAME = "rust"
LOST = "its list of Rust crates lies where a file of this size is not kept"

_SECTION = b".dep-v0"
_JSON_LIMIT = Limit(8 * MIB, "bytes of the list of crates in a Rust program")
_CRATES_LIMIT = Limit(20_000, "crates of a Rust program")
_STEP = 64 * 1024


class Crate(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A crate that was compiled in. `source` is crates.io, git, local, registry, or what else the list says, `needs` the positions of the
    crates in the list that it depends on."""

    name: str
    version: str
    source: str
    needs: tuple[int, ...] = ()


class _ListedCrate(msgspec.Struct, frozen=True, gc=False):
    name: str
    version: str = ""
    source: str = ""
    kind: str = "runtime"
    dependencies: tuple[int, ...] = ()


class _List(msgspec.Struct, frozen=True, gc=False):
    packages: tuple[msgspec.Raw, ...]


class _Unreadable(Exception):
    """Says what is wrong with the list of crates."""


def _extract(_path: str, body: memoryview, report: Report) -> tuple[Crate, ...] | None:
    names = names_in(body)
    if names is not None and _SECTION not in names:
        return None  # most programs
    return _take(Body(body), report)


def _take(reader: MarkedReader, report: Report) -> tuple[Crate, ...] | None:
    for base in slices(reader):
        names = section_names(reader, base)
        try:
            if names is None:
                return _find_crates(reader, report)
            section = find_section(reader, _SECTION, base) if _SECTION in names else None
            if section is not None:
                return _crates(_decompress_stream(reader, section.offset, section.size), report)
        except _Unreadable as reason:
            report(f"its list of Rust crates cannot be read: {reason}")
    return None


def _find_crates(reader: MarkedReader, report: Report) -> tuple[Crate, ...] | None:
    """Without section names the list is recognised by its beginning only. If none can be read, the first one's fault is
    reported."""
    wrong: list[str] = []
    for mark in reader.hits(_STREAMS):
        try:
            crates = _crates(_decompress_stream(reader, mark, _JSON_LIMIT), report)
        except _Unreadable as reason:
            wrong.append(str(reason))
        else:
            if crates:
                return crates
    if reader.is_spent(_STREAMS):
        wrong.append("there are too many places where it may be")
    if wrong:
        report(f"its list of Rust crates cannot be read: {wrong[0]}")
    return None


def _decompress_stream(reader: Reader, offset: int, size: int) -> bytes:
    """The first zlib stream in a part of the file."""
    stream, data, at = zlib.decompressobj(), bytearray(), 0
    while not stream.eof and at < size:
        piece = reader.read(offset + at, min(_STEP, size - at))
        if not piece:
            break
        try:
            data += stream.decompress(piece, _JSON_LIMIT + 1 - len(data))
        except zlib.error as error:
            raise _Unreadable("the compressed data is damaged") from error
        if len(data) > _JSON_LIMIT:
            raise _Unreadable(f"it is larger than {_JSON_LIMIT // MIB} MiB")
        at += len(piece)
    if not stream.eof:
        raise _Unreadable("the compressed data ends too early")
    return bytes(data)


def _crates(data: bytes, report: Report) -> tuple[Crate, ...]:
    # Each crate is an object; counting first keeps a hostile list from becoming a million of them.
    if data.count(b"{") > 2 * _CRATES_LIMIT:
        raise _Unreadable(f"it has more than {_CRATES_LIMIT} crates")
    try:
        listed = msgspec.json.decode(data, type=_List).packages
    except _JSON_ERRORS as error:
        raise _Unreadable("it is not the JSON of cargo-auditable") from error
    crates: list[_ListedCrate] = []
    broken = 0
    places: dict[int, int] = {}
    for number, raw in enumerate(listed):
        try:
            crate = msgspec.json.decode(raw, type=_ListedCrate)
        except _JSON_ERRORS:
            broken += 1
            continue
        if not crate.name:
            broken += 1
        elif crate.kind == "runtime":
            places[number] = len(crates)
            crates.append(crate)
    if broken:
        report(f"{broken} entries of its list of Rust crates cannot be read")
    return tuple(
        Crate(crate.name, crate.version, crate.source, tuple(places[n] for n in crate.dependencies if n in places))
        for crate in crates
    )


_JSON_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def _begins_list(window: bytes, position: int, _offset: int) -> bool:
    # The stream's first block (RFC 1951, 3.2.3): chance hits mostly claim a kind that there is not, or a length that its
    # complement denies. To see that is a tenth of the work of having zlib say it.
    first = window[position + 2 : position + 7]
    kind = first[0] & 0b110 if first else 0
    if kind == 0b110 or (not kind and first[1:3] != bytes(byte ^ 0xFF for byte in first[3:5])):
        return False
    try:
        begin = zlib.decompressobj().decompress(window[position : position + LOOKAHEAD], 64)
    except zlib.error:
        return False
    return _BEGIN.match(begin) is not None


def _is_whole(reader: Reader, mark: int) -> None:
    with suppress(_Unreadable):
        _decompress_stream(reader, mark, _JSON_LIMIT)


_BEGIN = late(rb'\s*\{\s*"(?:packages|format)"')
# Only Go's linker writes this (its build id, as an ELF note or as text), and it never adds a list of crates.
_OF_GO = (b"\4\0\0\0Go\0\0", b"\0\0\0\4Go\0\0", b'\xff Go build ID: "')
_STREAMS = PatternSearch(
    pattern=b"x", after=frozenset(b"\x01\x5e\x9c\xda"), accept=_begins_list, most=8, whole=_is_whole, unless=_OF_GO
)


def _assemble(view: View) -> Iterator[Package]:
    for found in view.facts(READ):
        yield from _packages(found)


def crate_purl(crate: Crate) -> str:
    """The package URL of a crate."""
    return make_purl("cargo", crate.name, crate.version)


def _packages(found: LocatedFact[tuple[Crate, ...]]) -> Iterator[Package]:
    at = (Location("/" + found.path, found.layer),)
    for crate in found.fact:
        yield Package(
            type="cargo",
            name=crate.name,
            version=crate.version or UNKNOWN_VERSION,
            purl=crate_purl(crate),
            cataloger=NAME,
            locations=at,
            notes={"source": crate.source} if crate.source else {},
        )


_REQUEST = ExecutableRequest(hunts=(_STREAMS,), take=_take, lost=LOST)

READ = Read(
    name="rust-audit",
    fact=tuple[Crate, ...],
    extract=_extract,
    magic=MAGIC,
    limit=BODY_LIMIT,
    oversize=lambda size: OversizeSink(size, _REQUEST),
)

CATALOGER = Cataloger(name=NAME, types=("cargo",), reads=(READ,), assemble=_assemble)
