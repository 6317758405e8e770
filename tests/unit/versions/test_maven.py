"""Maven versions: facts, intervals, and Maven's own ComparableVersion."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hullmark.versions import InvalidVersion, maven
from hullmark.versions.condition import Bound
from tests.unit.versions.test_generic import broken_facts, check_long_texts, holds

FOLDER = Path("/usr/share/java")
JARS = (FOLDER / "maven-artifact-3.x.jar", FOLDER / "commons-lang3.jar")
CLASS = "org.apache.maven.artifact.versioning.ComparableVersion"
HAS_MAVEN = shutil.which("java") is not None and all(jar.exists() for jar in JARS)

PIECES = st.sampled_from(
    [
        "0",
        "00",
        "1",
        "10",
        "2",
        ".",
        ".",
        "-",
        "-",
        "a",
        "b",
        "m",
        "x",
        "alpha",
        "beta",
        "rc",
        "cr",
        "ga",
        "Final",
        "sp",
        "SNAPSHOT",
    ]
)
# Where Maven 3.9, which is asked here, reads otherwise than 3.8: words after a dot, at the end or with digits behind them.
OTHER_IN_NEWER_MAVEN = re.compile(r"\.[^.\-0-9]+(?:[0-9]|\Z)").search
VERSION = st.lists(PIECES, min_size=1, max_size=8).map("".join)


def ask(versions: list[str]) -> list[int]:
    """How each version compares with the next one, as Maven says."""
    done = subprocess.run(
        ["java", "-Xshare:auto", "-cp", ":".join(map(str, JARS)), CLASS, *versions],
        capture_output=True,
        text=True,
        check=True,
    )
    answers = [line.strip() for line in done.stdout.splitlines() if line.startswith("   ")]
    pairs = zip(answers, versions, versions[1:], strict=False)
    signs = {"<": -1, "==": 0, ">": 1}
    return [signs[line.removeprefix(a).removesuffix(b).strip()] for line, a, b in pairs]


def test_every_known_fact_holds() -> None:
    assert broken_facts(maven.SCHEME, "maven") == []


@pytest.mark.skipif(not HAS_MAVEN, reason="java and Maven's jars are not installed")
@settings(max_examples=20, deadline=None)
@given(st.lists(VERSION.filter(lambda text: not OTHER_IN_NEWER_MAVEN(text)), min_size=60, max_size=120))
def test_versions_are_ordered_as_maven_does(versions: list[str]) -> None:
    expected = ask(versions)
    assert [maven.compare(a, b) for a, b in pairwise(versions)] == expected


@pytest.mark.skipif(not HAS_MAVEN, reason="java and Maven's jars are not installed")
@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(VERSION, st.sampled_from(["-", "", "-0", ".0"]), PIECES), min_size=40, max_size=80))
def test_versions_that_are_nearly_equal_are_ordered_as_maven_does(parts: list[tuple[str, str, str]]) -> None:
    pairs = [(version, version + joint + piece) for version, joint, piece in parts]
    versions = [text for pair in pairs if not any(map(OTHER_IN_NEWER_MAVEN, pair)) for text in pair]
    assert [maven.compare(a, b) for a, b in pairwise(versions)] == (ask(versions) if versions else [])


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_two_texts_are_ordered_the_same_from_both_sides(a: str, b: str) -> None:
    try:
        assert maven.compare(a, b) == -maven.compare(b, a)
        assert maven.compare(a, a) == maven.compare(b, b) == 0
    except InvalidVersion:
        assert not (a.strip() and b.strip())


def test_there_is_no_key_since_the_order_has_circles() -> None:
    assert maven.SCHEME.key is None
    assert [maven.compare(*pair) for pair in (("1.xyz.1", "1-alpha"), ("1-alpha", "1"), ("1", "1.xyz.1"))] == [
        -1,
        -1,
        -1,
    ]


def test_long_texts_take_no_time() -> None:
    check_long_texts(maven.SCHEME)


@pytest.mark.parametrize(
    ("text", "version", "expected"),
    [
        ("", "1", True),
        ("[1,2)", "1", True),
        ("[1,2)", "2", False),
        ("(1,2]", "1.0", False),
        ("(1,2]", "2.0", True),
        ("(,1.0]", "0.1", True),
        ("(,1.0]", "1.0.1", False),
        ("[1.5,)", "99", True),
        ("[1.0]", "1", True),
        ("[1.0]", "1.1", False),
        ("(,1.0],[1.2,)", "1.1", False),
        (" (,1.0] , [1.2,) ", "1.2", True),
        ("[1,2)||[3,4)", "3", True),
        ("[1,2) || > 4, != 5", "5", False),
        ("(,)", "1", True),
        (">= 1.0, < 2.0", "1.5", True),
        ("1.2.2", "1.2.3", False),
        ("< 12.2.0.jre8", "12.2.0.jre11", False),
        ("<= 12.2.0", "12.2.0.jre11", True),
        ("[,12.2.0.jre8)", "12.1.0.jre11", True),
    ],
)
def test_ranges_mean_what_they_say(text: str, version: str, expected: bool) -> None:
    assert holds(maven.SCHEME, text, version) is expected
    assert maven.ranges(text).text == text


def test_intervals_are_bounds() -> None:
    assert maven.ranges("(,1.0],[1.2]").alternatives == ((Bound("<=", "1.0"),), (Bound("=", "1.2"),))


@pytest.mark.parametrize(
    "text", ["[1", "1]", "(1)", "[1)", "[]", "[1,2,3]", "[1,2)[3,4)", "[1,2),", "[1,2) 3", "~> 1", "[1,2),>3"]
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        maven.ranges(text)


@given(st.text(alphabet="01.[](),-=!<>| a", max_size=30))
def test_any_text_is_a_range_or_refused(text: str) -> None:
    try:
        condition = maven.ranges(text)
    except ValueError:
        return
    assert isinstance(condition.holds("1.0", maven.SCHEME), bool)
