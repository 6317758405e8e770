"""Policies as values: rules, exceptions, and the digest that identifies a policy by its content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from hullmark.model.verdict import Action
from hullmark.policy.gate import Params, Trigger
from hullmark.policy.rollout import Grace, RuleSet, Selector, Stage
from hullmark.policy.values import Expiry, Expression, NameGlob, Value

NATIVE_SCHEMA = "hullmark-policy/1"


class WhenUnknown(StrEnum):
    """What follows if a rule lacks a fact: the verdict `unknown`, or the given action as if the rule had fired."""

    UNKNOWN = "unknown"
    STOP = "stop"
    WARN = "warn"
    GO = "go"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One trigger with its parameters, and what follows if it fires.

    `message` is appended to each finding's own sentence and says what to do about it. `when_unknown` is what follows if the rule cannot be
    judged. `source` is where the requirement comes from, such as a section of a standard. `rule_set` is the set it belongs to.
    """

    id: str
    trigger: Trigger[Any]
    action: Action
    params: Params
    message: str = ""
    when_unknown: WhenUnknown = WhenUnknown.UNKNOWN
    source: str = ""
    rule_set: str = ""


class PolicyException(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Findings that are accepted for a time. They stay visible, but do not count.

    An exception covers the findings of one rule whose subject matches the glob, until the end (UTC) of the day, or until the time, at which
    it expires.
    """

    rule: Annotated[str, msgspec.Meta(description="The id of the rule whose findings are accepted.")]
    subject: Annotated[NameGlob, msgspec.Meta(description="Which subjects: a purl, a path or the name of a setting.")]
    expires: Annotated[
        Expiry, msgspec.Meta(description="The last day on which it counts, in UTC; or the time at which it ends.")
    ]
    owner: Annotated[str, msgspec.Meta(description="Who is responsible for it.")]
    reason: Annotated[str, msgspec.Meta(description="Why it is accepted.")]
    ticket: Annotated[str, msgspec.Meta(description="Where it is tracked.")] = ""

    def __post_init__(self) -> None:
        if not self.owner.strip() or not self.reason.strip():
            raise ValueError("an exception needs an owner and a reason")

    def described(self) -> dict[str, str]:
        """In the form that a finding shows."""
        shown = {
            "owner": self.owner,
            "reason": self.reason,
            "expires": self.expires.text,
            "subject": self.subject.text,
        }
        return {**shown, "ticket": self.ticket} if self.ticket else shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Rules under a name, with exceptions from them.

    `rules` are those of all sets; their ids are unique across sets. A set that `rule_sets` does not name is enforced. Without entries in
    `apply`, every rule judges every image; with them, `unmatched` is the outcome for an image that no entry matches.
    """

    name: str
    version: str
    rules: tuple[Rule, ...]
    exceptions: tuple[PolicyException, ...] = ()
    description: str = ""
    rule_sets: tuple[RuleSet, ...] = ()
    apply: tuple[Selector, ...] = ()
    unmatched: Action = Action.STOP
    grace: Grace | None = None

    @property
    def title(self) -> str:
        """Its name."""
        return self.name

    @property
    def rule_count(self) -> int:
        """The number of its rules."""
        return len(self.rules)

    @property
    def has_expressions(self) -> bool:
        """Whether any rule evaluates CEL expressions, which takes far longer than other rules do."""
        values = (value for rule in self.rules for value in msgspec.structs.astuple(rule.params))
        return any(isinstance(value, Expression) for value in values)

    def with_exceptions(self, exceptions: tuple[PolicyException, ...]) -> Policy:
        """This policy with more exceptions."""
        return replace(self, exceptions=self.exceptions + exceptions) if exceptions else self

    @property
    def digest(self) -> str:
        """`sha256:…` over the content of the policy. Order of rules and keys, comments and layout do not change it."""
        return "sha256:" + hashlib.sha256(_encode_policy(self)).hexdigest()


def _encode_policy(policy: Policy) -> bytes:
    document: dict[str, Any] = {
        "schema": NATIVE_SCHEMA,
        "name": policy.name,
        "version": policy.version,
        "rules": [written_rule(rule) for rule in sorted(policy.rules, key=lambda rule: rule.id)],
        "exceptions": sorted(
            policy.exceptions, key=lambda excepted: tuple(map(str, msgspec.structs.astuple(excepted)))
        ),
        **_rollout(policy),
    }
    return msgspec.json.encode(document, enc_hook=encode_value, order="sorted")


def _rollout(policy: Policy) -> dict[str, Any]:
    """How the policy comes into force; empty if all rules count for all images, however they are grouped."""
    rollout: dict[str, Any] = {}
    if policy.apply:
        rollout["apply"] = [msgspec.structs.replace(selector, name="") for selector in policy.apply]
        rollout["unmatched"] = policy.unmatched
    if policy.apply or any(rule_set.stage is not Stage.ENFORCE for rule_set in policy.rule_sets):
        stages = {rule_set.name: rule_set.stage for rule_set in policy.rule_sets}
        rollout["rule_sets"] = sorted(
            (rule.id, rule.rule_set, stages.get(rule.rule_set, Stage.ENFORCE)) for rule in policy.rules
        )
    if policy.grace is not None:
        rollout["grace"] = policy.grace
    return rollout


def written_rule(rule: Rule) -> dict[str, Any]:
    """A rule as it is written in a native document, with every key except `source`."""
    return {
        "id": rule.id,
        "gate": rule.trigger.gate,
        "trigger": rule.trigger.name,
        "action": rule.action,
        "params": rule.params,
        "message": rule.message,
        "when_unknown": rule.when_unknown,
    }


def encode_value(value: Any) -> str:
    """Encode a value of a rule for msgspec. Raises TypeError for other types."""
    if isinstance(value, Value):
        return value.text
    raise TypeError(f"a {type(value).__name__} cannot be written")
