"""Hex's versions and requirements."""

from __future__ import annotations

import pytest
from hypothesis import given

from hullmark.versions import hex
from hullmark.versions.condition import MAX_CONDITION
from tests.unit.versions.test_semver import (
    ANY_TEXT,
    VERSION,
    any_text_is_a_range_or_refused,
    bounds,
    every_fact_holds,
    key_is_in_order,
    near,
)


def test_every_known_fact_holds() -> None:
    every_fact_holds(hex.SCHEME, 0)


@given(near(VERSION))
def test_keys_sort_as_versions_do(pair: tuple[str, str]) -> None:
    key_is_in_order(hex.SCHEME, *pair)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("2.0.0", "=2.0.0"),
        ("== 2.0.0", "==2.0.0"),
        ("!= 2.0.0", "!=2.0.0"),
        ("> 2.0", ">2.0.0"),
        ("~> 2.0.0", ">=2.0.0 <2.1.0-0"),
        ("~> 2.1.2", ">=2.1.2 <2.2.0-0"),
        ("~> 2.1.3-dev", ">=2.1.3-dev <2.2.0-0"),
        ("~> 2.0", ">=2.0.0 <3.0.0-0"),
        ("~> 2.1", ">=2.1.0 <3.0.0-0"),
        ("~> 2.1-dev", ">=2.1-dev <3.0.0-0"),
        ("~> 2", ">=2.0.0 <3.0.0-0"),
        (">= 2.0.0 and < 2.1.0 or == 3.0.0", ">=2.0.0 <2.1.0 || ==3.0.0"),
        (">= 2.0.0, < 2.1.0 || ~> 3.0", ">=2.0.0 <2.1.0 || >=3.0.0 <4.0.0-0"),
    ],
)
def test_a_requirement_means_these_bounds(text: str, expected: str) -> None:
    assert bounds(hex.ranges(text)) == expected


@pytest.mark.parametrize(
    "text", ["foo", ">", "1.0 and ", "1.0 ||", "and 1.0", "1.0 or", "~> a", "1" * (MAX_CONDITION + 1)]
)
def test_what_is_no_requirement_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="condition"):
        hex.ranges(text)


@given(ANY_TEXT)
def test_any_text_is_a_requirement_or_refused(text: str) -> None:
    any_text_is_a_range_or_refused(hex.SCHEME, text)
