"""What is found by name in NVD alone: when it is asked, what overrules it, and what it does not say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.advisories.database.snapshot import Snapshot
from hullmark.advisories.feeds.formats.cpe_configurations import Configuration, Match, Node, affected_of
from hullmark.advisories.match.cpes import candidates
from hullmark.advisories.match.find import find
from hullmark.model.advisory import EVERY_VERSION, AffectedPackage, Lifecycle, Range
from hullmark.model.match import Matches
from hullmark.model.package import Package
from tests.support.matching import TODAY, advisory, affected, inventory, matched, package, snapshot_of

NVD = advisory(
    "CVE-1-1",
    affected("cpe", "a:openssl:openssl", "generic", ranges=(Range(low="1.1.0", high="1.1.1l", fixed="1.1.1l"),)),
    source="nvd",
)
OTHER = advisory("CVE-9-9", affected("debian:8", "other", "deb", "2"), source="debian")
ENDED = Lifecycle(product="debian", release="8", source="endoflife", eol="2018-06-17", extended="2025-06-30")
OPENSSL = package("deb", "libssl1.1", "1:1.1.1k-1", source=("openssl", "1:1.1.1k-1"))


def guessed(stored: Snapshot, found: Package, distro: str, at: str = TODAY, *, asked: bool = True) -> Matches:
    return find(inventory([found], distro), stored, at=at, cpe_for_ended=asked)


@pytest.mark.parametrize(
    ("asked", "at", "kinds"),
    [
        (True, "2018-06-18", ["cpe"]),  # past the regular end, whatever longer support there is
        (True, "2018-06-17", []),
        (False, "2026-01-01", []),
    ],
)
def test_of_an_ended_release_nvd_is_asked_by_name_if_that_is_asked_for(asked: bool, at: str, kinds: list[str]) -> None:
    result = guessed(snapshot_of(NVD, OTHER, ENDED), OPENSSL, "debian:8", at, asked=asked)
    assert [match.kind for match in result.matches] == kinds


@pytest.mark.parametrize(
    "word",
    [
        affected("debian:8", "openssl", "deb", "1.0.1"),
        affected("debian:8", "openssl", "deb", kind="unaffected", ranges=(EVERY_VERSION,)),
    ],
)
def test_what_the_ended_distribution_said_overrules_the_name(word: AffectedPackage) -> None:
    stored = snapshot_of(NVD, OTHER, ENDED, advisory("CVE-1-1", word, source="debian"))
    assert guessed(stored, OPENSSL, "debian:8").matches == ()


def test_packages_of_other_builders_are_not_guessed_at() -> None:
    ended = Lifecycle(product="rhel", release="7", source="endoflife", eol="2024-06-30")
    stored = snapshot_of(NVD, advisory("CVE-9-9", affected("rhel:7", "other", "rpm", "2")), ended)
    own, foreign = (
        package("rpm", "openssl", "1.1.1k-1.el7", notes={"vendor": vendor}) for vendor in ("Red Hat, Inc.", "Remi")
    )
    assert [match.kind for match in guessed(stored, own, "rhel:7.9").matches] == ["cpe"]
    assert guessed(stored, foreign, "rhel:7.9").matches == ()


def test_a_package_of_a_release_without_advisories_stays_unknown_though_nvd_speaks_of_it() -> None:
    found = package("apk", "libssl1.1", "1.1.1k-r0", source=("openssl", "1.1.1k-r0"))
    result = matched(snapshot_of(NVD), [found], "alpine:3.99.0")
    assert [match.kind for match in result.matches] == ["cpe"]
    assert [each.reason for each in result.unknown] == ["the snapshot has no advisories for Alpine 3.99.0"]


def test_nvd_does_not_know_what_a_distribution_has_mended() -> None:
    (match,) = matched(snapshot_of(NVD), [package("apk", "openssl", "1.1.1k-r0")], "alpine:3.99.0").matches
    assert (match.fix.state, match.fix.version) == ("unknown", "")


def test_a_packagers_revision_is_no_part_of_the_upstream_version() -> None:
    last = affected("cpe", "a:openssl:openssl", "generic", ranges=(Range(high="1.1.1k", high_open=False),))
    stored = snapshot_of(advisory("CVE-1-1", last, source="nvd"))
    versions = ("1.1.1k-r5", "1.1.1l-r0")
    found = [
        bool(matched(stored, [package("apk", "openssl", version)], "alpine:3.99.0").matches) for version in versions
    ]
    assert found == [True, False]


def test_what_must_run_on_a_platform_is_not_guessed() -> None:
    part = affected("cpe", "a:openssl:openssl", "generic", "2", platforms=("cpe:2.3:o:microsoft:windows:*",))
    stored = snapshot_of(advisory("CVE-1-1", part, source="nvd"))
    assert matched(stored, [package("apk", "openssl", "1.1.1k-r0")], "alpine:3.99.0").matches == ()


def test_programs_of_languages_with_advisories_of_their_own_are_never_guessed_at() -> None:
    part = affected("cpe", "a:golang:go", "generic", "1.18.6")
    stored = snapshot_of(
        advisory("CVE-1-1", part, source="nvd"), advisory("GO-1", affected("golang", "x", "golang", "2"))
    )
    assert matched(stored, [package("golang", "stdlib", "1.18.3")]).matches == ()
    assert matched(stored, [package("generic", "stdlib", "1.18.3")]).matches != ()


def test_what_only_a_rebuild_announces_is_not_guessed_again() -> None:
    ended = Lifecycle(product="almalinux", release="8", source="endoflife", eol="2024-06-30")
    own = advisory("ALSA-1", affected("almalinux:8", "openssl", "rpm", "1:1.1.1m-1"), aliases=("CVE-1-1",))
    (match,) = guessed(snapshot_of(NVD, own, ended), package("rpm", "openssl", "1:1.1.1k-1"), "almalinux:8.5").matches
    assert (match.advisory.id, match.kind) == ("ALSA-1", "direct")


JDK_LINES = [("1.8.0_275-b01", True), ("1.8.0_281-b09", False), ("1.8.0_281", False), ("11.0.9+11", False)]


@pytest.mark.parametrize(("version", "expected"), JDK_LINES)
@pytest.mark.parametrize(
    ("name", "cpe", "written"),
    [
        ("jdk", "a:oracle:jdk", "1.8.0_275"),
        ("jre", "a:oracle:jre", "1.8.0_275"),
        ("openjdk", "a:oracle:openjdk", "8_275"),
        ("zulu", "a:azul:zulu", "1.8.0_275"),
        ("java_sdk", "a:ibm:java_sdk", "1.8.0_275"),
    ],
)
def test_of_java_runtimes_the_update_counts_however_nvd_writes_it(
    name: str, cpe: str, written: str, version: str, expected: bool
) -> None:
    listed = affected("cpe", cpe, "jvm", ranges=(), versions=(written,))
    stored = snapshot_of(advisory("CVE-1-1", listed, source="nvd"))
    assert bool(matched(stored, [package("generic", name, version)]).matches) is expected


@pytest.mark.parametrize(
    ("low", "below", "version", "expected"),
    [
        ("", "1.8.0_281", "1.8.0_275-b01", True),
        ("", "1.8.0_281", "1.8.0_281-b09", False),
        ("", "8u281", "1.8.0_275-b01", True),
        ("8", "8.0.281", "1.8.0_275-b01", True),
        ("9", "11.0.10", "1.8.0_281-b09", False),
        ("1.8.0", "9", "11.0.9+11", False),
        ("11", "11.0.10", "11.0.9+11", True),
        ("11", "11.0.10", "11.0.10+9-LTS", False),
        ("17", "21.0.4", "21.0.4-ea+3", True),
        ("17", "21.0.4", "21.0.4+7-LTS", False),
    ],
)
def test_ranges_of_java_runtimes_follow_the_order_of_java(low: str, below: str, version: str, expected: bool) -> None:
    part = affected("cpe", "a:oracle:jdk", "jvm", ranges=(Range(low=low, high=below, fixed=below),))
    stored = snapshot_of(advisory("CVE-1-1", part, source="nvd"))
    assert bool(matched(stored, [package("generic", "jdk", version)]).matches) is expected


def test_of_what_a_vendor_writes_behind_a_runtimes_numbers_the_numbers_count() -> None:
    part = affected("cpe", "a:ibm:java_sdk", "jvm", "8.0.7.11")
    stored = snapshot_of(advisory("CVE-1-1", part, source="nvd"))
    versions = ("8.0.7.10 - pxa6480sr7fp10-20220601_01(SR7 FP10)", "8.0.7.11 - pxa6480sr7fp11-20220601_01(SR7 FP11)")
    assert [len(matched(stored, [package("generic", "java_sdk", version)]).matches) for version in versions] == [1, 0]


def test_a_runtime_whose_version_is_none_is_unknown() -> None:
    stored = snapshot_of(advisory("CVE-1-1", affected("cpe", "a:oracle:jdk", "jvm", "8"), source="nvd"))
    result = matched(stored, [package("generic", "jdk", "rolling")])
    assert result.matches == ()
    assert [each.reason for each in result.unknown] == [
        "its version is not one of jvm's, and advisories speak of it (CVE-1-1)"
    ]


@given(
    st.sampled_from(("jdk", "jre", "java", "java_sdk", "java_se", "openjdk", "zulu", "graalvm", "oracle", "sun", "ibm", "azul", "curl"))
    | st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True),
    st.sampled_from(("generic", "apk")),
)  # fmt: skip
def test_a_name_is_asked_in_the_order_in_which_its_row_is_kept(name: str, type: str) -> None:
    asked = list(candidates(package(type, name, "1.8.0")))
    assert asked
    for candidate in asked:
        criteria = f"cpe:2.3:{candidate.name}:*:*:*:*:*:*:*:*"
        products = [Configuration(nodes=[Node(cpe_match=[Match(criteria=criteria)])])]
        (row,) = affected_of(products, lambda place, reason: None, "CVE-1-1")
        assert (row.name, row.scheme) == (candidate.name, candidate.scheme)


def test_what_must_run_on_linux_is_asked_about() -> None:
    beside = ("cpe:2.3:h:ibm:power:-:*:*:*:*:*:*:*", "cpe:2.3:o:linux:linux_kernel:-:*:*:*:*:*:*:*")
    part = affected("cpe", "a:openssl:openssl", "generic", "2", platforms=beside)
    stored = snapshot_of(advisory("CVE-1-1", part, source="nvd"))
    assert matched(stored, [package("apk", "openssl", "1.1.1k-r0")], "alpine:3.99.0").matches != ()
