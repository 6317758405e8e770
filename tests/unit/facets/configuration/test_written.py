"""Words of configuration files: numbers, passwords in addresses, paths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration.written import beside, number, plain_glob, without_password
from hullmark.facets.view import _segment_pattern


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("0", 0),
        ("-1", -1),
        ("1.5", 1.5),
        ("007", "007"),
        ("16M", "16M"),
        ("", ""),
        ("1" * 40, "1" * 40),
        ("\u0663", "\u0663"),
    ],
)
def test_plain_numbers_are_numbers(word: str, value: int | float | str) -> None:
    assert number(word) == value


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("https://u:secret@h/p", "https://u:***@h/p"),
        ("https://u:s@ec:r#et@h/p", "https://u:***@h/p"),
        ("https://token@h/p", "https://***@h/p"),
        ("ssh://git@h/p", "ssh://git@h/p"),
        ("postgres://orders@h/p", "postgres://orders@h/p"),
        ("amqp://9f86d081884c7d659a2feaa0c55ad015@h", "amqp://***@h"),
        ("git+https://u:x@h, http://a:y@b", "git+https://u:***@h, http://a:***@b"),
        ("https://h/@scope/x:y@z", "https://h/@scope/x:y@z"),
        ("u:x@h", "u:x@h"),
        ("redis://:secret@h", "redis://:***@h"),
        ("://@", "://@"),
    ],
)
def test_passwords_in_addresses_are_masked(text: str, masked: str) -> None:
    assert without_password(text) == masked


@given(st.text(alphabet="htps:/@ux#,", max_size=40))
def test_masking_twice_changes_nothing(text: str) -> None:
    assert without_password(without_password(text)) == without_password(text)


@given(st.text(alphabet="a*?[]\\!-", min_size=1, max_size=10))
def test_a_plain_glob_fits_only_itself(name: str) -> None:
    fits = _segment_pattern(plain_glob(name)).fullmatch
    assert fits(name.encode())
    assert not fits(name.encode() + b"a")


def test_a_path_beside_a_file() -> None:
    assert beside("/a/b", "c/d") == "/a/c/d"
    assert beside("/a/b", "/c") == "/c"
