"""Ranges as sets of versions: against sets of numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.advisories.feeds.formats.spans import range_of, ranges_of, without
from hullmark.model.advisory import EVERY_VERSION, Range
from hullmark.versions import gem, npm, semver
from hullmark.versions.condition import Bound, Condition, parse_condition
from hullmark.versions.ranges import contains

LINE = [str(number) for number in range(12)]
NUMBERS = st.sampled_from(LINE[1:-1])
RANGES = st.builds(
    Range, low=st.just("") | NUMBERS, low_open=st.booleans(), high=st.just("") | NUMBERS, high_open=st.booleans()
)
BOUNDS = st.builds(Bound, st.sampled_from(["=", "==", "!=", "<", "<=", ">", ">="]), NUMBERS)
CONDITIONS = st.lists(st.lists(BOUNDS, max_size=4).map(tuple), min_size=1, max_size=3).map(
    lambda alternatives: Condition("", tuple(alternatives))
)


def numbers_in(ranges: tuple[Range, ...]) -> set[str]:
    return {each for each in LINE if any(contains(span, each, "semver") for span in ranges)}


@given(CONDITIONS)
def test_ranges_hold_what_the_condition_holds(condition: Condition) -> None:
    assert numbers_in(ranges_of(condition, semver.SCHEME)) == {
        each for each in LINE if condition.holds(each, semver.SCHEME)
    }


@given(st.lists(RANGES, max_size=4), st.lists(RANGES, max_size=4))
def test_what_is_left_is_affected_and_not_safe(affected: list[Range], safe: list[Range]) -> None:
    left = without(affected, safe, (), semver.SCHEME)
    assert numbers_in(left) == numbers_in(tuple(affected)) - numbers_in(tuple(safe))


@given(st.lists(RANGES, max_size=4), st.lists(RANGES, max_size=4))
def test_a_fix_is_a_safe_version_that_does_not_come_before_the_end(affected: list[Range], safe: list[Range]) -> None:
    for span in without(affected, safe, safe, semver.SCHEME):
        if span.fixed:
            assert any(each.low == span.fixed for each in safe)
            assert semver.compare(span.fixed, span.high) >= (0 if span.high_open else 1)


@pytest.mark.parametrize(
    ("affected", "patched", "expected"),
    [
        ("", ["~> 2.3.15", ">= 3.0.5"], [("", "2.3.15", "2.3.15"), ("2.4.A", "3.0.5", "3.0.5")]),
        ("", [">= 1.0", "< 0.5"], [("0.5", "1.0", "1.0")]),
        ("", [], [("", "", "")]),
        ("", ["> 1.2"], [("", "1.2", "")]),
    ],
)
def test_requirements_of_gems_leave_what_they_do_not_patch(
    affected: str, patched: list[str], expected: list[tuple[str, str, str]]
) -> None:
    fixes = [span for each in patched for span in ranges_of(gem.ranges(each), gem.SCHEME)]
    left = without((EVERY_VERSION,), fixes, fixes, gem.SCHEME)
    assert [(span.low, span.high, span.fixed) for span in left] == expected


def test_a_series_without_its_patched_part_is_fixed_where_that_begins() -> None:
    patched = ranges_of(npm.ranges("^8.1.4 || ^7.10.1"), npm.SCHEME)
    left = without(ranges_of(npm.ranges("8.x || 7.x"), npm.SCHEME), patched, patched, npm.SCHEME)
    assert [(span.low, span.high, span.fixed) for span in left] == [
        ("7.0.0", "7.10.1", "7.10.1"),
        ("8.0.0", "8.1.4", "8.1.4"),
    ]


def test_plain_bounds_make_a_range_and_others_none() -> None:
    (bounds,) = parse_condition("> 1, <= 2").alternatives
    assert range_of(bounds) == Range(low="1", low_open=True, high="2", high_open=False)
    (bounds,) = parse_condition("= 3").alternatives
    assert range_of(bounds) == Range(low="3", high="3", high_open=False)
    with pytest.raises(ValueError, match="'!=' makes no range"):
        range_of((Bound("!=", "1"),))


def test_absurdly_many_ranges_are_refused() -> None:
    with pytest.raises(ValueError, match="more than 1,000 ranges"):
        without([EVERY_VERSION] * 1001, (), (), semver.SCHEME)
