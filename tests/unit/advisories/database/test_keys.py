"""Keys of versions: where there is one, bytes sort as the scheme compares with the bounds of ranges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.advisories.database.keys import bound_key, version_key
from hullmark.model.advisory import Range
from hullmark.versions import SCHEMES, InvalidVersion, rpm
from hullmark.versions.ranges import contains

PIECES = st.sampled_from(
    [
        "0",
        "00",
        "1",
        "2",
        "9",
        "10",
        ".",
        ".",
        "-",
        "v",
        "a",
        "rc",
        "Final",
        ".RELEASE",
        ".jre8",
        "~",
        "+",
        "^",
        ":",
        "_",
        "beta",
    ]
)
VERSION = st.lists(PIECES, min_size=1, max_size=6).map("".join)


@pytest.mark.parametrize("scheme", [scheme.name for scheme in SCHEMES])
@given(version=VERSION, bound=VERSION)
def test_keys_say_of_a_version_and_a_bound_what_comparing_them_says(scheme: str, version: str, bound: str) -> None:
    try:
        key = version_key(scheme, version)
    except InvalidVersion:
        return
    limit = bound_key(scheme, bound)
    if key is None or limit is None:
        return
    assert (key < limit) is contains(Range(high=bound), version, scheme)
    assert (key <= limit) is contains(Range(high=bound, high_open=False), version, scheme)
    assert (key >= limit) is contains(Range(low=bound), version, scheme)


@given(version=VERSION, bound=VERSION)
def test_keys_without_epochs_compare_what_is_left(version: str, bound: str) -> None:
    bare = rpm.without_epoch(bound)
    try:
        key, limit = version_key("rpm", version, is_bare=True), bound_key("rpm", bare)
    except InvalidVersion:
        return
    if key is not None and limit is not None:
        assert (key < limit) is contains(Range(high=bound), version, "rpm", is_bare=True)


PLAIN = [
    ("maven", "1.0", "1", True),
    ("maven", "4.1.100.Final", "4.1.100", True),
    ("maven", "2.0.0.RELEASE", "2", True),
    ("maven", "42.2.13.jre7", "42.2.13", True),
    ("packagist", "v1.0", "1.0.0.0", True),
    ("maven", "1.0-beta", "1.0", False),
    ("packagist", "1.0-RC1", "1.0", False),
]


@pytest.mark.parametrize(("scheme", "version", "same", "has_key"), PLAIN)
def test_versions_of_numbers_alone_have_keys_where_the_scheme_has_none(
    scheme: str, version: str, same: str, has_key: bool
) -> None:
    key = version_key(scheme, version)
    assert (key is not None) is has_key
    if has_key:
        assert key == version_key(scheme, same)
