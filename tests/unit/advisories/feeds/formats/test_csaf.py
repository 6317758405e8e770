"""CSAF: products, what a document says of them, and statements of VEX."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given

from hullmark.advisories.feeds import openeuler, redhat
from hullmark.advisories.feeds.feed import DamagedDocument, Feed
from hullmark.advisories.feeds.formats import csaf, csaf_statements
from hullmark.model.advisory import Cvss, Statement
from tests.support.advisories import Bytes, sample
from tests.unit.advisories.feeds.reading import Problems, damaged


def product(identity: str, **helper: str) -> dict[str, Any]:
    return {"product": {"product_id": identity, "name": identity, "product_identification_helper": helper}}


def related(component: str, platform: str) -> dict[str, Any]:
    return {
        "product_reference": component,
        "relates_to_product_reference": platform,
        "full_product_name": {"product_id": f"{platform}:{component}", "name": "x"},
    }


DOCUMENT: dict[str, Any] = {
    "document": {
        "category": "csaf_vex",
        "title": "A title",
        "aggregate_severity": {"text": "Moderate"},
        "tracking": {"id": "CVE-2024-0001", "current_release_date": "2024-05-06T07:08:09.123+00:00"},
    },
    "product_tree": {
        "branches": [
            {
                "category": "vendor",
                "branches": [
                    product("rel", cpe="cpe:/o:v:linux:9"),
                    product("image", purl="pkg:oci/app@sha256:00"),
                    product("mod", purl="pkg:rpmmod/v/nodejs@18"),
                    product("tar", purl="pkg:rpm/v/tar@1-2"),
                ],
            }
        ],
        "relationships": [
            related("tar", "rel"),
            related("mod", "rel"),
            related("tar", "rel:mod"),
            related("tar", "image"),
            {"product_reference": "tar", "relates_to_product_reference": "nowhere"},
        ],
        "product_groups": [{"group_id": "all", "product_ids": ["rel:tar", "image:tar"]}],
    },
    "vulnerabilities": [
        {
            "cve": "CVE-2024-0001",
            "notes": [{"category": "description", "text": "A\nflaw."}],
            "product_status": {
                "known_not_affected": ["rel:tar"],
                "known_affected": ["image:tar"],
                "fixed": ["tar"],
                "under_investigation": ["unknown"],
            },
            "flags": [{"label": "component_not_present", "product_ids": ["rel:tar"]}],
            "threats": [{"category": "impact", "details": "Never loaded", "product_ids": ["rel:tar"]}],
            "remediations": [{"category": "workaround", "details": "Turn it off", "group_ids": ["all"]}],
            "scores": [{"cvss_v3": {"version": "3.1", "vectorString": "CVSS:3.1/AV:N", "baseScore": 5.3}}],
        }
    ],
}


def statements(value: Any) -> tuple[list[Statement], Problems]:
    problems: Problems = []
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    found = csaf_statements.statements_of(data, "vex", lambda place, why: problems.append((place, why)), "a.json")
    return list(found), problems


def test_statements_have_status_reason_and_the_part_that_is_meant() -> None:
    common = {"vulnerability": "CVE-2024-0001", "source": "vex", "at": "2024-05-06T07:08:09Z"}
    assert statements(DOCUMENT) == (
        [
            Statement(
                status="not_affected",
                products=("pkg:rpm/v/tar@1-2",),
                justification="component_not_present",
                impact="Never loaded",
                **common,  # type: ignore[arg-type]
            ),
            Statement(
                status="affected",
                products=("pkg:oci/app@sha256:00",),
                subcomponents=("pkg:rpm/v/tar@1-2",),
                action="Turn it off",
                **common,  # type: ignore[arg-type]
            ),
            Statement(status="fixed", products=("pkg:rpm/v/tar@1-2",), **common),  # type: ignore[arg-type]
            Statement(status="under_investigation", products=("unknown",), **common),  # type: ignore[arg-type]
        ],
        [],
    )


def test_a_product_in_a_module_in_a_release_has_the_module_between() -> None:
    products = csaf.products_of(csaf.read(json.dumps(DOCUMENT).encode()))
    component, platform, between = csaf.parts(products["rel:mod:tar"], products)
    assert (component.product_id, platform and platform.product_id, [each.product_id for each in between]) == (
        "tar",
        "rel",
        ["mod"],
    )


def test_a_product_that_contains_itself_ends() -> None:
    document = {
        "product_tree": {
            "relationships": [related("a", "b"), {**related("b", "b:a"), "full_product_name": {"product_id": "b"}}]
        }
    }
    products = csaf.products_of(csaf.read(json.dumps(document).encode()))
    assert csaf.parts(products["b:a"], products)[0].product_id == "a"


def test_the_severity_is_the_impact_or_the_documents() -> None:
    read = csaf.read(json.dumps(DOCUMENT).encode())
    (vulnerability,) = read.vulnerabilities
    assert csaf.severity_of(vulnerability, read) == "medium"
    important = msgspec.structs.replace(vulnerability, threats=[csaf.Threat("impact", "Important")])
    assert csaf.severity_of(important, read) == "high"
    assert csaf.ratings_of(vulnerability) == (Cvss("3.1", "CVSS:3.1/AV:N", 5.3),)
    assert csaf.summary_of(vulnerability, read) == "A flaw."


@pytest.mark.parametrize(
    "data", [b"", b"[]", b'{"vulnerabilities": 5}', b'{"product_tree":' + b'{"branches":[' * 100_000]
)
def test_what_is_no_csaf_is_reported(data: bytes) -> None:
    found, problems = statements(data)
    assert not found
    assert len(problems) == 1


def test_a_vulnerability_without_an_id_costs_only_itself() -> None:
    found, problems = statements({"vulnerabilities": [{}, *DOCUMENT["vulnerabilities"]]})
    assert len(found) == 4
    assert problems == [("a.json: vulnerability 1", "it has no id")]


def test_a_real_document_yields_statements_for_each_status() -> None:
    found, problems = statements(sample("redhat", "vex/2023/CVE-2023-28484.json").data)
    assert not problems
    assert {statement.status for statement in found} == {"fixed", "affected", "not_affected"}
    safe = next(statement for statement in found if statement.status == "not_affected")
    assert safe.justification == "vulnerable_code_not_present"
    assert "pkg:gem/nokogiri" in safe.products


@given(damaged(json.dumps(DOCUMENT).encode()))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    statements(data)


def bounded(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> csaf.Csaf:
    monkeypatch.setattr(csaf, name, number)
    return csaf.read(json.dumps(DOCUMENT).encode())


def test_more_branches_than_are_followed_fail_the_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(csaf.products_of(bounded(monkeypatch, "_MAX_BRANCHES", 5))) == 8
    with pytest.raises(DamagedDocument, match="CVE-2024-0001: its product tree has more than 4 branches"):
        csaf.products_of(bounded(monkeypatch, "_MAX_BRANCHES", 4))


def test_products_that_stand_in_each_other_too_deep_fail_the_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    names = "abcd"
    chain = {name: csaf.Product(name, component=below) for name, below in pairwise(names)}
    monkeypatch.setattr(csaf, "_MAX_CHAIN", 3)
    assert csaf.parts(chain["a"], chain)[0].product_id == "d"
    monkeypatch.setattr(csaf, "_MAX_CHAIN", 2)
    with pytest.raises(DamagedDocument, match="more than 2 products stand in each other"):
        csaf.parts(chain["a"], chain)
    within = {name: csaf.Product(name, component="x", platform=above) for name, above in pairwise(names)}
    with pytest.raises(DamagedDocument, match="more than 2 products stand in each other"):
        csaf.parts(csaf.Product("p", component="x", platform="a"), {**within, "d": csaf.Product("d")})


@pytest.mark.parametrize(("name", "number"), [("_MAX_BRANCHES", 4), ("_MAX_CHAIN", 0)])
def test_statements_of_a_document_that_is_cut_count_for_nothing(
    name: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems: Problems = []
    monkeypatch.setattr(csaf, name, number)
    made = csaf_statements.statements_of(
        json.dumps(DOCUMENT).encode(), "x", lambda *each: problems.append(each), "a.json"
    )
    assert (list(made), [place for place, _ in problems]) == ([], ["a.json"])


@pytest.mark.parametrize("feed", [openeuler.FEED, redhat.FEED])
def test_a_feed_with_such_a_document_fails_and_keeps_what_it_gave_before(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csaf, "_MAX_BRANCHES", 1)
    document = Bytes(f"{redhat.PLACE}2024/cve-2024-0001.json", json.dumps(DOCUMENT).encode())
    with pytest.raises(DamagedDocument, match="more than 1 branches"):
        list(feed.parse((document,), lambda *each: None))


@pytest.mark.parametrize("feed", [openeuler.FEED, redhat.FEED])
def test_a_document_that_is_nested_too_deep_fails_the_feed(feed: Feed) -> None:
    deep = b'{"product_tree":' + b'{"branches":[' * 100_000 + b"]}" * 100_000 + b"}"
    with pytest.raises(DamagedDocument, match=r"nested too deep|recursion"):
        list(feed.parse((Bytes(f"{redhat.PLACE}2024/cve-2024-0001.json", deep),), lambda *each: None))
