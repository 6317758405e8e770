"""From a verdict to what is in the way, and from two verdicts to what changes mend."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from hullmark.maintenance.remedy.candidates import Candidates
from hullmark.model.package import Package
from hullmark.model.remedy import Change, Remainder
from hullmark.model.verdict import Action, Finding, Outcome, Verdict

Goal = Literal["go", "warn"]

IN_THE_WAY: dict[Goal, frozenset[Action]] = {
    "go": frozenset((Action.STOP, Action.WARN)),
    "warn": frozenset((Action.STOP,)),
}
"""The actions of findings that keep a verdict from being this one."""

PASSING_AT: dict[Goal, frozenset[Outcome]] = {
    "go": frozenset((Outcome.GO,)),
    "warn": frozenset((Outcome.GO, Outcome.WARN)),
}
"""The verdicts that will do."""

_VERSION = re.compile(r"(pkg:[^@\s]+)@[^?\s]+(?:\?\S*)?")
_UNTOLD = "?"


def findings_in_the_way(verdict: Verdict, goal: Goal) -> tuple[Finding, ...]:
    """The findings that keep an image from passing."""
    return tuple(finding for finding in verdict.findings if finding.action in IN_THE_WAY[goal])


def name_of(finding: Finding) -> str:
    """What a finding is, whatever version the package has that it is about."""
    advisory = finding.weakness.advisory if finding.weakness is not None else ""
    subject = _VERSION.sub(r"\1", finding.subject)
    return f"{finding.rule_id} {finding.gate} {finding.trigger} {advisory} {subject}"


def in_the_way(verdict: Verdict, goal: Goal) -> frozenset[str]:
    """Names of all that keeps an image from passing: findings, and what cannot be told."""
    names = {name_of(finding) for finding in findings_in_the_way(verdict, goal)}
    return frozenset((*names, *(_UNTOLD + reason for reason in untold(verdict))))


def untold(verdict: Verdict) -> Iterator[str]:
    """Why rules cannot tell, where that matters to the verdict."""
    if verdict.has_unknowns and verdict.verdict not in (Outcome.GO, Outcome.WARN):
        reasons = [problem.reason for problem in verdict.problems if problem.room == "policy" and problem.is_open]
        yield from sorted(set(reasons or (verdict.reason,)))
    elif verdict.verdict is Outcome.UNKNOWN:
        yield verdict.reason


def list_fixed_findings(before: Verdict, after: Verdict, goal: Goal) -> tuple[Finding, ...]:
    """The findings in the way before that are not there after."""
    staying = {name_of(finding) for finding in findings_in_the_way(after, goal)}
    return tuple(finding for finding in findings_in_the_way(before, goal) if name_of(finding) not in staying)


def remains(after: Verdict, goal: Goal, candidates: Candidates, changes: Iterable[Change]) -> Iterator[Remainder]:
    """What is still in the way, and why nothing here mends it."""
    made = tuple(changes)
    for finding in findings_in_the_way(after, goal):
        yield Remainder(finding.subject, _why(finding, candidates, made), finding)
    for reason in untold(after):
        yield Remainder("", reason)


def _why(finding: Finding, candidates: Candidates, made: tuple[Change, ...]) -> str:
    reasons = [
        f"{package.name}: {reason}"
        for package in candidates.packages_of(finding)
        for reason in _of(package, candidates, made)
    ]
    if not reasons:
        used = [path for path in candidates.paths_of(finding) if candidates.is_kept(path)]
        reasons += [f"what the image starts can come to use {path}, or nobody can tell" for path in used[:1]]
    known = _ADVICE.get((finding.gate, finding.trigger), "no change that is known here mends it")
    return "; ".join(dict.fromkeys(reasons)) or known


def _of(package: Package, candidates: Candidates, made: tuple[Change, ...]) -> Iterator[str]:
    """Why neither a newer version of a package nor its removal helps."""
    update, removal = candidates.update_of(package), candidates.removal_of(package)
    is_made = any(update.installed.name == package.name for change in made for update in change.updates)
    if is_made or isinstance(update, Change):
        yield "its newest version does not mend it"
    elif update:
        yield update
    if isinstance(removal, str):
        yield removal
    elif not any(package.purl == gone.purl for change in made for gone in change.removed):
        yield "its removal does not help, or brings another finding"


_ADVICE = {
    ("config", "healthcheck"): "only a person knows what tells that it is well: --set 'HEALTHCHECK CMD …'",
    ("config", "labels"): "nobody here knows its value: --set 'LABEL name=value'",
    (
        "config",
        "env",
    ): "one that must be set: --set 'ENV NAME=value'; one that must not be goes with a copy, where no setting holds a secret",
}
"""By gate and trigger, what a person can do where nothing here helps."""
