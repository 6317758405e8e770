"""R package versions: the key sorts as the comparison, the known pairs hold."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.versions import InvalidVersion, cran
from hullmark.versions.condition import parse_condition
from tests.support.places import shared

NUMBERS = st.lists(st.sampled_from([0, 1, 2, 9, 10, 75, 99]), min_size=1, max_size=4)
MARKS = st.lists(st.sampled_from(".-"), min_size=4, max_size=4)


def written(numbers: list[int], marks: list[str]) -> str:
    return "".join(f"{number}{mark}" for number, mark in zip(numbers, marks, strict=False))[:-1]


def facts(name: str) -> list[Any]:
    lines = shared("conformance", "versions", name).read_bytes().splitlines()
    rows = map(msgspec.json.decode, lines)
    return [row for row in rows if row["scheme"] == "cran" and "variant" not in row]


def by_key(a: str, b: str) -> int:
    x, y = cran.key(a), cran.key(b)
    return (x > y) - (x < y)


@given(NUMBERS, MARKS, NUMBERS, MARKS)
def test_versions_are_ordered_as_lists_of_numbers_whatever_parts_them(
    a: list[int], marks_a: list[str], b: list[int], marks_b: list[str]
) -> None:
    x, y = written(a, marks_a), written(b, marks_b)
    assert cran.compare(x, y) == by_key(x, y) == (a > b) - (a < b)


def test_every_known_pair_is_so_ordered_by_comparison_and_key() -> None:
    rows = facts("compare.jsonl")
    assert rows
    assert [row for row in rows if cran.compare(row["a"], row["b"]) != row["expect"]] == []
    assert [row for row in rows if by_key(row["a"], row["b"]) != row["expect"]] == []


def test_conditions_hold_for_versions_with_dashes() -> None:
    assert parse_condition(">= 1.0-2, < 1.1").holds("1.0-10", cran.SCHEME)
    assert not parse_condition("< 1.0-2").holds("1.0.2", cran.SCHEME)


def test_what_is_no_version_has_no_key() -> None:
    for text in ("", "a", "1.", "٣", "1..2", *(row["version"] for row in facts("reject.jsonl"))):
        with pytest.raises(InvalidVersion):
            cran.key(text)


@pytest.mark.parametrize("piece", ["9", ".1", "-0"])
@pytest.mark.parametrize("end", ["", "X"])
def test_a_long_version_takes_no_time(piece: str, end: str) -> None:
    long = "1" + piece * 100_000 + end
    if end:
        with pytest.raises(InvalidVersion):
            cran.compare(long, "2")
    else:
        assert cran.compare(long, long + ".1") == -1
        assert cran.key(long) < cran.key(long + ".1")
