"""What a feed's unreadable records make unknown: the packages that they name, or, where that cannot be told, all that it covers."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.advisories.feeds.feed import Cut, RecordFault
from hullmark.advisories.feeds.formats.ecosystems import spelling_in
from hullmark.model.advisory import EVERY_VERSION, Advisory, AffectedPackage, Record
from hullmark.model.limit import Limit

_MAX_ROWS = Limit(100_000, "packages that unreadable records of a feed name (with more, the feed covers nothing)")
_LONGEST_PLACE = 200
_LONGEST_REASON = 300


class FaultReport:
    """What was reported of a feed's records (a `feeds.feed.Report`), and the advisories that say which packages nobody can judge for it.

    `problems` counts all reports, `cut` what lies beyond a limit, `unread` the records that are not as their format says, and
    `unplaced` those of them that may be about any package.
    """

    def __init__(self, source: str) -> None:
        self.problems = self.cut = self.unread = self.unplaced = 0
        self._source = source
        self._schemes: dict[str, str] = {}
        self._faults: dict[str, tuple[str, set[str]]] = {}
        self._count = 0

    def __call__(self, place: str, reason: str) -> None:
        self.problems += 1
        self.cut += isinstance(reason, Cut)
        if isinstance(reason, RecordFault):
            self.unread += 1
            self._note(place[-_LONGEST_PLACE:], reason)

    def through(self, records: Iterator[Record]) -> Iterator[Record]:
        """The records, and after them an advisory for each fault: it names packages in all namespaces that the records are about."""
        for record in records:
            if isinstance(record, Advisory):
                self._schemes.update((affected.namespace, affected.scheme) for affected in record.affected)
            yield record
        for place in sorted(self._faults):
            reason, names = self._faults[place]
            yield Advisory(id=f"the record {place}", source=self._source, affected=tuple(self._rows(reason, names)))

    def _note(self, place: str, fault: RecordFault) -> None:
        reason, names = self._faults.get(place, (str(fault)[:_LONGEST_REASON], set()))
        if fault.names is None:
            self.unplaced += 1
        else:
            self._faults[place] = (reason, names | fault.names)

    def _rows(self, reason: str, names: set[str]) -> Iterator[AffectedPackage]:
        spelt = {(space, spelling_in(space)(name)) for space in self._schemes for name in names}
        self._count += len(spelt)
        if self._count > _MAX_ROWS or not spelt:
            self.unplaced += 1
            return
        for namespace, name in sorted(spelt):
            yield AffectedPackage(
                namespace=namespace,
                name=name,
                scheme=self._schemes[namespace],
                kind="unknown",
                ranges=(EVERY_VERSION,),
                note=reason,
            )
