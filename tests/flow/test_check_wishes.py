"""What `hullmark check` can be told and asked besides: where an image runs, explanations, when to fail; and the same as Python."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hullmark import check, vulns
from hullmark.advisories.database.shelf import Shelf
from hullmark.model.errors import HullmarkError
from hullmark.model.verdict import Outcome
from tests.flow.test_as_of import about
from tests.flow.test_check import policy_of, rule
from tests.support.images import Blobs, tagged, write_layout
from tests.support.program import Program, Ran, program_in
from tests.support.shelves import put
from tests.support.shop import INSTRUCTIONS, shop_layout

AT = "2026-03-10T00:00:00Z"
SETUID = rule("files/setuid")
CRITICAL = rule("vulnerabilities/found", name="critical", severity="critical")


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    """With an image in `app`."""
    made = program_in(tmp_path / "run")
    shop_layout(made.place / "app")
    return made


def judged(hullmark: Program, policy: str, *words: str, output: str = "json") -> Ran:
    (hullmark.place / "policy.yaml").write_text(policy)
    return hullmark("check", "--policy", "policy.yaml", "-o", output, "--at", AT, *words, "oci-dir:app")


def advised(hullmark: Program) -> None:
    """Advisories that are kept: one is about the image's seller."""
    put(Shelf(hullmark.home / ".local" / "share" / "hullmark" / "advisories"), {"one": [about("seller")]})


# Where it runs


def test_the_environment_chooses_the_rules(hullmark: Program) -> None:
    policy = policy_of(
        SETUID,
        apply=[{"when": {"environments": ["prod*"]}, "rule_sets": ["test"]}, {"rule_sets": ["test"], "stage": "warn"}],
    )
    for name, status, verdict in (("production", 1, "stop"), ("development", 0, "warn")):
        ran = judged(hullmark, policy, "--environment", name)
        assert (ran.status, json.loads(ran.out)["verdict"]) == (status, verdict)


@pytest.mark.parametrize(
    ("running_since", "first_seen", "verdict"),
    [
        ("2026-03-01T00:00:00Z", "2026-03-05T00:00:00Z", "warn"),
        ("2026-03-01T00:00:00", "2026-03-05T00:00:00", "warn"),
        ("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z", "stop"),
        ("2026-03-08T00:00:00Z", "2026-03-05T00:00:00Z", "stop"),
        (None, "2026-03-05T00:00:00Z", "stop"),
    ],
)
def test_what_ran_before_a_finding_came_up_has_grace(
    hullmark: Program, running_since: str | None, first_seen: str, verdict: str
) -> None:
    advised(hullmark)
    context = {"running_since": running_since, "first_seen": {"GHSA-sell-2222-3333+seller": first_seen}}
    (hullmark.place / "context.json").write_text(json.dumps(context))
    ran = judged(hullmark, policy_of(CRITICAL, grace={"days": 7}), "--context", "context.json")
    assert json.loads(ran.out)["verdict"] == verdict


# Why


def test_each_finding_is_explained_below_the_table(hullmark: Program) -> None:
    ran = judged(hullmark, policy_of({**SETUID, "source": "CIS 4.8"}), "--explain", output="table")
    table, _, below = ran.text.rpartition("STOP: ")
    assert (ran.status, table[:4]) == (1, "STOP")
    for part in (
        "rule   it: files.setuid {}, from CIS 4.8",
        f", {INSTRUCTIONS[0]}",
        "  at     /usr/bin/su, layer 0 sha256:",
    ):
        assert part in below, below
    assert "rule   it" not in judged(hullmark, policy_of(SETUID), output="table").text


def test_json_has_explanations_only_if_they_are_asked_for(hullmark: Program) -> None:
    advised(hullmark)
    policy = policy_of(CRITICAL, SETUID)
    plain = json.loads(judged(hullmark, policy).out)
    explained = json.loads(judged(hullmark, policy, "--explain").out)
    explanations = explained.pop("explanations")
    assert explained == plain
    assert [explanation["rule_id"] for explanation in explanations] == [
        finding["rule_id"] for finding in plain["findings"]
    ]
    by_rule = {explanation["rule_id"]: explanation for explanation in explanations}
    assert by_rule["critical"]["advice"] == "Upgrade seller from 3.1 to 9."
    assert by_rule["critical"]["params"] == {"severity": "critical"}
    assert by_rule["it"]["places"][0]["instruction"] == INSTRUCTIONS[0]


def test_explanations_go_to_standard_output_only_beside_a_table(hullmark: Program) -> None:
    ran = judged(hullmark, policy_of(SETUID), "--explain", "-o", "table=table.txt")
    assert "explanations" in json.loads(ran.out)


def test_findings_of_an_anchore_policy_are_explained_too(hullmark: Program) -> None:
    mapping = {"registry": "*", "repository": "*", "image": {"type": "tag", "value": "*"}}
    forbidden = {
        "id": "r",
        "gate": "packages",
        "trigger": "blacklist",
        "action": "stop",
        "params": [{"name": "name", "value": "tool"}],
    }
    bundle: dict[str, Any] = {
        "id": "b",
        "name": "b",
        "version": "1_0",
        "policies": [{"id": "p", "name": "basics", "version": "1_0", "rules": [forbidden]}],
        "whitelists": [],
        "mappings": [{"id": "m", "name": "m", **mapping, "policy_ids": ["p"], "whitelist_ids": []}],
    }
    document = json.loads(judged(hullmark, json.dumps(bundle), "--explain").out)
    [explained] = document["explanations"]
    assert (explained["rule_id"], explained["source"], explained["params"]) == (
        "r",
        "the policy basics",
        {"name": "tool"},
    )
    assert explained["advice"].startswith("Change what the message names")
    assert "rule   r: packages." in judged(hullmark, json.dumps(bundle), "--explain", output="table").text


# When to fail


@pytest.mark.parametrize(
    ("action", "fails_on", "status"),
    [("warn", "stop", 0), ("warn", "warn", 1), ("go", "warn", 0), ("stop", "warn", 1), ("stop", "stop", 1)],
)
def test_fail_on_says_from_which_verdict_on(hullmark: Program, action: str, fails_on: str, status: int) -> None:
    assert judged(hullmark, policy_of({**SETUID, "action": action}), "--fail-on", fails_on).status == status


def test_what_cannot_be_told_stays_that_unless_another_image_fails(hullmark: Program) -> None:
    blobs = Blobs()
    undated = blobs.image(config=lambda made: {**made, "created": None})
    write_layout(hullmark.place / "undated", blobs, [tagged(undated, "latest")])
    policy = policy_of(rule("image/age", "warn", max_days=1))
    (hullmark.place / "policy.yaml").write_text(policy)
    words = ("check", "--policy", "policy.yaml", "--fail-on", "warn", "oci-dir:undated")
    assert hullmark(*words).status == 3
    assert hullmark(*words, "oci-dir:app").status == 1


def test_there_is_no_other_verdict_to_fail_on(hullmark: Program) -> None:
    assert "--fail-on" in judged(hullmark, policy_of(SETUID), "--fail-on", "go").refusal[0]


# From Python


def test_the_api_takes_advisories_and_the_environment(hullmark: Program, tmp_path: Path) -> None:
    policy, image = tmp_path / "policy.yaml", f"oci-dir:{hullmark.place / 'app'}"
    policy.write_text(policy_of(CRITICAL, apply=[{"when": {"environments": ["prod"]}, "rule_sets": ["test"]}]))
    shelf = Shelf(tmp_path / "db")
    first = put(shelf, {"one": [about("other")]}, datetime(2026, 3, 1, tzinfo=UTC))
    second = put(shelf, {"one": [about("seller")]}, datetime(2026, 3, 3, tzinfo=UTC))
    now = datetime(2026, 3, 10, tzinfo=UTC)

    def outcome(**more: Any) -> tuple[Outcome, str | None]:
        verdict = check(image, policy=policy, at=now, environment="prod", **more)
        return verdict.verdict, verdict.inputs.snapshot

    assert outcome(db_dir=shelf.folder) == (Outcome.STOP, second)
    assert outcome(db_dir=shelf.folder, known_at=datetime(2026, 3, 2, tzinfo=UTC)) == (Outcome.GO, first)
    assert outcome(snapshot=shelf.path_of(first)) == (Outcome.GO, first)
    assert outcome() == (Outcome.UNKNOWN, None)
    assert check(image, policy=policy, at=now, environment="test").findings[0].rule_id == "unmatched"
    with pytest.raises(HullmarkError, match="no snapshot was in use"):
        outcome(db_dir=shelf.folder, known_at=datetime(2026, 2, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="db_dir"):
        outcome(snapshot=shelf.path_of(first), known_at=now)
    then, today = (
        vulns(image, db_dir=shelf.folder, known_at=moment) for moment in (datetime(2026, 3, 2, tzinfo=UTC), None)
    )
    assert (len(then.matches), len(today.matches)) == (0, 1)
