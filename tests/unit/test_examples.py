"""How many examples properties are tried on: what the suite sees to holds for hypothesis as it is installed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import examples
from tests.support.examples import have_fewer, part_of


@pytest.mark.parametrize(("full", "part"), [(3, 3), (20, 20), (25, 20), (50, 20), (60, 24), (300, 120)])
def test_a_part_is_two_fifths_and_few_are_all_tried(full: int, part: int) -> None:
    assert part_of(full) == part


def _tried(number: int) -> int:
    tried = 0

    @settings(max_examples=number, database=None)
    @given(st.integers())
    def a_property(_: int) -> None:
        nonlocal tried
        tried += 1

    have_fewer(a_property)
    a_property()
    return tried


def test_a_property_is_tried_on_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "_ASKED", "")
    assert _tried(100) == 40
    monkeypatch.setattr(examples, "_ASKED", "1")
    assert _tried(100) == 100


@settings(max_examples=100)
@given(st.integers())
def test_the_suite_sees_to_it(number: int) -> None:
    assert isinstance(number, int)
    mine: settings = getattr(test_the_suite_sees_to_it, examples._SETTINGS)
    assert mine.max_examples == (100 if examples._ASKED else 40)
