"""Which system calls each function of a library can come to, by what it calls and what it takes the address of.

Functions begin where the table of the unwinder says (.eh_frame_hdr, Linux Standard Base, chapter 10.6). A pointer that the loader fills in
(relocations of the System V ABI for x86-64 and AArch64, RELR as the gABI has it) leads from a table of functions to these.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from struct import Struct

from hullmark.model.limit import Limit
from hullmark.reach.elf_file import EXECUTE, LOAD, STRTAB, SYMTAB, ElfFile, Segment
from hullmark.reach.machine_code import Machine
from hullmark.rootfs.reads import MIB

_EH_FRAME = 0x6474E550
_RELA, _RELASZ, _PLTRELSZ, _JMPREL, _RELR, _RELRSZ = 7, 8, 2, 23, 36, 35
_RELATIVE = frozenset((8, 37, 1027, 1032))
"""Relocations that are the address of something in the file itself (RELATIVE, IRELATIVE of both processors)."""

_OF_SYMBOLS = frozenset((6, 7, 1025, 1026))
"""Relocations that are the address of a symbol (GLOB_DAT, JUMP_SLOT)."""

_STUB = 8
"""Bytes that a stub of the procedure linkage table may have before it refers to its pointer."""

_ENTRY, _POINTER, _PAIR = Struct("<QQq"), Struct("<Q"), Struct("<ii")
_LAST = 4095
"""The last number that is told from others; the kernel has some 500."""

UNTOLD = 1 << (_LAST + 1)
"""The bit that says that there is an entry of the kernel whose number nobody tells."""

_MAX_CODE = Limit(
    24 * MIB,
    "bytes of code in which is looked for who calls what (of more, not all system calls are listed)",
    "shortened",
)
_MAX_FUNCTIONS = Limit(
    400_000, "functions of a library whose system calls are listed (with more, they are not)", "shortened"
)
_MAX_POINTERS = Limit(
    1_000_000, "pointers of a library whose system calls are listed (with more, they are not)", "shortened"
)
_LEVELS = 4


def _within(size: int, most: int) -> int:
    """The size. Raises ValueError where it is larger than is read."""
    if size > most:
        raise ValueError("one of its tables is too large")
    return size


def has_small_code(elf: ElfFile) -> bool:
    """Whether there is so little code that who calls what can be looked for."""
    return (
        sum(segment.size for segment in elf.segments if segment.kind == LOAD and segment.flags & EXECUTE) <= _MAX_CODE
    )


def function_starts(elf: ElfFile) -> list[int]:
    """The addresses at which functions begin, sorted; none where the file does not say."""
    for segment in elf.segments:
        table = (
            elf.file.at(segment.offset, _within(segment.size, 8 * _MAX_FUNCTIONS)) if segment.kind == _EH_FRAME else b""
        )
        # Version 1, a count of four bytes, and a table of pairs of signed words, from the beginning of the table on.
        if table[:1] == b"\1" and table[2:4] == b"\x03\x3b":
            body = table[12:]
            return sorted({segment.address + first for first, _ in _PAIR.iter_unpack(body[: len(body) & ~7])})
    return []


def pointers(elf: ElfFile) -> dict[int, int]:
    """Where the loader writes an address, and which."""
    dynamic, found = elf.dynamic(), dict[int, int]()

    def first(tag: int) -> int:
        return dynamic.get(tag, [0])[0]

    for at, size in ((first(_RELA), first(_RELASZ)), (first(_JMPREL), first(_PLTRELSZ))):
        place = elf.place(at) if size else -1
        table = elf.file.at(place, _within(size, _ENTRY.size * _MAX_POINTERS)) if place >= 0 else b""
        for where, info, to in _ENTRY.iter_unpack(table[: len(table) - len(table) % _ENTRY.size]):
            if info & 0xFFFFFFFF in _RELATIVE:
                found[where] = to
    for where in _relative(elf, first(_RELR), first(_RELRSZ)):
        place = elf.place(where)
        value = elf.file.at(place, 8) if place >= 0 else b""
        if len(value) == 8:
            found[where] = _POINTER.unpack(value)[0]
    return found


def _relative(elf: ElfFile, at: int, size: int) -> Iterator[int]:
    place = elf.place(at) if size else -1
    table = elf.file.at(place, _within(size, 8 * _MAX_POINTERS)) if place >= 0 else b""
    where = 0
    for (word,) in _POINTER.iter_unpack(table[: len(table) & ~7]):
        if word & 1 == 0:
            yield word
            where = word + 8
        else:
            yield from (where + 8 * bit for bit in range(63) if word >> (bit + 1) & 1)
            where += 8 * 63


class CallGraph:
    """The functions and tables of one file, and the system calls of each. Numbers are kept as bits of a whole number."""

    def __init__(self, elf: ElfFile, machine: Machine, *, is_libc: bool = False) -> None:
        self._machine = machine
        self._is_libc = is_libc
        self._starts = function_starts(elf)
        self._code = [segment for segment in elf.segments if segment.kind == LOAD and segment.flags & EXECUTE]
        self._own: dict[int, int] = {}
        self._whole: dict[int, int] = {}
        self._leads: dict[int, set[int]] = {}
        self._calls: dict[int, list[tuple[int, Segment, int]]] = {}
        self._bodies = {segment: elf.file.at(segment.offset, segment.size) for segment in self._code}
        self.untold: set[int] = set()
        """Functions that enter the kernel with numbers that nobody tells."""
        for segment, body in self._bodies.items():
            self._read_references(segment, body)
        self._read_pointers(pointers(elf))
        self._read_sites()

    @property
    def is_known(self) -> bool:
        """Whether the file says where its functions begin."""
        return bool(self._starts)

    def _function(self, address: int) -> int:
        """The function that an address is in; -1 for none."""
        place = bisect_right(self._starts, address) - 1
        return self._starts[place] if place >= 0 else -1

    def _is_code(self, address: int) -> bool:
        return any(segment.address <= address < segment.address + segment.size for segment in self._code)

    def _read_references(self, segment: Segment, body: bytes) -> None:
        known = frozenset(self._starts)
        for at, to, is_call in self._machine.references(body, segment.address):
            target = segment.address + to
            if is_call and target not in known:
                continue
            source = self._function(segment.address + at)
            if is_call:
                self._calls.setdefault(target, []).append((source, segment, at))
            elif self._is_code(target):
                target = self._function(target)
            if target != source:
                self._leads.setdefault(source, set()).add(target)

    def _read_pointers(self, found: dict[int, int]) -> None:
        """A table that code refers to leads to all that is pointed to from it: it ends where the next one begins."""
        places = sorted(found)
        data = {to for leads in self._leads.values() for to in leads if not self._is_code(to)}
        data.update(to for to in found.values() if not self._is_code(to))
        begins = sorted(data)
        for number, begin in enumerate(begins):
            first = bisect_left(places, begin)
            last = bisect_left(places, begins[number + 1]) if number + 1 < len(begins) else len(places)
            for place in places[first:last]:
                to = found[place]
                self._leads.setdefault(begin, set()).add(self._function(to) if self._is_code(to) else to)

    def _read_sites(self) -> None:
        asked: set[int] = set()
        for segment, body in self._bodies.items():
            for at in self._machine.entries(body):
                function = self._function(segment.address + at)
                numbers = self._machine.numbers(body, max(0, function - segment.address), at)
                self._add(function, numbers)
                if not numbers and not self._machine.is_part(body, at):
                    asked.add(function)
        for _ in range(_LEVELS):
            asked = {caller for function in asked for caller in self._told_by(function)}
        self.untold |= asked

    def _told_by(self, function: int) -> Iterator[int]:
        """Give the callers of a function that is told which call to make what they tell. Yields those that are told themselves."""
        callers = [call for call in self._calls.get(function, ()) if call[0] != function]
        # libc's handler of signals makes the call that setuid() and the like left for it in memory: it counts where these are called.
        is_handler = self._is_libc and any(function in leads for leads in self._leads.values())
        if not callers and not is_handler:
            self.untold.add(function)
        for source, segment, at in callers:
            body = self._bodies[segment]
            numbers = self._machine.given(body, max(0, source - segment.address), at, is_first=False)
            self._add(source, numbers)
            if not numbers:
                yield source

    def _add(self, function: int, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._own[function] = self._own.get(function, 0) | 1 << min(number, _LAST)

    def numbers(self, address: int) -> int:
        """The numbers of system calls that can come of the function, or of the table, at an address."""
        if not self._whole:
            self._spread()
        return self._whole.get(self._function(address) if self._is_code(address) else address, 0)

    def _spread(self) -> None:
        """What a function can come to is what all can to which it leads."""
        whole = self._whole
        whole.update(self._own)
        for function in self.untold:
            whole[function] = whole.get(function, 0) | UNTOLD
        led: dict[int, list[int]] = {}
        for source, targets in self._leads.items():
            for target in targets:
                led.setdefault(target, []).append(source)
        todo = list(whole)
        while todo:
            function = todo.pop()
            for source in led.get(function, ()):
                before = whole.get(source, 0)
                if (more := before | whole[function]) != before:
                    whole[source] = more
                    todo.append(source)

    def all_numbers(self) -> int:
        """The numbers of all functions."""
        found = UNTOLD if self.untold else 0
        for own in self._own.values():
            found |= own
        return found


def slots_of(elf: ElfFile, machine: Machine, name: str) -> int:
    """The numbers, as bits, that code gives to a function of this name of another library when it calls it, directly or through a stub."""
    if not has_small_code(elf):
        return UNTOLD
    slots = frozenset(_slots(elf, name.encode()))
    found = 0
    for segment in elf.segments if slots else ():
        if segment.kind != LOAD or not segment.flags & EXECUTE:
            continue
        code = elf.file.at(segment.offset, segment.size)
        calls, stubs = list[int](), set[int]()
        references = list(machine.references(code, segment.address))
        for at, to, is_call in references:
            if not is_call and segment.address + to in slots:
                if machine.is_stub(code, at):
                    stubs.update(range(at - _STUB, at + 1))
                else:
                    calls.append(at)
        calls += [at for at, to, is_call in references if is_call and to in stubs and at not in stubs]
        for at in calls:
            numbers = machine.given(code, 0, at, is_first=True)
            found |= sum(1 << min(number, _LAST) for number in numbers) if numbers else UNTOLD
    return found


def _slots(elf: ElfFile, name: bytes) -> Iterator[int]:
    """The addresses of the pointers that the loader makes lead to a function of another library."""
    dynamic = elf.dynamic()
    symbols, strings = (elf.place(dynamic.get(tag, [0])[0]) for tag in (SYMTAB, STRTAB))
    for table, length in ((_RELA, _RELASZ), (_JMPREL, _PLTRELSZ)):
        at, size = elf.place(dynamic.get(table, [0])[0]), dynamic.get(length, [0])[0]
        body = elf.file.at(at, _within(size, _ENTRY.size * _MAX_POINTERS)) if at >= 0 else b""
        for where, info, _ in _ENTRY.iter_unpack(body[: len(body) - len(body) % _ENTRY.size]):
            if info & 0xFFFFFFFF in _OF_SYMBOLS:
                place = int.from_bytes(elf.file.at(symbols + (info >> 32) * 24, 4), "little")
                if elf.file.at(strings + place, len(name) + 1) == name + b"\0":
                    yield where
