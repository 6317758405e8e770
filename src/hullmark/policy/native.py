"""Native policies: a YAML document → a Policy, or every mistake in it.

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
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.verdict import Action
from hullmark.policy.convert import Mistake, Mistakes, nearest, read_struct
from hullmark.policy.document import Node
from hullmark.policy.gate import Trigger
from hullmark.policy.gates import triggers_by_gate
from hullmark.policy.rules import NATIVE_SCHEMA, Excepted, Policy, Rule, Unknown

MAX_RULES = 1000
_SHOWN_MISTAKES = 20

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}").fullmatch


class InvalidPolicy(HullmarkError):
    """The document says nothing that could be judged by. `mistakes` are all that were found, by line."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes))
        count = len(self.mistakes)
        shown = [f"({number}) {mistake}" for number, mistake in enumerate(self.mistakes[:_SHOWN_MISTAKES], 1)]
        if count > len(shown):
            shown.append(f"and {count - len(shown)} more")
        head = (
            f"the policy has {count} mistakes: {', '.join(shown)}"
            if count > 1
            else f"the policy has a mistake: {self.mistakes[0]}"
        )
        super().__init__(head, advice="correct the document; examples/policy.yaml shows the form")


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    schema: str
    name: str
    rules: tuple[Node, ...]
    version: str = "1"
    description: str = ""
    exceptions: tuple[Excepted, ...] = ()


class _RuleEntry(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    gate: str
    trigger: str
    action: Action
    params: Node | None = None
    message: str = ""
    when_unknown: Unknown = Unknown.UNKNOWN


def read_native(root: Node) -> Policy:
    """Make a policy of a document. Raises InvalidPolicy with every mistake in it."""
    mistakes = Mistakes()
    document = read_struct(root, _Document, "", mistakes)
    if document is None:
        _look_into_rules(root, mistakes)
        raise InvalidPolicy(mistakes.found)
    _check_head(root, document, mistakes)
    rules = _rules(document.rules, mistakes)
    _check_exceptions(root, document, {rule.id for rule in rules}, mistakes)
    if mistakes.found:
        raise InvalidPolicy(mistakes.found)
    return Policy(
        name=document.name,
        version=document.version,
        rules=tuple(rules),
        exceptions=document.exceptions,
        description=document.description,
    )


def _look_into_rules(root: Node, mistakes: Mistakes) -> None:
    """Find the rules' mistakes even where the rest of the document has some."""
    rules = root.value.get("rules") if isinstance(root.value, dict) else None
    if rules is not None and isinstance(rules.value, list):
        _rules(tuple(rules.value), mistakes)


def _check_head(root: Node, document: _Document, mistakes: Mistakes) -> None:
    if document.schema != NATIVE_SCHEMA:
        mistakes.add(root, "schema", f"expected {NATIVE_SCHEMA}, not {document.schema[:60]!r}")
    if not document.name.strip():
        mistakes.add(root, "name", "expected a text that is not empty")
    if not 0 < len(document.rules) <= MAX_RULES:
        mistakes.add(root, "rules", f"expected 1 to {MAX_RULES} rules, not {len(document.rules)}")


def _rules(nodes: tuple[Node, ...], mistakes: Mistakes) -> list[Rule]:
    triggers = triggers_by_gate()
    rules: list[Rule] = []
    seen: set[str] = set()
    for index, node in enumerate(nodes[:MAX_RULES]):
        where = f"rules[{index}]"
        entry = read_struct(node, _RuleEntry, where, mistakes)
        if entry is None:
            continue
        if _ID(entry.id) is None:
            mistakes.add(node, f"{where}.id", "expected at most 100 letters, digits, dots, dashes and underscores")
        if entry.id in seen:
            mistakes.add(node, f"{where}.id", f"another rule is called {entry.id[:60]!r} already")
        seen.add(entry.id)
        trigger = _trigger(node, entry, triggers, where, mistakes)
        if trigger is not None:
            rules += _rule(node, entry, trigger, where, mistakes)
    return rules


def _trigger(
    node: Node, entry: _RuleEntry, triggers: dict[str, dict[str, Trigger[Any]]], where: str, mistakes: Mistakes
) -> Trigger[Any] | None:
    gate = triggers.get(entry.gate)
    if gate is None:
        mistakes.add(node, f"{where}.gate", f"there is no gate {entry.gate[:60]!r}{nearest(entry.gate, triggers)}")
        return None
    trigger = gate.get(entry.trigger)
    if trigger is None:
        reason = f"the gate {entry.gate} has no trigger {entry.trigger[:60]!r}{nearest(entry.trigger, gate)}"
        mistakes.add(node, f"{where}.trigger", reason)
    return trigger


def _rule(node: Node, entry: _RuleEntry, trigger: Trigger[Any], where: str, mistakes: Mistakes) -> list[Rule]:
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
        )
    ]


def _check_exceptions(root: Node, document: _Document, ids: set[str], mistakes: Mistakes) -> None:
    lines = root.value["exceptions"].value if isinstance(root.value, dict) and document.exceptions else None
    for index, excepted in enumerate(document.exceptions):
        if excepted.rule not in ids:
            close = difflib.get_close_matches(excepted.rule[:100], sorted(ids), n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            node = lines[index] if isinstance(lines, list) else root
            mistakes.add(node, f"exceptions[{index}].rule", f"there is no rule {excepted.rule[:60]!r}{hint}")
