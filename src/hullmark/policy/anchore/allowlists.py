"""Allowlists as an index: which exception covers a finding, without a look at every item."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from hullmark.policy.anchore.bundle import Allowlist, Item
from hullmark.policy.anchore.regexes import Work

_Entry = tuple[int, Allowlist, Item]


class _OfGate:
    """The items for one gate: exact ids, wildcards by the text they begin with, and regular expressions."""

    __slots__ = ("exact", "expressions", "lengths", "prefixes")

    def __init__(self) -> None:
        self.exact: dict[str, list[_Entry]] = {}
        self.prefixes: dict[str, list[_Entry]] = {}
        self.lengths: set[int] = set()
        self.expressions: list[_Entry] = []

    def add(self, entry: _Entry) -> None:
        wildcard = entry[2].trigger_id
        if wildcard.is_regexp:
            self.expressions.append(entry)
        elif wildcard.is_literal:
            self.exact.setdefault(wildcard.text, []).append(entry)
        else:
            self.prefixes.setdefault(wildcard.prefix, []).append(entry)
            self.lengths.add(len(wildcard.prefix))

    def candidates(self, trigger_id: str) -> list[_Entry]:
        found = list(self.exact.get(trigger_id, ()))
        for length in self.lengths:
            if length <= len(trigger_id):
                found += self.prefixes.get(trigger_id[:length], ())
        return found + self.expressions


class Exceptions:
    """The allowlists of a mapping, in their order. Items that have expired do not count."""

    def __init__(self, allowlists: Iterable[Allowlist], now: datetime) -> None:
        self._now = now
        self._gates: dict[str, _OfGate] = {}
        number = 0
        for allowlist in allowlists:
            for item in allowlist.items:
                self._gates.setdefault(item.gate, _OfGate()).add((number, allowlist, item))
                number += 1

    def covering(self, gate: str, ids: Sequence[str], work: Work) -> dict[str, str] | None:
        """The first item that covers a finding of a gate that goes by these ids, as the finding shows it. Raises RuleFailed."""
        known = self._gates.get(gate.lower())
        if known is None:
            return None
        found = [
            entry
            for trigger_id in dict.fromkeys(ids)
            for entry in known.candidates(trigger_id)
            if (entry[2].expires is None or self._now < entry[2].expires) and entry[2].trigger_id.fits(trigger_id, work)
        ]
        if not found:
            return None
        _, allowlist, item = min(found, key=lambda entry: entry[0])
        shown = {"id": allowlist.id, "name": allowlist.name, "matched_rule_id": item.id}
        return {**shown, "expires": item.expires_text} if item.expires_text else shown
