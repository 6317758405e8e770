"""Names in the brackets of keys."""

from __future__ import annotations

from hullmark.facets.configuration.bracketed import BracketedNames, escape_brackets


def test_long_names_that_begin_alike_stay_apart() -> None:
    one, other = escape_brackets("a" * 300), escape_brackets("a" * 301)
    assert one != other
    assert len(one) == len(other) == 217


def test_a_name_closes_no_bracket() -> None:
    assert escape_brackets("a]b") == "a\\x5db"


def test_a_name_that_stands_for_a_second_one_is_given_once() -> None:
    names = BracketedNames()
    assert [names.name(name) for name in ("a#2", "a", "a", "a")] == ["a#2", "a", "a#3", "a#4"]
