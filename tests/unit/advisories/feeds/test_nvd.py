"""The nvd feed: pages, windows, what came later wins."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given

from hullmark.advisories.feeds import nvd
from hullmark.advisories.feeds.feed import CrawlState, DamagedDocument
from hullmark.advisories.feeds.nvd import FEED
from hullmark.model.advisory import Advisory, Cvss
from tests.support.advisories import Bytes, sample
from tests.unit.advisories.feeds.reading import NOW, advisories, crawled, damaged, json_document, read

API = "https://services.nvd.nist.gov/rest/json/cves/2.0"


def metric(version: str, score: float, severity: str, source: str = "nvd@nist.gov") -> dict[str, Any]:
    data = {"version": version, "vectorString": f"V{version}", "baseScore": score}
    if version == "2.0":
        return {"source": source, "cvssData": data, "baseSeverity": severity}
    return {"source": source, "cvssData": {**data, "baseSeverity": severity}}


CVE: dict[str, Any] = {
    "id": "CVE-2023-38545",
    "published": "2023-10-18T04:15:11.077",
    "lastModified": "2024-07-09T14:15:00.000",
    "vulnStatus": "Analyzed",
    "descriptions": [{"lang": "es", "value": "Un fallo"}, {"lang": "en", "value": "A flaw\nin SOCKS5."}],
    "metrics": {"cvssMetricV31": [metric("3.1", 9.8, "CRITICAL")], "cvssMetricV2": [metric("2.0", 5.0, "MEDIUM")]},
    "weaknesses": [{"description": [{"lang": "en", "value": "CWE-787"}, {"lang": "en", "value": "NVD-CWE-noinfo"}]}],
    "configurations": [
        {
            "nodes": [
                {
                    "operator": "OR",
                    "cpeMatch": [{"criteria": "cpe:2.3:a:haxx:curl:*:*:*:*:*:*:*:*", "versionEndExcluding": "8.4.0"}],
                }
            ]
        }
    ],
    "references": [{"url": "https://curl.se/docs/CVE-2023-38545.html"}],
}


def page(*cves: dict[str, Any], total: int = 0, url: str = API) -> Bytes:
    return json_document(url, {"totalResults": total, "vulnerabilities": [{"cve": cve} for cve in cves]})


def test_a_cve_with_all_its_parts() -> None:
    found = advisories(FEED, page(CVE))["CVE-2023-38545"]
    assert (found.severity, found.summary, found.cwes) == ("critical", "A flaw in SOCKS5.", ("CWE-787",))
    assert found.cvss == (Cvss("3.1", "V3.1", 9.8, "nvd@nist.gov"), Cvss("2.0", "V2.0", 5.0, "nvd@nist.gov"))
    assert (found.published, found.modified, found.withdrawn) == (CVE["published"], CVE["lastModified"], "")
    assert found.references == ("https://curl.se/docs/CVE-2023-38545.html",)
    assert [(each.namespace, each.name, each.ranges[0].fixed) for each in found.affected] == [
        ("cpe", "a:haxx:curl", "8.4.0")
    ]


def test_a_rejected_cve_is_withdrawn() -> None:
    found = advisories(
        FEED, page({"id": "CVE-2023-1", "vulnStatus": "Rejected", "lastModified": "2024-01-01T00:00:00.000"})
    )
    assert found["CVE-2023-1"].withdrawn == "2024-01-01T00:00:00.000"


@pytest.mark.parametrize(
    ("metrics", "severity"),
    [
        ({}, "unknown"),
        ({"cvssMetricV2": [metric("2.0", 7.5, "HIGH")]}, "high"),
        ({"cvssMetricV31": [metric("3.1", 9, "CRITICAL", "cna"), metric("3.1", 5, "MEDIUM")]}, "medium"),
        (
            {"cvssMetricV31": [metric("3.1", 9, "CRITICAL", "cna")], "cvssMetricV2": [metric("2.0", 4, "MEDIUM")]},
            "critical",
        ),
        ({"cvssMetricV40": [metric("4.0", 2, "LOW")], "cvssMetricV30": [metric("3.0", 9, "CRITICAL")]}, "low"),
    ],
)
def test_nvd_s_own_newest_rating_is_the_severity(metrics: dict[str, Any], severity: str) -> None:
    assert advisories(FEED, page({"id": "CVE-2023-1", "metrics": metrics}))["CVE-2023-1"].severity == severity


def test_what_came_later_wins_and_each_cve_is_there_once() -> None:
    first = page({"id": "CVE-2023-1", "published": "old"}, {"id": "CVE-2023-2"})
    found = advisories(FEED, first, page({"id": "CVE-2023-1", "published": "new"}, url=f"{API}?x"))
    assert found["CVE-2023-1"].published == "new"
    assert len(found) == 2


def test_all_pages_are_fetched_the_first_time() -> None:
    wanted = crawled(FEED, lambda get: page(total=4001))
    assert [get.url.partition("?")[2] for get in wanted] == [
        f"resultsPerPage=2000&startIndex={start}" for start in (0, 2000, 4000)
    ]
    assert not any(get.is_addition for get in wanted)


def test_later_only_what_changed_is_fetched_in_windows_of_less_than_120_days() -> None:
    wanted = crawled(FEED, lambda get: page(total=1), CrawlState(now=NOW.now, since="2026-07-01T00:00:00Z"))
    assert all(get.is_addition for get in wanted)
    spans = [re.findall(r"lastMod(?:Start|End)Date=([0-9T:.-]+)%2B00:00", get.url) for get in wanted]
    assert spans == [
        ["2026-07-01T00:00:00.000", "2026-10-28T00:00:00.000"],
        ["2026-10-28T00:00:00.000", "2026-11-24T00:00:00.000"],
    ]


def test_a_cve_that_cannot_be_read_costs_only_itself() -> None:
    records, problems = read(FEED, page({"id": 7}, CVE, {"id": "CVE-2023-2", "metrics": 3}))
    assert len(records) == 1
    assert [place for place, _ in problems] == [f"{API} item 0", f"{API} item 2"]


def test_the_real_samples_are_read_whole() -> None:
    found = advisories(FEED, sample("nvd", "nvd/full-page.json"))
    assert len(found) == 38
    beside = [each for each in found["CVE-2022-22377"].affected if each.platforms]
    assert beside[0].name == "a:ibm:security_verify_privilege_on-premises"
    assert len(beside[0].platforms) == 2
    log4shell = advisories(FEED, sample("nvd", "cve/ssvc_affected/0-3.json"))["CVE-2021-44228"]
    log4j = [each for each in log4shell.affected if each.name == "a:apache:log4j"]
    assert "2.0-beta9" in log4j[0].versions
    assert log4shell.severity == "critical"
    assert advisories(FEED, sample("nvd", "nvdcve-2.0-2021.json.gz"))


@given(damaged(page(CVE).data))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    for record in read(FEED, Bytes(API, data))[0]:
        assert isinstance(record, Advisory)


def test_more_pages_than_are_read_fail_the_crawl_and_make_no_shorter_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvd, "_MAX_PAGES", 3)
    assert len(crawled(FEED, lambda get: page(total=6000))) == 3
    with pytest.raises(DamagedDocument, match="6,001 records"):
        crawled(FEED, lambda get: page(total=6001))
