"""OpenVEX documents."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from hullmark.advisories.feeds.formats.openvex import statements_of
from hullmark.model.advisory import Statement
from tests.support.advisories import sample
from tests.unit.advisories.feeds.reading import Problems, damaged

CRYPTO = {"@id": "pkg:golang/golang.org/x/crypto@v0.1.0"}
STATEMENT: dict[str, Any] = {
    "vulnerability": {"name": "GO-2021-0356", "aliases": ["CVE-2022-27191", "GO-2021-0356"]},
    "timestamp": "2024-12-19T21:07:12Z",
    "products": [
        {
            "@id": "pkg:oci/a",
            "hashes": {"sha-256": "AB", "blake3": "CD"},
            "identifiers": {"purl": "pkg:oci/a@1", "cpe23": "x"},
            "subcomponents": [CRYPTO],
        },
        {"@id": "pkg:oci/b", "subcomponents": [CRYPTO]},
        {"@id": "pkg:oci/c"},
    ],
    "status": "not_affected",
    "justification": "vulnerable_code_not_present",
    "impact_statement": "It is\nnot called.",
}


def statements(document: Any) -> tuple[list[Statement], Problems]:
    problems: Problems = []
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return list(statements_of(data, "x", lambda place, why: problems.append((place, why)), "here")), problems


def test_products_with_the_same_parts_are_one_statement_and_go_by_all_their_names() -> None:
    found, problems = statements({"timestamp": "2024-01-01T00:00:00Z", "statements": [STATEMENT]})
    assert not problems
    assert [(each.products, each.subcomponents) for each in found] == [
        (("pkg:oci/a", "pkg:oci/a@1", "sha256:ab", "pkg:oci/b"), (CRYPTO["@id"],)),
        (("pkg:oci/c",), ()),
    ]
    first = found[0]
    assert (first.vulnerability, first.aliases) == ("GO-2021-0356", ("CVE-2022-27191",))
    assert (first.status, first.justification) == ("not_affected", "vulnerable_code_not_present")
    assert (first.impact, first.at, first.source) == ("It is not called.", "2024-12-19T21:07:12Z", "x")


def test_the_first_version_of_the_format_is_read_too() -> None:
    old = {"vulnerability": "CVE-2023-1", "products": ["pkg:oci/a"], "subcomponents": ["pkg:apk/b"], "status": "fixed"}
    found, _ = statements({"timestamp": "2023-01-01T00:00:00Z", "statements": [old]})
    assert [(each.products, each.subcomponents, each.at) for each in found] == [
        (("pkg:oci/a",), ("pkg:apk/b",), "2023-01-01T00:00:00Z")
    ]


@pytest.mark.parametrize(
    ("vulnerability", "name"),
    [
        ({"@id": "https://nvd.nist.gov/vuln/detail/CVE-2023-2"}, "CVE-2023-2"),
        ({"@id": "CVE-2023-2", "name": "CVE-2023-3"}, "CVE-2023-3"),
    ],
)
def test_a_vulnerability_may_be_known_by_its_address_only(vulnerability: dict[str, str], name: str) -> None:
    found, _ = statements({"statements": [{"vulnerability": vulnerability, "status": "affected"}]})
    assert [each.vulnerability for each in found] == [name]


def test_a_time_wrapped_in_metadata_is_found() -> None:
    document = {
        "metadata": {"timestamp": "2025-01-10"},
        "statements": [{"vulnerability": "CVE-1", "status": "affected"}],
    }
    assert [each.at for each in statements(document)[0]] == ["2025-01-10"]


def test_a_statement_that_cannot_be_read_costs_only_itself() -> None:
    bad = [
        {"status": "fixed"},
        {"vulnerability": "CVE-1", "status": "maybe"},
        {"vulnerability": {}, "status": "fixed"},
        1,
    ]
    found, problems = statements({"statements": [*bad, STATEMENT]})
    assert len(found) == 2
    assert [place for place, _ in problems] == [f"here statement {number}" for number in range(4)]


def test_canonical_s_documents_are_read() -> None:
    found, problems = statements(sample("ubuntu", "vex/cve/2023/CVE-2023-38545.json").data)
    assert ([each.status for each in found], problems) == (["fixed", "affected", "not_affected"], [])


@given(damaged(json.dumps({"statements": [STATEMENT]}).encode()))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    statements(data)
