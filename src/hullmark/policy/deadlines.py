"""When the passage of time alone may change a verdict: ages that are reached, dates that arrive, exceptions and grace that end.

Until the next deadline, the same policy gives the same findings on the same facts; only ages in messages may be worded differently.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from hullmark.model.expiry import NEVER, ends_at
from hullmark.model.guard import guard_call
from hullmark.model.verdict import Action, Finding, Verdict
from hullmark.policy.days import later, next_midnight
from hullmark.policy.evaluate import MAX_FINDINGS, lacking
from hullmark.policy.facts import Facts
from hullmark.policy.grace import Grants
from hullmark.policy.rollout import Deployment
from hullmark.policy.rules import Policy, PolicyException, Rule
from hullmark.policy.select import choose

WARNED_DAYS = (3, 1)
"""So many days before grace ends people are told."""

_NOWHERE = Deployment()


@dataclass(frozen=True, slots=True)
class GrantedGrace:
    """A finding despite which an image may start, and until when."""

    finding: Finding
    until: datetime


def next_moment(policy: Policy, facts: Facts, verdict: Verdict, deployment: Deployment = _NOWHERE) -> datetime | None:
    """The first time after now at which the verdict may change; None if time alone never changes it.

    `verdict` is the policy's verdict on the facts now. The verdict need not in fact change at the returned time; the caller can then
    compute the next deadline from there.
    """
    return first_after(facts.now, _deadlines(policy, facts, verdict, deployment))


def first_after(now: datetime, moments: Iterable[datetime]) -> datetime | None:
    """The earliest of the times that are still to come."""
    return min((moment for moment in moments if moment > now), default=None)


def list_graces(
    policy: Policy, facts: Facts, verdict: Verdict, deployment: Deployment = _NOWHERE
) -> tuple[GrantedGrace, ...]:
    """The findings despite which the image may start now, and until when. `verdict` is the policy's verdict on the facts now."""
    if policy.grace is None or deployment.running_since is None:
        return ()
    grants = Grants(policy.grace, facts, deployment)
    rules = {rule.id: rule for rule in policy.rules}
    found = []
    for finding in verdict.findings:
        rule = rules.get(finding.rule_id)
        until = grants.until(finding, rule) if rule is not None and _may_stop(finding, rule) else None
        if until is not None and until > facts.now:
            found.append(GrantedGrace(finding, until))
    return tuple(found)


def _may_stop(finding: Finding, rule: Rule) -> bool:
    """Whether grace may have turned this finding from a stop into a warning."""
    return finding.action is Action.WARN and Action.STOP.value in (rule.action.value, rule.when_unknown.value)


def _deadlines(policy: Policy, facts: Facts, verdict: Verdict, deployment: Deployment) -> Iterator[datetime]:
    for rule, _ in choose(policy, facts, deployment).rules:
        yield from _of_rule(rule, facts)
    yield from ends_of(verdict.findings, policy.exceptions)
    for grace in list_graces(policy, facts, verdict, deployment):
        yield grace.until
        for days in WARNED_DAYS:
            yield from later(grace.until, -days)


def _of_rule(rule: Rule, facts: Facts) -> Iterable[datetime]:
    """The deadlines of one rule. If its gate has a defect, the next midnight, so that the rule is judged again the next day."""
    deadlines = rule.trigger.deadlines
    if deadlines is None or lacking(rule, facts):
        return ()
    return guard_call(lambda: list(deadlines(rule.params, facts)), lambda _: list(next_midnight(facts.now)))


def ends_of(findings: Iterable[Finding], exceptions: Iterable[PolicyException]) -> Iterator[datetime]:
    """When the exceptions that cover findings end. For each finding, this is the exception that lasts longest, which is the one the finding
    shows.

    If not all findings of a rule are listed, all exceptions from it count.
    """
    counts: dict[str, int] = {}
    moments: set[datetime] = set()
    for finding in findings:
        counts[finding.rule_id] = counts.get(finding.rule_id, 0) + 1
        if finding.allowlisted and "expires" in finding.allowlisted:
            try:
                moments.add(ends_at(finding.allowlisted["expires"]))
            except ValueError:
                continue  # the date of an Anchore allowlist, which Anchore's language handles itself
    moments.update(exception.expires.ends for exception in exceptions if counts.get(exception.rule, 0) >= MAX_FINDINGS)
    yield from moments - {NEVER}
