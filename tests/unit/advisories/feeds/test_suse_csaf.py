"""The suse-csaf feed: CSAF VEX documents of SUSE and openSUSE."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from hullmark.advisories.feeds.feed import CrawlState
from hullmark.advisories.feeds.suse_csaf import FEED, place_of
from hullmark.model.advisory import EVERY_VERSION
from tests.support.advisories import Bytes, sample
from tests.unit.advisories.feeds.reading import advisories, crawled, damaged, json_document, read, rows

URL = "https://ftp.suse.com/pub/projects/security/csaf-vex/cve-2024-1.json"
SERVER, MODULE, LONG_TERM = (
    "SUSE Linux Enterprise Server 15 SP4",
    "SUSE Linux Enterprise Module for Basesystem 15 SP4",
    "SUSE Linux Enterprise Server 15 SP4-LTSS",
)
CHANGES = b'"cve-2024-1.json","2026-11-23T04:50:06Z"\n"cve-1999-2.json","2023-02-15T06:22:07Z"\n"../x.json","2026-11-23T04:50:06Z"'


def document(**status: list[str]) -> Bytes:
    content: dict[str, Any] = {
        "document": {
            "title": "x",
            "tracking": {
                "initial_release_date": "2024-02-01T00:00:00Z",
                "current_release_date": "2024-03-01T00:00:00Z",
            },
        },
        "vulnerabilities": [{"cve": "CVE-2024-1", "product_status": status}],
    }
    return Bytes(URL, json.dumps(content).encode())


def test_fixes_open_and_safe_packages_are_rows_of_their_place() -> None:
    found = advisories(
        FEED,
        document(
            recommended=[f"{SERVER}:libssl3-3.0.8-150400.4.1", "openSUSE Tumbleweed:libssl3-3.1-2.1"],
            known_affected=["openSUSE Leap 15.5:curl"],
            known_not_affected=[f"{SERVER}:curl", "SUSE Manager Proxy 4.2:curl"],
        ),
    )["CVE-2024-1"]
    by_place = {(row.namespace, row.name): row for row in found.affected}
    assert {place: (row.kind, row.fix_state) for place, row in by_place.items()} == {
        ("sles:15.4", "libssl3"): ("affected", "fixed"),
        ("opensuse:tumbleweed", "libssl3"): ("affected", "fixed"),
        ("opensuse:15.5", "curl"): ("affected", "not-fixed"),
        ("sles:15.4", "curl"): ("unaffected", "unknown"),
    }
    assert by_place["sles:15.4", "libssl3"].ranges[0].fixed == "3.0.8-150400.4.1"
    assert by_place["opensuse:15.5", "curl"].ranges == (EVERY_VERSION,)
    assert (found.published[:10], found.modified[:10]) == ("2024-02-01", "2024-03-01")


def test_the_server_counts_before_its_modules_and_these_before_long_term_support() -> None:
    builds = [f"{LONG_TERM}:a-3-1", f"{MODULE}:a-2-1", f"{SERVER}:a-1-1"]
    for place, fixed in ((0, "1-1"), (1, "2-1"), (2, "3-1")):
        (row,) = rows(advisories(FEED, document(fixed=builds[: 3 - place]))["CVE-2024-1"])
        assert fixed in str(row)


def test_a_vulnerability_without_an_id_is_reported_and_lists_of_changes_hold_none() -> None:
    nameless = json_document(URL, {"vulnerabilities": [{"product_status": {"fixed": [f"{SERVER}:a-1-1"]}}]})
    records, problems = read(FEED, Bytes("https://suse.example/changes.csv", CHANGES), nameless)
    assert (records, [place for place, _ in problems]) == ([], [URL])
    assert "id" in problems[0][1]


@pytest.mark.parametrize(
    ("platform", "namespace"),
    [
        ("SUSE Linux Enterprise Server 15-LTSS", "sles:15"),
        ("SUSE Linux Enterprise Server 11 SP4 LTSS", "sles:11.4"),
        ("SUSE Linux Enterprise Server for SAP Applications 15 SP1", ""),
        ("SUSE Linux Enterprise Micro 5.5", ""),
        ("SUSE Linux Enterprise Server Teradata 12 SP3", ""),
    ],
)
def test_a_product_leads_to_its_release_or_nowhere(platform: str, namespace: str) -> None:
    place = place_of(platform)
    assert (place.namespace if place else "") == namespace


def test_the_sample_archive_is_read() -> None:
    found = advisories(FEED, sample("suse", "csaf_vex/csaf-vex.tar.bz2"))["CVE-2023-5568"]
    fixed = {(row.namespace, row.name) for row in found.affected if row.kind == "affected"}
    safe = {(row.namespace, row.name) for row in found.affected if row.kind == "unaffected"}
    assert ("opensuse:tumbleweed", "ctdb") in fixed
    assert ("sles:15.5", "libdcerpc-devel") in safe or any(place == "sles:15.5" for place, _ in safe)
    assert not fixed & safe
    assert found.severity == "medium"


def test_the_first_crawl_takes_the_archive_and_later_ones_what_has_changed() -> None:
    def asked(known: CrawlState) -> list[str]:
        return [get.url.rpartition("/")[2] for get in crawled(FEED, lambda get: Bytes(get.url, CHANGES), known)]

    now = "2026-11-24T00:00:00Z"
    assert asked(CrawlState(now=now)) == ["csaf-vex.tar.bz2"]
    assert asked(CrawlState(now=now, since="2026-11-20T00:00:00Z")) == ["changes.csv", "cve-2024-1.json"]
    assert asked(CrawlState(now=now, since="2020-01-01T00:00:00Z")) == ["changes.csv", "csaf-vex.tar.bz2"]


@settings(max_examples=50)
@given(damaged(document(fixed=[f"{SERVER}:a-1-1"], known_affected=[f"{SERVER}:b"]).data))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    read(FEED, Bytes(URL, data))
