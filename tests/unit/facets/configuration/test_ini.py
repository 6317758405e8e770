"""Files of sections: what Python's own reader makes of them is what is read."""

from __future__ import annotations

import configparser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hullmark.facets.configuration.include_tree import IncludeTree
from hullmark.facets.configuration.ini import Option, read_ini
from hullmark.facets.configuration.parser import Files, Parser
from hullmark.model.setting import Setting
from tests.support.configuration import ReadSettings, read_settings


def options(text: str) -> tuple[list[Option], ReadSettings]:
    found: list[Option] = []

    def collect(files: Files) -> list[Setting]:
        found.extend(read_ini(files, IncludeTree(files), "/a.ini"))
        return []

    return found, read_settings(Parser(name="ini", globs=("a.ini",), settings=collect), {"a.ini": text})


def test_sections_values_and_lines() -> None:
    found, read = options("# c\n[a]\nx = 1 ; no comment\ny: 2\n  3\n\n# c\n  4\n[b]\nX=\n")
    assert [(o.section, o.name, o.value, o.line) for o in found] == [
        ("a", "x", "1 ; no comment", 3),
        ("a", "y", "2\n3\n\n4", 4),
        ("b", "x", "", 10),
    ]
    assert read.problems == []


@pytest.mark.parametrize("line", ["nonsense", "= x"])
def test_what_is_not_understood_is_a_problem_at_its_line(line: str) -> None:
    found, read = options(f"[a]\n{line}\nx=1\n")
    assert [o.name for o in found] == ["x"]
    assert read.problems == [("/a.ini", "line 2: it is neither a section nor a value in one")]


LINES = st.lists(
    st.one_of(st.text(alphabet="ab=:[] #;\t", max_size=8), st.sampled_from(["[a]", "[b]", "a=1", "b : 2", "  c", ""])),
    max_size=8,
)


@settings(max_examples=400)
@given(LINES)
def test_pythons_own_reader_reads_alike(lines: list[str]) -> None:
    text = "\n".join(["[s]", *lines])
    theirs = configparser.RawConfigParser(strict=False, default_section="no section")
    found, read = options(text)
    try:
        theirs.read_string(text)
    except configparser.Error:
        assert read.problems
        return
    ours: dict[str, dict[str, str]] = {}
    for option in found:
        ours.setdefault(option.section, {})[option.name] = option.value
    assert read.problems == []
    assert ours == {name: dict(theirs[name]) for name in theirs.sections() if theirs[name]}
