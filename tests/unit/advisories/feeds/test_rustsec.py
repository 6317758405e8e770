"""RustSec: vulnerabilities, and what it only informs of."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from hullmark.advisories.feeds.rustsec import FEED
from tests.unit.advisories.feeds.counts import check_any_bytes, check_damaged_document, manifest_count, real
from tests.unit.advisories.feeds.reading import advisories, damaged, read, rows, zip_document

EXPORT = ("osv-vulnerabilities.storage.googleapis.com", "crates.io", "all.zip")
URL = "https://" + "/".join(EXPORT)


def record(kind: str | None, vector: str = "") -> str:
    return json.dumps(
        {
            "schema_version": None,
            "id": "RUSTSEC-2021-0001",
            "severity": [{"type": "CVSS_V3", "score": vector}] if vector else [],
            "affected": [
                {
                    "package": {"ecosystem": "crates.io", "name": "left_pad"},
                    "ecosystem_specific": {"affects": {"arch": [], "os": ["windows"], "functions": []}},
                    "database_specific": {"categories": [], "informational": kind},
                    "ranges": [{"type": "SEMVER", "events": [{"introduced": "0.0.0-0"}, {"fixed": "1.0.0"}]}],
                    "versions": [],
                }
            ],
        }
    )


GOOD = zip_document(URL, {"RUSTSEC-2021-0001.json": record(None), "GHSA-1.json": '{"id": "GHSA-1"}'})


def test_a_vulnerability_has_no_note_and_begins_with_the_first_version() -> None:
    found = advisories(FEED, GOOD)
    assert list(found) == ["RUSTSEC-2021-0001"]
    assert rows(found["RUSTSEC-2021-0001"]) == [("cargo", "left_pad", "affected", "fixed", ("1.0.0",))]
    affected = found["RUSTSEC-2021-0001"].affected[0]
    assert (affected.ranges[0].low, affected.note) == ("", "")
    assert "windows" in affected.platforms[0]


@pytest.mark.parametrize(
    ("kind", "vector", "severity"),
    [
        ("unmaintained", "", "negligible"),
        ("notice", "", "negligible"),
        ("unsound", "", "low"),
        ("unsound", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "critical"),
        ("something new", "", "unknown"),
    ],
)
def test_what_is_no_vulnerability_says_so_and_weighs_little(kind: str, vector: str, severity: str) -> None:
    found = advisories(FEED, zip_document(URL, {"a.json": record(kind, vector)}))["RUSTSEC-2021-0001"]
    assert (found.severity, found.affected[0].note) == (severity, kind)


def test_a_record_that_cannot_be_read_costs_only_itself() -> None:
    records, problems = read(FEED, zip_document(URL, {"a.json": "[]", "b.json": record(None)}))
    assert len(records) == 1
    assert [place for place, _ in problems] == ["a.json"]
    check_damaged_document(FEED, GOOD)


@given(damaged(GOOD.data))
def test_any_bytes_are_read_to_an_end(data: bytes) -> None:
    check_any_bytes(FEED, URL, data)


def test_every_record_of_the_real_file_is_an_advisory() -> None:
    found = real(FEED, *EXPORT)
    assert len(found) == manifest_count(*EXPORT)
    notes = [each.note for one in found.values() for each in one.affected]
    assert {note: notes.count(note) for note in set(notes)} == {
        "": 438,
        "unmaintained": 151,
        "unsound": 120,
        "notice": 5,
    }
    assert sum(1 for each in found.values() if each.withdrawn) == 9
