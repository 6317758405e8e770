"""The note of a Go program's functions, against what advisories name."""

from __future__ import annotations

import pytest

from hullmark.advisories.match.symbols import has_one_of, symbols_of
from hullmark.model.advisory import GoImport
from tests.support.matching import package

NOTE = "*: WithAuth Client\na.com/b: F Server.Serve T.M\na.com/b/sub: G\nmain: main helper"

ASKED = [
    ("a.com/b", ("F",), True),
    ("a.com/b", ("Server.Serve", "Server.Stop"), True),
    ("a.com/b", ("Serve", "Server", "T"), False),
    ("a.com/b", ("G",), False),
    ("a.com/b/sub", ("G",), True),
    ("a.com/b/su", ("G",), False),
    ("a.com/b", (), True),
    ("a.com/b/sub", ("WithAuth",), True),  # it may be of any package
    ("a.com/b/sub", ("Client.WithAuth",), True),
    ("a.com/b/sub", ("Client.Close",), False),
    ("a.com/b/cmd/tool", ("helper",), True),  # what has no path of its own may be the program itself
    ("a.com/b/cmd/tool", ("other",), False),
    ("a.com/b/cmd/tool", (), True),
]


@pytest.mark.parametrize(("path", "symbols", "there"), ASKED)
def test_a_function_is_there_if_its_package_has_it(path: str, symbols: tuple[str, ...], there: bool) -> None:
    functions = symbols_of(package("golang", "a.com/b", "v1.0.0", notes={"symbols": NOTE}))
    assert has_one_of(functions, (GoImport(path, symbols),)) is there


def test_a_package_that_was_not_linked_is_not_there() -> None:
    functions = symbols_of(package("golang", "a.com/b", "v1.0.0", notes={"symbols": "*: X\na.com/b: F"}))
    assert not has_one_of(functions, (GoImport("a.com/b/sub"), GoImport("a.com/b/sub", ("F",))))


def test_functions_may_stand_alone_as_the_linker_names_them() -> None:
    flat = "a.com/b.F a.com/b.(*Server).Serve a.com/b.T.M a.com/b/sub.G main.main main.helper"
    assert symbols_of(package("golang", "a.com/b", "v1", notes={"symbols": flat})) == {
        "a.com/b": "F Server.Serve T.M",
        "a.com/b/sub": "G",
        "main": "main helper",
    }


def test_nothing_is_known_without_the_note_and_of_other_ecosystems() -> None:
    assert symbols_of(package("golang", "a.com/b", "v1")) == {}
    assert symbols_of(package("npm", "b", "1", notes={"symbols": NOTE})) == {}
