"""VEX of any kind: a document is recognised, and what we write is read back to the same effect."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.advisories.feeds.formats.vex import statements_of
from hullmark.advisories.match.vex import StatementIndex, apply_statements
from hullmark.model.advisory import Statement
from hullmark.report import load
from tests.unit.report.matches_samples import SMALL
from tests.unit.report.samples import PLAIN

OPENVEX: dict[str, Any] = {
    "@context": "https://openvex.dev/ns/v0.2.0",
    "timestamp": "2026-01-01T00:00:00Z",
    "statements": [{"vulnerability": {"name": "CVE-1"}, "products": [{"@id": "pkg:oci/a"}], "status": "fixed"}],
}
CYCLONEDX: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "vulnerabilities": [{"id": "CVE-1", "analysis": {"state": "resolved"}, "affects": [{"ref": "pkg:oci/a"}]}],
}
CSAF: dict[str, Any] = {
    "document": {
        "category": "csaf_vex",
        "csaf_version": "2.0",
        "tracking": {"current_release_date": "2026-01-01T00:00:00Z"},
    },
    "product_tree": {
        "full_product_names": [{"product_id": "a", "name": "a", "product_identification_helper": {"purl": "pkg:oci/a"}}]
    },
    "vulnerabilities": [{"cve": "CVE-1", "product_status": {"fixed": ["a"]}}],
}


def read(document: Any) -> tuple[list[Statement], list[str]]:
    """The statements and what was reported."""
    told: list[str] = []
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return list(statements_of(data, "them", lambda place, why: told.append(why), "x")), told


def envelope(document: Any) -> dict[str, Any]:
    """The document in an in-toto statement in a DSSE envelope."""
    statement = {"_type": "https://in-toto.io/Statement/v1", "predicate": document}
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    return {"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": []}


@pytest.mark.parametrize("document", [OPENVEX, CYCLONEDX, CSAF], ids=["openvex", "cyclonedx", "csaf"])
@pytest.mark.parametrize("wrap", [lambda document: document, lambda document: {"predicate": document}, envelope])
def test_each_kind_is_recognised(document: Any, wrap: Any) -> None:
    (found,), told = read(wrap(document))
    assert (found.vulnerability, found.status, found.products, told) == ("CVE-1", "fixed", ("pkg:oci/a",), [])


@pytest.mark.parametrize(
    "document",
    [{}, [], {"spdxVersion": "x"}, {"payload": "%"}, {"payload": "é"}, b"", envelope(envelope(envelope({})))],
)
def test_other_documents_are_reported(document: Any) -> None:
    found, told = read(document)
    assert found == []
    assert len(told) == 1


SUBJECT = {"name": "shop", "digest": {"sha256": "a", "sha512": "b"}}


@pytest.mark.parametrize("products", [{}, {"products": []}])
def test_a_statement_that_names_no_product_is_about_the_subjects_of_its_attestation(products: Any) -> None:
    bare = {**OPENVEX, "statements": [{"vulnerability": "CVE-1", "status": "fixed", **products}]}
    (found,), told = read({"subject": [SUBJECT, {"digest": {"sha256": "c"}}], "predicate": bare})
    assert (found.products, told) == (("sha256:a", "sha512:b", "sha256:c"), [])
    (found,), _ = read(bare)
    assert found.products == ()


@pytest.mark.parametrize(
    "product", [{}, {"identifiers": {"cpe23": "cpe:2.3:a:b:c:*:*:*:*:*:*:*:*"}}, {"@id": "pkg:oci/a"}]
)
def test_a_statement_that_names_a_product_is_not_widened_to_what_was_attested(product: Any) -> None:
    narrow = {**OPENVEX, "statements": [{"vulnerability": "CVE-1", "status": "fixed", "products": [product]}]}
    (found,), told = read({"subject": [SUBJECT], "predicate": narrow})
    assert (found.products, told) == (tuple(product[key] for key in ("@id",) if key in product), [])


@pytest.mark.parametrize("document", [CYCLONEDX, CSAF], ids=["cyclonedx", "csaf"])
def test_other_kinds_than_openvex_name_their_products_themselves(document: Any) -> None:
    (found,), _ = read({"subject": [SUBJECT], "predicate": document})
    assert found.products == ("pkg:oci/a",)


def test_an_attestation_whose_subjects_cannot_be_read_is_reported() -> None:
    found, told = read({"subject": "shop", "predicate": OPENVEX})
    assert (found, len(told)) == ([], 1)


@given(st.binary())
def test_any_bytes_are_survived(data: bytes) -> None:
    read(data)


@pytest.mark.parametrize("name", ["openvex", "csaf", "cyclonedx-vex-json"])
def test_what_we_write_suppresses_the_same_when_it_is_read_back(name: str) -> None:
    statements, told = read(load("matches", name).render(SMALL, PLAIN))
    assert told == []
    bare = [msgspec.structs.replace(match, suppressed=None) for match in SMALL.matches]
    after = {
        match.advisory.id
        for match in apply_statements(bare, StatementIndex(statements, SMALL.source))
        if match.suppressed
    }
    assert after == {
        match.advisory.id
        for match in SMALL.matches
        if match.suppressed and match.suppressed.by in ("vex", "not-affected")
    }
