"""Words and variables: the tables of the Dockerfile reference ("Environment replacement")."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.policy.dockerfile.words import (
    BadSubstitution,
    ExpandedText,
    arguments,
    exec_form,
    expand,
    pairs,
    split_words,
)

VALUES = {"foo": "bar", "empty": "", "path": "/a/b/c.tar.gz", "asked": None}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("$foo", "bar"),
        ("${foo}x", "barx"),
        ("$foo.x$", "bar.x$"),
        ("\\$foo", "$foo"),
        ("\\${foo}", "${foo}"),
        ("'$foo'", "$foo"),
        ("\"$foo 'x'\"", "bar 'x'"),
        ('a"b\\"c\\x"', 'ab"c\\x'),
        ("${foo:-word}", "bar"),
        ("${empty:-word}", "word"),
        ("${empty-word}", ""),
        ("${none:-word}", "word"),
        ("${none-${foo}}", "bar"),
        ("${none:-${none:-'a b'}}", "a b"),
        ("${foo:+word}", "word"),
        ("${empty:+word}", ""),
        ("${empty+word}", "word"),
        ("${none:+word}", ""),
        ("${foo:?gone}", "bar"),
        ("${path#*/}", "a/b/c.tar.gz"),
        ("${path##*/}", "c.tar.gz"),
        ("${path%.*}", "/a/b/c.tar"),
        ("${path%%.*}", "/a/b/c"),
        ("${path%x}", "/a/b/c.tar.gz"),
        ("${path/a/x}", "/x/b/c.tar.gz"),
        ("${path//\\//-}", "-a-b-c.tar.gz"),
        ("${path/x/y}", "/a/b/c.tar.gz"),
        ("$1x", "$1x"),
        ("5$", "5$"),
    ],
)
def test_variables_are_filled_in(text: str, result: str) -> None:
    assert expand(text, VALUES).text == result


@pytest.mark.parametrize(
    "text", ["$none", "${none}", "a${none:?gone}b", "$asked", "${none#x}", "${none/a/b}", "${asked//a/b}"]
)
def test_a_variable_without_a_value_stays(text: str) -> None:
    found = expand(text, VALUES)
    assert found.text == text
    assert found.unknown == {"asked" if "asked" in text else "none"}


@pytest.mark.parametrize(
    "text",
    ["${", "${}", "${foo", "${foo:-x", "${:x}", "${foo!x}", "'x", '"x', "${empty:?gone}", "${none:-" * 30 + "}" * 30, "${path/*/x}",
     "${path#\\*}", "${foo//b/$long}$long$long", "$long$long"],
)  # fmt: skip
def test_what_no_shell_understands_is_refused(text: str) -> None:
    with pytest.raises(BadSubstitution):
        expand(text, {**VALUES, "long": "b" * 16_000})


def test_another_escape_character_is_taken() -> None:
    assert expand("c:\\`$foo", VALUES, "`").text == "c:\\$foo"


@given(st.text("$ {}:-+?#%/'\"\\ab", max_size=30))
def test_any_text_is_expanded_or_refused(text: str) -> None:
    try:
        found = expand(text, {"a": "x"})
    except BadSubstitution as refusal:
        found = ExpandedText(str(refusal))
    assert "a" not in found.unknown
    assert all(name in text for name in found.unknown)


@given(st.text("abc=", max_size=20))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert expand(text, {}).text == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a  b\tc", ["a", "b", "c"]),
        ('a="b c" d', ['a="b c"', "d"]),
        ("a=b\\ c", ["a=b\\ c"]),
        ("'a b' \"c 'd'\"", ["'a b'", "\"c 'd'\""]),
        ('a="b c', ['a="b c']),
        ("a \\", ["a"]),
        ("", []),
    ],
)
def test_words_are_split(text: str, words: list[str]) -> None:
    assert split_words(text) == words


def test_pairs_have_two_forms() -> None:
    assert pairs('A=b "C d"=e F=', "\\") == [("A", "b"), ('"C d"', "e"), ("F", "")]
    assert pairs("A b  c=d", "\\") == [("A", "b  c=d")]


def test_lists_are_read_in_their_json_form() -> None:
    assert exec_form('["a", "b c"]') == ("a", "b c")
    assert exec_form("[]") == ()
    assert exec_form("['a']") is None
    assert exec_form('["a"] b') is None
    assert exec_form("[" * 5000) is None
    assert arguments('["a b", "c"]') == ("a b", "c")
    assert arguments("a b c") == ("a", "b", "c")


def test_a_text_that_becomes_too_long_by_what_is_put_in_is_refused() -> None:
    values = {"many": "a" * 200, "one": "b"}
    assert expand("${many//a/" + "x" * 80 + "}", values).text == "x" * 16_000
    with pytest.raises(BadSubstitution, match="the text becomes too long"):
        expand("${many//a/" + "x" * 90 + "}", values)


def test_white_space_around_words_makes_no_words() -> None:
    assert split_words("  a \t b ") == ["a", "b"]
    assert split_words(" \t ") == []
