"""The changes that make an image pass, as text for people."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.model.limit import Limit
from hullmark.model.remedy import PlannedChange, Remainder, Remedy
from hullmark.report.format import Format, RenderContext
from hullmark.report.remedy_words import about, conclusion, format_findings, proof, remaining_line
from hullmark.report.terminal import Paint, fact, fold, problem_lines, safe

_MAX_FINDINGS = Limit(5, "findings shown of each change in a table; the others are counted", "shortened")
_MAX_REMAINING = Limit(40, "findings that remain shown in a table; the others are counted", "shortened")


def render(remedy: Remedy, context: RenderContext) -> bytes:
    """The conclusion, each change with what it mends, what remains, and the Dockerfile."""
    paint, width = Paint(context.color), context.width
    lines = [fact("Image", remedy.source.reference, paint, width), fact("Verdict", conclusion(remedy), paint, width)]
    for number, planned in enumerate(remedy.changes, 1):
        lines += ["", *_change(number, planned, width)]
    if remedy.changes:
        lines += ["", fact("Smallest", proof(remedy), paint, width)]
        lines += [fact("Assumed", safe(assumption), paint, width) for assumption in remedy.assumed]
    if remedy.remains:
        lines += ["", fact("Remains", f"{len(remedy.remains):,}", paint, width)]
        for remainder in remedy.remains[:_MAX_REMAINING]:
            lines += _remainder(remainder, width)
        if len(remedy.remains) > _MAX_REMAINING:
            lines += fold(f"and {len(remedy.remains) - _MAX_REMAINING:,} more, all of them in the JSON", width, "  ")
    if remedy.dockerfile:
        # As it is: it is there to be copied.
        lines += ["", "Dockerfile:", *(f"  {safe(line)}" for line in remedy.dockerfile.splitlines())]
    if remedy.problems:
        lines += ["", *problem_lines(remedy.problems, width, paint)]
    return ("\n".join(lines) + "\n").encode()


def _change(number: int, planned: PlannedChange, width: int) -> Iterator[str]:
    yield from fold(safe(f"{number}. {planned.change.summary}"), width, "")
    for line in about(planned):
        yield from fold(safe(line), width, "   ")
    for line in format_findings(planned.mends, _MAX_FINDINGS):
        yield from fold(safe(f"mends {line}"), width, "   ")


def _remainder(remainder: Remainder, width: int) -> Iterator[str]:
    yield from fold(safe(remaining_line(remainder)), width, "  ")
    if remainder.finding is not None:
        yield from fold(safe(remainder.reason), width, "     ")


FORMAT = Format(
    kind="remedy", name="table", media_type="text/plain; charset=utf-8", file_name="remedy.txt", render=render
)
