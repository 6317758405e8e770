"""Anchore policies → native ones, as far as native policies can express them.

Parts without an equivalent are left out and reported, because a policy that silently checks less would be worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from hullmark.model.verdict import Action
from hullmark.policy.anchore.allowlists import Allowlist, Item
from hullmark.policy.anchore.bundle import Bundle, Mapping, Rule, RuleSet
from hullmark.policy.anchore.select import ImageRule
from hullmark.policy.anchore.trigger import Trigger
from hullmark.policy.convert_allowlists import ConvertedRule, exceptions
from hullmark.policy.convert_native import FIRE, Native, NoEqual, glob_of
from hullmark.policy.convert_rules import REASONS, RULES
from hullmark.policy.rules import NATIVE_SCHEMA

_DENIED = "denied-images"
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_ID = 90


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A part that has no equivalent: its name, and why."""

    what: str
    reason: str


class Translation(msgspec.Struct, frozen=True, kw_only=True):
    """The native document, and the parts of the original that are not in it."""

    document: dict[str, Any]
    left_out: tuple[LeftOut, ...]


@dataclass(slots=True)
class _Work:
    left_out: list[LeftOut] = field(default_factory=list)
    translated: dict[str, list[ConvertedRule]] = field(default_factory=dict)
    """The rules that have an equal, by rule set."""

    def leave_out(self, what: str, reason: object) -> None:
        self.left_out.append(LeftOut(what=what, reason=str(reason)))


def translate(bundle: Bundle) -> Translation:
    """Convert a bundle to a native policy. Raises InvalidBundle if it has mistakes."""
    bundle.require_valid()
    work = _Work()
    rule_sets = {rule_set.id: _rules(rule_set, work) for rule_set in bundle.rule_sets}
    denied = list(_entries(bundle.denied_images, work, [_DENIED]))
    if denied:
        rule_sets[_DENIED] = [{"id": _DENIED, "gate": "always", "trigger": "always", "action": "stop"}]
    mapped = [
        (mapping, entry) for mapping in bundle.mappings for entry in _entries((mapping,), work, mapping.rule_sets)
    ]
    document: dict[str, Any] = {
        "schema": NATIVE_SCHEMA,
        "name": bundle.name or bundle.id or "converted",
        "description": f"Converted from the Anchore policy {bundle.id}.",
        "rule_sets": {name: rules for name, rules in rule_sets.items() if rules},
        "apply": [*denied, *_entries(bundle.allowed_images, work, []), *(entry for _, entry in mapped)],
        "exceptions": list(_exceptions(bundle, work)),
    }
    for entry in document["apply"]:
        entry["rule_sets"] = [name for name in entry["rule_sets"] if name in document["rule_sets"]]
    if not document["rule_sets"]:
        work.leave_out("the policy", "no rule is left, and a native policy has some")
    if not document["apply"]:
        del document["apply"]
        work.leave_out("mappings", "none of them has an equal, so every rule judges every image")
    return Translation(document=document, left_out=tuple(work.left_out))


def _rules(rule_set: RuleSet, work: _Work) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    # Every rule of a valid policy has a check: rules whose gate the original has retired are mistakes here.
    checked = [(place, rule, rule.check) for place, rule in enumerate(rule_set.rules) if rule.check is not None]
    for place, rule, check in checked:
        try:
            natives = _natives(check, rule)
        except NoEqual as reason:
            work.leave_out(f"rule {rule_set.id}/{rule.id or place}", reason)
            continue
        name = _id(rule_set, rule, place)
        ids = tuple(name if number == 1 else f"{name}.{number}" for number, _ in enumerate(natives, 1))
        work.translated.setdefault(rule_set.id, []).append(ConvertedRule(rule, ids))
        made += [_rule(rule_id, rule, native) for rule_id, native in zip(ids, natives, strict=True)]
    return made


def _natives(check: Trigger, rule: Rule) -> tuple[Native, ...]:
    key = (check.gate, check.name)
    if key not in RULES:
        raise NoEqual(f"{check.gate}.{check.name} has no equal" + (f": {REASONS[key]}" if key in REASONS else ""))
    return RULES[key](rule.values)


def _id(rule_set: RuleSet, rule: Rule, place: int) -> str:
    name = _NOT_IN_IDS.sub("-", f"{rule_set.id}.{place}.{rule.gate}-{rule.trigger}").strip("-.")
    return name[:_LONGEST_ID] or f"rule.{place}"


def _rule(name: str, rule: Rule, native: Native) -> dict[str, Any]:
    action = Action(rule.action).value
    made: dict[str, Any] = {"id": name, "gate": native.gate, "trigger": native.trigger, "action": action}
    made |= {"params": native.params} if native.params else {}
    if native.when_unknown:
        made["when_unknown"] = action if native.when_unknown == FIRE else native.when_unknown
    return made | ({"message": rule.recommendation} if rule.recommendation else {})


def _entries(mappings: tuple[Mapping, ...], work: _Work, rule_sets: Any) -> Iterator[dict[str, Any]]:
    for mapping in mappings:
        try:
            when = _conditions(mapping.images)
        except NoEqual as reason:
            work.leave_out(f"mapping {mapping.id or mapping.path}", reason)
            continue
        entry: dict[str, Any] = {"name": mapping.name or mapping.id, "rule_sets": list(rule_sets)}
        yield entry | ({"when": when} if when else {})


def _conditions(images: ImageRule | None) -> dict[str, Any]:
    if images is None:
        raise NoEqual("it cannot be told which images are meant")
    if images.kind == "id":
        raise NoEqual("images are chosen by name or digest, not by the digest of their settings")
    when: dict[str, Any] = {}
    if images.registry.text != "*" or images.repository.text != "*":
        when["registries"] = [glob_of(images.registry)]
    if images.repository.text != "*":
        name = glob_of(images.repository)
        # Docker's official images are known by both names.
        when["repositories"] = [name] if "/" in name else [name, f"library/{name}"]
    if images.kind == "digest":
        return when | {"digests": [images.value]}
    return when | ({"tags": [glob_of(images.tag)]} if images.tag.text != "*" else {})


def _exceptions(bundle: Bundle, work: _Work) -> Iterator[dict[str, Any]]:
    for rule_set in bundle.rule_sets:
        users = [mapping for mapping in bundle.mappings if rule_set.id in mapping.rule_sets]
        lists = {mapping.allowlists for mapping in users}
        if len(lists) > 1:
            work.leave_out(
                f"allowlists of {rule_set.id}", "they count in some mappings only; here exceptions count in all"
            )
            continue
        wanted = next(iter(lists), ())
        for allowlist in (allowlist for allowlist in bundle.allowlists if allowlist.id in wanted):
            for item in allowlist.items:
                yield from _convert_item(item, allowlist, rule_set, work)


def _convert_item(item: Item, allowlist: Allowlist, rule_set: RuleSet, work: _Work) -> list[dict[str, Any]]:
    rules = [
        converted for converted in work.translated.get(rule_set.id, ()) if converted.rule.gate == item.gate.lower()
    ]
    try:
        return list(exceptions(item, allowlist, rules))
    except NoEqual as reason:
        work.leave_out(f"allowlist {allowlist.id}/{item.id}", reason)
        return []
