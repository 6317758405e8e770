"""Python versions: facts, keys, and specifiers as the packaging library reads them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion as NotPep440
from packaging.version import Version

from hullmark.versions import InvalidVersion, pep440
from hullmark.versions.condition import Bound
from tests.unit.versions.test_generic import Row, broken_facts, check_long_texts, check_order_of, holds, near_versions

# One project leaves local parts out on both sides; PEP 440 orders them, and so does another fact of the same collection.
CONTRADICTED = ("< 1.0+local.2", "1.0+local.1")

PIECES = [
    "0",
    "1",
    "10",
    ".",
    ".",
    ".0",
    "a1",
    "rc1",
    ".post1",
    "-1",
    ".dev0",
    ".dev1",
    "+",
    "+a",
    "+1",
    "1!",
    "x",
    "-",
]
NUMBER = st.sampled_from(["0", "1", "2", "9", "10"])


@st.composite
def versions(draw: st.DrawFn, local: bool = True) -> str:
    parts = [
        draw(st.sampled_from(["", "", "", "1!", "v"])),
        ".".join(draw(st.lists(NUMBER, min_size=1, max_size=4))),
        draw(st.sampled_from(["", "", "a1", ".b", "-rc2", "_preview3"])),
        draw(st.sampled_from(["", "", ".post1", "-2", "rev3", ".r"])),
        draw(st.sampled_from(["", "", ".dev", "dev1", "-dev2"])),
        draw(st.sampled_from(["", "", "+abc", "+1", "+1.abc", "+abc-2", "+1.0"])) if local else "",
    ]
    return "".join(parts)


@st.composite
def specifiers(draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from(["~=", "==", "!=", "==.*", "!=.*", ">=", "<="]))
    release = ".".join(draw(st.lists(NUMBER, min_size=1 + (kind == "~="), max_size=3)))
    if kind.endswith(".*"):
        return f"{kind[:2]}{draw(st.sampled_from(['', '1!']))}{release}.*"
    if kind == "~=":
        return kind + release + draw(st.sampled_from(["", "", ".post1", "a1", ".dev2"]))
    return kind + draw(versions(local=kind in ("==", "!=")))


def known(row: Row) -> bool:
    return (row.get("constraint"), row.get("version")) == CONTRADICTED


def test_every_known_fact_holds() -> None:
    assert [row for row in broken_facts(pep440.SCHEME, "pep440") if not known(row)] == []


@given(st.one_of(near_versions(PIECES), st.lists(versions(), max_size=6)))
def test_keys_sort_as_versions_do(texts: list[str]) -> None:
    check_order_of(pep440.SCHEME, texts)


@given(st.lists(st.text(max_size=12), max_size=4))
def test_any_texts_have_keys_or_are_refused(texts: list[str]) -> None:
    check_order_of(pep440.SCHEME, texts)


def test_long_texts_take_no_time() -> None:
    check_long_texts(pep440.SCHEME)


@given(versions(), versions())
def test_keys_sort_as_the_packaging_library_orders(a: str, b: str) -> None:
    x, y = Version(a), Version(b)
    assert (x > y) - (x < y) == pep440.compare(a, b)
    assert (x < y, x == y) == (pep440.key(a) < pep440.key(b), pep440.key(a) == pep440.key(b))


@given(st.one_of(st.text(max_size=12), st.lists(st.sampled_from(PIECES), max_size=6).map("".join)))
def test_ranges_take_for_a_version_what_the_packaging_library_does(text: str) -> None:
    try:
        Version(text)
        expected = True
    except NotPep440:
        expected = False
    try:
        pep440.against_bound(text, "1")
        found = True
    except InvalidVersion:
        found = False
    assert found == expected


@settings(max_examples=300)
@given(st.lists(specifiers(), min_size=1, max_size=3), versions())
def test_specifiers_mean_what_the_packaging_library_says(parts: list[str], version: str) -> None:
    text = ",".join(parts)
    try:
        expected = SpecifierSet(text).contains(version, prereleases=True)
    except InvalidSpecifier:
        with pytest.raises(ValueError):
            pep440.ranges(text)
        return
    assert holds(pep440.SCHEME, text, version) == expected


@pytest.mark.parametrize(
    ("text", "version", "expected"),
    [
        ("", "1.0", True),
        ("~= 2.2", "2.9", True),
        ("~= 2.2", "3.0a1", False),
        ("~=1!2.2.0", "1!2.2.9", True),
        ("~=1!2.2.0", "1!2.3", False),
        ("== 1.*", "1.0.dev1", True),
        ("== 1.*", "1.9.post1+local", True),
        ("== 1.*", "2.dev1", False),
        ("!= 1.*", "2.0", True),
        ("!= 1.*", "1!1.5", True),
        ("> 1, != 1.3.*, != 1.5.*", "1.4", True),
        ("> 1, != 1.3.*, != 1.5.*", "1.5.1", False),
        ("!= 1.*, != 1.5.*, != 2.*", "1.9", False),
        ("!= 1.*, != 1.5.*, != 2.*", "3", True),
        ("=== 1.0", "1.0", True),
        (">=1.7.0 <1.7.16", "1.7.3", True),
        (">=1.7.0 <1.7.16", "1.7.16", False),
        ("~= 1.2 || == 3.*", "3.1", True),
        ("'1.0' || \"1.1\"", "1.1", True),
        ("1!1.0", "1!1", True),
        ("<= 6.4.0", "6.4+cgr.1", True),
        ("= 2.0+cgr.1", "2.0+cgr.2", False),
    ],
)
def test_ranges_mean_what_they_say(text: str, version: str, expected: bool) -> None:
    assert holds(pep440.SCHEME, text, version) is expected
    assert pep440.ranges(text).text == text


@pytest.mark.parametrize(
    "text",
    ["~= 1", "~= 1.0+a", "~> 1.0", "> 1.*", "== 1.a.*", "== 1.0-charmander", "=== foo", "~=1.*", "== *", "1 ||", "^1"],
)
def test_what_is_no_specifier_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        pep440.ranges(text)


def test_excluded_spans_leave_gaps() -> None:
    assert pep440.ranges("!= 2.*, > 0, != 1.*").alternatives == (
        (Bound(">", "0"), Bound("<", "1.dev0")),
        (Bound(">", "0"), Bound(">=", "3.dev0")),
    )


def test_a_text_that_is_not_pep_440_is_ordered_but_meets_no_bound() -> None:
    assert pep440.compare("0.9-ivysaur", "0") == -1
    with pytest.raises(InvalidVersion):
        pep440.ranges("< 2").holds("0.9-ivysaur", pep440.SCHEME)


@given(st.text(alphabet="01.*=!~<>,| +adevrc'", max_size=30))
def test_any_text_is_a_range_or_refused(text: str) -> None:
    try:
        condition = pep440.ranges(text)
    except ValueError:
        return
    assert isinstance(condition.holds("1.0", pep440.SCHEME), bool)
