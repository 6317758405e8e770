"""The changes that make an image pass as JSON, `hullmark-remedy/1`: every key always there, sorted."""

from __future__ import annotations

import msgspec

from hullmark.model.remedy import PlannedChange, Remainder, Remedy
from hullmark.model.verdict import Verdict
from hullmark.report.documents import encode
from hullmark.report.format import Format, RenderContext
from hullmark.report.inventory_json import SourceJson, source_json
from hullmark.report.parts import ProblemJson, ToolJson, problems
from hullmark.report.verdict_json import FindingJson, InputsJson, finding_json

SCHEMA = "hullmark-remedy/1"


class RemedyUpdateJson(msgspec.Struct, frozen=True):
    """A package that is updated."""

    candidate: str
    installed: str
    name: str
    purl: str


class RemedyFileJson(msgspec.Struct, frozen=True):
    """A file that loses bits of its mode (octal), or is deleted (null)."""

    clears: str | None
    path: str


class ChangeJson(msgspec.Struct, frozen=True):
    """A change, and the findings that are there without it."""

    base: str | None
    caution: str | None
    files: list[RemedyFileJson]
    instruction: str | None
    kind: str
    mends: list[FindingJson]
    reason: str | None
    removes: list[str]
    subject: str
    summary: str
    unset: list[str]
    updates: list[RemedyUpdateJson]


class RemainderJson(msgspec.Struct, frozen=True):
    """What remains; `finding` is null where something cannot be told."""

    finding: FindingJson | None
    reason: str
    subject: str


class OutcomeJson(msgspec.Struct, frozen=True):
    """A verdict without its findings in full."""

    findings: int
    inputs: InputsJson
    reason: str
    verdict: str


class RemedyJson(msgspec.Struct, frozen=True):
    """The whole document."""

    after: OutcomeJson
    assumed: tuple[str, ...]
    before: OutcomeJson
    candidates: int
    changes: list[ChangeJson]
    dockerfile: str
    goal: str
    judged: int
    problems: list[ProblemJson]
    proof: str
    reached: bool
    remains: list[RemainderJson]
    schema: str
    source: SourceJson
    tool: ToolJson


def render(remedy: Remedy, context: RenderContext) -> bytes:
    """The document as one line."""
    document = RemedyJson(
        after=_outcome(remedy.after),
        assumed=remedy.assumed,
        before=_outcome(remedy.before),
        candidates=remedy.candidates,
        changes=[_change(planned) for planned in remedy.changes],
        dockerfile=remedy.dockerfile,
        goal=remedy.goal,
        judged=remedy.judged,
        problems=problems(remedy.problems),
        proof=remedy.proof,
        reached=remedy.is_reached,
        remains=[_remainder(remainder) for remainder in remedy.remains],
        schema=SCHEMA,
        source=source_json(remedy.source),
        tool=ToolJson("hullmark", context.tool_version),
    )
    return encode(document)


def _outcome(verdict: Verdict) -> OutcomeJson:
    inputs = verdict.inputs
    return OutcomeJson(
        findings=len(verdict.findings),
        inputs=InputsJson(inputs.analyzer, inputs.at, inputs.image, inputs.policy, inputs.snapshot),
        reason=verdict.reason,
        verdict=verdict.verdict.value,
    )


def _change(planned: PlannedChange) -> ChangeJson:
    change = planned.change
    return ChangeJson(
        base=change.base or None,
        caution=change.caution or None,
        files=[RemedyFileJson(f"{file.clears:04o}" if file.clears else None, file.path) for file in change.files],
        instruction=" ".join(change.setting) if change.setting is not None else None,
        kind=change.kind,
        mends=[finding_json(finding) for finding in planned.mends],
        reason=change.reason or None,
        removes=[package.purl for package in change.removed],
        subject=change.subject,
        summary=change.summary,
        unset=[" ".join(keys) for keys in change.unset],
        updates=[
            RemedyUpdateJson(
                update.candidate.version, update.installed.version, update.installed.name, update.installed.purl
            )
            for update in change.updates
        ],
    )


def _remainder(remainder: Remainder) -> RemainderJson:
    finding = remainder.finding
    return RemainderJson(None if finding is None else finding_json(finding), remainder.reason, remainder.subject)


FORMAT = Format(
    kind="remedy",
    name="json",
    media_type="application/vnd.hullmark.remedy.v1+json",
    file_name="remedy.json",
    render=render,
)
