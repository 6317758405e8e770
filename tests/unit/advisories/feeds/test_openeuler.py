"""The openeuler feed: CSAF documents of openEuler."""

from __future__ import annotations

from hypothesis import given, settings

from hullmark.advisories.feeds.feed import CrawlState
from hullmark.advisories.feeds.openeuler import FEED
from hullmark.model.advisory import Range
from tests.support.advisories import Bytes, sample
from tests.unit.advisories.feeds.reading import advisories, crawled, damaged, json_document, read, rows

INDEX = b"2023/csaf-openeuler-cve-2023-52920.json\n2026/csaf-openeuler-cve-2026-30346.json\n../../x.json"


def test_a_source_package_has_one_row_a_release() -> None:
    advisory = advisories(FEED, sample("openeuler", "csaf-openeuler-cve-2025-30346.json"))["CVE-2025-30346"]
    assert [(row.namespace, row.name, row.ranges[0].fixed) for row in advisory.affected] == [
        ("openeuler:24.03", "varnish", "7.4.3-2.oe2403"),
        ("openeuler:20.03", "varnish", "7.4.3-2.oe2003sp4"),
        ("openeuler:22.03", "varnish", "7.4.3-2.oe2203sp3"),
    ]
    assert {row.vendor_ids for row in advisory.affected} == {("openEuler-SA-2025-1333",)}
    assert advisory.severity == "medium"


def test_builds_of_several_upstream_versions_are_several_ranges() -> None:
    advisory = advisories(FEED, sample("openeuler", "csaf-openeuler-sa-2025-1351.json"))["CVE-2025-29768"]
    (newest,) = [row for row in advisory.affected if row.namespace == "openeuler:24.03"]
    assert newest.ranges == (Range(high="9.0.2092-18.oe2403", fixed="9.0.2092-18.oe2403"),)
    assert all(row.arch == "" and row.name == "vim" for row in advisory.affected)


def test_a_broken_document_is_reported() -> None:
    records, problems = read(FEED, sample("openeuler", "csaf-openeuler-cve-2024-50187.json"))
    assert (records, len(problems)) == ([], 1)


def test_the_first_crawl_fetches_all_and_later_ones_recent_years() -> None:
    def asked(known: CrawlState) -> list[str]:
        return [get.url.rpartition("/cve/")[2] for get in crawled(FEED, lambda get: Bytes(get.url, INDEX), known)]

    now = "2026-11-24T00:00:00Z"
    both = ["2023/csaf-openeuler-cve-2023-52920.json", "2026/csaf-openeuler-cve-2026-30346.json"]
    assert asked(CrawlState(now=now)) == ["index.txt", *both]
    assert asked(CrawlState(now=now, since="2026-11-20T00:00:00Z")) == ["index.txt", both[1]]


def test_what_has_no_fix_and_what_is_safe_are_rows_of_every_version_unless_a_fix_is_known() -> None:
    release = "openEuler-22.03-LTS"
    status = {
        "fixed": [f"{release}:vim-9.0-1.oe2203.src"],
        "known_affected": [f"{release}:vim.src", f"{release}:emacs.src", "Fedora:nano.src"],
        "known_not_affected": [f"{release}:vim.src", f"{release}:joe.src"],
    }
    found = json_document(
        "https://a.example/a.json", {"vulnerabilities": [{"cve": "CVE-2024-1", "product_status": status}]}
    )
    advisory = advisories(FEED, Bytes("https://a.example/index.txt", INDEX), found)["CVE-2024-1"]
    assert rows(advisory) == [
        ("openeuler:22.03", "vim", "affected", "fixed", ("9.0-1.oe2203",)),
        ("openeuler:22.03", "emacs", "affected", "not-fixed", ("",)),
        ("openeuler:22.03", "joe", "unaffected", "unknown", ("",)),
    ]


@settings(max_examples=50)
@given(
    damaged(
        b'{"vulnerabilities":[{"cve":"CVE-2024-1","product_status":{"fixed":["openEuler-22.03-LTS:vim-9.0-1.oe.src"]}}]}'
    )
)
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    read(FEED, Bytes("https://a.example/a.json", data))
