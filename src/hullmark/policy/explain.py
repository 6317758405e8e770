"""Why a finding exists, and the smallest change that would remove it."""

from __future__ import annotations

from typing import Any

import msgspec

from hullmark.model.expiry import is_day
from hullmark.model.explanation import Explanation, PlacedEvidence
from hullmark.model.match import Match
from hullmark.model.verdict import Evidence, Finding, Verdict
from hullmark.policy.facts import Facts
from hullmark.policy.gate import Need
from hullmark.policy.rules import Policy, Rule, encode_value


def explain(verdict: Verdict, policy: Policy, facts: Facts) -> tuple[Explanation, ...]:
    """An explanation of each finding, in the verdict's order."""
    rules = {rule.id: rule for rule in policy.rules}
    return tuple(_explain(finding, rules.get(finding.rule_id), facts) for finding in verdict.findings)


def _explain(finding: Finding, rule: Rule | None, facts: Facts) -> Explanation:
    description = " ".join((rule.trigger.params.__doc__ or "").split()) if rule is not None else ""
    return Explanation(
        finding=finding,
        asks=description,
        params=_params(rule) if rule is not None else "{}",
        source=rule.source if rule is not None else "",
        rule_set=rule.rule_set if rule is not None else "",
        places=locate_evidence(finding, facts),
        advice=sentence(advice(finding, rule, facts)),
        ends=_ends(finding),
    )


def _params(rule: Rule) -> str:
    given: Any = msgspec.json.decode(msgspec.json.encode(rule.params, enc_hook=encode_value))
    return msgspec.json.encode(given, order="sorted").decode()


def locate_evidence(finding: Finding, facts: Facts) -> tuple[PlacedEvidence, ...]:
    """Where the finding can be seen, each place with its layer."""
    return tuple(_locate_evidence(evidence, facts) for evidence in finding.evidence)


def _locate_evidence(evidence: Evidence, facts: Facts) -> PlacedEvidence:
    layers = facts.inventory.source.layers
    if not 0 <= evidence.layer < len(layers):
        return PlacedEvidence(evidence=evidence, instruction=evidence.created_by)
    layer = layers[evidence.layer]
    return PlacedEvidence(evidence=evidence, digest=layer.digest, instruction=layer.created_by)


def advice(finding: Finding, rule: Rule | None, facts: Facts) -> str:
    """The smallest change, as a clause: the fix for the vulnerability, or else the advice of the trigger or of the rule's author."""
    if rule is not None and Need.MATCHES in rule.trigger.needs and (upgrade := _upgrade(finding, facts)):
        return upgrade
    return advice_of_rule(finding, rule)


def advice_of_rule(finding: Finding, rule: Rule | None) -> str:
    """The advice of the trigger or of the rule's author, as a clause."""
    if rule is None:
        return "add an entry to apply that fits the image, or let unmatched say what it comes to"
    if rule.trigger.advice is not None and finding.subject not in ("*", "?"):
        return rule.trigger.advice(rule.params, finding.subject)
    return rule.message or "change what the evidence shows, or except it for a time with an owner and a reason"


def _upgrade(finding: Finding, facts: Facts) -> str:
    """The fix for the vulnerability that the finding is about; "" if it is about no known vulnerability."""
    for match in facts.matches.matches if facts.matches is not None else ():
        names = (match.advisory.cve, match.advisory.id)
        if match.package.purl in finding.subject and any(name and name in finding.subject for name in names):
            return _mend(match)
    return ""


def _mend(match: Match) -> str:
    if match.fix.state == "fixed" and match.fix.version:
        return f"upgrade {match.name} from {match.version} to {match.fix.version}"
    without = f"remove {match.package.name}, or state why it is not affected (VEX)"
    if match.fix.state == "wont-fix":
        return f"its supplier will not fix it: {without}"
    return f"there is no version without it yet: {without}, or except it for a time"


def _ends(finding: Finding) -> str:
    held = finding.allowlisted
    if held is None:
        return ""
    if "stage" in held:
        return f"it does not count while the rule set {held.get('rule_set', '')} is in shadow"
    owner = f" by {held['owner']}" if held.get("owner") else ""
    expires = held.get("expires", "")
    until = f" until {'the end of ' if is_day(expires) else ''}{expires}" if expires else ""
    return f"it is excepted{owner}{until}"


def sentence(clause: str) -> str:
    """The clause with a capital letter and a full stop."""
    text = clause[:1].upper() + clause[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
