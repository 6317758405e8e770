"""CycloneDX as VEX: what each analysis says of which product."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.advisories.feeds.formats.cyclonedx_vex import statements_of
from hullmark.model.advisory import Statement

DIGEST = "sha256:" + "a" * 64
IMAGE = {"bom-ref": "image", "name": "registry.example.com/shop", "version": DIGEST, "purl": f"pkg:oci/shop@{DIGEST}"}
LIBRARY = {"bom-ref": "lib", "name": "zlib", "version": "1.2", "purl": "pkg:deb/debian/zlib@1.2?arch=amd64"}


def read(document: Any) -> tuple[list[Statement], list[str]]:
    """The statements and what was reported."""
    told: list[str] = []
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return list(statements_of(data, "them", lambda place, why: told.append(f"{place}: {why}"), "vex.json")), told


def document(*vulnerabilities: Any, **more: Any) -> dict[str, Any]:
    """A document about the image."""
    return {
        "bomFormat": "CycloneDX",
        "metadata": {"timestamp": "2026-01-01T00:00:00Z", "component": IMAGE},
        "components": [LIBRARY],
        "vulnerabilities": list(vulnerabilities),
        **more,
    }


def vulnerability(state: str = "not_affected", ref: str = "lib", **more: Any) -> dict[str, Any]:
    """A vulnerability with an analysis; words for the analysis."""
    versions = more.pop("versions", [])
    return {"id": "CVE-1", "analysis": {"state": state, **more}, "affects": [{"ref": ref, "versions": versions}]}


def only(found: Any) -> Statement:
    """The one statement of a document, of which nothing was reported."""
    (statement,), told = read(found)
    assert told == []
    return statement


def test_a_statement_carries_all_that_the_analysis_says() -> None:
    found = vulnerability(
        justification="code_not_reachable",
        detail="We never\n call it.",
        response=["update", "unheard_of"],
        lastUpdated="2026-02-02T00:00:00Z",
    )
    found |= {"references": [{"id": "GHSA-1"}, {"id": "CVE-1"}], "recommendation": "Wait."}
    assert only(document(found)) == Statement(
        vulnerability="CVE-1",
        source="them",
        status="not_affected",
        products=(f"pkg:oci/shop@{DIGEST}", DIGEST),
        subcomponents=("pkg:deb/debian/zlib@1.2?arch=amd64",),
        aliases=("GHSA-1",),
        justification="vulnerable_code_not_in_execute_path",
        impact="We never call it.",
        action="Update it. Wait.",
        at="2026-02-02T00:00:00Z",
    )


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("resolved", "fixed"),
        ("resolved_with_pedigree", "fixed"),
        ("exploitable", "affected"),
        ("in_triage", "under_investigation"),
        ("false_positive", "not_affected"),
        ("not_affected", "not_affected"),
    ],
)
def test_each_state_has_a_status(state: str, status: str) -> None:
    assert only(document(vulnerability(state))).status == status


@pytest.mark.parametrize(
    "found", [{"id": "CVE-1", "affects": [{"ref": "lib"}]}, vulnerability("unheard_of"), vulnerability(ref="nowhere")]
)
def test_without_analysis_or_product_nothing_is_said(found: Any) -> None:
    assert read(document(found)) == ([], [])


def test_a_statement_about_the_image_itself_has_no_parts() -> None:
    found = only(document(vulnerability(ref="image")))
    assert (found.products, found.subcomponents) == ((f"pkg:oci/shop@{DIGEST}", DIGEST), ())


def test_parts_of_which_the_same_is_said_are_one_statement() -> None:
    other = {"bom-ref": "other", "purl": "pkg:npm/a@1"}
    found = vulnerability()
    found["affects"].append({"ref": "other"})
    assert only(document(found, components=[LIBRARY, other])).subcomponents == (LIBRARY["purl"], "pkg:npm/a@1")


def test_components_within_components_are_found() -> None:
    nest = {"bom-ref": "outer", "purl": "pkg:npm/outer@1", "components": [LIBRARY]}
    assert only(document(vulnerability(), components=[nest])).subcomponents == (LIBRARY["purl"],)


def test_components_too_deep_within_others_are_excused_by_nothing() -> None:
    nest: dict[str, Any] = LIBRARY
    for number in range(14):
        nest = {"bom-ref": f"outer{number}", "components": [nest]}
    assert only(document(vulnerability(), components=[nest])).subcomponents == (LIBRARY["purl"],)
    deeper = {"bom-ref": "a", "components": [{"bom-ref": "b", "components": [nest]}]}
    assert read(document(vulnerability(), components=[deeper])) == ([], [])


def test_a_component_goes_by_its_digests_too_and_one_without_any_name_by_nothing() -> None:
    hashes = [{"alg": "SHA-1", "content": "1" * 40}, {"alg": "SHA-256", "content": "AB" * 32}]
    found = only(document(vulnerability(), components=[{"bom-ref": "lib", "hashes": hashes}]))
    assert found.subcomponents == ("sha256:" + "ab" * 32,)
    assert read(document(vulnerability(), components=[{"bom-ref": "lib", "version": "1"}])) == ([], [])


def test_a_link_into_this_document_leads_to_its_component() -> None:
    link = "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#"
    assert only(document(vulnerability(ref=f"{link}lib"))).subcomponents == (LIBRARY["purl"],)
    odd = {**LIBRARY, "bom-ref": "l/b"}
    assert only(document(vulnerability(ref=f"{link}l%2Fb"), components=[odd])).subcomponents == (LIBRARY["purl"],)


def test_other_versions_of_what_has_no_package_url_are_not_spoken_of() -> None:
    versions = [{"version": "1.3", "status": "unaffected"}]
    bare = {"bom-ref": "lib", "name": "zlib", "version": "1.2"}
    assert read(document(vulnerability("exploitable", versions=versions), components=[bare])) == ([], [])


@pytest.mark.parametrize(
    ("name", "version", "product"),
    [
        ("shop:1.4", "1.4", "shop:1.4"),
        ("host:5000/shop", "1.4", "host:5000/shop:1.4"),
        (f"shop@{DIGEST}", "1.4", f"shop@{DIGEST}"),
        ("shop", "", "shop"),
    ],
)
def test_an_image_that_names_its_tag_is_called_as_it_is(name: str, version: str, product: str) -> None:
    image = {"bom-ref": "image", "name": name, "version": version}
    assert only(document(vulnerability(), metadata={"component": image})).products == (product,)


def test_without_a_subject_the_component_is_the_product() -> None:
    found = only(document(vulnerability(), metadata={}))
    assert (found.products, found.subcomponents, found.at) == ((LIBRARY["purl"],), (), "")


@pytest.mark.parametrize(
    "ref",
    [
        "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#pkg:npm/a@1",
        "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#pkg%3Anpm%2Fa%401",
        "pkg:npm/a@1",
    ],
)
def test_a_link_into_another_document_is_followed_by_its_package_url(ref: str) -> None:
    assert only(document(vulnerability(ref=ref))).subcomponents == ("pkg:npm/a@1",)


def test_versions_are_spoken_of_one_by_one() -> None:
    versions = [
        {"version": "1.2", "status": "affected"},
        {"version": "1.3", "status": "unaffected"},
        {"range": "vers:deb/>1.4", "status": "affected"},
    ]
    found, _ = read(document(vulnerability("exploitable", versions=versions)))
    assert [(each.status, each.subcomponents) for each in found] == [
        ("affected", ("pkg:deb/debian/zlib@1.2?arch=amd64",)),
        ("not_affected", ("pkg:deb/debian/zlib@1.3?arch=amd64",)),
    ]


def test_an_image_without_package_url_goes_by_its_name() -> None:
    image = {"bom-ref": "image", "name": "shop", "version": "1.4"}
    assert only(document(vulnerability(), metadata={"component": image})).products == ("shop:1.4",)


def test_damage_costs_only_the_vulnerability_it_hits() -> None:
    found, told = read(document({"id": 1}, {"analysis": {"state": "resolved"}}, vulnerability()))
    assert [each.vulnerability for each in found] == ["CVE-1"]
    assert told[0].startswith("vex.json vulnerability 0: it cannot be read")
    assert told[1] == "vex.json vulnerability 1: left out: it has no id"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(("lib", "CVE-1", "exploitable")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ("id", "ref", "affects", "analysis", "state", "versions", "version", "status", "components", "bom-ref")
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_document_is_survived(data: bytes) -> None:
    read(data)


@given(JSON)
def test_any_vulnerability_is_survived_and_the_good_ones_beside_it_stay(found: Any) -> None:
    assert read(document(found, vulnerability()))[0][-1].vulnerability == "CVE-1"
