"""Verdicts as JUnit XML: a suite for each image, a test case for each finding.

A finding that stops is a failure, one that warns or is noted passes with its text, one that does not count is skipped, and an
unknown verdict is an error.
"""

from __future__ import annotations

from collections.abc import Sequence

from hullmark.model.verdict import Action, Finding, Verdict
from hullmark.report.containers_words import grade_text
from hullmark.report.documents import moment
from hullmark.report.format import Format, RenderContext
from hullmark.report.junit import Case, case, document, element, output, suite
from hullmark.report.verdict_words import excuse, facts, is_untold, places, title, trigger


def render(verdict: Verdict, context: RenderContext) -> bytes:
    """The document of one suite."""
    return render_all([verdict], context)


def render_all(verdicts: Sequence[Verdict], context: RenderContext) -> bytes:
    """The document, indented. An image without findings is one test that passed: many readers take an empty report for a mistake."""
    stamp = moment(context.timestamp) or ""
    lines: list[str] = []
    kinds: list[str] = []
    for verdict in verdicts:
        cases = [_case(finding) for finding in verdict.findings]
        if is_untold(verdict) or not cases:
            cases.append(_case_of_verdict(verdict))
        kinds += [kind for kind, _ in cases]
        properties = {name.lower(): value for name, value in facts(verdict)}
        properties |= {
            "verdict": verdict.verdict.value,
            "reason": verdict.reason,
            "problems": str(len(verdict.problems)),
        }
        properties |= {
            f"isolation of {judged.placed.name}": grade_text(judged.assessment) for judged in verdict.containers or ()
        }
        lines += suite(verdict.inputs.image or "image", cases, properties, stamp)
    return document(lines, kinds)


def _case(finding: Finding) -> Case:
    name, group = title(finding), trigger(finding)
    if finding.allowlisted is not None:
        return "skipped", case(name, group, [element("skipped", excuse(finding))])
    text = [finding.recommendation, *places(finding.evidence)]
    if finding.action is Action.STOP:
        return "failure", case(name, group, [element("failure", finding.message, finding.action.value, text)])
    return "", case(name, group, [output([f"{finding.action.value}: {finding.message}", *text])])


def _case_of_verdict(verdict: Verdict) -> Case:
    if is_untold(verdict):
        return "error", case("verdict", "policy", [element("error", verdict.reason, verdict.verdict.value)])
    return "", case("verdict", "policy", [output([verdict.reason])])


FORMAT = Format(
    kind="verdict",
    name="junit",
    media_type="application/xml",
    file_name="verdict.junit.xml",
    render=render,
    render_all=render_all,
)
