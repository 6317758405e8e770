"""GitLab's report: what schema 15.0.4 of container scanning requires."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from hullmark.model.match import Matches
from hullmark.report import load
from hullmark.report.format import RenderContext
from tests.unit.report.matches_samples import MATCHES, SMALL, matches
from tests.unit.report.samples import PLAIN

WORD = {"type": "string", "minLength": 1}
TOOL = {
    "type": "object",
    "required": ["id", "name", "version", "vendor"],
    "properties": {
        "id": WORD,
        "name": WORD,
        "version": WORD,
        "vendor": {"type": "object", "required": ["name"], "properties": {"name": WORD}},
    },
}
TIME = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$"}
URL = {"type": "string", "pattern": "^https?://.+"}
SCHEMA = {
    "type": "object",
    "required": ["scan", "version", "vulnerabilities"],
    "properties": {
        "version": {"type": "string", "pattern": r"^15\.[0-9]+\.[0-9]+$"},
        "scan": {
            "type": "object",
            "required": ["analyzer", "end_time", "scanner", "start_time", "status", "type"],
            "properties": {
                "analyzer": TOOL,
                "scanner": TOOL,
                "start_time": TIME,
                "end_time": TIME,
                "status": {"enum": ["success", "failure"]},
                "type": {"enum": ["container_scanning"]},
                "messages": {
                    "type": "array",
                    "items": {
                        "required": ["level", "value"],
                        "properties": {"level": {"enum": ["info", "warn", "fatal"]}, "value": WORD},
                    },
                },
            },
        },
        "vulnerabilities": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "identifiers", "location"],
                "properties": {
                    "id": WORD,
                    "name": {"type": "string", "maxLength": 255},
                    "description": {"type": "string", "maxLength": 1048576},
                    "severity": {"enum": ["Info", "Unknown", "Low", "Medium", "High", "Critical"]},
                    "solution": {"type": "string", "maxLength": 7000},
                    "identifiers": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "type": "object",
                            "required": ["type", "name", "value"],
                            "properties": {"type": WORD, "name": WORD, "value": WORD, "url": URL},
                        },
                    },
                    "links": {"type": "array", "items": {"required": ["url"], "properties": {"url": URL}}},
                    "details": {
                        "type": "object",
                        "additionalProperties": {
                            "required": ["name", "type", "value"],
                            "properties": {"name": WORD, "type": {"const": "text"}, "value": {"type": "string"}},
                        },
                    },
                    "location": {
                        "type": "object",
                        "required": ["dependency", "operating_system", "image"],
                        "properties": {
                            "dependency": {
                                "required": ["package", "version"],
                                "properties": {
                                    "package": {"required": ["name"], "properties": {"name": {"type": "string"}}},
                                    "version": {"type": "string"},
                                },
                            },
                            "operating_system": WORD,
                            "image": WORD,
                        },
                    },
                },
            },
        },
    },
}
VALIDATOR = Draft7Validator(SCHEMA)


def report(found: Matches = SMALL, context: RenderContext = PLAIN) -> dict[str, Any]:
    """The report, which is as the schema wants it."""
    read: dict[str, Any] = json.loads(load("matches", "gitlab").render(found, context))
    assert [error.message for error in VALIDATOR.iter_errors(read)] == []
    ids = [vulnerability["id"] for vulnerability in read["vulnerabilities"]]
    assert len(set(ids)) == len(ids)
    return read


@pytest.mark.parametrize("case", MATCHES)
def test_the_report_is_valid(case: str) -> None:
    report(MATCHES[case], RenderContext(tool_version="", timestamp="2026-11-01T12:00:00Z"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(matches())
def test_the_report_of_any_matches_is_valid(found: Matches) -> None:
    report(found)


def test_the_cve_is_the_first_identifier() -> None:
    first = report()["vulnerabilities"][0]
    assert [found["value"] for found in first["identifiers"]] == [
        "CVE-2021-44228", "GHSA-jfh8-c2jp-5v3q", "CWE-20", "CWE-502",
    ]  # fmt: skip
    assert [found["type"] for found in first["identifiers"]] == ["cve", "ghsa", "cwe", "cwe"]
    assert first["severity"] == "Critical"


def test_suppressed_matches_are_left_out() -> None:
    names = {found["name"] for found in report()["vulnerabilities"]}
    assert len(names) == 6
    assert not any("bash" in name for name in names)


def test_ids_do_not_depend_on_fix_or_order() -> None:
    turned = msgspec.structs.replace(SMALL, matches=SMALL.matches[::-1])
    ids = [{found["name"]: found["id"] for found in report(each)["vulnerabilities"]} for each in (SMALL, turned)]
    assert ids[0] == ids[1]


def test_what_could_not_be_told_is_a_message() -> None:
    values = [message["value"] for message in report()["scan"]["messages"]]
    assert values[0] == "/var/lib/rpm/Packages: The database ends too early."
    assert "serde 1.0.1: There are no advisories for cargo." in values
