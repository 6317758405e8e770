"""What differs between two images as Markdown (GitHub's kind) for a merge request: the numbers first, each part folded away."""

from __future__ import annotations

from hullmark.model.difference import ImageDifference
from hullmark.model.plural import plural
from hullmark.report.difference_words import facts, sameness, sections
from hullmark.report.format import Format, RenderContext
from hullmark.report.markdown import details, plain, problem_list, row

_LONGEST_PATH = 4096


def render(difference: ImageDifference, context: RenderContext) -> bytes:
    """The text. Every character of Markdown that comes from an image or a feed is written as an entity."""
    before, after = plain(difference.before.reference), plain(difference.after.reference)
    lines = [f"## {before} and {after}", ""]
    if said := sameness(difference):
        lines += [f"**{said}**", ""]
    lines += [f"- {name}: {plain(value, _LONGEST_PATH)}" for name, value in facts(difference) if value]
    lines += [f"- Note: {plain(gap, _LONGEST_PATH)}" for gap in difference.gaps]
    lines.append("")
    for section in sections(difference):
        if not section.rows:
            lines += [f"- {plain(section.title)}", ""]
            continue
        found = [row(name.capitalize() for name in section.head), "|" + "---|" * len(section.head)]
        found += [row(plain(cell, _LONGEST_PATH) for cell in cells) for cells in section.rows]
        if section.more:
            found += ["", section.more]
        lines += details(plain(section.title), found)
    for name, problems in ((before, difference.before_problems), (after, difference.after_problems)):
        if problems:
            lines += details(f"{plural(len(problems), 'problem')} while reading {name}", problem_list(problems))
    return ("\n".join(lines).rstrip("\n") + "\n").encode()


FORMAT = Format(
    kind="difference",
    name="markdown",
    media_type="text/markdown; charset=utf-8",
    file_name="difference.md",
    render=render,
)
