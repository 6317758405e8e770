"""What advisories of rpm distributions have in common."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.advisories.feeds.formats.rpms import EVR_ORDER, below_each, by_arch, instant, is_debug, nevra
from hullmark.model.advisory import EVERY_VERSION, Range


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-31", "2024-01-31"),
        ("2018-01-11 21:05", "2018-01-11T21:05:00Z"),
        ("2024-05-06T07:08:09.123Z", "2024-05-06T07:08:09Z"),
        ("2024-05-06T07:08:09+08:00", "2024-05-06T07:08:09+08:00"),
        ("2024-05-06 07:08 Pacific", "2024-05-06"),
        ("yesterday", ""),
        (None, ""),
    ],
)
def test_moments_become_iso(text: str | None, expected: str) -> None:
    assert instant(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tar-2:1.30-9.el8.src", ("tar", "2:1.30-9.el8", "src")),
        ("vim-minimal-9.0-33.oe2203sp3.x86_64.rpm", ("vim-minimal", "9.0-33.oe2203sp3", "x86_64")),
        ("tar", None),
        ("tar-1.30", None),
        ("-1-2.src", None),
    ],
)
def test_a_file_name_has_name_version_and_architecture(text: str, expected: tuple[str, str, str] | None) -> None:
    assert nevra(text) == expected


@given(st.text(max_size=40))
def test_any_text_is_a_file_name_or_none(text: str) -> None:
    nevra(text)
    instant(text)


def test_packages_for_debuggers_are_known_by_their_names() -> None:
    names = ("tar-debuginfo", "tar-debugsource", "kernel-debuginfo-common-x86_64", "kernel-debug", "perl-debugger")
    assert [is_debug(name) for name in names] == [True, True, True, False, False]


def test_fixes_of_several_upstream_versions_are_ranges_from_each() -> None:
    assert below_each(["2-5", "1-3", "1-4"]) == (
        Range(high="1-4", fixed="1-4"),
        Range(low="2", high="2-5", fixed="2-5"),
    )
    assert below_each(["1-3", "1-4"], min) == (Range(high="1-3", fixed="1-3"),)
    assert below_each([]) == (EVERY_VERSION,)


def test_a_version_that_rpm_cannot_read_stands_in_the_order_of_its_text() -> None:
    assert sorted(["1-10", "", "1-9"], key=EVR_ORDER) == ["", "1-9", "1-10"]


def test_an_architecture_is_told_only_where_fixes_differ() -> None:
    assert by_arch({"a": frozenset("1"), "b": frozenset("1")}) == (("", frozenset("1")),)
    assert by_arch({"b": frozenset("2"), "a": frozenset("1")}) == (("a", frozenset("1")), ("b", frozenset("2")))
