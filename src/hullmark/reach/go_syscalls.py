"""Which system calls a Go program makes: they go through few functions of its own, which are told the number.

What function lies where is told by the table that Go's runtime unwinds by (.gopclntab, internal/abi/symtab.go in Go's sources; of Go 1.18
and later). Go gives the first argument of a function in rax (cmd/compile/abi-internal.md), those that are written in assembler take it on
the stack.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from struct import Struct, error
from typing import NamedTuple

from hullmark.model.limit import Limit
from hullmark.reach.call_graph import UNTOLD, has_small_code
from hullmark.reach.elf_file import ALLOC, EXECUTE, LOAD, NOBITS, ElfFile, Segment
from hullmark.reach.machine_code import Machine
from hullmark.rootfs.reads import MIB

_MAX_FUNCTIONS = Limit(
    1_000_000, "functions of a Go program whose system calls are listed (with more, they are not)", "shortened"
)
_MAX_TABLE = Limit(
    128 * MIB, "bytes of the table of functions of a Go program whose system calls are listed", "shortened"
)
_X86_64 = "64:62"
_MAGICS = (0xFFFFFFF0, 0xFFFFFFF1)
_HEADER, _ENTRY, _FUNCTION = Struct("<I2xBBQQQQQQQQ"), Struct("<II"), Struct("<Ii")
_THROUGH = re.compile(
    rb"(?:vendor/)?(?:syscall|internal/runtime/syscall(?:/linux)?|runtime/internal/syscall|golang\.org/x/sys/unix)\."
    rb"(?:[Rr]aw)?(?:Vfork)?[Ss]yscall(?:6|NoError|6NoError)?"
    rb"|syscall\.(?:AllThreadsSyscall6?|runtime_doAllThreadsSyscall)"
).fullmatch
_OF_ALL_THREADS = b"syscall.runtime_doAllThreadsSyscall"
_ON_EACH_THREAD = b"runtime.runPerThreadSyscall"
_ON_STACK = (b"syscall.rawVforkSyscall", b"syscall.rawSyscallNoError")
_STORED = re.compile(rb"\x48\xc7\x04\x24(..\0\0)", re.DOTALL).findall
_NEAR = 96


class _Functions(NamedTuple):
    """Where functions begin, sorted, with the name of each; the last place is the end of all, whose name is b""."""

    starts: list[int]
    names: list[bytes]

    def at(self, address: int) -> tuple[int, bytes]:
        """The function that an address is in: its beginning and its name; -1 and b"" for none."""
        place = bisect_right(self.starts, address) - 1
        return (self.starts[place], self.names[place]) if place >= 0 else (-1, b"")


def go_numbers(elf: ElfFile, machine: Machine, kind: str) -> int | None:
    """The numbers of a Go program's system calls, as bits, UNTOLD among them where one is not known; None where this is not
    a Go program, or one that is not understood."""
    section = next((section for section in elf.sections() if section.name == b".gopclntab"), None)
    if section is None or kind != _X86_64 or section.size > _MAX_TABLE or not has_small_code(elf):
        return None
    try:
        functions = _functions(elf.file.at(section.offset, section.size))
    except (error, ValueError):
        functions = None
    if functions is None:
        return None
    through = {start for start, name in zip(*functions, strict=True) if _THROUGH(name)}
    found = UNTOLD if _are_values(elf, through) else 0
    for segment in elf.segments:
        if segment.kind == LOAD and segment.flags & EXECUTE:
            found |= _in_code(elf, machine, segment, functions, through)
    return found


def _functions(table: bytes) -> _Functions | None:
    """The functions that the table lists; None where it is of another kind."""
    magic, quantum, width, count, _, text, names_at, _, _, _, at = _HEADER.unpack_from(table)
    if magic not in _MAGICS or (quantum, width) != (1, 8) or not text or count > _MAX_FUNCTIONS:
        return None
    starts, names = [], []
    for place in range(at, at + count * _ENTRY.size, _ENTRY.size):
        start, where = _ENTRY.unpack_from(table, place)
        _, named = _FUNCTION.unpack_from(table, at + where)
        begin = names_at + named
        starts.append(text + start)
        names.append(table[begin : table.index(b"\0", begin)])
    (end, *_) = _ENTRY.unpack_from(table, at + count * _ENTRY.size)
    if starts != sorted(starts):
        return None
    return _Functions([*starts, text + end], [*names, b""])


def _are_values(elf: ElfFile, through: set[int]) -> bool:
    """Whether a pointer to one of these functions stands among the data: whoever has it may call it with any number."""
    wanted = [start.to_bytes(8, "little") for start in through]
    for section in elf.sections():
        is_data = section.flags & ALLOC and section.kind != NOBITS and section.name != b".gopclntab"
        body = elf.file.at(section.offset, section.size) if is_data else b""
        if any(value in body for value in wanted):
            return True
    return False


def _in_code(elf: ElfFile, machine: Machine, segment: Segment, functions: _Functions, through: set[int]) -> int:
    """The numbers at entries of the kernel that are not part of these functions, and those that these are called with."""
    code, base = elf.file.at(segment.offset, segment.size), segment.address
    has_all_threads = _OF_ALL_THREADS in functions.names
    found = 0
    for at in machine.entries(code):
        start, _ = functions.at(base + at)
        if start not in through:
            numbers = machine.numbers(code, max(0, start - base), at)
            found |= _mask(numbers) or (0 if machine.is_part(code, at) else UNTOLD)
    for at, target, is_call in machine.references(code, base):
        if base + target not in through:
            continue
        start, name = functions.at(base + at)
        if start in through or (name == _ON_EACH_THREAD and not has_all_threads):
            continue
        called = functions.at(base + target)[1]
        found |= _find_call_number(machine, code, (max(0, start - base), at), called) if is_call else UNTOLD
    return found


def _find_call_number(machine: Machine, code: bytes, place: tuple[int, int], called: bytes) -> int:
    """The number that a function is called with, at the end of a place in the code."""
    start, at = place
    stored = _STORED(code[max(start, at - _NEAR) : at])
    if stored:
        return _mask(frozenset((int.from_bytes(stored[-1], "little"),)))
    return UNTOLD if called in _ON_STACK else _mask(machine.numbers(code, start, at)) or UNTOLD


def _mask(numbers: frozenset[int]) -> int:
    found = 0
    for number in numbers:
        found |= 1 << min(number, 4095)
    return found
