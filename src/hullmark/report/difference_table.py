"""What differs between two images as tables for people, one for each part; what was compared, and what could not be, below."""

from __future__ import annotations

from hullmark.model.difference import ImageDifference
from hullmark.report.difference_words import facts, sameness, sections
from hullmark.report.format import Format, RenderContext
from hullmark.report.table import columns
from hullmark.report.terminal import Paint, fact, fold, problem_lines, safe


def render(difference: ImageDifference, context: RenderContext) -> bytes:
    """The text. No name or path is cut; each table has a bounded number of rows and says how many more there are."""
    paint = Paint(context.color)
    lines: list[str] = []
    for section in sections(difference):
        lines += [paint("bold", line) for line in fold(safe(section.title), context.width, "")]
        rows = [tuple(map(safe, row)) for row in section.rows]
        if rows:
            lines += columns(section.head, rows, context.width, paint, section.spare)
        if section.more:
            lines += fold(section.more, context.width, "")
        lines.append("")
    if said := sameness(difference):
        lines += [said, ""]
    lines += [fact(name, value, paint, context.width) for name, value in facts(difference) if value]
    for gap in difference.gaps:
        lines.append(fact("Note", gap, paint, context.width))
    for problems in (difference.before_problems, difference.after_problems):
        lines += problem_lines(problems, context.width, paint)
    return ("\n".join(lines) + "\n").encode()


FORMAT = Format(
    kind="difference", name="table", media_type="text/plain; charset=utf-8", file_name="difference.txt", render=render
)
