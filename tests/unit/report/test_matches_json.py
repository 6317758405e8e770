"""The JSON of matches: the keys that are promised, and the attestation that carries them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hullmark.report import load
from hullmark.report.format import RenderContext
from tests.unit.report.matches_samples import CLEAN, MATCHES, SMALL
from tests.unit.report.samples import PLAIN, digest


def document(case: str = "small") -> dict[str, Any]:
    """The document, read back."""
    read: dict[str, Any] = json.loads(load("matches", "json").render(MATCHES[case], PLAIN))
    return read


@pytest.mark.parametrize("case", MATCHES)
def test_every_promised_key_is_there(case: str) -> None:
    read = document(case)
    assert read["schema"] == "hullmark-matches/1"
    assert {"snapshot", "matches", "unknown", "source", "distro", "problems", "tool"} < set(read)
    for found in read["matches"]:
        assert {"package", "advisory", "fix", "why", "risk", "suppressed"} < set(found)
        assert {"id", "aliases", "source", "severity", "cvss", "epss", "kev"} < set(found["advisory"])
        assert {"state", "version"} < set(found["fix"])
    for untold in read["unknown"]:
        assert {"package", "reason"} < set(untold)


def test_a_match_tells_all_that_is_known() -> None:
    found = document()["matches"][0]
    assert found["package"] == "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1"
    assert found["advisory"]["kev"] == {"added": "2021-12-10", "due": "2021-12-24", "ransomware": True}
    assert found["advisory"]["epss"] == {"day": "2026-10-31", "percentile": 0.9996, "score": 0.94358}
    assert found["advisory"]["cvss"][0]["score"] == 10.0
    assert found["fix"] == {"date": "2021-12-10", "state": "fixed", "version": "2.15.0"}
    assert found["installed"]["locations"] == [{"layer": 2, "path": "/app/shop.war:WEB-INF/lib/log4j-core-2.14.1.jar"}]
    assert found["suppressed"] is None


def test_suppressed_matches_are_listed_with_their_reason() -> None:
    found = {match["advisory"]["id"]: match["suppressed"] for match in document()["matches"]}
    assert found["CVE-2019-18276"] == {
        "by": "ignore",
        "expires": "2027-03-31",
        "owner": "platform team",
        "reason": "No shell is started",
    }


def test_the_snapshot_is_null_where_none_was_used() -> None:
    assert document("clean")["snapshot"] is None
    assert document()["snapshot"] == {"data_at": "2026-10-31", "digest": digest(0xD)}


def test_the_attestation_carries_the_document_and_names_scanner_and_snapshot() -> None:
    render = load("matches", "cosign-vuln").render
    read = json.loads(render(SMALL, RenderContext(tool_version="1.2.3", timestamp="2026-11-01T12:00:00Z")))
    assert set(read) == {"invocation", "scanner", "metadata"}
    assert set(read["invocation"]) == {"parameters", "uri", "event_id", "builder.id"}
    assert read["scanner"]["result"] == document()
    assert read["scanner"]["db"]["version"] == digest(0xD)
    assert read["metadata"] == {
        "scanStartedOn": "2026-11-01T12:00:00Z",
        "scanFinishedOn": "2026-11-01T12:00:00Z",
    }


@pytest.mark.parametrize(("case", "moment"), [("small", "2026-10-31T00:00:00Z"), ("clean", "1970-01-01T00:00:00Z")])
def test_without_a_timestamp_the_attestation_has_the_day_of_its_data(case: str, moment: str) -> None:
    read = json.loads(load("matches", "cosign-vuln").render(MATCHES[case], PLAIN))
    assert read["metadata"]["scanFinishedOn"] == moment


def test_a_clean_result_has_no_matches() -> None:
    assert CLEAN.matches == ()
    assert document("clean")["matches"] == []
