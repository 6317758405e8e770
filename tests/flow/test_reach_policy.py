"""`hullmark check` with rules about what the image's start reaches."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hullmark.app.check import judge_by
from hullmark.app.policies import load_native
from hullmark.scanning.request import ScanRequest, ScanResources, ScanResult
from tests.flow.test_minimize import FILES, advisories, image_of
from tests.support.program import Program, program_in

RULES = """\
schema: hullmark-policy/1
name: reach
rules:
  - {id: idle, gate: reach, trigger: unreachable, action: warn}
  - {id: shell, gate: reach, trigger: programs, action: stop, params: {kinds: [shell, setuid]}}
  - {id: used, gate: vulnerabilities, trigger: found, action: stop, when_unknown: warn, params: {reach: [reachable]}}
"""


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    return program_in(tmp_path / "run")


def policy(folder: Path) -> Path:
    file = folder / "policy.yaml"
    file.write_text(RULES)
    return file


def test_findings_say_what_is_reached_and_how(hullmark: Program, tmp_path: Path) -> None:
    place, snapshot = image_of(tmp_path / "whole", FILES), advisories(tmp_path / "advisories", "mount", "lib")
    ran = hullmark("check", place, "--policy", policy(tmp_path), "--advisories", snapshot, "-o", "json")
    document = json.loads(ran.out)
    assert (ran.status, document["verdict"]) == (1, "stop")
    assert {(finding["rule_id"], finding["subject"].partition("@")[0]) for finding in document["findings"]} == {
        ("idle", "pkg:deb/debian/doc"), ("idle", "pkg:deb/debian/mount"), ("used", "CVE-2026-3+pkg:deb/debian/lib"),
        ("used", "debian:13"),  # a folder of advisories does not say that it is whole
    }  # fmt: skip
    [stop] = [finding for finding in document["findings"] if finding["action"] == "stop"]
    assert stop["message"].endswith("The image's start reaches it: /usr/bin/other -> /usr/lib/liba.so.1.")


def test_a_start_that_cannot_be_followed_is_unknown_and_never_unreachable(hullmark: Program, tmp_path: Path) -> None:
    files = {**FILES, "usr/bin/shop": b"#!/bin/absent\n", "bin/sh": FILES["bin/mount"]}
    rules, snapshot = policy(tmp_path), advisories(tmp_path / "advisories", "mount", "lib")
    ran = hullmark(
        "check", image_of(tmp_path / "odd", files), "--policy", rules, "--advisories", snapshot, "-o", "json"
    )
    document = json.loads(ran.out)
    assert (ran.status, document["verdict"]) == (3, "unknown")
    assert [finding for finding in document["findings"] if "cannot be told" not in finding["message"]] == []
    bill = hullmark("scan", image_of(tmp_path / "whole", FILES), "-o", "json=bill.json")
    ran = hullmark("check", "sbom:bill.json", "--policy", rules, "--advisories", snapshot, "-o", "json")
    assert (bill.status, ran.status, json.loads(ran.out)["verdict"]) == (0, 3, "unknown")


@pytest.mark.parametrize(
    ("rule", "asks"),
    [
        ("gate: vulnerabilities, trigger: found", False),
        ("gate: vulnerabilities, trigger: found, params: {reach: [reachable]}", True),
        ("gate: reach, trigger: unreachable", True),
        ("gate: expression, trigger: holds, params: {expression: 'size(matches) > 1'}", False),
        ("gate: expression, trigger: holds, params: {expression: 'matches.exists(m, m.reach == \"reachable\")'}", True),
    ],
)
def test_a_scan_follows_the_start_only_where_a_rule_asks_for_it(rule: str, asks: bool, tmp_path: Path) -> None:
    seen: list[ScanRequest] = []

    class Seen(Exception):
        pass

    def look(request: ScanRequest) -> ScanResult:
        seen.append(request)
        raise Seen

    (tmp_path / "p.yaml").write_text(
        f"schema: hullmark-policy/1\nname: one\nrules:\n  - {{id: one, action: stop, {rule}}}\n"
    )
    with pytest.raises(Seen):
        judge_by(look, load_native(tmp_path / "p.yaml"), datetime(2026, 3, 1, tzinfo=UTC), ScanResources())
    [request] = seen
    assert (request.reach, request.files, request.reads, request.facets) == (asks, False, (), ())


def test_vulns_says_what_is_reached_and_how_urgent_that_is(hullmark: Program, tmp_path: Path) -> None:
    place = image_of(tmp_path / "whole", FILES, ExposedPorts={"80/tcp": {}})
    snapshot = advisories(tmp_path / "advisories", "mount", "lib")
    document = hullmark("vulns", place, "--advisories", snapshot, "--reach", "-o", "json").document
    assert document["reach"] == {"roots": ["CMD other -f"], "unfollowed": ""}
    lib, mount = sorted(document["matches"], key=lambda match: match["name"])
    assert (lib["reach"], [step["path"] for step in lib["witness"]]) == (
        "reachable", ["/usr/bin/other", "/usr/lib/liba.so.1"],
    )  # fmt: skip
    assert (mount["reach"], mount["witness"], mount["suppressed"]) == ("unreachable", [], None)
    # The rating is not known, nor whether any is exploited: a folder of advisories has no such list.
    assert lib["ssvc"] == {
        "assumed": ["exploitation", "automatable", "technical impact"], "automatable": "yes", "decision": "track", "exploitation": "none",
        "mission": "medium", "ports": ["80/tcp"], "technical_impact": "total",
    }  # fmt: skip
    assert mount["ssvc"]["automatable"] == "no"


def test_vulns_sets_aside_what_is_not_reached_and_writes_that_as_vex(hullmark: Program, tmp_path: Path) -> None:
    place, snapshot = image_of(tmp_path / "whole", FILES), advisories(tmp_path / "advisories", "mount", "lib")
    asked = ("vulns", place, "--advisories", snapshot)
    ran = hullmark(*asked, "--only-reachable", "--ssvc", "high", "-o", "table", "-o", "openvex=vex.json")
    assert "mount" not in ran.text
    assert all(word in ran.text for word in ("REACH", "SSVC", "track"))
    assert "1 reachable, 0 unknown, 0 unreachable" in ran.text
    statements = json.loads((hullmark.place / "vex.json").read_bytes())["statements"]
    assert {statement["vulnerability"]["name"]: statement.get("justification") for statement in statements} == {
        "CVE-2026-3": None, "CVE-2026-5": "vulnerable_code_not_in_execute_path",
    }  # fmt: skip
    # What was written is believed when it is read, without the walk.
    again = hullmark(*asked, "--vex", "vex.json", "-o", "json").document
    by = {match["name"]: (match["suppressed"] or {}).get("by") for match in again["matches"]}
    assert by == {"lib": None, "mount": "vex"}
    assert "reach" not in {*again, *again["matches"][0]}
    assert "SBOM" in " ".join(hullmark("vulns", "sbom:x.json", "--advisories", snapshot, "--reach").refusal)
