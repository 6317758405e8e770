"""What the reports of verdicts have in common: which findings count, numbers, words for where a finding is seen and why it is excepted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hullmark.model.plural import plural
from hullmark.model.verdict import Action, Evidence, Finding, Outcome, Verdict
from hullmark.report.matches_words import relative_uri

ACTIONS = (Action.STOP, Action.WARN, Action.GO)
"""The actions, the hardest first."""

# A Dockerfile lies outside the image: its evidence has neither path nor layer. So does a manifest: its evidence has no layer.
_DOCKERFILE = re.compile(r"Dockerfile:([0-9]{1,7})").fullmatch
_LINE = re.compile(r"line ([0-9]{1,7})").fullmatch


class FindingPlace(NamedTuple):
    """Where a finding is seen: a path relative to the image's root, to the Dockerfile's folder, or (of manifests) to the working folder.

    `line` counts from 1 (0: none).
    """

    path: str
    line: int = 0


def counting(verdict: Verdict) -> list[Finding]:
    """The findings that count: those that no exception covers, of rules that are in force."""
    return [finding for finding in verdict.findings if finding.allowlisted is None]


def set_aside(verdict: Verdict) -> list[Finding]:
    """The findings that do not count."""
    return [finding for finding in verdict.findings if finding.allowlisted is not None]


def is_shadowed(finding: Finding) -> bool:
    """Whether it does not count because its rule set is not in force yet."""
    return finding.allowlisted is not None and "stage" in finding.allowlisted


def numbers(verdict: Verdict) -> dict[str, int]:
    """How many findings count, by action, and how many do not, all of them in one order."""
    found = counting(verdict)
    counted = {action.value: sum(finding.action is action for finding in found) for action in ACTIONS}
    aside = set_aside(verdict)
    shadowed = sum(map(is_shadowed, aside))
    return {**counted, "excepted": len(aside) - shadowed, "in shadow": shadowed}


def summary(verdict: Verdict) -> str:
    """The numbers that are not zero, on one line."""
    words = {
        "stop": "to stop for",
        "warn": "to warn of",
        "go": "noted",
        "excepted": "excepted",
        "in shadow": "in shadow",
    }
    parts = [f"{number} {words[name]}" for name, number in numbers(verdict).items() if number]
    parts += [plural(len(verdict.problems), "problem")] if verdict.problems else []
    return ", ".join(parts) or "no findings"


def title(finding: Finding) -> str:
    """Rule and subject."""
    return f"{finding.rule_id}: {finding.subject}" if finding.subject else finding.rule_id


def trigger(finding: Finding) -> str:
    """`gate.trigger`."""
    return f"{finding.gate}.{finding.trigger}"


def place_of(finding: Finding) -> FindingPlace:
    """Where to look first; a place without a path if unknown."""
    return next((place for evidence in finding.evidence if (place := place_in(evidence)).path), FindingPlace(""))


def place_in(evidence: Evidence) -> FindingPlace:
    """Where a piece of evidence lies; a place without a path if it does not say."""
    if evidence.layer < 0 and not evidence.path:
        found = _DOCKERFILE(evidence.detail)
        return FindingPlace("Dockerfile", int(found[1])) if found else FindingPlace("")
    path = evidence.path.strip("/") if relative_uri(evidence.path) else ""
    found = _LINE(evidence.detail) if evidence.layer < 0 else None
    return FindingPlace(path, int(found[1]) if found and path else 0)


def places(evidence: Sequence[Evidence], longest: int = 5) -> Iterator[str]:
    """Where a finding is seen, in words, one place a line."""
    for item in evidence[:longest]:
        parts = (
            f"at {item.path}" if item.path else "",
            f"in layer {item.layer}" if item.layer >= 0 else "",
            f"by {item.created_by}" if item.created_by else "",
            item.detail,
        )
        if any(parts):
            yield ", ".join(filter(None, parts))
    if len(evidence) > longest:
        yield f"and in {len(evidence) - longest} more places"


def excuse(finding: Finding) -> str:
    """Why it does not count, on one line; "" if it does."""
    covered = finding.allowlisted
    if covered is None:
        return ""
    if is_shadowed(finding):
        return f"in {covered['stage']}, would be {covered.get('action', '')}"
    if "reason" not in covered:
        return ", ".join(f"{key} {value}".strip() for key, value in sorted(covered.items()))
    owner, expires, ticket = (covered.get(key, "") for key in ("owner", "expires", "ticket"))
    parts = (covered["reason"], f"by {owner}" if owner else "", f"until {expires}" if expires else "", ticket)
    return ", ".join(filter(None, parts))


def facts(verdict: Verdict) -> list[tuple[str, str]]:
    """What was judged, by what, and when."""
    inputs = verdict.inputs
    return [
        ("Image", inputs.image),
        ("Policy", inputs.policy),
        ("Advisories", inputs.snapshot or "none were used"),
        ("Judged at", inputs.at),
        ("Judged by", inputs.analyzer),
    ]


def is_untold(verdict: Verdict) -> bool:
    """Whether the verdict is that it cannot be told."""
    return verdict.verdict is Outcome.UNKNOWN
