"""Judged containers as JSON: what a verdict's document has under `containers`. The structs below are the contract, keys sorted."""

from __future__ import annotations

import msgspec

from hullmark.model.isolation import IsolationPatch, JudgedContainer


class JointFindingJson(msgspec.Struct, frozen=True, gc=False):
    """Where image and container do not fit: `kind` is granted or needed."""

    certain: bool
    kind: str
    setting: str
    text: str


class MissingJson(msgspec.Struct, frozen=True, gc=False):
    """What is missing to the next grade; `known` false: nobody told."""

    known: bool
    setting: str
    text: str


class PatchJson(msgspec.Struct, frozen=True, gc=False):
    """A change of the manifest after which the grade is `grade`; `language` is yaml, json or options."""

    grade: str
    language: str
    notes: list[str]
    text: str


class ReasonJson(msgspec.Struct, frozen=True, gc=False):
    """Why the grade is what it is."""

    setting: str
    text: str


class ContainerJson(msgspec.Struct, frozen=True):
    """A container of the image: where it stands, its grade and why, the best grade that is possible, and what does not fit."""

    at_most: str
    findings: list[JointFindingJson]
    grade: str
    image: str
    kind: str
    line: int
    missing: list[MissingJson]
    name: str
    namespace: str
    patch: PatchJson | None
    path: str
    reasons: list[ReasonJson]


def container_json(judged: JudgedContainer) -> ContainerJson:
    """A container as the document has it."""
    placed, assessment = judged.placed, judged.assessment
    return ContainerJson(
        at_most=assessment.at_most,
        findings=[
            JointFindingJson(finding.is_certain, finding.kind, finding.setting, finding.text)
            for finding in judged.findings
        ],
        grade=assessment.grade,
        image=placed.container.image,
        kind=placed.container.kind,
        line=placed.container.line,
        missing=[MissingJson(reason.is_known, reason.setting, reason.text) for reason in assessment.missing],
        name=placed.name,
        namespace=placed.workload.namespace,
        patch=_patch(judged.patch) if judged.patch is not None else None,
        path=placed.path,
        reasons=[ReasonJson(reason.setting, reason.text) for reason in assessment.reasons],
    )


def _patch(patch: IsolationPatch) -> PatchJson:
    return PatchJson(patch.grade, patch.language, list(patch.notes), patch.text)
