"""Which system calls an ELF file can make: the numbers at its own entries of the kernel, the functions of libc that it calls, and what it
gives to syscall().

Of libc itself also which system calls each of its functions can come to. Nothing is run; see `machine_code` for how code is read.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from struct import Struct, error
from typing import NamedTuple

import msgspec

from hullmark.model.limit import Limit
from hullmark.reach.call_graph import UNTOLD, CallGraph, function_starts, has_small_code, slots_of
from hullmark.reach.elf_file import DYNSYM, EXECUTE, LOAD, NOBITS, SONAME, STRSZ, STRTAB, SYMTAB, ElfFile, whole
from hullmark.reach.go_syscalls import go_numbers
from hullmark.reach.machine_code import MACHINES, Machine
from hullmark.rootfs.reads import MIB, Read, Report

_BODY = Limit(64 * MIB, "bytes of a program whose system calls are listed (those of larger ones are not)", "shortened")
_MAX_SYMBOLS = Limit(
    500_000, "symbols of a program whose system calls are listed (with more, they are not)", "shortened"
)
_MAX_LOOKED_UP = Limit(20_000, "names in a program that may be those of functions that it looks up", "shortened")
_SYMBOL = Struct("<IBBHQQ")
_LIBC = re.compile(r"libc\.so\.6|libc\.musl-\w+\.so\.1").fullmatch
_LOOKS_UP = frozenset(("dlsym", "dlvsym"))
_NAMES = re.compile(rb"(?<=\0)[a-z_][a-z0-9_]{1,40}(?=\0)").finditer
_OTHER = "its code is of a processor whose instructions are not known here"
_UNREADABLE = "its code could not be read"
_TOO_LARGE = "it is too large for its code to be read"
_IN_CODE = "it enters the kernel with a number that is not given beside it"
_THROUGH_LIBC = "it calls syscall() with a number that is not given beside it"
_LOOKED_UP = "it holds so many names that not all that it may look up were kept"


class SyscallFacts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one file says: class and processor (`64:62`), the `numbers` that it enters the kernel with itself, the functions that it `asks`
    others for, the names that it may look up while it runs. `untold` are reasons, as clauses, why there may be more.

    Of libc: `exports` are its functions, each with the place in `sets` where their numbers are; -1 at the end of a set says that it is not
    whole.
    """

    machine: str
    numbers: tuple[int, ...] = ()
    asks: tuple[str, ...] = ()
    looks_up: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()
    exports: dict[str, int] = {}
    sets: tuple[tuple[int, ...], ...] = ()


class _Symbol(NamedTuple):
    name: str
    address: int
    is_own: bool


def facts_of(body: memoryview) -> SyscallFacts:
    """The facts of a file."""
    try:
        elf = ElfFile(whole(body))
        kind = f"{64 if elf.layout.is_wide else 32}:{elf.machine}"
        machine = MACHINES.get(kind) if body[5] == 1 else None
        return SyscallFacts(kind, untold=(_OTHER,)) if machine is None else _facts(elf, kind, machine)
    except (error, ValueError, IndexError, OverflowError):
        return SyscallFacts("", untold=(_UNREADABLE,))


def _facts(elf: ElfFile, kind: str, machine: Machine) -> SyscallFacts:
    symbols = list(_symbols(elf))
    asks = sorted({symbol.name for symbol in symbols if not symbol.is_own})
    graph = None
    exports: dict[str, int] = {}
    sets: dict[tuple[int, ...], int] = {}
    if _LIBC(_soname(elf)) and has_small_code(elf):
        graph = CallGraph(elf, machine, is_libc=True)
        for symbol in symbols if graph.is_known else ():
            if symbol.is_own:
                exports[symbol.name] = sets.setdefault(_list_bits(graph.numbers(symbol.address)), len(sets))
    of_go = go_numbers(elf, machine, kind)
    mask = _own_numbers(elf, machine) if of_go is None else of_go
    if of_go is None and mask & UNTOLD and (graph is not None or (has_small_code(elf) and function_starts(elf))):
        mask = (graph or CallGraph(elf, machine)).all_numbers()
    untold = [_IN_CODE] if mask & UNTOLD and not exports else []
    if "syscall" in asks:
        given = slots_of(elf, machine, "syscall")
        mask |= given & ~UNTOLD
        untold += [_THROUGH_LIBC] if given & UNTOLD else []
    names = sorted(_looked_up(elf)) if _LOOKS_UP.intersection(asks) else []
    untold += [_LOOKED_UP] if len(names) > _MAX_LOOKED_UP else []
    return SyscallFacts(
        kind,
        _list_bits(mask & ~UNTOLD),
        tuple(asks),
        tuple(names[:_MAX_LOOKED_UP]),
        tuple(untold),
        exports,
        tuple(sets),
    )


def _own_numbers(elf: ElfFile, machine: Machine) -> int:
    """The numbers at all entries of the kernel, as bits, read without looking at who calls what."""
    starts: list[int] | None = None
    found = 0
    for segment in elf.segments:
        code = elf.file.at(segment.offset, segment.size) if segment.kind == LOAD and segment.flags & EXECUTE else b""
        for at in machine.entries(code):
            starts = function_starts(elf) if starts is None else starts
            place = bisect_right(starts, segment.address + at) - 1
            numbers = machine.numbers(code, max(0, starts[place] - segment.address) if place >= 0 else 0, at)
            for number in numbers:
                found |= 1 << min(number, 4095)
            found |= 0 if numbers or machine.is_part(code, at) else UNTOLD
    return found


def _list_bits(mask: int) -> tuple[int, ...]:
    """The bits that are set, the one that says that more may be as -1 at the end."""
    found = tuple(number for number in range((mask & ~UNTOLD).bit_length()) if mask >> number & 1)
    return (*found, -1) if mask & UNTOLD else found


def _soname(elf: ElfFile) -> str:
    dynamic = elf.dynamic()
    if SONAME not in dynamic or STRTAB not in dynamic:
        return ""
    at, place = elf.place(dynamic[STRTAB][0]), dynamic[SONAME][0]
    size = dynamic.get(STRSZ, [0])[0]
    return elf.file.at(at + place, 200).partition(b"\0")[0].decode("latin-1") if at >= 0 and place < size else ""


def _symbols(elf: ElfFile) -> Iterator[_Symbol]:
    """The dynamic symbols that have names."""
    dynamic = elf.dynamic()
    if STRTAB not in dynamic or SYMTAB not in dynamic:
        return
    strings, start = (elf.place(dynamic[tag][0]) for tag in (STRTAB, SYMTAB))
    section = next((section for section in elf.sections() if section.kind == DYNSYM), None)
    # Without sections, nothing tells where the table ends: its names usually follow it.
    size = section.size if section is not None else strings - start
    if start < 0 or strings < 0 or not 0 <= size <= _SYMBOL.size * _MAX_SYMBOLS:
        raise ValueError("it has no table of its symbols that can be read")
    texts = elf.file.at(strings, min(dynamic.get(STRSZ, [0])[0], _BODY))
    body = elf.file.at(start, size)
    for name, _, _, place, address, _ in _SYMBOL.iter_unpack(body[: len(body) - len(body) % _SYMBOL.size]):
        end = texts.find(b"\0", name)
        if name and end > name:
            yield _Symbol(texts[name:end].decode("latin-1"), address, bool(place))


def _looked_up(elf: ElfFile) -> Iterator[str]:
    """Words among the constants, each of which may be the name of a function."""
    seen: set[bytes] = set()
    for section in elf.sections():
        if section.name.startswith(b".rodata") and section.kind != NOBITS:
            for found in _NAMES(b"\0" + elf.file.at(section.offset, section.size)):
                if found[0] not in seen and len(seen) <= _MAX_LOOKED_UP:
                    seen.add(found[0])
                    yield found[0].decode("ascii")


class _TooLarge:
    """Takes no notice of a body that is too large."""

    def write(self, piece: memoryview, /) -> None:
        """Nothing."""

    def finish(self, report: Report, /) -> SyscallFacts:
        """Say so, where it matters."""
        return SyscallFacts("", untold=(_TOO_LARGE,))


def extract(path: str, body: memoryview, report: Report) -> SyscallFacts:
    """The facts of one file."""
    return facts_of(body)


SYSCALLS_READ = Read(
    name="reach-syscalls",
    fact=SyscallFacts,
    extract=extract,
    magic=(b"\x7fELF",),
    limit=_BODY,
    oversize=lambda size: _TooLarge(),
    sources=("reach/syscalls", "reach/go_syscalls", "reach/call_graph", "reach/machine_code", "reach/elf_file"),
)
"""Every ELF file; only where a profile is asked for."""
