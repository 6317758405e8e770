"""Executables: where the sections and segments of ELF, PE and Mach-O files lie.

Follows the ELF gABI (chapters 4 and 5), Microsoft's PE format and Apple's mach-o/loader.h and mach-o/fat.h.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from struct import Struct
from typing import NamedTuple, Protocol, cast
from weakref import ref

import msgspec

from hullmark.model.limit import Limit
from hullmark.rootfs.reads import MIB

MAGIC = (
    b"\x7fELF",
    b"MZ",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"\xca\xfe\xba\xbf",
)
"""How the files begin that this module understands (Java classes share the last but one)."""

_NAMES_LIMIT = Limit(
    4 * MIB, "bytes of the names of a program's sections (larger ones are searched through)", "shortened"
)
_SECTIONS_LIMIT = Limit(65_536, "sections of a program (with more it is searched through)", "shortened")
_SEGMENTS_LIMIT = Limit(1024, "segments of a program (with more it is searched through)", "shortened")
_COMMANDS_LIMIT = Limit(
    MIB, "bytes of the load commands of a Mach-O program (with more it is searched through)", "shortened"
)
_SLICES_LIMIT = 30  # a Java class has its version here, which is larger


class BytesNotKept(Exception):
    """The requested bytes were not kept, have not arrived yet, or exceed a limit."""


class Reader(Protocol):
    """Random access to a file."""

    def read(self, offset: int, size: int, /) -> bytes:
        """The bytes from `offset`; fewer at the file's end. Raises Unkept."""


class Section(NamedTuple):
    """A named part of the file: offset and size in bytes."""

    offset: int
    size: int


class Segment(NamedTuple):
    """A part of the file that is mapped at an address."""

    address: int
    offset: int
    size: int
    writable: bool


class _Format(msgspec.Struct, frozen=True):
    names: Callable[[Reader, int], bytes | None]
    sections: Callable[[Reader, int], Iterator[tuple[bytes, Section]]]
    segments: Callable[[Reader, int], Iterator[Segment]]


def slices(reader: Reader) -> tuple[int, ...]:
    """Offsets of the executables in the file: one at 0, or those that a fat Mach-O file holds."""
    head = reader.read(0, 8)
    layout = _FAT.get(head[:4])
    if layout is None:
        return (0,)
    count = int.from_bytes(head[4:8], "big")
    table = reader.read(8, count * layout.size) if count <= _SLICES_LIMIT else b""
    return tuple(layout.unpack_from(table, at)[0] for at in range(0, len(table) - layout.size + 1, layout.size))


def section_names(reader: Reader, base: int = 0) -> bytes | None:
    """All section names, as bytes; None if there is no section table, or it cannot be read."""
    form = _format(reader, base)
    if form is None:
        return None
    try:
        return form.names(reader, base)
    except BytesNotKept:
        return None


def names_in(body: memoryview) -> bytes | None:
    """What `section_names` says of an ELF file of 64 bits that is in memory, at a fraction of the cost; None where only that can tell."""
    for last, names in _LAST:
        if last() is body:
            return names
    names = _names_in(body)
    _LAST[:] = ((ref(body), names),)
    return names


_LAST: list[tuple[ref[memoryview], bytes | None]] = []
"""The names in the body that was looked at last, which is not kept: several reads ask one after another."""


def _names_in(body: memoryview) -> bytes | None:
    if len(body) < _ELF_LITTLE.header.size or bytes(body[:6]) != b"\x7fELF\2\1":
        return None
    _, table, _, _, stride, count, index = _ELF_LITTLE.header.unpack_from(body)
    at = table + index * stride
    if not table or stride < _ELF_LITTLE.section.size or not count or index == _EXTENDED or count > _SECTIONS_LIMIT:
        return None
    if at + _ELF_LITTLE.section.size > len(body):
        return None
    _, _, offset, size, _ = _ELF_LITTLE.section.unpack_from(body, at)
    return bytes(body[offset : offset + size]) or None if size <= _NAMES_LIMIT else None


def find_section(reader: Reader, name: bytes, base: int = 0) -> Section | None:
    """The first section of that name which has bytes in the file. Raises Unkept."""
    form = _format(reader, base)
    if form is None:
        return None
    return next((section for found, section in form.sections(reader, base) if found == name), None)


def segments(reader: Reader, base: int = 0) -> tuple[Segment, ...]:
    """What is mapped into memory, in the order of the file's table. Raises Unkept."""
    form = _format(reader, base)
    return () if form is None else tuple(form.segments(reader, base))


def code(reader: Reader) -> tuple[Section, ...]:
    """The parts of an ELF file that are code alone; none where constants may stand among it. Raises Unkept."""
    loads = list(_elf_loads(reader)) if reader.read(0, 4) == MAGIC[0] else []
    # Linkers that separate code from constants give the constants a read-only segment.
    if all(flags & (_WRITE | _EXECUTE) for flags, *_ in loads):
        return ()
    return tuple(Section(offset, size) for flags, offset, _, size in loads if flags & (_WRITE | _EXECUTE) == _EXECUTE)


def section_table(reader: Reader) -> Iterator[Section]:
    """Where an ELF file has its section headers, then their names; nothing for other files. Raises Unkept."""
    head = _elf_head(reader) if reader.read(0, 4) == MAGIC[0] else None
    if head is None or not head.sections_at:
        return
    yield Section(head.sections_at, max(1, head.section_stride * head.section_count))
    tables = _elf_tables(reader)
    if tables is not None:
        yield tables.names_at


def _format(reader: Reader, base: int) -> _Format | None:
    magic = reader.read(base, 4)
    return _FORMATS.get(magic) or (_PE if magic[:2] == b"MZ" else None)


# ELF


class _ElfClass(msgspec.Struct, frozen=True):
    header: Struct
    section: Struct  # name, type, offset, size, link
    segment: Struct  # type, flags, offset, address, size (wide); type, offset, address, size, flags
    wide: bool


class _ElfHead(msgspec.Struct, frozen=True):
    kind: _ElfClass
    segments_at: int
    sections_at: int
    segment_stride: int
    segment_count: int
    section_stride: int
    section_count: int
    names_index: int


class _ElfTables(msgspec.Struct, frozen=True):
    head: _ElfHead
    total: int
    names_at: Section


def _elf_class(order: str, *, wide: bool) -> _ElfClass:
    texts = ("32xQQ6x5H", "II16xQQI20x", "IIQQ8xQ16x") if wide else ("28xII6x5H", "II8xIII12x", "III4xI4xI4x")
    header, section, segment = (Struct(order + text) for text in texts)
    return _ElfClass(header, section, segment, wide)


_ELF_CLASSES = {
    b"\1\1": _elf_class("<", wide=False),
    b"\1\2": _elf_class(">", wide=False),
    b"\2\1": _elf_class("<", wide=True),
    b"\2\2": _elf_class(">", wide=True),
}
_ELF_LITTLE = _ELF_CLASSES[b"\2\1"]
_NOBITS = 8
_LOAD = 1
_EXECUTE = 1
_WRITE = 2
_EXTENDED = 0xFFFF


def _elf_head(reader: Reader) -> _ElfHead | None:
    data = reader.read(0, 64)
    kind = _ELF_CLASSES.get(data[4:6])
    if kind is None or len(data) < kind.header.size:
        return None
    return _ElfHead(kind, *kind.header.unpack_from(data))


def _elf_tables(reader: Reader) -> _ElfTables | None:
    head = _elf_head(reader)
    if head is None or not head.sections_at or head.section_stride < head.kind.section.size:
        return None
    count, index = head.section_count, head.names_index
    if not count or index == _EXTENDED:
        first = _elf_section(reader, head, 0)
        count, index = count or first[3], first[4] if index == _EXTENDED else index
    _, _, offset, size, _ = _elf_section(reader, head, index)
    if count > _SECTIONS_LIMIT or size > _NAMES_LIMIT:
        raise BytesNotKept
    return _ElfTables(head, count, Section(offset, size))


def _elf_section(reader: Reader, head: _ElfHead, index: int) -> tuple[int, int, int, int, int]:
    layout = head.kind.section
    data = reader.read(head.sections_at + index * head.section_stride, layout.size)
    return cast("tuple[int, int, int, int, int]", layout.unpack(data)) if len(data) == layout.size else (0, 0, 0, 0, 0)


def _elf_names(reader: Reader, _: int) -> bytes | None:
    tables = _elf_tables(reader)
    return None if tables is None else reader.read(*tables.names_at) or None


def _elf_sections(reader: Reader, _: int) -> Iterator[tuple[bytes, Section]]:
    tables = _elf_tables(reader)
    if tables is None:
        return
    layout, stride = tables.head.kind.section, tables.head.section_stride
    names = reader.read(*tables.names_at)
    table = reader.read(tables.head.sections_at, tables.total * stride)
    for at in range(0, len(table) - layout.size + 1, stride):
        name, kind, offset, size, _link = layout.unpack_from(table, at)
        end = names.find(b"\0", name)
        if kind != _NOBITS and size and end >= 0:
            yield names[name:end], Section(offset, size)


def _elf_segments(reader: Reader, _: int) -> Iterator[Segment]:
    for flags, offset, address, size in _elf_loads(reader):
        yield Segment(address, offset, size, bool(flags & _WRITE))


def _elf_loads(reader: Reader) -> Iterator[tuple[int, int, int, int]]:
    """Flags, offset, address and size of what is loaded."""
    head = _elf_head(reader)
    if head is None or head.segment_stride < head.kind.segment.size:
        return
    layout, stride = head.kind.segment, head.segment_stride
    if head.segment_count > _SEGMENTS_LIMIT:
        raise BytesNotKept
    table = reader.read(head.segments_at, head.segment_count * stride)
    for at in range(0, len(table) - layout.size + 1, stride):
        kind, *rest = layout.unpack_from(table, at)
        flags = rest.pop(0 if head.kind.wide else 3)
        offset, address, size = rest
        if kind == _LOAD and size:
            yield flags, offset, address, size


# PE

_COFF = Struct("<2xH12xH2x")  # after the signature: number of sections, size of the optional header
_PE_SECTION = Struct("<8sIIII12xI")  # name, size in memory, address, size and offset in the file, characteristics
_PE_WRITE = 0x80000000
_PE_BASES = {b"\x0b\x01": (28, 4), b"\x0b\x02": (24, 8)}


def _pe_table(reader: Reader) -> tuple[int, bytes] | None:
    """The address the file is mapped at, and its section headers."""
    start = int.from_bytes(reader.read(60, 4), "little")
    head = reader.read(start, 24 + 32)
    if head[:4] != b"PE\0\0" or len(head) < 24 + 32:
        return None
    count, optional = _COFF.unpack_from(head, 4)
    at, width = _PE_BASES.get(head[24:26], (0, 0))
    image = int.from_bytes(head[24 + at : 24 + at + width], "little")
    if count > _SEGMENTS_LIMIT:
        raise BytesNotKept
    return image, reader.read(start + 24 + optional, count * _PE_SECTION.size)


def _pe_names(reader: Reader, _: int) -> bytes | None:
    table = _pe_table(reader)
    return None if table is None else b"".join(name for name, *_rest in _pe_rows(table[1])) or None


def _pe_rows(table: bytes) -> Iterator[tuple[bytes, int, int, int, int, int]]:
    whole = len(table) - len(table) % _PE_SECTION.size
    yield from _PE_SECTION.iter_unpack(table[:whole])


def _pe_sections(reader: Reader, _: int) -> Iterator[tuple[bytes, Section]]:
    for name, _virtual, _address, size, offset, _flags in _pe_rows((_pe_table(reader) or (0, b""))[1]):
        if size:
            yield name.rstrip(b"\0"), Section(offset, size)


def _pe_segments(reader: Reader, _: int) -> Iterator[Segment]:
    image, table = _pe_table(reader) or (0, b"")
    for _name, _virtual, address, size, offset, flags in _pe_rows(table):
        if size:
            yield Segment(image + address, offset, size, bool(flags & _PE_WRITE))


# Mach-O


class _MachClass(msgspec.Struct, frozen=True):
    command: int
    header: Struct  # number of commands, their size
    segment: Struct  # address, offset, size, protection, number of sections
    section: Struct  # name, size, offset


_LOAD_COMMAND = {"<": Struct("<II"), ">": Struct(">II")}


def _mach_class(order: str, *, wide: bool) -> tuple[_MachClass, Struct]:
    texts = ("16xII8x", "24xQ8xQQ4xiI4x", "16s24xQI28x") if wide else ("16xII4x", "24xI4xII4xiI4x", "16s20xII24x")
    header, segment, section = (Struct(order + text) for text in texts)
    return _MachClass(0x19 if wide else 0x1, header, segment, section), _LOAD_COMMAND[order]


_MACH_CLASSES = {
    b"\xfe\xed\xfa\xce": _mach_class(">", wide=False),
    b"\xfe\xed\xfa\xcf": _mach_class(">", wide=True),
    b"\xce\xfa\xed\xfe": _mach_class("<", wide=False),
    b"\xcf\xfa\xed\xfe": _mach_class("<", wide=True),
}
_FAT = {b"\xca\xfe\xba\xbe": Struct(">8xI8x"), b"\xca\xfe\xba\xbf": Struct(">8xQ16x")}


def _mach_commands(reader: Reader, base: int) -> Iterator[tuple[_MachClass, bytes]]:
    """The segment commands, each with its section headers."""
    kind, prefix = _MACH_CLASSES[reader.read(base, 4)]
    head = reader.read(base, kind.header.size)
    if len(head) < kind.header.size:
        return
    count, size = kind.header.unpack(head)
    if size > _COMMANDS_LIMIT:
        raise BytesNotKept
    data = reader.read(base + kind.header.size, size)
    at = 0
    while count > 0 and at + prefix.size <= len(data):
        command, length = prefix.unpack_from(data, at)
        if length < prefix.size:
            return
        if command == kind.command and kind.segment.size <= length <= len(data) - at:
            yield kind, data[at : at + length]
        at += length
        count -= 1


def _mach_sections(reader: Reader, base: int) -> Iterator[tuple[bytes, Section]]:
    for kind, command in _mach_commands(reader, base):
        for at in range(kind.segment.size, len(command) - kind.section.size + 1, kind.section.size):
            name, size, offset = kind.section.unpack_from(command, at)
            if size and offset:
                yield name.rstrip(b"\0"), Section(base + offset, size)


def _mach_names(reader: Reader, base: int) -> bytes | None:
    return b"\0".join(name for name, _ in _mach_sections(reader, base)) or None


def _mach_segments(reader: Reader, base: int) -> Iterator[Segment]:
    for kind, command in _mach_commands(reader, base):
        address, offset, size, protection, _count = kind.segment.unpack_from(command)
        if size:
            yield Segment(address, base + offset, size, bool(protection & _WRITE))


_PE = _Format(_pe_names, _pe_sections, _pe_segments)
_FORMATS = {
    b"\x7fELF": _Format(_elf_names, _elf_sections, _elf_segments),
    **dict.fromkeys(_MACH_CLASSES, _Format(_mach_names, _mach_sections, _mach_segments)),
}
