"""The echo feed: package → CVE → fixing version."""

from __future__ import annotations

import json

from hypothesis import given

from hullmark.advisories.feeds.echo import FEED
from tests.support.advisories import Bytes
from tests.unit.advisories.feeds.reading import advisories, damaged, json_document, read, rows

URL = "https://advisory.echohq.com/data.json"
DATA = {
    "nginx": {"CVE-2023-44487": {"fixed_version": "1.25.2"}, "TEMP-0000000-0CA7E3": {}},
    "python": {
        "CVE-2009-2940": {},
        "CVE-2023-44487": {"fixed_version": "3.12.1-1", "severity": "High"},
        "CVE-2013-0340": {"fixed_version": "0", "severity": "Low"},
    },
}


def test_each_cve_is_one_advisory_over_all_packages_sorted_and_temporary_ids_are_left_out() -> None:
    found = advisories(FEED, json_document(URL, DATA))
    assert list(found) == ["CVE-2009-2940", "CVE-2013-0340", "CVE-2023-44487"]
    assert rows(found["CVE-2009-2940"]) == [("echo:rolling", "python", "affected", "not-fixed", ("",))]
    assert rows(found["CVE-2013-0340"]) == [("echo:rolling", "python", "unaffected", "unknown", ("",))]
    assert rows(found["CVE-2023-44487"]) == [
        ("echo:rolling", "nginx", "affected", "fixed", ("1.25.2",)),
        ("echo:rolling", "python", "affected", "fixed", ("3.12.1-1",)),
    ]
    assert [each.severity for each in found.values()] == ["unknown", "low", "high"]


def test_what_cannot_be_read_costs_only_itself() -> None:
    records, problems = read(
        FEED, json_document(URL, {"bad": 1, "worse": {"CVE-2024-0001": {"fixed_version": 7}}, **DATA})
    )
    assert len(records) == 3
    assert len(problems) == 2


@given(damaged(json.dumps(DATA).encode()))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    read(FEED, Bytes(URL, data))
