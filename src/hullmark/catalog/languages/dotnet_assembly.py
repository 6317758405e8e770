""".NET assemblies that no deps.json tells of: the version resource of .dll and .exe files with a CLR header, and of those without.

Follows Microsoft's PE format ("The .rsrc Section", "Optional Header Data Directories") and VS_VERSIONINFO of the Windows SDK.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import MIB, LocatedFact, Read, Report

_HEAD_BYTES = 4096
_RESOURCES = Limit(16 * MIB, "bytes of the resources of a program for Windows")
_SECTIONS = 96  # as the loader of Windows has it
_VERSION_TYPE, _CLR, _RESOURCE = 16, 14, 2
_MAGIC32, _MAGIC64 = 0x10B, 0x20B
_FIXED_MARK = 0xFEEF04BD
_MAX_STRING = Limit(1024, "characters of a text in the version of a program for Windows", "shortened")

is_name = late(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,198}[A-Za-z0-9_])?").fullmatch
_COMMAS = late(r",[ ]?")
_NUMBERS = late(r"\d{1,9}(?:\.\d{1,9}){1,3}(?:-[0-9A-Za-z.-]{1,64})?").match


class Assembly(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a program says of itself: the file's name when it was built, the product's version and the file's.

    `is_managed`: it is an assembly of .NET. `product`: what it belongs to.
    """

    name: str
    product_version: str
    file_version: str
    company: str = ""
    is_managed: bool = True
    product: str = ""


class _Layout(msgspec.Struct, frozen=True):
    """Where in the file the resources are, and at which address."""

    offset: int
    size: int
    address: int
    is_managed: bool = True


def layout_of(head: bytes) -> _Layout | None:
    """Of a program for Windows with resources; None for others."""
    try:
        return _layout(head)
    except struct.error:
        return None


def _layout(head: bytes) -> _Layout | None:
    if head[:2] != b"MZ":
        return None
    (start,) = struct.unpack_from("<I", head, 0x3C)
    if head[start : start + 4] != b"PE\0\0":
        return None
    (count,) = struct.unpack_from("<H", head, start + 6)
    (size,) = struct.unpack_from("<H", head, start + 20)
    optional = start + 24
    (magic,) = struct.unpack_from("<H", head, optional)
    if magic not in (_MAGIC32, _MAGIC64):
        return None
    directories = optional + (96 if magic == _MAGIC32 else 112)
    clr = struct.unpack_from("<II", head, directories + 8 * _CLR)
    address, length = struct.unpack_from("<II", head, directories + 8 * _RESOURCE)
    if not address or not length:
        return None
    for index in range(min(count, _SECTIONS)):
        virtual, place, raw, at = struct.unpack_from("<IIII", head, optional + size + 40 * index + 8)
        if place <= address < place + max(virtual, raw):
            return _Layout(at + address - place, min(length, _RESOURCES), address, bool(clr[0]))
    return None


class AssemblySink:
    """Keeps the head of the file, then its resources."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._kept = bytearray()
        self._layout: _Layout | None = None
        self._is_known = False
        self._at = 0

    def write(self, piece: memoryview, /) -> None:
        """The next bytes of the file."""
        if not self._is_known:
            room = _HEAD_BYTES - len(self._head)
            self._head += piece[:room]
            if len(self._head) < _HEAD_BYTES:
                return
            self._know()
            self._take(memoryview(bytes(self._head)))
            piece = piece[room:]
        self._take(piece)

    def _know(self) -> None:
        self._layout, self._is_known = layout_of(bytes(self._head)), True

    def _take(self, piece: memoryview) -> None:
        if self._layout is not None:
            first = max(0, self._layout.offset - self._at)
            last = max(0, self._layout.offset + self._layout.size - self._at)
            self._kept += piece[first:last]
        self._at += len(piece)

    def finish(self, report: Report, /) -> Assembly | None:
        """What the version resource says, if there is one."""
        if not self._is_known:
            self._know()
            self._take(memoryview(bytes(self._head)))
        if self._layout is None:
            return None
        try:
            return _assembly(bytes(self._kept), self._layout)
        except struct.error:
            report("the version of the program for Windows cannot be read: its resources are cut off")
            return None


def _assembly(resources: bytes, layout: _Layout) -> Assembly | None:
    at = _child(resources, 0, _VERSION_TYPE)
    for _ in range(2):  # names, then languages: the first of each
        at = _child(resources, at, None) if at is not None else None
    if at is None:
        return None
    place, size = struct.unpack_from("<II", resources, at)
    start = place - layout.address
    if start + size > len(resources):
        raise struct.error("the version ends behind the resources")
    block = resources[start : start + size] if 0 <= start < len(resources) else b""
    strings = _strings(block)
    name = strings.get("OriginalFilename") or strings.get("InternalName", "")
    versions = strings.get("ProductVersion", ""), strings.get("FileVersion", "") or _read_file_version(block)
    return Assembly(name, *versions, strings.get("CompanyName", ""), layout.is_managed, strings.get("ProductName", ""))


def _child(resources: bytes, at: int, wanted: int | None) -> int | None:
    """The entry of a resource directory with this number (None: the first), without the mark of a directory."""
    named, numbered = struct.unpack_from("<HH", resources, at + 12)
    for index in range(min(named + numbered, 4096)):
        key, target = struct.unpack_from("<II", resources, at + 16 + 8 * index)
        if wanted is None or key == wanted:
            return int(target & 0x7FFFFFFF)
    return None


def _read_file_version(block: bytes) -> str:
    """The file's version in VS_FIXEDFILEINFO."""
    at = block.find(struct.pack("<I", _FIXED_MARK))
    if at < 0 or at + 16 > len(block):
        return ""
    high, low = struct.unpack_from("<II", block, at + 8)
    return f"{high >> 16}.{high & 0xFFFF}.{low >> 16}.{low & 0xFFFF}"


_WANTED = ("OriginalFilename", "InternalName", "ProductVersion", "FileVersion", "CompanyName", "ProductName")


def _strings(block: bytes) -> dict[str, str]:
    """The values of a StringFileInfo: key, NUL, padding to four bytes, value, NUL; all in UTF-16."""
    found: dict[str, str] = {}
    for key in _WANTED:
        raw = key.encode("utf-16-le") + b"\0\0"
        at = block.find(raw)
        if at < 6:
            continue
        # A String's length of value is counted in characters, its own NUL included.
        _, count, kind = struct.unpack_from("<HHH", block, at - 6)
        start = at + len(raw)
        start += -start % 4
        if kind == 1:
            value = block[start : start + 2 * min(count, _MAX_STRING)].decode("utf-16-le", "replace")
            found[key] = value.split("\0", 1)[0].strip()
    return found


def extract(path: str, body: memoryview, report: Report) -> Assembly | None:
    """What an assembly that is there at once says."""
    sink = AssemblySink()
    sink.write(body)
    return sink.finish(report)


ASSEMBLY = Read(
    name="dotnet-assembly",
    fact=Assembly,
    globs=("**/*.dll", "**/*.DLL", "**/*.exe", "**/*.EXE"),
    extract=extract,
    limit=MIB,
    oversize=lambda size: AssemblySink(),
)


def version_of(fact: Assembly) -> str:
    """The product's version if it is one, without what built it (`+commit`); else the file's."""
    for text in (fact.product_version, fact.file_version):
        # Older tools write commas: 1, 7, 0, 2.
        found = _NUMBERS(_COMMAS.sub(".", text.strip()))
        if found:
            return found[0]
    return ""


def stem_of(found: LocatedFact[Assembly]) -> str:
    """The assembly's name: its file's, as programs look it up by that."""
    base = found.path.rpartition("/")[2]
    stem = base.rpartition(".")[0]
    return stem if is_name(stem) else ""


def assemblies(view: View, told: set[str], cataloger: str) -> Iterator[Package]:
    """A package for each assembly outside the folders `told`, of whose programs a deps.json tells; those with texts in one language are
    parts of another."""
    for found in view.facts(ASSEMBLY):
        name, version = stem_of(found), version_of(found.fact)
        if not found.fact.is_managed or not name or name.endswith(".resources") or _is_within(found.path, told):
            continue
        yield Package(
            type="nuget",
            name=name,
            version=version or UNKNOWN_VERSION,
            purl=make_purl("nuget", name, version),
            cataloger=cataloger,
            locations=(Location(f"/{found.path}", found.layer),),
            notes={"company": found.fact.company} if found.fact.company else {},
        )


def _is_within(path: str, folders: set[str]) -> bool:
    """Whether a file is in one of the folders, at any depth: a program's libraries are in folders of its own too."""
    folder = path.rpartition("/")[0]
    while folder not in folders:
        if not folder:
            return False
        folder = folder.rpartition("/")[0]
    return True
