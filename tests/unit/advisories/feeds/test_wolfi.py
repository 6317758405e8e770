"""The wolfi feed: a secdb file of a rolling distribution."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hullmark.advisories.feeds.wolfi import FEED
from tests.support.advisories import Bytes
from tests.unit.advisories.feeds.reading import advisories, crawled, json_document, read, rows

URL = "https://packages.wolfi.dev/os/security.json"


def test_fixes_are_of_the_rolling_release_and_ids_of_every_kind_are_kept() -> None:
    fixes = {"1.2.3-r4": ["CVE-2024-0001", "GHSA-m425-mq94-257g"], "0": ["CVE-2023-0002"]}
    found = advisories(FEED, json_document(URL, {"packages": [{"pkg": {"name": "curl", "secfixes": fixes}}]}))
    assert rows(found["CVE-2024-0001"]) == [("wolfi:rolling", "curl", "affected", "fixed", ("1.2.3-r4",))]
    assert rows(found["GHSA-m425-mq94-257g"]) == rows(found["CVE-2024-0001"])
    assert rows(found["CVE-2023-0002"]) == [("wolfi:rolling", "curl", "unaffected", "unknown", ("",))]
    assert found["CVE-2024-0001"].source == "wolfi"


def test_one_document_is_fetched() -> None:
    assert [get.url for get in crawled(FEED, lambda get: Bytes(get.url, b"{}"))] == [URL]


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    records, problems = read(FEED, Bytes(URL, data))
    assert not records
    assert problems or data.strip()
