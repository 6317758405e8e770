"""Verdicts as GitHub's workflow commands: an annotation for each finding that counts."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.model.verdict import Action, Finding, Verdict
from hullmark.report.format import Format, RenderContext
from hullmark.report.terminal import safe
from hullmark.report.verdict_words import counting, is_untold, place_of, summary, title
from hullmark.report.workflow_commands import annotation

_COMMAND = {Action.STOP: "error", Action.WARN: "warning", Action.GO: "notice"}


def render(verdict: Verdict, context: RenderContext) -> bytes:
    """A command a line; the verdict comes last as plain text, which a log shows as it is."""
    lines = [_of_finding(finding) for finding in counting(verdict)]
    lines += _of_verdict(verdict)
    outcome = f"{verdict.verdict.value}: {safe(verdict.reason)} ({summary(verdict)})"
    lines.append(f"hullmark: {safe(verdict.inputs.image)}: {outcome}")
    return ("\n".join(lines) + "\n").encode()


def _of_finding(finding: Finding) -> str:
    place = place_of(finding)
    text = " ".join(filter(None, (finding.message, finding.recommendation)))
    return annotation(_COMMAND[finding.action], text, title(finding), place.path, place.line)


def _of_verdict(verdict: Verdict) -> Iterator[str]:
    if is_untold(verdict):
        yield annotation("error", verdict.reason, "The verdict is not known")
    for problem in verdict.problems:
        yield annotation("warning", problem.reason, "Not read", problem.path.lstrip("/"))


FORMAT = Format(
    kind="verdict", name="github", media_type="text/plain; charset=utf-8", file_name="annotations.txt", render=render
)
