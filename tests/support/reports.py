"""A server of reports in this process: it takes them as the real one does, and knows what runs by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from hullmark.model.place import LIST_NEEDED, EndedContainer, InventoryReport, PlaceEvent, RunningContainer
from hullmark.net.api_client import ApiRefused
from hullmark.net.errors import Unreachable


@dataclass
class ReportServer:
    """Takes reports; away while `is_away`. It knows one collector, and refuses changes as long as it has no list.

    `takes_events`: what only tells of events is taken all the same.
    """

    is_away: bool = False
    takes_events: bool = True
    sequence: int = 0
    has_list: bool = False
    taken: list[InventoryReport] = field(default_factory=list)
    known: dict[str, RunningContainer] = field(default_factory=dict)
    ended: list[EndedContainer] = field(default_factory=list)
    events: list[PlaceEvent] = field(default_factory=list)
    _listed: dict[str, set[str]] = field(default_factory=dict)

    def send(self, reports: Sequence[bytes]) -> bool:
        """As a Sender does."""
        if self.is_away:
            raise Unreachable("the server is not there")
        for body in reports:
            self.take(msgspec.json.decode(body, type=InventoryReport))
        return not self.has_list and not self._listed

    def take(self, report: InventoryReport) -> None:
        """Take one report. Raises ApiRefused where it does not know what it builds on."""
        if report in self.taken:
            return
        builds_on_list = bool(report.running or report.ended) or not self.takes_events
        if report.sequence <= self.sequence or (builds_on_list and not (self.has_list or report.list)):
            problem = {"type": LIST_NEEDED, "sequence": self.sequence}
            raise ApiRefused("a whole list is needed", status=409, problem=problem)
        self.sequence = report.sequence
        self.taken.append(report)
        self.known |= {one.id: one for one in report.running}
        for one in report.ended:
            if self.known.pop(one.id, None) is not None:
                self.ended.append(one)
        self.events += report.events
        if report.list:
            listed = self._listed.setdefault(report.list, set())
            listed |= {one.id for one in report.running}
            if report.last:
                self.has_list = True
                for id in set(self.known) - listed:
                    del self.known[id]
                    self.ended.append(EndedContainer(id=id, until=report.at))

    def forget(self) -> None:
        """Lose everything, as a database that was restored from nothing does."""
        self.__init__()  # type: ignore[misc]

    def summaries(self, kind: str = "drift") -> list[tuple[str, str, str]]:
        """What was told: container, subject and summary."""
        return [(event.container, event.subject, event.summary) for event in self.events if event.kind == kind]
