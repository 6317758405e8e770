"""Executables by their first bytes, and the note of their package that distributions link into ELF files.

An executable is an ELF file that can be run or loaded (ET_EXEC, ET_DYN: programs and shared libraries), a PE file, a Mach-O file, or a
script (`#!`) that may be run. The note is the UAPI group's "Package Metadata for Executable Files": type 0xcafe1a7e, owner `FDO`, JSON.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

import msgspec

from hullmark.catalog.oversize import BODY_LIMIT, Body
from hullmark.catalog.programs.executable import MAGIC, slices
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import Read, Remark, Report

SCRIPT = b"#!"
_HEAD = Limit(64 * 1024, "bytes of a program in which the note of its package is looked for")
_NOTES = Limit(256, "segments of a program among which notes are looked for", "shortened")
_OWNER, _KIND = b"FDO\0", 0xCAFE1A7E
_NOTE_SEGMENT = 4
_RUNNABLE = (2, 3)  # ET_EXEC, ET_DYN
_LONGEST_VALUE = Limit(256, "characters of one value in the note of a program's package")

# ELF: type; where the segments are, their size and number. A segment: type, offset, size.
_LAYOUTS = {
    b"\1\1": (Struct("<16xH"), Struct("<28xI10xHH"), Struct("<II8xI12x")),
    b"\1\2": (Struct(">16xH"), Struct(">28xI10xHH"), Struct(">II8xI12x")),
    b"\2\1": (Struct("<16xH"), Struct("<32xQ14xHH"), Struct("<I4xQ16xQ16x")),
    b"\2\2": (Struct(">16xH"), Struct(">32xQ14xHH"), Struct(">I4xQ16xQ16x")),
}


class PackageNote(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the note of a program says: strings, "" where it says nothing. `type` is the packaging (`deb`, `rpm` …)."""

    type: str = ""
    name: str = ""
    version: str = ""
    architecture: str = ""
    os: str = ""
    os_version: str = ""
    os_cpe: str = ""


class Program(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An executable. `format` is elf, pe, macho or script."""

    format: str
    note: PackageNote | None = None


_ELF, _SCRIPT = Program("elf"), Program("script")


class _Note(msgspec.Struct, frozen=True):
    """The note as it is written; unknown keys and other types are passed over."""

    type: object = ""
    name: object = ""
    version: object = ""
    architecture: object = ""
    os: object = ""
    osVersion: object = ""  # noqa: N815 - the specification's
    osCpe: object = ""  # noqa: N815 - the specification's


class _Head:
    """Keeps a file's beginning."""

    __slots__ = ("_head",)

    def __init__(self) -> None:
        self._head = b""

    def write(self, piece: memoryview, /) -> None:
        """The next bytes of the file."""
        if len(self._head) < _HEAD:
            self._head += bytes(piece[: _HEAD - len(self._head)])

    def finish(self, report: Report, /) -> Program | None:
        """The executable, if it is one."""
        return program_of(memoryview(self._head), report)


def extract(path: str, body: memoryview, report: Report) -> Program | None:
    """The executable, if it is one."""
    return program_of(body[:_HEAD], report)


def program_of(head: memoryview, report: Report) -> Program | None:
    """The executable with these first bytes, or None."""
    magic = bytes(head[:4])
    if magic[:2] == SCRIPT:
        return _SCRIPT
    if magic == MAGIC[0]:
        return _elf(head, report)
    if magic[:2] == b"MZ":
        at = int.from_bytes(head[60:64], "little")
        return Program("pe") if bytes(head[at : at + 4]) == b"PE\0\0" else None
    # Java classes begin as fat Mach-O files do, and have no slices.
    is_fat = magic in MAGIC[-2:]
    return Program("macho") if magic in MAGIC[2:] and (not is_fat or slices(Body(head))) else None


def _elf(head: memoryview, report: Report) -> Program | None:
    layout = _LAYOUTS.get(bytes(head[4:6]))
    if layout is None or len(head) < 64 or layout[0].unpack_from(head)[0] not in _RUNNABLE:
        return None
    for start, size in _note_segments(head, layout[1], layout[2]):
        found = _package_note(bytes(head[start : start + size]), ">" if head[5] == 2 else "<", report)
        if found is not None:
            return Program("elf", found)
    return _ELF


def _note_segments(head: memoryview, header: Struct, segment: Struct) -> Iterator[tuple[int, int]]:
    offset, stride, count = header.unpack_from(head)
    table = head[offset : offset + stride * min(count, _NOTES)]
    if stride != segment.size:
        return
    for kind, start, size in segment.iter_unpack(table[: len(table) - len(table) % stride]):
        if kind == _NOTE_SEGMENT:
            yield start, size


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
            return _decoded(notes[text_at : text_at + size], report)
        at = text_at + (size + 3 & ~3)
    return None


def _decoded(text: bytes, report: Report) -> PackageNote | None:
    try:
        note = msgspec.json.decode(text.rstrip(b"\0").strip(), type=_Note)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        report(Remark("the note of its package cannot be read", "unidentified"))
        return None
    values = (note.type, note.name, note.version, note.architecture, note.os, note.osVersion, note.osCpe)
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
    oversize=lambda size: _Head(),
    other_names=False,
)
