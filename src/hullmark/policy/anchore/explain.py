"""Explains findings of an Anchore policy: the rule with its parameters, where the subject is, and what the rule recommends."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from hullmark.model.explanation import Explanation
from hullmark.model.verdict import Finding, Verdict
from hullmark.policy.anchore.bundle import Bundle, Rule, RuleSet
from hullmark.policy.explain import locate_evidence, sentence
from hullmark.policy.facts import Facts

_Rules = Mapping[tuple[str, str], tuple[RuleSet, Rule]]


def explain_bundle(verdict: Verdict, bundle: Bundle, facts: Facts) -> tuple[Explanation, ...]:
    """An explanation of each finding, in the verdict's order."""
    rules = {(rule_set.id, rule.id): (rule_set, rule) for rule_set in bundle.rule_sets for rule in rule_set.rules}
    return tuple(_explain(finding, rules, facts) for finding in verdict.findings)


def _explain(finding: Finding, rules: _Rules, facts: Facts) -> Explanation:
    rule_set, rule = rules.get((finding.policy_id, finding.rule_id), (None, None))
    return Explanation(
        finding=finding,
        asks=rule.check.about if rule is not None and rule.check is not None else "",
        params=msgspec.json.encode(rule.values.given, enc_hook=str, order="sorted").decode() if rule else "{}",
        source=f"the policy {rule_set.name or rule_set.id}" if rule_set is not None else "",
        rule_set=finding.policy_id,
        places=locate_evidence(finding, facts),
        advice=sentence(
            finding.recommendation or "change what the message names, or put its trigger id on an allowlist"
        ),
        ends=_ends(finding),
    )


def _ends(finding: Finding) -> str:
    held = finding.allowlisted
    if held is None:
        return ""
    until = f" until {held['expires']}" if held.get("expires") else ""
    return f"it is on the allowlist {held.get('name') or held.get('id', '')}, by the item {held.get('matched_rule_id', '')}{until}"
