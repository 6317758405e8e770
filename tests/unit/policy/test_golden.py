"""Golden cases: tests/golden/policy/CASE/{policy.yaml, facts.json, expected.json}. A folder is a case.

With HULLMARK_GOLDEN=write in the environment the expectations are written anew; the diff is then what has to be looked at.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hullmark.model.verdict import Verdict
from hullmark.policy.evaluate import evaluate
from hullmark.policy.gates import TRIGGERS
from tests.support.places import REPOSITORY
from tests.support.policies import native_policy
from tests.unit.policy.building import Written

WRITE = os.environ.get("HULLMARK_GOLDEN") == "write"
CASES = sorted(path.parent for path in (REPOSITORY / "tests" / "golden" / "policy").glob("*/policy.yaml"))


def shown(verdict: Verdict) -> Any:
    """A verdict without what documents do not show."""
    known: Any = msgspec.json.decode(msgspec.json.encode(verdict))
    del known["rule_count"], known["is_clouded"]
    for finding in known["findings"]:
        del finding["weakness"]
    for problem in known["problems"]:
        del problem["facts"], problem["types"], problem["programs"]
    return known


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_gives_the_expected_verdict(case: Path) -> None:
    policy = native_policy((case / "policy.yaml").read_bytes())
    facts = msgspec.json.decode((case / "facts.json").read_bytes(), type=Written).facts()
    verdict = shown(evaluate(policy, facts, analyzer="hullmark test"))
    expected = case / "expected.json"
    if WRITE:
        expected.write_bytes(msgspec.json.format(msgspec.json.encode(verdict), indent=2) + b"\n")
    assert verdict == msgspec.json.decode(expected.read_bytes())


def test_every_trigger_fires_in_some_golden_case() -> None:
    fired = {
        (finding["gate"], finding["trigger"])
        for case in CASES
        for finding in msgspec.json.decode((case / "expected.json").read_bytes())["findings"]
    }
    assert {(trigger.gate, trigger.name) for trigger in TRIGGERS} == fired
