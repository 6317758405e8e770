"""What `hullmark --help` shows: every command once, below what it is for, each on one line of an ordinary terminal."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterator

import pytest

from hullmark.cli.help import SECTIONS, HelpFormatter
from hullmark.cli.main import parser, verbs


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("COLUMNS", "80")
    return parser().format_help().splitlines()


def test_every_command_is_listed_once_and_no_section_names_another(lines: list[str]) -> None:
    names = Counter(verb.NAME for verb in verbs())
    shown = Counter(found[1] for line in lines if (found := re.match(r"    ([a-z][a-z-]*)  +\S", line)))
    assert shown == names
    assert {name for section in SECTIONS.values() for name in section} <= set(names)


def test_a_command_takes_one_line(lines: list[str]) -> None:
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if line.startswith(" " * 20)] == []


def test_a_command_without_a_section_is_listed_with_the_first() -> None:
    heading = parser("scan").format_help().split("commands:\n")[1].splitlines()
    assert heading[0].strip() == "look into images"
    assert heading[1].split()[0] == "scan"


def test_a_narrow_terminal_wraps_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    assert max(map(len, parser().format_help().partition("begin with")[0].splitlines())) <= 50


def _parsers(whole: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield whole
    for action in whole._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in {id(inner): inner for inner in action.choices.values()}.values():
                yield from _parsers(inner)


def test_the_help_of_no_command_is_wider_than_an_ordinary_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """But for a command line in it, which is to be copied whole."""
    monkeypatch.setenv("COLUMNS", "80")
    wide = [
        f"{inner.prog}: {line}"
        for inner in _parsers(parser())
        for line in inner.format_help().splitlines()
        if len(line) > 80 and not line.startswith(("  hullmark ", "  {"))
    ]
    assert wide == []


def test_many_options_are_not_all_in_the_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    long = {inner.prog: len(inner.format_usage().splitlines()) for inner in _parsers(parser())}
    assert {name for name, lines in long.items() if lines > 4} == set()


def test_options_that_must_be_given_stand_in_the_usage() -> None:
    usage = next(inner for inner in _parsers(parser()) if inner.prog == "hullmark channel add").format_usage()
    assert usage.strip() == "usage: hullmark channel add [OPTIONS] --kind KIND NAME"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("short\nlines\n", ["short", "lines"]),
        (f"{'word ' * 9}end\nmore", ["word word word word word word word", "word word end more"]),
        ("  name  a longer text that has to be folded under itself",
         ["  name  a longer text that has to be", "        folded under itself"]),
        ("  hullmark scan one-very-long-name-without-an-end", ["  hullmark scan one-very-long-name-without-an-end"]),
    ],
)  # fmt: skip
def test_lines_are_folded_where_they_do_not_fit(text: str, shown: list[str]) -> None:
    assert HelpFormatter("x")._fill_text(text, 36, "").splitlines() == shown
