"""Anchore policies → native ones, as far as both can say the same.

What has no equal is left out and told, for a policy that silently asks for less would be worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

import msgspec

from hullmark.model.verdict import Action
from hullmark.policy.anchore.allowlists import Allowlist, Item
from hullmark.policy.anchore.bundle import Bundle, Mapping, Rule, RuleSet
from hullmark.policy.anchore.select import ImageRule, Wildcard
from hullmark.policy.rules import NATIVE_SCHEMA
from hullmark.policy.translate_rules import RULES, Native, NoEqual

_NEVER = "9999-12-31"
_DENIED = "denied-images"
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9._-]+")
_VULNERABILITY = re.compile(r"[A-Z]{2,10}-[A-Za-z0-9:.*_-]+\Z").fullmatch


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A part that has no equal: what it is called, and why."""

    what: str
    reason: str


class Translation(msgspec.Struct, frozen=True, kw_only=True):
    """The native document, and what of the original is not in it."""

    document: dict[str, Any]
    left_out: tuple[LeftOut, ...]


@dataclass(slots=True)
class _Work:
    left_out: list[LeftOut] = field(default_factory=list)
    ids: dict[tuple[str, int], str] = field(default_factory=dict)
    """Each native rule's id, by its rule set and place."""

    def leave_out(self, what: str, reason: object) -> None:
        self.left_out.append(LeftOut(what=what, reason=str(reason)))


def translate(bundle: Bundle) -> Translation:
    """Make a native policy of a bundle. Raises InvalidBundle for one with mistakes."""
    bundle.require_valid()
    work = _Work()
    rule_sets = {each.id: _rules(each, work) for each in bundle.rule_sets}
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
    for place, rule in enumerate(rule_set.rules):
        if rule.check is None:
            continue  # The original has retired its gate: it never fires.
        name = f"{rule_set.id}/{rule.id or place}"
        translated = RULES.get((rule.check.gate, rule.check.name))
        if translated is None:
            work.leave_out(f"rule {name}", f"{rule.check.gate}.{rule.check.name} has no equal")
            continue
        try:
            gate, trigger, params = translated(rule.values)
        except NoEqual as reason:
            work.leave_out(f"rule {name}", reason)
            continue
        work.ids[rule_set.id, place] = _id(rule_set, rule, place)
        made.append(_rule(work.ids[rule_set.id, place], rule, (gate, trigger, params)))
    return made


def _id(rule_set: RuleSet, rule: Rule, place: int) -> str:
    name = _NOT_IN_IDS.sub("-", f"{rule_set.id}.{place}.{rule.gate}-{rule.trigger}").strip("-.")
    return name[:100] or f"rule.{place}"


def _rule(name: str, rule: Rule, asked: Native) -> dict[str, Any]:
    gate, trigger, params = asked
    made: dict[str, Any] = {"id": name, "gate": gate, "trigger": trigger, "action": Action(rule.action).value}
    made |= {"params": params} if params else {}
    if gate == "dockerfile":
        # Where not even a history tells of a Dockerfile, the original reads an empty one.
        made["when_unknown"] = made["action"] if params.get("required") else "go"
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
        when["registries"] = [_glob(images.registry)]
    if images.repository.text != "*":
        name = _glob(images.repository)
        # Docker's own images go by both names.
        when["repositories"] = [name] if "/" in name or "*" in name else [name, f"library/{name}"]
    if images.kind == "digest":
        return when | {"digests": [images.value]}
    return when | ({"tags": [_glob(images.tag)]} if images.tag.text != "*" else {})


def _glob(wildcard: Wildcard) -> str:
    if wildcard.is_regexp or "?" in wildcard.text or not wildcard.text:
        raise NoEqual(f"{wildcard.text!r} is no pattern with * alone")
    return wildcard.text


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
        for allowlist in (each for each in bundle.allowlists if each.id in wanted):
            for item in allowlist.items:
                yield from _excepted(item, allowlist, rule_set, work)


def _excepted(item: Item, allowlist: Allowlist, rule_set: RuleSet, work: _Work) -> Iterator[dict[str, Any]]:
    subject, last = _subject(item), _last_day(item.expires)
    if subject is None or last is None:
        reason = f"{item.trigger_id.text!r} names a message, not a subject"
        reason = reason if subject is None else "it ends within a day; here exceptions last to the end of one"
        work.leave_out(f"allowlist {allowlist.id}/{item.id}", reason)
        return
    for place, rule in enumerate(rule_set.rules):
        if rule.gate == item.gate and (rule_set.id, place) in work.ids:
            yield {
                "rule": work.ids[rule_set.id, place],
                "subject": subject,
                "expires": last,
                "owner": f"Anchore allowlist {allowlist.name or allowlist.id}",
                "reason": f"item {item.id}, converted; say who answers for it, and until when",
            }


def _subject(item: Item) -> str | None:
    text = item.trigger_id.text
    if item.trigger_id.is_regexp or "?" in text:
        return None
    if item.gate == "always":
        return "image" if text in ("always", "*") else None
    if text == "*":
        return "*"
    vulnerability, plus, package = text.partition("+")
    if item.gate != "vulnerabilities" or not plus or _VULNERABILITY(vulnerability) is None:
        return None
    return f"{vulnerability}+*" if package == "*" else f"{vulnerability}+pkg:*/{package}@*"


def _last_day(expires: datetime | None) -> str | None:
    """The last day that ends when the original does; None if it ends within a day."""
    if expires is None:
        return _NEVER
    moment = (expires if expires.tzinfo is not None else expires.replace(tzinfo=UTC)).astimezone(UTC)
    return (moment - timedelta(days=1)).date().isoformat() if moment.time() == time.min else None
