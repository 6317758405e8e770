"""Pub's versions and constraints."""

from __future__ import annotations

import pytest
from hypothesis import given

from hullmark.versions import pub
from hullmark.versions.condition import MAX_CONDITION
from hullmark.versions.scheme import InvalidVersion
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
    every_fact_holds(pub.SCHEME, 29)


@given(near(VERSION))
def test_keys_sort_as_versions_do(pair: tuple[str, str]) -> None:
    key_is_in_order(pub.SCHEME, *pair)


@given(ANY_TEXT, ANY_TEXT)
def test_any_text_has_a_key_or_is_refused(a: str, b: str) -> None:
    key_is_in_order(pub.SCHEME, a, b)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("any", ""),
        ("", ""),
        ("1.2.3+1", "=1.2.3+1"),
        ("^1.2.3", ">=1.2.3 <2.0.0-0"),
        ("^0.1.2", ">=0.1.2 <0.2.0-0"),
        ("^0.0.3", ">=0.0.3 <0.1.0-0"),
        ("^1.2.3-dev+2", ">=1.2.3-dev+2 <2.0.0-0"),
        (">=1.2.3 <2.0.0", ">=1.2.3 <2.0.0-0"),
        (">=2.0.0-dev.1 <2.0.0", ">=2.0.0-dev.1 <2.0.0"),
        ("<2.0.0-beta", "<2.0.0-beta"),
        ("<2.0.0+1", "<2.0.0+1"),
        (">1.0.0 <=1.5.0 || 2.0.0", ">1.0.0 <=1.5.0 || =2.0.0"),
    ],
)
def test_a_constraint_means_these_bounds(text: str, expected: str) -> None:
    assert bounds(pub.ranges(text)) == expected


@pytest.mark.parametrize("text", ["foo", ">", "~1.2.3", "^x", "1" * (MAX_CONDITION + 1)])
def test_what_is_no_constraint_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        pub.ranges(text)


def test_build_metadata_that_pub_does_not_know_is_refused() -> None:
    with pytest.raises(InvalidVersion):
        pub.compare("1.0.0+a_b", "1.0.0")


@given(ANY_TEXT)
def test_any_text_is_a_constraint_or_refused(text: str) -> None:
    any_text_is_a_range_or_refused(pub.SCHEME, text)
