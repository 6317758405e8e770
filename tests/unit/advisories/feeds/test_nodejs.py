"""Node.js' security working group: Node.js itself and packages of npm."""

from __future__ import annotations

import json

from hypothesis import given

from hullmark.advisories.feeds.nodejs import FEED
from hullmark.versions.ranges import contains
from tests.unit.advisories.feeds.counts import check_any_bytes, check_damaged_document, manifest_count, real
from tests.unit.advisories.feeds.reading import advisories, damaged, read, tar_document

PATH = ("github.com", "nodejs", "security-wg", "archive", "refs", "heads", "main.tar.gz")
URL = "https://" + "/".join(PATH)
CORE = {
    "cve": ["CVE-2017-1000381"],
    "ref": "https://nodejs.org/x",
    "vulnerable": "8.x || 4.x",
    "patched": "^8.1.4 || ^4.8.4",
    "overview": "memory overread",
    "affectedEnvironments": ["all"],
    "severity": "high",
}
NPM = {
    "id": 100,
    "module_name": "uri-js",
    "publish_date": "2017-04-14",
    "cves": [],
    "title": "Regular Expression Denial Of Service",
    "vulnerable_versions": "<=2.1.1",
    "patched_versions": ">=3.0.0",
    "references": None,
    "cvss_vector": "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H",
    "cvss_score": 7.5,
}
GOOD = tar_document(
    URL,
    {
        "x/vuln/core/1.json": json.dumps(CORE),
        "x/vuln/npm/100.json": json.dumps(NPM),
        "x/vuln/npm/index.json": "{}",
        "x/vuln/README.md": "",
    },
)


def spans(name: str) -> list[tuple[str, str, bool, str]]:
    found = advisories(FEED, GOOD)[name]
    return [(span.low, span.high, span.high_open, span.fixed) for span in found.affected[0].ranges]


def test_node_is_a_program_affected_up_to_each_line_s_patch() -> None:
    found = advisories(FEED, GOOD)["NSWG-COR-1"]
    assert (found.affected[0].namespace, found.affected[0].name) == ("generic", "node")
    assert spans("NSWG-COR-1") == [("4.0.0", "4.8.4", True, "4.8.4"), ("8.0.0", "8.1.4", True, "8.1.4")]
    assert (found.aliases, found.severity, found.summary) == (("CVE-2017-1000381",), "high", "memory overread")


def test_a_package_of_npm_is_fixed_by_the_first_version_patched() -> None:
    found = advisories(FEED, GOOD)["NSWG-ECO-100"]
    assert (found.affected[0].namespace, found.affected[0].name) == ("npm", "uri-js")
    assert spans("NSWG-ECO-100") == [("", "2.1.1", False, "3.0.0")]
    assert (found.severity, found.cvss[0].score, found.published) == ("high", 7.5, "2017-04-14")


def test_where_no_version_is_safe_ranges_have_no_end() -> None:
    entry = json.dumps({**NPM, "vulnerable_versions": "<=99.999.99999", "patched_versions": "<0.0.0"})
    (affected,) = advisories(FEED, tar_document(URL, {"x/vuln/npm/1.json": entry}))["NSWG-ECO-1"].affected
    assert (affected.ranges[0].high, affected.fix_state) == ("", "not-fixed")


def test_what_is_so_on_one_system_only_says_which() -> None:
    entry = json.dumps({**CORE, "affectedEnvironments": ["win32"]})
    (affected,) = advisories(FEED, tar_document(URL, {"x/vuln/core/1.json": entry}))["NSWG-COR-1"].affected
    assert affected.platforms == ("cpe:2.3:o:microsoft:windows:*:*:*:*:*:*:*:*",)


def test_files_that_cannot_be_read_cost_only_themselves() -> None:
    bad = {"x/vuln/core/2.json": "{", "x/vuln/npm/3.json": json.dumps({**NPM, "vulnerable_versions": "<<nonsense"})}
    records, problems = read(FEED, tar_document(URL, {**bad, "x/vuln/core/1.json": json.dumps(CORE)}))
    assert len(records) == 1
    assert [place for place, _ in problems] == list(bad)
    check_damaged_document(FEED, GOOD)


@given(damaged(GOOD.data))
def test_any_bytes_are_read_to_an_end(data: bytes) -> None:
    check_any_bytes(FEED, URL, data)


@given(damaged(json.dumps(CORE).encode()) | damaged(json.dumps(NPM).encode()))
def test_any_json_is_read_to_an_end(data: bytes) -> None:
    check_any_bytes(FEED, URL, tar_document(URL, {"x/vuln/core/1.json": data, "x/vuln/npm/1.json": data}).data)


def test_every_file_of_the_real_archive_is_an_advisory() -> None:
    found = real(FEED, *PATH)
    assert len(found) == manifest_count(*PATH)
    assert sum(1 for name in found if name.startswith("NSWG-COR-")) == 171
    assert all(each.affected[0].ranges for each in found.values())
    (last,) = found["NSWG-COR-102"].affected
    assert [contains(last.ranges[0], version, "semver") for version in ("14.21.0", "14.21.1")] == [True, False]
