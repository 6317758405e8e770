"""The fedora feed: pages of updates."""

from __future__ import annotations

import json
import tarfile
from typing import Any

import pytest
from hypothesis import given

from hullmark.feeds.fedora import FEED
from hullmark.feeds.feed import Known
from tests.support.advisories import Bytes, advisory_files
from tests.unit.feeds.reading import NOW, advisories, crawled, damaged, json_document, read, rows

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


@pytest.mark.parametrize("prefix", ["FEDORA-EPEL", "FEDORA-MODULAR", "FEDORA-CONTAINER", "FEDORA-FLATPAK", ""])
def test_updates_of_anything_but_fedora_s_packages_are_left_out(prefix: str) -> None:
    assert read(FEED, page({**UPDATE, "release": {"version": "38", "id_prefix": prefix}})) == ([], [])


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
    later = crawled(FEED, lambda get: page(pages=1), Known(now=NOW.now, since="2026-11-20T10:00:00Z"))
    assert [(get.url, get.is_addition) for get in later] == [(f"{URL}&pushed_since=2026-11-20T10:00:00&page=1", True)]


def test_the_real_samples_are_read_and_only_those_of_fedora_proper_are_kept() -> None:
    updates: list[Any] = []
    with tarfile.open(advisory_files() / "samples" / "fedora.tar.gz") as tar:
        for member in tar:
            stream = tar.extractfile(member) if member.name.endswith(".json") else None
            if stream is not None and "releases" not in member.name:
                value = json.loads(stream.read())
                updates += value if isinstance(value, list) else [value]
    kept = [each for each in updates if each["release"]["id_prefix"] == "FEDORA"]
    assert len(updates) > len(kept) > 10
    assert len(advisories(FEED, page(*updates))) == len({each["alias"] for each in kept})


@given(damaged(page(UPDATE).data))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    read(FEED, Bytes(URL, data))
