"""VEX repositories: what their index leads to, and on what each document is believed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given

from hullmark.advisories.feeds.formats.archives import members
from hullmark.advisories.feeds.vexhub import FEED
from hullmark.model.advisory import Statement
from tests.support.advisories import document
from tests.unit.advisories.feeds.reading import damaged, in_memory, read, tar_document, zip_document

URL = "https://github.com/aquasecurity/vexhub/archive/refs/heads/main.tar.gz"


def vex(*products: str) -> str:
    """An OpenVEX document with a statement about each product."""
    statements = [{"vulnerability": "CVE-1", "status": "fixed", "products": [product]} for product in products]
    return json.dumps({"@context": "https://openvex.dev/ns/v0.2.0", "statements": statements})


def index(*packages: tuple[str, str]) -> str:
    """An index with a location for each id."""
    return json.dumps({"packages": [{"id": id, "location": location} for id, location in packages]})


def products(records: Sequence[Any]) -> list[tuple[str, ...]]:
    """What the statements are about, in order."""
    return [record.products for record in records]


def test_documents_are_read_and_one_that_the_index_names_in_vain_is_reported() -> None:
    files = {
        "h/index.json": index(("pkg:oci/a", "pkg/oci/a/vex.json"), ("pkg:oci/b", "pkg/oci/b/vex.json")),
        "h/vex-repository.json": "{}",
        "h/pkg/oci/a/manifest.json": "{}",
        "h/pkg/oci/a/vex.json": vex("pkg:oci/a"),
    }
    records, problems = read(FEED, tar_document(URL, files))
    assert records == [Statement(vulnerability="CVE-1", source="vexhub", status="fixed", products=("pkg:oci/a",))]
    assert [place for place, _ in problems] == [f"{URL} h/pkg/oci/b/vex.json"]


def test_of_two_lists_the_one_at_the_top_is_the_archives_whichever_comes_first() -> None:
    top = ("h/index.json", index(("pkg:npm/a", "a.json")))
    below = ("h/sub/index.json", index(("pkg:npm/b", "b.json")))
    other = ("h/my-index.json", index(("pkg:npm/c", "c.json")))
    files = {f"h/{name}.json": vex(f"pkg:npm/{name}") for name in "abc"}
    for lists in ((top, below, other), (other, below, top)):
        records, problems = read(FEED, tar_document(URL, {**dict(lists), **files}))
        assert (products(records), problems) == ([("pkg:npm/a",)], [])


@pytest.mark.parametrize("folder", ["", "h/", "a/b/"])
def test_the_index_alone_says_where_documents_are_wherever_it_stands_in_the_archive(folder: str) -> None:
    files = {
        f"{folder}any/where.json": vex("pkg:npm/%40scope/a@1"),
        f"{folder}pkg/npm/b/vex.json": vex("pkg:npm/b"),
        f"{folder}sub/index.json": index(("pkg:npm/b", "../pkg/npm/b/vex.json")),
        f"{folder}index.json": index(("pkg:npm/%40scope/a", "any/where.json")),
    }
    for archive in (tar_document(URL, files), zip_document(URL, files)):
        assert [products(part) if part else part for part in read(FEED, archive)] == [[("pkg:npm/%40scope/a@1",)], []]


def test_a_document_of_the_format_csaf_is_read() -> None:
    csaf = {
        "document": {"category": "csaf_vex", "csaf_version": "2.0"},
        "product_tree": {
            "full_product_names": [
                {"product_id": "P", "name": "a", "product_identification_helper": {"purl": "pkg:npm/a@1"}}
            ]
        },
        "vulnerabilities": [{"cve": "CVE-1", "product_status": {"known_not_affected": ["P"]}}],
    }
    files = {"index.json": index(("pkg:npm/a", "a.json")), "a.json": json.dumps(csaf)}
    (statement,), problems = read(FEED, tar_document(URL, files))
    assert isinstance(statement, Statement)
    assert (statement.vulnerability, statement.status, problems) == ("CVE-1", "not_affected", [])


ID = "pkg:oci/a?repository_url=ghcr.io%2Fteam%2Fa"
ABOUT = [
    ("pkg:golang/example.org/a", "pkg:golang/example.org/a@v1.0.0?type=module", True),
    ("pkg:golang/example.org/a", "pkg:golang/example.org/a/v2", False),
    ("pkg:npm/%40scope/a", "pkg:npm/@scope/a@1", True),
    ("pkg:pypi/a", "pkg:npm/a", False),
    ("pkg:pypi/a", "a", False),
    (ID, "pkg:oci/a@sha256%3Aabc?repository_url=ghcr.io/team/a&arch=amd64", True),
    (ID, "pkg:oci/a?repository_url=docker.io/team/a", False),
    (ID, "pkg:oci/a", False),
]


@pytest.mark.parametrize(("id", "product", "believed"), ABOUT)
def test_a_document_speaks_only_of_the_package_that_the_index_names_it_for(
    id: str, product: str, believed: bool
) -> None:
    files = {"index.json": index((id, "a.json")), "a.json": vex(product)}
    records, problems = read(FEED, tar_document(URL, files))
    assert products(records) == ([(product,)] if believed else [])
    assert [place for place, _ in problems] == ([] if believed else ["a.json"])


def test_an_archive_without_an_index_is_reported() -> None:
    assert read(FEED, tar_document(URL, {"pkg/a/vex.json": vex("pkg:npm/a")})) == (
        [],
        [(URL, "it holds no index.json")],
    )


def test_the_real_hub_gives_every_statement_that_its_index_leads_to_and_reports_the_5_left_out() -> None:
    hub = in_memory(document(*URL.removeprefix("https://").split("/")))
    names = [name for name, _ in members(hub, (".json",)) if "/pkg/" in name and not name.endswith("/manifest.json")]
    assert (len(names), sum(name.endswith(".openvex.json") for name in names)) == (54, 51)
    records, problems = read(FEED, hub)
    assert len(problems) == 5
    assert len(records) == 10_331  # two of the documents are not in the index, with one statement each


@given(damaged(vex("pkg:npm/a").encode()))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    read(FEED, tar_document(URL, {"h/a.json": data, "h/index.json": index(("pkg:npm/a", "a.json"))}))
    read(FEED, tar_document(URL, {"h/a.json": data, "h/index.json": data}))
