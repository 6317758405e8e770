"""CycloneDX with vulnerabilities, as a report and as VEX: valid by the library, and every reference leads somewhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import HealthCheck, given, settings

from hullmark.model.match import Matches
from hullmark.report import load
from hullmark.report.format import RenderContext
from tests.unit.report.matches_samples import MATCHES, SMALL, matches
from tests.unit.report.samples import PLAIN

VALIDATOR = JsonStrictValidator(SchemaVersion.V1_6)
NAMES = ("cyclonedx-json", "cyclonedx-vex-json")


def document(name: str = "cyclonedx-json", found: Matches = SMALL, context: RenderContext = PLAIN) -> dict[str, Any]:
    """The document, which is valid."""
    rendered = load("matches", name).render(found, context).decode()
    assert VALIDATOR.validate_str(rendered) is None
    read: dict[str, Any] = json.loads(rendered)
    return read


def vulnerability(id: str, name: str = "cyclonedx-json") -> dict[str, Any]:
    """The one vulnerability of this id."""
    (found,) = [found for found in document(name)["vulnerabilities"] if found["id"] == id]
    return dict(found)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", MATCHES)
@pytest.mark.parametrize("timestamp", [None, "2026-11-01T12:00:00Z"])
def test_the_document_is_valid(name: str, case: str, timestamp: str | None) -> None:
    document(name, MATCHES[case], RenderContext(tool_version="1", timestamp=timestamp))


@pytest.mark.parametrize("name", NAMES)
def test_the_document_of_any_matches_is_valid_and_its_references_exist(name: str) -> None:
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(matches())
    def any_matches(found: Matches) -> None:
        read = document(name, found)
        refs = [component["bom-ref"] for component in read["components"]]
        assert len(set(refs)) == len(refs)
        assert {affected["ref"] for each in read["vulnerabilities"] for affected in each["affects"]} <= set(refs)

    any_matches()


def test_the_library_reads_what_was_written() -> None:
    bom = Bom.from_json(document())  # type: ignore[attr-defined]
    assert {found.id for found in bom.vulnerabilities} == {match.advisory.id for match in SMALL.matches}


def test_a_vulnerability_has_ratings_weaknesses_and_what_to_do() -> None:
    found = vulnerability("GHSA-jfh8-c2jp-5v3q")
    assert found["ratings"] == [
        {"severity": "critical", "source": {"name": "github"}},
        {
            "method": "CVSSv31",
            "score": 10.0,
            "severity": "critical",
            "source": {"name": "github"},
            "vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H",
        },
    ]
    assert found["cwes"] == [20, 502]
    assert found["recommendation"] == "Update log4j-core to 2.15.0 or later."
    assert found["references"] == [{"id": "CVE-2021-44228", "source": {"name": "github"}}]
    assert found["advisories"] == [{"url": "https://logging.apache.org/log4j/2.x/security.html"}]
    assert (found["published"], found["updated"]) == ("2021-12-10T00:40:56Z", "2026-01-01T00:00:00Z")
    assert found["affects"][0]["versions"] == [{"status": "affected", "version": "2.14.1"}]
    assert "analysis" not in found


def test_what_is_suppressed_has_an_analysis() -> None:
    assert vulnerability("CVE-2020-14343")["analysis"] == {
        "detail": "them says not_affected (vulnerable_code_not_in_execute_path): full_load is not called",
        "justification": "code_not_reachable",
        "state": "not_affected",
    }
    assert vulnerability("CVE-2022-30123")["analysis"]["state"] == "resolved"
    assert vulnerability("CVE-2019-18276")["analysis"] == {
        "detail": "Accepted by platform team until 2027-03-31: No shell is started",
        "response": ["will_not_fix"],
        "state": "exploitable",
    }


def test_vex_has_an_analysis_of_everything() -> None:
    states = {found["id"]: found["analysis"]["state"] for found in document("cyclonedx-vex-json")["vulnerabilities"]}
    assert states["CVE-2023-5363"] == "exploitable"
    assert states["CVE-2024-7347"] == "in_triage"
    assert vulnerability("CVE-2023-5363", "cyclonedx-vex-json")["analysis"]["response"] == ["update"]


def test_what_is_not_known_is_told() -> None:
    told = [found["value"] for found in document()["metadata"]["properties"] if found["name"] == "hullmark:unknown"]
    assert told == ["thing: Its version is not known.", "pkg:cargo/serde@1.0.1: There are no advisories for cargo."]
