"""Compares two versions of a native policy: which rules were added, removed or changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from hullmark.policy.rollout import RuleSet
from hullmark.policy.rules import Policy, Rule, encode_value


class FieldChange(msgspec.Struct, frozen=True, kw_only=True):
    """A key of a rule or of the policy, before and after ("": not given)."""

    name: str
    before: str
    after: str


class RuleChange(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that differs. `fields` are the keys that differ, with those of `params` as `params.NAME`; empty for a rule that was added or
    removed.
    """

    rule: str
    kind: Literal["added", "removed", "changed"]
    fields: tuple[FieldChange, ...] = ()


class VersionChanges(msgspec.Struct, frozen=True, kw_only=True):
    """All differences: rules by id, and keys of the policy besides its rules."""

    rules: tuple[RuleChange, ...]
    fields: tuple[FieldChange, ...]


def changes_between(before: Policy, after: Policy) -> VersionChanges:
    """The differences between an older and a newer version. The order of rules does not count."""
    older, newer = ({rule.id: rule for rule in policy.rules} for policy in (before, after))
    stages = [{rule_set.name: rule_set for rule_set in policy.rule_sets} for policy in (before, after)]
    found: list[RuleChange] = []
    for name in sorted(older.keys() | newer.keys()):
        old, new = older.get(name), newer.get(name)
        if old is None:
            found.append(RuleChange(rule=name, kind="added"))
        elif new is None:
            found.append(RuleChange(rule=name, kind="removed"))
        elif fields := tuple(_differing(_fields(old, stages[0]), _fields(new, stages[1]))):
            found.append(RuleChange(rule=name, kind="changed", fields=fields))
    return VersionChanges(rules=tuple(found), fields=tuple(_differing(_own(before), _own(after))))


def _differing(before: dict[str, str], after: dict[str, str]) -> Iterator[FieldChange]:
    for name in sorted(before.keys() | after.keys()):
        if before.get(name, "") != after.get(name, ""):
            yield FieldChange(name=name, before=before.get(name, ""), after=after.get(name, ""))


def _fields(rule: Rule, sets: dict[str, RuleSet]) -> dict[str, str]:
    params = msgspec.to_builtins(rule.params, enc_hook=encode_value)
    return {
        "gate": rule.trigger.gate,
        "trigger": rule.trigger.name,
        "action": rule.action.value,
        "message": rule.message,
        "source": rule.source,
        "when_unknown": rule.when_unknown.value,
        "stage": sets[rule.rule_set].stage.value if rule.rule_set in sets else "",
        **{f"params.{name}": _format_value(value) for name, value in params.items()},
    }


def _own(policy: Policy) -> dict[str, str]:
    """The policy's keys besides name, version and rules."""
    return {
        "description": policy.description,
        "unmatched": policy.unmatched.value,
        "grace": _encode_json(policy.grace) if policy.grace is not None else "",
        "apply": _encode_json(policy.apply) if policy.apply else "",
        "exceptions": _encode_json(policy.exceptions) if policy.exceptions else "",
    }


def _format_value(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None or value == [] else _encode_json(value)


def _encode_json(value: Any) -> str:
    return msgspec.json.encode(value, enc_hook=encode_value).decode()
