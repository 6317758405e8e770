"""The generic scheme; and what the tests of single schemes share: facts gathered from public test suites, and keys against compare."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.versions import InvalidVersion, Scheme, generic
from hullmark.versions.condition import MAX_CONDITION, Bound
from hullmark.versions.scheme import number
from tests.support.places import shared

Row = dict[str, Any]


def facts(name: str, *schemes: str) -> Iterator[Row]:
    """The rows of a file of the shared material for schemes of these names, without those of one project's own policy."""
    for line in shared("conformance", "versions", name).read_bytes().splitlines():
        row = msgspec.json.decode(line)
        if row["scheme"] in schemes and "variant" not in row:
            yield row


def order(scheme: Scheme, a: str, b: str) -> int | None:
    """How the versions compare, None if one is refused; where there are keys, they say the same."""
    try:
        result = scheme.compare(a, b)
    except InvalidVersion:
        result = None
    if scheme.key is not None:
        try:
            x, y = scheme.key(a), scheme.key(b)
            assert (x > y) - (x < y) == result, (a, b, x, y)
        except InvalidVersion:
            assert result is None, (a, b)
    return result


def holds(scheme: Scheme, constraint: str, version: str) -> bool:
    """Whether a version meets a constraint; a version that is refused meets none."""
    assert scheme.ranges is not None
    condition = scheme.ranges(constraint)
    try:
        return condition.holds(version, scheme)
    except InvalidVersion:
        return False


def is_vulnerable(scheme: Scheme, row: Row) -> bool:
    """Whether an advisory means the version: it is in a vulnerable range, if there are any, and in none that is safe."""
    assert scheme.ranges is not None
    safe = [*row["patched"], *row["unaffected"]]
    try:
        bad = [scheme.ranges(text).holds(row["version"], scheme) for text in row["vulnerable"]]
        held = [scheme.ranges(text).holds(row["version"], scheme) for text in safe]
        return (any(bad) or not bad) and not any(held)
    except ValueError:
        return False


def broken_facts(scheme: Scheme, *names: str) -> list[Row]:
    """The rows of all files that the scheme does not keep to."""
    assert scheme.ranges is not None
    broken = [row for row in facts("compare.jsonl", *names) if order(scheme, row["a"], row["b"]) != row["expect"]]
    broken += [
        row
        for row in facts("constraints.jsonl", *names)
        if holds(scheme, row["constraint"], row["version"]) is not row["satisfied"]
    ]
    broken += [
        row for row in facts("advisories.jsonl", *names) if is_vulnerable(scheme, row) is not row["is_vulnerable"]
    ]
    return broken + [row for row in facts("reject.jsonl", *names) if order(scheme, row["version"], "1") is not None]


def check_order_of(scheme: Scheme, texts: list[str]) -> None:
    """All pairs: keys order as compare does, and no pair contradicts another."""
    assert scheme.key is not None
    taken = []
    for text in texts:
        if order(scheme, text, text) is None:
            continue
        taken.append(text)
    ordered = sorted(taken, key=scheme.key)
    for at, low in enumerate(ordered):
        for high in ordered[at:]:
            assert order(scheme, low, high) in (-1, 0)
            assert scheme.compare(high, low) == -scheme.compare(low, high)


def near_versions(pieces: list[str], start: str = "1", size: int = 7) -> st.SearchStrategy[list[str]]:
    """Lists of versions put together from the same few pieces, so that many are nearly equal."""
    version = st.lists(st.sampled_from(pieces), max_size=size).map(lambda parts: start + "".join(parts))
    return st.lists(version, min_size=2, max_size=7)


def check_long_texts(scheme: Scheme) -> None:
    """Neither comparing nor a key takes long for any of these; nor do ranges. Quadratic time would be seconds for each."""
    for piece in ("0", ".0", "a", "-", ".a", "a1", ".0.a", ".rc.0", ".jre8", "-x86", "_1", "!1"):
        for end in ("1", "@"):
            text = "1" + piece * 5_000 + end
            order(scheme, text, text[:-2] + "2")
    for piece in ("[", "(", "[1,", " ", "1 ", "||", "!", "'", "1,", "~", "!=1.*,", "[1],"):
        _try_ranges(scheme, piece * (MAX_CONDITION // len(piece) - 1) + "1")
    assert scheme.ranges is not None
    with pytest.raises(ValueError):
        scheme.ranges("1" * (MAX_CONDITION + 1))
    with pytest.raises(ValueError):
        scheme.ranges("[1]" * MAX_CONDITION)


def _try_ranges(scheme: Scheme, text: str) -> None:
    assert scheme.ranges is not None
    try:
        scheme.ranges(text).holds("1", scheme)
    except ValueError:
        return


PIECES = ["0", "1", "10", "00", ".", ".", "-", "a", "b", "rc", "beta", "x", "~", "v", "-a", "-b"]


def test_every_known_fact_holds() -> None:
    assert broken_facts(generic.SCHEME, "fuzzy", "kb") == []


@given(near_versions(PIECES))
def test_keys_sort_as_versions_do(texts: list[str]) -> None:
    check_order_of(generic.SCHEME, texts)


@given(st.lists(st.text(max_size=12), max_size=4))
def test_any_texts_have_keys_or_are_refused(texts: list[str]) -> None:
    check_order_of(generic.SCHEME, texts)


def test_long_texts_take_no_time() -> None:
    check_long_texts(generic.SCHEME)


@given(st.integers(0, 10**30), st.integers(0, 10**30), st.text(alphabet="019", max_size=3))
def test_keys_of_numbers_sort_as_numbers_do(a: int, b: int, rest: str) -> None:
    x, y = (generic.number_key(number(str(value))) + rest.encode() for value in (a, b))
    assert (x < y, x == y) == ((a, rest) < (b, rest), a == b)


def test_a_long_run_of_zeros_is_counted() -> None:
    lengths = (1, 2, 246, 247, 248, 255, 256, 257, 65_535, 65_536)
    down = [f"1{'.0' * length}.1" for length in lengths]
    up = [f"1{'.0' * length}.rc1" for length in lengths]
    assert sorted([*down, *up, "1"], key=generic.key) == [*up, "1", *reversed(down)]


def test_ranges_take_operators_quotes_and_alternatives() -> None:
    condition = generic.ranges(">= 1.2,<2 || '3.1' || != \"4\"")
    assert condition.text == ">= 1.2,<2 || '3.1' || != \"4\""
    assert condition.alternatives == ((Bound(">=", "1.2"), Bound("<", "2")), (Bound("=", "3.1"),), (Bound("!=", "4"),))
    assert generic.ranges(" ").alternatives == ((),)


@pytest.mark.parametrize(
    "text", ["<", ">> 1", "1.2 ||", "|| 1", "~= 1", "~> 1", "^1", "1,", "'1", "!1.2.0", "*", "> '--'"]
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        generic.ranges(text)


def test_names_of_updates_are_only_the_same_or_not() -> None:
    assert holds(generic.SCHEME, "979797 || 878787", "878787")
    assert not holds(generic.SCHEME, "979797 || 878787", "478787")
    assert not holds(generic.SCHEME, "base", "878787")


@given(st.text(max_size=60))
def test_any_text_is_a_range_or_refused(text: str) -> None:
    try:
        condition = generic.ranges(text)
    except ValueError:
        return
    assert condition.text == text
    assert isinstance(condition.holds("1.0", generic.SCHEME), bool)
