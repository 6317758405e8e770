"""What an ELF program or library needs: its loader, its libraries, what it may open by name, what it calls to start others.

Follows the ELF gABI (chapters 4 and 5), the dynamic tags of GNU ld, and the note of systemd's "ELF dlopen metadata" (type 0x407c0c0a).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import chain
from struct import error
from typing import Any

import msgspec

from hullmark.model.limit import Limit
from hullmark.reach.code_names import matches
from hullmark.reach.elf_calls import SEARCHING, TOLD
from hullmark.reach.elf_file import (
    ALLOC,
    DYNSYM,
    EXECUTE,
    INTERP,
    LOAD,
    NEEDED,
    NOBITS,
    NOTE,
    RPATH,
    RUNPATH,
    SONAME,
    STRSZ,
    STRTAB,
    SYMTAB,
    ElfBytes,
    ElfFile,
    Section,
    whole,
)
from hullmark.reach.elf_large import LargeFile
from hullmark.rootfs.reads import MIB, Read, Report

_BODY = Limit(48 * MIB, "bytes of a program that is held in memory (of larger ones all but the code is)", "later")
_MAX_NAMES = Limit(20_000, "paths and names of libraries that a program holds")
_MAX_WORDS = Limit(20_000, "words in a program that may be names of programs")
_MAX_NEEDED = Limit(4_000, "libraries that a program needs")
_MAX_NOTES = Limit(64, "notes of a program")

_ADDRESSES = {62: 1, 183: 257}
"""The kind of relocation that only puts an address into data, by processor (x86-64 and AArch64 psABI)."""

_PATHS = re.compile(rb"\0(/[\w.+@-]{1,100}(?:/[\w.+@-]{1,100}){1,20}/?)(?=\0)").match
_WORDS = re.compile(rb"(?<=\0)([a-z][a-z0-9._+-]{1,30})(?=\0| [^\0]{1,200}\0)").finditer
_LIBRARY = re.compile(r"[\w.+/$@{}-]{1,200}\.so(?:\.[0-9]+)*").fullmatch
_JOINED = re.compile(rb"(?=(/(?:etc|usr|opt|var|srv|home|app|lib|s?bin|root|data|config)/[\w.+@/-]{2,150}))").finditer
"""Compilers of Go and Rust write constants one after the other, with nothing between: where a path ends is told by the image alone."""

_OF_RUST = re.compile(rb"/rustc/[0-9a-f]{40}/").search
_DLOPEN_NOTE = 0x407C0C0A
_GO_STARTS = re.compile(rb"(?:os/exec\.\(\*Cmd\)\.Start|syscall\.Exec)\0").search
_SEARCHES = re.compile(rb"/bin:/usr/bin\0").search
"""Where libc looks for programs if PATH says nothing: with it, a program that is linked statically has the code to start others."""

_GO_ZONES = re.compile(rb"time\.LoadLocation\0").search

GO_EXEC, GO_ZONES = "os/exec", "time.LoadLocation"
"""Stand among the calls of a Go program that has the code to start others, and that for a time zone by its name."""


class ElfFacts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the file says. `machine` is its class and processor, as `64:62`; `calls` are the functions of interest that it imports.

    `opens` are libraries that a note says it may open, each `name priority`; `libraries` are names of libraries among its constants,
    `paths` absolute paths, `words` what may be the name of a program (of those that look in PATH alone). `is_static`: it needs no
    loader, so what it calls is not known. Of Go and Rust `paths` may have more at their ends than belongs to them. `untold` is why a part
    of this may be missing.
    """

    machine: str
    interpreter: str = ""
    soname: str = ""
    needed: tuple[str, ...] = ()
    rpath: str = ""
    runpath: str = ""
    calls: tuple[str, ...] = ()
    opens: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    is_static: bool = False
    is_go: bool = False
    is_rust: bool = False
    untold: str = ""


def facts_of(body: memoryview) -> ElfFacts:
    """The facts of a file."""
    return facts_of_parts(whole(body))


def facts_of_parts(file: ElfBytes) -> ElfFacts:
    """The facts of a file that may be there in part."""
    try:
        return _facts(ElfFile(file))
    except (error, ValueError, IndexError, OverflowError) as wrong:
        return ElfFacts("", untold=f"what it needs is not known: {wrong}"[:200])


def _facts(elf: ElfFile) -> ElfFacts:
    dynamic, sections, file = elf.dynamic(), elf.sections(), elf.file
    strings = _strings(elf, dynamic)
    needed = [_text(strings, at) for at in dynamic.get(NEEDED, [])[: _MAX_NEEDED + 1]]
    interpreter = next(
        (file.at(segment.offset, min(segment.size, 4096)) for segment in elf.segments if segment.kind == INTERP), b""
    )
    calls = _calls(elf, dynamic, sections, strings) if dynamic else ()
    is_go = any(section.name in (b".go.buildinfo", b".gopclntab") for section in sections)
    if is_go and file.has(_GO_STARTS):
        calls = (*calls, GO_EXEC)
    if is_go and file.has(_GO_ZONES):
        calls = (*calls, GO_ZONES)
    is_rust = not is_go and file.has(_OF_RUST)
    texts = _Texts(_constants(elf, sections), is_joined=is_go or is_rust)
    is_static = not dynamic or (not interpreter and not needed and SONAME not in dynamic and bool(_entry(elf)))
    if is_static and not is_go and (file.has(_SEARCHES) or "/bin/sh" in texts.paths):
        calls = (*calls, "execvp")
    words = texts.words() if SEARCHING.intersection(calls) else ()
    untold = ""
    if file.is_cut:
        untold = "it is so large that not all of it was read"
    elif len(needed) > _MAX_NEEDED or "" in needed:
        untold = "the names of the libraries that it needs could not all be read"
    elif texts.is_cut:
        untold = "it holds so many names that not all were kept"
    return ElfFacts(
        machine=f"{64 if elf.layout.is_wide else 32}:{elf.machine}",
        interpreter=interpreter.partition(b"\0")[0].decode("utf-8", "backslashreplace"),
        soname=_text(strings, dynamic[SONAME][0]) if SONAME in dynamic else "",
        needed=tuple(dict.fromkeys(name for name in needed[:_MAX_NEEDED] if name)),
        rpath=_text(strings, dynamic[RPATH][0]) if RPATH in dynamic else "",
        runpath=_text(strings, dynamic[RUNPATH][0]) if RUNPATH in dynamic else "",
        calls=calls,
        opens=tuple(_read_dlopen_notes(elf)),
        libraries=texts.libraries,
        paths=texts.paths,
        words=words,
        is_static=is_static,
        is_go=is_go,
        is_rust=is_rust,
        untold=untold,
    )


def _entry(elf: ElfFile) -> int:
    width = 8 if elf.layout.is_wide else 4
    return int.from_bytes(elf.file.at(24, width), "little" if elf.file.at(5, 1) == b"\1" else "big")


def _strings(elf: ElfFile, dynamic: dict[int, list[int]]) -> bytes:
    at = elf.place(dynamic[STRTAB][0]) if STRTAB in dynamic else -1
    size = dynamic.get(STRSZ, [0])[0]
    return elf.file.at(at, min(size, 32 * MIB)) if at >= 0 else b""


def _text(strings: bytes, at: int) -> str:
    end = strings.find(b"\0", at, at + 4096)
    return strings[at:end].decode("utf-8", "backslashreplace") if end >= 0 else ""


def _calls(elf: ElfFile, dynamic: dict[int, list[int]], sections: list[Section], strings: bytes) -> tuple[str, ...]:
    """The functions of interest that it does not define itself."""
    wanted: dict[int, str] = {}
    for name in TOLD:
        sought, at = name.encode() + b"\0", -1
        while (at := strings.find(sought, at + 1)) >= 0:
            wanted[at] = name
    if not wanted:
        return ()
    table = next(((section.offset, section.size) for section in sections if section.kind == DYNSYM), None)
    if table is None:
        start = elf.place(dynamic[SYMTAB][0]) if SYMTAB in dynamic else -1
        end = elf.place(dynamic[STRTAB][0])
        table = (start, end - start) if 0 <= start < end else (0, 0)
    layout = elf.layout.symbol
    body = elf.file.at(table[0], min(table[1], 64 * MIB))
    rows = layout.iter_unpack(body[: len(body) - len(body) % layout.size])
    found = {number: wanted[name] for number, (name, section) in enumerate(rows) if name in wanted and section == 0}
    return tuple(sorted(set(found.values()) - _find_address_tables(elf, dynamic, strings, found)))


def _find_address_tables(
    elf: ElfFile, dynamic: dict[int, list[int]], strings: bytes, found: Mapping[int, str]
) -> set[str]:
    """Functions that Apache's server only holds the addresses of, one beside the other, so that its modules find them in it
    (httpd, server/exports.c): it does not call them. `found` are the functions that it imports by the numbers of their symbols."""
    held = {name for name in found.values() if b"\0ap_hack_" + name.encode() + b"\0" in strings}
    if held:
        kinds = _ADDRESSES.get(elf.machine, 0)
        held -= {found[symbol] for symbol, kind in elf.relocations(dynamic) if symbol in found and kind != kinds}
    return held


def _read_dlopen_notes(elf: ElfFile) -> Iterator[str]:
    """What a note says that it may open."""
    order = "little" if elf.file.at(5, 1) == b"\1" else "big"
    found = 0
    for segment in elf.segments:
        notes, at = (elf.file.at(segment.offset, min(segment.size, MIB)) if segment.kind == NOTE else b""), 0
        while at + 12 <= len(notes):
            found += 1
            if found > _MAX_NOTES:
                raise ValueError("it has very many notes")
            name, size, kind = (int.from_bytes(notes[at + i : at + i + 4], order) for i in (0, 4, 8))  # type: ignore[arg-type]
            start = at + 12 + (name + 3) // 4 * 4
            if kind == _DLOPEN_NOTE:
                yield from _parse_dlopen_note(notes[start : start + size])
            at = start + (size + 3) // 4 * 4


def _parse_dlopen_note(text: bytes) -> Iterator[str]:
    try:
        document: Any = json.loads(text.rstrip(b"\0"))
    except (ValueError, RecursionError):
        return
    for note in document if isinstance(document, list) else ():
        if isinstance(note, dict):
            priority = str(note.get("priority", "recommended"))[:20]
            names = note.get("soname")
            yield from (
                f"{name[:200]} {priority}"
                for name in (names if isinstance(names, list) else ())
                if isinstance(name, str)
            )


def _constants(elf: ElfFile, sections: list[Section]) -> list[bytes]:
    """The parts of the file where constants are: those that say so, else all that is loaded and not code alone."""
    named = [
        section
        for section in sections
        if section.name.startswith((b".rodata", b".data.rel.ro", b".lrodata")) and section.kind != NOBITS
    ]
    places = [(section.offset, section.size) for section in named if section.flags & ALLOC]
    if not places:
        loads = [segment for segment in elf.segments if segment.kind == LOAD]
        places = [(load.offset, load.size) for load in [load for load in loads if not load.flags & EXECUTE] or loads]
    return [b"\0" + elf.file.at(offset, min(size, 2 * _BODY)) for offset, size in places]


class _Texts:
    """Paths, libraries and words among constants."""

    def __init__(self, parts: list[bytes], *, is_joined: bool) -> None:
        self._parts = parts
        self.is_cut = False
        paths = (match[1] for part in parts for match in matches(part, b"\0/", _PATHS))
        joined = (match[1] for part in parts if is_joined for match in _JOINED(part))
        self.paths = self._take_names(chain(paths, joined), _MAX_NAMES)
        self.libraries = self._take_names((name for part in parts for name in _names_of_libraries(part)), _MAX_NAMES)

    def _take_names(self, found: Iterator[bytes], most: int) -> tuple[str, ...]:
        kept: dict[bytes, None] = {}
        for name in found:
            if name not in kept and len(kept) >= most:
                self.is_cut = True
                break
            kept[name] = None
        return tuple(name.decode("ascii", "replace") for name in sorted(kept))

    def words(self) -> tuple[str, ...]:
        return self._take_names((match[1] for part in self._parts for match in _WORDS(part)), _MAX_WORDS)


def _names_of_libraries(part: bytes) -> Iterator[bytes]:
    at = -1
    while (at := part.find(b".so", at + 1)) >= 0:
        start = part.rfind(b"\0", max(at - 200, 0), at) + 1
        end = part.find(b"\0", at, at + 40)
        if start and end > 0 and _LIBRARY(part[start:end].decode("latin-1")):
            yield part[start:end]


class _Large(LargeFile):
    """Keeps of a large program what tells its facts."""

    def finish(self, report: Report, /) -> ElfFacts:
        """What can be told of it."""
        return facts_of_parts(self.parts())


def extract(path: str, body: memoryview, report: Report) -> ElfFacts:
    """The facts of one file."""
    return facts_of(body)


ELF = Read(
    name="reach-elf",
    fact=ElfFacts,
    extract=extract,
    magic=(b"\x7fELF",),
    limit=_BODY,
    oversize=_Large,
    sources=("reach/code_names", "reach/elf", "reach/elf_calls", "reach/elf_file", "reach/elf_large"),
)
"""Every ELF file, by its first bytes."""
