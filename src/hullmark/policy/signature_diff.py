"""What two verdicts say differently of signatures: rules of the gate `signatures` fire or not, or could not tell and can now."""

from __future__ import annotations

from typing import NamedTuple

from hullmark.model.verdict import Finding, Verdict

GATE = "signatures"
NOT_LOOKED_FOR = "what others signed about the image was not looked for"
NOT_CHECKED = "not all that is signed about the image could be checked"
"""Clauses by which such rules say that they cannot tell."""

_ROOM = "policy"


class SignatureChange(NamedTuple):
    """How it is with what is signed about the image, before and after, in words."""

    before: str
    after: str
    what: str = "signatures"


def change_of(finding: Finding, *, is_gained: bool) -> SignatureChange | None:
    """What a finding that came or went says; None if it is about something else."""
    if finding.gate != GATE:
        return None
    return SignatureChange("enough", "not enough") if is_gained else SignatureChange("not enough", "enough")


def untold_change(before: Verdict, after: Verdict) -> SignatureChange | None:
    """What rules can tell now of signatures and could not, or the other way round; None where that is not what differs."""
    was, now = _describe_coverage(before), _describe_coverage(after)
    return SignatureChange(was, now) if was != now else None


def _describe_coverage(verdict: Verdict) -> str:
    reasons = [problem.reason for problem in verdict.problems if problem.room == _ROOM]
    for clause, words in ((NOT_LOOKED_FOR, "not looked at"), (NOT_CHECKED, "not all checked")):
        if any(clause in reason for reason in reasons):
            return words
    return "checked"
