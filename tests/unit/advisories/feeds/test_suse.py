"""The feeds of SUSE: OVAL of SUSE Linux Enterprise and openSUSE."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from hullmark.advisories.feeds.feed import Get, RecordFault
from hullmark.advisories.feeds.suse import FEED, FEEDS
from tests.support.advisories import Bytes, sample
from tests.unit.advisories.feeds.reading import advisories, crawled, damaged, read, rows


def test_fixes_of_the_server_and_of_long_term_support_are_of_their_service_pack() -> None:
    found, problems = read(FEED, sample("suse", "suse_truncated.xml"))
    kernel = next(each for each in found if each.id == "CVE-2021-29154")  # type: ignore[union-attr]
    assert rows(kernel) == [  # type: ignore[arg-type]
        ("sles:15", "kernel-default", "affected", "fixed", ("0:4.12.14-150.72.1",)),
        ("sles:15.1", "kernel-default", "affected", "fixed", ("0:4.12.14-197.89.2",)),
    ]
    assert [row.fix_date for row in kernel.affected] == ["2021-04-30"] * 2  # type: ignore[union-attr]
    assert problems == []


def test_packages_that_are_not_affected_are_kept() -> None:
    found = advisories(FEED, sample("suse", "suse_truncated.xml"))
    assert rows(found["CVE-2026-34073"]) == [("sles:15", "python3-cryptography", "unaffected", "unknown", ("",))]


def test_platforms_whose_tests_are_missing_are_read_from_their_comments() -> None:
    found = advisories(FEED, sample("suse", "suse.linux.enterprise.15-affected.xml.gz"))
    kernel = [row for row in rows(found["CVE-1999-0077"]) if row[1] == "kernel-default"]
    assert ("sles:15.4", "kernel-default", "unaffected", "unknown", ("",)) in kernel
    assert {row[0] for row in kernel} <= {"sles:15", *(f"sles:15.{number}" for number in range(1, 5))}


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        ("opensuse.tumbleweed.xml.gz", ("opensuse:tumbleweed", "tar", "affected", "fixed", ("0:1.34-2.2",))),
        ("opensuse.leap.15.2.xml.gz", ("opensuse:15.2", "fastjar", "affected", "fixed", ("0:0.98-lp152.4.3.1",))),
    ],
)
def test_opensuse_is_read(ending: str, expected: tuple[str, str, str, str, tuple[str, ...]]) -> None:
    (advisory,) = advisories(FEED, sample("suse", ending)).values()
    assert expected in rows(advisory)


def test_micro_and_patches_are_left_out() -> None:
    for ending in ("opensuse.leap.micro.5.2.xml.gz", "suse.linux.enterprise.16-patch.xml.gz"):
        assert read(FEED, sample("suse", ending)) == ([], [])


def test_each_file_is_a_feed_and_the_one_with_unfixed_packages_is_preferred() -> None:
    assert len({feed.name for feed in FEEDS}) == len(FEEDS)
    place = "https://ftp.suse.com/pub/projects/security/oval/suse.linux.enterprise.server.15"
    affected = Get(url=f"{place}-affected.xml.gz", is_optional=True)
    assert crawled(FEED, lambda get: Bytes(get.url, b"")) == [affected]
    assert crawled(FEED, lambda get: None) == [affected, Get(url=f"{place}.xml.bz2")]


OVAL = """<oval_definitions xmlns="http://oval.mitre.org/XMLSchema/oval-definitions-5"><definitions>
<definition id="d:1" class="vulnerability"><metadata><title>{title}</title></metadata>
<criteria operator="AND"><criteria operator="OR"><criterion test_ref="t:place"/></criteria>
<criterion test_ref="t:tar"/></criteria></definition></definitions>
<tests><rpminfo_test id="t:place"><object object_ref="o:place"/><state state_ref="s:place"/></rpminfo_test>
<rpminfo_test id="t:tar"><object object_ref="o:tar"/><state state_ref="s:none"/></rpminfo_test></tests>
<objects><rpminfo_object id="o:place"><name>{place}</name></rpminfo_object>
<rpminfo_object id="o:tar"><name>tar</name></rpminfo_object></objects>
<states><rpminfo_state id="s:place"><version operation="equals">{version}</version></rpminfo_state>
<rpminfo_state id="s:none"><version operation="equals">0</version></rpminfo_state></states></oval_definitions>"""


@pytest.mark.parametrize(
    ("place", "version", "namespaces"),
    [
        ("sles-release", "15.4", ["sles:15.4"]),
        ("openSUSE-release", "15.5", ["opensuse:15.5"]),
        ("sles-release", "fifteen", []),
        ("openSUSE-release", "leap", []),
    ],
)
def test_a_package_of_no_version_is_safe_in_the_releases_that_are_known(
    place: str, version: str, namespaces: list[str]
) -> None:
    text = OVAL.format(title="CVE-2024-1000", place=place, version=version)
    found = advisories(FEED, Bytes("https://suse.example/a.xml", text.encode()))
    said = [row for each in found.values() for row in rows(each)]
    assert said == [(namespace, "tar", "unaffected", "unknown", ("",)) for namespace in namespaces]


def test_a_definition_without_a_vulnerability_is_reported_with_its_packages() -> None:
    text = OVAL.format(title="tar", place="sles-release", version="15.4")
    records, [(place, why)] = read(FEED, Bytes("https://suse.example/a.xml", text.encode()))
    assert (records, place, why) == ([], "d:1", "it names no CVE")
    assert isinstance(why, RecordFault)
    assert "tar" in (why.names or ())


@settings(max_examples=50)
@given(
    damaged(
        b'<a><definitions><definition id="1"><metadata><title>CVE-2024-1000</title></metadata></definition></definitions></a>'
    )
)
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    read(FEED, Bytes("https://suse.example/a.xml", data))
