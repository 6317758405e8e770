"""VEX as OpenVEX and CSAF: what is said of each match, in the form the standards want."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from hullmark.advisories.feeds.formats.vex import statements_of
from hullmark.advisories.match import vex
from hullmark.model.advisory import Statement
from hullmark.model.isolation import Isolation, PlacedContainer, Workload, WorkloadContainer
from hullmark.model.match import Matches, Suppression
from hullmark.reach.matched import without_unreachable
from hullmark.report import load
from hullmark.report.format import RenderContext
from hullmark.report.matches_cyclonedx_json import analysis
from hullmark.report.vex_words import JUSTIFICATIONS, Position, position
from tests.unit.isolation.test_mitigations import MITIGATED
from tests.unit.report.matches_samples import (
    CLEAN,
    DENIED,
    DISTRO_SAYS,
    FOLLOWED,
    GUESSED,
    MATCHES,
    MENDED,
    OPENSSL,
    SMALL,
    STATES,
    UNRATED,
    WAIVED,
    matches,
)
from tests.unit.report.samples import PLAIN, digest

OWNED = "it belongs to python3-yaml 6.0-3"
WORDS = {
    f"{OWNED}, and Debian 12 records that it is sound": ("not_affected", "known_not_affected", "not_affected"),
    f"{OWNED}, for which it is reported": ("affected", "known_affected", "exploitable"),
    f"{OWNED}, and Debian 12 does not list that as affected": ("under_investigation",) * 2 + ("in_triage",),
    f"{OWNED}, of which Amazon Linux 2023 speaks": ("under_investigation",) * 2 + ("in_triage",),
}
ANY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
URI = {"type": "string", "pattern": r"^[a-z][a-z0-9+.-]*:\S+$"}
TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"}
COMPONENT: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "@id": URI,
        "identifiers": {"additionalProperties": False, "properties": {"purl": {"pattern": "^pkg:"}}},
        "hashes": {"additionalProperties": False, "properties": {"sha-256": {"pattern": "^[0-9a-f]{64}$"}}},
        "subcomponents": {"type": "array", "uniqueItems": True, "minItems": 1, "items": {"type": "object"}},
    },
}
STATEMENT = {
    "type": "object",
    "required": ["vulnerability", "status", "products"],
    "additionalProperties": False,
    "properties": {
        "vulnerability": {
            "required": ["name"],
            "additionalProperties": False,
            "properties": {"name": {"type": "string"}, "aliases": {"type": "array", "uniqueItems": True}},
        },
        "products": {"type": "array", "uniqueItems": True, "minItems": 1, "items": COMPONENT},
        "status": {"enum": ["not_affected", "affected", "fixed", "under_investigation"]},
        "status_notes": {"type": "string"},
        "justification": {
            "enum": [
                "component_not_present",
                "vulnerable_code_not_present",
                "vulnerable_code_not_in_execute_path",
                "vulnerable_code_cannot_be_controlled_by_adversary",
                "inline_mitigations_already_exist",
            ]
        },
        "impact_statement": {"type": "string", "minLength": 1},
        "action_statement": {"type": "string", "minLength": 1},
    },
    "allOf": [
        {
            "if": {"properties": {"status": {"const": "not_affected"}}},
            "then": {"oneOf": [{"required": ["justification"]}, {"required": ["impact_statement"]}]},
        },
        {"if": {"properties": {"status": {"const": "affected"}}}, "then": {"required": ["action_statement"]}},
    ],
}
OPENVEX = Draft202012Validator(
    {
        "type": "object",
        "required": ["@context", "@id", "author", "timestamp", "version", "statements"],
        "additionalProperties": False,
        "properties": {
            "@context": {"const": "https://openvex.dev/ns/v0.2.0"},
            "@id": URI,
            "author": {"type": "string"},
            "role": {"type": "string"},
            "tooling": {"type": "string"},
            "timestamp": TIME,
            "version": {"type": "integer", "minimum": 1},
            "statements": {"type": "array", "uniqueItems": True, "items": STATEMENT},
        },
    }
)


def openvex(found: Matches = SMALL, context: RenderContext = PLAIN) -> dict[str, Any]:
    """The OpenVEX document, which is as the standard wants it."""
    read: dict[str, Any] = json.loads(load("matches", "openvex").render(found, context))
    assert [error.message for error in OPENVEX.iter_errors(read)] == []
    return read


def csaf(found: Matches = SMALL, context: RenderContext = PLAIN) -> dict[str, Any]:
    """The CSAF document, read back."""
    read: dict[str, Any] = json.loads(load("matches", "csaf").render(found, context))
    return read


@pytest.mark.parametrize(
    ("match", "said"),
    [
        (OPENSSL, Position(status="affected", action="Update libssl3 to 3.0.11-1~deb12u3 or later.")),
        (UNRATED, Position(status="affected", action="No fixed version of left-pad is available yet.")),
        (GUESSED, Position(status="under_investigation")),
        (WAIVED, Position(status="affected", action="Accepted by platform team until 2027-03-31: No shell is started")),
        (
            DENIED,
            Position(
                status="not_affected",
                justification="vulnerable_code_not_in_execute_path",
                impact="them says not_affected (vulnerable_code_not_in_execute_path): full_load is not called",
            ),
        ),
        (MENDED, Position(status="fixed", impact="them says fixed")),
        (DISTRO_SAYS, Position(status="not_affected", impact="Debian says so.")),
        (STATES, Position(status="affected", action="It is not known whether a fixed version of musl is available.")),
    ],
)
def test_each_match_has_a_position(match: Any, said: Position) -> None:
    assert position(match) == said


@pytest.mark.parametrize("source", ["them", "https://vex.example/a.json", "who says fixed or not"])
@pytest.mark.parametrize("impact", ["", "It says fixed: no."])
def test_what_vex_suppressed_is_said_again_as_it_was_said(source: str, impact: str) -> None:
    assert vex.JUSTIFICATIONS == JUSTIFICATIONS
    for status, justification in (("fixed", ""), *(("not_affected", word) for word in ("", *JUSTIFICATIONS))):
        statement = Statement(
            vulnerability="CVE-1",
            source=source,
            status=status,  # type: ignore[arg-type]
            justification=justification,
            impact=impact,
        )
        suppressed = Suppression(by="vex", reason=vex.reason_of(statement))
        said = position(msgspec.structs.replace(OPENSSL, suppressed=suppressed))
        assert (said.status, said.justification) == (status, justification)


@pytest.mark.parametrize("reason", WORDS)
def test_not_affected_is_said_of_a_statement_and_never_of_silence(reason: str) -> None:
    aside = msgspec.structs.replace(OPENSSL, suppressed=Suppression(by="distro", reason=reason))
    found = msgspec.structs.replace(SMALL, matches=(aside,))
    status, in_csaf, state = WORDS[reason]
    (statement,) = openvex(found)["statements"]
    assert statement["status"] == status
    assert reason in (
        statement.get("impact_statement") or statement.get("status_notes") or statement["action_statement"]
    )
    (vulnerability,) = csaf(found)["vulnerabilities"]
    assert list(vulnerability["product_status"]) == [in_csaf]
    assert analysis(aside)["state"] == state
    assert reason in analysis(aside)["detail"]


@pytest.mark.parametrize("case", MATCHES)
def test_openvex_is_valid(case: str) -> None:
    openvex(MATCHES[case], RenderContext(tool_version="1", timestamp="2026-11-01T12:00:00Z"))


@ANY
@given(matches())
def test_openvex_of_any_matches_is_valid(found: Matches) -> None:
    openvex(found)


def test_the_image_is_the_product_and_its_packages_are_the_subcomponents() -> None:
    statement = openvex()["statements"][0]
    (product,) = statement["products"]
    assert product["@id"].startswith("pkg:oci/shop@sha256:")
    assert product["hashes"] == {"sha-256": digest(0xA).removeprefix("sha256:")}
    assert product["subcomponents"] == [
        {
            "@id": "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1",
            "identifiers": {"purl": "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1"},
        }
    ]
    assert statement["vulnerability"] == {"aliases": ["CVE-2021-44228"], "name": "GHSA-jfh8-c2jp-5v3q"}


def test_the_moment_is_that_of_the_data_unless_one_was_asked_for() -> None:
    assert openvex()["timestamp"] == "2026-10-31T00:00:00Z"
    assert openvex(CLEAN)["timestamp"] == "1970-01-01T00:00:00Z"
    asked = openvex(SMALL, RenderContext(tool_version="1", timestamp="2026-11-01T12:00:00+01:00"))
    assert asked["timestamp"] == "2026-11-01T11:00:00Z"


@pytest.mark.parametrize("case", ["odd", "reached", "small"])
@pytest.mark.parametrize("timestamp", [None, "2026-11-01T12:00:00Z"])
def test_csaf_passes_the_library_with_the_official_schema(case: str, timestamp: str | None) -> None:
    verification = pytest.importorskip("csaf_lib.verification", reason="csaf-lib is not installed")
    read = csaf(MATCHES[case], RenderContext(tool_version="1", timestamp=timestamp))
    verdict = verification.Verifier(read).run_all()
    assert [(found.test_id, found.message) for found in verdict.results if "fail" in str(found.status).lower()] == []


@ANY
@given(matches())
def test_csaf_of_any_matches_keeps_its_references_and_contradicts_itself_nowhere(found: Matches) -> None:
    read = csaf(found)
    tree = read.get("product_tree", {"full_product_names": [], "relationships": []})
    parts = [product["product_id"] for product in tree["full_product_names"]]
    ids = parts + [relation["full_product_name"]["product_id"] for relation in tree["relationships"]]
    assert len(set(ids)) == len(ids)
    for relation in tree["relationships"]:
        assert {relation["product_reference"], relation["relates_to_product_reference"]} <= set(parts)
    vulnerabilities = read.get("vulnerabilities", [])
    cves = [vulnerability["cve"] for vulnerability in vulnerabilities if "cve" in vulnerability]
    assert len(set(cves)) == len(cves)
    for vulnerability in vulnerabilities:
        _check(vulnerability, set(ids))


def _check(vulnerability: dict[str, Any], ids: set[str]) -> None:
    status = vulnerability["product_status"]
    told = [product for products in status.values() for product in products]
    assert len(set(told)) == len(told)
    assert set(told) <= ids
    assert vulnerability["notes"][0]["text"]
    assert "cve" in vulnerability or vulnerability["ids"]
    denied = {product for threat in vulnerability.get("threats", ()) for product in threat["product_ids"]}
    acted = {product for remedy in vulnerability.get("remediations", ()) for product in remedy["product_ids"]}
    assert denied == set(status.get("known_not_affected", ()))
    assert acted == set(status.get("known_affected", ()))


def test_of_two_matches_of_a_vulnerability_and_a_package_csaf_tells_the_more_cautious() -> None:
    denied = msgspec.structs.replace(OPENSSL, suppressed=DISTRO_SAYS.suppressed)
    for both in ((OPENSSL, denied), (denied, OPENSSL)):
        [told] = csaf(msgspec.structs.replace(SMALL, matches=both))["vulnerabilities"]
        assert {status: len(products) for status, products in told["product_status"].items()} == {"known_affected": 1}


def test_csaf_says_what_to_do_in_the_words_of_the_standard() -> None:
    remedies = {
        vulnerability["cve"]: [remedy["category"] for remedy in vulnerability["remediations"]]
        for vulnerability in csaf()["vulnerabilities"]
        if "remediations" in vulnerability and "cve" in vulnerability
    }
    assert remedies["CVE-2023-5363"] == ["vendor_fix"]
    assert remedies["CVE-2010-4756"] == ["no_fix_planned"]
    assert remedies["CVE-2019-18276"] == ["no_fix_planned"]
    assert remedies["CVE-2025-26519"] == ["none_available"]


def test_what_the_start_does_not_reach_is_not_affected_with_the_evidence() -> None:
    evidence = (
        "Nothing that the image starts can come to use libssl3. Followed to the end were ENTRYPOINT java -jar /srv/shop.jar, with all "
        "programs, libraries, scripts, modules and configuration that these lead to: none of its 2 files is reached "
        "(/usr/lib/libcrypto.so.3, /usr/lib/libssl.so.3)."
    )
    by_name = {statement["vulnerability"]["name"]: statement for statement in openvex(FOLLOWED)["statements"]}
    unreachable = by_name["CVE-2023-5678"]
    assert (unreachable["status"], unreachable["justification"], unreachable["status_notes"]) == (
        "not_affected", "vulnerable_code_not_in_execute_path", evidence,
    )  # fmt: skip
    # A guess that is not reached is no guess any more; what is unknown or reachable, or that nobody knows of, is never denied.
    states = {name: statement["status"] for name, statement in by_name.items()}
    assert states == {
        "GHSA-jfh8-c2jp-5v3q": "affected", "CVE-2023-5678": "not_affected", "CVE-2024-7347": "not_affected",
        "GHSA-xxxx-yyyy-zzzz": "affected", "CVE-2019-18276": "affected", "CVE-2020-14343": "not_affected",
    }  # fmt: skip
    flags = {
        flag["label"] for vulnerability in csaf(FOLLOWED)["vulnerabilities"] for flag in vulnerability.get("flags", ())
    }
    assert flags == {"vulnerable_code_not_in_execute_path"}
    [match] = [match for match in FOLLOWED.matches if match.advisory.id == "CVE-2023-5678"]
    assert analysis(match) == {"state": "not_affected", "justification": "code_not_reachable", "detail": evidence}
    aside = without_unreachable(FOLLOWED)
    assert [match.advisory.id for match in aside.matches if match.suppressed and match.suppressed.by == "reach"] == [
        "CVE-2023-5678", "CVE-2024-7347",
    ]  # fmt: skip
    assert {
        statement["vulnerability"]["name"]: statement["status"] for statement in openvex(aside)["statements"]
    } == states


def test_without_matches_csaf_is_of_the_base_profile() -> None:
    assert csaf(CLEAN)["document"]["category"] == "csaf_base"
    assert csaf()["document"]["category"] == "csaf_vex"


def at(*names: str, **granted: Any) -> tuple[PlacedContainer, ...]:
    """Containers of these names, all granted the same."""
    return tuple(
        PlacedContainer(
            workload=Workload(format="kubernetes", name=f"Deployment/{name}", namespace="shop"),
            container=WorkloadContainer(name=name, image="shop:1", isolation=Isolation(**granted)),
            path="deploy.yaml",
        )
        for name in names
    )


def with_weakness(*cwes: str, **more: Any) -> Matches:
    """One match of this kind of weakness."""
    advisory = msgspec.structs.replace(OPENSSL.advisory, cwes=cwes)
    found = msgspec.structs.replace(OPENSSL, advisory=advisory, **more)
    return msgspec.structs.replace(SMALL, matches=(found,))


def test_what_a_place_limits_is_said_of_the_place_and_never_of_the_image() -> None:
    found = with_weakness("CWE-22")
    placed = msgspec.structs.replace(found, places=at("web", "mail", read_only_root=True, privileged=False))
    of_image, *of_places = openvex(placed)["statements"]
    assert of_image == openvex(found)["statements"][0]
    assert [statement["products"][0]["@id"] for statement in of_places] == [
        "urn:hullmark:place:kubernetes:shop:Deployment%2Fweb:web",
        "urn:hullmark:place:kubernetes:shop:Deployment%2Fmail:mail",
    ]
    image = of_image["products"][0]
    for statement in of_places:
        (product,) = statement["products"]
        assert set(product) == {"@id", "subcomponents"}
        assert product["subcomponents"] == image["subcomponents"]
        assert statement["status"] == of_image["status"] == "affected"
        assert "readOnlyRootFilesystem: files can be written nowhere" in statement["status_notes"]


def test_a_limit_is_no_reason_to_call_anything_not_affected() -> None:
    everything = Isolation(read_only_root=True, privileged=False, no_new_privileges=True, user_namespace=True)
    for cwe in sorted(MITIGATED):
        found = msgspec.structs.replace(with_weakness(cwe), places=at("web", **msgspec.structs.asdict(everything)))
        assert {statement["status"] for statement in openvex(found)["statements"]} == {"affected"}


def test_a_place_that_limits_nothing_is_not_spoken_of() -> None:
    for found in (with_weakness("CWE-787"), with_weakness("CWE-22"), with_weakness()):
        alone = openvex(found)["statements"]
        assert openvex(msgspec.structs.replace(found, places=at("web", privileged=False)))["statements"] == alone


def test_our_own_words_on_a_place_set_nothing_aside_when_they_are_read_back() -> None:
    found = msgspec.structs.replace(with_weakness("CWE-22"), places=at("web", read_only_root=True, privileged=False))
    body = load("matches", "openvex").render(found, PLAIN)
    statements = statements_of(body, "own", lambda place, reason: None, "own.json")
    assert {statement.status for statement in statements} == {"affected"}
