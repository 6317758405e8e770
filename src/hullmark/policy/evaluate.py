"""Evaluates a policy on facts, which gives a verdict: stop takes precedence over unknown, unknown over warn, warn over go.

A rule's answer passes through whatever may soften it, in this order: exceptions, the stage of its rule set, grace. The same facts and the
same policy give the same verdict, whatever the order of rules, packages, files and exceptions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from msgspec.structs import replace

from hullmark.model.guard import guard_call
from hullmark.model.limit import Limit
from hullmark.model.problem import Problem
from hullmark.model.verdict import Action, Evidence, Finding, Outcome, Verdict, VerdictInputs
from hullmark.policy.completeness import answers, gaps
from hullmark.policy.facts import Facts
from hullmark.policy.gate import CannotTell, Need, Violation, trigger_id
from hullmark.policy.grace import Grants
from hullmark.policy.recount import finding_order, format_count, outcome_of
from hullmark.policy.rollout import Deployment, Stage
from hullmark.policy.rules import Policy, PolicyException, Rule, WhenUnknown
from hullmark.policy.select import SelectedRules, choose
from hullmark.policy.signature_diff import NOT_LOOKED_FOR
from hullmark.policy.unidentified import find_unidentified_things

MAX_FINDINGS = Limit(1000, "findings of one rule that are listed one by one; the others are counted", "shortened")
"""As many findings of one rule are listed one by one; one more says how many others there are."""

_ROOM = "policy"
_SHOWN = 3
_NOWHERE = Deployment()


@dataclass(slots=True)
class _RuleResult:
    """The result of one rule. `unknown`: why it could not be judged, if the policy wants the verdict unknown then. `has_unknowns`: it could
    not be judged, or not on everything.
    """

    rule: Rule
    stage: Stage = Stage.ENFORCE
    findings: list[Finding] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    has_unknowns: bool = False
    omitted: int = 0
    """How many more findings there are than are listed."""


def evaluate(
    policy: Policy, facts: Facts, *, analyzer: str, snapshot: str | None = None, deployment: Deployment = _NOWHERE
) -> Verdict:
    """Judge an image.

    `analyzer` names the program and version that collected the facts, `snapshot` the advisories they were matched with. `deployment` is
    what is known of where the image runs: selectors may depend on its environment, grace on how long it has run. A rule that cannot be
    judged, for lack of a fact or because of a defect of its gate, never keeps the others from being judged.
    """
    chosen = choose(policy, facts, deployment)
    judged = [_judge(rule, stage, facts, _live(policy.exceptions, rule.id, facts.now)) for rule, stage in chosen.rules]
    if policy.grace is not None:
        grants = Grants(policy.grace, facts, deployment)
        for result in judged:
            result.findings = [_with_grace(finding, result.rule, grants, facts.now) for finding in result.findings]
    findings = sorted((finding for result in judged for finding in result.findings), key=finding_order)
    problems = {problem for result in judged for problem in result.problems}
    problems.update(
        facts.inventory.problems, _find_expired_exceptions(policy.exceptions, facts.now), _not_identified(facts)
    )
    outcome, reason = _outcome(judged, findings)
    if chosen.unmatched or chosen.lacking:
        outcome, reason, findings = _unchosen(policy, chosen)
    return Verdict(
        verdict=outcome,
        reason=reason,
        findings=tuple(findings),
        problems=tuple(sorted(problems)),
        inputs=_inputs(policy, facts, analyzer, snapshot),
        rule_count=len(judged),
        has_unknowns=bool(chosen.lacking) or any(result.has_unknowns for result in judged),
    )


def _unchosen(policy: Policy, chosen: SelectedRules) -> tuple[Outcome, str, list[Finding]]:
    """The result for an image for which no rule set was chosen."""
    if chosen.lacking:
        return Outcome.UNKNOWN, chosen.lacking, []
    message = chosen.unmatched[0].upper() + chosen.unmatched[1:] + "."
    finding = Finding(
        gate="policy",
        trigger="unmatched",
        trigger_id=trigger_id("policy", "unmatched", "image"),
        action=policy.unmatched,
        message=message,
        subject="image",
        rule_id="unmatched",
    )
    return Outcome(policy.unmatched.value), chosen.unmatched, [finding]


def _judge(rule: Rule, stage: Stage, facts: Facts, exceptions: Sequence[PolicyException]) -> _RuleResult:
    judged = _RuleResult(rule, stage)
    missing = lacking(rule, facts)
    if missing:
        _cannot_tell(judged, CannotTell(missing, kind="uncovered" if missing == _UNMATCHED else "unseen"))
        return judged

    def note_defect(error: Exception) -> None:
        _cannot_tell(judged, CannotTell(f"the gate {rule.trigger.gate} has a defect ({type(error).__name__}: {error})"))

    guard_call(lambda: _ask(judged, facts, exceptions), note_defect)
    _note_gaps(judged, facts, exceptions)
    if judged.omitted:
        message = f"The rule fires on {judged.omitted} more subjects, which are not listed."
        judged.findings.append(_finding(judged, Violation("*", message), ()))
    return judged


def _ask(judged: _RuleResult, facts: Facts, exceptions: Sequence[PolicyException]) -> None:
    """Run the rule's gate and record its answers."""
    for answer in judged.rule.trigger.check(judged.rule.params, facts):
        if isinstance(answer, CannotTell):
            _cannot_tell(judged, answer)
        elif len(judged.findings) < MAX_FINDINGS:
            judged.findings.append(_finding(judged, answer, exceptions))
        elif _covering(exceptions, answer.subject) is None:
            judged.omitted += 1


def _note_gaps(judged: _RuleResult, facts: Facts, exceptions: Sequence[PolicyException]) -> None:
    """Record what was not seen of what the rule looks at. A gap that an exception covers becomes an excepted finding."""
    rule = judged.rule
    left = []
    for gap in gaps(rule.trigger, rule.params, facts):
        if _covering(exceptions, gap.subject) is None:
            left.append(gap)
        elif len(judged.findings) < MAX_FINDINGS:
            message = f"It cannot be told whether the rule fires: {gap.reason}."
            judged.findings.append(_finding(judged, Violation(gap.subject, message, gap.evidence), exceptions))
    for answer in answers(left):
        _cannot_tell(judged, answer)


_UNMATCHED = "its packages were not matched with advisories"
_FACETS = {
    Need.CONFIGURATION: "the configuration of programs was not read",
    Need.SECRETS: "the image was not searched for secrets",
    Need.MALWARE: "the image was not scanned for malware",
    Need.CERTIFICATES: "certificates and keys were not looked for",
}


def lacking(rule: Rule, facts: Facts) -> str:
    """A clause for the first fact that the rule needs and that was not collected; "" if all are present."""
    needs = rule.trigger.needs_of(rule.params)
    if Need.FILES in needs and facts.inventory.files is None:
        return "the image's files were not listed"
    if Need.GHOSTS in needs and not facts.ghosts:
        return "the files that later layers deleted were not listed"
    if Need.CONFIG in needs and facts.inventory.config is None:
        return "the image's settings could not be read"
    if Need.MATCHES in needs and facts.matches is None:
        return _UNMATCHED
    if Need.REACH in needs and facts.reach is None:
        return "what the image's start reaches was not looked for"
    if Need.SIGNATURES in needs and facts.signatures is None:
        return NOT_LOOKED_FOR
    for need, reason in _FACETS.items():
        if need in needs and getattr(facts, need) is None:
            return reason
    unknown = sorted(name for name in rule.trigger.facets if facts.others.get(name) is None)
    return f"the facet {unknown[0]} was not collected" if unknown else ""


def _cannot_tell(judged: _RuleResult, answer: CannotTell) -> None:
    """Record a fact that a rule lacks, in the way the rule's `when_unknown` asks for."""
    rule = judged.rule
    judged.has_unknowns = True
    place = answer.evidence[0] if answer.evidence else Evidence()
    sentence = f"the rule {rule.id} cannot be judged: {answer.reason}"
    if len(judged.problems) < MAX_FINDINGS:
        judged.problems.append(Problem(place.path, place.layer, _ROOM, sentence, answer.kind))
    if rule.when_unknown is WhenUnknown.UNKNOWN:
        if judged.stage is Stage.ENFORCE:
            judged.unknown.append(answer.reason)
    elif rule.when_unknown is not WhenUnknown.GO and len(judged.findings) <= MAX_FINDINGS:
        violation = Violation(
            answer.subject or place.path or "?",
            f"It cannot be told whether the rule fires: {answer.reason}.",
            answer.evidence,
        )
        judged.findings.append(_finding(judged, violation, (), Action(rule.when_unknown.value)))


def _finding(
    judged: _RuleResult, violation: Violation, exceptions: Sequence[PolicyException], action: Action | None = None
) -> Finding:
    rule = judged.rule
    excepted = _covering(exceptions, violation.subject)
    finding = Finding(
        gate=rule.trigger.gate,
        trigger=rule.trigger.name,
        trigger_id=trigger_id(rule.trigger.gate, rule.trigger.name, violation.subject),
        action=Action.GO if excepted is not None else action or rule.action,
        message=f"{violation.message} {rule.message}" if rule.message else violation.message,
        subject=violation.subject,
        rule_id=rule.id,
        evidence=tuple(sorted(violation.evidence)),
        allowlisted=excepted.described() if excepted is not None else None,
        weakness=violation.weakness,
    )
    return finding if judged.stage is Stage.ENFORCE or excepted is not None else _apply_stage(finding, judged)


def _apply_stage(finding: Finding, judged: _RuleResult) -> Finding:
    """The finding as it counts in a stage before `enforce`: not at all, or as a warning."""
    stage, action = judged.stage, finding.action
    if stage is Stage.SHADOW and action is not Action.GO:
        held = {"stage": stage.value, "action": action.value, "rule_set": judged.rule.rule_set}
        return replace(finding, action=Action.GO, allowlisted=held)
    if stage is Stage.WARN and action is Action.STOP:
        message = f"{finding.message} (It will stop: the rule set {judged.rule.rule_set} only warns for now.)"
        return replace(finding, action=Action.WARN, message=message)
    return finding


def _with_grace(finding: Finding, rule: Rule, grants: Grants, now: datetime) -> Finding:
    """The finding, turned from a stop into a warning while the image has grace for it."""
    until = grants.until(finding, rule) if finding.action is Action.STOP else None
    if until is None or now >= until:
        return finding
    message = f"{finding.message} (The image ran before this was found, and may start again until {_timestamp(until)}.)"
    return replace(finding, action=Action.WARN, message=message)


def _live(exceptions: Iterable[PolicyException], rule_id: str, now: datetime) -> list[PolicyException]:
    """The rule's exceptions that apply now, longest-lasting first."""
    live = [excepted for excepted in exceptions if excepted.rule == rule_id and now < excepted.expires.ends]
    return sorted(live, key=lambda e: (-e.expires.ends.timestamp(), e.subject.text, e.owner, e.reason, e.ticket))


def _covering(exceptions: Sequence[PolicyException], subject: str) -> PolicyException | None:
    return next((excepted for excepted in exceptions if excepted.subject.matches(subject)), None)


def _find_expired_exceptions(exceptions: Iterable[PolicyException], now: datetime) -> Iterable[Problem]:
    for excepted in exceptions:
        if excepted.expires.ends <= now:
            subject = f"{excepted.subject.text} (owner: {excepted.owner})"
            reason = f"the exception from the rule {excepted.rule} for {subject} expired on {excepted.expires}"
            yield Problem("", -1, _ROOM, reason, "note")


def _not_identified(facts: Facts) -> Iterable[Problem]:
    """A problem that counts the things that could not be identified, so that readers of a `go` verdict know of them."""
    found = [violation.subject for violation in find_unidentified_things(facts)]
    if found:
        named = ", ".join(found[:_SHOWN]) + (f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")
        reason = f"{format_count(len(found), 'thing')} in the image could not be identified: {named}"
        yield Problem("", -1, _ROOM, reason, "unidentified")


def _outcome(judged: Sequence[_RuleResult], findings: Sequence[Finding]) -> tuple[Outcome, str]:
    outcome, reason = outcome_of(findings, len(judged))
    unknown = [result for result in judged if result.unknown]
    if outcome is Outcome.STOP or not unknown:
        return outcome, reason
    first = min((result.rule.id, min(result.unknown)) for result in unknown)
    others = f"; the same goes for {format_count(len(unknown) - 1, 'other rule')}" if len(unknown) > 1 else ""
    return Outcome.UNKNOWN, f"the rule {first[0]} cannot be judged: {first[1]}{others}"


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
