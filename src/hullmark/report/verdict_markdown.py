"""Verdicts as Markdown (GitHub's kind) for pull requests and job summaries: the verdict first, then what to do something about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hullmark.model.isolation import JudgedContainer
from hullmark.model.limit import Limit
from hullmark.model.plural import plural
from hullmark.model.verdict import Action, Finding, Verdict
from hullmark.report.containers_words import grade_text, place_text, reason_lines
from hullmark.report.format import Format, RenderContext
from hullmark.report.markdown import details, plain, problem_list, row
from hullmark.report.matches_words import sentence
from hullmark.report.verdict_words import counting, excuse, facts, place_of, set_aside, summary

_MAX_ROWS = Limit(100, "findings shown in Markdown; the others are counted", "shortened")
_LONGEST = 400
_HEAD = ("Action", "Finding", "Subject", "Where", "Rule")
_HEAD_CONTAINERS = ("Container", "Isolation", "Why", "Where")
_HEAD_ASIDE = ("Finding", "Subject", "Rule", "Why it does not count")


def render(verdict: Verdict, context: RenderContext) -> bytes:
    """The text. Every character of Markdown that comes from an image or a policy is written as an entity."""
    lines = [
        f"## {verdict.verdict.value.upper()}: {plain(verdict.inputs.image)}",
        "",
        f"**{plain(sentence(verdict.reason), _LONGEST)}** ({summary(verdict)})",
        "",
        *_table(counting(verdict)),
        *_aside(set_aside(verdict)),
        *_containers(verdict.containers or ()),
        *_problems(verdict),
        *(f"- {name}: {plain(value)}" for name, value in facts(verdict) if value),
    ]
    return ("\n".join(lines) + "\n\n").encode()


def _table(found: Sequence[Finding]) -> Iterator[str]:
    shown = [finding for finding in found if finding.action is not Action.GO]
    if not shown:
        return
    yield row(_HEAD)
    yield "|---|---|---|---|---|"
    for finding in shown[:_MAX_ROWS]:
        place = place_of(finding)
        where = f"{place.path}:{place.line}" if place.line else place.path
        word = f"**{finding.action.value}**" if finding.action is Action.STOP else finding.action.value
        text = " ".join(filter(None, (finding.message, finding.recommendation)))
        yield row((word, plain(text, _LONGEST), plain(finding.subject), plain(where), plain(finding.rule_id)))
    yield ""
    if len(shown) > _MAX_ROWS:
        yield f"and {len(shown) - _MAX_ROWS} more"
        yield ""


def _aside(found: Sequence[Finding]) -> Iterator[str]:
    if not found:
        return
    lines = [row(_HEAD_ASIDE), "|---|---|---|---|"]
    for finding in found[:_MAX_ROWS]:
        cells = (finding.message, finding.subject, finding.rule_id, excuse(finding))
        lines.append(row(plain(cell, _LONGEST) for cell in cells))
    lines += ["", f"and {len(found) - _MAX_ROWS} more"] if len(found) > _MAX_ROWS else []
    yield from details(f"{plural(len(found), 'finding')} that {'does' if len(found) == 1 else 'do'} not count", lines)


def _containers(containers: Sequence[JudgedContainer]) -> Iterator[str]:
    if not containers:
        return
    yield row(_HEAD_CONTAINERS)
    yield "|---|---|---|---|"
    for judged in containers[:_MAX_ROWS]:
        cells = (judged.placed.name, grade_text(judged.assessment), "; ".join(reason_lines(judged)), place_text(judged))
        yield row(plain(cell, _LONGEST) for cell in cells)
    yield ""
    if len(containers) > _MAX_ROWS:
        yield f"and {len(containers) - _MAX_ROWS} more"
        yield ""


def _problems(verdict: Verdict) -> Iterator[str]:
    if verdict.problems:
        summary = f"{plural(len(verdict.problems), 'problem')} while reading and judging the image"
        yield from details(summary, problem_list(verdict.problems))


FORMAT = Format(
    kind="verdict",
    name="markdown",
    media_type="text/markdown; charset=utf-8",
    file_name="verdict.md",
    render=render,
)
