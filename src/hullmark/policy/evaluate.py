"""Facts and a policy give a verdict: stop before unknown before warn before go.

The same facts and the same policy give the same verdict, whatever order rules, packages, files and exceptions come in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from hullmark.model.problem import Problem
from hullmark.model.verdict import Action, Evidence, Finding, Outcome, Verdict, VerdictInputs
from hullmark.policy.facts import Facts
from hullmark.policy.gate import CannotTell, Need, Violation, trigger_id
from hullmark.policy.rules import Excepted, Policy, Rule, Unknown

MAX_FINDINGS = 1000
"""As many findings of one rule are listed one by one; one more says how many others there are."""

_ROOM = "policy"
_SHOWN = 5
_ORDER = {Action.STOP: 0, Action.WARN: 1, Action.GO: 2}
_DEFECTS = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@dataclass(slots=True)
class _Judged:
    """What one rule came to. `unknown`: why it could not be judged, where the policy wants that told."""

    rule: Rule
    findings: list[Finding] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def evaluate(policy: Policy, facts: Facts, *, analyzer: str, snapshot: str | None = None) -> Verdict:
    """Judge an image.

    `analyzer` names the program and version that collected the facts, `snapshot` the advisories they were matched with.
    A rule that cannot be judged, for want of a fact or by a defect of its gate, never keeps the others from being judged.
    """
    today = facts.now.astimezone(UTC).date()
    judged = [_judge(rule, facts, _live(policy.exceptions, rule.id, today)) for rule in policy.rules]
    findings = sorted((finding for each in judged for finding in each.findings), key=_finding_order)
    problems = {problem for each in judged for problem in each.problems}
    problems.update(facts.inventory.problems, _expired(policy.exceptions, today))
    outcome, reason = _outcome(judged, findings)
    return Verdict(
        verdict=outcome,
        reason=reason,
        findings=tuple(findings),
        problems=tuple(sorted(problems)),
        inputs=_inputs(policy, facts, analyzer, snapshot),
    )


def _judge(rule: Rule, facts: Facts, exceptions: Sequence[Excepted]) -> _Judged:
    judged = _Judged(rule)
    lacking = _lacking(rule, facts)
    if lacking:
        _cannot_tell(judged, CannotTell(lacking))
        return judged
    omitted = 0
    try:
        for answer in rule.trigger.check(rule.params, facts):
            if isinstance(answer, CannotTell):
                _cannot_tell(judged, answer)
            elif len(judged.findings) < MAX_FINDINGS:
                judged.findings.append(_finding(rule, answer, exceptions))
            elif _covering(exceptions, answer.subject) is None:
                omitted += 1
    except _DEFECTS as error:
        _cannot_tell(judged, CannotTell(f"the gate {rule.trigger.gate} has a defect ({type(error).__name__}: {error})"))
    if omitted:
        message = f"The rule fires on {omitted} more subjects, which are not listed."
        judged.findings.append(_finding(rule, Violation("*", message), ()))
    return judged


def _lacking(rule: Rule, facts: Facts) -> str:
    """Which fact the rule needs and nobody collected; empty if all are there."""
    if Need.FILES in rule.trigger.needs and facts.inventory.files is None:
        return "the image's files were not listed"
    if Need.GHOSTS in rule.trigger.needs and not facts.ghosts:
        return "the files that later layers deleted were not listed"
    if Need.CONFIG in rule.trigger.needs and facts.inventory.config is None:
        return "the image's settings could not be read"
    if Need.MATCHES in rule.trigger.needs and facts.matches is None:
        return "its packages were not matched with advisories"
    return ""


def _cannot_tell(judged: _Judged, answer: CannotTell) -> None:
    """Note what a rule lacks, as the rule wants it taken."""
    rule = judged.rule
    place = answer.evidence[0] if answer.evidence else Evidence()
    sentence = f"the rule {rule.id} cannot be judged: {answer.reason}"
    if len(judged.problems) < MAX_FINDINGS:
        judged.problems.append(Problem(place.path, place.layer, _ROOM, sentence))
    if rule.when_unknown is Unknown.UNKNOWN:
        judged.unknown.append(answer.reason)
    elif rule.when_unknown is not Unknown.GO and len(judged.findings) <= MAX_FINDINGS:
        violation = Violation(
            place.path or "?", f"It cannot be told whether the rule fires: {answer.reason}.", answer.evidence
        )
        judged.findings.append(_finding(rule, violation, (), Action(rule.when_unknown.value)))


def _finding(rule: Rule, violation: Violation, exceptions: Sequence[Excepted], action: Action | None = None) -> Finding:
    excepted = _covering(exceptions, violation.subject)
    return Finding(
        gate=rule.trigger.gate,
        trigger=rule.trigger.name,
        trigger_id=trigger_id(rule.trigger.gate, rule.trigger.name, violation.subject),
        action=Action.GO if excepted is not None else action or rule.action,
        message=f"{violation.message} {rule.message}" if rule.message else violation.message,
        subject=violation.subject,
        rule_id=rule.id,
        evidence=tuple(sorted(violation.evidence)),
        allowlisted=excepted.described() if excepted is not None else None,
    )


def _live(exceptions: Iterable[Excepted], rule_id: str, today: date) -> list[Excepted]:
    """The rule's exceptions that count today, those that last longest first."""
    live = [excepted for excepted in exceptions if excepted.rule == rule_id and today <= excepted.expires]
    return sorted(live, key=lambda e: (-e.expires.toordinal(), e.subject.text, e.owner, e.reason, e.ticket))


def _covering(exceptions: Sequence[Excepted], subject: str) -> Excepted | None:
    return next((excepted for excepted in exceptions if excepted.subject.matches(subject)), None)


def _expired(exceptions: Iterable[Excepted], today: date) -> Iterable[Problem]:
    for excepted in exceptions:
        if excepted.expires < today:
            subject = f"{excepted.subject.text} (owner: {excepted.owner})"
            reason = f"the exception from the rule {excepted.rule} for {subject} expired on {excepted.expires}"
            yield Problem("", -1, _ROOM, reason)


def _outcome(judged: Sequence[_Judged], findings: Sequence[Finding]) -> tuple[Outcome, str]:
    stops = [finding for finding in findings if finding.action is Action.STOP]
    warnings = [finding for finding in findings if finding.action is Action.WARN]
    unknown = [each for each in judged if each.unknown]
    if stops:
        return Outcome.STOP, f"{_count(len(stops), 'finding')} to stop for, by {_named_rules(f.rule_id for f in stops)}"
    if unknown:
        first = min((each.rule.id, min(each.unknown)) for each in unknown)
        others = f"; the same goes for {_count(len(unknown) - 1, 'other rule')}" if len(unknown) > 1 else ""
        return Outcome.UNKNOWN, f"the rule {first[0]} cannot be judged: {first[1]}{others}"
    if warnings:
        return Outcome.WARN, f"{_count(len(warnings), 'warning')}, by {_named_rules(f.rule_id for f in warnings)}"
    excepted = sum(finding.allowlisted is not None for finding in findings)
    note = f"; {_count(excepted, 'finding')} excepted" if excepted else ""
    return Outcome.GO, f"nothing to stop or warn for in {_count(len(judged), 'rule')}{note}"


def _named_rules(ids: Iterable[str]) -> str:
    names = sorted(set(ids))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{'rule' if len(names) == 1 else 'rules'} {', '.join(names[:_SHOWN])}{more}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _finding_order(finding: Finding) -> tuple[object, ...]:
    key = (finding.gate, finding.trigger, finding.subject, finding.rule_id, finding.message, finding.evidence)
    return (_ORDER[finding.action], *key)


def _inputs(policy: Policy, facts: Facts, analyzer: str, snapshot: str | None) -> VerdictInputs:
    source = facts.inventory.source
    return VerdictInputs(
        image=source.digest or source.config_digest or source.reference,
        policy=policy.digest,
        snapshot=snapshot,
        analyzer=analyzer,
        at=_timestamp(facts.now),
    )


def _timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
