"""Arch Linux versions: the key sorts as the comparison, and pacman's library agrees but for what the module says."""

from __future__ import annotations

import ctypes
import ctypes.util
import re
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hullmark.versions import InvalidVersion, alpm
from hullmark.versions.condition import parse_condition
from tests.support.places import shared

PIECES = ["0", "00", "1", "9", "10", "a", "A", "rc", ".", "..", "_", "+", "-", "~", "é", "٣"]
VERSION = st.builds(
    lambda epoch, pieces: epoch + "".join(pieces),
    st.sampled_from(["", "", "", "0:", ":", "1:", "10:"]),
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=6),
)
SEGMENT = st.one_of(
    st.sampled_from(["0", "00", "1", "9", "10"]),
    st.sampled_from([".", "_", "..", "+"]).flatmap(lambda mark: st.sampled_from(["a", "b", "rc1"]).map(mark.__add__)),
    st.sampled_from([".", "_", "..", "+"]).flatmap(lambda mark: st.sampled_from(["0", "1", "10"]).map(mark.__add__)),
)
# Letters stand behind separators only: right behind a number they are one of the differences.
NATIVE = st.builds(
    lambda epoch, start, segments, release: epoch + start + "".join(segments) + release,
    st.sampled_from(["", "", "0:", "1:", "10:"]),
    st.sampled_from(["1", "1", "10"]),
    st.lists(SEGMENT, max_size=4),
    st.sampled_from(["", "-1", "-1.1", "-2", "-10"]),
)


def facts(name: str) -> list[Any]:
    lines = shared("conformance", "versions", name).read_bytes().splitlines()
    rows = map(msgspec.json.decode, lines)
    return [row for row in rows if row["scheme"] in ("pacman", "alpm") and "variant" not in row]


def by_key(a: str, b: str) -> int:
    x, y = alpm.key(a), alpm.key(b)
    return (x > y) - (x < y)


def libalpm() -> Any:
    names = [ctypes.util.find_library("alpm"), "libalpm.so.16", "libalpm.so.15", "libalpm.so.14", "libalpm.so.13"]
    for name in filter(None, names):
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


LIBRARY = libalpm()


@given(VERSION, VERSION)
@example("1", "1.")
@example("1", "1a")
@example("1", "1-")
@example("1-", "1-1")
@example("1.a", "1.1")
def test_the_key_sorts_as_the_comparison_does(a: str, b: str) -> None:
    try:
        expected = alpm.compare(a, b)
    except InvalidVersion:
        return
    assert by_key(a, b) == expected


@pytest.mark.skipif(LIBRARY is None, reason="libalpm is not installed")
@given(NATIVE, NATIVE)
def test_bounds_are_read_as_vercmp_compares(a: str, b: str) -> None:
    assert alpm.against_bound(a, b) == LIBRARY.alpm_pkg_vercmp(a.encode(), b.encode())


@given(NATIVE, NATIVE)
def test_the_order_differs_from_that_of_bounds_only_where_one_release_is_missing(a: str, b: str) -> None:
    read = alpm.against_bound(a, b)
    assert alpm.compare(a, b) == (read or (re.search("-", a) is not None) - (re.search("-", b) is not None))


def test_a_release_counts_in_conditions_only_if_the_bound_has_one() -> None:
    assert parse_condition("<= 1.2").holds("1.2-3", alpm.SCHEME)
    assert parse_condition("= 1.2").holds("1.2-3", alpm.SCHEME)
    assert not parse_condition("<= 1.2-2").holds("1.2-3", alpm.SCHEME)
    assert not parse_condition("< 1.2").holds("1:1.1-3", alpm.SCHEME)


def test_every_known_pair_is_so_ordered_by_comparison_and_key() -> None:
    rows = facts("compare.jsonl")
    assert rows
    assert [row for row in rows if alpm.compare(row["a"], row["b"]) != row["expect"]] == []
    assert [row for row in rows if by_key(row["a"], row["b"]) != row["expect"]] == []


def test_what_is_no_version_has_no_key() -> None:
    for text in ("", "-1", "1:", "1 2", "٣", *(row["version"] for row in facts("reject.jsonl"))):
        with pytest.raises(InvalidVersion):
            alpm.key(text)


@pytest.mark.parametrize("piece", ["9", "a", ".1", ".", "-", "-1", ":", "1:", "é"])
@pytest.mark.parametrize("end", ["", " x"])
def test_a_long_version_takes_no_time(piece: str, end: str) -> None:
    long = "1." + piece * 100_000 + end
    if end:
        with pytest.raises(InvalidVersion):
            alpm.compare(long, "2")
    else:
        assert alpm.compare(long, "2") == -1
        assert alpm.key(long) < alpm.key("2")
