"""The outcome of findings if every rule could be judged, with the sentence that gives the reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from msgspec.structs import replace

from hullmark.model.verdict import PASSING, Action, Finding, Outcome, Verdict

_SHOWN = 5
V = TypeVar("V", bound=Verdict)
_ORDER = {Action.STOP: 0, Action.WARN: 1, Action.GO: 2}


def outcome_of(findings: Sequence[Finding], rule_count: int | None) -> tuple[Outcome, str]:
    """The outcome and the reason. `rule_count` is how many rules judged; None for an Anchore policy, whose reasons name no rules."""
    is_native = rule_count is not None
    stops = [finding for finding in findings if finding.action is Action.STOP]
    warnings = [finding for finding in findings if finding.action is Action.WARN]
    if stops:
        by = f", by {_named_rules(f.rule_id for f in stops)}" if is_native else ""
        return Outcome.STOP, f"{format_count(len(stops), 'finding')} to stop for{by}"
    if warnings:
        by = f", by {_named_rules(f.rule_id for f in warnings)}" if is_native else ""
        return Outcome.WARN, f"{format_count(len(warnings), 'warning')}{by}"
    held = sum("stage" in (finding.allowlisted or ()) for finding in findings)
    excepted = sum(finding.allowlisted is not None for finding in findings) - held
    note = f"; {format_count(excepted, 'finding')} excepted" if excepted else ""
    note += f"; {format_count(held, 'finding')} in shadow" if held else ""
    among = f" in {format_count(rule_count, 'rule')}" if rule_count is not None else ""
    return Outcome.GO, f"nothing to stop or warn for{among}{note}"


def replace_findings(verdict: V, gained: Iterable[Finding], lost: Iterable[tuple[str, str]]) -> V:
    """The verdict with some findings removed (`lost`: pairs of rule id and trigger id) and then others added (`gained`). A verdict with
    unknowns keeps its outcome, with two exceptions: one that was `unknown`, or a native one, becomes stop if there is now a finding to
    stop for; and a native one that passes is counted again.
    """
    gone = set(lost)
    kept = [finding for finding in verdict.findings if (finding.rule_id, finding.trigger_id) not in gone]
    findings = tuple(sorted((*kept, *gained), key=finding_order))
    outcome, reason = outcome_of(findings, verdict.rule_count)
    is_native = verdict.rule_count is not None
    is_told_now = outcome is Outcome.STOP and (verdict.verdict is Outcome.UNKNOWN or is_native)
    # If it passes, the rules that could not be judged had no influence; otherwise the verdict would be unknown.
    is_told_anyway = is_native and verdict.verdict in PASSING
    if verdict.has_unknowns and not is_told_now and not is_told_anyway:
        outcome, reason = verdict.verdict, verdict.reason
    return replace(verdict, findings=findings, verdict=outcome, reason=reason)


def finding_order(finding: Finding) -> tuple[object, ...]:
    """The sort key of findings: stops first, then by gate, trigger and subject."""
    key = (finding.gate, finding.trigger, finding.subject, finding.policy_id, finding.rule_id, finding.message)
    return (_ORDER[finding.action], *key, finding.evidence)


def format_count(number: int, noun: str) -> str:
    """`1 finding`, `2 findings`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _named_rules(ids: Iterable[str]) -> str:
    names = sorted(set(ids))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{'rule' if len(names) == 1 else 'rules'} {', '.join(names[:_SHOWN])}{more}"
