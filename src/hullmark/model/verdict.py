"""Verdicts: a policy's decision on an image, with the findings that led to it."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from hullmark.model.advisory import Severity
from hullmark.model.isolation import JudgedContainer
from hullmark.model.problem import Problem
from hullmark.model.signed_document import SignatureInputs


class Action(StrEnum):
    """The action of a rule when it fires."""

    GO = "go"
    WARN = "warn"
    STOP = "stop"


class Outcome(StrEnum):
    """The policy's verdict on the whole image. UNKNOWN: it needs a fact that is not available."""

    GO = "go"
    WARN = "warn"
    STOP = "stop"
    UNKNOWN = "unknown"


PASSING = frozenset((Outcome.GO, Outcome.WARN))
"""The outcomes that pass: the image is in compliance. An unknown verdict does not pass."""


class Evidence(msgspec.Struct, frozen=True, order=True):
    """Where a finding can be seen: a path in the image, the layer that added it, and the line or value found."""

    path: str = ""
    layer: int = -1
    created_by: str = ""
    detail: str = ""


class Weakness(msgspec.Struct, frozen=True, kw_only=True):
    """The vulnerability that a finding is about. `advisory` is its CVE if it has one, `package` a purl.

    `place` names what the advisory is about, such as `debian:13/glibc`: the package to upgrade. `fix_version` is the version that fixes it
    ("": none is known); `epss` is from 0 to 1.
    """

    advisory: str
    package: str
    place: str = ""
    severity: Severity = "unknown"
    is_exploited: bool = False
    epss: float | None = None
    fix_state: str = ""
    fix_version: str = ""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that fired on one subject.

    `trigger_id` is stable from run to run: it depends only on gate, trigger and subject. `subject` is what it is about (a purl, a path, a
    setting). `message` is a sentence a person can act on. `allowlisted` says why it does not count, if so: the exception that covers it
    (owner, reason, expires …), or the `stage` of its rule set with the `action` that it will have.

    `recommendation` is the rule's own, if it has one. In Anchore policies, `legacy_id` is the id as Anchore forms it, `stable_id` the one
    that depends only on gate, trigger and subject (`trigger_id` is one of the two, by profile), and `policy_id` names the rule set.
    `weakness` is the vulnerability that it is about, if any; JSON documents do not show it.
    """

    gate: str
    trigger: str
    trigger_id: str
    action: Action
    message: str
    subject: str
    rule_id: str
    evidence: tuple[Evidence, ...] = ()
    allowlisted: dict[str, str] | None = None
    legacy_id: str = ""
    stable_id: str = ""
    policy_id: str = ""
    recommendation: str = ""
    weakness: Weakness | None = None


class PolicyProblem(Problem, frozen=True):
    """A problem with the policy itself or with one of its rules. `problem_type` is its kind, in Anchore's terms ("": none)."""

    problem_type: str = ""


class VerdictInputs(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the verdict depends on, by digest if it has one; equal inputs give equal verdicts.

    `signatures` is what rules received of what others signed: None if it could not be looked for, not set if no rule asked for it.
    """

    image: str
    policy: str
    snapshot: str | None
    analyzer: str
    at: str
    signatures: SignatureInputs | msgspec.UnsetType | None = msgspec.UNSET


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The judgement, the reason, and every finding, sorted: stops first.

    `rule_count` is how many rules judged, None if the reason does not state it. `has_unknowns`: the outcome does not follow from the
    findings alone, because a rule could not be judged or something overrules them all. JSON documents show neither. `containers` are those
    that the image is to run in, with the assessment of their isolation (not set: no workload was given).
    """

    verdict: Outcome
    reason: str
    findings: tuple[Finding, ...]
    problems: tuple[Problem, ...]
    inputs: VerdictInputs
    rule_count: int | None = None
    has_unknowns: bool = msgspec.field(default=False, name="is_clouded")  # as stored verdicts have it
    containers: tuple[JudgedContainer, ...] | msgspec.UnsetType = msgspec.UNSET
