"""When time alone may change a verdict: ages that are reached, dates that come, exceptions and grace that end.

Between now and the next moment the same policy finds the same in the same facts; only how long ago something was may be told otherwise.
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
    """A finding that an image may start in spite of, and until when."""

    finding: Finding
    until: datetime


def next_moment(policy: Policy, facts: Facts, verdict: Verdict, deployment: Deployment = _NOWHERE) -> datetime | None:
    """The first moment after now at which the verdict may be another one; None if time alone never changes it.

    `verdict` is what the policy says of the facts now. It need not be another one then, and a later moment follows in any case.
    """
    return first_after(facts.now, _deadlines(policy, facts, verdict, deployment))


def first_after(now: datetime, moments: Iterable[datetime]) -> datetime | None:
    """The earliest of the moments that have not come yet."""
    return min((moment for moment in moments if moment > now), default=None)


def list_graces(
    policy: Policy, facts: Facts, verdict: Verdict, deployment: Deployment = _NOWHERE
) -> tuple[GrantedGrace, ...]:
    """What the image may start in spite of now, and until when. `verdict` is what the policy says of the facts now."""
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
    """Whether it may be a finding that grace makes a warning of."""
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
    """Those of one rule. Where its gate has a defect, it is asked again the next day."""
    deadlines = rule.trigger.deadlines
    if deadlines is None or lacking(rule, facts):
        return ()
    return guard_call(lambda: list(deadlines(rule.params, facts)), lambda _: list(next_midnight(facts.now)))


def ends_of(findings: Iterable[Finding], exceptions: Iterable[PolicyException]) -> Iterator[datetime]:
    """When the exceptions end that cover findings: of each finding the one that lasts longest, which is the one that it shows.

    Where not all findings of a rule are listed, all exceptions from it count.
    """
    counts: dict[str, int] = {}
    moments: set[datetime] = set()
    for finding in findings:
        counts[finding.rule_id] = counts.get(finding.rule_id, 0) + 1
        if finding.allowlisted and "expires" in finding.allowlisted:
            try:
                moments.add(ends_at(finding.allowlisted["expires"]))
            except ValueError:
                continue  # an allowlist's own, which its language knows of
    moments.update(exception.expires.ends for exception in exceptions if counts.get(exception.rule, 0) >= MAX_FINDINGS)
    yield from moments - {NEVER}
