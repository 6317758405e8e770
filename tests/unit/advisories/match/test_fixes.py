"""Which fix is named: the nearest, and only one that the image can install."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.advisories.match.fixes import is_reachable, nearest
from hullmark.model.advisory import EVERY_VERSION, Range
from hullmark.versions import scheme_named
from tests.support.matching import advisory, affected, counted, matched, package, snapshot_of

NEAREST = [
    ("2.6.0", "npm", ("3.1.1", "2.6.7"), "2.6.7"),
    ("3.0.0", "npm", ("3.1.1", "2.6.7"), "3.1.1"),
    ("2.6.7", "npm", ("3.1.1", "2.6.7"), "3.1.1"),
    ("4.0.0", "npm", ("3.1.1", "2.6.7"), ""),
    ("2.9.5", "pep440", ("2.10.1", "2.9.10"), "2.9.10"),
    ("1.0.0", "npm", ("soon", "", "1.0.1"), "1.0.1"),
    ("soon", "npm", ("1.0.1",), ""),
    ("1.0", "no such order", ("1.2", "1.1"), "1.1"),
]


@pytest.mark.parametrize(("version", "scheme", "fixes", "expected"), NEAREST)
def test_the_nearest_fix_is_the_least_above_the_version(
    version: str, scheme: str, fixes: tuple[str, ...], expected: str
) -> None:
    assert nearest(version, scheme, fixes) == nearest(version, scheme, fixes[::-1]) == expected


VERSIONS = st.builds("{}.{}.{}".format, *[st.integers(0, 3)] * 3)


@given(VERSIONS, st.lists(VERSIONS, max_size=6))
def test_a_fix_of_the_versions_own_line_goes_before_those_of_others(version: str, fixes: list[str]) -> None:
    scheme = scheme_named("npm")
    assert scheme is not None
    above = [fix for fix in fixes if scheme.compare(version, fix) < 0]
    best = nearest(version, "npm", fixes)
    assert (best in above) if above else best == ""
    for depth in (2, 1):
        line = [each for each in above if each.split(".")[:depth] == version.split(".")[:depth]]
        assert not line or best in line


def test_of_overlapping_ranges_of_one_record_the_nearest_fix_counts() -> None:
    wide = affected("npm", "node-fetch", "npm", ranges=(Range(low="1.0", high="3.1.1", fixed="3.1.1"),))
    snapshot = snapshot_of(advisory("GHSA-1", wide, affected("npm", "node-fetch", "npm", "2.6.7"), source="ghsa"))
    (match,) = matched(snapshot, [package("npm", "node-fetch", "2.6.0")]).matches
    assert (match.fix.version, match.why) == ("2.6.7", "node-fetch 2.6.0 < 2.6.7, npm")
    assert counted(matched(snapshot, [package("npm", "node-fetch", "3.0.0")])) == {("node-fetch", "GHSA-1"): "3.1.1"}


def test_another_records_nearer_fix_is_not_taken_for_that_of_the_record_that_speaks() -> None:
    speaker = advisory("GHSA-1", affected("npm", "x", "npm", "2.6.9"), source="ghsa", aliases=("CVE-1-1",))
    other = advisory("NSWG-1", affected("npm", "x", "npm", "2.6.7"), source="nodejs", aliases=("CVE-1-1",))
    assert counted(matched(snapshot_of(speaker, other), [package("npm", "x", "2.6.0")])) == {("x", "GHSA-1"): "2.6.9"}


LINES = (Range(high="1.9", high_open=False), Range(low="2.0", high="2.3", fixed="2.3"))


@pytest.mark.parametrize(("state", "expected"), [("unknown", "2.3"), ("wont-fix", ""), ("not-fixed", "")])
def test_a_line_without_a_fix_of_its_own_is_mended_by_the_next(state: str, expected: str) -> None:
    snapshot = snapshot_of(advisory("GHSA-1", affected("npm", "x", "npm", ranges=LINES, fix_state=state)))
    assert counted(matched(snapshot, [package("npm", "x", "1.5.0")])) == {("x", "GHSA-1"): expected}


REACHES = [
    ("0:1-9.el8_10", "8.4", False),
    ("0:1-9.el8_4.2", "8.4", True),
    ("0:1-9.el8", "8.4", True),
    ("0:1-9.el9_1", "8.4", False),
    ("0:1-9.module+el8.10.0+1+a", "8.4", False),
    ("0:1-9.module+el8.4.0+1+a", "8.4", True),
    ("0:1-9.el8.10.0", "8.4", True),
    ("0:1-9", "8.4", True),
    ("0:1-9.el8_10", "8", True),
    ("0:1-9.el8_10", "", True),
]


@pytest.mark.parametrize(("fixed", "release", "expected"), REACHES)
def test_a_fix_for_a_later_release_cannot_be_reached(fixed: str, release: str, expected: bool) -> None:
    assert is_reachable(fixed, release) is expected


@pytest.mark.parametrize(
    ("distro", "channels", "fix"),
    [
        ("rhel:8.4", ("eus",), ("not-fixed", "")),
        ("rhel:8.4", ("aus",), ("not-fixed", "")),
        ("rhel:8.4", (), ("fixed", "0:2-1.el8_10")),
        ("rhel:8.4", ("els",), ("fixed", "0:2-1.el8_10")),
        ("rhel:8.10", ("eus",), ("fixed", "0:2-1.el8_10")),
    ],
)
def test_an_image_that_stays_at_a_minor_release_is_not_told_of_a_fix_beyond_it(
    distro: str, channels: tuple[str, ...], fix: tuple[str, str]
) -> None:
    snapshot = snapshot_of(advisory("CVE-1-1", affected("rhel:8", "x", "rpm", "0:2-1.el8_10")))
    (match,) = matched(snapshot, [package("rpm", "x", "1-1.el8_4")], distro, channels=channels).matches
    assert (match.fix.state, match.fix.version) == fix
    beyond = "; fixed only in 0:2-1.el8_10, which is beyond the release 8.4 that its stream stays at"
    assert match.why.endswith(beyond) is (fix[0] == "not-fixed")


def test_a_fix_of_the_stream_itself_goes_before_what_is_beyond_it() -> None:
    base = affected("rhel:8", "x", "rpm", "0:2-1.el8_10")
    stream = affected("rhel:8.4+eus", "x", "rpm", "0:1-9.el8_4")
    snapshot = snapshot_of(advisory("CVE-1-1", base, stream))
    found = matched(snapshot, [package("rpm", "x", "1-1.el8_4")], "rhel:8.4", channels=("eus",))
    assert counted(found) == {("x", "CVE-1-1"): "0:1-9.el8_4"}
    assert "beyond" not in found.matches[0].why


def test_a_distributions_open_range_gets_no_fix_of_another() -> None:
    ranges = (EVERY_VERSION, Range(low="3", high="4", fixed="4"))
    snapshot = snapshot_of(advisory("CVE-1-1", affected("debian:12", "x", "deb", ranges=ranges)))
    assert counted(matched(snapshot, [package("deb", "x", "1")], "debian:12")) == {("x", "CVE-1-1"): ""}
