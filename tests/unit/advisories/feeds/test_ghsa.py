"""GitHub's advisory database: the repository's layout, reviewed records only."""

from __future__ import annotations

import json

from hypothesis import given

from hullmark.advisories.feeds.ghsa import FEED
from tests.unit.advisories.feeds.counts import check_any_bytes, check_damaged_document, manifest_count, real
from tests.unit.advisories.feeds.reading import advisories, damaged, read, rows, tar_document

URL = "https://github.com/github/advisory-database/archive/refs/heads/main.tar.gz"
RECORD = {
    "id": "GHSA-jf85-cpcp-j695",
    "aliases": ["CVE-2019-10744"],
    "affected": [
        {
            "package": {"ecosystem": "npm", "name": "lodash"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "4.17.12"}]}],
        }
    ],
    "database_specific": {"severity": "CRITICAL"},
}
REVIEWED = "advisory-database-main/advisories/github-reviewed/2019/07/GHSA-jf85-cpcp-j695/GHSA-jf85-cpcp-j695.json"
GOOD = tar_document(
    URL,
    {
        REVIEWED: json.dumps(RECORD),
        "advisory-database-main/advisories/unreviewed/2022/05/GHSA-2/GHSA-2.json": json.dumps({"id": "GHSA-2"}),
        "advisory-database-main/README.md": "text",
    },
)


def test_reviewed_records_are_advisories_and_others_are_not() -> None:
    found = advisories(FEED, GOOD)
    assert list(found) == ["GHSA-jf85-cpcp-j695"]
    assert rows(found["GHSA-jf85-cpcp-j695"]) == [("npm", "lodash", "affected", "fixed", ("4.17.12",))]
    assert found["GHSA-jf85-cpcp-j695"].severity == "critical"


def test_a_record_that_cannot_be_read_costs_only_itself() -> None:
    broken = REVIEWED.replace("jf85", "aaaa")
    records, problems = read(FEED, tar_document(URL, {broken: "[]", REVIEWED: json.dumps(RECORD)}))
    assert len(records) == 1
    assert [place for place, _ in problems] == [broken]
    check_damaged_document(FEED, GOOD)


@given(damaged(GOOD.data))
def test_any_bytes_are_read_to_an_end(data: bytes) -> None:
    check_any_bytes(FEED, URL, data)


def test_every_record_of_the_real_file_is_an_advisory() -> None:
    path = ("github.com", "github", "advisory-database", "archive", "refs", "heads", "main.tar.gz")
    found = real(FEED, *path)
    assert len(found) == manifest_count(*path)
    assert {each.namespace for one in found.values() for each in one.affected} == {"npm", "maven", "githubactions"}
