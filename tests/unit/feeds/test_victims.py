"""Victims' database: versions within series."""

from __future__ import annotations

import pytest
from hypothesis import given

from hullmark.feeds.victims import FEED
from hullmark.model.advisory import Range
from tests.unit.feeds.counts import check_any_bytes, check_damaged_document, manifest_count, real
from tests.unit.feeds.reading import advisories, damaged, read, tar_document

PATH = ("github.com", "victims", "victims-cve-db", "archive", "refs", "heads", "master.tar.gz")
URL = "https://" + "/".join(PATH)
PLACE = "victims-cve-db-master/database/java/2008/6504.yaml"
JAVA = """---
cve: 2008-6504
title: "Struts2: bypass"
cvss_v2: 5.0
references: ["http://x.example"]
affected:
    - groupId: "org.apache.struts"
      artifactId: "struts2-core"
      version: ["<=2.0.11.2,2.0", "<=2.1.2,2.1"]
      fixedin: [">=2.0.12,2.0", ">=2.1.3,2.1"]
package_urls: []
"""
PYTHON = """---
cve: 2008-6504
title: x
affected:
    - name: Some_Thing
      version: ["==1.0"]
"""
GOOD = tar_document(URL, {PLACE: JAVA, "victims-cve-db-master/database/python/2008/6504.yaml": PYTHON})


def ranges(versions: str, fixes: str = "[]") -> tuple[Range, ...]:
    text = f"cve: 2020-1\naffected: [{{groupId: a, artifactId: b, version: {versions}, fixedin: {fixes}}}]"
    return advisories(FEED, tar_document(URL, {PLACE: text}))["CVE-2020-1"].affected[0].ranges


def test_files_of_one_cve_are_one_advisory() -> None:
    found = advisories(FEED, GOOD)["CVE-2008-6504"]
    java, python = found.affected
    assert (java.namespace, java.name, java.scheme) == ("maven", "org.apache.struts:struts2-core", "maven")
    assert java.ranges == (
        Range(low="2.0", high="2.0.11.2", high_open=False, fixed="2.0.12"),
        Range(low="2.1", high="2.1.2", high_open=False, fixed="2.1.3"),
    )
    assert (python.namespace, python.name, python.scheme) == ("pypi", "some-thing", "pep440")
    assert (found.severity, found.cvss[0].score, found.summary) == ("medium", 5.0, "Struts2: bypass")


@pytest.mark.parametrize(
    ("versions", "fixes", "expected"),
    [
        ('["<=1.4"]', '[">=1.5"]', (Range(high="1.4", high_open=False, fixed="1.5"),)),
        ('["==1.4"]', "[]", (Range(low="1.4", high="1.4", high_open=False),)),
        ('[">=0.5,0"]', "[]", (Range(low="0.5", high="1"),)),
        ('[">=2.1,2.x"]', "[]", (Range(low="2.1"),)),
        ('["<=2.7.1,2", ">=2.1,2"]', '[">=2.7.2"]', (Range(low="2", high="2.7.2", fixed="2.7.2"),)),
        ('["<2.8.11.1,2.8"]', '["==2.8.11.1"]', (Range(low="2.8", high="2.8.11.1", fixed="2.8.11.1"),)),
    ],
)
def test_a_series_is_where_a_range_begins_or_ends(versions: str, fixes: str, expected: tuple[Range, ...]) -> None:
    assert ranges(versions, fixes) == expected


def test_files_that_cannot_be_read_cost_only_themselves() -> None:
    bad = {
        "x/database/java/1.yaml": "a: [",
        "x/database/java/2.yaml": "cve: x\naffected: [{}]",
        "x/database/java/3.yaml": 'cve: x\naffected: [{name: a, version: ["1 or so"]}]',
    }
    records, problems = read(FEED, tar_document(URL, {**bad, PLACE: JAVA, "x/.travis.yaml": "a: 1"}))
    assert len(records) == 1
    assert [place for place, _ in problems] == list(bad)
    check_damaged_document(FEED, GOOD)


@given(damaged(GOOD.data))
def test_any_bytes_are_read_to_an_end(data: bytes) -> None:
    check_any_bytes(FEED, URL, data)


@given(damaged(JAVA.encode()))
def test_any_yaml_is_read_to_an_end(data: bytes) -> None:
    check_any_bytes(FEED, URL, tar_document(URL, {PLACE: data}).data)


def test_every_file_of_the_real_archive_is_an_advisory() -> None:
    found = real(FEED, *PATH)
    assert len(found) == manifest_count(*PATH)
    assert {each.namespace for one in found.values() for each in one.affected} == {"maven", "pypi"}
