"""Anchore policies → native ones, as far as both can say the same.

What has no equal is left out and told, for a policy that silently asks for less would be worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

import msgspec

from hullmark.model.verdict import Action
from hullmark.policy.anchore.bundle import Allowlist, Bundle, Item, Mapping, Rule, RuleSet
from hullmark.policy.anchore.params import Values
from hullmark.policy.anchore.select import ImageRule, Wildcard
from hullmark.policy.rules import NATIVE_SCHEMA

_NEVER = "9999-12-31"
_DENIED = "denied-images"
_WILD = re.compile(r"[*?]")
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9._-]+")
_VULNERABILITY = re.compile(r"[A-Z]{2,10}-[A-Za-z0-9:.*_-]+\Z").fullmatch
_SEVERITIES = ("unknown", "negligible", "low", "medium", "high", "critical")
_SYSTEM_TYPES = ("alpm", "apk", "deb", "rpm")

Params = dict[str, Any]


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A part that has no equal: what it is called, and why."""

    what: str
    reason: str


class Translation(msgspec.Struct, frozen=True, kw_only=True):
    """The native document, and what of the original is not in it."""

    document: dict[str, Any]
    left_out: tuple[LeftOut, ...]


class _NoEqualError(Exception):
    """There is no native way to say it; the text says what."""


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
        translated = _RULES.get((rule.check.gate, rule.check.name))
        if translated is None:
            work.leave_out(f"rule {name}", f"{rule.check.gate}.{rule.check.name} has no equal")
            continue
        try:
            gate, trigger, params = translated(rule.values)
        except _NoEqualError as reason:
            work.leave_out(f"rule {name}", reason)
            continue
        work.ids[rule_set.id, place] = _id(rule_set, rule, place)
        made.append(_rule(work.ids[rule_set.id, place], rule, (gate, trigger, params)))
    return made


def _id(rule_set: RuleSet, rule: Rule, place: int) -> str:
    name = _NOT_IN_IDS.sub("-", f"{rule_set.id}.{place}.{rule.gate}-{rule.trigger}").strip("-.")
    return name[:100] or f"rule.{place}"


def _rule(name: str, rule: Rule, asked: tuple[str, str, Params]) -> dict[str, Any]:
    gate, trigger, params = asked
    made: dict[str, Any] = {"id": name, "gate": gate, "trigger": trigger, "action": Action(rule.action).value}
    made |= {"params": params} if params else {}
    return made | ({"message": rule.recommendation} if rule.recommendation else {})


def _entries(mappings: tuple[Mapping, ...], work: _Work, rule_sets: Any) -> Iterator[dict[str, Any]]:
    for mapping in mappings:
        try:
            when = _conditions(mapping.images)
        except _NoEqualError as reason:
            work.leave_out(f"mapping {mapping.id or mapping.path}", reason)
            continue
        entry: dict[str, Any] = {"name": mapping.name or mapping.id, "rule_sets": list(rule_sets)}
        yield entry | ({"when": when} if when else {})


def _conditions(images: ImageRule | None) -> dict[str, Any]:
    if images is None:
        raise _NoEqualError("it cannot be told which images are meant")
    if images.kind == "id":
        raise _NoEqualError("images are chosen by name or digest, not by the digest of their settings")
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
        raise _NoEqualError(f"{wildcard.text!r} is no pattern with * alone")
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


# What rules come to.


def _plain(text: str) -> str:
    if _WILD.search(text) or not text:
        raise _NoEqualError(f"the name {text!r} would be a pattern here")
    return text


def _listed(values: Values, name: str, key: str = "type") -> Params:
    """A list that denies or allows."""
    texts = [_plain(text) for text in values.texts(name)]
    return {"forbidden": texts} if values.text(key) == "blacklist" else {"allowed": texts}


def _only_given(values: Values) -> Params:
    if values.flag("actual_dockerfile_only"):
        raise _NoEqualError("where no Dockerfile is given it does not fire; here it cannot tell")
    return {}


def _exposed_ports(values: Values) -> tuple[str, str, Params]:
    params = {key: ["*" if port == "0" else port for port in ports] for key, ports in _listed(values, "ports").items()}
    return "dockerfile", "exposed_ports", params | _only_given(values)


def _effective_user(values: Values) -> tuple[str, str, Params]:
    return "dockerfile", "user", _listed(values, "users")


def _required_package(values: Values) -> tuple[str, str, Params]:
    params: Params = {"names": [_plain(values.text("name"))]}
    if version := values.text("version"):
        params["version"] = f"{'>=' if values.text('version_match_type', 'exact') == 'minimum' else '='} {version}"
    return "packages", "required", params


def _denied_package(values: Values) -> tuple[str, str, Params]:
    if values.text("version"):
        raise _NoEqualError("versions are compared as texts there, and by their order here")
    return "packages", "forbidden", {"names": [_plain(values.text("name"))]}


def _vulnerable_package(values: Values) -> tuple[str, str, Params]:
    known = {"package_type", "severity_comparison", "severity", "fix_available", "vendor_only"}
    if more := sorted(set(values.given) - known):
        raise _NoEqualError(f"the condition {more[0]} has no equal")
    params: Params = {"unrated": "ignore"} | _severity(values)
    if values.text("package_type") == "non-os":
        raise _NoEqualError("all packages but a system's cannot be chosen by their types")
    if values.text("package_type") == "os":
        params["types"] = list(_SYSTEM_TYPES)
    states = {"fixed"} if values.flag("fix_available") else {"fixed", "not-fixed", "unknown", "wont-fix"}
    if values.has("fix_available") and not values.flag("fix_available"):
        states -= {"fixed"}
    if values.flag("vendor_only", default=True):
        states -= {"wont-fix"}
    return "vulnerabilities", "found", params | ({"fix": sorted(states)} if len(states) < 4 else {})


def _severity(values: Values) -> Params:
    place = _SEVERITIES.index(values.text("severity", "unknown"))
    comparison = values.text("severity_comparison", ">")
    if comparison == "=" and place == len(_SEVERITIES) - 1:
        comparison = ">="
    if comparison not in (">", ">=") or (comparison == ">" and place == len(_SEVERITIES) - 1):
        raise _NoEqualError(f"severities {comparison} {_SEVERITIES[place]} cannot be asked for")
    least = place + (comparison == ">")
    return {"severity": _SEVERITIES[least]} if least else {}


def _exploited(values: Values) -> tuple[str, str, Params]:
    return "vulnerabilities", "found", {"exploited": True}


def _fixed(gate: str, trigger: str, params: Params) -> Callable[[Values], tuple[str, str, Params]]:
    return lambda values: (gate, trigger, dict(params))


_RULES: dict[tuple[str, str], Callable[[Values], tuple[str, str, Params]]] = {
    ("always", "always"): _fixed("always", "always", {}),
    ("dockerfile", "effective_user"): _effective_user,
    ("dockerfile", "exposed_ports"): _exposed_ports,
    ("dockerfile", "no_dockerfile_provided"): _fixed("dockerfile", "not_given", {}),
    ("files", "suid_or_guid_set"): _fixed("files", "mode", {"paths": ["/**"], "forbidden": "6000"}),
    ("packages", "blacklist"): _denied_package,
    ("packages", "required_package"): _required_package,
    ("vulnerabilities", "kev_list"): _exploited,
    ("vulnerabilities", "package"): _vulnerable_package,
}
"""By gate and trigger as the original names them: the native gate and trigger, and its parameters."""
