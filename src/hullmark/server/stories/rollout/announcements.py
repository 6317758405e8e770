"""What is announced of changed findings in one package: the news about an image that stays out of compliance, and the causes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from hullmark.model import notice
from hullmark.model.verdict import Outcome, Verdict, VerdictInputs
from hullmark.notify.causes import cause_of
from hullmark.notify.evidence import evidence_in
from hullmark.notify.scene import Pair, Scene
from hullmark.notify.transitions import transitions_of
from hullmark.policy.verdict_diff import Lookup, compare
from hullmark.server.stories.rollout.sums import PackageFindings, Sum


def announcements(
    total: Sum,
    findings: tuple[PackageFindings, PackageFindings],
    inputs: tuple[VerdictInputs, VerdictInputs],
    scene: Scene,
    lookup: Lookup | None,
) -> list[dict[str, Any]]:
    """The news about an image that stays out of compliance, each with its cause, which is also that of losing or regaining compliance.

    `findings` are those of the package before and after, `inputs` what both were judged by. An entry has the keys `cause` (by key), `kind`
    ("": only where compliance is lost or regained), `severity`, `evidence` and `about` (the cause without evidence).
    """
    before, after = pair_of([findings], inputs)
    entries = [
        _entry(news.cause, transition.kind, transition.severity, transition.evidence)
        for news in transitions_of(before, after, scene, lookup)
        for transition in news.transitions
    ]
    if entries or not total.stops:
        return entries
    difference = compare(before, after, lookup)
    changes = difference.changes[:1]
    pair = Pair(before, after)
    cause = cause_of(changes[0].cause, changes[0].compared, changes, pair, scene)
    return [_entry(cause, "", cause.severity, evidence_in(changes, pair, scene))]


def pair_of(
    some: Sequence[tuple[PackageFindings, PackageFindings]], inputs: tuple[VerdictInputs, VerdictInputs]
) -> tuple[Verdict, Verdict]:
    """Verdicts of an image out of compliance that has just these findings, before and after."""
    before, after = (
        Verdict(
            verdict=Outcome.STOP,
            reason="",
            findings=tuple(sides[place].findings[key] for sides in some for key in sorted(sides[place].findings)),
            problems=(),
            inputs=inputs[place],
            rule_count=1,
        )
        for place in (0, 1)
    )
    return before, after


def _entry(cause: notice.Cause, kind: str, severity: str, evidence: tuple[notice.Evidence, ...]) -> dict[str, Any]:
    return {
        "cause": cause.key,
        "kind": kind,
        "severity": severity,
        "evidence": [msgspec.to_builtins(item) for item in evidence],
        "about": msgspec.to_builtins(msgspec.structs.replace(cause, evidence=())),
    }
