"""Verdicts: what a policy says of an image, with the findings that led there."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from hullmark.model.advisory import Severity
from hullmark.model.isolation import JudgedContainer
from hullmark.model.problem import Problem
from hullmark.model.signed_document import SignatureInputs


class Action(StrEnum):
    """What a rule asks for when it fires."""

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
    """Where a finding can be seen: a path in the image, the layer that brought it, and the line or value met."""

    path: str = ""
    layer: int = -1
    created_by: str = ""
    detail: str = ""


class Weakness(msgspec.Struct, frozen=True, kw_only=True):
    """The vulnerability that a finding is about. `advisory` is its CVE where it has one, `package` a purl.

    `place` names what the advisory is about, as `debian:13/glibc`: the package to upgrade. `fix_version` is the version that mends it ("":
    none is known); `epss` is from 0 to 1.
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

    `trigger_id` is stable from run to run: it depends on gate, trigger and subject only. `subject` is what it is about (a purl,
    a path, a setting). `message` is a sentence a person can act on. `allowlisted` says why it does not count, if so: the exception
    that covers it (owner, reason, expires …), or the `stage` of its rule set with the `action` that it will have.

    `recommendation` is the rule's own, if it has one. Of Anchore policies, `legacy_id` is the id as Anchore forms it, `stable_id` the one
    that depends on gate, trigger and subject only (`trigger_id` is one of the two, by profile), and `policy_id` names the rule set.
    `weakness` is the vulnerability that it is about, if it is about one; documents as JSON do not show it.
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
    """A problem with the policy itself or with one of its rules. `problem_type` is its kind, in Anchore's words ("": none)."""

    problem_type: str = ""


class VerdictInputs(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the verdict depends on, by digest where it has one; equal inputs give equal verdicts.

    `signatures` is what rules were handed of what others signed: None where nobody could look, not set where no rule asked.
    """

    image: str
    policy: str
    snapshot: str | None
    analyzer: str
    at: str
    signatures: SignatureInputs | msgspec.UnsetType | None = msgspec.UNSET


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The judgement, why, and every finding, sorted: stops first.

    `rule_count` is how many rules judged, None where the reason does not say so. `has_unknowns`: the outcome does not follow from the
    findings alone, since a rule could not be judged or something overrules them all. Documents as JSON show neither. `containers` are
    those that the image is to run in, with what is said of their isolation (not set: no workload was handed over).
    """

    verdict: Outcome
    reason: str
    findings: tuple[Finding, ...]
    problems: tuple[Problem, ...]
    inputs: VerdictInputs
    rule_count: int | None = None
    has_unknowns: bool = msgspec.field(default=False, name="is_clouded")  # as kept verdicts have it
    containers: tuple[JudgedContainer, ...] | msgspec.UnsetType = msgspec.UNSET
