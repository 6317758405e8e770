"""Conan versions: the key sorts as the comparison, and Conan agrees where it is installed, in ranges too."""

from __future__ import annotations

from functools import cmp_to_key
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hullmark.versions import InvalidVersion, conan
from hullmark.versions.condition import MAX_CONDITION
from tests.support.places import shared

PIECES = ["0", "00", "1", "9", "10", "a", "A", "rc", ".", ".", ".0", "-", "+", "*", "_", "~"]
ANY = st.lists(st.sampled_from(PIECES), min_size=1, max_size=7).map("".join)
# Numbers of one digit: of longer ones before letters, Conan makes a circle.
ITEMS = st.lists(
    st.sampled_from(["0", "0", "1", "2", "9", "1a", "1b", "2a", "a", "b", "rc1", "*"]), min_size=1, max_size=4
)
NATIVE = st.builds(
    lambda main, pre, build: ".".join(main) + pre + build,
    ITEMS,
    st.one_of(st.just(""), st.just("-"), ITEMS.map(".".join).map("-".__add__)),
    st.one_of(st.just(""), ITEMS.map(".".join).map("+".__add__)),
)
NUMBERS = st.lists(st.sampled_from(["0", "1", "2", "3"]), min_size=1, max_size=3).map(".".join)
PLAIN = st.builds(str.__add__, NUMBERS, st.sampled_from(["", "", "", "-rc1", "-rc2"]))
BOUND = st.one_of(
    PLAIN.filter(lambda version: len(version) > 1),  # Conan refuses a range of one character
    st.builds(str.__add__, st.sampled_from(["=", "<", "<=", ">", ">=", "~"]), PLAIN),
    PLAIN.filter(lambda version: version.partition("-")[0].strip("0.") != "").map("^".__add__),
    st.just("*"),
)
RANGE = st.lists(st.lists(BOUND, min_size=1, max_size=2).map(" ".join), min_size=1, max_size=2).map(" || ".join)


def facts(name: str) -> list[Any]:
    lines = shared("conformance", "versions", name).read_bytes().splitlines()
    rows = map(msgspec.json.decode, lines)
    return [row for row in rows if row["scheme"] == "conan" and "variant" not in row]


def by_key(a: str, b: str) -> int:
    x, y = conan.key(a), conan.key(b)
    return (x > y) - (x < y)


@given(ANY, ANY)
@example("1.0", "1")
@example("1-", "1")
@example("1-0", "1-")
@example("1+", "1")
@example("1a", "1a.0")
def test_the_key_sorts_as_the_comparison_does(a: str, b: str) -> None:
    assert by_key(a, b) == conan.compare(a, b)


@given(ANY, ANY, ANY)
@example("2", "10", "10a")
def test_the_order_has_no_circles(a: str, b: str, c: str) -> None:
    low, middle, high = sorted((a, b, c), key=cmp_to_key(conan.compare))
    assert conan.compare(low, middle) <= 0
    assert conan.compare(middle, high) <= 0
    assert conan.compare(low, high) <= 0


@given(NATIVE, NATIVE)
def test_versions_are_ordered_as_conan_does(a: str, b: str) -> None:
    version = pytest.importorskip("conan.internal.model.version", reason="Conan is not installed").Version
    x, y = version(a), version(b)
    assert conan.compare(a, b) == (x > y) - (x < y)


@given(RANGE, PLAIN)
def test_ranges_hold_as_in_conan(text: str, version: str) -> None:
    library = pytest.importorskip("conan.internal.model.version", reason="Conan is not installed")
    held = library.Version(version).in_range(text, resolve_prerelease=True)
    assert conan.ranges(text).holds(version, conan.SCHEME) is held


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("", ["0", "1.2"], []),
        ("*", ["0", "1.2"], []),
        ("1.2", ["1.2", "1.2.0"], ["1.2.1"]),
        ("=1.2", ["1.2"], ["1.3"]),
        (">=1.0 <2.0", ["1.0", "1.0-rc1", "1.9"], ["2.0", "2.0-rc1", "0.9"]),
        (">= 1.0, < 2.0", ["1.0", "1.9"], ["2.0", "0.9"]),
        ("[>=1.0 <2.0, include_prerelease]", ["1.0", "1.9"], ["2.0", "0.9"]),
        ("[>1 <2, loose=False, include_prerelease=True]", ["1.5"], ["2", "1"]),
        ("~1.2.3", ["1.2.3", "1.2.9"], ["1.2.2", "1.3"]),
        ("~1", ["1", "1.9"], ["2", "0.9", "2-rc1"]),
        ("~1.1.1a", ["1.1.1a", "1.1.1w", "1.1.9"], ["1.1.1", "1.2"]),
        ("^1.2", ["1.2", "1.9"], ["1.1", "2"]),
        ("^0.1.2", ["0.1.2", "0.1.9"], ["0.2", "0.1.1"]),
        ("^0", ["0", "0.9"], ["1"]),
        ("1.2.*", ["1.2", "1.2.9"], ["1.1", "1.3"]),
        ("<1 || >=2.1 <2.2 || ~3", ["0.9", "2.1.5", "3.9"], ["1", "2.2", "4"]),
        ("!=1.2", ["1.3"], ["1.2.0"]),
    ],
)
def test_ranges_mean_what_they_say(text: str, inside: list[str], outside: list[str]) -> None:
    condition = conan.ranges(text)
    assert condition.text == text
    assert [version for version in inside if not condition.holds(version, conan.SCHEME)] == []
    assert [version for version in outside if condition.holds(version, conan.SCHEME)] == []


@pytest.mark.parametrize(
    "text",
    ["<", "~=1", "^a", "~1.a", ">=1.*", "<*", "(1)", "1 ||", "|| 1", "1,", "a.*", "é", "1" * (MAX_CONDITION + 1)],
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="condition"):
        conan.ranges(text)


@given(st.text(alphabet="01.*^~<>=!|,- a+[]", max_size=30))
def test_any_text_is_a_range_or_refused(text: str) -> None:
    try:
        condition = conan.ranges(text)
    except ValueError:
        return
    assert condition.holds("1.0", conan.SCHEME) in (True, False)


def test_every_known_pair_is_so_ordered_by_comparison_and_key() -> None:
    rows = facts("compare.jsonl")
    assert [row for row in rows if conan.compare(row["a"], row["b"]) != row["expect"]] == []
    assert [row for row in rows if by_key(row["a"], row["b"]) != row["expect"]] == []


def test_what_is_no_version_has_no_key() -> None:
    for text in ("", "1 2", "é", "٣", "1\x00", *(row["version"] for row in facts("reject.jsonl"))):
        with pytest.raises(InvalidVersion):
            conan.key(text)


@pytest.mark.parametrize("piece", ["9", "a", ".1", ".0", ".", "-", "+", "1a"])
def test_a_long_version_takes_no_time(piece: str) -> None:
    long = "1." + piece * 100_000
    assert conan.compare(long, "2") == -1
    assert conan.key(long) < conan.key("2")
