"""What is said of the isolation of containers, in words that all reports share."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.model.isolation import Assessment, JointFinding, JudgedContainer

MISMATCHES = {"granted": "granted and not needed", "needed": "needed and not granted"}


def grade_text(assessment: Assessment) -> str:
    """The grade, with the best that is possible where that is another one."""
    if assessment.at_most == assessment.grade:
        return assessment.grade
    return f"{assessment.grade}, at most {assessment.at_most}"


def place_text(judged: JudgedContainer) -> str:
    """Where the container stands: file and line."""
    placed = judged.placed
    return f"{placed.path}:{placed.container.line}" if placed.container.line else placed.path


def reason_lines(judged: JudgedContainer) -> Iterator[str]:
    """Why it has its grade, each reason once, and what does not fit its image."""
    yield from dict.fromkeys(reason.text for reason in judged.assessment.reasons)
    yield from (mismatch_text(finding) for finding in judged.findings)


def mismatch_text(finding: JointFinding) -> str:
    """A mismatch in words."""
    words = MISMATCHES[finding.kind]
    return f"{words if finding.is_certain else f'perhaps {words}'}: {finding.text}"


def missing_text(judged: JudgedContainer) -> str:
    """What is missing to the next grade, on one line; "" for the best grade, and where the reasons say it already."""
    if judged.assessment.grade in ("host", "default"):
        return ""
    return "; ".join(dict.fromkeys(missing.text for missing in judged.assessment.missing))
