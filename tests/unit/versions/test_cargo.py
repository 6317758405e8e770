"""Cargo's versions and requirements."""

from __future__ import annotations

import pytest
from hypothesis import given

from hullmark.versions import cargo
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
    every_fact_holds(cargo.SCHEME, 0)


@given(near(VERSION))
def test_keys_sort_as_versions_do(pair: tuple[str, str]) -> None:
    key_is_in_order(cargo.SCHEME, *pair)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.2.3", ">=1.2.3 <2.0.0-0"),
        ("1.2", ">=1.2.0 <2.0.0-0"),
        ("1", ">=1.0.0 <2.0.0-0"),
        ("0.2.3", ">=0.2.3 <0.3.0-0"),
        ("0.2", ">=0.2.0 <0.3.0-0"),
        ("0.0.3", ">=0.0.3 <0.0.4-0"),
        ("0.0", ">=0.0.0 <0.1.0-0"),
        ("0", ">=0.0.0 <1.0.0-0"),
        ("^1.2.3-rc.1", ">=1.2.3-rc.1 <2.0.0-0"),
        ("~1.2.3", ">=1.2.3 <1.3.0-0"),
        ("~1.2", ">=1.2.0 <1.3.0-0"),
        ("~1", ">=1.0.0 <2.0.0-0"),
        ("*", ""),
        ("1.*", ">=1.0.0 <2.0.0-0"),
        ("1.2.*", ">=1.2.0 <1.3.0-0"),
        ("=1.2.3", "=1.2.3"),
        ("=1.2", ">=1.2.0 <1.3.0-0"),
        (">= 1.2, < 1.5", ">=1.2.0 <1.5.0-0"),
        (">= 1.2.0, < 1.5.0", ">=1.2.0 <1.5.0"),
        ("^0.9.1 || >= 0.10.2", ">=0.9.1 <0.10.0-0 || >=0.10.2"),
    ],
)
def test_a_requirement_means_these_bounds(text: str, expected: str) -> None:
    assert bounds(cargo.ranges(text)) == expected


@pytest.mark.parametrize("text", ["foo", ">", "1.2.3, >", "!1", "1" * (MAX_CONDITION + 1)])
def test_what_is_no_requirement_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="condition"):
        cargo.ranges(text)


@given(ANY_TEXT)
def test_any_text_is_a_requirement_or_refused(text: str) -> None:
    any_text_is_a_range_or_refused(cargo.SCHEME, text)
