"""Expressions of Anchore policies: Python's meaning, in bounded time."""

from __future__ import annotations

import contextlib
import re
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.policy.anchore.failure import RuleFailed
from hullmark.policy.anchore.regex_program import TooLarge, fits, program_of
from hullmark.policy.anchore.regex_tree import parse
from hullmark.policy.anchore.regexes import MAX_TEXT, Expression, Work
from hullmark.policy.anchore.search import TOO_SLOW, search

ATOMS = (
    "a",
    "b",
    ".",
    "[ab]",
    "[^a]",
    r"\w",
    r"\d",
    "^",
    "$",
    r"\b",
    "(?i:A)",
    "(?=a)",
    "(?!b)",
    "(?<=a)",
    "(?<![ab])",
    "",
)


@st.composite
def patterns(draw: st.DrawFn, depth: int = 0) -> str:
    """Small expressions."""
    part = st.sampled_from(ATOMS)
    inner = st.one_of(part, patterns(depth + 1)) if depth < 3 else part
    text = "".join(
        f"(?:{draw(inner)}){draw(st.sampled_from(('', '*', '+', '?', '{2}', '{1,3}', '*?')))}"
        for _ in range(draw(st.integers(1, 3)))
    )
    return f"(?:{text}|{draw(inner)})" if draw(st.booleans()) else text


@given(patterns(), st.text("abA1 \n", max_size=8))
def test_the_matcher_of_our_own_agrees_with_python(pattern: str, text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = re.match(pattern, text) is not None
    tree, flags = parse(pattern)
    assert fits(program_of(tree, flags), text, [1_000_000]) is expected
    assert Expression(pattern).matches(text, Work()) is expected


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(a+)+b", "a" * 5000 + "cb"),
        ("(.*a){20}x", "x" + "a" * 3000),
        ("(.*)*(.*)*y", "ab" * 2000 + "\ny"),
        ("(a|a)*b", "a" * 5000 + "cb"),
        (
            "(?i).*api(-|_)key( *=+ *).*(?<![A-Z0-9])[A-Z0-9]{20,60}(?![A-Z0-9]).*",
            "api_key=" + " " * 9000 + "-" + "0A" * 5000,
        ),
    ],
)
def test_expressions_that_would_keep_python_busy_for_ever_come_to_an_end(pattern: str, text: str) -> None:
    assert Expression(pattern).matches(text, Work()) is False


@pytest.mark.parametrize("work", [Work(5_000_000), pytest.param(Work(), marks=pytest.mark.slow)], ids=["some", "all"])
def test_a_rule_that_works_too_much_gives_up(work: Work) -> None:
    wanted, tried = Expression("(.*a){20}x"), []

    def match_often() -> None:
        for number in range(10_000):
            wanted.matches("x" + "a" * 3000, work)
            tried.append(number)

    with pytest.raises(RuleFailed, match="too long"):
        match_often()
    assert 0 < len(tried) < 10_000, "not at the first text, and long before the last"


def test_backreferences_are_python_s_where_they_are_cheap_and_refused_elsewhere() -> None:
    assert Expression(r"(a)\1").matches("aa", Work())
    with pytest.raises(RuleFailed, match="backreference"):
        Expression(r"(.*)(.*)(.*)\1x").matches("ab" * 500 + "\nx", Work())


@pytest.mark.parametrize("pattern", ["((a{100}){100}){100}", "a{6000}"])
def test_repetitions_that_are_too_large_when_written_out_are_refused(pattern: str) -> None:
    tree, flags = parse(pattern)
    with pytest.raises(TooLarge, match="too large"):
        program_of(tree, flags)


def nested(depth: int) -> str:
    """Groups in each other that may each be repeated, so that no matcher can go without trying."""
    return "(" * depth + "a" + ")*" * depth


@pytest.mark.parametrize("depth", [55, 70, 200])
def test_an_expression_that_is_nested_too_deep_is_refused_where_it_may_be_slow(depth: int) -> None:
    wanted = Expression(f"{nested(depth)}b")
    assert not wanted.matches("c" * 100, Work()), "no b at all"
    with pytest.raises(RuleFailed, match="nested too deep"):
        wanted.matches("a" * 100 + "cb", Work())


def test_conditions_on_what_follows_that_are_nested_too_deep_are_refused() -> None:
    assert Expression("(?=" * 100 + "a" + ")" * 100 + "a").matches("a", Work())
    with pytest.raises(RuleFailed, match="nested too deep"):
        Expression("(?=" * 450 + "a" + ")" * 450 + "a").matches("a", Work())


def test_an_atomic_group_is_python_s_where_it_is_cheap_and_refused_elsewhere() -> None:
    assert Expression("(?>a|ab)c").matches("ac", Work())
    assert not Expression("(?>a|ab)c").matches("abc", Work()), "what the group has taken it does not give back"
    with pytest.raises(RuleFailed, match="an atomic group"):
        Expression("(?>(?:.*)(?:.*)(?:.*))x").matches("ab" * 500 + "\nx", Work())


def test_a_text_that_is_too_long_fails_an_expression_that_may_be_slow_on_it() -> None:
    long = "a" * (MAX_TEXT + 1)
    assert Expression("aaa").matches(long, Work())
    with pytest.raises(RuleFailed, match=f"a text of {MAX_TEXT + 3} characters is too long"):
        Expression("(a+)+b").matches(f"{long}cb", Work())


def test_a_file_that_takes_too_long_to_search_is_marked_and_what_was_found_before_is_kept() -> None:
    body = b"key=1\n" + b"a" * 400 + b"cb\n"
    slow = "SLOW=(a+)+b"
    assert search(body, ("KEY=key=.*", slow), Work()) == [("KEY=key=.*", 1)]
    assert search(body, ("KEY=key=.*", slow), Work(5_000)) == [("KEY=key=.*", 1), TOO_SLOW]


@pytest.mark.parametrize("pattern", ["(", "*", "[b-a]", "a" * 3000, "(?P<n", "\\"])
def test_what_is_no_expression_is_a_value_error(pattern: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        Expression(pattern)


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_as_expression_never_raises_anything_but_its_own(pattern: str, text: str) -> None:
    with contextlib.suppress(ValueError, RuleFailed):
        Expression(pattern).matches(text, Work())
