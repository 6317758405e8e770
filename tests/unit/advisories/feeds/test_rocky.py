"""Rocky Linux errata in OSV's export."""

from __future__ import annotations

import io
import tarfile

from hypothesis import given

from hullmark.advisories.feeds.rocky import FEED
from tests.support.advisories import Bytes, advisory_files
from tests.unit.advisories.feeds.counts import check_any_bytes, check_damaged_document
from tests.unit.advisories.feeds.reading import advisories, crawled, damaged, rows, zip_document

URL = "https://osv-vulnerabilities.storage.googleapis.com/Rocky%20Linux/all.zip"
RECORD = """{"id": "RLSA-2023:0005", "summary": "Important: bcel security update", "related": ["CVE-2022-42920"],
"published": "2023-01-02T06:07:03Z", "affected": [{"package": {"name": "bcel", "ecosystem": "Rocky Linux:9"},
"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "0:6.4.1-9.el9_1"}]}]}]}"""
GOOD = zip_document(URL, {"RLSA-2023:0005.json": RECORD})


def test_an_erratum_fixes_sources_of_a_release() -> None:
    found = advisories(FEED, GOOD)["RLSA-2023:0005"]
    assert rows(found) == [("rocky:9", "bcel", "affected", "fixed", ("0:6.4.1-9.el9_1",))]
    assert (found.aliases, found.severity) == (("CVE-2022-42920",), "high")
    check_damaged_document(FEED, GOOD)


def test_the_export_is_what_a_crawl_asks_for() -> None:
    assert [get.url for get in crawled(FEED, lambda get: None)] == [URL]


@given(damaged(GOOD.data))
def test_any_bytes_are_read_to_an_end(data: bytes) -> None:
    check_any_bytes(FEED, URL, data)


def test_the_real_samples_are_read_whole() -> None:
    names = ("update/rocky/osv/all.zip", "RLSA-2021_3891.json", "RLSA-2023_3220.json", "RLSA-2024_3671.json")
    documents = []
    with tarfile.open(advisory_files() / "samples" / "rocky.tar.gz") as tar:
        for member in tar:
            stream = tar.extractfile(member)
            if stream is not None and member.name.endswith(names):
                documents.append(Bytes(f"https://samples.example/{member.name}", io.BytesIO(stream.read()).getvalue()))
    found = advisories(FEED, *documents)
    assert sorted(found) == ["RLSA-2021:3891", "RLSA-2023:0005", "RLSA-2023:3220", "RLSA-2024:3671", "RXSA-2023:0101"]
    assert {each.module for each in found["RLSA-2024:3671"].affected} == {"ruby:3.3"}
    assert {each.module for each in found["RLSA-2021:3891"].affected} == {""}
