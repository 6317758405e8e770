"""What every scheme owes: a total order, and an answer or InvalidVersion for any text."""

from __future__ import annotations

from functools import cmp_to_key

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.versions import SCHEMES, InvalidVersion, Scheme, deb, pep440, rpm
from hullmark.versions.condition import MAX_CONDITION, parse_condition

ANY = st.one_of(st.text(max_size=30), st.text(alphabet="0123456789abrc.-~^+:_!v ", max_size=20))


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: str(scheme.name))
@given(texts=st.lists(ANY, min_size=3, max_size=3))
def test_any_texts_are_ordered_or_refused(scheme: Scheme, texts: list[str]) -> None:
    try:
        low, middle, high = sorted(texts, key=cmp_to_key(scheme.compare))
        assert scheme.compare(low, middle) <= 0
        assert scheme.compare(middle, high) <= 0
        assert scheme.compare(low, high) <= 0
        assert scheme.compare(high, low) == -scheme.compare(low, high)
    except InvalidVersion:
        return


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: str(scheme.name))
def test_a_version_of_a_million_digits_takes_no_time(scheme: Scheme) -> None:
    long = "1." + "9" * 1_000_000
    assert scheme.compare(long, long + "9") == -1


@pytest.mark.parametrize(
    ("condition", "version", "expected"),
    [
        ("", "1", True),
        ("1.2", "1.2", True),
        ("= 1.2", "1.2-0", True),
        ("== 1.2", "1.3", False),
        ("!= 1.2", "1.3", True),
        (">= 1.2, < 2", "1.9", True),
        (">= 1.2 < 2", "2", False),
        (">=1.2,<2", "1.1", False),
        ("< 1 || > 2", "3", True),
        ("< 1 || > 2", "1.5", False),
        (" <= 1:2~rc1-3+b1 ", "1:2~rc1-3", True),
    ],
)
def test_conditions_mean_what_they_say(condition: str, version: str, expected: bool) -> None:
    assert parse_condition(condition).holds(version, deb.SCHEME) is expected


@pytest.mark.parametrize(
    "text", ["<", ">> 1", "1.2 ||", "|| 1", "~= 1", "1,", "a b, <", "'1'", "1" * (MAX_CONDITION + 1)]
)
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="condition"):
        parse_condition(text)


@given(st.text(max_size=60))
def test_any_text_is_a_condition_or_refused(text: str) -> None:
    try:
        condition = parse_condition(text)
    except ValueError:
        return
    assert condition.text == text


def test_an_rpm_epoch_that_only_one_side_has_does_not_count_in_conditions() -> None:
    assert parse_condition("< 1.2").holds("1:1.1-1", rpm.SCHEME)
    assert not parse_condition("< 1:1.0").holds("1.1-1", rpm.SCHEME)
    assert not parse_condition("< 0:1.2").holds("1:1.1-1", rpm.SCHEME)


def test_a_local_part_of_a_python_version_counts_only_if_the_bound_has_one() -> None:
    assert parse_condition("<= 1.0").holds("1.0+local.1", pep440.SCHEME)
    assert not parse_condition("<= 1.0+a").holds("1.0+b", pep440.SCHEME)
