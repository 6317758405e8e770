"""Retire.js: libraries and packages, ids that it has and has not."""

from __future__ import annotations

import json

from hypothesis import given

from hullmark.advisories.feeds.retirejs import FEED
from hullmark.model.advisory import Range
from tests.support.advisories import document
from tests.unit.advisories.feeds.counts import check_any_bytes, check_damaged_document, manifest_count, real
from tests.unit.advisories.feeds.reading import advisories, crawled, damaged, json_document, read, rows

FOLDER = ("raw.githubusercontent.com", "RetireJS", "retire.js", "master", "repository")
URL = "https://" + "/".join((*FOLDER, "jsrepository-v5.json"))
XSS = {"CVE": ["CVE-2012-6708"], "githubID": "GHSA-2pqj-h3vj-pqgw", "summary": "Selector interpreted as HTML"}
LIBRARIES = {
    "retire-example": {"vulnerabilities": [{"below": "0.0.2", "identifiers": {"CVE": ["CVE-XXXX-XXXX"]}}]},
    "jquery": {
        "npmname": "jquery",
        "vulnerabilities": [
            {
                "below": "1.9.0b1",
                "severity": "medium",
                "cwe": ["CWE-79"],
                "identifiers": XSS,
                "info": ["http://x.example"],
            },
            {"atOrAbove": "1.12.3", "below": "3.0.0-beta1", "excludes": ["1.12.4-aem"], "identifiers": XSS},
            {"below": "2.999.999", "severity": "low", "identifiers": {"summary": "End-of-Life"}},
        ],
    },
    "mustache.js": {
        "basePurl": "pkg:npm/mustache",
        "vulnerabilities": [{"below": "0.3.1", "identifiers": {"CVE": ["CVE-2015-8862"]}}],
    },
    "prettyPhoto": {
        "basePurl": "pkg:github/x/y",
        "vulnerabilities": [{"below": "99.999.99999", "identifiers": {"CVE": ["CVE-2013-6837"]}}],
    },
    "bootstrap": {
        "vulnerabilities": [{"below": "3.4.0", "identifiers": {"CVE": ["CVE-2018-14040", "CVE-2018-14041"]}}]
    },
}
GOOD = json_document(URL, LIBRARIES)


def test_entries_that_share_an_id_are_one_advisory() -> None:
    found = advisories(FEED, GOOD)["GHSA-2pqj-h3vj-pqgw"]
    affected, safe = found.affected
    assert (affected.namespace, affected.name, affected.scheme) == ("npm", "jquery", "npm")
    assert affected.ranges == (
        Range(high="1.9.0b1", fixed="1.9.0b1"),
        Range(low="1.12.3", high="3.0.0-beta1", fixed="3.0.0-beta1"),
    )
    assert (safe.kind, safe.versions, safe.ranges) == ("unaffected", ("1.12.4-aem",), ())
    assert (found.aliases, found.severity, found.cwes) == (("CVE-2012-6708",), "medium", ("CWE-79",))


def test_names_are_those_of_npm_unless_a_library_says_otherwise() -> None:
    found = advisories(FEED, GOOD)
    assert rows(found["CVE-2015-8862"]) == [("npm", "mustache", "affected", "fixed", ("0.3.1",))]
    assert rows(found["CVE-2013-6837"]) == [("generic", "prettyPhoto", "affected", "not-fixed", ("",))]
    assert rows(found["CVE-2018-14040"]) == [("npm", "bootstrap", "affected", "fixed", ("3.4.0",))]
    both = ("CVE-2018-14040", "CVE-2018-14041")
    assert [(found[name].aliases, found[name].related) for name in both] == [((), both[1:]), ((), both[:1])]


def test_an_entry_without_an_id_has_one_made_of_its_words() -> None:
    (made,) = [name for name in advisories(FEED, GOOD) if name.startswith("RETIREJS-jquery-")]
    assert rows(advisories(FEED, GOOD)[made]) == [("npm", "jquery", "affected", "unknown", ("2.999.999",))]
    assert made in advisories(FEED, json_document(URL, {"jquery": LIBRARIES["jquery"]}))


def test_what_cannot_be_read_costs_only_itself() -> None:
    damaged_ = json_document(URL, {**LIBRARIES, "a": [], "b": {"vulnerabilities": [{"below": 7}, None]}})
    records, problems = read(FEED, damaged_)
    assert records == list(advisories(FEED, GOOD).values())
    assert [place for place, _ in problems] == [f"{URL} a", f"{URL} b 0", f"{URL} b 1"]
    check_damaged_document(FEED, GOOD)


@given(damaged(json.dumps(LIBRARIES).encode()))
def test_any_bytes_are_read_to_an_end(data: bytes) -> None:
    check_any_bytes(FEED, URL, data)


def test_every_entry_of_the_real_files_is_read() -> None:
    for name in ("jsrepository-v5.json", "npmrepository.json"):
        path = (*FOLDER, name)
        libraries = json.loads(document(*path).path.read_text())
        entries = [
            (key, library, vulnerability)
            for key, library in libraries.items()
            for vulnerability in library["vulnerabilities"]
        ]
        assert len(entries) == manifest_count(*path)
        wanted = {
            (
                library.get("npmname") or library.get("basePurl", "").removeprefix("pkg:npm/") or key,
                each.get("atOrAbove", ""),
                "" if each["below"].startswith("99") else each["below"],
            )
            for key, library, each in entries
            if key != "retire-example"
        }
        told = {
            (each.name, span.low, span.high)
            for one in real(FEED, *path).values()
            for each in one.affected
            for span in each.ranges
        }
        assert {(name.removeprefix("pkg:github/scaron/"), *rest) for name, *rest in wanted} == {
            ("prettyphoto" if name == "jquery.prettyPhoto" else name, *rest) for name, *rest in told
        }


def test_a_crawl_asks_for_both_files() -> None:
    names = [get.url.rpartition("/")[2] for get in crawled(FEED, lambda get: None)]
    assert names == ["jsrepository-v5.json", "npmrepository.json"]
