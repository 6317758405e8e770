"""The fedora feed: pages of updates."""

from __future__ import annotations

import json
import tarfile
from typing import Any

import pytest
from hypothesis import given

from hullmark.advisories.feeds import fedora
from hullmark.advisories.feeds.fedora import FEED
from hullmark.advisories.feeds.feed import CrawlState, DamagedDocument
from hullmark.model.advisory import Advisory
from tests.support.advisories import Bytes, advisory_files
from tests.unit.advisories.feeds.reading import NOW, advisories, crawled, damaged, json_document, read, rows

URL = "https://bodhi.fedoraproject.org/updates/?status=stable&type=security&rows_per_page=100"
UPDATE: dict[str, Any] = {
    "alias": "FEDORA-2025-aaa1111111",
    "title": "python3-docs-3.12.9-1.fc40",
    "notes": "Fixes CVE-2025-1235 too",
    "severity": "urgent",
    "date_pushed": "2025-01-15 12:00:00",
    "url": "https://bodhi.fedoraproject.org/updates/FEDORA-2025-aaa1111111",
    "release": {"name": "F40", "version": "40", "id_prefix": "FEDORA"},
    "bugs": [{"title": "CVE-2025-1234 python3-docs: overflow [fedora-40]"}, {"title": None}],
    "builds": [
        {"nvr": "python3-docs-3.12.9-1.fc40", "type": "rpm", "epoch": None},
        {"nvr": "bind-32:9.18-1.fc40", "epoch": 32},
    ],
}


def page(*updates: dict[str, Any], pages: int = 1) -> Bytes:
    return json_document(URL, {"updates": list(updates), "pages": pages})


def test_an_update_mends_source_packages_and_names_its_cves() -> None:
    update = {**UPDATE, "builds": [UPDATE["builds"][0], {"nvr": "bind-9.18-1.fc40", "epoch": 32}]}
    found = advisories(FEED, page(update))["FEDORA-2025-aaa1111111"]
    assert rows(found) == [
        ("fedora:40", "python3-docs", "affected", "fixed", ("3.12.9-1.fc40",)),
        ("fedora:40", "bind", "affected", "fixed", ("32:9.18-1.fc40",)),
    ]
    assert found.aliases == ("CVE-2025-1234", "CVE-2025-1235")
    assert (found.severity, found.affected[0].fix_date, found.affected[0].arch) == ("critical", "2025-01-15", "src")


@pytest.mark.parametrize("prefix", ["FEDORA-EPEL-NEXT", "FEDORA-CONTAINER", "FEDORA-FLATPAK", ""])
def test_updates_of_anything_but_packages_and_modules_are_left_out(prefix: str) -> None:
    assert read(FEED, page({**UPDATE, "release": {"version": "38", "id_prefix": prefix}})) == ([], [])


@pytest.mark.parametrize(("release", "version"), [("EPEL-9", "9"), ("EPEL-10.1", "10.1"), ("EPEL-7", "7")])
def test_epel_has_namespaces_of_its_own(release: str, version: str) -> None:
    update = {
        **UPDATE,
        "alias": "FEDORA-EPEL-2025-1111111111",
        "release": {"name": release, "version": version, "id_prefix": "FEDORA-EPEL"},
        "content_type": "rpm",
        "builds": [{"nvr": "chromium-130.0-1.el9", "type": "rpm", "epoch": 0}],
    }
    found = advisories(FEED, page(update))["FEDORA-EPEL-2025-1111111111"]
    assert rows(found) == [(f"epel:{version}", "chromium", "affected", "fixed", ("130.0-1.el9",))]
    assert (found.affected[0].arch, found.affected[0].module) == ("src", "")


MODULE: dict[str, Any] = {
    **UPDATE,
    "alias": "FEDORA-MODULAR-2023-5b8a7bde59",
    "release": {"name": "F38M", "version": "38", "id_prefix": "FEDORA-MODULAR"},
    "content_type": "module",
    "builds": [{"nvr": "mysql-8.0-3820230907003352.75741a8b", "type": "module"}],
}


def test_an_update_of_a_module_is_about_its_stream() -> None:
    (row,) = advisories(FEED, page(MODULE))["FEDORA-MODULAR-2023-5b8a7bde59"].affected
    assert (row.namespace, row.name, row.ranges[0].high) == ("fedora:38", "mysql:8.0", "3820230907003352")
    assert (row.arch, row.module, row.vendor_ids) == ("", None, ("FEDORA-MODULAR-2023-5b8a7bde59",))
    epel = {**MODULE, "release": {"name": "EPEL-8M", "version": "8", "id_prefix": "FEDORA-EPEL-MODULAR"}}
    epel["builds"] = [{"nvr": "go-toolset-rhel_8-820230907003352.75741a8b"}]
    assert [row[:2] for row in rows(advisories(FEED, page(epel))[MODULE["alias"]])] == [("epel:8", "go-toolset:rhel_8")]


@pytest.mark.parametrize(
    "nvr", ["mysql", "mysql-8.0", "mysql-8.0-1.xyz", "mysql-8.0-abc.75741a8b", "mysql:a-8-1.ab", ""]
)
def test_a_module_without_stream_and_version_is_reported(nvr: str) -> None:
    records, problems = read(FEED, page({**MODULE, "builds": [{"nvr": nvr, "type": "module"}]}))
    assert [record.affected for record in records if isinstance(record, Advisory)] == [()]
    assert len(problems) == 1


def test_builds_of_another_type_than_the_release_holds_do_not_count() -> None:
    builds = [{"nvr": "a-1-1.fc40", "type": "flatpak"}, {"nvr": "b-1-1.fc40", "type": "module"}, {"nvr": "c-1-1.fc40"}]
    found = advisories(FEED, page({**UPDATE, "builds": builds}))["FEDORA-2025-aaa1111111"]
    assert [row.name for row in found.affected] == ["c"]


def test_what_came_later_wins() -> None:
    found = advisories(FEED, page({**UPDATE, "severity": "low"}), page(UPDATE))
    assert found["FEDORA-2025-aaa1111111"].severity == "critical"


def test_a_build_without_version_and_an_update_that_cannot_be_read_cost_only_themselves() -> None:
    records, problems = read(FEED, page({**UPDATE, "builds": [{"nvr": "oops"}]}, {"alias": 3}))
    assert len(records) == 1
    assert [place for place, _ in problems] == [f"{URL} update 0", f"{URL} update 1"]


def test_all_pages_are_fetched_the_first_time_and_later_only_news() -> None:
    first = crawled(FEED, lambda get: page(pages=3))
    assert [get.url for get in first] == [f"{URL}&page={number}" for number in (1, 2, 3)]
    later = crawled(FEED, lambda get: page(pages=1), CrawlState(now=NOW.now, since="2026-11-20T10:00:00Z"))
    assert [(get.url, get.is_addition) for get in later] == [(f"{URL}&pushed_since=2026-11-20T10:00:00&page=1", True)]


def test_the_real_samples_are_read_and_those_of_packages_and_modules_are_kept() -> None:
    updates: list[Any] = []
    with tarfile.open(advisory_files() / "samples" / "fedora.tar.gz") as tar:
        for member in tar:
            stream = tar.extractfile(member) if member.name.endswith(".json") else None
            if stream is not None and "releases" not in member.name:
                value = json.loads(stream.read())
                updates += value if isinstance(value, list) else [value]
    prefixes = ("FEDORA", "FEDORA-EPEL", "FEDORA-MODULAR")
    kept = {update["alias"] for update in updates if update["release"]["id_prefix"] in prefixes}
    records, problems = read(FEED, page(*updates))
    assert {record.id for record in records if isinstance(record, Advisory)} == kept
    assert problems == []
    assert len({update["alias"] for update in updates}) > len(kept) == 15
    found = advisories(FEED, page(*updates))
    (module,) = rows(found["FEDORA-MODULAR-2023-5b8a7bde59"])
    assert module == ("fedora:38", "mysql:8.0", "affected", "fixed", ("3820230907003352",))
    assert [row[:2] for row in rows(found["FEDORA-EPEL-2017-a8886eb42e"])] == [
        ("epel:7", "cross-binutils"),
        ("epel:7", "cross-gcc"),
    ]


@given(damaged(page(UPDATE, MODULE).data))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    read(FEED, Bytes(URL, data))


def test_more_pages_than_are_read_fail_the_crawl_and_make_no_shorter_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fedora, "_MAX_PAGES", 3)
    assert len(crawled(FEED, lambda get: page(pages=3))) == 3
    with pytest.raises(DamagedDocument, match="4 pages"):
        crawled(FEED, lambda get: page(pages=4))
