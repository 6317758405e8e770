"""Debian versions as bytes: the key sorts as the comparison, and as `dpkg`, does."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hullmark.versions import InvalidVersion, deb
from hullmark.versions.condition import parse_condition
from tests.support.places import shared

PIECES = ["0", "00", "1", "9", "10", "01", "a", "A", "z", "~", "~~", "+", ".", "-", "-0", "bpo1", "\x7f", "é", "٣"]
VERSION = st.builds(
    lambda epoch, start, pieces: epoch + start + "".join(pieces),
    st.sampled_from(["", "", "", "0:", "00:", "1:", "10:"]),
    st.sampled_from(["0", "1", "1", "", "a"]),
    st.lists(st.sampled_from(PIECES), max_size=6),
)
SIGNS = {"lt": -1, "eq": 0, "gt": 1}
DPKG = """
while read -r a b; do
    for order in lt eq gt; do
        if dpkg --compare-versions "$a" $order "$b"; then echo $order; fi
    done
done
"""


def facts(name: str) -> list[Any]:
    lines = shared("conformance", "versions", name).read_bytes().splitlines()
    rows = map(msgspec.json.decode, lines)
    return [row for row in rows if row["scheme"] == "deb" and "variant" not in row]


def by_key(a: str, b: str) -> int:
    x, y = deb.key(a), deb.key(b)
    return (x > y) - (x < y)


@given(VERSION, VERSION)
@example("0", "0-0~bpo1")
@example("1.0", "1.0.0")
@example("a0b", "ab")
@example("1-0", "1")
@example("1a0", "1a")
@example("1~", "1")
def test_the_key_sorts_as_the_comparison_does(a: str, b: str) -> None:
    try:
        expected = deb.compare(a, b)
    except InvalidVersion:
        return
    assert by_key(a, b) == expected


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="dpkg is not installed")
@settings(max_examples=20)
@given(st.lists(st.tuples(VERSION, VERSION), min_size=1, max_size=12))
def test_the_key_sorts_as_dpkg_does(pairs: list[tuple[str, str]]) -> None:
    pairs = [(a, b) for a, b in pairs if valid(a) and valid(b)]
    lines = "".join(f"{a} {b}\n" for a, b in pairs)
    told = subprocess.run(["sh", "-c", DPKG], input=lines, capture_output=True, text=True, check=True).stdout.split()
    assert [by_key(a, b) for a, b in pairs] == [SIGNS[order] for order in told]


def valid(version: str) -> bool:
    try:
        deb.key(version)
    except InvalidVersion:
        return False
    return True


def test_the_key_sorts_every_known_pair() -> None:
    rows = facts("compare.jsonl")
    assert len(rows) > 3000
    assert [row for row in rows if by_key(row["a"], row["b"]) != row["expect"]] == []


def test_every_known_constraint_holds() -> None:
    rows = facts("constraints.jsonl")
    assert rows
    for row in rows:
        assert parse_condition(row["constraint"]).holds(row["version"], deb.SCHEME) is row["satisfied"], row


def test_what_is_no_version_has_no_key() -> None:
    for text in (
        "",
        ":1",
        "1:",
        "a:1",
        "1-",
        "-1",
        "1 2",
        "abc",
        "1_2",
        "1+é",
        *(row["version"] for row in facts("reject.jsonl")),
    ):
        with pytest.raises(InvalidVersion):
            deb.key(text)


@given(st.integers(0, 10**400), st.integers(0, 10**400))
@example(10**254 - 1, 10**254)
@example(10**255 - 1, 10**255)
@example(0, 1)
def test_number_keys_sort_as_numbers_and_none_starts_another(a: int, b: int) -> None:
    x, y = deb.number_key(str(a)), deb.number_key(f"000{b}")
    assert (x > y) - (x < y) == (a > b) - (a < b)
    assert a == b or not (x.startswith(y) or y.startswith(x))


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="dpkg is not installed")
@given(st.one_of(VERSION, st.text("01a.+~:-_ @é\x7f", max_size=6)))
@example("abc")
@example("1_2")
@example("1:a")
@example("1.0-1_2")
@example("1:2:3")
@settings(max_examples=60, deadline=None)
def test_what_dpkg_calls_no_valid_version_is_none(version: str) -> None:
    told = subprocess.run(["dpkg", "--validate-version", "--", version], capture_output=True, check=False)
    assert valid(version) is (told.returncode == 0)


@pytest.mark.parametrize("piece", ["9", "a", "~", ".1", "0"])
def test_the_key_of_a_long_version_takes_no_time(piece: str) -> None:
    long = "1." + piece * 100_000
    assert deb.key(long) < deb.key("2")
