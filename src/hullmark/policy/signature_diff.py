"""How two verdicts differ about signatures: rules of the gate `signatures` fire or no longer fire, or can now be judged or no longer
can.
"""

from __future__ import annotations

from typing import NamedTuple

from hullmark.model.verdict import Finding, Verdict

GATE = "signatures"
NOT_LOOKED_FOR = "what others signed about the image was not looked for"
NOT_CHECKED = "not all that is signed about the image could be checked"
"""Clauses by which such rules say that they cannot tell."""

_ROOM = "policy"


class SignatureChange(NamedTuple):
    """The state of what is signed about the image, before and after, in words."""

    before: str
    after: str
    what: str = "signatures"


def change_of(finding: Finding, *, is_gained: bool) -> SignatureChange | None:
    """The change shown by a finding that appeared or disappeared; None if the finding is about something else."""
    if finding.gate != GATE:
        return None
    return SignatureChange("enough", "not enough") if is_gained else SignatureChange("not enough", "enough")


def untold_change(before: Verdict, after: Verdict) -> SignatureChange | None:
    """The change in whether rules about signatures can be judged; None if there is no such difference."""
    was, now = _describe_coverage(before), _describe_coverage(after)
    return SignatureChange(was, now) if was != now else None


def _describe_coverage(verdict: Verdict) -> str:
    reasons = [problem.reason for problem in verdict.problems if problem.room == _ROOM]
    for clause, words in ((NOT_LOOKED_FOR, "not looked at"), (NOT_CHECKED, "not all checked")):
        if any(clause in reason for reason in reasons):
            return words
    return "checked"
