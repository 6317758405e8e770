"""The photon feed: rows of a CVE, a package and a fix."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from hullmark.advisories.feeds.photon import FEED
from hullmark.model.advisory import Advisory
from tests.support.advisories import Bytes, sample
from tests.unit.advisories.feeds.reading import advisories, damaged, json_document, read, rows

URL = "https://packages.broadcom.com/photon/photon_cve_metadata/cve_data_photon4.0.json"
ROWS = [
    {"cve_id": "CVE-2023-38545", "pkg": "curl", "cve_score": 9.8, "res_ver": "7.88.1-4.ph4", "status": "Fixed"},
    {"cve_id": "CVE-2023-38545", "pkg": "curl-libs", "cve_score": 9.8, "res_ver": "7.88.1-4.ph4", "status": "Fixed"},
    {"cve_id": "CVE-2023-44487", "pkg": "httpd", "cve_score": 7.5, "res_ver": "NA", "status": "Not Affected"},
    {"cve_id": "CVE-2024-1", "pkg": "vim", "cve_score": None, "res_ver": "NA", "status": "Open"},
]


def test_rows_of_a_cve_become_one_advisory_with_the_severity_of_its_score() -> None:
    second = json_document(URL.replace("4.0", "5.0"), ROWS[:1])
    found = advisories(FEED, json_document(URL, ROWS), second)
    assert rows(found["CVE-2023-38545"]) == [
        ("photon:4.0", "curl", "affected", "fixed", ("7.88.1-4.ph4",)),
        ("photon:4.0", "curl-libs", "affected", "fixed", ("7.88.1-4.ph4",)),
        ("photon:5.0", "curl", "affected", "fixed", ("7.88.1-4.ph4",)),
    ]
    assert rows(found["CVE-2023-44487"]) == [("photon:4.0", "httpd", "unaffected", "unknown", ("",))]
    assert rows(found["CVE-2024-1"]) == [("photon:4.0", "vim", "affected", "not-fixed", ("",))]
    assert [found[each].severity for each in sorted(found)] == ["critical", "high", "unknown"]


@pytest.mark.parametrize(
    "row",
    [
        {"cve_id": "Re", "pkg": "linux", "res_ver": "NA", "status": "Not Affected"},
        {"cve_id": "UNK-1", "pkg": "curl", "res_ver": "NA", "status": "Not Affected"},
        {"cve_id": "CVE-2023-50447", "pkg": "python3", "res_ver": "NA", "status": "Fixed"},
        {"cve_id": "CVE-2023-50447"},
    ],
)
def test_a_row_that_says_nothing_to_go_by_is_reported(row: dict[str, str]) -> None:
    records, problems = read(FEED, json_document(URL, [row, *ROWS]))
    assert len(records) == 3
    assert len(problems) == 1


def test_the_real_samples_lose_only_the_row_that_is_fixed_nowhere() -> None:
    records, problems = read(FEED, sample("photon", "vunnel/photon/input/cve_data_photon4.0.json"))
    assert [record.id for record in records if isinstance(record, Advisory)] == [
        "BDSA-2025-0719",
        "CVE-2023-38545",
        "CVE-2023-38546",
        "CVE-2023-44487",
    ]
    assert [why.partition("(")[2] for _, why in problems] == ["CVE-2023-50447, Fixed)"]


def test_a_file_of_an_unknown_release_is_reported_and_the_others_are_read() -> None:
    records, problems = read(FEED, json_document("https://a.example/all.json", ROWS), json_document(URL, ROWS))
    assert len(records) == 3
    assert problems == [("https://a.example/all.json", "left out: its address names no release")]


@given(damaged(json.dumps(ROWS).encode()))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    read(FEED, Bytes(URL, data))
