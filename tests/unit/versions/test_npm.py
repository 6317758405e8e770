"""npm's versions and ranges; node-semver, if it is installed, as oracle."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.versions import npm
from hullmark.versions.condition import MAX_CONDITION
from tests.unit.versions.test_semver import (
    ANY_TEXT,
    BATCHES,
    NEEDS_NODE,
    STRICT,
    VERSION,
    any_text_is_a_range_or_refused,
    bounds,
    every_fact_holds,
    key_is_in_order,
    near,
    node,
)


def test_every_known_fact_holds() -> None:
    every_fact_holds(npm.SCHEME, 8)


@given(near(VERSION))
def test_keys_sort_as_versions_do(pair: tuple[str, str]) -> None:
    key_is_in_order(npm.SCHEME, *pair)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("*", ""),
        ("1.2", ">=1.2.0 <1.3.0-0"),
        ("=1.2.3", "=1.2.3"),
        ("> 1.2", ">=1.3.0"),
        ("<=1.2", "<1.3.0-0"),
        ("<1", "<1.0.0-0"),
        ("<1.0.0", "<1.0.0"),
        ("<*", "<0.0.0-0"),
        ("^1.2.3", ">=1.2.3 <2.0.0-0"),
        ("^0.2.3", ">=0.2.3 <0.3.0-0"),
        ("^0.0.3", ">=0.0.3 <0.0.4-0"),
        ("^0.0", ">=0.0.0 <0.1.0-0"),
        ("^0.x", ">=0.0.0 <1.0.0-0"),
        ("^1.2.3-beta.2", ">=1.2.3-beta.2 <2.0.0-0"),
        ("~1.2.3", ">=1.2.3 <1.3.0-0"),
        ("~1", ">=1.0.0 <2.0.0-0"),
        ("~ 0.2", ">=0.2.0 <0.3.0-0"),
        ("1.x", ">=1.0.0 <2.0.0-0"),
        ("1.2 - 2.3.4", ">=1.2.0 <=2.3.4"),
        ("1.2.3 - 2", ">=1.2.3 <3.0.0-0"),
        (">=1.2.7 <1.3.0 || ^2.1", ">=1.2.7 <1.3.0 || >=2.1.0 <3.0.0-0"),
        (">= 1.0.0, < 1.2.3", ">=1.0.0 <1.2.3"),
        ("1.2.3 ||", "=1.2.3 || "),
    ],
)
def test_a_range_means_these_bounds(text: str, expected: str) -> None:
    assert bounds(npm.ranges(text)) == expected


@pytest.mark.parametrize("text", ["!1.0.0", "latest", "^", "1.2.3 -", "1|2", "a - b", "1" * (MAX_CONDITION + 1)])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="condition"):
        npm.ranges(text)


def test_a_prerelease_is_in_a_range_wherever_the_bounds_take_it() -> None:
    assert npm.ranges(">=1.0.0 <2.0.0").holds("1.5.0-beta.1", npm.SCHEME)
    assert npm.ranges("<2.0.0").holds("2.0.0-rc.1", npm.SCHEME)
    assert not npm.ranges("^1.0.0").holds("2.0.0-rc.1", npm.SCHEME)


PLACE = st.sampled_from(["0", "1", "2", "x", "X", "*", "3", "10"])
TEXT_OF_VERSION = st.one_of(
    st.builds("{}{}".format, st.sampled_from(["", "v"]), st.lists(PLACE, min_size=1, max_size=3).map(".".join)),
    STRICT,
)
COMPARATOR = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "^", "~", "~>", "<", "<=", ">", ">=", "="]),
    st.sampled_from(["", " "]),
    TEXT_OF_VERSION,
)
ALTERNATIVE = st.one_of(
    st.lists(COMPARATOR, max_size=3).map(" ".join), st.builds("{} - {}".format, TEXT_OF_VERSION, TEXT_OF_VERSION)
)
RANGE = st.lists(ALTERNATIVE, min_size=1, max_size=3).map(" || ".join)
QUESTIONS = st.tuples(RANGE, st.lists(STRICT, min_size=2, max_size=6))
# All comparators of an alternative, without the rule on pre-releases. `>=0.0.0` is "any" to node.
BODY = """
    try {
        const set = new semver.Range(question[0]).set;
        return question[1].map((version) => set.some((all) => all.every((one) => one.test(version))));
    } catch (_) { return null; }
"""


@NEEDS_NODE
@BATCHES
@given(st.lists(QUESTIONS, min_size=10, max_size=30))
def test_ranges_hold_as_node_desugars_them(questions: list[tuple[str, list[str]]]) -> None:
    for (text, versions), answers in zip(questions, node(BODY, [list(one) for one in questions]), strict=True):
        if answers is None:
            continue
        condition = npm.ranges(text)
        for version, expected in zip(versions, answers, strict=True):
            if not version.startswith("0.0.0-"):
                assert condition.holds(version, npm.SCHEME) == expected, (text, version)


@given(ANY_TEXT)
def test_any_text_is_a_range_or_refused(text: str) -> None:
    any_text_is_a_range_or_refused(npm.SCHEME, text)
