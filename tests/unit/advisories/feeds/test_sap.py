"""SAP's project KB: which versions hold the vulnerable code, and which do not."""

from __future__ import annotations

from hypothesis import given

from hullmark.advisories.feeds.sap import FEED
from hullmark.model.advisory import Advisory
from tests.unit.advisories.feeds.counts import check_any_bytes, check_damaged_document, manifest_count, real
from tests.unit.advisories.feeds.reading import advisories, damaged, read, tar_document

PATH = ("github.com", "SAP", "project-kb", "archive", "refs", "heads", "vulnerability-data.tar.gz")
URL = "https://" + "/".join(PATH)
PLACE = "project-kb-vulnerability-data/statements/CVE-2006-1546/statement.yaml"
TEXT = """
vulnerability_id: CVE-2006-1546
notes:
- text: Struts before 1.2.9 allows
    more than it should.
artifacts:
- {id: pkg:maven/struts/struts@1.2.9, reason: Reviewed manually, affected: false}
- {id: pkg:maven/struts/struts@1.2.7, reason: Reviewed manually, affected: true}
- {id: pkg:maven/struts/struts@1.1, reason: Reviewed manually, affected: true}
- {id: pkg:maven/struts/struts@1.1, reason: Reviewed manually, affected: false}
- {id: pkg:pypi/Some_Thing@1.0%2Blocal, reason: Reviewed manually, affected: true}
"""
GOOD = tar_document(URL, {PLACE: TEXT})


def test_safe_versions_veto_and_of_two_words_on_one_version_the_worse_counts() -> None:
    found = advisories(FEED, GOOD)["CVE-2006-1546"]
    assert [(each.namespace, each.name, each.kind, each.versions) for each in found.affected] == [
        ("pypi", "some-thing", "affected", ("1.0+local",)),
        ("maven", "struts:struts", "affected", ("1.1", "1.2.7")),
        ("maven", "struts:struts", "unaffected", ("1.2.9",)),
    ]
    assert found.summary == "Struts before 1.2.9 allows more than it should."


def test_what_cannot_be_read_is_reported_and_the_rest_kept() -> None:
    bad = {"x/a/statement.yaml": "a: [", "x/b/statement.yaml": "vulnerability_id: 7", "x/c/statement.yaml": "[]"}
    bad["x/d/statement.yaml"] = "a: &x 1\nb: *x"
    nameless = TEXT + "- {id: pkg:maven/struts, affected: true}\n- {id: pkg:cobol/x@1, affected: true}\n"
    records, problems = read(FEED, tar_document(URL, {**bad, PLACE: nameless}))
    assert records == list(advisories(FEED, GOOD).values())
    assert [place for place, _ in problems] == [*bad, PLACE, PLACE]
    assert problems[3][1] == "it has aliases"
    check_damaged_document(FEED, GOOD)


def test_of_a_statement_told_twice_the_newer_counts_and_one_of_no_vulnerability_is_reported() -> None:
    nameless = TEXT.replace("CVE-2006-1546", "''")
    newer = tar_document(URL, {PLACE: TEXT.replace("more than", "less than"), "x/b/statement.yaml": nameless})
    records, problems = read(FEED, GOOD, newer)
    assert [record.summary for record in records if isinstance(record, Advisory)] == [
        "Struts before 1.2.9 allows less than it should."
    ]
    assert problems == [("x/b/statement.yaml", "it names no vulnerability")]


@given(damaged(GOOD.data))
def test_any_bytes_are_read_to_an_end(data: bytes) -> None:
    check_any_bytes(FEED, URL, data)


@given(damaged(TEXT.encode()))
def test_any_yaml_is_read_to_an_end(data: bytes) -> None:
    check_any_bytes(FEED, URL, tar_document(URL, {PLACE: data}).data)


def test_every_statement_of_the_real_file_is_an_advisory() -> None:
    found = real(FEED, *PATH)
    assert len(found) == manifest_count(*PATH)
    assert sum(1 for each in found.values() if not each.affected) == 680  # they name commits only
    versions = [version for one in found.values() for each in one.affected for version in each.versions]
    assert len(versions) == 20_287 - 12  # of 20,287 versions 12 are said to be both
