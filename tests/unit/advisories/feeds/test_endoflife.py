"""endoflife.date in its three forms."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from hullmark.advisories.feeds.endoflife import FEED
from hullmark.model.advisory import Lifecycle
from tests.support.advisories import Bytes, document, sample
from tests.unit.advisories.feeds.reading import (
    crawled,
    damaged,
    in_memory,
    json_document,
    read,
    tar_document,
    zip_document,
)

V1 = "https://endoflife.date/api/v1/products/full"
V0 = "https://endoflife.date/api.zip"
SOURCES = "https://github.com/endoflife-date/endoflife.date/archive/refs/heads/master.tar.gz"
CYCLES = [
    {"cycle": "2023", "releaseDate": "2023-03-01", "eol": "2029-06-30", "latest": "2023.12", "lts": False},
    {"cycle": 2, "releaseDate": "2018-06-26", "eol": True, "extendedSupport": "2030-01-01"},
    {"cycle": "1", "eol": False, "extendedSupport": False},
]
SOURCE = """---
title: Amazon Linux
releases:
  - releaseCycle: "2023"
    releaseDate: 2023-03-01
    eol: 2029-06-30
    latest: "2023.12"
  - releaseCycle: 2
    releaseDate: 2018-06-26
    eol: true
    eoes: 2030-01-01
  - releaseCycle: "1"
    eol: false
    eoes: false
---
> text
"""
WANTED = [
    Lifecycle(
        product="amzn", release="2023", source="endoflife", released="2023-03-01", eol="2029-06-30", latest="2023.12"
    ),
    Lifecycle(
        product="amzn", release="2", source="endoflife", released="2018-06-26", extended="2030-01-01", is_ended=True
    ),
    Lifecycle(product="amzn", release="1", source="endoflife"),
]


def lifecycles(*documents: Bytes) -> list[Lifecycle]:
    records, problems = read(FEED, *documents)
    assert not problems
    return [record for record in records if isinstance(record, Lifecycle)]


def v1(name: str, *releases: dict[str, Any]) -> Bytes:
    return json_document(V1, {"result": [{"name": name, "releases": list(releases)}]})


def test_a_file_of_the_old_interface_is_a_product_and_distributions_go_by_their_os_release_id() -> None:
    assert lifecycles(zip_document(V0, {"amazon-linux.json": json.dumps(CYCLES)})) == WANTED


def test_the_sources_say_the_same() -> None:
    files = {"endoflife.date-master/products/amazon-linux.md": SOURCE, "endoflife.date-master/README.md": "x"}
    assert lifecycles(tar_document(SOURCES, files)) == WANTED


def test_the_new_interface_says_the_same() -> None:
    releases: list[dict[str, Any]] = [
        {"name": "2023", "releaseDate": "2023-03-01", "eolFrom": "2029-06-30", "latest": {"name": "2023.12"}},
        {"name": "2", "releaseDate": "2018-06-26", "isEol": True, "eoesFrom": "2030-01-01"},
        {"name": "1"},
    ]
    assert lifecycles(v1("amazon-linux", *releases)) == WANTED


@pytest.mark.parametrize(
    ("name", "release", "product"),
    [
        ("rhel", "9", "rhel"),
        ("rocky-linux", "9", "rocky"),
        ("oracle-linux", "8", "ol"),
        ("opensuse", "15.6", "opensuse-leap"),
        ("centos", "8", "centos"),
        ("centos-stream", "8", "centos-stream"),
        ("centos-stream", "9", "centos"),
        ("nodejs", "22", "nodejs"),
    ],
)
def test_products_are_named_as_images_name_them(name: str, release: str, product: str) -> None:
    assert [lifecycle.product for lifecycle in lifecycles(v1(name, {"name": release}))] == [product]


def test_the_first_form_that_is_there_is_fetched() -> None:
    assert [get.url for get in crawled(FEED, lambda get: Bytes(get.url, b""))] == [V1]
    assert [get.url for get in crawled(FEED, lambda get: Bytes(V0, b"") if get.url == V0 else None)] == [V1, V0]
    assert [get.url for get in crawled(FEED, lambda get: None)] == [V1, V0, SOURCES]


def test_a_release_that_cannot_be_read_costs_only_itself() -> None:
    for bad in (
        zip_document(V0, {"x.json": json.dumps([{"cycle": None}, *CYCLES])}),
        tar_document(SOURCES, {"e/products/x.md": SOURCE.replace("releases:\n", "releases:\n  - codename: 3\n")}),
        json_document(V1, {"result": [{"name": "x", "releases": [{}, {"name": "1"}, {"name": "2"}, {"name": "3"}]}]}),
    ):
        records, problems = read(FEED, bad)
        assert (len(records), len(problems)) == (3, 1)


def test_the_real_sample_of_the_new_interface_is_read() -> None:
    found = lifecycles(Bytes(V1, sample("vunnel-misc", "valid-eol-response.json").data))
    assert [(each.product, each.release, each.eol) for each in found][:2] == [
        ("python", "3.12", "2028-10-01"),
        ("python", "3.11", "2027-10-24"),
    ]


def test_the_real_files_and_the_real_sources_say_the_same_of_464_products() -> None:
    files = in_memory(document("endoflife.date", "api.zip"))
    found = lifecycles(files)
    sources = lifecycles(in_memory(document(*SOURCES.removeprefix("https://").split("/"))))
    order = [(each.product, each.release) for each in found]
    assert len(order) == len(set(order))
    assert len({each.product for each in found}) == 464
    assert sorted(found, key=str) == sorted(sources, key=str)


@given(damaged(v1("python", {"name": "3.12", "eolFrom": "2028-10-01"}).data))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    read(FEED, Bytes(V1, data))


@given(damaged(SOURCE.encode()))
def test_any_source_is_read_or_reported(data: bytes) -> None:
    read(FEED, tar_document(SOURCES, {"e/products/x.md": data, "x.json": data}))
