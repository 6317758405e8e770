"""Entries are held up to a number, and what is left out is told."""

from __future__ import annotations

from hullmark.facets.configuration.entries import MAX_ENTRIES, at_most
from hullmark.facets.configuration.parser import Files, Parser
from hullmark.model.setting import Setting
from tests.support.configuration import read_settings


def test_what_comes_after_very_many_is_left_out_with_a_problem() -> None:
    counts: list[int] = []

    def collect(files: Files) -> list[Setting]:
        counts.extend(len(list(at_most(files, "/a", range(n)))) for n in (MAX_ENTRIES, MAX_ENTRIES + 1))
        return []

    read = read_settings(Parser(name="a", globs=("a",), settings=collect), {"a": ""})
    assert counts == [MAX_ENTRIES, MAX_ENTRIES]
    assert read.problems == [("/a", "it comes to more than 200,000 entries; the rest is left out")]
