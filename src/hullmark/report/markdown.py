"""What reports in Markdown (GitHub's kind) have in common."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from hullmark.model.limit import Limit
from hullmark.model.problem import Problem
from hullmark.report.terminal import clip, safe

_MAX_PROBLEMS = Limit(20, "problems shown in Markdown; the others are counted", "shortened")
_LONGEST = 120
_SPECIAL = re.compile(r"[\\`*_{}\[\]<>()#+!|~@&$]")


def plain(text: str, longest: int = _LONGEST) -> str:
    """The text on one line, where no character means anything; names are not turned into links or mentions."""
    shown = clip(safe(" ".join(text.split())), longest)
    return _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", shown)


def row(cells: Iterable[str]) -> str:
    """A row of a table; the cells are Markdown already."""
    return f"| {' | '.join(cells)} |"


def details(summary: str, lines: Sequence[str]) -> Iterator[str]:
    """Lines that are folded away."""
    yield f"<details><summary>{summary}</summary>"
    yield ""
    yield from lines
    yield ""
    yield "</details>"
    yield ""


def problem_list(problems: Sequence[Problem]) -> list[str]:
    """The problems as a list, the first of them."""
    lines = [f"- {plain(problem.path or 'image')}: {plain(problem.reason)}" for problem in problems[:_MAX_PROBLEMS]]
    return lines + ([f"- and {len(problems) - _MAX_PROBLEMS} more"] if len(problems) > _MAX_PROBLEMS else [])
