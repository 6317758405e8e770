"""Semantic versions and npm-like ranges; node-semver, if it is installed, as oracle. Also what the tests of its relatives share."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from hullmark.versions import semver
from hullmark.versions.condition import MAX_CONDITION, Bound, Condition, parse_condition
from hullmark.versions.scheme import InvalidVersion, Scheme
from tests.support.examples import examples
from tests.support.places import shared

# Shared with the tests of the other schemes.

# Each example is a process that answers many questions; to look for a smaller failing one would take minutes.
BATCHES = settings(max_examples=examples(12), deadline=None, phases=(Phase.explicit, Phase.generate))

LENGTHS = ("0", "1", "2", "9", "10", "00", "01", "100", "4294967296", "9" * 300)
NUMBERS = st.lists(st.sampled_from(LENGTHS), min_size=1, max_size=5).map(".".join)
IDENTIFIERS = st.lists(
    st.sampled_from(["0", "1", "2", "10", "a", "A", "ab", "rc", "alpha", "rc1", "rc-1", "-", "0a", "dev", "b"]),
    min_size=1,
    max_size=4,
).map(".".join)
VERSION = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "", "", "v"]),
    NUMBERS,
    st.one_of(st.just(""), IDENTIFIERS.map("-".__add__), st.sampled_from(["rc1", ".beta", ".rc.alpha", "-1"])),
    st.one_of(st.just(""), st.just(""), IDENTIFIERS.map("+".__add__)),
)
ANY_TEXT = st.one_of(st.text(max_size=30), st.text(alphabet="0123456789abrcxX.-~^+:_!v*<>=|,[]() ", max_size=25))


def near(version: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, str]]:
    """Pairs of versions, many of which are the beginning of one another or nearly the same."""
    tail = st.sampled_from(["", ".0", ".0.0", "-0", "-a", "-rc.1", ".1", "+1", "a", "0", "-dev", "rc1", "-beta2", "p1"])
    return st.one_of(st.tuples(version, version), st.builds(lambda v, x, y: (v + x, v + y), version, tail, tail))


def key_is_in_order(scheme: Scheme, a: str, b: str) -> None:
    """Keys sort as versions do, and are refused where they are."""
    assert scheme.key is not None
    try:
        expected = scheme.compare(a, b)
    except InvalidVersion:
        return
    x, y = scheme.key(a), scheme.key(b)
    assert (x > y) - (x < y) == expected


def rows(scheme: Scheme, name: str) -> Iterator[dict[str, Any]]:
    """The facts of a file of the conformance material that are about a scheme."""
    for line in shared("conformance", "versions", name).read_bytes().splitlines():
        row = msgspec.json.decode(line)
        if row["scheme"] == scheme.name and "variant" not in row:
            yield row


def every_fact_holds(scheme: Scheme, least: int) -> None:
    """All that the conformance material says about a scheme, of which there is at least so much."""
    facts = 0
    for row in rows(scheme, "compare.jsonl"):
        assert scheme.compare(row["a"], row["b"]) == row["expect"], row
        key_is_in_order(scheme, row["a"], row["b"])
        facts += 1
    for row in rows(scheme, "constraints.jsonl"):
        assert holds(scheme, row["version"], [row["constraint"]]) == row["satisfied"], row
        facts += 1
    for row in rows(scheme, "advisories.jsonl"):
        assert is_vulnerable(scheme, row) == row["is_vulnerable"], row
        facts += 1
    for row in rows(scheme, "reject.jsonl"):
        with pytest.raises(InvalidVersion):
            scheme.compare(row["version"], "1")
        facts += 1
    assert facts >= least


def ranges_of(scheme: Scheme, text: str) -> Condition:
    return (scheme.ranges or parse_condition)(text)


def holds(scheme: Scheme, version: str, conditions: Iterable[str]) -> bool:
    """Whether one of the conditions holds. What cannot be read holds for nothing."""
    try:
        return any(ranges_of(scheme, condition).holds(version, scheme) for condition in conditions)
    except ValueError:
        return False


def is_vulnerable(scheme: Scheme, row: dict[str, Any]) -> bool:
    """An advisory's answer: in a vulnerable range if there are any, and in none that is patched or unaffected."""
    version, safe = row["version"], [*row["patched"], *row["unaffected"]]
    if row["vulnerable"] and not holds(scheme, version, row["vulnerable"]):
        return False
    return not holds(scheme, version, safe)


def bounds(condition: Condition) -> str:
    """A condition in one line, for tables."""
    return " || ".join(" ".join(bound.operator + bound.version for bound in part) for part in condition.alternatives)


NODE_SEMVER = next(
    (
        folder
        for folder in map(Path, ("/usr/share/nodejs/semver", "/usr/lib/node_modules/npm/node_modules/semver"))
        if folder.is_dir()
    ),
    None,
)
NEEDS_NODE = pytest.mark.skipif(
    NODE_SEMVER is None or shutil.which("node") is None, reason="node-semver is not installed"
)


def node(body: str, questions: list[Any]) -> list[Any]:
    """Answers of node-semver: `body` is a function of `semver` and `question`."""
    script = f"""
        const semver = require({json.dumps(str(NODE_SEMVER))});
        const answer = (question) => {{ {body} }};
        console.log(JSON.stringify(JSON.parse(require("fs").readFileSync(0, "utf8")).map(answer)));
    """
    output = subprocess.run(
        ["node", "-e", script], input=json.dumps(questions), capture_output=True, text=True, check=True
    )
    return list(json.loads(output.stdout))


# The scheme.


def test_every_known_fact_holds() -> None:
    every_fact_holds(semver.SCHEME, 60)


@given(near(VERSION))
def test_keys_sort_as_versions_do(pair: tuple[str, str]) -> None:
    key_is_in_order(semver.SCHEME, *pair)


@given(ANY_TEXT, ANY_TEXT)
def test_any_text_has_a_key_or_is_refused(a: str, b: str) -> None:
    key_is_in_order(semver.SCHEME, a, b)


def test_the_key_of_a_version_of_a_million_digits_takes_no_time() -> None:
    long = "1." + "9" * 1_000_000
    assert semver.key(long) < semver.key(long + "9") < semver.key("2")


STRICT = st.builds(
    "{}.{}.{}{}".format,
    *[st.integers(0, 12)] * 3,
    st.one_of(
        st.just(""),
        st.lists(st.sampled_from(["0", "1", "10", "a", "B", "rc", "rc-1", "x1", "-"]), min_size=1, max_size=3).map(
            lambda parts: "-" + ".".join(parts)
        ),
        st.just("+1"),
    ),
)


@NEEDS_NODE
@BATCHES
@given(st.lists(near(STRICT), min_size=30, max_size=60))
def test_versions_are_ordered_as_node_does(pairs: list[tuple[str, str]]) -> None:
    body = "try { return semver.compare(...question) } catch (_) { return null }"
    for (a, b), expected in zip(pairs, node(body, [list(pair) for pair in pairs]), strict=True):
        if expected is not None:
            assert semver.compare(a, b) == expected, (a, b)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("1.2", "=1.2.0"),
        ("> 2", ">2.0.0"),
        ("<= v1.2.3", "<=1.2.3"),
        ("^1.2.3", ">=1.2.3 <2.0.0-0"),
        ("~1.2", ">=1.2.0 <1.3.0-0"),
        ("~> 1.2.3", ">=1.2.3 <1.3.0-0"),
        ("1.2.x", ">=1.2.0 <1.3.0-0"),
        ("1.2.3 - 2.3", ">=1.2.3 <2.4.0-0"),
        (">= 1, < 2 || 1.20rc1", ">=1.0.0 <2.0.0 || =1.20rc1"),
        ("!= 1.2.3", "!=1.2.3"),
    ],
)
def test_a_range_means_these_bounds(text: str, expected: str) -> None:
    assert bounds(semver.ranges(text)) == expected


@pytest.mark.parametrize("text", ["*", "x", "> *", "!1.0", "1 ||", "|| 1", "'1'", "<", "1" * (MAX_CONDITION + 1)])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="condition"):
        semver.ranges(text)


@given(ANY_TEXT)
def test_any_text_is_a_range_or_refused(text: str) -> None:
    any_text_is_a_range_or_refused(semver.SCHEME, text)


def any_text_is_a_range_or_refused(scheme: Scheme, text: str) -> None:
    try:
        condition = ranges_of(scheme, text)
    except ValueError:
        return
    assert condition.text == text
    assert all(isinstance(bound, Bound) for part in condition.alternatives for bound in part)
    try:
        condition.holds("1.2.3", scheme)
    except InvalidVersion:
        return
