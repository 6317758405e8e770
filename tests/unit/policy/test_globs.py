"""Path globs: what they fit, and that the table of files finds just that."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hullmark.policy.files import FileTable
from hullmark.policy.globs import PathGlob, PathGlobs
from hullmark.policy.values import NameGlob
from tests.unit.policy.building import file


@pytest.mark.parametrize(
    ("glob", "path", "fits"),
    [
        ("/etc/passwd", "/etc/passwd", True),
        ("/etc/passwd", "/etc/passwd-", False),
        ("/etc/passwd", "/x/etc/passwd", False),
        ("passwd", "/etc/passwd", True),
        ("passwd", "/passwd", True),
        ("etc/passwd", "/x/etc/passwd", True),
        ("/etc/*", "/etc/passwd", True),
        ("/etc/*", "/etc/ssl/cert", False),
        ("/etc/*", "/etc/", True),
        ("/etc/*.d/*", "/etc/init.d/x", True),
        ("/etc/**", "/etc/ssl/cert", True),
        ("/etc/**", "/etc", False),
        ("/etc/", "/etc/ssl/cert", True),
        ("/**", "/a", True),
        ("/**/x", "/x", True),
        ("/**/x", "/a/b/x", True),
        ("/a/**/b/**/c", "/a/b/c", True),
        ("/a/**/b/**/c", "/a/x/b/y/z/c", True),
        ("/a/**/b/**/c", "/a/c/b", False),
        ("*.pem", "/a/b.pem", True),
        ("*.pem", "/a.pem/b", False),
        ("*a*b*c", "/xaybzc", True),
        ("*a*b*c", "/xbyazc", False),
        ("/?/b", "/a/b", True),
        ("/?/b", "//b", False),
        ("/usr/bin/[", "/usr/bin/[", True),
        ("/a+(b)|c$", "/a+(b)|c$", True),
        ("/a/*", "/a/b\nc", True),
        ("/**", "/a\n/b", True),
        ("/a/***", "/a/b", True),
        ("/a/***", "/a/b/c", False),
    ],
)
def test_a_glob_fits_what_it_says(glob: str, path: str, fits: bool) -> None:
    assert PathGlobs((PathGlob(glob),)).match(path) is fits


@pytest.mark.parametrize("text", ["", "/a/../b", "./a", "a\0b", "/a/./b", "x" * 2000])
def test_what_is_no_glob_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        PathGlob(text)


def fits_segments(glob: list[str], path: list[str]) -> bool:
    """The definition, written plainly."""
    if not glob:
        return not path
    if glob[0] == "**":
        if glob == ["**"]:
            return bool(path)
        return any(fits_segments(glob[1:], path[skip:]) for skip in range(len(path) + 1))
    return bool(path) and fits_name(glob[0], path[0]) and fits_segments(glob[1:], path[1:])


def fits_name(glob: str, name: str) -> bool:
    if not glob:
        return not name
    if glob[0] == "*":
        return any(fits_name(glob[1:], name[skip:]) for skip in range(len(name) + 1))
    return bool(name) and glob[0] in ("?", name[0]) and fits_name(glob[1:], name[1:])


SEGMENT = st.one_of(st.just("**"), st.text("ab.*?", min_size=1, max_size=5).filter(lambda s: s not in (".", "..")))
GLOB = st.tuples(st.sampled_from(["/", ""]), st.lists(SEGMENT, min_size=1, max_size=5)).map(
    lambda t: t[0] + "/".join(t[1])
)
NAME = st.text("ab.", min_size=1, max_size=4)
PATH = st.lists(NAME, min_size=1, max_size=5).map(lambda names: "/" + "/".join(names))


@settings(max_examples=300, deadline=None)
@given(GLOB, st.lists(PATH, min_size=1, max_size=8))
@example("**/**/a", ["/a", "/b/a"])
@example("/**/**", ["/a", "/b/a"])
@example("/a/**/**/b", ["/a/b", "/a/c/b"])
@example("***", ["/a", "/a/b"])
@example("/a/***", ["/a/b", "/a/b/c"])
@example("/a/**", ["/a", "/a/b/c", "/aa/b"])
def test_globs_fit_and_the_table_finds_what_the_definition_says(text: str, paths: list[str]) -> None:
    glob = PathGlob(text)
    segments = text.removeprefix("/").split("/") if text.startswith("/") else ["**", *text.split("/")]
    expected = [path for path in paths if fits_segments(segments, path[1:].split("/"))]
    globs = PathGlobs((glob,))
    assert [path for path in paths if globs.match(path)] == expected
    table = FileTable(file(path) for path in paths)
    assert [each.path for each in table.matching((glob,))] == sorted(expected)


@given(st.text("ab*?", min_size=1, max_size=8), st.text("ab", max_size=8))
def test_names_with_wildcards_fit_what_the_definition_says(glob: str, name: str) -> None:
    assert NameGlob(glob).matches(name) == fits_name(glob, name)


@pytest.mark.parametrize("glob", ["/**/a/**/a/**/a/**/b", "*a*a*a*a*a*b", "/**/*a*/**/*a*/**/c"])
def test_a_hostile_path_takes_a_moment(glob: str) -> None:
    globs = PathGlobs((PathGlob(glob),))
    assert not globs.match("/a" * 30_000)
    assert not globs.match("/" + "a" * 60_000)


def test_files_that_are_not_there_are_found_by_state_only() -> None:
    table = FileTable([file("/a", state="ghost"), file("/b", state="missing"), file("/c", state="ok")])
    assert [each.path for each in table.matching((PathGlob("/**"),))] == ["/c"]
    assert [each.path for each in table.in_state("ghost")] == ["/a"]
    assert [each.path for each in table.in_state("missing")] == ["/b"]
    assert table.in_state("changed") == []
    assert table.has_state("changed", "ok")
    assert not table.has_state("changed")


@settings(max_examples=200, deadline=None)
@given(st.lists(GLOB, min_size=1, max_size=6), st.lists(PATH, max_size=12))
@example(["abab", "aba", "abb*", "*.ab"], ["/a/abab", "/aba", "/b/abba", "/x.ab"])
def test_several_globs_find_what_any_of_them_finds(texts: list[str], paths: list[str]) -> None:
    table, globs = FileTable(file(path) for path in paths), [PathGlob(text) for text in texts]
    assert [each.path for each in table.matching(globs)] == sorted(
        path for path in paths if PathGlobs(globs).match(path)
    )


def test_many_files_with_a_beginning_that_globs_share_are_told_apart() -> None:
    table = FileTable(file(f"/lib/id_{number}") for number in range(3000))
    assert [each.path for each in table.matching((PathGlob("id_17"), PathGlob("id_2999"), PathGlob("id_x")))] == [
        "/lib/id_17",
        "/lib/id_2999",
    ]


def test_a_path_with_a_zero_byte_hides_nothing() -> None:
    table = FileTable([file("/a\0b.pem"), file("/z.pem"), file("/zz")])
    assert [each.path for each in table.matching((PathGlob("*.pem"),))] == ["/a\0b.pem", "/z.pem"]


def test_several_globs_find_each_file_once() -> None:
    table = FileTable([file("/b.pem"), file("/a.pem")])
    assert [each.path for each in table.matching((PathGlob("*.pem"), PathGlob("/a.pem"), PathGlob("/**")))] == [
        "/a.pem",
        "/b.pem",
    ]
