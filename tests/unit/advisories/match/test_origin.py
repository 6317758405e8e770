"""Whose a system's package is, and whose silence therefore says something of what it owns."""

from __future__ import annotations

import pytest

from hullmark.advisories.match.distros import plan_for
from hullmark.advisories.match.origin import is_foreign
from hullmark.model.advisory import AffectedPackage
from hullmark.model.inventory import Distro
from hullmark.model.package import Package
from tests.support.matching import advisory, affected, counted, matched, package, snapshot_of

ELSEWHERE = [
    advisory("CVE-9-1", affected("rhel:9", "other", "rpm", "1")),
    advisory("CVE-9-2", affected("debian:12", "other", "deb", "1")),
    advisory("CVE-9-3", affected("amazon:2023", "other", "rpm", "1")),
]
UPSTREAM = advisory("GHSA-1", affected("pypi", "x", "pep440", "2"), aliases=("CVE-1-1",))
FEDORA = "Fedora Project"


def rpm(vendor: str, version: str = "1.0-1.el9") -> Package:
    purl = f"pkg:rpm/redhat/python3-x@{version}"
    return package("rpm", "python3-x", version, purl=purl, notes={"vendor": vendor} if vendor else {})


def deb(section: str, version: str = "1.0-1") -> Package:
    purl = f"pkg:deb/debian/python3-x@{version}"
    return package("deb", "python3-x", version, purl=purl, notes={"section": section} if section else {})


OWNERS = [
    ("rhel:9.4", rpm("Red Hat, Inc."), False),
    ("rhel:9.4", rpm(""), False),
    ("almalinux:9.4", rpm("AlmaLinux"), False),
    ("rhel:9.4", rpm(FEDORA), True),
    ("rhel:9.4", rpm("Remi's RPM repository <https://rpms.remirepo.net/>"), True),
    ("rhel:9.4", rpm("Fedora Copr - user someone"), True),
    ("fedora:40", rpm("Fedora Copr - group @some"), True),
    ("fedora:40", rpm(FEDORA), False),
    ("openeuler:22.03", rpm("http://openeuler.org"), False),
    ("debian:12", deb("python"), False),
    ("debian:12", deb("contrib/python"), False),
    ("ubuntu:22.04", deb("universe/python"), False),
    ("debian:12", deb(""), False),
    ("debian:12", deb("default"), True),
    ("debian:12", deb("alien"), True),
    ("debian:12", deb("web", "20.11.0-1nodesource1"), True),
    ("ubuntu:22.04", deb("php", "8.2.0-1+ubuntu22.04.1+deb.sury.org+1"), True),
    ("debian:12", deb("database", "16.1-1.pgdg120+1"), True),
    ("ubuntu:20.04", deb("vcs", "1:2.34.1-0ppa1~ubuntu20.04.1"), True),
    ("debian:12", deb("database", "5.5.0+debpgdg-1"), False),
    ("debian:12", deb("utils", "1.2-1~bpo12+1"), False),
]


@pytest.mark.parametrize(("distro", "owner", "expected"), OWNERS)
def test_a_package_is_another_s_where_its_record_says_so(distro: str, owner: Package, expected: bool) -> None:
    id, _, version = distro.partition(":")
    assert is_foreign(owner, plan_for(Distro(id=id, version_id=version), ())) is expected


@pytest.mark.parametrize(
    ("distro", "owner", "is_other"), [owner for owner in OWNERS if owner[0] in ("rhel:9.4", "debian:12")]
)
def test_only_who_built_the_owner_may_clear_by_silence_what_it_owns(
    distro: str, owner: Package, is_other: bool
) -> None:
    owned = package("pypi", "x", "1.0", owned_by=owner.purl)
    result = matched(snapshot_of(UPSTREAM, *ELSEWHERE), [owner, owned], distro)
    assert set(counted(result)) == ({("x", "GHSA-1")} if is_other else set())


@pytest.mark.parametrize("owner", [rpm("Remi's RPM repository"), rpm("Red Hat, Inc.")])
def test_where_the_distribution_is_not_in_the_snapshot_nothing_is_cleared(owner: Package) -> None:
    owned = package("pypi", "x", "1.0", owned_by=owner.purl)
    assert set(counted(matched(snapshot_of(UPSTREAM), [owner, owned], "rhel:9.4"))) == {("x", "GHSA-1")}


def epel(below: str = "", name: str = "python3-x", **more: object) -> AffectedPackage:
    return affected("epel:9", name, "rpm", below, **more)


@pytest.mark.parametrize("distro", ["rhel:9.4", "ol:9.4"])
@pytest.mark.parametrize(
    ("word", "reason"),
    [
        (epel("1.0-1.el9"), "it belongs to python3-x 1.0-1.el9, and EPEL 9 records that it is sound"),
        (epel("1.0-2.el9"), "it belongs to python3-x 1.0-1.el9, for which it is reported"),
        (epel("1.0-1.el9", "other"), None),
        (epel("1.0-1.el9", arch="aarch64", kind="unaffected"), None),
    ],
)
def test_of_an_owner_from_epel_its_updates_may_speak_and_their_silence_says_nothing(
    distro: str, word: AffectedPackage, reason: str | None
) -> None:
    owner = package("rpm", "python3-x", "1.0-1.el9", arch="x86_64", notes={"vendor": FEDORA}, purl="pkg:rpm/x@1")
    said = advisory("CVE-1-1", word, source="fedora")
    owned = package("pypi", "x", "1.0", owned_by=owner.purl)
    oracle = advisory("CVE-9-4", affected("oracle:9", "other", "rpm", "1"))
    result = matched(snapshot_of(UPSTREAM, said, oracle, *ELSEWHERE), [owner, owned], distro)
    (suppressed,) = [match.suppressed for match in result.matches if match.package.type == "pypi"]
    assert (suppressed and suppressed.reason) == reason


def test_what_the_distribution_mended_in_its_own_package_clears_nothing_in_anothers() -> None:
    owner = deb("default", "1.0-9")
    owned = package("pypi", "x", "1.0", owned_by=owner.purl)
    said = advisory("CVE-1-1", affected("debian:12", "python3-x", "deb", "1.0-2"))
    assert set(counted(matched(snapshot_of(UPSTREAM, said), [owner, owned], "debian:12"))) == {("x", "GHSA-1")}


NVD = advisory("CVE-1-1", affected("cpe", "a:python:python", "generic", "3.9.99"), source="nvd")


@pytest.mark.parametrize(
    ("vendor", "version", "owner_version", "reason"),
    [
        ("Amazon Linux", "3.9.16", "3.9.16-1.amzn2023", "it belongs to {}, of which Amazon Linux 2023 speaks"),
        ("Amazon Linux", "3.9.16", "1:3.9.16-1.amzn2023", "it belongs to {}, of which Amazon Linux 2023 speaks"),
        ("Amazon Linux", "3.9.1", "3.9.16-1.amzn2023", None),
        ("Amazon Linux", "3.8.2", "3.9.16-1.amzn2023", None),
        ("Somebody", "3.9.16", "3.9.16-1.amzn2023", None),
    ],
)
def test_a_bare_program_of_a_package_is_the_package_where_their_versions_say_the_same(
    vendor: str, version: str, owner_version: str, reason: str | None
) -> None:
    owner = package("rpm", "python3", owner_version, notes={"vendor": vendor}, purl="pkg:rpm/amzn/python3@3.9.16")
    program = package("generic", "python", version, owned_by=owner.purl)
    result = matched(snapshot_of(NVD, *ELSEWHERE), [owner, program], "amzn:2023")
    (match,) = result.matches
    expected = reason and reason.format(f"python3 {owner_version}")
    assert (match.suppressed and match.suppressed.reason) == expected


def test_without_advisories_for_the_distribution_a_bare_program_is_judged_by_its_own_name() -> None:
    owner = package("rpm", "python3", "3.9.16-1", notes={"vendor": "Amazon"}, purl="pkg:rpm/amzn/python3@3.9.16")
    program = package("generic", "python", "3.9.16", owned_by=owner.purl)
    assert set(counted(matched(snapshot_of(NVD), [owner, program], "amzn:2023"))) == {("python", "CVE-1-1")}
