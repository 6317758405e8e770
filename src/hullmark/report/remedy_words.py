"""What tables and Markdown say of the changes that make an image pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hullmark.model.plural import plural
from hullmark.model.remedy import PlannedChange, Proof, Remainder, Remedy
from hullmark.model.verdict import Finding

_PROOFS: dict[Proof, str] = {
    "judged": "no smaller set will do: each was judged",
    "cover": "no fewer changes mend these findings, as far as each mends what it mends alone; each was judged to be needed",
    "greedy": "each change was judged to be needed; there may be a smaller set of others",
}


def conclusion(remedy: Remedy) -> str:
    """The prediction as one sentence."""
    count = plural(len(remedy.changes), "change")
    before, after = remedy.before.verdict.value, remedy.after.verdict.value
    if remedy.is_reached and not remedy.changes:
        return f"{before}: nothing has to be changed"
    if remedy.is_reached:
        return f"{before} now, {after} with {count}"
    if remedy.changes:
        return f"{before} now, still {after} with {count}: {plural(len(remedy.remains), 'thing')} would remain"
    return f"{before} now, and no change that is known here mends anything"


def proof(remedy: Remedy) -> str:
    """How it is known that no smaller set of changes will do. There is at least one change."""
    return f"{_PROOFS[remedy.proof]} ({plural(remedy.candidates, 'change')} thought of, {plural(remedy.judged, 'set')} judged)"


def about(planned: PlannedChange) -> Iterator[str]:
    """What else is to be said of a change."""
    change = planned.change
    more = [update for update in change.updates if update.installed.name != change.subject]
    if more:
        yield "packages: " + ", ".join(
            f"{update.installed.name} {update.candidate.version}" for update in change.updates
        )
    if len(change.removed) > 1:
        yield "packages: " + ", ".join(f"{package.name} {package.version}" for package in change.removed)
    if change.reason:
        yield f"because {change.reason}"
    if change.caution:
        yield f"but {change.caution}"


def finding_line(finding: Finding) -> str:
    """A finding in one line."""
    return f"{finding.action.value}: {finding.message}"


def remaining_line(remainder: Remainder) -> str:
    """What remains, in one line."""
    return finding_line(remainder.finding) if remainder.finding is not None else f"cannot tell: {remainder.reason}"


def format_findings(findings: Sequence[Finding], most: int) -> Iterator[str]:
    """Findings, the others counted."""
    yield from (finding_line(finding) for finding in findings[:most])
    if len(findings) > most:
        yield f"and {len(findings) - most:,} more"
