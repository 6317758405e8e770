"""GitHub's API: pages of its queries and of REST, and the crawl that follows them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from hullmark.advisories.feeds import github_api
from hullmark.advisories.feeds.feed import CrawlState, DamagedDocument, Document, Get, RecordFault
from hullmark.advisories.feeds.github_api import FEED
from hullmark.model.advisory import Advisory, Range
from tests.support.advisories import Bytes
from tests.unit.advisories.feeds.counts import check_any_bytes, check_damaged_document, manifest_count, real
from tests.unit.advisories.feeds.reading import advisories, crawled, damaged, json_document, read, rows, tar_document

URL = "https://api.github.com/graphql"
VECTOR = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"
NODE: dict[str, Any] = {
    "ghsaId": "GHSA-qwcr-r2fm-qrc7",
    "summary": "body-parser vulnerable",
    "severity": "HIGH",
    "publishedAt": "2024-09-10T15:52:39Z",
    "updatedAt": "2024-09-10T19:01:11Z",
    "withdrawnAt": None,
    "identifiers": [{"type": "GHSA", "value": "GHSA-qwcr-r2fm-qrc7"}, {"type": "CVE", "value": "CVE-2024-45590"}],
    "references": [{"url": "https://x.example"}],
    "cvssSeverities": {"cvssV3": {"vectorString": VECTOR}, "cvssV4": {"vectorString": None}},
    "cwes": {"nodes": [{"cweId": "CWE-405"}]},
    "vulnerabilities": {
        "nodes": [
            {
                "package": {"ecosystem": "PIP", "name": "Body_Parser"},
                "vulnerableVersionRange": ">= 1.0, <= 1.20",
                "firstPatchedVersion": {"identifier": "1.20.3"},
            },
            {
                "package": {"ecosystem": "NPM", "name": "body-parser"},
                "vulnerableVersionRange": "= 1.5",
                "firstPatchedVersion": None,
            },
        ]
    },
}


def page(*nodes: dict[str, Any], after: str = "") -> dict[str, Any]:
    info = {"hasNextPage": bool(after), "endCursor": after or None}
    return {"data": {"securityAdvisories": {"pageInfo": info, "nodes": list(nodes)}}}


def parts(*packages: str) -> dict[str, Any]:
    told = {"identifiers": NODE["identifiers"], "severity": "MODERATE", "references": []}
    nodes = [{"advisory": told, "package": {"name": name}, "vulnerableVersionRange": "> 1, < 2.0"} for name in packages]
    return {"data": {"securityVulnerabilities": {"edges": [{"node": node} for node in nodes]}}}


GOOD = json_document(URL, page(NODE))


def test_an_advisory_tells_all_its_packages() -> None:
    found = advisories(FEED, GOOD)["GHSA-qwcr-r2fm-qrc7"]
    assert [(each.namespace, each.name, each.ranges, each.fix_state) for each in found.affected] == [
        ("pypi", "body-parser", (Range(low="1.0", high="1.20", high_open=False, fixed="1.20.3"),), "fixed"),
        ("npm", "body-parser", (Range(low="1.5", high="1.5", high_open=False),), "unknown"),
    ]
    assert (found.aliases, found.severity, found.cwes) == (("CVE-2024-45590",), "high", ("CWE-405",))
    assert (found.cvss[0].score, found.modified, found.withdrawn) == (7.5, "2024-09-10T19:01:11Z", "")


def test_rest_says_the_same() -> None:
    vulnerabilities = [
        {
            "package": {"ecosystem": node["package"]["ecosystem"].lower(), "name": node["package"]["name"]},
            "vulnerable_version_range": node["vulnerableVersionRange"],
            "first_patched_version": (node["firstPatchedVersion"] or {}).get("identifier"),
        }
        for node in NODE["vulnerabilities"]["nodes"]
    ]
    told = {
        "ghsa_id": NODE["ghsaId"],
        "summary": NODE["summary"],
        "severity": "high",
        "published_at": NODE["publishedAt"],
        "updated_at": NODE["updatedAt"],
        "identifiers": NODE["identifiers"],
        "references": ["https://x.example"],
        "cvss_severities": {"cvss_v3": {"vector_string": VECTOR, "score": 7.5}},
        "cwes": [{"cwe_id": "CWE-405", "name": "x"}],
        "vulnerabilities": vulnerabilities,
    }
    assert advisories(FEED, json_document("https://api.github.com/advisories", [told])) == advisories(FEED, GOOD)


def test_vulnerabilities_of_one_advisory_are_joined_and_their_page_names_the_ecosystem() -> None:
    pages = tar_document(
        "https://x.example/pages.tar.gz", {"npm.json": json.dumps(parts("a", "b")), "gem.json": json.dumps(parts("c"))}
    )
    found = advisories(FEED, pages)["GHSA-qwcr-r2fm-qrc7"]
    assert rows(found) == [
        ("npm", "a", "affected", "fixed", ("2.0",)),
        ("npm", "b", "affected", "fixed", ("2.0",)),
        ("gem", "c", "affected", "fixed", ("2.0",)),
    ]
    assert (found.severity, found.affected[0].ranges[0].low_open) == ("medium", True)


def test_of_an_advisory_told_twice_the_later_page_counts() -> None:
    later = json_document(URL, page({**NODE, "severity": "LOW", "vulnerabilities": None}))
    assert [advisory.severity for advisory in advisories(FEED, GOOD, later).values()] == ["low"]


def test_what_cannot_be_used_is_reported_and_the_rest_kept() -> None:
    vulnerabilities = [
        {"package": {"ecosystem": "COBOL", "name": "x"}},
        {"package": {"ecosystem": "NPM", "name": "y"}, "vulnerableVersionRange": "~> nonsense ="},
        {"package": {"ecosystem": "NPM", "name": "z"}, "vulnerableVersionRange": None, "firstPatchedVersion": None},
    ]
    pages = json_document(
        URL, page({**NODE, "vulnerabilities": {"nodes": vulnerabilities}}, {"ghsaId": 7}, {"summary": "x"})
    )
    records, problems = read(FEED, pages)
    assert len(problems) == 4
    assert [rows(record) for record in records if isinstance(record, Advisory)] == [
        [("npm", "z", "affected", "not-fixed", ("",))]
    ]
    check_damaged_document(FEED, GOOD)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b'{"message": "API rate limit exceeded"}', "it is not an answer to what was asked"),
        (b'{"data": null, "errors": [{"type": "RATE_LIMITED"}]}', "it is not an answer to what was asked"),
        (b'{"data": []}', "it cannot be read: Expected `object | null`, got `array` - at `$.data`"),
    ],
)
def test_an_answer_that_tells_nothing_fails_the_feed(answer: bytes, why: str) -> None:
    assert read(FEED, GOOD, Bytes(URL, answer)) == ([], [(URL, why)])


def test_of_a_page_the_items_that_cannot_be_read_are_reported() -> None:
    rest = json_document("https://api.github.com/advisories", [{"ghsa_id": 7}, {"ghsa_id": "GHSA-1"}])
    records, problems = read(FEED, rest)
    assert [record.id for record in records if isinstance(record, Advisory)] == ["GHSA-1"]
    assert [place for place, _ in problems] == ["https://api.github.com/advisories item 0"]
    told = parts("a")
    told["data"]["securityVulnerabilities"]["edges"] += [
        {"node": {"package": {"name": 7}}},
        {"node": {"package": {"name": "b"}}},
    ]
    records, problems = read(FEED, json_document("https://x.example/npm.json", told))
    assert [row[1] for record in records if isinstance(record, Advisory) for row in rows(record)] == ["a"]
    assert [why.partition(":")[0] for _, why in problems] == [
        "it cannot be read",
        "a vulnerability of b has no advisory",
    ]
    assert all(isinstance(why, RecordFault) for _, why in problems)


def test_a_crawl_follows_the_pages_and_asks_for_what_is_new() -> None:
    pages = iter([page(NODE, after="A"), page(NODE, after="B"), page(NODE)])

    def answer(get: Get) -> Document:
        return json_document(get.url, next(pages))

    wanted = crawled(FEED, answer, CrawlState(now="2026-11-24T00:00:00Z", since="2026-11-20T00:00:00Z"))
    variables = [json.loads(get.json)["variables"] for get in wanted]
    assert [variable["after"] for variable in variables] == [None, "A", "B"]
    assert {variable["since"] for variable in variables} == {"2026-11-20T00:00:00Z"}
    assert all(get.is_addition and get.url == URL for get in wanted)
    assert not crawled(FEED, lambda get: Bytes(get.url, b"nonsense"))[0].is_addition
    assert FEED.needs == "GITHUB_TOKEN"


@given(damaged(GOOD.data))
def test_any_bytes_are_read_to_an_end(data: bytes) -> None:
    check_any_bytes(FEED, URL, data)


def test_every_vulnerability_of_the_real_pages_is_read() -> None:
    found = real(FEED, "api.github.com", "graphql-pages.tar.gz")
    # The manifest counts vulnerabilities: one for each package and range of an advisory.
    assert sum(len(each.affected) for each in found.values()) == manifest_count(
        "api.github.com", "graphql-pages.tar.gz"
    )
    assert {each.namespace for one in found.values() for each in one.affected} == {
        *("cargo", "composer", "gem", "golang", "maven", "npm", "nuget", "pypi")
    }


def test_more_pages_than_are_read_fail_the_crawl_and_make_no_shorter_list(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(count: int) -> int:
        pages = iter([*(page(NODE, after=str(number)) for number in range(count - 1)), page(NODE)])
        return len(crawled(FEED, lambda get: json_document(get.url, next(pages))))

    monkeypatch.setattr(github_api, "_MAX_PAGES", 3)
    assert asked(3) == 3
    with pytest.raises(DamagedDocument, match="more than 3 pages"):
        asked(4)
