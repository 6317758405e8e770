"""What files of code name."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.reach.code import CodeFacts, facts_of
from hullmark.reach.code_names import matches
from tests.support.effort import ends

FILES = {
    "a.py": (
        b"import os, sys as s\nif x:\n    from a.b import (c,  # why\n        d as e)\ntry: import f\nexcept E: from . import g\n"
        b"m = __import__('h')\nimportlib.import_module('i.j')\nsubprocess.run(['uname', '-s'])\n# import no\n>>> import no\n",
        ("os", "sys", "a.b:c,d", "f", ".:g", "h", "i.j"),
        ("uname",),
        (),
    ),
    "b.py": (
        b"import_module(name)\nimport subprocess\nsubprocess.call(command)\nfor e in entry_points(group='x.y'): pass\n",
        ("subprocess", "@x.y"),
        (),
        ("it imports modules whose names it makes itself", "it starts programs whose names it makes itself"),
    ),
    "c.js": (
        b"const a = require('a/b'); import c from \"./c\"; export * from 'd'; await import('e'); require(name);\n"
        b"require('child_process').exec('git log')",
        ("a/b", "child_process", "./c", "d", "e"),
        ("git",),
        ("it requires modules whose names it makes itself",),
    ),
    "d.rb": (b"require 'json'\nrequire_relative 'x'\n`ls -l`\n", ("json", "./x"), ("ls",), ()),
    "g.rb": (
        b"autoload :Set, File.join(__dir__, 'a/set.rb')\nautoload :X, File.expand_path(\"b\", __dir__)\n"
        b"load Gem.activate_bin_path('puma', 'pumactl', version)\n",
        ("./a/set.rb", "./b", "gem:puma:pumactl"),
        (),
        (),
    ),
    "e.pm": (b"use Foo::Bar;\nuse parent qw(Baz);\nsystem('df -h');\n", ("Foo::Bar", "parent", "Baz"), ("df",), ()),
    "f.php": (
        b"<?php require_once __DIR__ . '/x.php'; include 'y.php'; exec('id');",
        ("./x.php", "y.php"),
        ("id",),
        (),
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_names_modules_and_programs(name: str) -> None:
    body, imports, programs, untold = FILES[name]
    found = facts_of(name, body)
    assert found is not None
    assert (found.imports, found.programs, found.untold) == (imports, programs, untold)


def test_the_first_line_decides_the_language() -> None:
    found = facts_of("tool", b"#!/usr/bin/env python3\nimport os\n")
    assert found == CodeFacts("python", ("/usr/bin/env", "python3"), ("os",))
    assert facts_of("README", b"import os") is None


@given(st.sampled_from(sorted(FILES)), st.text(alphabet="import fromequ()'\"\\\n.,;:#$`x", max_size=120))
def test_no_file_makes_it_fail(name: str, text: str) -> None:
    facts_of(name, text.encode())


@pytest.mark.parametrize(
    "body",
    [
        b"import os\n" + b"os.system(" * 100_000,
        b"import os\n" + b"help(" * 100_000 + b"os.system",
        b"import os\nos.system(x)\n" + b":\n \"\"\" '''\n" * 100_000,
        b"import os\nos.system(x)\n" + b":\n" * 300_000 + b"\n" * 300_000,
        b"if __name__ == '__main__':\n" * 50_000 + b" import os\n" * 20_000,
        b"import(" * 200_000,
    ],
    ids=["calls", "help", "texts", "lines", "blocks", "imports"],
)
def test_a_file_is_read_once_whatever_it_repeats(body: bytes) -> None:
    with ends():
        facts_of("a.py", body)


@pytest.mark.parametrize(
    ("source", "is_told"),
    [
        (b"import os\nos.system(x)\n", True),
        (b"from subprocess import run\nrun(x)\n", True),
        (b"from .compat import Popen\nPopen(x)\n", True),
        (b"import asyncio\nasyncio.create_subprocess_exec(x)\n", True),
        (b"from anything import *\nsubprocess.run(x)\n", True),
        (b"from gevent import subprocess as s\ns.call(x)\n", True),
        (b"import json\nTEXT = 'see subprocess.run(x)'\n", False),
    ],
)
def test_a_module_starts_programs_if_it_imports_what_can(source: bytes, is_told: bool) -> None:
    found = facts_of("a.py", source)
    assert found is not None
    assert bool(found.untold) is is_told


_PIECES = (b"import", b"from ", b"a", b"\\", b"\n", b"(", b")", b"'/a/b", b'"', b"'", b" ", b";", b"#")
_SOURCES = st.lists(st.sampled_from(_PIECES), max_size=40)


@given(_SOURCES.map(b"".join))
def test_to_look_for_bytes_first_finds_what_an_expression_finds(body: bytes) -> None:
    for sign, expression in ((b"import", rb"import(?:[ \t]+[^\n;#]+|\()"), (b"'/", rb"'/a/b(['\"])")):
        fits = re.compile(expression)
        assert [match.span() for match in matches(body, sign, fits.match)] == [
            match.span() for match in fits.finditer(body)
        ]
