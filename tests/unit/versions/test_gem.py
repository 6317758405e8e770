"""Gems' versions: facts, keys, and Ruby's own Gem::Version and Gem::Requirement."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hullmark.versions import InvalidVersion, gem
from hullmark.versions.condition import Bound
from tests.unit.versions.test_generic import broken_facts, check_long_texts, check_order_of, holds, near_versions, order

PIECES = ["0", "1", "10", "00", ".", ".", ".0", ".0.", "-", "a", "b", "A", "rc", "pre", ".a", ".0.a", ".1"]

# A line is two versions and an operator: how they compare, and whether the first meets the requirement; `?` for what is refused.
ASK = r"""
$stdin.each_line(chomp: true) do |line|
  a, operator, b = line.split("\t", -1)
  if Gem::Version.correct?(a) && Gem::Version.correct?(b)
    x, y = Gem::Version.new(a), Gem::Version.new(b)
    puts "#{x <=> y} #{Gem::Requirement.new("#{operator} #{b}").satisfied_by?(x)}"
  else
    puts "?"
  end
end
"""
HAS_RUBY = shutil.which("ruby") is not None


def ask(triples: list[tuple[str, str, str]]) -> list[str]:
    lines = "".join("\t".join(triple) + "\n" for triple in triples)
    done = subprocess.run(["ruby", "-e", ASK], input=lines, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def answer(a: str, operator: str, b: str) -> str:
    result = order(gem.SCHEME, a, b)
    if result is None:
        return "?"
    return f"{result} {holds(gem.SCHEME, f'{operator} {b}', a)}".lower()


def test_every_known_fact_holds() -> None:
    assert broken_facts(gem.SCHEME, "gem") == []


@given(near_versions(PIECES))
def test_keys_sort_as_versions_do(texts: list[str]) -> None:
    check_order_of(gem.SCHEME, texts)


@given(st.lists(st.text(alphabet="01.-aAxp86_ ", max_size=12), max_size=4))
def test_any_texts_have_keys_or_are_refused(texts: list[str]) -> None:
    check_order_of(gem.SCHEME, texts)


def test_long_texts_take_no_time() -> None:
    check_long_texts(gem.SCHEME)


VERSION = st.lists(st.sampled_from(PIECES), max_size=8).map(lambda parts: "1" + "".join(parts))
# `~>` is not asked for where there is an `A`: the scheme's one known limit.
OPERATOR = st.sampled_from(["~>", ">=", "<", "=", "!="])


@pytest.mark.skipif(not HAS_RUBY, reason="ruby is not installed")
@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(VERSION, OPERATOR, VERSION), min_size=60, max_size=120))
def test_versions_and_requirements_are_read_as_ruby_does(triples: list[tuple[str, str, str]]) -> None:
    triples = [(a.lower(), operator, b.lower()) if operator == "~>" else (a, operator, b) for a, operator, b in triples]
    expected = ask(triples)
    assert [answer(*triple) for triple in triples] == expected


@pytest.mark.skipif(not HAS_RUBY, reason="ruby is not installed")
@settings(max_examples=8, deadline=None)
@given(
    st.lists(st.tuples(VERSION, st.sampled_from([".0", ".0.b", "a", ".1", "0", "-1", ".0.a.0", "b0.c"])), min_size=60)
)
def test_versions_that_are_nearly_equal_are_ordered_as_ruby_does(pairs: list[tuple[str, str]]) -> None:
    triples = [(version, ">=", version + more) for version, more in pairs]
    assert [answer(*triple) for triple in triples] == ask(triples)


@pytest.mark.parametrize(
    ("text", "version", "expected"),
    [
        ("", "1", True),
        ("~> 2.1", "2.9.9", True),
        ("~> 2.1", "2.0", False),
        ("~> 2.1", "3.0.pre", False),
        ("~> 2.1.0", "2.2", False),
        ("~> 2", "2.5", True),
        ("~> 2", "3", False),
        ("~> 1.0-2", "1.9", True),
        ("~> 2.3.5, != 2.3.7", "2.3.7", False),
        ("~> 1.2.3 || >= 1.4", "1.5", True),
        (">= 1 < 2", "1.5-x86_64-linux", True),
        ("= 1.2.0", "1.2.0-java", True),
    ],
)
def test_ranges_mean_what_they_say(text: str, version: str, expected: bool) -> None:
    assert holds(gem.SCHEME, text, version) is expected
    assert gem.ranges(text).text == text


def test_a_pessimistic_range_is_two_bounds() -> None:
    assert gem.ranges("~> 1.2.rc1").alternatives == ((Bound(">=", "1.2.rc1"), Bound("<", "2.A")),)


@pytest.mark.parametrize("text", ["!1.2.0", "~> a", "~= 1.0", "^1", "> 1..2", "1 ||", ">", "=== 1", "~>"])
def test_what_is_no_requirement_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        gem.ranges(text)


def test_a_platform_alone_is_no_version() -> None:
    with pytest.raises(InvalidVersion):
        gem.compare("-x86_64-linux", "1")


@given(st.text(alphabet="01.-=!~<>,| a'", max_size=30))
def test_any_text_is_a_range_or_refused(text: str) -> None:
    try:
        condition = gem.ranges(text)
    except ValueError:
        return
    assert isinstance(condition.holds("1.0", gem.SCHEME), bool)
