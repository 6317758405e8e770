"""The vulnrichment feed: ratings of CISA and the CNA, products that CISA names by CPE."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from hullmark.advisories.feeds.vulnrichment import FEED
from hullmark.model.advisory import EVERY_VERSION, Cvss, Range
from tests.support.advisories import document
from tests.unit.advisories.feeds.reading import advisories, damaged, in_memory, read, tar_document

URL = "https://github.com/cisagov/vulnrichment/archive/refs/heads/develop.tar.gz"
GO = "cpe:2.3:a:golang:go:1.21.0:-:*:*:*:*:*:*"


def cvss(score: float, severity: str) -> dict[str, Any]:
    return {
        "cvssV3_1": {
            "version": "3.1",
            "vectorString": f"CVSS:3.1/{score}",
            "baseScore": score,
            "baseSeverity": severity,
        }
    }


def record(*versions: dict[str, str], state: str = "PUBLISHED") -> dict[str, Any]:
    return {
        "cveMetadata": {
            "cveId": "CVE-2024-24787",
            "state": state,
            "datePublished": "2024-05-08",
            "dateUpdated": "2024-08-01",
        },
        "containers": {
            "cna": {
                "providerMetadata": {"shortName": "Go"},
                "metrics": [cvss(9.8, "CRITICAL")],
                "descriptions": [{"lang": "en", "value": "On Darwin."}],
                "problemTypes": [{"descriptions": [{"description": "CWE-74: Improper Neutralization"}]}],
                "references": [{"url": "https://go.dev/issue/67119"}],
            },
            "adp": [
                {"providerMetadata": {"shortName": "CVE"}, "metrics": [cvss(1, "LOW")]},
                {
                    "providerMetadata": {"shortName": "CISA-ADP"},
                    "metrics": [{"other": {"type": "ssvc"}}, cvss(6.4, "MEDIUM")],
                    "problemTypes": [{"descriptions": [{"cweId": "CWE-94"}]}],
                    "affected": [{"cpes": [GO], "versions": list(versions)}],
                },
            ],
        },
    }


def archive(value: Any) -> Any:
    return tar_document(
        URL, {"v/2024/24xxx/CVE-2024-24787.json": json.dumps(value), "v/.github/x.json": "[", "v/README": ""}
    )


def test_cisa_s_rating_comes_before_the_cna_s() -> None:
    found = advisories(FEED, archive(record()))["CVE-2024-24787"]
    assert found.severity == "medium"
    assert found.cvss == (Cvss("3.1", "CVSS:3.1/6.4", 6.4, "CISA-ADP"), Cvss("3.1", "CVSS:3.1/9.8", 9.8, "Go"))
    assert found.cwes == ("CWE-94", "CWE-74")
    assert (found.summary, found.references) == ("On Darwin.", ("https://go.dev/issue/67119",))
    assert found.affected == ()


@pytest.mark.parametrize(
    ("version", "ranges", "versions"),
    [
        ({"version": "1.22"}, (), ("1.22",)),
        ({"version": "0", "lessThan": "1.21.10"}, (Range(high="1.21.10", fixed="1.21.10"),), ()),
        (
            {"version": "1.22.0", "lessThanOrEqual": "1.22.3"},
            (Range(low="1.22.0", high="1.22.3", high_open=False),),
            (),
        ),
        ({"version": "1.22.0", "lessThanOrEqual": "*"}, (Range(low="1.22.0"),), ()),
        ({"version": "0", "lessThan": "*"}, (EVERY_VERSION,), ()),
        ({"version": "0"}, (EVERY_VERSION,), ()),
        ({"version": "-"}, (EVERY_VERSION,), ()),
    ],
)
def test_versions_of_a_cpe_are_ranges(
    version: dict[str, str], ranges: tuple[Range, ...], versions: tuple[str, ...]
) -> None:
    (found,) = advisories(FEED, archive(record({"status": "affected", **version})))["CVE-2024-24787"].affected
    assert (found.name, found.ranges, found.versions) == ("a:golang:go", ranges, versions)


@pytest.mark.parametrize(
    "version",
    [
        {"status": "unaffected", "version": "1"},
        {"status": "affected", "version": "0", "lessThan": "7f92a06", "versionType": "git"},
    ],
)
def test_what_is_not_affected_or_has_no_order_is_left_out(version: dict[str, str]) -> None:
    assert advisories(FEED, archive(record(version)))["CVE-2024-24787"].affected == ()


def test_a_rejected_cve_is_withdrawn() -> None:
    assert advisories(FEED, archive(record(state="REJECTED")))["CVE-2024-24787"].withdrawn == "2024-08-01"


def test_the_real_archive_gives_its_1391_cves_of_which_cisa_names_products_for_688_but_7_are_hardware() -> None:
    found = advisories(FEED, in_memory(document(*URL.removeprefix("https://").split("/"))))
    assert len(found) == 1391
    assert sum(bool(each.affected) for each in found.values()) == 681
    assert sum(each.severity != "unknown" for each in found.values()) > 1100


@given(damaged(json.dumps(record({"status": "affected", "version": "1"})).encode()))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    records, problems = read(FEED, tar_document(URL, {"v/CVE-2024-1234.json": data}))
    assert len(records) + len(problems) == 1
