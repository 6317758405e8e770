"""The redhat-advisories feed: CSAF documents of Red Hat's security advisories."""

from __future__ import annotations

from hypothesis import given, settings

from hullmark.advisories.feeds.feed import CrawlState
from hullmark.advisories.feeds.redhat_advisories import FEED
from hullmark.model.advisory import Advisory
from tests.support.advisories import Bytes, sample
from tests.unit.advisories.feeds.reading import advisories, crawled, damaged, read, rows

PLACE = "https://security.access.redhat.com/data/csaf/v2/advisories/"
CHANGES = b'"2024/rhsa-2024_2.json","2024-08-12T10:00:00+00:00"\n"2024/rhsa-2024_1.json","2024-08-01T10:00:00+00:00"\n'


def test_a_document_is_one_advisory_with_the_fixes_of_all_its_vulnerabilities() -> None:
    (found,) = advisories(FEED, sample("redhat", "advisories/rhsa-2023_3821.json")).values()
    assert found.id == "RHSA-2023:3821"
    assert len(found.aliases) > 1
    assert all(alias.startswith("CVE-") for alias in found.aliases)
    assert found.severity in ("medium", "high")
    assert {row[3] for row in rows(found)} == {"fixed"}
    assert {row[0] for row in rows(found)} <= {"rhel:8", "rhel:8.8+eus"}
    assert len(found.affected) == len({*found.affected})


def test_the_sample_archive_is_read() -> None:
    records, problems = read(FEED, sample("redhat", "csaf/csaf_advisories_2024-08-11.tar.zst"))
    assert records
    assert problems == []


def test_the_crawl_is_that_of_the_other_documents_at_another_place() -> None:
    def answer(url: str) -> Bytes:
        return Bytes(url, b"csaf_advisories_2024-08-11.tar.zst" if url.endswith(".txt") else CHANGES)

    def asked(known: CrawlState) -> list[str]:
        return [get.url.removeprefix(PLACE) for get in crawled(FEED, lambda get: answer(get.url), known)]

    lists = ["deletions.csv", "changes.csv"]
    first = ["archive_latest.txt", "csaf_advisories_2024-08-11.tar.zst", *lists, "2024/rhsa-2024_2.json"]
    assert asked(CrawlState(now="2024-08-13T00:00:00Z")) == first
    later = asked(CrawlState(now="2024-08-13T00:00:00Z", since="2024-08-11T00:00:00Z"))
    assert later == ["changes.csv", "deletions.csv", "2024/rhsa-2024_2.json"]


def test_a_document_without_an_id_is_reported() -> None:
    records, problems = read(FEED, Bytes(PLACE + "a.json", b'{"document": {}, "vulnerabilities": []}'))
    assert (records, len(problems)) == ([], 1)


def test_a_document_that_cannot_be_read_costs_only_itself() -> None:
    broken = Bytes(PLACE + "a.json", b'{"document": {"tracking": {"id": 7}}}')
    records, [(place, why)] = read(FEED, broken, sample("redhat", "advisories/rhsa-2023_3821.json"))
    assert [record.id for record in records if isinstance(record, Advisory)] == ["RHSA-2023:3821"]
    assert place == PLACE + "a.json"
    assert why.startswith("it is not a CSAF document: Expected `str`, got `int`")


@settings(max_examples=50)
@given(
    damaged(
        b'{"document":{"tracking":{"id":"RHSA-1"}},"vulnerabilities":[{"cve":"CVE-2024-1","product_status":{"fixed":["a:b"]}}]}'
    )
)
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    read(FEED, Bytes(PLACE + "a.json", data))
