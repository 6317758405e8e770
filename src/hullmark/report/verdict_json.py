"""Hullmark's own JSON for verdicts, `hullmark-verdict/1`: every key always there, sorted, equal bytes for equal inputs.

The structs below are the contract. Their fields stand in alphabetical order, because that is the order they are written in.
"""

from __future__ import annotations

import msgspec

from hullmark.model.verdict import Evidence, Finding, Verdict
from hullmark.report.documents import encode
from hullmark.report.format import Format, RenderContext
from hullmark.report.parts import ProblemJson, problems

SCHEMA = "hullmark-verdict/1"


class EvidenceJson(msgspec.Struct, frozen=True, gc=False):
    """Where a finding can be seen."""

    created_by: str
    detail: str
    layer: int
    path: str


class FindingJson(msgspec.Struct, frozen=True):
    """One rule that fired on one subject."""

    action: str
    allowlisted: dict[str, str] | None
    evidence: list[EvidenceJson]
    gate: str
    message: str
    rule_id: str
    subject: str
    trigger: str
    trigger_id: str


class InputsJson(msgspec.Struct, frozen=True, gc=False):
    """All that the verdict depends on."""

    analyzer: str
    at: str
    image: str
    policy: str
    snapshot: str | None


class VerdictJson(msgspec.Struct, frozen=True):
    """The whole document."""

    findings: list[FindingJson]
    inputs: InputsJson
    problems: list[ProblemJson]
    reason: str
    schema: str
    verdict: str


def render(verdict: Verdict, context: RenderContext) -> bytes:
    """The document as one line."""
    inputs = verdict.inputs
    return encode(
        VerdictJson(
            findings=[_finding(finding) for finding in verdict.findings],
            inputs=InputsJson(inputs.analyzer, inputs.at, inputs.image, inputs.policy, inputs.snapshot),
            problems=problems(verdict.problems),
            reason=verdict.reason,
            schema=SCHEMA,
            verdict=verdict.verdict.value,
        )
    )


def _finding(finding: Finding) -> FindingJson:
    return FindingJson(
        action=finding.action.value,
        allowlisted=finding.allowlisted,
        evidence=[_evidence(evidence) for evidence in finding.evidence],
        gate=finding.gate,
        message=finding.message,
        rule_id=finding.rule_id,
        subject=finding.subject,
        trigger=finding.trigger,
        trigger_id=finding.trigger_id,
    )


def _evidence(evidence: Evidence) -> EvidenceJson:
    return EvidenceJson(evidence.created_by, evidence.detail, evidence.layer, evidence.path)


FORMAT = Format(
    kind="verdict",
    name="json",
    media_type="application/vnd.hullmark.verdict.v1+json",
    file_name="verdict.json",
    render=render,
)
