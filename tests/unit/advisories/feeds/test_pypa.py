"""PyPA's advisories: OSV's export and PyPA's own YAML; ranges against lists of versions."""

from __future__ import annotations

import json

from hypothesis import given

from hullmark.advisories.feeds.pypa import FEED
from hullmark.model.advisory import Range
from hullmark.versions.ranges import contains
from tests.support.places import shared
from tests.unit.advisories.feeds.counts import check_any_bytes, check_damaged_document, manifest_count, real
from tests.unit.advisories.feeds.reading import advisories, damaged, read, rows, tar_document, zip_document

EXPORT = ("osv-vulnerabilities.storage.googleapis.com", "PyPI", "all.zip")
URL = "https://" + "/".join(EXPORT)
RECORD = {
    "id": "PYSEC-2023-192",
    "details": "urllib3 is a library.",
    "aliases": ["CVE-2023-43804"],
    "published": "2023-10-04T17:15:00Z",
    "affected": [
        {
            "package": {"name": "urllib3", "ecosystem": "PyPI"},
            "ranges": [
                {"type": "GIT", "repo": "https://x.example", "events": [{"introduced": "0"}, {"fixed": "01220354"}]},
                {
                    "type": "ECOSYSTEM",
                    "events": [{"introduced": "2.0.0"}, {"fixed": "2.0.6"}, {"introduced": "0"}, {"fixed": "1.26.17"}],
                },
            ],
            "versions": ["1.26.16", "2.0.5"],
        }
    ],
}
YAML = """
id: PYSEC-2023-192
details: urllib3 is a library.
published: 2023-10-04T17:15:00Z
aliases: [CVE-2023-43804]
affected:
- package: {name: urllib3, ecosystem: PyPI}
  ranges:
  - type: ECOSYSTEM
    events:
    - introduced: "2.0.0"
    - fixed: 2.0.6
    - introduced: "0"
    - fixed: 1.26.17
  versions: [1.26.16]
"""
GOOD = zip_document(URL, {"PYSEC-2023-192.json": json.dumps(RECORD), "GHSA-1.json": '{"id": "GHSA-1"}'})
EXPECTED = (Range(high="1.26.17", fixed="1.26.17"), Range(low="2.0.0", high="2.0.6", fixed="2.0.6"))


def test_events_out_of_order_are_two_ranges_and_other_databases_are_left_out() -> None:
    found = advisories(FEED, GOOD)
    assert list(found) == ["PYSEC-2023-192"]
    assert found["PYSEC-2023-192"].affected[0].ranges == EXPECTED
    assert found["PYSEC-2023-192"].affected[0].versions == ()
    assert found["PYSEC-2023-192"].aliases == ("CVE-2023-43804",)


def test_pypa_s_own_files_say_the_same_as_the_export() -> None:
    files = {"advisory-database-main/vulns/urllib3/PYSEC-2023-192.yaml": YAML, "x/.github/dependabot.yaml": "a: 1"}
    own = advisories(FEED, tar_document("https://github.com/pypa/advisory-database", files))
    assert own == advisories(FEED, GOOD)


def test_files_that_cannot_be_read_cost_only_themselves() -> None:
    files = {"x/PYSEC-1.yaml": "a: [", "x/PYSEC-2.yaml": "7", "x/PYSEC-3.yaml": YAML}
    records, problems = read(FEED, tar_document(URL, files))
    assert len(records) == 1
    assert [place for place, _ in problems] == ["x/PYSEC-1.yaml", "x/PYSEC-2.yaml"]
    check_damaged_document(FEED, GOOD)


@given(damaged(GOOD.data))
def test_any_bytes_are_read_to_an_end(data: bytes) -> None:
    check_any_bytes(FEED, URL, data)


@given(damaged(YAML.encode()))
def test_any_yaml_is_read_to_an_end(data: bytes) -> None:
    check_any_bytes(FEED, URL, tar_document(URL, {"x/PYSEC-1.yaml": data}).data)


def test_every_record_of_the_real_file_is_an_advisory_whose_ranges_hold_its_versions() -> None:
    found = real(FEED, *EXPORT)
    assert len(found) == manifest_count(*EXPORT)
    assert sum(1 for each in found.values() if each.withdrawn) == 10
    listed = {name: len(each.versions) for name, one in found.items() for each in one.affected if each.versions}
    # Of 140,846 listed versions 9 lie outside the ranges: these three records are wrong. One more has no range.
    wrong = {name: count for name, count in listed.items() if found[name].affected[0].ranges}
    assert wrong == {"PYSEC-2023-61": 6, "PYSEC-2023-177": 2, "PYSEC-2021-114": 1}
    assert len(listed) == 4
    for line in shared("conformance", "matching", "pypi_ranges.jsonl").read_text().splitlines():
        fact = json.loads(line)
        ranges = [span for each in found[fact["id"]].affected for span in each.ranges]
        for version in fact["affected"][:20]:
            assert any(contains(span, version, "pep440") for span in ranges), fact["id"]
        for version in fact["unaffected"][:20]:
            assert not any(contains(span, version, "pep440") for span in ranges), fact["id"]
    assert rows(found["PYSEC-2023-192"]) == [("pypi", "urllib3", "affected", "fixed", ("1.26.17", "2.0.6"))]


def test_a_tar_archive_without_records_holds_none() -> None:
    assert read(FEED, tar_document(URL, {"README.md": "text"})) == ([], [])
