"""What `python -m tools.unreached` calls reached, and what it names; `make lint` runs it over the whole program."""

from __future__ import annotations

import textwrap

import pytest

from tools.unreached import Module, unreached

CASES: dict[str, tuple[dict[str, str], list[str]]] = {
    "what an entry calls, and what that calls": (
        {"a": "from p.b import f\ndef start(): f()", "b": "LIMIT = 1\ndef f(): return g() + LIMIT\ndef g(): return 1"},
        [],
    ),
    "what only calls itself": ({"b": "def f(): g()\ndef g(): f()", "a": "import p.b"}, ["b.f", "b.g"]),
    "what is imported and not used": (
        {"a": "def start():\n    from p import c", "b": "from p.c import f", "c": "def f(): pass"},
        ["b", "c.f"],
    ),
    "a module that nobody imports, whatever uses it": ({"a": "X = 1", "b": "from p.c import f\nf()", "c": "def f(): pass"}, ["b", "c"]),
    "a function that is imported where it is used": ({"a": "def start():\n    from p.b import f", "b": "def f(): pass"}, []),
    "something that is used by way of its module": (
        {"a": "from p import b\ndef start(): b.f()", "b": "def f(): pass\nX = 1"},
        ["b.X"],
    ),
    "a method of a class that is used": (
        {"a": "from p.b import C\ndef start(it): return C(), it.used",
         "b": "class C:\n    def used(self): pass\n    def other(self): pass"},
        ["b.C.other"],
    ),
    "a method that the language or a library calls": (
        {"a": "from p.b import C, D\nX = C, D",
         "b": "import lib\nclass C:\n    def __len__(self): return 0\nclass D(lib.Base):\n    def emit(self): pass"},
        [],
    ),
    "a method of a plain record": (
        {"a": "from p.b import C\nX = C", "b": "from typing import NamedTuple\nclass C(NamedTuple):\n    x: int\n    def emit(self): pass"},
        ["b.C.emit"],
    ),
    "a property that a pattern asks for": (
        {"a": "from p.b import C\ndef start(it):\n    match it:\n        case C(size=1): pass",
         "b": "class C:\n    @property\n    def size(self): return 1"},
        [],
    ),
    "modules of a list of names, and their plugins": (
        {"a": "from importlib import import_module\nLIST = ('b',)\ndef start(): return import_module('p.b').FEED",
         "b": "FEED = 1\nOTHER = 2"},
        ["b.OTHER"],
    ),
    "what a type is named for": ({"a": "from p.b import T\ndef start(it: T) -> None: pass", "b": "T = int"}, []),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_reached_from_nowhere_is_named(name: str) -> None:
    sources, expected = CASES[name]
    modules = {f"p.{each}": Module(f"p.{each}", textwrap.dedent(code).encode()) for each, code in sources.items()}
    modules["p"] = Module("p", b"", is_package=True)
    found = unreached(modules, ["p.a"])
    assert [f"{each.module}.{each.name}".removeprefix("p.").rstrip(".") for each in found] == expected


def test_the_line_is_the_one_on_which_it_begins() -> None:
    (found,) = unreached({"p": Module("p", b"import q", is_package=True), "q": Module("q", b"\n\nX = 1")}, ["p"])
    assert (found.module, found.line, found.name) == ("q", 3, "X")
