"""Alpine versions: the key sorts as the comparison, the known pairs hold, and `apk` agrees where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hullmark.versions import InvalidVersion, apk
from hullmark.versions.condition import parse_condition
from tests.support.places import shared

NUMBER = st.sampled_from(["0", "00", "01", "010", "1", "2", "9", "10"])
SUFFIX = st.builds(
    "_{}{}".format,
    st.sampled_from(["alpha", "beta", "pre", "rc", "cvs", "svn", "git", "hg", "p"]),
    st.one_of(st.just(""), NUMBER),
)
VALID = st.builds(
    lambda numbers, letter, suffixes, commit, revision: (
        ".".join(numbers) + letter + "".join(suffixes) + commit + revision
    ),
    st.lists(NUMBER, min_size=1, max_size=3),
    st.sampled_from(["", "", "a", "b"]),
    st.lists(SUFFIX, max_size=2),
    st.sampled_from(["", "", "~1", "~1a", "~F"]),
    st.sampled_from(["", "-r0", "-r1", "-r10"]),
)
PIECES = ["1", "0", "01", "a", "b", ".", "_p", "_rc", "_foo", "_", "~", "~1", "-r", "-r1", "-1", "D", "é", "v", "٣"]
LOOSE = st.builds(lambda start, pieces: start + "".join(pieces), NUMBER, st.lists(st.sampled_from(PIECES), max_size=5))
ANY = st.one_of(VALID, LOOSE)
SIGNS = {"<": -1, "=": 0, ">": 1}


def facts(name: str) -> list[Any]:
    lines = shared("conformance", "versions", name).read_bytes().splitlines()
    rows = map(msgspec.json.decode, lines)
    return [row for row in rows if row["scheme"] == "apk" and "variant" not in row]


def by_key(a: str, b: str) -> int:
    x, y = apk.key(a), apk.key(b)
    return (x > y) - (x < y)


@given(ANY, ANY)
@example("1.0", "1.00")
@example("1.0_foo", "1.0")
@example("1_p", "1_p0")
@example("1~1", "1~10")
def test_the_key_sorts_as_the_comparison_does(a: str, b: str) -> None:
    assert by_key(a, b) == apk.compare(a, b)


@given(ANY, SUFFIX)
def test_a_suffix_tells_whether_a_version_came_before_or_after(version: str, suffix: str) -> None:
    later = version + suffix
    if version[-1].isascii() and version[-1].isdigit() and set(version) <= set("0123456789."):
        assert apk.compare(version, later) == (1 if suffix[1:].startswith(("alpha", "beta", "pre", "rc")) else -1)


@pytest.mark.skipif(shutil.which("apk") is None, reason="apk-tools is not installed")
@settings(max_examples=60)
@given(VALID, VALID)
def test_valid_versions_are_ordered_as_apk_does(a: str, b: str) -> None:
    told = subprocess.run(["apk", "version", "-t", a, b], capture_output=True, text=True, check=True).stdout.strip()
    assert apk.compare(a, b) == SIGNS[told]


def test_every_known_pair_is_so_ordered_by_comparison_and_key() -> None:
    rows = facts("compare.jsonl")
    assert len(rows) > 3000
    assert [row for row in rows if apk.compare(row["a"], row["b"]) != row["expect"]] == []
    assert [row for row in rows if by_key(row["a"], row["b"]) != row["expect"]] == []


def test_every_known_constraint_holds() -> None:
    rows = facts("constraints.jsonl")
    assert rows
    for row in rows:
        assert parse_condition(row["constraint"]).holds(row["version"], apk.SCHEME) is row["satisfied"], row


def test_what_is_no_version_has_no_key() -> None:
    for text in ("", "a", "-r1", "1 2", "٣", *(row["version"] for row in facts("reject.jsonl"))):
        with pytest.raises(InvalidVersion):
            apk.key(text)


@pytest.mark.parametrize("piece", ["9", "a", ".1", ".", "_p", "_p1", "~", "-r", "1a", "é"])
@pytest.mark.parametrize("end", ["", " x"])
def test_a_long_version_takes_no_time(piece: str, end: str) -> None:
    long = "1." + piece * 20_000 + end
    if end:
        with pytest.raises(InvalidVersion):
            apk.compare(long, "2")
    else:
        assert apk.compare(long, "2") == -1
        assert apk.key(long) < apk.key("2")
