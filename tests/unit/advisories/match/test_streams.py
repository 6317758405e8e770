"""Which streams of Red Hat's longer support an image uses, by the ids of its repositories; and what follows for its packages."""

from __future__ import annotations

import json
import re

import pytest

from hullmark.advisories.match.streams import streams_of
from hullmark.model.advisory import EVERY_VERSION
from hullmark.model.inventory import Distro
from tests.support.advisories import sample
from tests.support.matching import advisory, affected, counted, matched, package, snapshot_of


def streams(version: str, *repositories: str, id: str = "rhel") -> str:
    return " ".join(sorted(streams_of(Distro(id=id, version_id=version, repositories=repositories))))


CASES = [
    ("9.4", "rhel-9-for-x86_64-appstream-rpms", ""),
    ("9.4", "rhel-9-for-x86_64-appstream-eus-rpms", "eus"),
    ("9.4", "rhel-9-for-$basearch-baseos-eus-source-rpms", "eus"),
    ("9.4", "rhel-9-for-x86_64-baseos-eus-rhui-rpms", "eus"),
    ("9.4", "rhui-rhel-9-for-x86_64-baseos-eus-rhui-rpms", "eus"),
    ("9.4", "codeready-builder-for-rhel-9-x86_64-eus-rpms", "eus"),
    ("9.2", "rhel-9-for-x86_64-appstream-eus-rpms__9_DOT_2", "eus"),
    ("9.4", "rhel-9-for-x86_64-appstream-eus-rpms__9_DOT_2", ""),
    ("8.6", "rhel-8.6-for-x86_64-appstream-e4s-rpms", "e4s eus"),
    ("8.4", "rhel-8-for-x86_64-baseos-aus-rpms__8_DOT_4", "aus eus"),
    ("8.6", "rhel-8-for-x86_64-highavailability-tus-rpms", "eus tus"),
    ("8.10", "rhel-9-for-x86_64-appstream-eus-rpms", ""),
    ("8", "rhel-8-for-x86_64-appstream-eus-rpms", "eus"),
    ("7.9", "rhel-7-server-eus-rpms", ""),
    ("7.9", "rhel-7-server-els-rpms", "els"),
    ("8.8", "satellite-tools-6.9-for-rhel-8-x86_64-eus-rpms", ""),
    ("8.4", "advanced-virt-for-rhel-8-x86_64-eus-rpms", ""),
    ("9.4", "ubi-9-baseos-rpms", ""),
    ("9.4", "", ""),
    ("", "rhel-9-for-x86_64-appstream-eus-rpms", ""),
]


@pytest.mark.parametrize(("version", "repository", "expected"), CASES)
def test_the_id_of_a_repository_tells_its_stream(version: str, repository: str, expected: str) -> None:
    assert streams(version, repository) == expected


def test_only_red_hats_own_system_has_streams() -> None:
    eus = "rhel-9-for-x86_64-appstream-eus-rpms"
    assert streams("9.4", eus, id="redhat") == "eus"
    assert [streams("9.4", eus, id=id) for id in ("centos", "almalinux", "rocky", "ol", "gentoo")] == [""] * 5
    assert streams_of(None) == frozenset()


_STREAM_CPE = re.compile(r"cpe:/[ao]:redhat:(?:rhel|enterprise_linux)_(aus|e4s|els|eus|tus):([\d.]+)(?::|$)").match
_SYSTEM_CPE = re.compile(r"cpe:/[ao]:redhat:(?:rhel|enterprise_linux)(?:_[a-z0-9]+)?:([\d.]+)(?::|$)").match


def test_the_ids_say_what_red_hats_own_mapping_says_of_them() -> None:
    """Of 8,564 repositories: never less; more only by the extended support that a longer one begins with, or the id's own word."""
    mapping = json.loads(sample("redhat", "repository2cpe/repository-to-cpe.json").data)["data"]
    compared = 0
    for repository, about in mapping.items():
        told: dict[str, set[str]] = {}
        for cpe in about["cpes"]:
            if system := _SYSTEM_CPE(cpe):
                told.setdefault(system[1], set())
            if stream := _STREAM_CPE(cpe):
                told[stream[2]].add(stream[1])
        own = {part for part in repository.partition("__")[0].split("-") if part in ("aus", "e4s", "els", "eus", "tus")}
        for version, expected in told.items():
            if int(version.partition(".")[0]) < 8:
                expected &= {"els"}
            found = set(streams(version, repository).split())
            assert expected <= found <= expected | own | ({"eus"} if own - {"els"} else set()), (repository, version)
            compared += bool(expected)
    assert compared > 1500


EUS = "rhel-9-for-x86_64-baseos-eus-rpms"
BOOK = snapshot_of(
    advisory(
        "CVE-1-1",
        affected("rhel:9", "openssl", "rpm", "1:3.0.7-27.el9"),
        affected("rhel:9.2+eus", "openssl", "rpm", "1:3.0.7-16.el9_2.4"),
        affected("rhel:9.2+e4s", "openssl", "rpm", "1:3.0.7-16.el9_2.9"),
        source="redhat",
    )
)
OLD = package("rpm", "openssl", "1:3.0.7-16.el9_2.3")
MENDED = package("rpm", "openssl", "1:3.0.7-16.el9_2.5")


@pytest.mark.parametrize(
    ("repository", "old", "mended"),
    [
        (EUS, "1:3.0.7-16.el9_2.4", None),
        (EUS + "__9_DOT_2", "1:3.0.7-16.el9_2.4", None),
        (EUS + "__9_DOT_4", "1:3.0.7-27.el9", "1:3.0.7-27.el9"),
        (EUS.replace("-eus", ""), "1:3.0.7-27.el9", "1:3.0.7-27.el9"),
        ("", "1:3.0.7-27.el9", "1:3.0.7-27.el9"),
    ],
)
def test_a_row_of_a_stream_counts_for_whom_has_its_repository(repository: str, old: str, mended: str | None) -> None:
    repositories = (repository,) if repository else ()
    key = ("openssl", "CVE-1-1")
    assert counted(matched(BOOK, [OLD], "rhel:9.2", repositories=repositories)).get(key) == old
    assert counted(matched(BOOK, [MENDED], "rhel:9.2", repositories=repositories)).get(key) == mended


@pytest.mark.parametrize(
    ("release", "fixed", "counts"),
    [
        ("9.2", "0:2-1.el9_2", True),
        ("9.2", "0:2-1.el9_0.3", True),
        ("9.2", "0:2-1.el9", True),
        ("9.2", "0:2-1", True),
        ("9", "0:2-1.el9_6", True),
        ("9.2", "0:2-1.el9_4", False),
        ("9.2", "0:2-1.el9_10", False),
        ("9.2", "0:2-1.el8_1", False),
        ("9.2", "0:2-1.el8", False),
        ("9", "0:2-1.el8", False),
    ],
)
def test_a_channel_s_fix_counts_if_the_release_can_install_it(release: str, fixed: str, counts: bool) -> None:
    base = affected("rhel:9", "x", "rpm", fix_state="not-fixed", ranges=(EVERY_VERSION,))
    snapshot = snapshot_of(advisory("CVE-1-1", base, affected("rhel:9+eus", "x", "rpm", fixed)))
    found = matched(snapshot, [package("rpm", "x", "1-1.el9")], f"rhel:{release}", channels=("eus",))
    assert counted(found) == {("x", "CVE-1-1"): fixed if counts else ""}


def test_a_channel_that_was_asked_for_stays_on() -> None:
    assert not counted(matched(BOOK, [MENDED], "rhel:9.2", channels=("eus",)))


def test_the_last_release_is_judged_by_its_extended_life_cycle_too() -> None:
    snapshot = snapshot_of(
        advisory(
            "CVE-1-1",
            affected("rhel:7", "bash", "rpm", fix_state="wont-fix"),
            affected("rhel:7+els", "bash", "rpm", "0:4.2-36.el7_9"),
            source="redhat",
        )
    )
    old, mended = package("rpm", "bash", "4.2-35.el7_9"), package("rpm", "bash", "4.2-36.el7_9")
    els = ("rhel-7-server-els-rpms",)
    assert counted(matched(snapshot, [old], "rhel:7.9", repositories=els)) == {("bash", "CVE-1-1"): "0:4.2-36.el7_9"}
    assert not counted(matched(snapshot, [mended], "rhel:7.9", repositories=els))
    assert counted(matched(snapshot, [mended], "rhel:7.9")) == {("bash", "CVE-1-1"): ""}
