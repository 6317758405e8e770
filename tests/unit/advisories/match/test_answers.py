"""What is asked of a snapshot, how often, and what becomes of versions that cannot be compared."""

from __future__ import annotations

import pytest

from hullmark.advisories.match.advisory_source import Ask
from hullmark.model.advisory import EVERY_VERSION, Range
from hullmark.model.match import Matches
from hullmark.model.package import Package
from tests.support.matching import advisory, affected, counted, inventory, matched, package, snapshot_of


def reasons(result: Matches) -> list[tuple[str, str]]:
    return [(each.package.name, each.reason) for each in result.unknown]


@pytest.mark.parametrize("bound", ["2", "0.0.1"])
def test_a_version_that_is_none_is_unknown_wherever_a_bound_lies(bound: str) -> None:
    snapshot = snapshot_of(advisory("CVE-1-1", affected("debian:12", "x", "deb", bound)))
    result = matched(snapshot, [package("deb", "x", "a:b")], "debian:12")
    assert result.matches == ()
    assert reasons(result) == [("x", "its version is not one of deb's, and advisories speak of it (CVE-1-1)")]


def test_a_version_from_before_pep_440_is_no_version_of_ranges() -> None:
    snapshot = snapshot_of(advisory("GHSA-1", affected("pypi", "x", "pep440", "2005.1")))
    assert reasons(matched(snapshot, [package("pypi", "x", "2004d")])) == [
        ("x", "its version is not one of pep440's, and advisories speak of it (GHSA-1)")
    ]


def test_of_two_versions_of_a_package_the_one_that_can_be_compared_still_is() -> None:
    snapshot = snapshot_of(
        advisory("CVE-1-1", affected("alpine:3.18", "x", "apk", "2-r0")),
        advisory("CVE-1-2", affected("alpine:3.18", "y", "apk", "2-r0")),
    )
    result = matched(snapshot, [package("apk", "x", "1-r0", source=("y", "none at all"))], "alpine:3.18")
    assert counted(result) == {("x", "CVE-1-1"): "2-r0"}
    assert reasons(result) == [("x", "its version is not one of apk's, and advisories speak of it (CVE-1-2)")]


def test_unknown_packages_name_advisories_as_matches_do() -> None:
    part = affected("gem", "rack", "gem", ranges=(EVERY_VERSION,))
    snapshot = snapshot_of(advisory("gems/rack/CVE-2024-1", part, aliases=("CVE-2024-1",)))
    ((_, reason),) = reasons(matched(snapshot, [package("gem", "rack", "UNKNOWN")]))
    assert reason.endswith("(CVE-2024-1)")


def _crowd(size: int) -> list[Package]:
    system = [package("deb", f"lib{n}", "1", source=(f"s{n % 7}", "1")) for n in range(size)]
    return system + [package("npm", f"p{n}", "1.0.0") for n in range(size)]


def test_ten_times_the_packages_are_no_more_queries() -> None:
    parts = [affected("debian:12", f"s{n}", "deb", "2") for n in range(7)]
    parts += [affected("npm", f"p{n}", "npm", "2.0.0") for n in range(900)]
    counts = []
    with snapshot_of(*(advisory(f"CVE-1-{n}", part) for n, part in enumerate(parts))) as snapshot:
        matched(snapshot, [], "debian:12")  # reads what is read once
        for size in (60, 600):
            statements: list[str] = []
            for connection in (snapshot._db, snapshot._look_up._db):
                connection.set_trace_callback(statements.append)
            found = matched(snapshot, _crowd(size), "debian:12").matches
            assert len(found) == 2 * size
            counts.append(len(statements))
    few, many = counts
    assert few == many <= 12


@pytest.mark.parametrize("name", ["\ud800", "a\0b", "'; DROP TABLE span; --", '"', "ü" * 5000])
def test_hostile_names_are_names(name: str) -> None:
    with snapshot_of(advisory("A-1", affected("npm", "x", "npm", "2"))) as snapshot:
        asks = [Ask("npm", name, "npm", "1"), Ask("npm", "x", "npm", "1")]
        assert [hit.ask for hit in snapshot.hits(asks)] == [1]


def test_the_same_question_of_two_packages_is_answered_to_both() -> None:
    snapshot = snapshot_of(advisory("CVE-1-1", affected("debian:12", "glibc", "deb", "2")))
    both = [package("deb", name, "1", source=("glibc", "1")) for name in ("libc6", "libc-bin")]
    assert set(counted(matched(snapshot, both, "debian:12"))) == {("libc6", "CVE-1-1"), ("libc-bin", "CVE-1-1")}
    assert inventory(both).packages == tuple(both)


def test_a_bound_that_only_code_can_compare_counts_for_each_version_by_itself() -> None:
    part = affected("maven", "g:a", "maven", ranges=(Range(low="1.0-alpha-1", high="1.0-xyz"),))
    snapshot = snapshot_of(advisory("GHSA-1", part))
    versions = ("1.0-alpha-1", "1.0", "1.0-xyz", "1.0-alpha-1")
    found = [
        match.version for match in matched(snapshot, [package("maven", "g:a", version) for version in versions]).matches
    ]
    assert found == ["1.0", "1.0-alpha-1", "1.0-alpha-1"]
