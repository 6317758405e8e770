"""SARIF: the structure that the standard (sections 3.13 to 3.35) and code scanning services want."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from hullmark.model.match import Matches
from hullmark.report import load
from hullmark.report.format import RenderContext
from tests.unit.report.matches_samples import MATCHES, OPENSSL, SMALL, matches
from tests.unit.report.samples import PLAIN

MESSAGE = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
# A relative reference of RFC 3986: no scheme, no white space, no first slash.
URI = {"type": "string", "pattern": r"^(?![A-Za-z][A-Za-z0-9+.-]*:)[A-Za-z0-9\-._~%@][A-Za-z0-9\-._~%/@]*$"}
LOCATION = {
    "type": "object",
    "required": ["physicalLocation"],
    "additionalProperties": False,
    "properties": {
        "physicalLocation": {
            "required": ["artifactLocation"],
            "additionalProperties": False,
            "properties": {
                "artifactLocation": {"required": ["uri"], "additionalProperties": False, "properties": {"uri": URI}},
                "region": {"properties": {"startLine": {"type": "integer", "minimum": 1}}},
            },
        },
        "logicalLocations": {"type": "array", "uniqueItems": True},
    },
}
RULE = {
    "type": "object",
    "required": ["id", "shortDescription", "fullDescription", "help", "defaultConfiguration", "properties"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string"},
        "name": {"type": "string"},
        "shortDescription": MESSAGE,
        "fullDescription": MESSAGE,
        "help": {
            "required": ["text", "markdown"],
            "properties": {"text": {"minLength": 1}, "markdown": {"minLength": 1}},
        },
        "helpUri": {"pattern": "^https://"},
        "defaultConfiguration": {"additionalProperties": False, "properties": {"level": LEVEL}},
        "properties": {
            "required": ["tags", "precision"],
            "properties": {
                "tags": {"type": "array", "uniqueItems": True, "maxItems": 20},
                "precision": {"enum": ["very-high", "high", "medium", "low"]},
                "security-severity": {"type": "string", "pattern": r"^(10|[0-9])\.[0-9]$"},
            },
        },
    },
}
RESULT = {
    "type": "object",
    "required": ["ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"],
    "additionalProperties": False,
    "properties": {
        "ruleId": {"type": "string"},
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": LEVEL,
        "message": MESSAGE,
        "locations": {"type": "array", "minItems": 1, "maxItems": 1, "items": LOCATION},
        "relatedLocations": {"type": "array", "items": LOCATION, "minItems": 1},
        "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
        "properties": {"type": "object"},
        "suppressions": {
            "type": "array",
            "items": {
                "required": ["kind"],
                "additionalProperties": False,
                "properties": {
                    "kind": {"enum": ["inSource", "external"]},
                    "status": {"enum": ["accepted", "underReview", "rejected"]},
                    "justification": {"type": "string"},
                },
            },
        },
    },
}
NOTIFICATION = {"required": ["message"], "properties": {"level": LEVEL, "message": MESSAGE}}
LOG = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "additionalProperties": False,
                "properties": {
                    "tool": {
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "required": ["name", "version", "rules"],
                                "properties": {"rules": {"type": "array", "uniqueItems": True, "items": RULE}},
                            }
                        },
                    },
                    "automationDetails": {"required": ["id"]},
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "invocations": {
                        "type": "array",
                        "items": {
                            "required": ["executionSuccessful"],
                            "properties": {"toolExecutionNotifications": {"type": "array", "items": NOTIFICATION}},
                        },
                    },
                    "properties": {"type": "object"},
                    "results": {"type": "array", "items": RESULT},
                },
            },
        },
    },
}
VALIDATOR = Draft202012Validator(LOG)


def run(found: Matches = SMALL, context: RenderContext = PLAIN) -> dict[str, Any]:
    """The one run of the log, which is as the standard wants it."""
    log = json.loads(load("matches", "sarif").render(found, context))
    assert [error.message for error in VALIDATOR.iter_errors(log)] == []
    (only,) = log["runs"]
    rules = only["tool"]["driver"]["rules"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in only["results"])
    assert len({rule["id"] for rule in rules}) == len(rules)
    return dict(only)


def result(id: str) -> dict[str, Any]:
    """The result of this vulnerability."""
    return next(dict(found) for found in run()["results"] if found["ruleId"] == id)


def rule(id: str) -> dict[str, Any]:
    """The rule of this vulnerability."""
    return next(dict(found) for found in run()["tool"]["driver"]["rules"] if found["id"] == id)


@pytest.mark.parametrize("case", MATCHES)
def test_the_log_has_the_structure_of_the_standard(case: str) -> None:
    run(MATCHES[case], RenderContext(tool_version="1", timestamp="2026-11-01T12:00:00Z"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(matches())
def test_the_log_of_any_matches_has_the_structure_of_the_standard(found: Matches) -> None:
    run(found)


def test_the_place_is_the_record_of_the_package_relative_to_the_root() -> None:
    location = result("GHSA-jfh8-c2jp-5v3q")["locations"][0]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == (
        "app/shop.war%3AWEB-INF/lib/log4j-core-2.14.1.jar"
    )
    assert SMALL.source.layers[2].diff_id in location["logicalLocations"][0]["fullyQualifiedName"]
    (other,) = result("GHSA-xxxx-yyyy-zzzz")["relatedLocations"]
    assert other["physicalLocation"]["artifactLocation"]["uri"] == "app/left-pad/package.json"


@pytest.mark.parametrize(
    ("id", "level", "score"),
    [
        ("GHSA-jfh8-c2jp-5v3q", "error", "10.0"),
        ("CVE-2023-5363", "error", "7.0"),
        ("CVE-2023-5678", "note", "0.1"),  # the distribution says low, whatever a rating of 9.8 says
        ("CVE-2010-4756", "note", "0.1"),
        ("GHSA-xxxx-yyyy-zzzz", "warning", None),
    ],
)
def test_levels_and_scores_agree_with_the_severity(id: str, level: str, score: str | None) -> None:
    assert result(id)["level"] == rule(id)["defaultConfiguration"]["level"] == level
    assert rule(id)["properties"].get("security-severity") == score


def test_a_guess_is_less_precise() -> None:
    assert rule("CVE-2024-7347")["properties"]["precision"] == "medium"
    assert rule("CVE-2023-5678")["properties"]["precision"] == "very-high"


def test_help_names_the_facts() -> None:
    text = rule("GHSA-jfh8-c2jp-5v3q")["help"]["text"]
    for words in ("CVE-2021-44228", "CVSS: 10.0", "EPSS: 94%", "Exploited since: 2021-12-10", "CWE-20, CWE-502"):
        assert words in text
    assert "javascript:" not in text


def test_a_fingerprint_does_not_depend_on_the_layer_the_tool_or_the_fix() -> None:
    moved = msgspec.structs.replace(OPENSSL, fix=msgspec.structs.replace(OPENSSL.fix, version="9"), risk=1.0)
    first, second = (
        run(msgspec.structs.replace(SMALL, matches=(found,)), RenderContext(tool_version=version))["results"][0]
        for found, version in ((OPENSSL, "1"), (moved, "2"))
    )
    assert first["partialFingerprints"] == second["partialFingerprints"]
    assert first["partialFingerprints"] != result("CVE-2023-5363")["partialFingerprints"]


def test_a_suppressed_match_has_a_suppression_with_its_reason() -> None:
    (said,) = result("CVE-2019-18276")["suppressions"]
    assert said["justification"] == "ignore; No shell is started; platform team; until 2027-03-31"
    assert "suppressions" not in result("CVE-2023-5363")


def test_what_cannot_be_told_is_a_notification() -> None:
    texts = [notice["message"]["text"] for notice in run()["invocations"][0]["toolExecutionNotifications"]]
    assert texts == [
        "thing UNKNOWN: Its version is not known.",
        "serde 1.0.1: There are no advisories for cargo.",
        "/var/lib/rpm/Packages: The database ends too early.",
    ]


def test_several_images_are_the_runs_of_one_log() -> None:
    several = load("matches", "sarif").render_all
    assert several is not None
    log = json.loads(several([SMALL, SMALL], PLAIN))
    VALIDATOR.validate(log)
    assert log["runs"] == [run(), run()]
