"""Alpine: releases from addresses, one advisory over all of them, the real files."""

from __future__ import annotations

import json
import re

from hullmark.advisories.feeds.alpine import FEED
from hullmark.advisories.feeds.feed import Get
from hullmark.advisories.feeds.formats.wording import is_cve
from tests.support.advisories import Bytes, OnDisk, advisory_files
from tests.support.places import shared
from tests.unit.advisories.feeds.reading import advisories, crawled, json_document, read, rows

HOST = "https://secdb.alpinelinux.org"


def secdb(release: str, repository: str, **fixes: str) -> Bytes:
    packages = [{"pkg": {"name": name, "secfixes": {version: ["CVE-2024-0001"]}}} for name, version in fixes.items()]
    return json_document(f"{HOST}/{release}/{repository}.json", {"packages": packages})


def test_a_cve_of_several_releases_and_repositories_is_one_advisory() -> None:
    found = advisories(FEED, secdb("v3.18", "main", xz="5.4.3-r1"), secdb("edge", "community", xz="5.6.1-r2", lzip="0"))
    assert rows(found["CVE-2024-0001"]) == [
        ("alpine:3.18", "xz", "affected", "fixed", ("5.4.3-r1",)),
        ("alpine:edge", "xz", "affected", "fixed", ("5.6.1-r2",)),
        ("alpine:edge", "lzip", "unaffected", "unknown", ("",)),
    ]


def test_an_address_without_a_release_is_reported() -> None:
    records, problems = read(FEED, Bytes(f"{HOST}/license.txt", b""))
    assert not records
    assert problems


def test_releases_newer_than_known_are_asked_for_until_one_is_missing() -> None:
    there = {f"{HOST}/v3.{minor}/main.json" for minor in range(3, 26)}
    wanted = [get.url for get in crawled(FEED, lambda get: Bytes(get.url, b"{}") if get.url in there else None)]
    assert f"{HOST}/edge/main.json" in wanted
    assert f"{HOST}/v3.3/community.json" in wanted
    assert wanted[-1] == f"{HOST}/v3.26/community.json"


def test_every_document_but_those_of_edge_is_optional() -> None:
    wanted = crawled(FEED, lambda get: None)
    assert [get.url for get in wanted if not get.is_optional] == [
        f"{HOST}/edge/{name}.json" for name in ("main", "community")
    ]
    assert wanted[-1] == Get(url=f"{HOST}/v3.23/community.json", is_optional=True)


def test_the_real_files_hold_the_manifest_s_count_of_list_items_and_every_cve_in_them_is_read() -> None:
    manifest = json.loads(shared("advisories", "MANIFEST.json").read_text())
    for source in manifest["sources"]:
        if "secdb.alpinelinux.org" not in source["file"]:
            continue
        path = source["file"].removeprefix("www/")
        packages = [each["pkg"] for each in json.loads((advisory_files() / path).read_bytes())["packages"] or ()]
        items = [
            (package["name"], version, item)
            for package in packages
            for version, listed in (package.get("secfixes") or {}).items()
            for item in listed or ()
        ]
        assert len(items) == source["count"], path
        wanted = {
            (name, version, f"CVE-{number}")
            for name, version, item in items
            for number in re.findall(r"CVE[-_ ]([0-9]{4}-[0-9]{4,})", item)
        }
        found = advisories(FEED, OnDisk(f"https://{path}", advisory_files() / path)).values()
        assert wanted == {
            (each.name, span.fixed or "0", advisory.id)
            for advisory in found
            if is_cve(advisory.id)
            for each in advisory.affected
            for span in each.ranges
        }
