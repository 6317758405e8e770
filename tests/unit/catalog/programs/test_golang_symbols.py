"""The functions that Go programs name: the table in every executable format, its names, and the notes made of them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hullmark.catalog.programs.golang_symbols import (
    DAMAGED,
    LOST,
    READ,
    TOO_LARGE,
    GoFunctions,
    with_functions,
    without_functions,
)
from hullmark.model.package import Location, Package
from tests.support.examples import examples
from tests.support.executables import Part, elf, fat, macho, pe

RUNTIME = ("runtime.main",)
NAMES = (*RUNTIME, "net/http.(*Server).Serve", "main.main")
LINES = ["main: main", "net/http: Server.Serve", "runtime: main"]


def table(
    names: Iterable[str] = NAMES,
    *,
    version: int = 0xF1,
    big: bool = False,
    width: int = 8,
    functions: int | None = None,
    first: int = 96,
    end: int | None = None,
) -> bytes:
    """A table as Go 1.20 and later write it, as far as its names."""
    order, word = (">" if big else "<"), "I" if width == 4 else "Q"
    text = b"".join(name.encode("utf-8", "surrogateescape") + b"\0" for name in names)
    count = text.count(b"\0") if functions is None else functions
    stop = first + len(text) if end is None else end
    head = struct.pack(f"{order}I2xBB5{word}", 0xFFFFFF00 | version, 1, width, count, 0, 0, first, stop)
    return head.ljust(96, b"\0") + text


def parts(data: bytes, name: bytes = b".gopclntab") -> list[Part]:
    return [Part(b".text", bytes(64), writable=False), Part(name, data, writable=False)]


def lines(found: GoFunctions | None) -> list[str] | None:
    return None if found is None else zlib.decompress(found.lines).decode().removesuffix("\n").split("\n")


def extract(body: bytes) -> tuple[list[str] | None, list[str]]:
    problems: list[str] = []
    return lines(READ.extract("usr/bin/tool", memoryview(body), problems.append)), problems


def stream(body: bytes, sizes: list[int]) -> tuple[list[str] | None, list[str]]:
    assert READ.oversize is not None
    sink, problems, at, turn = READ.oversize(len(body)), list[str](), 0, 0
    while at < len(body):
        size = sizes[turn % len(sizes)]
        sink.write(memoryview(body)[at : at + size])
        at, turn = at + size, turn + 1
    return lines(sink.finish(problems.append)), problems


def told(*names: str) -> list[str] | None:
    """The lines of a program that names these, without the one that every program has."""
    found, problems = extract(elf(parts(table((*RUNTIME, *names)))))
    assert problems == []
    return found and [line for line in found if line != "runtime: main"]


# --- every format

MACHO = b"__gopclntab"
FORMATS: dict[str, Callable[[int], bytes]] = {
    "elf 64 little": lambda stride: elf(parts(table()), stride=stride),
    "elf 64 big": lambda stride: elf(parts(table(big=True)), big=True, stride=stride),
    "elf 32 little": lambda stride: elf(parts(table(width=4)), wide=False, stride=stride),
    "elf 32 big": lambda stride: elf(parts(table(width=4, big=True)), wide=False, big=True, stride=stride),
    "elf, position independent": lambda stride: elf(parts(table(), b".data.rel.ro.gopclntab"), stride=stride),
    "elf without section table": lambda stride: elf(parts(table()), sections=False, stride=stride),
    "pe 64": lambda stride: pe(parts(table(), b".rdata"), stride=stride),
    "pe 32": lambda stride: pe(parts(table(width=4), b".rdata"), wide=False, stride=stride),
    "mach-o 64": lambda stride: macho(parts(table(), MACHO), stride=stride),
    "mach-o fat": lambda stride: fat([macho(parts(table(), MACHO), stride=stride), macho([Part(b"__text", b"no Go")])]),
}


@pytest.mark.parametrize("make", FORMATS.values(), ids=FORMATS.keys())
def test_names_are_read_from_every_format(make: Callable[[int], bytes]) -> None:
    assert extract(make(0x2000)) == (LINES, [])


@pytest.mark.parametrize("make", FORMATS.values(), ids=FORMATS.keys())
def test_the_sink_keeps_the_names_of_a_large_file(make: Callable[[int], bytes]) -> None:
    note = b"\4\0\0\0Go\0\0"
    body = make(1 << 21)
    assert stream(body[:0x800] + note + body[0x800 + len(note) :], [300_000]) == (LINES, [])


@given(st.lists(st.integers(5000, 400_000), min_size=1, max_size=5), st.integers(0, 1 << 15))
@settings(deadline=None, max_examples=examples(10))
def test_the_sink_gives_the_fact_of_extract_at_any_piece_size_and_place(sizes: list[int], place: int) -> None:
    names = [*NAMES, *(f"example.com/m/p{number % 9}.F{number}" for number in range(20_000))]
    body = elf([Part(b".gopclntab", bytes(place * 16) + table(names), writable=False)], stride=1 << 21, tail=3 << 20)
    body = body[:0x800] + b"\4\0\0\0Go\0\0" + body[0x808:]
    assert stream(body, sizes) == extract(body)
    assert stream(body, sizes)[1] == []


def test_the_fact_goes_through_msgpack() -> None:
    fact = READ.extract("", memoryview(elf(parts(table()))), list[str]().append)
    assert isinstance(fact, GoFunctions)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(fact), type=READ.fact) == fact


# --- from the linker's names to the database's

SPELLINGS = [
    ("golang.org/x/net/http2.(*Server).ServeConn", ["golang.org/x/net/http2: Server.ServeConn"]),
    ("golang.org/x/net/http2.FrameType.String", ["golang.org/x/net/http2: FrameType.String"]),
    ("golang.org/x/text/language.ParseAcceptLanguage", ["golang.org/x/text/language: ParseAcceptLanguage"]),
    ("gopkg.in/yaml%2ev3.Unmarshal", ["gopkg.in/yaml.v3: Unmarshal"]),
    ("gopkg.in/a%22b%e2%82%ac.F", ['gopkg.in/a"b€: F']),
    ("a.com/b.Sort[...]", ["a.com/b: Sort"]),
    ("a.com/b.(*Box[...]).Get", ["a.com/b: Box.Get"]),
    ("a.com/b.Box[go.shape.struct { c.com/d.x []int }].Get", ["a.com/b: Box.Get"]),
    ("a.com/b.(*Server).Serve.func1", ["a.com/b: Server.Serve"]),
    ("a.com/b.(*Server).Serve.func1.2.gowrap3", ["a.com/b: Server.Serve"]),
    ("a.com/b.Sort[...].func1", ["a.com/b: Sort"]),
    ("a.com/b.Sort[main.F.func1.T].Less", ["a.com/b: Sort.Less"]),
    ("a.com/b.F.deferwrap1", ["a.com/b: F"]),
    ("a.com/b.init.0", ["a.com/b: init#1"]),
    ("a.com/b.init", ["a.com/b: init"]),
    ("type:.eq.a.com/b.T", []),
    ("go.(*struct { sync.Mutex; a.com/b.T }).Lock", []),
    ("go:textfipsend", []),
    ("_cgo_topofstack", []),
    ("\udcff.F", ["�: F"]),
]


@pytest.mark.parametrize(("name", "shown"), SPELLINGS)
def test_a_name_is_spelt_as_the_database_does(name: str, shown: list[str]) -> None:
    found = [line for line in told(name) or [] if not line.startswith("*: ")]
    # What a closure is in may be a method, or a function and what was inlined into it: both are named.
    assert [line.replace(": Server Server.", ": Server.") for line in found] == shown


CLOSURES = [
    (("a.com/b.F", "a.com/b.F.G.func1"), "*: G"),
    (("a.com/b.F", "a.com/b.F.(*T).M.func1"), "*: M T"),
    (("a.com/b.(*T).M", "a.com/b.(*T).M.func1"), None),
    (("a.com/b.(*T).M", "a.com/b.(*T).M.G.func2"), "*: G"),
    (("a.com/b.T.M.func1",), "*: M"),
    (("a.com/b.glob..func1",), None),
]


@pytest.mark.parametrize(("names", "line"), CLOSURES)
def test_what_a_closure_was_inlined_from_may_be_of_any_package(names: tuple[str, ...], line: str | None) -> None:
    assert [each for each in told(*names) or [] if each.startswith("*: ")] == ([line] if line else [])


def test_a_function_that_left_nothing_but_a_closure_in_its_package_is_named() -> None:
    assert told("a.com/b.F.func1") == ["a.com/b: F"]


# --- what is not known, and what is broken


@pytest.mark.parametrize("version", [0xFB, 0xFA, 0xF0, 0xF2])
def test_a_table_of_another_version_says_nothing(version: int) -> None:
    assert extract(elf(parts(table(version=version)))) == (None, [])


def test_a_program_without_a_table_gives_nothing_and_no_problem() -> None:
    for body in (elf([Part(b".text", b"x")]), pe([Part(b".text", b"x")]), macho([Part(b"__text", b"x")])):
        assert extract(body) == (None, [])
        assert stream(body, [4096]) == (None, [])


def test_a_table_without_the_runtime_is_not_the_whole_of_a_program() -> None:
    assert extract(elf(parts(table(["main.main"])))) == (None, [])


BROKEN = {
    "fewer names than functions": table(functions=4),
    "no functions": table(functions=0),
    "more functions than bytes": table(functions=1 << 40),
    "names within the header": table(first=40),
    "names that end before they begin": table(end=90),
    "names beyond the file": table(end=8 << 20),
    "a name without its end": table()[:-1].ljust(96 + 200, b"x"),
    "a name of a megabyte": table([*NAMES, "a.com/b." + "x" * (1 << 20)]),
    "names that are no text": table([*NAMES, "a.com/b.F\n*"]),
    "a path that is no text": table([*NAMES, "a.com/b%0ac.F"]),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_table_is_a_problem_and_says_nothing(data: bytes) -> None:
    assert extract(elf(parts(data), stride=1 << 21)) == (None, [DAMAGED])


def test_a_table_of_which_the_file_has_only_the_beginning_is_a_problem() -> None:
    body = elf([Part(b".text", bytes(64), writable=False)], sections=False) + table()[:40]
    assert extract(body) == (None, [DAMAGED])


@pytest.mark.parametrize(
    ("data", "problems"),
    [
        (table(first=40), [DAMAGED]),
        (table(end=96 + (15 << 20)), [TOO_LARGE]),
        (table(version=0xFB), []),
    ],
)
def test_a_large_program_whose_table_cannot_be_used_is_told_as_a_small_one(data: bytes, problems: list[str]) -> None:
    body = elf(parts(data), stride=1 << 21)
    assert stream(body[:0x800] + b"\4\0\0\0Go\0\0" + body[0x808:], [300_000]) == (None, problems)


def test_a_table_of_too_many_names_is_a_problem() -> None:
    assert extract(elf(parts(table(end=96 + (15 << 20))))) == (None, [TOO_LARGE])


def test_names_that_the_sink_could_not_keep_are_a_problem() -> None:
    filler = table([*NAMES, *("a.com/b." + "x" * 9000 for _ in range(1450))])
    body = elf([Part(b".gopclntab", filler, writable=False)] * 2, stride=14 << 20)
    body = body[:0x800] + b"\4\0\0\0Go\0\0" + body[0x808:]
    assert stream(body, [1 << 20]) == (None, [LOST])


def test_a_program_that_holds_another_has_what_either_names() -> None:
    other = table([*RUNTIME, "a.com/b.F"])
    found, problems = extract(elf([*parts(table()), Part(b".rodata", other, writable=False)]))
    assert (found, problems) == (["a.com/b: F", *LINES], [])


def test_a_program_that_holds_one_of_another_version_says_nothing() -> None:
    body = elf([*parts(table()), Part(b".rodata", table(version=0xFB), writable=False)])
    assert extract(body) == (None, [])


def test_a_program_of_many_tables_says_nothing() -> None:
    assert extract(elf([*parts(table()), *(Part(b".x", table()) for _ in range(8))])) == (None, [])


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30), max_size=30),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=12),
    st.integers(0, 4096),
)
@settings(deadline=None, max_examples=examples(60))
def test_a_hostile_table_never_fails(names: list[str], changes: list[tuple[int, int]], length: int) -> None:
    data = bytearray(table([*NAMES, *names]))
    for at, value in changes:
        data[at % len(data)] = value
    body = elf(parts(bytes(data[: length or None])[:0x2000]))
    found, problems = extract(body)
    assert problems in ([], [DAMAGED], [TOO_LARGE])
    assert found is None or problems == []
    if found is not None:
        assert all(line.isprintable() and ": " in line for line in found)
    assert stream(body + bytes(1 << 20), [4096])[0] in (found, None)


@pytest.mark.parametrize("character", ["[", "]", ".", "/", "(*a", "%", "a.func1", "é"])
def test_long_names_of_one_character_take_no_longer(character: str) -> None:
    names = [*NAMES, *(character * (60_000 // len(character.encode())) for _ in range(20))]
    found, problems = extract(elf([Part(b".gopclntab", table(names), writable=False)], stride=1 << 22))
    assert problems == []
    assert found is not None


# --- notes

GO = GoFunctions(
    zlib.compress(
        b"example.com/m/v2: Open\nexample.com/m/v2/sub: T.M\nexample.com/m/v2x: F\nexample.com/t/pkg: G\nmain: main\n"
        b"net/http: Server.Serve\nruntime: main\n*: Lost\n"
    )
)
OTHER = GoFunctions(zlib.compress(b"example.com/m/v2: Close Open\nmain: other\nruntime: main\n"))
A, B = Location("/bin/a", 0), Location("/bin/b", 1)


def module(name: str, version: str = "v1.0.0", at: tuple[Location, ...] = (A,), main: str = "") -> Package:
    namespace, _, last = name.rpartition("/")
    purl = f"pkg:golang/{namespace}/{last}@{version}"
    return Package(
        type="golang",
        name=name,
        version=version,
        purl=purl,
        cataloger="golang",
        locations=at,
        mains=(main or purl,),
        notes={"h1": "x"},
    )


def notes(*packages: Package, found: dict[str, GoFunctions] | None = None) -> list[str]:
    result = with_functions(packages, {"/bin/a": GO, "/bin/b": OTHER} if found is None else found)
    assert [without_functions(each) for each in result] == list(packages)
    return [each.notes.get("symbols", "") for each in result]


STDLIB = module("stdlib", "1.24.4", (A, B), "x")


def test_each_module_gets_the_functions_of_its_own_packages() -> None:
    found = notes(
        module("example.com/m/v2", main="x"), module("example.com/t"), module("example.com/n", main="x"), STDLIB
    )
    assert found == [
        "*: Lost\nexample.com/m/v2: Open\nexample.com/m/v2/sub: T.M",
        "*: Lost\nexample.com/t/pkg: G\nmain: main",
        "",
        "*: Lost\nnet/http: Server.Serve\nruntime: main",
    ]


def test_a_module_of_several_programs_has_what_any_of_them_has() -> None:
    both = module("example.com/m/v2", at=(A, B), main="x")
    assert notes(both, STDLIB)[0] == "*: Lost\nexample.com/m/v2: Open Close\nexample.com/m/v2/sub: T.M"


def test_a_module_is_not_told_where_one_of_its_programs_is_not() -> None:
    both = module("example.com/t", at=(A, B), main="x")
    assert notes(both, STDLIB)[0] == ""  # the other program does not name it
    only = module("example.com/m/v2", at=(A, B), main="x")
    assert notes(only, STDLIB, found={"/bin/a": GO}) == ["", ""]
    assert notes(module("example.com/m/v2", at=(A, Location("/src/go.mod", 0))), STDLIB)[0] == ""


@pytest.mark.parametrize(
    ("version", "is_told"),
    [("1.21", True), ("1.21.0", True), ("1.22rc1", True), ("1.100.1", True), ("1.20.14", False), ("1.2", False),
     ("1.210-x", True), ("UNKNOWN", False), ("1.21-abc", True)],
)  # fmt: skip
def test_programs_of_an_older_go_do_not_name_all_that_is_in_them(version: str, is_told: bool) -> None:
    assert (notes(module("example.com/t"), module("stdlib", version))[0] != "") is is_told


def test_packages_of_other_ecosystems_are_left_alone() -> None:
    other = msgspec.structs.replace(module("example.com/t"), type="generic")
    assert notes(other, STDLIB)[0] == ""
