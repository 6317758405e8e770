"""Names in the brackets of keys."""

from __future__ import annotations

from hullmark.facets.configuration.bracketed import bracketed


def test_long_names_that_begin_alike_stay_apart() -> None:
    one, other = bracketed("a" * 300), bracketed("a" * 301)
    assert one != other
    assert len(one) == len(other) == 217


def test_a_name_closes_no_bracket() -> None:
    assert bracketed("a]b") == "a\\x5db"
