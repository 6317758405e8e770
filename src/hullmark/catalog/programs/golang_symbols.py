"""Functions that a Go program was linked with, from the runtime's table of names (pclntab), which stripping keeps.

Follows Go's debug/gosym, cmd/link and cmd/compile. Since Go 1.16 all names stand in one piece, those of inlined functions of which an
instruction is left among them. Since 1.21 also a closure tells by its name what it was inlined from, so a function that is not named is
not in the program. Programs of older Go, and those of which the table is damaged, too large or of a new kind, stay without a list: a
package without one may have any function.
"""

from __future__ import annotations

import re
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from struct import Struct
from typing import NamedTuple

import msgspec

from hullmark.catalog.oversize import BODY_LIMIT, Body, ExecutableRequest, MarkedReader, OversizeSink, PatternSearch
from hullmark.catalog.programs.executable import MAGIC, Reader, Section, section_names
from hullmark.catalog.programs.golang import SIGNS
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import Package
from hullmark.rootfs.reads import MIB, Read, Remark, Report

NOTE = "symbols"
"""The note of a package that holds its functions, in the form of `match.symbols`."""

DAMAGED = Remark("its table of functions is damaged: any function may be in it")
LOST = Remark("its table of functions lies where a file of this size is not kept: any function may be in it")
TOO_LARGE = Remark("its table of functions is too large: any function may be in it")

_LIMIT = Limit(
    14 * MIB,
    "bytes of a Go program's table of functions (with a larger one any function counts as being in it)",
    "shortened",
)
_NAME_LIMIT = Limit(
    64 * 1024,
    "bytes of one function's name in a Go program (with a longer one any function counts as being in it)",
    "shortened",
)
_ROOM = Limit(
    64 * MIB,
    "characters of the names of all Go functions of an image (beyond, any function counts as being there)",
    "shortened",
)  # for all notes of an image, in characters
_STEP = 64 * 1024
_ALIGNMENT = 4
_TABLES_LIMIT = Limit(
    8, "tables of functions in a Go program (with more any function counts as being in it)", "shortened"
)
_ALIKE = range(0xF0, 0xFC)  # last bytes of the numbers that tables of Go 1.2 and later begin with
_VERSION = 0xF1  # that of Go 1.20 and later
# Behind the first eight bytes: number of functions, files, where the code begins, the names, and what follows the names.
_WORDS = {(order, width): Struct(order + 5 * word) for order in "<>" for width, word in ((4, "I"), (8, "Q"))}
# Go's own linker puts the section headers behind the program headers, others at the end.
_HEADERS_FIRST = tuple(Struct("<QQ").pack(64, 64 + 56 * count) for count in range(4, 12))
_CLOSURE = late(r"\.(?:func|gowrap|deferwrap)\d[^\0\[\]]*")
_CUT = "\1"
_TOLD = late(r"1\.(?:2[1-9]|[3-9]\d|\d{3})(?!\d)")
_INLINED = "*"
_ESCAPED = re.compile(rb"%([0-9A-Fa-f]{2})")


class GoFunctions(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The functions of a program: lines `PATH: F T.M …` as the Go vulnerability database writes them, deflated (zlib).

    The path `*` holds functions, types and methods that closures were inlined from, whose package is not recorded.
    """

    lines: bytes


class _Table(NamedTuple):
    functions: int
    names: Section


Texts = dict[str, list[str]]
"""Functions without their path, some in a text with spaces between them, by the path of their package as the linker writes it."""


class _Names(msgspec.Struct):
    """Function names from tables; for a closure, the function that contains it."""

    functions: Texts
    closures: Texts


class _DamagedTable(Exception):
    """The table is not what its header says."""


# Where the names are.


def _extract(_path: str, body: memoryview, report: Report) -> GoFunctions | None:
    return _take(Body(body), report)


def _take(reader: MarkedReader, report: Report) -> GoFunctions | None:
    names = section_names(reader)
    # Only where sections have no names of their own (PE) may the table lie in any.
    if names is not None and b"gopclntab" not in names and reader.read(0, 2) != b"MZ":
        return None
    marks = [(mark - 1, "<") for mark in reader.hits(_LITTLE)] + [(mark, ">") for mark in reader.hits(_BIG)]
    found = _Names({}, {})
    try:
        for start, order in marks:
            # A program may contain another one, and it is unclear which table is its own: it gets the names of all of them.
            table = _table(reader, start, order)
            if table is None or len(marks) >= _TABLES_LIMIT:
                return None
            if table.names.size > _LIMIT:
                report(TOO_LARGE)
                return None
            _gather(reader, table, found)
        return GoFunctions(_compress_lines(_lines(found))) if "runtime" in found.functions else None
    except _DamagedTable:
        report(DAMAGED)
        return None


def _table(reader: Reader, start: int, order: str) -> _Table | None:
    """The header at `start`; None for another version. Raises _Damaged, Unkept."""
    head = reader.read(start, 48)
    if len(head) < 48:
        raise _DamagedTable
    if head[0 if order == "<" else 3] != _VERSION:
        return None
    width = head[7]
    functions, _files, _code, first, end = _WORDS[order, width].unpack_from(head, 8)
    if not 8 + 5 * width <= first < end or not 0 < functions <= end - first:
        raise _DamagedTable
    return _Table(functions, Section(start + first, end - first))


def _whole(reader: Reader, start: int, order: str) -> None:
    """Raises Unkept as long as not all names have come."""
    try:
        table = _table(reader, start, order)
    except _DamagedTable:
        return
    if table is not None and table.names.size <= _LIMIT:
        reader.read(table.names.offset + table.names.size - 1, 1)


def _is_table(window: bytes, last: int, rest: int, offset: int) -> bool:
    """Whether a header may be at `offset`: the last byte of its number is at `last`, what follows the number at `rest`."""
    return (
        offset % _ALIGNMENT == 0
        and last >= 0
        and int.from_bytes(window[last : last + 1], "big") in _ALIKE
        and window[rest + 2 : rest + 3] in (b"\1", b"\2", b"\4")
        and window[rest + 3 : rest + 4] in (b"\4", b"\10")
    )


_LITTLE = PatternSearch(
    pattern=b"\xff\xff\xff\0\0",
    accept=lambda window, position, offset: _is_table(window, position - 1, position + 3, offset - 1),
    most=_TABLES_LIMIT,
    whole=lambda reader, mark: _whole(reader, mark - 1, "<"),
    signs=(*SIGNS, *_HEADERS_FIRST),
)
_BIG = PatternSearch(
    pattern=re.compile(rb"\xff\xff\xff[\xf0-\xfb]\0\0"),
    accept=lambda window, position, offset: _is_table(window, position + 3, position + 4, offset),
    most=_TABLES_LIMIT,
    whole=lambda reader, mark: _whole(reader, mark, ">"),
    signs=(b"\x7fELF\1\2", b"\x7fELF\2\2"),
)


# From the linker's names to those of the vulnerability database.


def _gather(reader: Reader, table: _Table, found: _Names) -> None:
    """Add what the table names. Raises _Damaged, Unkept."""
    count = 0
    for piece in _pieces(reader, table.names):
        names = _CLOSURE.sub(_CUT, piece.replace("[...]", "").replace("(*", "").replace(")", "")).split("\0")
        count += len(names) - names.count("")
        functions: dict[str, list[str]] = {}
        closures: dict[str, list[str]] = {}
        for name in set(names):
            bare = _without_types(name) if "[" in name else name
            # Methods of types without a name and what the compiler makes of types (`type:.eq.T`) are nobody's functions.
            if " " in bare or ":" in bare:
                continue
            dot = bare.find(".", bare.rfind("/") + 1)
            if dot > 0:
                (closures if _CUT in bare else functions).setdefault(bare[:dot], []).append(bare[dot + 1 :])
        _keep(functions, found.functions)
        _keep(closures, found.closures)
    if count < table.functions:
        raise _DamagedTable


def _keep(names: Mapping[str, list[str]], texts: Texts) -> None:
    """A table may have a hundred thousand names, which take the least room as few texts."""
    for path, some in names.items():
        texts.setdefault(path, []).append(" ".join(some))


def _pieces(reader: Reader, names: Section) -> Iterator[str]:
    """The names, NUL between them, piece by piece. Raises _Damaged, Unkept."""
    rest = b""
    for at in range(0, names.size, _STEP):
        data = reader.read(names.offset + at, min(_STEP, names.size - at))
        whole, found, after = data.rpartition(b"\0")
        if not found or len(data) < min(_STEP, names.size - at) or len(rest) + data.find(b"\0") > _NAME_LIMIT:
            raise _DamagedTable
        yield (rest + whole).decode("utf-8", "replace")
        rest = after
    if rest:
        raise _DamagedTable


def _without_types(name: str) -> str:
    """`F` for `F[int]`, `T.M` for `T[go.shape.struct { a []int }].M`."""
    first, last = name.find("["), name.rfind("]")
    return name[:first] + name[last + 1 :] if first < last else name


def _lines(found: _Names) -> Iterator[str]:
    """The functions by import path, as the database writes both. Raises _Damaged."""
    inlined: set[str] = set()
    paths = sorted((_import_path(path), path) for path in found.functions.keys() | found.closures.keys())
    for shown, path in paths:
        known = _split(found.functions.pop(path, []))
        names = set(known)
        for closure in _split(found.closures.pop(path, [])):
            own, inner = _split_closure(closure.replace(_CUT, ""), known)
            names.update(own)
            inlined.update(inner)
        yield f"{shown}: {' '.join(sorted(_renumber_inits(names)))}"
    if inlined:
        yield f"{_INLINED}: {' '.join(sorted(inlined))}"


def _split(texts: Iterable[str]) -> set[str]:
    return {name for text in texts for name in text.split(" ")}


def _split_closure(closure: str, known: Set[str]) -> tuple[tuple[str, ...], list[str]]:
    """The function that a closure is in, and what that one was inlined from: of `F.G.T.M` F, and G, T, M.

    The latter have no package, and are functions, methods or the types of methods.
    """
    parts = [part for part in closure.split(".") if part]
    method = ".".join(parts[:2])
    if method in known:
        return (), parts[2:]
    return (parts[0], method) if parts else (), parts[1:]


def _compress_lines(lines: Iterable[str]) -> bytes:
    """The lines, one after the other. Raises _Damaged where one is not plain text."""
    packer = zlib.compressobj(1)
    packed = bytearray()
    for line in lines:
        if not line.isprintable():
            raise _DamagedTable
        packed += packer.compress(line.encode() + b"\n")
    return bytes(packed + packer.flush())


def _renumber_inits(names: set[str]) -> set[str]:
    """Of several init functions of a package the first is `init.0` to the linker, and `init#1` to the database."""
    inits = {name for name in names if name.startswith("init.") and name[5:].isdecimal() and len(name) < 16}
    return names - inits | {f"init#{int(name[5:]) + 1}" for name in inits} if inits else names


def _import_path(escaped: str) -> str:
    """The import path that the linker writes as `gopkg.in/yaml%2ev3`."""
    if "%" not in escaped:
        return escaped
    raw = _ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), escaped.encode())
    return raw.decode("utf-8", "replace")


# Packages.


def with_functions(packages: Iterable[Package], found: Mapping[str, GoFunctions]) -> tuple[Package, ...]:
    """The packages; a Go module gets a note of its functions if those of every program it is part of are known.

    `found`: the functions of programs, by absolute path. A module without a named function (its name may be that of a
    replacement) gets no note.
    """
    kept = list(packages)
    readable = {
        location.path for package in kept if _lists_all_functions(package) for location in package.locations
    } & found.keys()
    inside: dict[str, list[int]] = {}
    for index, package in enumerate(kept):
        if package.type == "golang" and all(location.path in readable for location in package.locations):
            for location in package.locations:
                inside.setdefault(location.path, []).append(index)
    notes: dict[int, list[str]] = {}
    unknown: set[int] = set()
    room: int = _ROOM
    for path, indexes in sorted(inside.items()):
        lines = sorted(zlib.decompress(found[path].lines).decode().removesuffix("\n").split("\n"))
        for index in indexes:
            own = _own(lines, kept[index])
            room -= sum(map(len, own))
            if own and room > 0:
                notes.setdefault(index, []).extend(own)
            else:
                unknown.add(index)
    for index in notes.keys() - unknown:
        note = {NOTE: _merge_lines(notes.pop(index))}
        kept[index] = msgspec.structs.replace(kept[index], notes=kept[index].notes | note)
    return tuple(kept)


def _lists_all_functions(package: Package) -> bool:
    """True for the standard library of a Go version that records every linked function."""
    return package.type == "golang" and package.name == "stdlib" and _TOLD.match(package.version) is not None


def _merge_lines(lines: Iterable[str]) -> str:
    """The lines of several programs, one for each path."""
    texts: dict[str, dict[str, None]] = {}
    for line in lines:
        path, _, names = line.partition(": ")
        texts.setdefault(path, {})[names] = None
    return "\n".join(
        f"{path}: {next(iter(names)) if len(names) == 1 else ' '.join(dict.fromkeys(' '.join(names).split(' ')))}"
        for path, names in texts.items()
    )


def without_functions(package: Package) -> Package:
    """The package as it was before it got its note of functions."""
    if NOTE not in package.notes:
        return package
    notes = {key: value for key, value in package.notes.items() if key != NOTE}
    return msgspec.structs.replace(package, notes=notes)


def _own(lines: Sequence[str], package: Package) -> list[str]:
    """A program's lines about the module's packages; empty if it is not named."""
    inlined = _between(lines, f"{_INLINED}: ", f"{_INLINED};")
    if package.name == "stdlib":
        return inlined + [line for line in lines if _is_standard(line)]
    own = _between(lines, f"{package.name}: ", f"{package.name};") + _between(
        lines, f"{package.name}/", f"{package.name}0"
    )
    # The linker calls a program's own package `main`, whatever its import path.
    main = _between(lines, "main: ", "main;") if package.purl in package.mains else []
    return inlined + own + main if own or main else []


def _between(lines: Sequence[str], first: str, end: str) -> list[str]:
    return list(lines[bisect_left(lines, first) : bisect_left(lines, end)])


def _is_standard(line: str) -> bool:
    """Whether the import path is one of the standard library, or of a module that takes such a name."""
    path, _, _ = line.partition(": ")
    return "." not in path.partition("/")[0] and path not in (_INLINED, "main")


_REQUEST = ExecutableRequest(hunts=(_LITTLE, _BIG), take=_take, lost=LOST)

READ = Read(
    name="go-symbols",
    fact=GoFunctions,
    extract=_extract,
    magic=MAGIC,
    limit=BODY_LIMIT,
    oversize=lambda size: OversizeSink(size, _REQUEST),
    sources=("catalog",),
)
"""Not a cataloger's: reading names costs more than everything else in a Go program, and only matching needs them."""
