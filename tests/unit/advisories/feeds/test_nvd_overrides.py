"""The nvd-overrides feed."""

from __future__ import annotations

import json

from hypothesis import given

from hullmark.advisories.feeds.nvd_overrides import FEED
from hullmark.model.advisory import Range
from tests.support.advisories import document
from tests.unit.advisories.feeds.reading import advisories, damaged, in_memory, read, tar_document

URL = "https://github.com/anchore/nvd-data-overrides/archive/refs/heads/main.tar.gz"
OVERRIDE = {
    "_annotation": {
        "cve_id": "CVE-2026-46601",
        "description": "A panic.",
        "references": ["https://go.dev/cl/787681"],
        "modified": "2026-06-26",
    },
    "cve": {
        "configurations": [
            {
                "nodes": [
                    {
                        "cpeMatch": [
                            {
                                "criteria": "cpe:2.3:a:golang:image:*:*:*:*:*:go:*:*",
                                "versionEndExcluding": "0.43.0",
                                "vulnerable": True,
                            }
                        ]
                    }
                ]
            }
        ]
    },
}


def test_a_file_says_what_is_affected_and_rates_nothing() -> None:
    files = {"n/data/2026/CVE-2026-46601.json": json.dumps(OVERRIDE), "n/package.json": "{}"}
    found = advisories(FEED, tar_document(URL, files))["CVE-2026-46601"]
    assert (found.severity, found.summary, found.modified) == ("unknown", "A panic.", "2026-06-26")
    assert [(each.name, each.ranges) for each in found.affected] == [
        ("a:golang:image", (Range(high="0.43.0", fixed="0.43.0"),))
    ]
    assert found.affected[0].platforms == ("cpe:2.3:*:*:*:*:*:*:*:*:*:go:*:*",)


def test_the_real_archive_gives_its_2937_cves_of_which_5_name_no_product_and_one_only_safe_ones() -> None:
    found = advisories(FEED, in_memory(document(*URL.removeprefix("https://").split("/"))))
    assert len(found) == 2937
    assert sum(not each.affected for each in found.values()) == 6


@given(damaged(json.dumps(OVERRIDE).encode()))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    records, problems = read(FEED, tar_document(URL, {"n/data/2026/x.json": data}))
    assert len(records) + len(problems) == 1
