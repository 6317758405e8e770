"""Gentoo versions: the key sorts as the comparison, the known pairs hold, and Portage agrees where it is installed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hullmark.versions import InvalidVersion, portage
from hullmark.versions.condition import parse_condition
from tests.support.places import shared

NUMBER = st.sampled_from(["0", "00", "01", "010", "1", "2", "9", "10", "100"])
SUFFIX = st.builds("_{}{}".format, st.sampled_from(["alpha", "beta", "pre", "rc", "p"]), st.one_of(st.just(""), NUMBER))
VERSION = st.builds(
    lambda numbers, letter, suffixes, revision: ".".join(numbers) + letter + "".join(suffixes) + revision,
    st.lists(NUMBER, min_size=1, max_size=4),
    st.sampled_from(["", "", "a", "b"]),
    st.lists(SUFFIX, max_size=3),
    st.sampled_from(["", "", "-r0", "-r1", "-r01", "-r10"]),
)


def facts(name: str) -> list[Any]:
    lines = shared("conformance", "versions", name).read_bytes().splitlines()
    rows = map(msgspec.json.decode, lines)
    return [row for row in rows if row["scheme"] == "portage" and "variant" not in row]


def by_key(a: str, b: str) -> int:
    x, y = portage.key(a), portage.key(b)
    return (x > y) - (x < y)


@given(VERSION, VERSION)
@example("1.0", "1.00")
@example("1", "1a")
@example("1_p", "1")
@example("1_alpha", "1_alpha_p")
def test_the_key_sorts_as_the_comparison_does(a: str, b: str) -> None:
    assert by_key(a, b) == portage.compare(a, b)


@given(VERSION, VERSION)
def test_versions_are_ordered_as_portage_does(a: str, b: str) -> None:
    library = pytest.importorskip("portage.versions", reason="Portage is not installed")
    told = library.vercmp(a, b)
    assert portage.compare(a, b) == (told > 0) - (told < 0)


def test_every_known_pair_is_so_ordered_by_comparison_and_key() -> None:
    rows = facts("compare.jsonl")
    assert rows
    assert [row for row in rows if portage.compare(row["a"], row["b"]) != row["expect"]] == []
    assert [row for row in rows if by_key(row["a"], row["b"]) != row["expect"]] == []


def test_every_known_constraint_holds() -> None:
    rows = facts("constraints.jsonl")
    assert rows
    for row in rows:
        assert parse_condition(row["constraint"]).holds(row["version"], portage.SCHEME) is row["satisfied"], row


def test_what_is_no_version_has_no_key() -> None:
    for text in ("", "a", "1.", "٣", "1.0-1", *(row["version"] for row in facts("reject.jsonl"))):
        with pytest.raises(InvalidVersion):
            portage.key(text)


@pytest.mark.parametrize("piece", ["9", ".1", "_p", "_p1", "_pre0"])
@pytest.mark.parametrize("end", ["", "X"])
def test_a_long_version_takes_no_time(piece: str, end: str) -> None:
    long = "1" + piece * 20_000 + end
    if end:
        with pytest.raises(InvalidVersion):
            portage.compare(long, "2")
    else:
        assert portage.compare(long, long + "_p1") == -1
        assert portage.key(long) < portage.key(long + "_p1")
