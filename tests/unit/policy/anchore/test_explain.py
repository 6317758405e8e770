"""Findings of Anchore policies are explained by rule, recommendation and allowlist."""

from __future__ import annotations

import json

from hullmark.policy.anchore.bundle import Bundle
from hullmark.policy.anchore.evaluate import evaluate_bundle
from hullmark.policy.anchore.explain import explain_bundle
from hullmark.policy.load import load_any
from tests.unit.policy.anchore.building import NOW, bundle, rule
from tests.unit.policy.building import facts

ALWAYS = {**rule("always", "always"), "recommendation": "Ask the platform team"}


def explained(**item: str) -> list[tuple[str, str, str, str]]:
    """Rule, source, advice and end of each explanation, with an item on the allowlist if one is given."""
    items = ({"id": "i", "gate": "always", "trigger_id": "*", **item},) if item else ()
    policy = load_any(json.dumps(bundle(ALWAYS, items=items)).encode())
    assert isinstance(policy, Bundle)
    seen = facts(now=NOW)
    found = explain_bundle(evaluate_bundle(policy, seen, analyzer="t"), policy, seen)
    return [(each.finding.rule_id, each.source, each.advice, each.ends) for each in found]


def test_the_rules_own_recommendation_is_the_advice() -> None:
    assert explained() == [("always-always", "the policy p", "Ask the platform team.", "")]


def test_the_allowlist_that_covers_a_finding_is_named_with_its_end() -> None:
    [(_, _, _, ends)] = explained(expires_on="2027-01-01T00:00:00Z")
    assert ends.startswith("it is on the allowlist w, by the item i until 2027-01-01")
