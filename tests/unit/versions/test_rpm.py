"""RPM versions as bytes: the key sorts as the comparison, and as `rpm`, does; what epochs mean to it and to ranges."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hullmark.versions import InvalidVersion, rpm
from hullmark.versions.condition import parse_condition
from tests.support.places import shared

PIECES = ["0", "00", "1", "9", "10", "01", "a", "A", "rc", "~", "^", "+", ".", "_", "-", "-0", ":", "git", "é"]
VERSION = st.builds(
    lambda epoch, pieces: epoch + "".join(pieces),
    st.sampled_from(["", "", "", "0:", ":", "1:", "10:", "a:"]),
    st.lists(st.sampled_from(PIECES), max_size=7),
)


def facts(name: str) -> list[Any]:
    lines = shared("conformance", "versions", name).read_bytes().splitlines()
    rows = map(msgspec.json.decode, lines)
    return [row for row in rows if row["scheme"] in ("rpm", "rpm_nevra") and "variant" not in row]


def by_key(a: str, b: str) -> int:
    x, y = rpm.key(a), rpm.key(b)
    return (x > y) - (x < y)


@given(VERSION, VERSION)
@example("1", "1-")
@example("1^", "1")
@example("1^", "1-1")
@example("1~", "1-1")
@example("1^~", "1^")
@example("a", "ab")
@example("a.b", "ab")
def test_the_key_sorts_as_the_comparison_does(a: str, b: str) -> None:
    try:
        expected = rpm.compare(a, b)
    except InvalidVersion:
        return
    assert by_key(a, b) == expected


@pytest.mark.skipif(shutil.which("rpm") is None, reason="rpm is not installed")
@settings(max_examples=40)
@given(st.lists(st.tuples(VERSION, VERSION), min_size=1, max_size=12))
def test_the_key_sorts_as_rpm_does(pairs: list[tuple[str, str]]) -> None:
    pairs = [(a, b) for a, b in pairs if native(a) and native(b)]
    calls = "".join(f'print(rpm.vercmp("{a}", "{b}") .. " ")\n' for a, b in pairs)
    told = subprocess.run(["rpm", "--eval", "%{lua:" + calls + "}"], capture_output=True, text=True, check=True).stdout
    assert [str(by_key(a, b)) for a, b in pairs] == told.split()


def native(version: str) -> bool:
    """Whether rpm takes it too: something on both sides of the last dash, no colon but the epoch's."""
    version, dash, release = rpm.without_epoch(version).rpartition("-")
    return (
        version.isascii()
        and release.isascii()
        and ":" not in f"{version}{release}"
        and bool(release)
        and (bool(version) or not dash)
    )


def test_the_key_sorts_every_known_pair_and_so_does_the_comparison() -> None:
    rows = facts("compare.jsonl")
    assert len(rows) > 80
    assert [row for row in rows if by_key(row["a"], row["b"]) != row["expect"]] == []
    assert [row for row in rows if rpm.compare(row["a"], row["b"]) != row["expect"]] == []


def test_every_known_constraint_holds() -> None:
    rows = facts("constraints.jsonl")
    assert rows
    for row in rows:
        assert parse_condition(row["constraint"]).holds(row["version"], rpm.SCHEME) is row["satisfied"], row


@pytest.mark.parametrize(
    ("version", "bound", "expected"),
    [
        ("1-2.el8.0.0", "1-2.el8", 0),
        ("1-2.el8", "0:1-2.el8.00", 0),
        ("1-2.el8.10", "1-2.el8.1", 1),
        ("1-2.el80", "1-2.el8", 1),
        ("1-2.el8..0", "1-2.el8", 0),
        ("1-0.0", "1-0", 0),
        ("1.0", "1", 1),
        ("1.0-1", "1-1", 1),
        ("1-", "1", 1),
    ],
)
def test_zeros_at_the_end_of_a_release_do_not_count_for_bounds(version: str, bound: str, expected: int) -> None:
    assert rpm.against_bound(version, bound) == expected
    assert rpm.against_bound(bound, version) == -expected


@pytest.mark.parametrize("piece", ["0", ".0", ".", "0."])
def test_a_bound_with_many_zeros_takes_no_time(piece: str) -> None:
    assert rpm.against_bound("1-1" + piece * 100_000, "1-2") == (1 if piece in ("0", "0.") else -1)


@pytest.mark.parametrize(
    ("version", "rest"), [("1:2-3", "2-3"), ("2-3", "2-3"), (":2", "2"), ("a:2", "a:2"), ("0:1:2", "1:2"), ("1:", "")]
)
def test_a_version_can_be_freed_of_its_epoch(version: str, rest: str) -> None:
    assert rpm.without_epoch(version) == rest


def test_keys_without_epochs_compare_versions_whose_epochs_are_not_known() -> None:
    assert rpm.key("1:1.0-1") > rpm.key("1.1-1")
    assert rpm.key(rpm.without_epoch("1:1.0-1")) < rpm.key("1.1-1")
    assert rpm.key("0:1.0") == rpm.key("1.0")


def test_what_is_no_version_has_no_key() -> None:
    for text in ("", *(row["version"] for row in facts("reject.jsonl"))):
        with pytest.raises(InvalidVersion):
            rpm.key(text)


@pytest.mark.parametrize("piece", ["9", "a", "~", "^", ".1", ".", "é"])
def test_the_key_of_a_long_version_takes_no_time(piece: str) -> None:
    assert rpm.key("1." + piece * 100_000) < rpm.key("2")
