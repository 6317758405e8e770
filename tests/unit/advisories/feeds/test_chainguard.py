"""Chainguard's secdb file and OSV records."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from hullmark.advisories.feeds.chainguard import FEED
from tests.support.advisories import Bytes
from tests.unit.advisories.feeds.reading import advisories, crawled, damaged, json_document, read, rows, tar_document

SECDB = "https://packages.cgr.dev/chainguard/security.json"
OSV = "https://packages.cgr.dev/chainguard/v3/osv/chainguard-osv.tar.gz"


def entry(*events: dict[str, str], ecosystem: str = "Chainguard", status: str = "") -> dict[str, Any]:
    package = {"ecosystem": ecosystem, "name": "haproxy-2.2", "purl": "pkg:apk/chainguard/haproxy-2.2?arch=x86_64"}
    made: dict[str, Any] = {
        "package": package,
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, *events]}],
    }
    return {**made, "ecosystem_specific": {"components": [{"latest_event_status": status}]}} if status else made


def record(*affected: dict[str, Any]) -> dict[str, Any]:
    upstream = ["CVE-2025-32464", "GHSA-frg5-h47x-75j9"]
    return {"id": "CGA-224q-ccj5-2p53", "upstream": upstream, "modified": "2026-01-07", "affected": list(affected)}


def osv(value: dict[str, Any]) -> Bytes:
    return tar_document(OSV, {"osv/CGA-224q-ccj5-2p53.json": json.dumps(value), "osv/all.json": "[]"})


def test_the_secdb_file_is_read_as_that_of_wolfi() -> None:
    packages = [{"pkg": {"name": "curl", "secfixes": {"8.4.0-r0": ["CVE-2023-38545"], "0": ["CVE-2023-1"]}}}]
    found = advisories(FEED, json_document(SECDB, {"packages": packages}))
    assert rows(found["CVE-2023-38545"]) == [("chainguard:rolling", "curl", "affected", "fixed", ("8.4.0-r0",))]


def test_an_osv_record_knows_architecture_and_ecosystem() -> None:
    found = advisories(
        FEED, osv(record(entry({"fixed": "2.2.34-r0"}), entry({"fixed": "2.2.35-r0"}, ecosystem="Wolfi")))
    )
    advisory = found["CGA-224q-ccj5-2p53"]
    assert rows(advisory) == [
        ("chainguard:rolling", "haproxy-2.2", "affected", "fixed", ("2.2.34-r0",)),
        ("wolfi:rolling", "haproxy-2.2", "affected", "fixed", ("2.2.35-r0",)),
    ]
    assert advisory.aliases == ("CVE-2025-32464", "GHSA-frg5-h47x-75j9")
    assert {each.arch for each in advisory.affected} == {"x86_64"}


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("fix_not_planned", "wont-fix"),
        ("analysis_not_planned", "wont-fix"),
        ("pending_upstream_fix", "not-fixed"),
        ("", "not-fixed"),
    ],
)
def test_why_there_is_no_fix_is_said(status: str, state: str) -> None:
    (row,) = advisories(FEED, osv(record(entry(status=status))))["CGA-224q-ccj5-2p53"].affected
    assert (row.fix_state, row.note) == (state, status)


def test_a_cleared_component_clears_no_package() -> None:
    assert advisories(FEED, osv(record(entry({"fixed": "0"}))))["CGA-224q-ccj5-2p53"].affected == ()


def test_an_unknown_ecosystem_is_reported() -> None:
    records, problems = read(FEED, osv(record(entry({"fixed": "1"}, ecosystem="Nowhere"))))
    assert (len(records), len(problems)) == (1, 1)


def test_the_osv_records_are_fetched_where_there_is_no_secdb_file() -> None:
    assert [get.url for get in crawled(FEED, lambda get: Bytes(get.url, b"{}"))] == [SECDB]
    assert [get.url for get in crawled(FEED, lambda get: None)] == [SECDB, OSV]


@given(damaged(json.dumps(record(entry({"fixed": "1"}))).encode()))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    _, problems = read(FEED, tar_document(OSV, {"osv/CGA-1.json": data}), Bytes(SECDB, data))
    assert all(why for _, why in problems)
