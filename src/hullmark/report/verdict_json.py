"""Hullmark's own JSON for verdicts, `hullmark-verdict/1`: every key always present, sorted, equal bytes for equal inputs.

The structs below are the contract. Their fields are in alphabetical order, the order they are written in.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from hullmark.model.explanation import ExplainedVerdict, Explanation, PlacedEvidence
from hullmark.model.problem import Problem
from hullmark.model.reach import MatchReach
from hullmark.model.verdict import Evidence, Finding, PolicyProblem, Verdict
from hullmark.report.containers_json import ContainerJson, container_json
from hullmark.report.documents import encode
from hullmark.report.format import Format, RenderContext
from hullmark.report.matches_json import StepJson, steps_json

SCHEMA = "hullmark-verdict/1"


class EvidenceJson(msgspec.Struct, frozen=True, gc=False):
    """Where a finding can be seen."""

    created_by: str
    detail: str
    layer: int
    path: str


class FindingReachJson(msgspec.Struct, frozen=True):
    """Whether the image's start reaches the package that a finding is about: the shortest way there, or the reason."""

    reach: str
    reason: str
    witness: list[StepJson]


class FindingJson(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that fired on one subject. A server's documents have `reach`, where the finding is about a vulnerability of a package, and
    it was looked for."""

    action: str
    allowlisted: dict[str, str] | None
    evidence: list[EvidenceJson]
    gate: str
    legacy_id: str
    message: str
    policy_id: str
    reach: FindingReachJson | msgspec.UnsetType = msgspec.UNSET
    recommendation: str
    rule_id: str
    stable_id: str
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


class VerdictProblemJson(msgspec.Struct, frozen=True, gc=False):
    """What could not be read or judged; `problem_type` is "" except for faults of an Anchore policy and its rules."""

    kind: str
    layer: int
    path: str
    problem_type: str
    reason: str
    room: str


class PlaceJson(msgspec.Struct, frozen=True, gc=False):
    """Where a finding can be seen, and the layer's digest and instruction."""

    detail: str
    digest: str
    instruction: str
    layer: int
    path: str


class ExplanationJson(msgspec.Struct, frozen=True):
    """What explains one finding: its rule, the places, what to do, and what ends the exception from it."""

    advice: str
    asks: str
    ends: str
    params: msgspec.Raw
    places: list[PlaceJson]
    rule_id: str
    rule_set: str
    source: str
    trigger_id: str


class VerdictJson(msgspec.Struct, frozen=True):
    """The whole document. Two keys are present only on request: `explanations`, one for each finding in the same order, and `containers`,
    where a workload was handed over."""

    containers: list[ContainerJson] | msgspec.UnsetType
    explanations: list[ExplanationJson] | msgspec.UnsetType
    findings: list[FindingJson]
    inputs: InputsJson
    problems: list[VerdictProblemJson]
    reason: str
    schema: str
    verdict: str


def render(verdict: Verdict, context: RenderContext) -> bytes:
    """The document as one line."""
    return encode(document(verdict, context.reach))


def document(verdict: Verdict, reach: Mapping[str, MatchReach] = {}) -> VerdictJson:
    """The document. `reach` says of packages, by their URLs, whether the image's start reaches them."""
    inputs = verdict.inputs
    return VerdictJson(
        containers=[container_json(judged) for judged in verdict.containers]
        if verdict.containers is not msgspec.UNSET
        else msgspec.UNSET,
        explanations=[_explanation(explanation) for explanation in verdict.explanations]
        if isinstance(verdict, ExplainedVerdict)
        else msgspec.UNSET,
        findings=[finding_json(finding, _find_reach(finding, reach)) for finding in verdict.findings],
        inputs=InputsJson(inputs.analyzer, inputs.at, inputs.image, inputs.policy, inputs.snapshot),
        problems=[_problem(problem) for problem in verdict.problems],
        reason=verdict.reason,
        schema=SCHEMA,
        verdict=verdict.verdict.value,
    )


def _find_reach(finding: Finding, reach: Mapping[str, MatchReach]) -> MatchReach | None:
    return reach.get(finding.weakness.package) if finding.weakness is not None else None


def finding_json(finding: Finding, reach: MatchReach | None = None) -> FindingJson:
    """A finding as the document has it, with what is known of the reach of the package that it is about."""
    return FindingJson(
        action=finding.action.value,
        allowlisted=finding.allowlisted,
        evidence=[_evidence(evidence) for evidence in finding.evidence],
        gate=finding.gate,
        legacy_id=finding.legacy_id,
        message=finding.message,
        policy_id=finding.policy_id,
        reach=FindingReachJson(reach.reach, reach.reason, steps_json(reach.witness))
        if reach is not None
        else msgspec.UNSET,
        recommendation=finding.recommendation,
        rule_id=finding.rule_id,
        stable_id=finding.stable_id,
        subject=finding.subject,
        trigger=finding.trigger,
        trigger_id=finding.trigger_id,
    )


def _problem(problem: Problem) -> VerdictProblemJson:
    problem_type = problem.problem_type if isinstance(problem, PolicyProblem) else ""
    return VerdictProblemJson(problem.kind, problem.layer, problem.path, problem_type, problem.reason, problem.room)


def _evidence(evidence: Evidence) -> EvidenceJson:
    return EvidenceJson(evidence.created_by, evidence.detail, evidence.layer, evidence.path)


def _explanation(explanation: Explanation) -> ExplanationJson:
    return ExplanationJson(
        advice=explanation.advice,
        asks=explanation.asks,
        ends=explanation.ends,
        params=msgspec.Raw(explanation.params.encode()),
        places=[_place(place) for place in explanation.places],
        rule_id=explanation.finding.rule_id,
        rule_set=explanation.rule_set,
        source=explanation.source,
        trigger_id=explanation.finding.trigger_id,
    )


def _place(place: PlacedEvidence) -> PlaceJson:
    evidence = place.evidence
    return PlaceJson(evidence.detail, place.digest, place.instruction, evidence.layer, evidence.path)


FORMAT = Format(
    kind="verdict",
    name="json",
    media_type="application/vnd.hullmark.verdict.v1+json",
    file_name="verdict.json",
    render=render,
)
