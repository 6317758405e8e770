"""The parts of an ELF file that the walk reads: segments, sections, the dynamic table (ELF gABI, chapters 4 and 5).

A large file is there in part only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from struct import Struct
from typing import NamedTuple

from hullmark.model.limit import Limit
from hullmark.rootfs.reads import MIB

_MAX_SEGMENTS = Limit(1024, "segments of a program whose needs are followed")
_MAX_SECTIONS = Limit(
    65_536, "sections of a program whose needs are followed (with more, its segments are searched)", "later"
)


class _Layout(NamedTuple):
    header: Struct  # machine, program headers, section headers, their sizes and numbers
    segment: Struct
    section: Struct  # name, type, flags, address, offset, size
    dynamic: Struct
    symbol: Struct  # name, section
    is_wide: bool


def _layout(order: str, *, wide: bool) -> _Layout:
    header = "18xH12xQQ6xHHHHH" if wide else "18xH8xII6xHHHHH"
    segment = "IIQQ8xQ16x" if wide else "IIIxxxxIxxxxI4x"
    section = "IIQQQQ24x" if wide else "IIIIII16x"
    symbol = "I2xH16x" if wide else "I10xH"
    return _Layout(Struct(order + header), Struct(order + segment), Struct(order + section), Struct(order + ("qQ" if wide else "iI")),
        Struct(order + symbol), wide)  # fmt: skip


_LAYOUTS = {
    b"\1\1": _layout("<", wide=False),
    b"\1\2": _layout(">", wide=False),
    b"\2\1": _layout("<", wide=True),
    b"\2\2": _layout(">", wide=True),
}
LOAD, DYNAMIC, INTERP, NOTE = 1, 2, 3, 4
"""Kinds of segments."""

EXECUTE, WRITE = 1, 2
"""The flags of a segment that is code, and of one that may be written."""

NEEDED, STRTAB, SYMTAB, RELA, RELASZ, STRSZ, SONAME, RPATH, RUNPATH = 1, 5, 6, 7, 8, 10, 14, 15, 29
PLTRELSZ, JMPREL = 2, 23
"""Tags of the dynamic table."""

DYNSYM, NOBITS, ALLOC = 11, 8, 2
"""Kinds of sections, and the flag of those that are loaded."""


class Segment(NamedTuple):
    """A part that is mapped at an address; sizes in bytes of the file."""

    kind: int
    flags: int
    offset: int
    address: int
    size: int


class Section(NamedTuple):
    """A named part of the file."""

    name: bytes
    kind: int
    flags: int
    offset: int
    size: int


class Part(NamedTuple):
    """Bytes of a file, and where they begin in it."""

    offset: int
    body: memoryview


class ElfBytes:
    """The bytes of a file of `size` that are there: all, or parts of it, none of which overlaps another."""

    def __init__(self, parts: Sequence[Part], size: int) -> None:
        self._parts, self.size = parts, size
        self.is_cut = False

    def has(self, search: Callable[[memoryview], object]) -> bool:
        """Whether a search finds something in the bytes that are there."""
        return any(search(part.body) is not None for part in self._parts)

    def at(self, offset: int, size: int) -> bytes:
        """The bytes at an offset; fewer at the end, none where they are not there (`is_cut` tells)."""
        end = min(offset + size, self.size)
        if offset >= end:
            return b""
        for part in self._parts:
            start = part.offset
            if start <= offset and end <= start + len(part.body):
                return bytes(part.body[offset - start : end - start])
        self.is_cut = True
        return b""


def whole(body: memoryview) -> ElfBytes:
    """A file that is there as a whole."""
    return ElfBytes([Part(0, body)], len(body))


class ElfFile:
    """An ELF file. Raises ValueError, or struct.error, for one that is none."""

    def __init__(self, file: ElfBytes) -> None:
        self.file = file
        ident = file.at(0, 64)
        layout = _LAYOUTS.get(ident[4:6])
        if layout is None or len(ident) < layout.header.size:
            raise ValueError("its head is not understood")
        self.layout = layout
        self.machine, at, self._sections_at, stride, count, self._stride, self._count, self._names = (
            layout.header.unpack_from(ident)
        )
        self.segments = list(self._segments(at, stride, count))

    def _segments(self, at: int, stride: int, count: int) -> Iterator[Segment]:
        layout = self.layout.segment
        if count > _MAX_SEGMENTS:
            raise ValueError("it has very many segments")
        table = self.file.at(at, stride * count)
        if stride < layout.size:
            return
        for i in range(0, len(table) - layout.size + 1, stride):
            if self.layout.is_wide:
                kind, flags, offset, address, size = layout.unpack_from(table, i)
            else:
                kind, offset, address, size, flags = layout.unpack_from(table, i)
            yield Segment(kind, flags, offset, address, size)

    def sections(self) -> list[Section]:
        """The sections; none where there is no table, or one that is not understood."""
        layout = self.layout.section
        if not self._sections_at or self._stride < layout.size or self._count > _MAX_SECTIONS:
            return []
        table = self.file.at(self._sections_at, self._stride * self._count)
        rows = [layout.unpack_from(table, i) for i in range(0, len(table) - layout.size + 1, self._stride)]
        if self._names >= len(rows):
            return []
        names = self.file.at(rows[self._names][4], min(rows[self._names][5], 4 * MIB))
        return [
            Section(names[row[0] : max(names.find(b"\0", row[0]), 0)], row[1], row[2], row[4], row[5]) for row in rows
        ]

    def place(self, address: int) -> int:
        """Where an address lies in the file; -1 for nowhere."""
        for segment in self.segments:
            if segment.kind == LOAD and segment.address <= address < segment.address + segment.size:
                return segment.offset + address - segment.address
        return -1

    def relocations(self, dynamic: dict[int, list[int]]) -> Iterator[tuple[int, int]]:
        """The symbol and the kind of each relocation that has an addend, of a wide file; both tables, that of calls included."""
        if not self.layout.is_wide:
            return
        entry = Struct(("<" if self.file.at(5, 1) == b"\1" else ">") + "8xII8x")
        for where, size in ((RELA, RELASZ), (JMPREL, PLTRELSZ)):
            at = self.place(dynamic[where][0]) if where in dynamic else -1
            body = self.file.at(at, min(dynamic.get(size, [0])[0], 64 * MIB)) if at >= 0 else b""
            for kind, symbol in entry.iter_unpack(body[: len(body) - len(body) % entry.size]):
                yield symbol, kind

    def dynamic(self) -> dict[int, list[int]]:
        """The values of each tag of the dynamic table, in their order."""
        found: dict[int, list[int]] = {}
        for segment in self.segments:
            if segment.kind == DYNAMIC:
                table = self.file.at(segment.offset, min(segment.size, MIB))
                layout = self.layout.dynamic
                for tag, value in layout.iter_unpack(table[: len(table) - len(table) % layout.size]):
                    if tag == 0:
                        break
                    found.setdefault(tag, []).append(value)
        return found
