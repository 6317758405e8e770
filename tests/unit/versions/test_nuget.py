"""NuGet's versions and intervals."""

from __future__ import annotations

import pytest
from hypothesis import given

from hullmark.versions import nuget
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
    every_fact_holds(nuget.SCHEME, 9)


@given(near(VERSION))
def test_keys_sort_as_versions_do(pair: tuple[str, str]) -> None:
    key_is_in_order(nuget.SCHEME, *pair)


@given(VERSION)
def test_letters_case_does_not_count(version: str) -> None:
    assert nuget.compare(version.upper(), version) == 0
    assert nuget.key(version.upper()) == nuget.key(version)


def test_a_letter_that_is_ascii_only_when_small_is_refused() -> None:
    with pytest.raises(InvalidVersion):
        nuget.compare("1.0-\u212a", "1.0-k")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1.0,2.0)", ">=1.0 <2.0"),
        ("(1.0, 2.0]", ">1.0 <=2.0"),
        ("(,1.0]", "<=1.0"),
        ("[1.0,)", ">=1.0"),
        ("(,)", ""),
        ("[1.0]", "=1.0"),
        ("1.0", "=1.0"),
        ("", ""),
        ("*", ""),
        ("1.2.*", ">=1.2.0 <1.3.0-0"),
        ("[1.0,1.3),[2.0-rc.1,2.1)", ">=1.0 <1.3 || >=2.0-rc.1 <2.1"),
        ("[1.0,1.3) || 2.0", ">=1.0 <1.3 || =2.0"),
        (">= 1.0, < 2.0", ">=1.0 <2.0"),
    ],
)
def test_an_interval_means_these_bounds(text: str, expected: str) -> None:
    assert bounds(nuget.ranges(text)) == expected


@pytest.mark.parametrize(
    "text", ["(1.0)", "[1.0", "[]", "[1.0,2.0,3.0]", "[1.0 2.0]", "[1.0,2.0) x", "1.*.2", "[" * (MAX_CONDITION + 1)]
)
def test_what_is_no_interval_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="condition"):
        nuget.ranges(text)


@given(ANY_TEXT)
def test_any_text_is_an_interval_or_refused(text: str) -> None:
    any_text_is_a_range_or_refused(nuget.SCHEME, text)
