"""Allowlists, each with an index, so that the exception that covers a finding is found without looking at every item."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from hullmark.policy.anchore.mistake import Mistake
from hullmark.policy.anchore.regexes import Work
from hullmark.policy.anchore.select import Wildcard


class Item(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One exception: it covers findings of a gate whose trigger id matches, until it expires."""

    id: str
    gate: str
    trigger_id: Wildcard
    expires: datetime | None = None
    expires_text: str = ""


_Entry = tuple[int, Item]


class _OfGate:
    """The items for one gate: exact ids, wildcards by the text they begin with, and regular expressions."""

    __slots__ = ("exact", "expressions", "lengths", "prefixes")

    def __init__(self) -> None:
        self.exact: dict[str, list[_Entry]] = {}
        self.prefixes: dict[str, list[_Entry]] = {}
        self.lengths: set[int] = set()
        self.expressions: list[_Entry] = []

    def add(self, entry: _Entry) -> None:
        wildcard = entry[1].trigger_id
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowlist:
    """Exceptions under an id. The index is built together with the object, so a policy is indexed as soon as it is read."""

    id: str
    name: str
    items: tuple[Item, ...]
    mistakes: tuple[Mistake, ...] = ()
    _gates: dict[str, _OfGate] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        for entry in enumerate(self.items):
            self._gates.setdefault(entry[1].gate, _OfGate()).add(entry)

    def covering(self, gate: str, ids: Sequence[str], now: datetime, work: Work) -> Item | None:
        """The first unexpired item that covers a finding of a gate with any of these trigger ids. Raises RuleFailed."""
        known = self._gates.get(gate.lower())
        if known is None:
            return None
        found = [
            entry
            for trigger_id in dict.fromkeys(ids)
            for entry in known.candidates(trigger_id)
            if (entry[1].expires is None or now < entry[1].expires) and entry[1].trigger_id.fits(trigger_id, work)
        ]
        return min(found, key=lambda entry: entry[0])[1] if found else None


class Exceptions:
    """The allowlists of a mapping, in their order. Expired items do not count."""

    def __init__(self, allowlists: Iterable[Allowlist], now: datetime) -> None:
        self._now = now
        self._allowlists = tuple(allowlists)

    def covering(self, gate: str, ids: Sequence[str], work: Work) -> dict[str, str] | None:
        """The first item that covers a finding of a gate with any of these trigger ids, in the form the finding shows. Raises
        RuleFailed.
        """
        for allowlist in self._allowlists:
            item = allowlist.covering(gate, ids, self._now, work)
            if item is not None:
                shown = {"id": allowlist.id, "name": allowlist.name, "matched_rule_id": item.id}
                return {**shown, "expires": item.expires_text} if item.expires_text else shown
        return None
