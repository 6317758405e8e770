"""Versions of Java runtimes: facts and keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.versions import jvm
from tests.unit.versions.test_generic import broken_facts, check_long_texts, check_order_of, holds, near_versions

PIECES = ["8", "0", "1", ".", ".", ".0", "_", "u", "-", "-ea", "-b1", "+8", "-lts", "-internal", "131"]


def test_every_known_fact_holds() -> None:
    assert broken_facts(jvm.SCHEME, "jvm") == []


@given(st.one_of(near_versions(PIECES, "1."), near_versions(PIECES, "8"), near_versions(PIECES, "jdk-1")))
def test_keys_sort_as_versions_do(texts: list[str]) -> None:
    check_order_of(jvm.SCHEME, texts)


@given(st.lists(st.text(alphabet="018._u-+eab ", max_size=12), max_size=4))
def test_any_texts_have_keys_or_are_refused(texts: list[str]) -> None:
    check_order_of(jvm.SCHEME, texts)


def test_long_texts_take_no_time() -> None:
    check_long_texts(jvm.SCHEME)


@pytest.mark.parametrize(
    ("text", "version", "expected"),
    [
        ("", "17", True),
        ("< 1.8.0_275", "8u272-b10", True),
        (">= 7, < 7u151", "1.7.0_80-b15", True),
        (">= 7, < 7u151", "1.7.0_151", False),
        ("< 8.0.131 || >= 11, < 11.0.2", "11.0.1+13", True),
        ("< 21", "21-ea+3", True),
        ("'17.0.9'", "17.0.9+9-LTS", True),
        ("!= 17", "17.0.0", False),
    ],
)
def test_ranges_mean_what_they_say(text: str, version: str, expected: bool) -> None:
    assert holds(jvm.SCHEME, text, version) is expected
    assert jvm.ranges(text).text == text


@pytest.mark.parametrize("text", ["< abc", "~> 8", "8 ||", "<", "^8"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        jvm.ranges(text)


@given(st.text(alphabet="018._u-+=!<>,| a", max_size=30))
def test_any_text_is_a_range_or_refused(text: str) -> None:
    try:
        condition = jvm.ranges(text)
    except ValueError:
        return
    assert isinstance(condition.holds("8", jvm.SCHEME), bool)
