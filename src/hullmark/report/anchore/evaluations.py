"""Verdicts as Anchore's policy evaluations: a table of nine columns, in an answer nested by digest and tag."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

import msgspec

from hullmark.model.problem import Problem
from hullmark.model.verdict import PASSING, Action, Finding, Outcome, PolicyProblem, Verdict
from hullmark.report.anchore.words import Json, image_id, stamp

HEADER = (
    "Image_Id",
    "Repo_Tag",
    "Trigger_Id",
    "Gate",
    "Trigger",
    "Check_Output",
    "Gate_Action",
    "Whitelisted",
    "Policy_Id",
)
"""The columns of the table."""

Status = Literal["pass", "fail"]
Row = list[Any]

_ORDER = (Action.STOP, Action.WARN, Action.GO)
_OVERRIDES = ("blacklisted", "whitelisted")
_WARNINGS = frozenset(("NoMatchedMappingWarning",))


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict as the server keeps it. `policy` is the policy's document, `mapping` the entry of it that fitted the image, if known."""

    account: str
    config_digest: str
    fulltag: str
    policy_id: str
    evaluated_at: datetime
    verdict: Verdict
    policy: Json | None = None
    mapping: Json | None = None


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """The findings. `final_action` is the result of the rules alone, whatever the lists of images say."""

    final_action: str
    header: list[str]
    row_count: int
    rows: list[Row]


class OfImage(msgspec.Struct, frozen=True):
    """The envelope of the table."""

    result: Table


class EvaluationProblem(msgspec.Struct, frozen=True, kw_only=True):
    """What kept a rule from being judged, or is wrong with the policy."""

    details: str
    problem_type: str
    severity: Literal["error", "warn"]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluation with all its findings."""

    bundle: Json | None
    created_at: str | None
    evaluation_problems: list[EvaluationProblem]
    final_action: str
    final_action_reason: str
    image_id: str
    last_modified: str | None
    matched_blacklisted_images_rule: Json | bool
    matched_mapping_rule: Json | bool
    matched_whitelisted_images_rule: Json | bool
    result: Json
    tag: str
    user_id: str


class Detail(msgspec.Struct, frozen=True, omit_defaults=True):
    """Fields that are only given on request."""

    policy: Json | None = None
    result: Result | None = None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluation."""

    detail: Detail
    last_evaluation: str | None
    policy_id: str = msgspec.field(name="policyId")
    status: Status


Answer = list[dict[str, dict[str, list[Summary]]]]


def check(digest: str, fulltag: str, evaluations: Iterable[Evaluation], *, detail: bool = False) -> Answer:
    """The answer about an image under a tag: its evaluations, the latest first; an empty list says that there is none."""
    return [{digest: {fulltag: [_summary(evaluation, detail=detail) for evaluation in evaluations]}}]


def status_of(verdict: Verdict) -> Status:
    """Anchore has two words. An unknown verdict does not pass."""
    return "pass" if verdict.verdict in PASSING else "fail"


def result_of(evaluation: Evaluation) -> Result:
    """An evaluation with all its findings."""
    verdict = evaluation.verdict
    identity = image_id(evaluation.config_digest)
    rows = [_row(finding, identity, evaluation.fulltag) for finding in verdict.findings]
    table = Table(final_action=_policy_action(verdict), header=list(HEADER), row_count=len(rows), rows=rows)
    at = stamp(evaluation.evaluated_at)
    return Result(
        bundle=evaluation.policy,
        created_at=at,
        evaluation_problems=[_problem(problem) for problem in verdict.problems],
        final_action=_action(verdict.verdict).value,
        final_action_reason=verdict.reason,
        image_id=identity,
        last_modified=at,
        matched_blacklisted_images_rule=verdict.reason == "blacklisted",
        matched_mapping_rule=evaluation.mapping or False,
        matched_whitelisted_images_rule=verdict.reason == "whitelisted",
        result={
            identity: OfImage(table),
            "policy_data": [],
            "policy_name": "",
            "whitelist_data": [],
            "whitelist_names": [],
        },
        tag=evaluation.fulltag,
        user_id=evaluation.account,
    )


def _summary(evaluation: Evaluation, *, detail: bool) -> Summary:
    detailed = Detail(policy=evaluation.policy, result=result_of(evaluation)) if detail else Detail()
    return Summary(
        detail=detailed,
        last_evaluation=stamp(evaluation.evaluated_at),
        policy_id=evaluation.policy_id,
        status=status_of(evaluation.verdict),
    )


def _row(finding: Finding, identity: str, fulltag: str) -> Row:
    covered = finding.allowlisted
    return [
        identity,
        fulltag,
        finding.legacy_id or finding.trigger_id,
        finding.gate,
        finding.trigger,
        finding.message,
        (finding.action if covered is None else Action.GO).value,
        False if covered is None else _build_cover(covered),
        finding.policy_id,
    ]


def _build_cover(by: dict[str, str]) -> Json:
    """What covers a finding: an item of a list, an exception of a native policy, or the stage of its rule set."""
    stage = by.get("stage", "")
    return {
        "matched_rule_id": by.get("matched_rule_id", "") or by.get("ticket", "") or by.get("rule_set", ""),
        "whitelist_id": by.get("id", "") or by.get("subject", "") or stage,
        "whitelist_name": by.get("name", "") or by.get("reason", "") or (f"stage {stage}" if stage else "exception"),
    }


def _action(outcome: Outcome) -> Action:
    return Action.STOP if outcome is Outcome.UNKNOWN else Action(outcome.value)


def _policy_action(verdict: Verdict) -> str:
    if verdict.reason not in _OVERRIDES:
        return _action(verdict.verdict).value
    counted = {finding.action for finding in verdict.findings if finding.allowlisted is None}
    return next((action for action in _ORDER if action in counted), Action.GO).value


def _problem(problem: Problem) -> EvaluationProblem:
    kind = problem.problem_type if isinstance(problem, PolicyProblem) else ""
    is_warning = kind in _WARNINGS or not isinstance(problem, PolicyProblem)
    return EvaluationProblem(
        details=f"{problem.path}: {problem.reason}" if problem.path else problem.reason,
        problem_type=kind or ("AnalysisProblem" if is_warning else "TriggerEvaluationError"),
        severity="warn" if is_warning else "error",
    )
