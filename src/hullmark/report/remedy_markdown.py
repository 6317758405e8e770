"""The changes that make an image pass as Markdown (GitHub's kind), for a pull request or an issue."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.model.limit import Limit
from hullmark.model.plural import plural
from hullmark.model.remedy import PlannedChange, Remedy
from hullmark.report.format import Format, RenderContext
from hullmark.report.markdown import details, plain, problem_list, row
from hullmark.report.remedy_words import about, conclusion, format_findings, proof, remaining_line

_MAX_ROWS = Limit(100, "findings that remain shown in Markdown; the others are counted", "shortened")
_MAX_FINDINGS = Limit(20, "findings shown of each change in Markdown; the others are counted", "shortened")
_LONGEST = 600


def render(remedy: Remedy, context: RenderContext) -> bytes:
    """The text. Every character of Markdown that comes from an image or a policy is written as an entity, but in the Dockerfile."""
    lines = [f"## {plain(remedy.source.reference)}", "", f"**{plain(conclusion(remedy), _LONGEST)}**", ""]
    for number, planned in enumerate(remedy.changes, 1):
        lines += _change(number, planned)
    if remedy.changes:
        lines += [
            "",
            plain(proof(remedy), _LONGEST),
            "",
            *(f"- Assumed: {plain(assumption, _LONGEST)}" for assumption in remedy.assumed),
            "",
        ]
    if remedy.dockerfile:
        fence = "`" * max(3, 1 + max(map(len, _ticks(remedy.dockerfile)), default=0))
        lines += [f"{fence}dockerfile", *remedy.dockerfile.splitlines(), fence, ""]
    if remedy.remains:
        lines += ["| Remains | Why nothing here mends it |", "|---|---|"]
        lines += [
            row((plain(remaining_line(remainder), _LONGEST), plain(remainder.reason, _LONGEST)))
            for remainder in remedy.remains[:_MAX_ROWS]
        ]
        more = len(remedy.remains) - _MAX_ROWS
        lines += ["", *([f"and {more} more", ""] if more > 0 else [])]
    if remedy.problems:
        lines += details(plural(len(remedy.problems), "problem"), problem_list(remedy.problems))
    return ("\n".join(lines).rstrip("\n") + "\n").encode()


def _change(number: int, planned: PlannedChange) -> Iterator[str]:
    yield f"{number}. **{plain(planned.change.summary, _LONGEST)}**"
    yield from (f"   - {plain(line, _LONGEST)}" for line in about(planned))
    yield from (f"   - mends {plain(line, _LONGEST)}" for line in format_findings(planned.mends, _MAX_FINDINGS))


def _ticks(text: str) -> Iterator[str]:
    """The runs of backticks in a text: a longer one fences it."""
    run = ""
    for character in text:
        run = run + character if character == "`" else ""
        if run:
            yield run


FORMAT = Format(
    kind="remedy", name="markdown", media_type="text/markdown; charset=utf-8", file_name="remedy.md", render=render
)
