"""Haskell versions: the key sorts as the comparison, the known pairs hold, ranges mean what Cabal says."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.versions import InvalidVersion, hackage
from hullmark.versions.condition import MAX_CONDITION
from tests.support.places import shared

NUMBERS = st.lists(st.sampled_from([0, 1, 2, 9, 10, 99]), min_size=1, max_size=4)


def written(numbers: list[int]) -> str:
    return ".".join(map(str, numbers))


def facts(name: str) -> list[Any]:
    lines = shared("conformance", "versions", name).read_bytes().splitlines()
    rows = map(msgspec.json.decode, lines)
    return [row for row in rows if row["scheme"] == "hackage" and "variant" not in row]


def by_key(a: str, b: str) -> int:
    x, y = hackage.key(a), hackage.key(b)
    return (x > y) - (x < y)


@given(NUMBERS, NUMBERS)
def test_versions_are_ordered_as_lists_of_numbers(a: list[int], b: list[int]) -> None:
    x, y = written(a), written(b)
    assert hackage.compare(x, y) == by_key(x, y) == (a > b) - (a < b)


def test_every_known_pair_is_so_ordered_by_comparison_and_key() -> None:
    rows = facts("compare.jsonl")
    assert rows
    assert [row for row in rows if hackage.compare(row["a"], row["b"]) != row["expect"]] == []
    assert [row for row in rows if by_key(row["a"], row["b"]) != row["expect"]] == []


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("", ["0", "1.2"], []),
        ("-any", ["0", "1.2"], []),
        ("-none", [], ["0", "1.2"]),
        ("1.2", ["1.2"], ["1.2.0", "1.1"]),
        ("== 1.2", ["1.2"], ["1.2.0", "1.1"]),
        ("/= 1", [], []),
        ("==1.2.*", ["1.2", "1.2.9.9"], ["1.1.9", "1.3"]),
        ("^>= 1.2.3", ["1.2.3", "1.2.9"], ["1.2.2", "1.3"]),
        ("^>= 1", ["1", "1.0.5"], ["0.9", "1.1"]),
        (">= 1.2 && < 2", ["1.2", "1.99"], ["1.1", "2"]),
        (">= 1.2, < 2", ["1.2", "1.99"], ["1.1", "2"]),
        (">= 1.2 < 2", ["1.2", "1.99"], ["1.1", "2"]),
        (">= 1.2 && < 1.2.5 || == 2.*", ["1.2.4", "2.7"], ["1.2.5", "3"]),
        ("!= 1.2", ["1.3"], ["1.2"]),
        (">1 && <=1.9 || 0", ["1.0", "1.9", "0"], ["1", "1.10", "0.0"]),
    ],
)
def test_ranges_mean_what_they_say(text: str, inside: list[str], outside: list[str]) -> None:
    if not inside + outside:
        with pytest.raises(ValueError, match="condition"):
            hackage.ranges(text)
        return
    condition = hackage.ranges(text)
    assert condition.text == text
    assert [version for version in inside if not condition.holds(version, hackage.SCHEME)] == []
    assert [version for version in outside if condition.holds(version, hackage.SCHEME)] == []


@pytest.mark.parametrize(
    "text",
    [
        "<",
        "^1",
        ">= 1.*",
        "(>= 1)",
        "{1,2}",
        "1 ||",
        "|| 1",
        "&& 1",
        "1 &&",
        "1,",
        "1a",
        "-any 1",
        "1" * (MAX_CONDITION + 1),
    ],
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="condition"):
        hackage.ranges(text)


@given(st.text(alphabet="01.*^<>=!&|,- a", max_size=30))
def test_any_text_is_a_range_or_refused(text: str) -> None:
    try:
        condition = hackage.ranges(text)
    except ValueError:
        return
    assert condition.holds("1.0", hackage.SCHEME) in (True, False)


def test_what_is_no_version_has_no_key() -> None:
    for text in ("", "a", "1.", "٣", "1..2", *(row["version"] for row in facts("reject.jsonl"))):
        with pytest.raises(InvalidVersion):
            hackage.key(text)


@pytest.mark.parametrize("piece", ["9", ".1", ".0"])
@pytest.mark.parametrize("end", ["", "X"])
def test_a_long_version_takes_no_time(piece: str, end: str) -> None:
    long = "1" + piece * 100_000 + end
    if end:
        with pytest.raises(InvalidVersion):
            hackage.compare(long, "2")
    else:
        assert hackage.compare(long, long + ".1") == -1
        assert hackage.key(long) < hackage.key(long + ".1")
