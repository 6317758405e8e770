"""The redhat feed: CSAF VEX of Red Hat."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from hullmark.advisories.feeds.feed import CrawlState
from hullmark.advisories.feeds.formats import csaf
from hullmark.advisories.feeds.hummingbird import FEED as HUMMINGBIRD
from hullmark.advisories.feeds.redhat import FEED, PLACE, Component, Release, component_of, release_of
from hullmark.model.advisory import Advisory
from tests.support.advisories import Bytes, sample
from tests.unit.advisories.feeds.reading import advisories, crawled, damaged, read, rows, tar_document

RELEASES = {
    "AppStream-8.4.0.Z.MAIN.EUS": "cpe:/a:redhat:enterprise_linux:8::appstream",
    "BaseOS-8.10.0.Z.MAIN": "cpe:/o:redhat:enterprise_linux:8::baseos",
    "BaseOS-8.4.0.Z.EUS": "cpe:/o:redhat:rhel_eus:8.4::baseos",
    "BaseOS-8.4.0.Z.AUS": "cpe:/o:redhat:rhel_aus:8.4::baseos",
    "BaseOS-8.4.0.Z.E4S": "cpe:/o:redhat:rhel_e4s:8.4::baseos",
    "BaseOS-8.2.0.Z.TUS": "cpe:/o:redhat:rhel_tus:8.2::baseos",
    "7Server-ELS": "cpe:/o:redhat:rhel_els:7",
    "red_hat_enterprise_linux_8": "cpe:/o:redhat:enterprise_linux:8",
    "red_hat_enterprise_linux_7": "cpe:/o:redhat:enterprise_linux:7",
    "hummingbird-1": "cpe:/a:redhat:hummingbird:1",
    "satellite": "cpe:/a:redhat:satellite:6",
}
OLDER, GENERAL, OTHER, *_ = RELEASES
UNFIXED = "red_hat_enterprise_linux_8"


def vex(
    status: dict[str, list[str]], remediations: list[dict[str, Any]] | None = None, cve: str = "CVE-2024-0001"
) -> bytes:
    """A document in which every product is `RELEASE:COMPONENT`."""
    ids = [each for listed in status.values() for each in listed]
    branches = [
        {"product": {"product_id": name, "product_identification_helper": {"cpe": cpe}}}
        for name, cpe in RELEASES.items()
    ]
    relationships = [
        {
            "product_reference": id_.partition(":")[2],
            "relates_to_product_reference": id_.partition(":")[0],
            "full_product_name": {"product_id": id_},
        }
        for id_ in ids
    ]
    document = {
        "document": {"category": "csaf_vex", "tracking": {"current_release_date": "2024-05-06T07:08:09+00:00"}},
        "product_tree": {"branches": branches, "relationships": relationships},
        "vulnerabilities": [{"cve": cve, "product_status": status, "remediations": remediations or []}],
    }
    return json.dumps(document).encode()


def said(status: dict[str, list[str]], remediations: list[dict[str, Any]] | None = None) -> Advisory:
    return advisories(FEED, Bytes(PLACE + "2024/cve-2024-0001.json", vex(status, remediations)))["CVE-2024-0001"]


@pytest.mark.parametrize(
    ("identity", "cpe", "expected"),
    [
        ("AppStream-9.4.0.Z.MAIN.EUS", "cpe:/a:redhat:enterprise_linux:9::appstream", Release("rhel:9", 9, 4)),
        ("BaseOS-9.4.0.GA", "cpe:/o:redhat:enterprise_linux:9::baseos", Release("rhel:9", 9, 4)),
        ("7Server-7.6", "cpe:/o:redhat:enterprise_linux:7::server", Release("rhel:7", 7, 6)),
        ("BaseOS-10.1.Z", "cpe:/o:redhat:enterprise_linux:10.1", Release("rhel:10", 10, 1)),
        ("red_hat_enterprise_linux_7", "cpe:/o:redhat:enterprise_linux:7", Release("rhel:7", 7)),
        ("BaseOS-8.6.0.Z.EUS", "cpe:/o:redhat:rhel_eus:8.6::baseos", Release("rhel:8.6+eus", 8, 6, "eus")),
        ("BaseOS-10.0.Z.EUS", "cpe:/o:redhat:enterprise_linux_eus:10.0", Release("rhel:10.0+eus", 10, 0, "eus")),
        ("AppStream-8.4.0.Z.AUS", "cpe:/a:redhat:rhel_aus:8.4::appstream", Release("rhel:8.4+aus", 8, 4, "aus")),
        ("AppStream-8.1.0.Z.E4S", "cpe:/a:redhat:rhel_e4s:8.1::appstream", Release("rhel:8.1+e4s", 8, 1, "e4s")),
        ("AppStream-8.2.0.Z.TUS", "cpe:/a:redhat:rhel_tus:8.2::appstream", Release("rhel:8.2+tus", 8, 2, "tus")),
        ("6Server-ELS.EXTENSION", "cpe:/o:redhat:rhel_els:6", Release("rhel:6+els", 6, None, "els")),
        ("7Server-ELS-7.9", "cpe:/o:redhat:rhel_els:7", Release("rhel:7+els", 7, None, "els")),
        ("AppStream-8.Z.TUS", "cpe:/a:redhat:rhel_tus:8::appstream", None),
        ("LongLife-8.4", "cpe:/a:redhat:rhel_eus_long_life:8.4::appstream", None),
        ("extras", "cpe:/a:redhat:rhel_extras_sap_eus:7.3", None),
        ("4AS", "cpe:/o:redhat:enterprise_linux:4", None),
        ("satellite", "cpe:/a:redhat:satellite:6", None),
        ("x", "", None),
    ],
)
def test_a_platform_is_a_release_by_its_cpe(identity: str, cpe: str, expected: Release | None) -> None:
    assert release_of(csaf.Product(identity, "", csaf.Helper(cpe))) == expected


RUBY = "2.7.8-139.module+el8.8.0+18745+f1bef313"


@pytest.mark.parametrize(
    ("identity", "purl", "expected"),
    [
        ("tar-2:1.30-9.el8.src", "pkg:rpm/redhat/tar@1.30-9.el8?arch=src&epoch=2", ("tar", "2:1.30-9.el8", "src", "")),
        ("tar-2:1.30-9.el8.src", "", ("tar", "2:1.30-9.el8", "src", "")),
        ("tar", "pkg:rpm/redhat/tar", ("tar", "", "", "")),
        ("tar.src", "", ("tar", "", "src", "")),
        (
            f"ruby-{RUBY}.x86_64.rpm-ruby:2.7",
            f"pkg:rpm/redhat/ruby@{RUBY.replace('+', '%2B')}?arch=x86_64&rpmmod=ruby:2.7:8080:f1",
            ("ruby", f"0:{RUBY}", "x86_64", "ruby:2.7"),
        ),
        (
            "pgjdbc.src::libreoffice:flatpak",
            "pkg:rpm/redhat/pgjdbc?arch=src",
            ("pgjdbc", "", "src", "libreoffice:flatpak"),
        ),
        ("nokogiri", "pkg:gem/nokogiri", None),
    ],
)
def test_a_component_is_a_package_by_its_purl_or_id(identity: str, purl: str, expected: tuple[str, ...] | None) -> None:
    found = component_of(csaf.Product(identity, "", csaf.Helper("", purl)), ())
    assert found == (None if expected is None else Component(*expected))


def test_the_module_that_stands_between_is_the_packages() -> None:
    module = csaf.Product("nodejs:18:808:f1", "", csaf.Helper("", "pkg:rpmmod/redhat/nodejs@18:808:f1"))
    found = component_of(csaf.Product("nodejs-1:18.1-1.el8.src"), (module,))
    assert found == Component("nodejs", "1:18.1-1.el8", "src", "nodejs:18")


def test_a_minor_release_with_a_fix_of_its_own_has_a_row() -> None:
    fixes = [f"{OLDER}:tar-2:1.30-5.el8_4.src", f"{GENERAL}:tar-2:1.30-9.el8_10.src"]
    remedy = {
        "category": "vendor_fix",
        "date": "2024-01-02T00:00:00Z",
        "url": "https://x/RHSA-2024:0001",
        "product_ids": fixes[1:],
    }
    advisory = said({"fixed": fixes}, [remedy])
    expected = [(f"rhel:8.{minor}", "tar", "affected", "fixed", ("2:1.30-5.el8_4",)) for minor in range(5)]
    assert rows(advisory) == [("rhel:8", "tar", "affected", "fixed", ("2:1.30-9.el8_10",)), *expected]
    assert (advisory.affected[0].vendor_ids, advisory.affected[0].fix_date) == (("RHSA-2024:0001",), "2024-01-02")


def test_what_is_not_fixed_in_a_release_trumps_fixes_in_it() -> None:
    open_product = f"{UNFIXED}:tar.src"
    status = {"fixed": [f"{GENERAL}:tar-2:1.30-9.el8.src"], "known_affected": [open_product]}
    assert rows(said(status)) == [("rhel:8", "tar", "affected", "not-fixed", ("",))]
    wont_fix = [{"category": "no_fix_planned", "details": "Will not fix", "product_ids": [open_product]}]
    assert rows(said(status, wont_fix)) == [("rhel:8", "tar", "affected", "wont-fix", ("",))]


def test_a_fix_for_extended_support_alone_leaves_the_release_vulnerable() -> None:
    assert rows(said({"fixed": [f"{OTHER}:tar-2:1.30-9.el8_4.src"]})) == [
        ("rhel:8.4+eus", "tar", "affected", "fixed", ("2:1.30-9.el8_4",)),
        ("rhel:8", "tar", "affected", "wont-fix", ("",)),
    ]


def test_a_longer_support_has_rows_of_its_own_where_it_says_another_thing_than_the_extended_one() -> None:
    fixes = [
        f"{OTHER}:tar-2:1.30-9.el8_4.src",
        "BaseOS-8.4.0.Z.AUS:tar-2:1.30-9.el8_4.src",
        "BaseOS-8.4.0.Z.E4S:tar-2:1.30-9.el8_4.1.src",
        "BaseOS-8.2.0.Z.TUS:tar-2:1.30-7.el8_2.src",
        "7Server-ELS:tar-2:1.26-36.el7_9.src",
        f"{GENERAL}:tar-2:1.30-12.el8_10.src",
    ]
    assert rows(said({"fixed": fixes})) == [
        ("rhel:8.4+eus", "tar", "affected", "fixed", ("2:1.30-9.el8_4",)),
        ("rhel:8.4+e4s", "tar", "affected", "fixed", ("2:1.30-9.el8_4.1",)),
        ("rhel:8.2+tus", "tar", "affected", "fixed", ("2:1.30-7.el8_2",)),
        ("rhel:7+els", "tar", "affected", "fixed", ("2:1.26-36.el7_9",)),
        ("rhel:8", "tar", "affected", "fixed", ("2:1.30-12.el8_10",)),
    ]


def test_a_fix_for_other_streams_alone_says_nothing_of_the_release() -> None:
    assert rows(said({"fixed": ["BaseOS-8.2.0.Z.TUS:tar-2:1.30-7.el8_2.src"]})) == [
        ("rhel:8.2+tus", "tar", "affected", "fixed", ("2:1.30-7.el8_2",))
    ]


def test_source_packages_stand_for_their_binary_ones() -> None:
    built = [
        "perl-4:5.26-1.el8.src",
        "perl-libs-4:5.26-1.el8.x86_64",
        "perl-Test-0:1.30-1.el8.noarch",
        "perl-debuginfo-4:5.26-1.el8.x86_64",
    ]
    found = said({"fixed": [f"{GENERAL}:{each}" for each in built]})
    assert [(row.name, row.arch, row.ranges[0].fixed) for row in found.affected] == [
        ("perl", "", "4:5.26-1.el8"),
        ("perl-Test", "binary", "0:1.30-1.el8"),
    ]
    unfixed = said({"known_affected": [f"{UNFIXED}:{each}" for each in ("perl.src", "perl-libs", "perltidy")]})
    assert [(row.name, row.arch) for row in unfixed.affected] == [("perl", ""), ("perltidy", "binary")]


def test_what_is_not_affected_is_kept_and_other_products_and_flatpaks_are_not() -> None:
    safe = [f"{UNFIXED}:tar.src", "satellite:tar.src", f"{UNFIXED}:tar.src::libreoffice:flatpak"]
    assert rows(said({"known_not_affected": safe})) == [("rhel:8", "tar", "unaffected", "unknown", ("",))]


def test_single_documents_override_the_archive_and_deleted_ones_are_left_out() -> None:
    def name(number: int) -> str:
        return f"2024/cve-2024-000{number}.json"

    old = {name(each): vex({}, cve=f"CVE-2024-000{each}") for each in (1, 2, 3)}
    archive = tar_document(PLACE + "csaf_vex_2024-08-04.tar.zst", old, "xz")
    gone = Bytes(
        PLACE + "deletions.csv",
        f'"{name(2)}","2024-09-01T00:00:00+00:00"\n"{name(3)}","2024-08-01T00:00:00+00:00"'.encode(),
    )
    changes = Bytes(PLACE + "changes.csv", f'"{name(3)}","2024-08-02T00:00:00+00:00"'.encode())
    newer = Bytes(PLACE + name(1), vex({"known_affected": [f"{UNFIXED}:tar.src"]}))
    records, problems = read(FEED, archive, gone, changes, newer)
    assert [(record.id, len(record.affected)) for record in records if isinstance(record, Advisory)] == [
        ("CVE-2024-0001", 0),
        ("CVE-2024-0003", 0),
        ("CVE-2024-0001", 1),
    ]
    assert not problems


CHANGES = b'''"2024/cve-2024-2.json","2024-08-05T10:00:00+00:00"
"2024/cve-2024-1.json","2024-08-04T10:00:00+00:00"
"2023/a.json","2023-01-01T00:00:00+00:00"'''


def asked(known: CrawlState, changes: bytes = CHANGES) -> list[tuple[str, bool]]:
    def answer(url: str) -> Bytes:
        return Bytes(url, changes if url.endswith("changes.csv") else b"csaf_vex_2024-08-04.tar.zst\n")

    return [(get.url.removeprefix(PLACE), get.is_addition) for get in crawled(FEED, lambda get: answer(get.url), known)]


def test_the_first_crawl_fetches_the_archive_and_what_changed_since_it() -> None:
    assert asked(CrawlState(now="2024-08-06T00:00:00Z")) == [
        ("archive_latest.txt", False),
        ("csaf_vex_2024-08-04.tar.zst", False),
        ("deletions.csv", False),
        ("changes.csv", False),
        ("2024/cve-2024-1.json", False),
        ("2024/cve-2024-2.json", False),
    ]


def test_later_crawls_add_what_changed_since() -> None:
    assert asked(CrawlState(now="2024-08-06T00:00:00Z", since="2024-08-05T00:00:00Z")) == [
        ("changes.csv", True),
        ("deletions.csv", True),
        ("2024/cve-2024-2.json", True),
    ]


def test_a_crawl_after_too_many_changes_is_a_first_one() -> None:
    everything = asked(CrawlState(now="2024-08-06T00:00:00Z", since="2020-01-01T00:00:00Z"))
    assert everything[1] == ("archive_latest.txt", False)


def test_a_real_document_has_its_fix_states() -> None:
    found = advisories(FEED, sample("redhat", "vex/2023/CVE-2023-28484.json"))["CVE-2023-28484"]
    assert rows(found) == [
        ("rhel:6", "libxml2", "affected", "wont-fix", ("",)),
        ("rhel:7", "libxml2", "affected", "wont-fix", ("",)),
        ("rhel:8.6+eus", "libxml2", "affected", "fixed", ("0:2.9.7-13.el8_6.4",)),
        ("rhel:8", "libxml2", "affected", "fixed", ("0:2.9.7-16.el8_8.1",)),
        ("rhel:9", "libxml2", "affected", "fixed", ("0:2.9.13-3.el9_2.1",)),
    ]
    assert (found.severity, found.cwes, found.published) == ("medium", ("CWE-20",), "2023-04-11T00:00:00Z")


def test_the_real_archive_is_read_without_a_problem() -> None:
    found = advisories(FEED, sample("redhat", "csaf_vex_2024-08-04.tar.zst"))
    assert sorted(found) == ["CVE-2023-6212", "CVE-2023-6228", "CVE-2023-6237", "CVE-2023-6238", "CVE-2023-6240"]
    assert {row.namespace for each in found.values() for row in each.affected} >= {
        "rhel:7",
        "rhel:8",
        "rhel:9",
        "rhel:9.2+eus",
    }


def test_a_module_of_a_real_advisory_is_its_packages() -> None:
    found, _ = read(FEED, sample("redhat", "advisories/rhsa-2023_3821.json"))
    names = {(row.name, row.module) for each in found if isinstance(each, Advisory) for row in each.affected}
    assert ("ruby", "ruby:2.7") in names
    assert {module for _, module in names} == {"ruby:2.7"}


def test_hummingbird_speaks_of_binary_packages() -> None:
    status = {"known_affected": [f"hummingbird-1:{each}" for each in ("glibc", "glibc-common", "glibc.src")]}
    feed = advisories(HUMMINGBIRD, Bytes("https://a.example/2024/cve-2024-0001.json", vex(status)))
    assert [(row.namespace, row.name, row.arch) for row in feed["CVE-2024-0001"].affected] == [
        ("hummingbird:rolling", "glibc", "binary"),
        ("hummingbird:rolling", "glibc-common", "binary"),
    ]
    assert said(status).affected == ()


@settings(max_examples=100)
@given(
    damaged(vex({"fixed": [f"{GENERAL}:tar-2:1.30-9.el8.src"], "known_affected": ["red_hat_enterprise_linux_7:tar"]}))
)
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    read(FEED, Bytes(PLACE + "2024/cve-2024-0001.json", data))
    read(FEED, Bytes(PLACE + "csaf_vex_2024-08-04.tar.zst", data))
