"""Go's expressions in Python's language, and none that hostile text could keep busy."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.secrets.go_expressions import check_expression, python_expression


@pytest.mark.parametrize(
    ("go", "python"),
    [
        ("abc", "abc"),
        ("(?i)abc", "(?i:abc)"),
        ("a(?i)b|c", "a(?i:b)|(?i:c)"),
        ("(a(?i)b)c", "(a(?i:b))c"),
        ("(?i:a)(?-s)b", "(?i:a)(?-s:b)"),
        ("(?P<secret>a)(?P<key>b)", "(?P<s>a)(?:b)"),
        ("(?<secret>a)|(?<secret>b)", "(?P<s>a)|(?P<t>b)"),
        (r"\Aa\z", r"\Aa\Z"),
        ("^a$", r"^a\Z"),
        ("(?m)^a$", "(?m:^a$)"),
        ("(?m:a$)b$", r"(?m:a$)b\Z"),
        (r"\Qa.b\E+", r"a\.b+"),
        (r"\Qa.b", r"a\.b"),
        ("[[:alpha:]_]", "[A-Za-z_]"),
        ("[]a]", "[]a]"),
        ("[^]a[]", r"[^]a\[]"),
        (r"[\]\x{41}]", r"[\]\x41]"),
        ("[a&&b]", r"[a\&\&b]"),
        ("a+?b*?c??d{2,3}?", "a+?b*?c??d{2,3}?"),
        ("a{,3}", "a{,3}"),
        (r"\/\-\"", r"\/\-\""),
    ],
)
def test_what_go_writes_is_written_as_python_does(go: str, python: str) -> None:
    assert python_expression(go, "secret") == python
    re.compile(python.encode())


@pytest.mark.parametrize(
    ("go", "complaint"),
    [
        (r"\pL", "\\p (classes of Unicode) is not read"),
        (r"\1", "\\1 is not read"),
        (r"\x{1F600}", "\\x{1F600} is no ASCII, and not read"),
        ("[[:^alpha:]]", "[:^alpha:] is not read"),
        ("[[:what:]]", "[:what:] is not read"),
        ("(?U)a+", "the flags of (?U) are not all read"),
        ("(?=a)", "(?=a is not in Go's language"),
        ("a++", "two repeats stand side by side, which Go does not read"),
        ("a???", "two repeats stand side by side, which Go does not read"),
        ("(?P<secret>a)" * 4, "more than 3 groups are named secret"),
    ],
)
def test_what_python_cannot_read_is_said(go: str, complaint: str) -> None:
    with pytest.raises(ValueError) as caught:
        python_expression(go, "secret")
    assert str(caught.value) == complaint


@pytest.mark.parametrize(
    "expression",
    ["a+b*c{2,}", "(ab)+", "(a{1,9})+", "(=|:)+", "(a+)?b", "(a+){2}", "(a+)(b)+", "[a+]+", r"(\+)+", "(?i:a)+", "a+?"],
)
def test_what_may_be_tried_on_hostile_text_is_taken_as_it_is(expression: str) -> None:
    assert check_expression(expression) == expression


@pytest.mark.parametrize(
    "expression", ["(a+)+", "(a*b)*c", "((a+)b)+", "(?:a+){2,}", "(?P<s>a+?)+", "(a|b+)*c", "(a+)+?"]
)
def test_repeats_without_end_inside_of_repeats_are_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="a repeat without end stands inside another one"):
        check_expression(f"x{expression}")


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("a*", "it fits the empty text"),
        ("", "it fits the empty text"),
        ("(", "it cannot be read: "),
        ("a**", "it cannot be read: "),
        ("ä", "expected ASCII; other bytes are written \\xHH"),
    ],
)
def test_what_is_no_expression_is_refused(expression: str, complaint: str) -> None:
    with pytest.raises(ValueError) as caught:
        check_expression(expression)
    assert str(caught.value).startswith(complaint)


def outcome(text: str, *, go: bool = False) -> str:
    """What comes of reading it: the pattern that is tried, or the complaint."""
    try:
        return repr(re.compile(check_expression(python_expression(text, "a") if go else text).encode()))
    except ValueError as error:
        return str(error)


@given(st.text(st.sampled_from("ab(|)[]{}+*?\\^$.:<P>=!-,1iQE&~"), max_size=14))
def test_any_text_is_read_or_refused(text: str) -> None:
    assert outcome(text)
    assert outcome(text, go=True)
