"""OSV's exports: archives, single records, answers of the API; what a crawl asks for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from hullmark.advisories.feeds.feed import CrawlState, Document, Get
from hullmark.advisories.feeds.osv import ECOSYSTEMS, FEED
from tests.support.advisories import Bytes
from tests.unit.advisories.feeds.counts import check_any_bytes, check_damaged_document, manifest_count, real
from tests.unit.advisories.feeds.reading import advisories, crawled, damaged, json_document, read, rows, zip_document

EXPORTS = "https://osv-vulnerabilities.storage.googleapis.com"
LATER = CrawlState(now="2026-11-24T00:00:00Z", since="2026-11-20T00:00:00Z")


def record(name: str, fixed: str = "1.0", ecosystem: str = "npm") -> dict[str, Any]:
    events = [{"introduced": "0"}, {"fixed": fixed}]
    package = {"ecosystem": ecosystem, "name": "left-pad"}
    return {"id": name, "affected": [{"package": package, "ranges": [{"type": "SEMVER", "events": events}]}]}


def archive(*records: dict[str, Any], ecosystem: str = "npm") -> Bytes:
    files = {f"{each['id']}.json": json.dumps(each) for each in records}
    return zip_document(f"{EXPORTS}/{ecosystem}/all.zip", files)


@pytest.mark.parametrize(
    "document",
    [
        archive(record("GHSA-1")),
        json_document("https://api.osv.dev/v1/vulns/GHSA-1", record("GHSA-1")),
        json_document("https://api.osv.dev/v1/query", {"vulns": [record("GHSA-1")]}),
        json_document("https://osv.example/all.json", [record("GHSA-1")]),
    ],
)
def test_archives_records_and_answers_are_read(document: Bytes) -> None:
    assert rows(advisories(FEED, document)["GHSA-1"]) == [("npm", "left-pad", "affected", "fixed", ("1.0",))]


def test_an_answer_that_is_not_one_is_reported() -> None:
    records, [(place, why)] = read(FEED, json_document("https://api.osv.dev/v1/query", {"vulns": 7}))
    assert (records, place) == ([], "https://api.osv.dev/v1/query")
    assert why == "it cannot be read: Expected `array | null`, got `int` - at `$.vulns`"


def test_of_an_id_the_last_document_counts() -> None:
    changed = json_document(f"{EXPORTS}/npm/GHSA-1.json", record("GHSA-1", "2.0"))
    found = advisories(FEED, archive(record("GHSA-1"), record("GHSA-2")), changed)
    assert found["GHSA-1"].affected[0].ranges[0].fixed == "2.0"
    assert found["GHSA-2"].affected[0].ranges[0].fixed == "1.0"


def test_records_of_databases_with_a_feed_of_their_own_are_left_to_it() -> None:
    names = ("GHSA-1", "MAL-1", "PYSEC-1", "RUSTSEC-1", "GO-1", "HSEC-1")
    assert list(advisories(FEED, archive(*map(record, names)))) == ["GHSA-1", "MAL-1"]


def test_a_record_that_cannot_be_read_costs_only_itself() -> None:
    document = zip_document(f"{EXPORTS}/npm/all.zip", {"a.json": "{", "b.json": json.dumps(record("GHSA-1"))})
    records, problems = read(FEED, document)
    assert len(records) == 1
    assert [place for place, _ in problems] == ["a.json"]
    check_damaged_document(FEED, document)


def test_the_first_crawl_asks_for_every_archive() -> None:
    wanted = crawled(FEED, lambda get: None)
    assert wanted == [Get(url=f"{EXPORTS}/{each}/all.zip", is_optional=True) for each in (*ECOSYSTEMS, "GHSA-other")]


def test_a_later_crawl_asks_for_the_records_that_changed() -> None:
    def answer(get: Get) -> Document:
        changes = b"2026-11-21T10:00:00.5Z,GHSA-9\n2026-11-20T00:00:00Z,PYSEC-1\n2026-11-19T23:59:59Z,GHSA-8\n"
        return Bytes(get.url, changes if "/npm/" in get.url else b"")

    wanted = crawled(FEED, answer, LATER)
    assert wanted[-1] == Get(url=f"{EXPORTS}/npm/GHSA-9.json", is_optional=True, is_addition=True)
    assert [get.url.rpartition("/")[2] for get in wanted[:-1]] == ["modified_id.csv"] * len(ECOSYSTEMS)
    assert all(get.is_addition for get in wanted)


@pytest.mark.parametrize("changes", [None, b"2026-11-21T10:00:00Z,GHSA-9\n" * 501])
def test_a_later_crawl_asks_for_all_where_changes_are_many_or_not_told(changes: bytes | None) -> None:
    wanted = crawled(FEED, lambda get: None if changes is None else Bytes(get.url, changes), LATER)
    assert [get for get in wanted if get.url.endswith("all.zip")] == crawled(FEED, lambda get: None)


def test_lists_of_changes_hold_no_records() -> None:
    assert read(FEED, Bytes(f"{EXPORTS}/npm/modified_id.csv", b"2026-11-21T10:00:00Z,GHSA-9\n")) == ([], [])


@given(damaged(archive(record("GHSA-1")).data) | damaged(json.dumps(record("GHSA-1")).encode()))
def test_any_bytes_are_read_to_an_end(data: bytes) -> None:
    check_any_bytes(FEED, f"{EXPORTS}/npm/all.zip", data)


def test_every_record_of_maven_is_an_advisory() -> None:
    host = "osv-vulnerabilities.storage.googleapis.com"
    found = real(FEED, host, "Maven", "all.zip")
    assert len(found) == manifest_count(host, "Maven", "all.zip")
    assert all(each.affected and each.severity != "unknown" for each in found.values())
    # Where there are versions beside ranges they are all there is: repackaged libraries, of which one version is listed.
    exact = [each for one in found.values() for each in one.affected if each.versions]
    assert len(exact) == 11
    assert not any(each.ranges for each in exact)


def test_every_record_of_other_ecosystems_is_an_advisory() -> None:
    host = "osv-vulnerabilities.storage.googleapis.com"
    found = real(FEED, host, "GHSA-other", "all.zip")
    assert len(found) == manifest_count(host, "GHSA-other", "all.zip")
    namespaces = {each.namespace for one in found.values() for each in one.affected}
    assert namespaces >= {"cargo", "golang", "pypi", "nuget", "composer", "gem", "npm", "hex", "swift", "pub"}


def test_the_exports_of_databases_with_a_feed_of_their_own_hold_nothing_else() -> None:
    host = "osv-vulnerabilities.storage.googleapis.com"
    assert real(FEED, host, "crates.io", "all.zip") == {}
