"""Executables by their first bytes, and the note of their package that distributions link into ELF files.

An executable is an ELF file that can be run or loaded (ET_EXEC, ET_DYN: programs and shared libraries), a PE file, a Mach-O file, or a
script (`#!`) that may be run. The note is the UAPI group's "Package Metadata for Executable Files": type 0xcafe1a7e, owner `FDO`, JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from struct import Struct

import msgspec

from hullmark.catalog.oversize import BODY_LIMIT, Body
from hullmark.catalog.programs.executable import MAGIC, slices
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import Read, Remark, Report

SCRIPT = b"#!"
_HEAD = Limit(64 * 1024, "bytes of a large program in which the table of its segments is looked for")
_NOTES_LIMIT = Limit(
    64 * 1024, "bytes of the notes in one segment of a program, and of a table of segments behind its beginning"
)
_MAX_NOTES = Limit(64, "segments of a program that hold notes")
_OWNER, _KIND = b"FDO\0", 0xCAFE1A7E
_NOTE_SEGMENT, _SHORTEST = 4, 64
_RUNNABLE = (2, 3)  # ET_EXEC, ET_DYN
_LONGEST_VALUE = Limit(256, "characters of one value in the note of a program's package")

# ELF: type; where the segments are, their size and number. A segment: type, offset, size.
_LAYOUTS = {
    b"\1\1": (Struct("<16xH"), Struct("<28xI10xHH"), Struct("<II8xI12x")),
    b"\1\2": (Struct(">16xH"), Struct(">28xI10xHH"), Struct(">II8xI12x")),
    b"\2\1": (Struct("<16xH"), Struct("<32xQ14xHH"), Struct("<I4xQ16xQ16x")),
    b"\2\2": (Struct(">16xH"), Struct(">32xQ14xHH"), Struct(">I4xQ16xQ16x")),
}

_WIDE = b"\x7fELF\2\1"
_WIDE_HEAD = Struct("<6s10xH14xQ14xHH6x")
_WIDE_SEGMENT = _LAYOUTS[_WIDE[4:]][2]
"""ELF of 64 bits, the usual order of bytes: signature; type; where the segments are, their size and number."""


class PackageNote(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the note of a program says: strings, "" where it says nothing. `type` is the packaging (`deb`, `rpm` …)."""

    type: str = ""
    name: str = ""
    version: str = ""
    architecture: str = ""
    os: str = ""
    os_version: str = ""
    os_cpe: str = ""
    app_cpe: str = ""


class Program(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An executable. `format` is elf, pe, macho or script."""

    format: str
    note: PackageNote | None = None


_ELF, _SCRIPT = Program("elf"), Program("script")
_NONE: Mapping[int, bytes] = {}


class _Note(msgspec.Struct, frozen=True):
    """The note as it is written; unknown keys and other types are passed over."""

    type: object = ""
    name: object = ""
    version: object = ""
    architecture: object = ""
    os: object = ""
    osVersion: object = ""  # noqa: N815 - the specification's
    osCpe: object = ""  # noqa: N815 - the specification's
    appCpe: object = ""  # noqa: N815 - the specification's


class _LaterParts:
    """What a large file keeps behind its beginning: the table of its segments, where it lies there, and its notes. By place: bytes."""

    def __init__(self, head: bytes) -> None:
        self._wanted: dict[int, int] = {}
        self.kept: dict[int, bytearray] = {}
        for start, size in (_table(memoryview(head)), *islice(_note_segments(memoryview(head), {}), _MAX_NOTES)):
            if start + size > len(head) and size <= _NOTES_LIMIT:
                self._wanted[start] = size
                self.kept[start] = bytearray()

    def write(self, at: int, piece: memoryview) -> None:
        """The bytes of the file from a place on."""
        for start, kept in self.kept.items():
            begin, more = start + len(kept) - at, self._wanted[start] - len(kept)
            if more and 0 <= begin < len(piece):
                kept += piece[begin : begin + more]


class _ProgramSink:
    """Keeps a large file's beginning, and its notes wherever they lie behind that."""

    __slots__ = ("_at", "_head", "_later")

    def __init__(self) -> None:
        self._head = b""
        self._at = 0
        self._later: _LaterParts | None = None

    def write(self, piece: memoryview, /) -> None:
        """The next bytes of the file."""
        if self._later is None:
            self._head += bytes(piece[: _HEAD - len(self._head)])
            if len(self._head) == _HEAD:
                self._later = _LaterParts(self._head)
        if self._later is not None:
            self._later.write(self._at, piece)
        self._at += len(piece)

    def finish(self, report: Report, /) -> Program | None:
        """The executable, if it is one."""
        return program_of(memoryview(self._head), report, self._later.kept if self._later is not None else {})


def extract(path: str, body: memoryview, report: Report) -> Program | None:
    """The executable, if it is one."""
    return _ELF if _is_plain(body) else program_of(body, report)


def _is_plain(body: memoryview) -> bool:
    """Whether the body is plainly an executable whose notes do not name a package: of most programs this is all that is asked."""
    size = len(body)
    if size < _WIDE_HEAD.size:
        return False
    magic, form, at, stride, count = _WIDE_HEAD.unpack_from(body)
    if magic != _WIDE or form not in _RUNNABLE or stride != _WIDE_SEGMENT.size or at + stride * count > size:
        return False
    left: int = _MAX_NOTES
    for kind, start, length in _WIDE_SEGMENT.iter_unpack(body[at : at + stride * count]):
        if kind == _NOTE_SEGMENT:
            left -= 1
            is_odd = left < 0 or length > _NOTES_LIMIT or start + length > size
            if is_odd or _OWNER in bytes(body[start : start + length]):
                return False
    return True


def program_of(head: memoryview, report: Report, later: Mapping[int, bytes | bytearray] = _NONE) -> Program | None:
    """The executable with these first bytes, or None. `later` are parts that lie behind, by their places."""
    magic = bytes(head[:4])
    if magic[:2] == SCRIPT:
        return _SCRIPT
    if magic == MAGIC[0]:
        return _elf(head, report, later)
    if magic[:2] == b"MZ":
        at = int.from_bytes(head[60:64], "little")
        return Program("pe") if bytes(head[at : at + 4]) == b"PE\0\0" else None
    # Java classes begin as fat Mach-O files do, and have no slices.
    is_fat = magic in MAGIC[-2:]
    return Program("macho") if magic in MAGIC[2:] and (not is_fat or slices(Body(head))) else None


def _elf(head: memoryview, report: Report, later: Mapping[int, bytes | bytearray]) -> Program | None:
    layout = _LAYOUTS.get(bytes(head[4:6]))
    if layout is None or len(head) < _SHORTEST or layout[0].unpack_from(head)[0] not in _RUNNABLE:
        return None
    segments = list(_note_segments(head, later))
    is_cut = len(segments) > _MAX_NOTES or (len(head) == _HEAD and _table(head)[1] > _NOTES_LIMIT)
    for start, size in segments[:_MAX_NOTES]:
        text = later.get(start, b"") or head[start : start + min(size, _NOTES_LIMIT)]
        is_cut = is_cut or size > _NOTES_LIMIT or (len(text) < size and len(head) == _HEAD)
        found = _package_note(bytes(text), ">" if head[5] == 2 else "<", report)
        if found is not None:
            return Program("elf", found)
    if is_cut:
        report("it has notes that are not read: they are too many, too large, or not where notes are")
    return _ELF


def _table(head: memoryview) -> tuple[int, int]:
    """Where the table of segments is, and its size; nothing of what is no ELF file."""
    layout = _LAYOUTS.get(bytes(head[4:6])) if bytes(head[:4]) == MAGIC[0] and len(head) >= _SHORTEST else None
    if layout is None:
        return 0, 0
    offset, stride, count = layout[1].unpack_from(head)
    return (offset, stride * count) if stride == layout[2].size else (0, 0)


def _note_segments(head: memoryview, later: Mapping[int, bytes | bytearray]) -> Iterator[tuple[int, int]]:
    """Where notes are, and their size."""
    offset, size = _table(head)
    if not size:
        return
    table, segment = later.get(offset, b"") or head[offset : offset + size], _LAYOUTS[bytes(head[4:6])][2]
    for kind, start, length in segment.iter_unpack(table[: len(table) - len(table) % segment.size]):
        if kind == _NOTE_SEGMENT:
            yield start, length


def _package_note(notes: bytes, order: str, report: Report) -> PackageNote | None:
    """The package's note among the notes of a segment: each is the sizes of owner and text, a type, and both, padded to 4 bytes."""
    if _OWNER not in notes:
        return None
    head, at = Struct(order + "III"), 0
    while at + head.size <= len(notes):
        owner_size, size, kind = head.unpack_from(notes, at)
        owner_at = at + head.size
        text_at = owner_at + (owner_size + 3 & ~3)
        if kind == _KIND and notes[owner_at : owner_at + owner_size] == _OWNER:
            return _decode_note(notes[text_at : text_at + size], report)
        at = text_at + (size + 3 & ~3)
    return None


def _decode_note(text: bytes, report: Report) -> PackageNote | None:
    try:
        note = msgspec.json.decode(text.rstrip(b"\0").strip(), type=_Note)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        report(Remark("the note of its package cannot be read", "unidentified"))
        return None
    named = (note.type, note.name, note.version, note.architecture)
    values = (*named, note.os, note.osVersion, note.osCpe, note.appCpe)
    if any(isinstance(value, str) and len(value) > _LONGEST_VALUE for value in values):
        report(f"a value in the note of its package is longer than {_LONGEST_VALUE} characters")
    return PackageNote(*(_value(value) for value in values))


def _value(value: object) -> str:
    is_usable = isinstance(value, str) and value.isprintable() and len(value) <= _LONGEST_VALUE
    return str(value).strip() if is_usable else ""


PROGRAMS = Read(
    name="program",
    fact=Program,
    extract=extract,
    magic=(*MAGIC, SCRIPT),
    limit=BODY_LIMIT,
    oversize=lambda size: _ProgramSink(),
    other_names=False,
)
