"""Go modules from the build information that the Go linker leaves in executables.

Follows Go's debug/buildinfo (both layouts: pointers before Go 1.18, inline strings since), runtime/debug.BuildInfo and
the pseudo-versions of the Go modules reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from struct import Struct

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.oversize import BODY_LIMIT, Body, ExecutableRequest, MarkedReader, OversizeSink, PatternSearch
from hullmark.catalog.programs.executable import (
    MAGIC,
    BytesNotKept,
    Reader,
    Segment,
    find_section,
    names_in,
    section_names,
    segments,
    slices,
)
from hullmark.catalog.programs.golang_versions import DEVEL, main_version, release_of, version_flags
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import MIB, LocatedFact, Read, Report

NAME = "golang"
DAMAGED = "its Go build information is damaged"
LOST = "its Go build information lies where a file of this size is not kept"
PACKED = "it is packed by UPX: what it was built from cannot be read"

_MAGIC = b"\xff Go buildinf:"
_START = bytes.fromhex("3077af0c9274080241e1c107e6d618e6")
_END = bytes.fromhex("f932433186182072008242104116d8f2")
_SECTIONS = (b".go.buildinfo", b"__go_buildinfo")
_TABLE = b"gopclntab"
_BUILD = b"buildinfo"
"""What the names of both sections end with."""

_HEADER = 32
_INLINE = 2
_BIG_ENDIAN = 1
_VERSION_LIMIT = Limit(1024, "bytes of the Go version in a program")
_INFO_LIMIT = Limit(8 * MIB, "bytes of the build information in a Go program")
_STEP = 64 * 1024
_MODULES_LIMIT = Limit(20_000, "lines of the build information in a Go program")
_SETTING_LIMIT = Limit(16 * 1024, "characters of one build setting of a Go program", "shortened")
_SETTINGS = frozenset(("-ldflags", "CGO_ENABLED", "GOARCH", "GOOS", "vcs.modified", "vcs.revision", "vcs.time"))
_NOTES = ("GOOS", "GOARCH", "CGO_ENABLED", "vcs.revision")


class GoModule(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A module: path, version as the linker wrote it ("", "(devel)" or v…), and its checksum (h1:…) or ""."""

    path: str
    version: str
    sum: str = ""


class GoBinary(msgspec.Struct, frozen=True, array_like=True):
    """What a Go executable says of itself.

    `go` is the toolchain's version (`go1.22.1`, "" if it cannot be read), `path` the main package's import path,
    `main` its module (None: built without modules). A replaced module is listed as its replacement. `settings` are
    the build settings that are used, in the order of the file.
    """

    go: str
    path: str
    main: GoModule | None
    modules: tuple[GoModule, ...]
    settings: tuple[tuple[str, str], ...]


# The two strings: the toolchain's version, and the module information in its frame.


def _extract(_path: str, body: memoryview, report: Report) -> GoBinary | None:
    names = names_in(body)
    if names is not None and _TABLE not in names and _BUILD not in names:
        return None  # most programs
    try:
        return _take(Body(body), report)
    except BytesNotKept:
        report(LOST)
        return None


def _take(reader: MarkedReader, report: Report) -> GoBinary | None:
    for base in slices(reader):
        strings = _strings(reader, base, report)
        if strings is not None:
            version, info = strings
            framed = len(info) > len(_START + _END) and info[-17:-16] == b"\n"
            return _parse(version.decode("utf-8", "replace"), info[16:-16] if framed else b"", report)
    return None


def _strings(reader: MarkedReader, base: int, report: Report) -> tuple[bytes, bytes] | None:
    names = section_names(reader, base)
    for name in _SECTIONS if names is not None else ():
        if names is not None and name in names and (section := find_section(reader, name, base)) is not None:
            marks = (mark for mark in reader.hits(_HEADERS) if 0 < mark - section.offset < section.size)
            found = _first(reader, base, chain((section.offset,), marks), report)
            if found is None:
                report(DAMAGED)
            return found
    # Where sections have no names of their own (PE, stripped tables), Go's own tools search the data as well.
    if names is not None and _TABLE not in names and reader.read(base, 2) != b"MZ":
        return None
    headers = list(reader.hits(_HEADERS))
    found = _first(reader, base, headers, report)
    if found is None and (headers or reader.is_spent(_HEADERS)):
        report(DAMAGED)
    elif found is None and (b"UPX!" in reader.read(base, 1024) or (names is not None and b"UPX0" in names)):
        report(PACKED)
    return found


def _first(reader: MarkedReader, base: int, marks: Iterable[int], report: Report) -> tuple[bytes, bytes] | None:
    for mark in marks:
        header = reader.read(mark, _HEADER)
        if len(header) < _HEADER or not header.startswith(_MAGIC):
            continue
        found = _inline(reader, mark) if header[15] & _INLINE else _read_by_pointers(reader, base, header, report)
        if found is not None and found[0].isascii() and found[0].decode("ascii").isprintable():
            return found
    return None


def _inline(reader: Reader, mark: int) -> tuple[bytes, bytes] | None:
    """The strings behind a header of Go 1.18 and later."""
    version, after = _read_varint_string(reader, mark + _HEADER, _VERSION_LIMIT)
    info, _ = _read_varint_string(reader, after, _INFO_LIMIT)
    return (version, info) if version and info is not None else None


def _read_varint_string(reader: Reader, offset: int, limit: int) -> tuple[bytes | None, int]:
    """A string with its length in front, as a varint; and the offset behind it."""
    length = shift = 0
    for at, byte in enumerate(reader.read(offset, 10), 1):
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            data = reader.read(offset + at, length) if length <= limit else b""
            return (data if len(data) == length else None), offset + at + length
    return None, offset


def _read_by_pointers(reader: MarkedReader, base: int, header: bytes, report: Report) -> tuple[bytes, bytes] | None:
    """The strings that a header of Go 1.13 to 1.17 points to."""
    width = header[14]
    if width not in (4, 8):
        return None
    mapped = segments(reader, base)
    order = ">" if header[15] & _BIG_ENDIAN else "<"
    layout = _POINTERS[order, width]
    version_at, info_at = layout.unpack_from(header, 16)
    try:
        version = _pointee(reader, mapped, layout, version_at, _VERSION_LIMIT) or b""
    except BytesNotKept:
        report("its Go version lies where a file of this size is not kept")
        version = b""
    info = _pointee(reader, mapped, layout, info_at, _INFO_LIMIT)
    if info is None:
        # Position independent executables have no addresses before they are loaded.
        frames = list(reader.hits(_FRAMES))
        info = next(filter(None, (_read_framed_info(reader, mark) for mark in frames)), b"")
        if frames and not info:
            report(DAMAGED)
    return (version, info) if version or info else None


def _pointee(reader: Reader, mapped: tuple[Segment, ...], layout: Struct, address: int, limit: int) -> bytes | None:
    """The Go string whose two words (address, length) are at `address`; None if there is none."""
    words = _read_mapped_bytes(reader, mapped, address, layout.size)
    if len(words) < layout.size:
        return None
    address, length = layout.unpack(words)
    data = _read_mapped_bytes(reader, mapped, address, length) if length <= limit else b""
    return data if len(data) == length else None


def _read_mapped_bytes(reader: Reader, mapped: tuple[Segment, ...], address: int, size: int) -> bytes:
    for segment in mapped:
        inside = address - segment.address
        if 0 <= inside < segment.size:
            return reader.read(segment.offset + inside, min(size, segment.size - inside))
    return b""


def _read_framed_info(reader: Reader, mark: int) -> bytes:
    """Module information from its first mark to its last, both included; b"" if there is no end."""
    data = bytearray()
    while len(data) < _INFO_LIMIT:
        known = max(0, len(data) - len(_END))
        piece = reader.read(mark + len(data), _STEP)
        data += piece
        end = data.find(_END, known)
        if end >= 0:
            return bytes(data[: end + len(_END)])
        if len(piece) < _STEP:
            break
    return b""


def _is_header(window: bytes, position: int, offset: int) -> bool:
    return (
        offset % 16 == 0 and window[position + 14 : position + 15] in (b"\4", b"\10") and _flags(window, position) < 4
    )


def _flags(window: bytes, position: int) -> int:
    return int.from_bytes(window[position + 15 : position + 16], "big")


_POINTERS = {(order, width): Struct(order + word * 2) for order in "<>" for width, word in ((4, "I"), (8, "Q"))}
_HEADERS = PatternSearch(
    pattern=_MAGIC, accept=_is_header, most=16, whole=lambda reader, mark: _inline(reader, mark), data=True
)
SIGNS = (b"\4\0\0\0Go\0\0", b"\0\0\0\4Go\0\0", b"\xff Go build ID: ")
"""What a Go program begins with: Go's linker writes a build id there (cmd/internal/buildid), as an ELF note or as text."""

_FRAMES = PatternSearch(
    pattern=_START, accept=lambda window, position, offset: True, most=4, whole=_read_framed_info, signs=SIGNS
)
# Before Go 1.18 the version is one string among others, in front of what points to it.
_VERSIONS = PatternSearch(pattern=b"go1.", accept=lambda window, position, offset: True, signs=SIGNS)


# The lines of the module information.


def _parse(go: str, info: bytes, report: Report) -> GoBinary:
    path, main, broken = "", -1, 0
    modules: list[GoModule] = []
    settings: list[tuple[str, str]] = []
    lines = info.decode("utf-8", "replace").split("\n", _MODULES_LIMIT)
    if len(lines) > _MODULES_LIMIT:
        report(f"its Go build information has more than {_MODULES_LIMIT} lines: the rest is left out")
        lines.pop()
    for line in lines:
        key, _, rest = line.partition("\t")
        match key:
            case "path":
                path = rest
            case "mod" | "dep" | "=>":
                module = _module(rest)
                if module is None or (key == "=>" and not modules):
                    broken += 1
                elif key == "=>":
                    modules[-1] = _apply_replacement(modules[-1], module)
                else:
                    main = len(modules) if key == "mod" else main
                    modules.append(module)
            case "build":
                settings += _setting(rest)
    if broken:
        report(f"{broken} lines of its Go build information cannot be read")
    own = modules.pop(main) if main >= 0 else None
    return GoBinary(go, path, own, tuple(modules), tuple(settings))


def _module(text: str) -> GoModule | None:
    fields = text.split("\t")
    return GoModule(*fields) if len(fields) in (2, 3) and fields[0] else None


def _apply_replacement(module: GoModule, other: GoModule) -> GoModule:
    """A folder on the builder's machine means nothing elsewhere: such a module keeps its name."""
    return module if _LOCAL.match(other.path) else other


def _setting(text: str) -> Iterator[tuple[str, str]]:
    key, _, value = text.partition("=")
    if key in _SETTINGS:
        found = _unquote(value)[:_SETTING_LIMIT]
        # What else is linked in may be a secret.
        yield key, version_flags(found) if key == "-ldflags" else found


def _unquote(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == "`":
        return value[1:-1]
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return _ESCAPE.sub(lambda escape: _ESCAPES.get(escape[1], escape[1]), value[1:-1])
    return value


_LOCAL = late(r"[./\\]|[A-Za-z]:")
_ESCAPE = late(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


# Packages.


def _assemble(view: View) -> Iterator[Package]:
    for found in view.facts(READ):
        yield from _packages(found)


def main_of(binary: GoBinary) -> tuple[str, str]:
    """The main package's module (the package itself where it has none) and its version, "" where nobody knows it."""
    name = binary.main.path if binary.main is not None else binary.path
    if name.startswith("cmd/"):
        # Go's own commands are built without a module, and are as old as the Go they come with.
        return name, release_of(binary.go)
    return name, main_version(binary.main.version if binary.main is not None else "", dict(binary.settings), name)


def _packages(found: LocatedFact[GoBinary]) -> Iterator[Package]:
    binary = found.fact
    at = (Location("/" + found.path, found.layer),)
    settings = dict(binary.settings)
    release = release_of(binary.go)
    main = ""
    if binary.path != "command-line-arguments":
        name, version = main_of(binary)
        notes = {key: settings[key] for key in _NOTES if key in settings}
        main = _purl(name, version)
        yield from _package(name, version, at, main, notes)
    for module in binary.modules:
        version = "" if module.version in DEVEL else module.version
        notes = {"h1": module.sum.removeprefix("h1:")} if module.sum else {}
        yield from _package(module.path, version, at, main, notes)
    yield from _package("stdlib", release, at, main, {}, ("BSD-3-Clause",))


def _package(
    path: str, version: str, at: tuple[Location, ...], main: str, notes: dict[str, str], licenses: tuple[str, ...] = ()
) -> Iterator[Package]:
    purl = _purl(path, version)
    if purl:
        yield Package(
            type="golang",
            name=path,
            version=version or UNKNOWN_VERSION,
            purl=purl,
            cataloger=NAME,
            licenses=licenses,
            locations=at,
            mains=(main,),
            notes=notes,
        )


def _purl(path: str, version: str) -> str:
    """The package URL of a module, "" for anything that is not a module path."""
    namespace, _, name = path.rpartition("/")
    return make_purl("golang", name, version, namespace=namespace) if name else ""


_REQUEST = ExecutableRequest(hunts=(_HEADERS, _FRAMES, _VERSIONS), take=_take, lost=LOST, data=True)

READ = Read(
    name="go-buildinfo",
    fact=GoBinary,
    extract=_extract,
    magic=MAGIC,
    limit=BODY_LIMIT,
    oversize=lambda size: OversizeSink(size, _REQUEST),
)

CATALOGER = Cataloger(name=NAME, types=("golang",), reads=(READ,), assemble=_assemble)
