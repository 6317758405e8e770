"""The verdict as text for people: the verdict, the findings that count, what was excepted, and the verdict with its reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from hullmark.model.isolation import JudgedContainer
from hullmark.model.limit import Limit
from hullmark.model.problem import Problem
from hullmark.model.verdict import Action, Evidence, Finding, Outcome, Verdict
from hullmark.report.containers_words import grade_text, place_text, reason_lines
from hullmark.report.format import Format, RenderContext
from hullmark.report.terminal import Paint, fact, fold, problem_lines, safe, shorten_text

_COLOR = {Outcome.GO: "green", Outcome.WARN: "yellow", Outcome.STOP: "red", Outcome.UNKNOWN: "yellow"}
_GROUPS = ((Action.STOP, "red"), (Action.WARN, "yellow"))
_MAX_EVIDENCE = Limit(5, "pieces of evidence shown in a table", "shortened")
_MAX_RULES = Limit(
    5, "rules named together in a table that cannot be judged for one reason; the others are counted", "shortened"
)
_UNJUDGED = re.compile(r"the rule (\S+) cannot be judged: ").match
_LONGEST_INSTRUCTION = 160


def render(verdict: Verdict, context: RenderContext) -> bytes:
    """The text. Excepted findings are counted, not listed; the JSON has them. What only a set in shadow asks for is listed apart."""
    paint = Paint(context.color)
    open_findings = [finding for finding in verdict.findings if finding.allowlisted is None]
    lines = [*_sentence(verdict, verdict.inputs.image, context.width, paint), ""]
    for action, color in _GROUPS:
        lines += _group(action.value, [f for f in open_findings if f.action is action], context.width, paint, color)
    shadowed = [finding for finding in verdict.findings if _is_shadowed(finding)]
    lines += _group("shadow, which does not count", shadowed, context.width, paint, "dim")
    lines += _containers(verdict.containers or (), context.width, paint)
    lines += problem_lines(_by_reason(verdict.problems), context.width, paint)
    lines += _facts(verdict, open_findings, paint, context.width)
    lines += _sentence(verdict, f": {verdict.reason}", context.width, paint)
    return ("\n".join(lines) + "\n").encode()


def _sentence(verdict: Verdict, text: str, width: int, paint: Paint) -> list[str]:
    """The verdict's word in its colour, with what follows it."""
    word = verdict.verdict.value.upper()
    space = "" if text.startswith(":") else " "
    first, *others = fold(f"{word}{space}{safe(text)}".rstrip(), width, "")
    return [paint(_COLOR[verdict.verdict], word) + first.removeprefix(word), *others]


def _is_shadowed(finding: Finding) -> bool:
    return finding.allowlisted is not None and "stage" in finding.allowlisted


def _group(title: str, findings: list[Finding], width: int, paint: Paint, color: str) -> Iterator[str]:
    if not findings:
        return
    yield paint(color, f"{title} ({len(findings)})")
    for finding in findings:
        yield from fold(safe(finding.message), width, "  ")
        about = f"{finding.gate}/{finding.trigger}, rule {finding.rule_id}"
        if finding.subject:
            about = f"{finding.subject} ({about})"
        yield from fold(safe(about), width, "    ")
        for place in _places(finding.evidence):
            yield from fold(place, width, "    ")
    yield ""


def _containers(containers: Sequence[JudgedContainer], width: int, paint: Paint) -> Iterator[str]:
    """Each container of the workload with its grade, why, and where it stands."""
    if not containers:
        return
    yield paint("bold", f"isolation ({len(containers)})")
    for judged in containers:
        yield from fold(safe(f"{judged.placed.name}: {grade_text(judged.assessment)}"), width, "  ")
        for line in reason_lines(judged):
            yield from fold(safe(line), width, "    ")
        if place_text(judged):
            yield from fold(safe(f"at {place_text(judged)}"), width, "    ")
    yield ""


def _by_reason(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems, but the rules that cannot be judged for the same reason are in one; in the JSON each is by itself."""
    rules: dict[Problem, list[str]] = {}
    for problem in problems:
        rule = _UNJUDGED(problem.reason)
        rules.setdefault(replace(problem, reason=problem.reason[rule.end() :]) if rule else problem, []).extend(
            [rule[1]] if rule else []
        )
    return tuple(
        replace(problem, reason=_explain_unjudged_rules(names) + problem.reason) for problem, names in rules.items()
    )


def _explain_unjudged_rules(rules: Sequence[str]) -> str:
    names = list(dict.fromkeys(rules))
    if len(names) < 2:
        return f"the rule {names[0]} cannot be judged: " if names else ""
    first, more = names[:_MAX_RULES], len(names) - _MAX_RULES
    others = f" and {more} more" if more > 0 else f" and {first.pop()}"
    return f"{len(names)} rules cannot be judged ({', '.join(first)}{others}): "


def _places(evidence: Iterable[Evidence]) -> Iterator[str]:
    found = list(evidence)
    for place in found[:_MAX_EVIDENCE]:
        parts = [f"at {safe(place.path)}" if place.path else "", f"in layer {place.layer}" if place.layer >= 0 else ""]
        if place.created_by:
            parts.append(f"by {shorten_text(safe(place.created_by), _LONGEST_INSTRUCTION)}")
        if place.detail:
            parts.append(shorten_text(safe(place.detail), _LONGEST_INSTRUCTION))
        text = ", ".join(part for part in parts if part)
        if text:
            yield text
    if len(found) > _MAX_EVIDENCE:
        yield f"and in {len(found) - _MAX_EVIDENCE} more places"


def _facts(verdict: Verdict, open_findings: list[Finding], paint: Paint, width: int) -> Iterator[str]:
    inputs = verdict.inputs
    noted = sum(finding.action is Action.GO for finding in open_findings)
    excepted = sum(finding.allowlisted is not None and not _is_shadowed(finding) for finding in verdict.findings)
    facts = (
        ("Noted", f"{_findings(noted)} with action go" if noted else ""),
        ("Excepted", f"{_findings(excepted)} covered by an allowlist" if excepted else ""),
        ("Policy", inputs.policy),
        ("Snapshot", inputs.snapshot or "no advisories were used"),
        ("Judged at", inputs.at),
    )
    for name, value in facts:
        if value:
            yield fact(name, value, paint, width)


def _findings(count: int) -> str:
    return f"{count} finding" if count == 1 else f"{count} findings"


FORMAT = Format(
    kind="verdict", name="table", media_type="text/plain; charset=utf-8", file_name="verdict.txt", render=render
)
