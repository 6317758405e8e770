"""What is found by name in NVD alone: when it is asked, what overrules it, and what it does not say."""

from __future__ import annotations

import pytest

from hullmark.advisorydb.snapshot import Snapshot
from hullmark.match.find import find
from hullmark.model.advisory import EVERY_VERSION, Affected, Lifecycle, Range
from hullmark.model.match import Matches
from hullmark.model.package import Package
from tests.support.books import TODAY, advisory, affected, book_of, inventory, matched, package

NVD = advisory(
    "CVE-1-1",
    affected("cpe", "a:openssl:openssl", "generic", ranges=(Range(low="1.1.0", high="1.1.1l", fixed="1.1.1l"),)),
    source="nvd",
)
OTHER = advisory("CVE-9-9", affected("debian:8", "other", "deb", "2"), source="debian")
ENDED = Lifecycle(product="debian", release="8", source="endoflife", eol="2018-06-17", extended="2025-06-30")
OPENSSL = package("deb", "libssl1.1", "1:1.1.1k-1", source=("openssl", "1:1.1.1k-1"))


def guessed(book: Snapshot, found: Package, distro: str, at: str = TODAY, *, asked: bool = True) -> Matches:
    return find(inventory([found], distro), book, at=at, cpe_for_ended=asked)


@pytest.mark.parametrize(
    ("asked", "at", "kinds"),
    [
        (True, "2018-06-18", ["cpe"]),  # past the regular end, whatever longer support there is
        (True, "2018-06-17", []),
        (False, "2026-01-01", []),
    ],
)
def test_of_an_ended_release_nvd_is_asked_by_name_if_that_is_wished(asked: bool, at: str, kinds: list[str]) -> None:
    result = guessed(book_of(NVD, OTHER, ENDED), OPENSSL, "debian:8", at, asked=asked)
    assert [match.kind for match in result.matches] == kinds


@pytest.mark.parametrize(
    "word",
    [
        affected("debian:8", "openssl", "deb", "1.0.1"),
        affected("debian:8", "openssl", "deb", kind="unaffected", ranges=(EVERY_VERSION,)),
    ],
)
def test_what_the_ended_distribution_said_overrules_the_name(word: Affected) -> None:
    book = book_of(NVD, OTHER, ENDED, advisory("CVE-1-1", word, source="debian"))
    assert guessed(book, OPENSSL, "debian:8").matches == ()


def test_packages_of_other_builders_are_not_guessed_at() -> None:
    ended = Lifecycle(product="rhel", release="7", source="endoflife", eol="2024-06-30")
    book = book_of(NVD, advisory("CVE-9-9", affected("rhel:7", "other", "rpm", "2")), ended)
    own, foreign = (
        package("rpm", "openssl", "1.1.1k-1.el7", notes={"vendor": vendor}) for vendor in ("Red Hat, Inc.", "Remi")
    )
    assert [match.kind for match in guessed(book, own, "rhel:7.9").matches] == ["cpe"]
    assert guessed(book, foreign, "rhel:7.9").matches == ()


def test_a_package_of_a_release_without_advisories_stays_unknown_though_nvd_speaks_of_it() -> None:
    found = package("apk", "libssl1.1", "1.1.1k-r0", source=("openssl", "1.1.1k-r0"))
    result = matched(book_of(NVD), [found], "alpine:3.99.0")
    assert [match.kind for match in result.matches] == ["cpe"]
    assert [each.reason for each in result.unknown] == ["the snapshot has no advisories for Alpine 3.99.0"]


def test_nvd_does_not_know_what_a_distribution_has_mended() -> None:
    (match,) = matched(book_of(NVD), [package("apk", "openssl", "1.1.1k-r0")], "alpine:3.99.0").matches
    assert (match.fix.state, match.fix.version) == ("unknown", "")
