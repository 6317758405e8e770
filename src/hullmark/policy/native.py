"""Native policies: a YAML document, or several that are read as one, → a Policy, or every mistake in it.

schema: hullmark-policy/1
name: baseline
rules:
  - id: not-root
    gate: config
    trigger: user
    action: stop
    params: {not_root: true}
exceptions:
  - rule: not-root
    subject: user
    expires: 2027-03-31
    owner: platform team
    reason: the process drops its rights itself

Instead of `rules`, or besides them, `rule_sets` holds named sets, each with a stage; `apply` says which sets judge which images.
Several documents are one policy: rules, sets, entries and exceptions of all count, and ids must differ among all. The `rules` of
documents with one name are one set.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.model.verdict import Action
from hullmark.policy.decode import Mistake, Mistakes, nearest, read_struct
from hullmark.policy.document import Node
from hullmark.policy.gate import Trigger
from hullmark.policy.gates import triggers_by_gate
from hullmark.policy.rollout import Grace, RuleSet, Selector, Stage
from hullmark.policy.rules import NATIVE_SCHEMA, Policy, PolicyException, Rule, WhenUnknown

MAX_RULES = Limit(1000, "rules of a native policy", "refused")
_SHOWN_MISTAKES = 20

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}").fullmatch
_SEVERITIES = ("critical", "high", "medium", "low", "negligible", "unknown")


class InvalidPolicy(HullmarkError):
    """The document is not a valid policy. `mistakes` are all that were found, by file and line."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes, key=lambda mistake: (mistake.file, mistake)))
        count = len(self.mistakes)
        shown = [f"({number}) {mistake}" for number, mistake in enumerate(self.mistakes[:_SHOWN_MISTAKES], 1)]
        if count > len(shown):
            shown.append(f"and {count - len(shown)} more")
        head = (
            f"the policy has {count} mistakes: {', '.join(shown)}"
            if count > 1
            else f"the policy has a mistake: {self.mistakes[0]}"
        )
        super().__init__(head, advice="correct the document; hullmark policy init writes one that shows the form")


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    schema: str
    name: str = ""
    rules: tuple[Node, ...] = ()
    stage: Stage = Stage.ENFORCE
    rule_sets: dict[str, Node] = {}
    apply: tuple[Selector, ...] = ()
    unmatched: Action | None = None
    grace: Grace | None = None
    version: str = "1"
    description: str = ""
    exceptions: tuple[PolicyException, ...] = ()


class _SetEntry(msgspec.Struct, frozen=True, kw_only=True):
    rules: tuple[Node, ...]
    stage: Stage = Stage.ENFORCE
    description: str = ""


class _RuleEntry(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    gate: str
    trigger: str
    action: Action
    params: Node | None = None
    message: str = ""
    when_unknown: WhenUnknown = WhenUnknown.UNKNOWN
    source: str = ""


@dataclass(slots=True)
class _Reading:
    """What was read from all documents so far."""

    mistakes: Mistakes
    triggers: dict[str, dict[str, Trigger[Any]]]
    rules: list[Rule] = field(default_factory=list)
    rule_sets: list[RuleSet] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)
    """Each rule's id, whether or not the rest of the rule is right, and the file it stands in."""
    named: set[str] = field(default_factory=set)
    """The rule sets that stand under `rule_sets`."""
    count: int = 0
    is_whole: bool = True


def read_native(root: Node) -> Policy:
    """Read a policy from a document. Raises InvalidPolicy with every mistake in it."""
    return read_together((("", root),))


def read_together(parts: Sequence[tuple[str, Node]]) -> Policy:
    """Read one policy from several documents, each with the name that mistakes refer to it by. Raises InvalidPolicy with every mistake."""
    reading = _Reading(Mistakes(), triggers_by_gate())
    documents: list[tuple[str, Node, _Document]] = []
    for file, root in parts:
        reading.mistakes.file = file
        document = read_struct(root, _Document, "", reading.mistakes)
        if document is None:
            _look_into_rules(root, reading)
            reading.is_whole = False
        else:
            _read_sets(root, document, reading)
            documents.append((file, root, document))
    if reading.is_whole:
        _check_together(documents, reading)
    if reading.mistakes.found:
        raise InvalidPolicy(reading.mistakes.found)
    return _policy([document for _, _, document in documents], reading)


def _policy(documents: Sequence[_Document], reading: _Reading) -> Policy:
    named = list(dict.fromkeys((document.name, document.version) for document in documents if document.name))
    return Policy(
        name=" + ".join(dict.fromkeys(name for name, _ in named)),
        version=" + ".join(version for _, version in named),
        rules=tuple(reading.rules),
        exceptions=tuple(excepted for document in documents for excepted in document.exceptions),
        description=" ".join(document.description for document in documents if document.description),
        rule_sets=tuple(reading.rule_sets),
        apply=tuple(selector for document in documents for selector in document.apply),
        unmatched=next((document.unmatched for document in documents if document.unmatched is not None), Action.STOP),
        grace=next((document.grace for document in documents if document.grace is not None), None),
    )


def _look_into_rules(root: Node, reading: _Reading) -> None:
    """Find the mistakes in rules even if the rest of the document has mistakes."""
    rules = root.value.get("rules") if isinstance(root.value, dict) else None
    if rules is not None and isinstance(rules.value, list):
        _read_rules(tuple(rules.value), "rules", "", reading)


def _read_sets(root: Node, document: _Document, reading: _Reading) -> None:
    mistakes = reading.mistakes
    if document.schema != NATIVE_SCHEMA:
        mistakes.add(root, "schema", f"expected {NATIVE_SCHEMA}, not {document.schema[:60]!r}")
    if document.rules:
        name = document.name or mistakes.file
        made = RuleSet(name=name, stage=document.stage)
        # Documents with the same name are parts of one set.
        if made not in reading.rule_sets or name in reading.named:
            _add_set(root, "name", made, reading)
        _read_rules(document.rules, "rules", name, reading)
    for name, node in document.rule_sets.items():
        where = f"rule_sets.{name[:60]}"
        listed = Node({"rules": node}, node.line) if isinstance(node.value, list) else node
        entry = read_struct(listed, _SetEntry, where, mistakes)
        if entry is None:
            reading.is_whole = False
            continue
        _add_set(node, where, RuleSet(name=name, stage=entry.stage, description=entry.description), reading)
        reading.named.add(name)
        _read_rules(entry.rules, where if listed is not node else f"{where}.rules", name, reading)


def _add_set(node: Node, where: str, made: RuleSet, reading: _Reading) -> None:
    if any(made.name == known.name for known in reading.rule_sets):
        reading.mistakes.add(node, where, f"another rule set is called {made.name[:60]!r} already")
    reading.rule_sets.append(made)


def _read_rules(nodes: tuple[Node, ...], where: str, rule_set: str, reading: _Reading) -> None:
    mistakes, seen = reading.mistakes, reading.seen
    reading.count += len(nodes)
    for index, node in enumerate(nodes[:MAX_RULES]):
        place = f"{where}[{index}]"
        entry = read_struct(node, _RuleEntry, place, mistakes)
        if entry is None:
            _note_id(node, reading)
            continue
        if _ID(entry.id) is None:
            mistakes.add(node, f"{place}.id", "expected at most 100 letters, digits, dots, dashes and underscores")
        if entry.id in seen:
            where_else = f" in {seen[entry.id]}" if seen[entry.id] != mistakes.file else ""
            mistakes.add(node, f"{place}.id", f"another rule is called {entry.id[:60]!r} already{where_else}")
        seen.setdefault(entry.id, mistakes.file)
        trigger = _trigger(node, entry, place, reading)
        if trigger is not None:
            reading.rules += _rule(node, entry, trigger, (place, rule_set), mistakes)


def _note_id(node: Node, reading: _Reading) -> None:
    """Record the id of a rule with mistakes, so that references to it are not reported as mistakes too."""
    named = node.value.get("id") if isinstance(node.value, dict) else None
    if named is not None and isinstance(named.value, str):
        reading.seen.setdefault(named.value, reading.mistakes.file)


def _trigger(node: Node, entry: _RuleEntry, where: str, reading: _Reading) -> Trigger[Any] | None:
    gate = reading.triggers.get(entry.gate)
    if gate is None:
        reason = f"there is no gate {entry.gate[:60]!r}{nearest(entry.gate, reading.triggers)}"
        reading.mistakes.add(node, f"{where}.gate", reason)
        return None
    trigger = gate.get(entry.trigger)
    if trigger is None:
        reason = f"the gate {entry.gate} has no trigger {entry.trigger[:60]!r}{nearest(entry.trigger, gate)}"
        reading.mistakes.add(node, f"{where}.trigger", reason)
    return trigger


def _rule(
    node: Node, entry: _RuleEntry, trigger: Trigger[Any], place: tuple[str, str], mistakes: Mistakes
) -> list[Rule]:
    """The rule in a list, or an empty list if its parameters are wrong. `place` is its path in the document and its rule set."""
    where, rule_set = place
    params = read_struct(entry.params or Node(None, node.line), trigger.params, f"{where}.params", mistakes)
    if params is None:
        return []
    return [
        Rule(
            id=entry.id,
            trigger=trigger,
            action=entry.action,
            params=params,
            message=entry.message,
            when_unknown=entry.when_unknown,
            source=entry.source,
            rule_set=rule_set,
        )
    ]


def _check_together(documents: Sequence[tuple[str, Node, _Document]], reading: _Reading) -> None:
    """Check what only shows once all documents are read: names, counts and references."""
    mistakes = reading.mistakes
    file, root, _ = documents[0]
    mistakes.file = file if len(documents) == 1 else ""
    if not any(document.name.strip() for _, _, document in documents):
        mistakes.add(root, "name", "expected a text that is not empty")
    if not 0 < reading.count <= MAX_RULES:
        mistakes.add(root, "rules", f"expected 1 to {MAX_RULES} rules, not {reading.count}")
    for key in ("unmatched", "grace"):
        given = [document for _, _, document in documents if getattr(document, key) is not None]
        if len(given) > 1:
            mistakes.add(root, key, "is given in more than one document")
    sets = {rule_set.name for rule_set in reading.rule_sets}
    for file, root, document in documents:
        mistakes.file = file
        _check_exceptions(root, document, set(reading.seen), mistakes)
        _check_selectors(root, document, sets, mistakes)
        _check_grace(root, document, mistakes)


def _check_exceptions(root: Node, document: _Document, ids: set[str], mistakes: Mistakes) -> None:
    for index, excepted in enumerate(document.exceptions):
        if excepted.rule not in ids:
            reason = f"there is no rule {excepted.rule[:60]!r}{_suggest_name(excepted.rule, ids)}"
            mistakes.add(_item(root, "exceptions", index), f"exceptions[{index}].rule", reason)


def _check_selectors(root: Node, document: _Document, sets: set[str], mistakes: Mistakes) -> None:
    for index, selector in enumerate(document.apply):
        for name in selector.rule_sets:
            if name not in sets:
                reason = f"there is no rule set {name[:60]!r}{_suggest_name(name, sets)}"
                mistakes.add(_item(root, "apply", index), f"apply[{index}].rule_sets", reason)
    if document.unmatched is not None and not document.apply:
        mistakes.add(root, "unmatched", "means nothing without apply, which says what rules are for which images")


def _check_grace(root: Node, document: _Document, mistakes: Mistakes) -> None:
    for severity in document.grace.severity_days if document.grace is not None else ():
        if severity not in _SEVERITIES:
            reason = f"there is no severity {severity[:60]!r}{nearest(severity, _SEVERITIES)}"
            mistakes.add(root, "grace.severity_days", reason)


def _suggest_name(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name[:100], sorted(names), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _item(root: Node, key: str, index: int) -> Node:
    """The item at an index of the list under a key; the root if there is no such list."""
    held = root.value.get(key) if isinstance(root.value, dict) else None
    return held.value[index] if held is not None and isinstance(held.value, list) else root
