"""Names in the brackets of keys."""

from __future__ import annotations

from hullmark.facets.configuration.bracketed import escape_brackets


def test_long_names_that_begin_alike_stay_apart() -> None:
    one, other = escape_brackets("a" * 300), escape_brackets("a" * 301)
    assert one != other
    assert len(one) == len(other) == 217


def test_a_name_closes_no_bracket() -> None:
    assert escape_brackets("a]b") == "a\\x5db"
