"""What an ELF program or library needs: its loader, its libraries, what it may open by name, what it calls to start others.

Follows the ELF gABI (chapters 4 and 5), the dynamic tags of GNU ld, and the note of systemd's "ELF dlopen metadata" (type 0x407c0c0a).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from struct import Struct, error
from typing import Any, NamedTuple

import msgspec

from hullmark.model.limit import Limit
from hullmark.rootfs.reads import MIB, Read, Report

_BODY = Limit(48 * MIB, "bytes of a program that is held in memory (of larger ones the beginning and the end are)", "later")
_KEPT_END = 24 * MIB
_MAX_NAMES = Limit(20_000, "paths and names of libraries that a program holds")
_MAX_WORDS = Limit(5_000, "words in a program that may be names of programs")
_MAX_NEEDED = Limit(4_000, "libraries that a program needs")
_MOST_NOTES = 64
_MOST_SEGMENTS = 1024
_MOST_SECTIONS = 65_536

SPAWNING = frozenset(("execl", "execle", "execlp", "execv", "execve", "execveat", "execvp", "execvpe", "fexecve", "posix_spawn",
    "posix_spawnp", "popen", "system", "wordexp"))  # fmt: skip
"""Functions of libc that start another program."""

SEARCHING = frozenset(("execlp", "execvp", "execvpe", "posix_spawnp", "popen", "system", "wordexp"))
"""Those of them that look for it in PATH."""

THROUGH_SHELL = frozenset(("popen", "system", "wordexp"))
"""Those that start /bin/sh."""

OPENING = frozenset(("dlmopen", "dlopen"))
NAME_SERVICE = frozenset(("getaddrinfo", "gethostbyname", "gethostbyname_r", "getgrgid_r", "getgrgid", "getgrnam", "getgrnam_r",
    "getgrouplist", "getnameinfo", "getprotobyname", "getpwnam", "getpwnam_r", "getpwuid", "getpwuid_r", "getservbyname", "getservbyport",
    "getspnam", "getspnam_r", "initgroups", "getnetbyname"))  # fmt: skip
AUTHENTICATING = frozenset(("pam_start", "pam_start_confdir"))
CONVERTING = frozenset(("iconv_open",))
LOCALISING = frozenset(("newlocale", "setlocale"))
TIMING = frozenset(("localtime", "localtime64_r", "localtime_r", "mktime", "tzset"))
UNWINDING = frozenset(("backtrace", "pthread_cancel", "pthread_exit"))
TRUSTING = frozenset(("SSL_CTX_set_default_verify_paths", "X509_STORE_set_default_paths", "gnutls_certificate_set_x509_system_trust"))
_TOLD = tuple(sorted(SPAWNING | OPENING | NAME_SERVICE | AUTHENTICATING | CONVERTING | LOCALISING | TIMING | UNWINDING | TRUSTING))

_PATHS = re.compile(rb"(?<=\0)/[\w.+@-]{1,100}(?:/[\w.+@-]{1,100}){1,20}/?(?=\0)").finditer
_WORDS = re.compile(rb"(?<=\0)([a-z][a-z0-9._+-]{1,30})(?=\0| [^\0]{1,200}\0)").finditer
_LIBRARY = re.compile(r"[\w.+/$@{}-]{1,200}\.so(?:\.[0-9]+)*").fullmatch
_DLOPEN_NOTE = 0x407C0C0A
_GO_STARTS = re.compile(rb"(?:os/exec\.\(\*Cmd\)\.Start|syscall\.Exec)\0").search
_SEARCHES = re.compile(rb"/bin:/usr/bin\0").search
"""Where libc looks for programs if PATH says nothing: with it, a program that is linked statically has the code to start others."""

GO_EXEC = "os/exec"
"""Stands among the calls of a Go program that has the code to start others."""


class ElfFacts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the file says. `machine` is its class and processor, as `64:62`; `calls` are the functions of interest that it imports.

    `opens` are libraries that a note says it may open, each `name priority`; `libraries` are names of libraries among its constants, `paths`
    absolute paths, `words` what may be the name of a program (of those that look in PATH alone). `is_static`: it needs no loader, so what
    it calls is not told. `untold` is why a part of this may be missing.
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
    untold: str = ""


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
_LOAD, _DYNAMIC, _INTERP, _NOTE = 1, 2, 3, 4
_EXECUTE = 1
_NEEDED, _STRTAB, _SYMTAB, _SONAME, _RPATH, _RUNPATH = 1, 5, 6, 14, 15, 29
_DYNSYM, _NOBITS, _ALLOC = 11, 8, 2


class _Segment(NamedTuple):
    kind: int
    flags: int
    offset: int
    address: int
    size: int


class _Section(NamedTuple):
    name: bytes
    kind: int
    flags: int
    offset: int
    size: int


class _File:
    """The bytes of a file that are there: all, or its beginning and its end."""

    def __init__(self, head: memoryview, tail: memoryview, size: int) -> None:
        self._head, self._tail, self.size = head, tail, size
        self.is_cut = False

    def has(self, search: Callable[[memoryview], object]) -> bool:
        return search(self._head) is not None or search(self._tail) is not None

    def at(self, offset: int, size: int) -> bytes:
        end = min(offset + size, self.size)
        if offset >= end:
            return b""
        if end <= len(self._head):
            return bytes(self._head[offset:end])
        start = self.size - len(self._tail)
        if offset >= start:
            return bytes(self._tail[offset - start : end - start])
        self.is_cut = True
        return b""


class _Elf:
    def __init__(self, file: _File) -> None:
        self.file = file
        ident = file.at(0, 64)
        layout = _LAYOUTS.get(ident[4:6])
        if layout is None or len(ident) < layout.header.size:
            raise ValueError("its head is not understood")
        self.layout = layout
        self.machine, at, self._sections_at, stride, count, self._stride, self._count, self._names = layout.header.unpack_from(ident)
        self.segments = list(self._segments(at, stride, min(count, _MOST_SEGMENTS)))

    def _segments(self, at: int, stride: int, count: int) -> Iterator[_Segment]:
        layout = self.layout.segment
        table = self.file.at(at, stride * count)
        if stride < layout.size:
            return
        for i in range(0, len(table) - layout.size + 1, stride):
            if self.layout.is_wide:
                kind, flags, offset, address, size = layout.unpack_from(table, i)
            else:
                kind, offset, address, size, flags = layout.unpack_from(table, i)
            yield _Segment(kind, flags, offset, address, size)

    def sections(self) -> list[_Section]:
        layout = self.layout.section
        if not self._sections_at or self._stride < layout.size or self._count > _MOST_SECTIONS:
            return []
        table = self.file.at(self._sections_at, self._stride * self._count)
        rows = [layout.unpack_from(table, i) for i in range(0, len(table) - layout.size + 1, self._stride)]
        if self._names >= len(rows):
            return []
        names = self.file.at(rows[self._names][4], min(rows[self._names][5], 4 * MIB))
        return [_Section(names[row[0] : max(names.find(b"\0", row[0]), 0)], row[1], row[2], row[4], row[5]) for row in rows]

    def place(self, address: int) -> int:
        """Where an address lies in the file; -1 for nowhere."""
        for each in self.segments:
            if each.kind == _LOAD and each.address <= address < each.address + each.size:
                return each.offset + address - each.address
        return -1

    def dynamic(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for each in self.segments:
            if each.kind == _DYNAMIC:
                table = self.file.at(each.offset, min(each.size, MIB))
                layout = self.layout.dynamic
                for tag, value in layout.iter_unpack(table[: len(table) - len(table) % layout.size]):
                    if tag == 0:
                        break
                    found.setdefault(tag, []).append(value)
        return found


def facts_of(body: memoryview, tail: memoryview | None = None, size: int = -1) -> ElfFacts:
    """The facts of a file, of which `body` is all, or the beginning, and `tail` the end."""
    file = _File(body, body[:0] if tail is None else tail, len(body) if size < 0 else size)
    try:
        return _facts(_Elf(file))
    except (error, ValueError, IndexError, OverflowError) as wrong:
        return ElfFacts("", untold=f"what it needs is not known: {wrong}"[:200])


def _facts(elf: _Elf) -> ElfFacts:
    dynamic, sections, file = elf.dynamic(), elf.sections(), elf.file
    strings = _strings(elf, dynamic)
    needed = [_text(strings, at) for at in dynamic.get(_NEEDED, [])[: _MAX_NEEDED + 1]]
    interpreter = next((file.at(each.offset, min(each.size, 4096)) for each in elf.segments if each.kind == _INTERP), b"")
    calls = _calls(elf, dynamic, sections, strings) if dynamic else ()
    is_go = any(each.name in (b".go.buildinfo", b".gopclntab") for each in sections)
    if is_go and file.has(_GO_STARTS):
        calls = (*calls, GO_EXEC)
    texts = _Texts(_constants(elf, sections))
    untold = ""
    if file.is_cut:
        untold = "it is so large that only its beginning and its end were read"
    elif len(needed) > _MAX_NEEDED or "" in needed:
        untold = "the names of the libraries that it needs could not all be read"
    elif texts.is_cut:
        untold = "it holds so many names that not all were kept"
    is_static = not dynamic or (not interpreter and not needed and _SONAME not in dynamic and bool(_entry(elf)))
    if is_static and not is_go and (file.has(_SEARCHES) or "/bin/sh" in texts.paths):
        calls = (*calls, "execvp")
    wants_words = bool(SEARCHING.intersection(calls))
    return ElfFacts(
        machine=f"{64 if elf.layout.is_wide else 32}:{elf.machine}",
        interpreter=interpreter.partition(b"\0")[0].decode("utf-8", "backslashreplace"),
        soname=_text(strings, dynamic[_SONAME][0]) if _SONAME in dynamic else "",
        needed=tuple(dict.fromkeys(name for name in needed[:_MAX_NEEDED] if name)),
        rpath=_text(strings, dynamic[_RPATH][0]) if _RPATH in dynamic else "",
        runpath=_text(strings, dynamic[_RUNPATH][0]) if _RUNPATH in dynamic else "",
        calls=calls,
        opens=tuple(_noted(elf)),
        libraries=texts.libraries,
        paths=texts.paths,
        words=texts.words() if wants_words else (),
        is_static=is_static,
        is_go=is_go,
        untold=untold,
    )


def _entry(elf: _Elf) -> int:
    width = 8 if elf.layout.is_wide else 4
    return int.from_bytes(elf.file.at(24, width), "little" if elf.file.at(5, 1) == b"\1" else "big")


def _strings(elf: _Elf, dynamic: dict[int, list[int]]) -> bytes:
    at = elf.place(dynamic[_STRTAB][0]) if _STRTAB in dynamic else -1
    size = dynamic.get(10, [0])[0]
    return elf.file.at(at, min(size, 32 * MIB)) if at >= 0 else b""


def _text(strings: bytes, at: int) -> str:
    end = strings.find(b"\0", at, at + 4096)
    return strings[at:end].decode("utf-8", "backslashreplace") if end >= 0 else ""


def _calls(elf: _Elf, dynamic: dict[int, list[int]], sections: list[_Section], strings: bytes) -> tuple[str, ...]:
    """The functions of interest that it does not define itself."""
    wanted: dict[int, str] = {}
    for name in _TOLD:
        sought, at = name.encode() + b"\0", -1
        while (at := strings.find(sought, at + 1)) >= 0:
            wanted[at] = name
    if not wanted:
        return ()
    table = next(((each.offset, each.size) for each in sections if each.kind == _DYNSYM), None)
    if table is None:
        start = elf.place(dynamic[_SYMTAB][0]) if _SYMTAB in dynamic else -1
        end = elf.place(dynamic[_STRTAB][0])
        table = (start, end - start) if 0 <= start < end else (0, 0)
    layout = elf.layout.symbol
    body = elf.file.at(table[0], min(table[1], 64 * MIB))
    rows = layout.iter_unpack(body[: len(body) - len(body) % layout.size])
    return tuple(sorted({wanted[name] for name, section in rows if name in wanted and section == 0}))


def _noted(elf: _Elf) -> Iterator[str]:
    """What a note says that it may open."""
    order = "little" if elf.file.at(5, 1) == b"\1" else "big"
    found = 0
    for each in elf.segments:
        notes, at = (elf.file.at(each.offset, min(each.size, MIB)) if each.kind == _NOTE else b""), 0
        while at + 12 <= len(notes) and found < _MOST_NOTES:
            found += 1
            name, size, kind = (int.from_bytes(notes[at + i : at + i + 4], order) for i in (0, 4, 8))  # type: ignore[arg-type]
            start = at + 12 + (name + 3) // 4 * 4
            if kind == _DLOPEN_NOTE:
                yield from _wishes(notes[start : start + size])
            at = start + (size + 3) // 4 * 4


def _wishes(text: bytes) -> Iterator[str]:
    try:
        document: Any = json.loads(text.rstrip(b"\0"))
    except (ValueError, RecursionError):
        return
    for wish in document if isinstance(document, list) else ():
        if isinstance(wish, dict):
            priority = str(wish.get("priority", "recommended"))[:20]
            names = wish.get("soname")
            yield from (f"{name[:200]} {priority}" for name in (names if isinstance(names, list) else ()) if isinstance(name, str))


def _constants(elf: _Elf, sections: list[_Section]) -> list[bytes]:
    """The parts of the file where constants are: those that say so, else all that is loaded and not code alone."""
    named = [each for each in sections if each.name.startswith((b".rodata", b".data.rel.ro", b".lrodata")) and each.kind != _NOBITS]
    places = [(each.offset, each.size) for each in named if each.flags & _ALLOC]
    if not places:
        loads = [each for each in elf.segments if each.kind == _LOAD]
        places = [(each.offset, each.size) for each in [each for each in loads if not each.flags & _EXECUTE] or loads]
    return [b"\0" + elf.file.at(offset, min(size, 2 * _BODY)) for offset, size in places]


class _Texts:
    """Paths, libraries and words among constants."""

    def __init__(self, parts: list[bytes]) -> None:
        self._parts = parts
        self.is_cut = False
        self.paths = self._taken(match[0] for part in parts for match in _PATHS(part))
        self.libraries = self._taken(name for part in parts for name in _names_of_libraries(part))

    def _taken(self, found: Iterator[bytes], most: int = _MAX_NAMES) -> tuple[str, ...]:
        kept: dict[bytes, None] = {}
        for each in found:
            kept[each] = None
            if len(kept) >= most:
                self.is_cut = True
                break
        return tuple(each.decode("ascii", "replace") for each in sorted(kept))

    def words(self) -> tuple[str, ...]:
        return self._taken((match[1] for part in self._parts for match in _WORDS(part)), _MAX_WORDS)


def _names_of_libraries(part: bytes) -> Iterator[bytes]:
    at = -1
    while (at := part.find(b".so", at + 1)) >= 0:
        start = part.rfind(b"\0", max(at - 200, 0), at) + 1
        end = part.find(b"\0", at, at + 40)
        if start and end > 0 and _LIBRARY(part[start:end].decode("latin-1")):
            yield part[start:end]


class _Large:
    """Keeps the beginning and the end of a large program."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._head, self._tail = bytearray(), bytearray()

    def write(self, piece: memoryview, /) -> None:
        """The next bytes."""
        room = _KEPT_END - len(self._head)
        if room > 0:
            self._head += piece[:room]
            piece = piece[room:]
        self._tail += piece
        if len(self._tail) > 2 * _KEPT_END:
            del self._tail[:-_KEPT_END]

    def finish(self, report: Report, /) -> ElfFacts:
        """What can be told of it."""
        return facts_of(memoryview(bytes(self._head)), memoryview(bytes(self._tail)), self._size)


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
    sources=("reach/elf",),
)
"""Every ELF file, by its first bytes."""
