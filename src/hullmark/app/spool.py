"""Reports that wait for the server, in a folder: nothing that a collector said is lost silently, however long the server is away.

A report is written once, under its sequence number, and sent as it was written, so that a server can recognise one that it has. Beyond the
bound of the folder what happened meanwhile is dropped, but told: the next reports say so, and a new whole list follows.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Literal, NamedTuple, TypeVar, cast

import msgspec

from hullmark.app.fitting import fitted_end, fitted_parts
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.model.place import EndedContainer, InventoryReport, PlaceEvent, Platform, RunningContainer
from hullmark.places.runtime.collector import Changes

MOST_BYTES = Limit(512 << 20, "bytes of reports of changes that an agent keeps while the server is away", "later")
MOST_REPORTS = Limit(50_000, "reports of changes that an agent keeps while the server is away", "later")
PART = 500
"""Containers, ended containers and events of one report, each."""
_KEPT_EVENTS = Limit(5000, "events that an agent keeps of reports that it has no room for", "shortened")
_RESERVED = 1000
_LARGEST_STATE = 1 << 16
_LOSS = "reports"
"""The subject of the event that says that reports were dropped."""

Kind = Literal["changes", "part", "last"]
Clock = Callable[[], datetime]
T = TypeVar("T")


class QueuedReport(NamedTuple):
    """A report in the folder."""

    sequence: int
    kind: Kind
    size: int

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{self.sequence:020d}.{self.kind}"


class _State(msgspec.Struct, frozen=True):
    """What outlives an agent besides reports: sequence numbers below `reserved` may have been used."""

    reserved: int
    wants_list: bool


class Spool:
    """The reports of one collector that were not taken yet, oldest first. Serves several threads of one process.

    `collector` is the name that reports carry. `most_bytes` and `most_reports` bound the folder.
    """

    def __init__(
        self,
        folder: Path,
        platform: Platform,
        collector: str,
        clock: Clock,
        most_bytes: int = MOST_BYTES,
        most_reports: int = MOST_REPORTS,
    ) -> None:
        """Open the folder, or make it. Raises HullmarkError if it cannot be written, or another process uses it."""
        self.folder, self._clock = folder, clock
        self.platform, self.collector = platform, collector
        self._bounds = most_bytes, most_reports
        self.changed = threading.Condition(threading.RLock())
        self._lock_file = _lock_folder(folder)
        self._reports: dict[int, QueuedReport] = {}
        self._bytes = self._changes = 0
        there, damaged = _find_reports(folder)
        for report in there:
            self._add(report)
        state = _state_in(folder)
        self._reserved = state.reserved
        newest = max(self._reports, default=-1)
        # Whoever has lost the folder goes on with numbers that are larger than any it has used, as long as clocks go forward.
        self._next = max(state.reserved, newest + 1) or int(clock().timestamp() * 1000)
        self._wants_list = state.wants_list or damaged
        if damaged:
            self._tell_of_loss("reports that waited for the server were damaged")

    @property
    def wants_list(self) -> bool:
        """Whether a whole list is needed, since something is not known to the server otherwise."""
        with self.changed:
            return self._wants_list

    @property
    def holds_list(self) -> bool:
        """Whether a whole list, or the end of one, waits to be sent."""
        with self.changed:
            return any(report.kind == "last" for report in self._reports.values())

    def holds(self, report: QueuedReport) -> bool:
        """Whether a report still waits."""
        with self.changed:
            return report.sequence in self._reports

    def want_list(self) -> None:
        """Have a whole list made as soon as that can be done."""
        with self.changed:
            self._set_wants_list(True)
            self.changed.notify_all()

    def append(self, changes: Changes) -> None:
        """Keep changes; without any, a report that the agent lives. Raises HullmarkError if they cannot be written."""
        with self.changed:
            for report in list(self._reports_of(changes)) or [self._new()]:
                self._put(report, "changes")
            self._enforce_bounds()
            self.changed.notify_all()

    def append_list(self, running: Iterable[RunningContainer]) -> None:
        """Keep a whole list, in place of older ones that were not sent. No change is kept between its parts.

        Raises HullmarkError if it cannot be written, and what `running` raises; nothing is kept then.
        """
        with self.changed:
            older = [report for report in self._reports.values() if report.kind != "changes"]
            written: list[QueuedReport] = []
            name = ""
            with ExitStack() as undo:
                undo.callback(self._forget, written)
                for part, is_last in _with_last(fitted_parts(running, PART)):
                    name = name or str(self._next)
                    report = self._new(list=name, last=is_last, running=part)
                    written.append(self._put(report, "last" if is_last else "part"))
                undo.pop_all()
            self._forget(older)
            self._set_wants_list(False)
            self.changed.notify_all()

    def oldest(self, most_bytes: int, most_reports: int) -> list[tuple[QueuedReport, bytes]]:
        """The oldest reports as they are to be sent: one at least if there is any, else none beyond these bounds."""
        with self.changed:
            found: list[tuple[QueuedReport, bytes]] = []
            size = 0
            for report in islice(self._reports.values(), most_reports):
                if found and size + report.size > most_bytes:
                    break
                found.append((report, self._body(report)))
                size += report.size
            return found

    def remove(self, reports: Iterable[QueuedReport]) -> None:
        """Forget reports that were taken."""
        with self.changed:
            self._forget(reports)

    def refused(self, report: QueuedReport, known: int) -> None:
        """The server does not take this one without a whole list, which follows. `known`: the last report that it has.

        Where it has newer ones, this folder has lost count: nothing that waits could be taken. Events are told after all.
        """
        with self.changed:
            if known >= report.sequence or report.kind != "changes":
                self._next = max(self._next, known + 1)
                events = self._events_of(self._reports.values())
                self._forget(list(self._reports.values()))
            else:
                events = self._events_of([report])
                self._forget([report])
            if not self.holds_list:
                self._set_wants_list(True)
            if events:
                self.append(Changes(events=tuple(events)))

    def drop(self, reason: str) -> None:
        """Forget all changes that wait, but for their events, and say so; a whole list follows. `reason` is a clause."""
        with self.changed:
            gone = [report for report in self._reports.values() if report.kind == "changes"]
            events = [event for event in self._events_of(gone) if not _is_of_loss(event)][-_KEPT_EVENTS:]
            self._forget(gone)
            self._set_wants_list(True)
            for report in self._reports_of(Changes(events=tuple(events))):
                self._put(report, "changes")
            self._tell_of_loss(reason)

    def heard(self) -> datetime | None:
        """Until when the collector knew what happened; None where nothing says so."""
        try:
            return datetime.fromisoformat((self.folder / "heard").read_text("ascii")).astimezone(UTC)
        except (OSError, ValueError, OverflowError):
            return None

    def note_heard(self, moment: datetime) -> None:
        """The collector knows what happened until then. Raises HullmarkError if that cannot be written."""
        replace_file(self.folder / "heard", moment.isoformat().encode())

    def close(self) -> None:
        """Let another process use the folder."""
        self._lock_file.close()

    def __len__(self) -> int:
        with self.changed:
            return len(self._reports)

    def _reports_of(self, changes: Changes) -> Iterator[InventoryReport]:
        """The changes in reports of at most PART entries of each kind: what ended comes last, as a container may start and end in one."""
        events = _parts(changes.events, PART)
        for part in fitted_parts(changes.running, PART):
            yield self._new(running=part, events=next(events, ()))
        for ended in _parts(map(fitted_end, changes.ended), PART):
            yield self._new(ended=ended, events=next(events, ()))
        for rest in events:
            yield self._new(events=rest)

    def _new(
        self,
        list: str = "",
        last: bool = False,
        running: tuple[RunningContainer, ...] = (),
        ended: tuple[EndedContainer, ...] = (),
        events: tuple[PlaceEvent, ...] = (),
    ) -> InventoryReport:
        return InventoryReport(
            platform=self.platform,
            collector=self.collector,
            sequence=self._take_number(),
            at=self._clock(),
            list=list,
            last=last,
            running=running,
            ended=ended,
            events=events,
        )

    def _take_number(self) -> int:
        number = self._next
        if number >= self._reserved:
            self._reserved = number + _RESERVED
            self._keep_state()
        self._next = number + 1
        return number

    def _put(self, report: InventoryReport, kind: Kind) -> QueuedReport:
        body = msgspec.json.encode(report)
        queued = QueuedReport(report.sequence, kind, len(body))
        replace_file(self.folder / queued.name, body)
        self._add(queued)
        return queued

    def _add(self, report: QueuedReport) -> None:
        self._reports[report.sequence] = report
        if report.kind == "changes":
            self._changes += 1
            self._bytes += report.size

    def _forget(self, gone: Iterable[QueuedReport]) -> None:
        for report in gone:
            if self._reports.pop(report.sequence, None) is None:
                continue
            if report.kind == "changes":
                self._changes -= 1
                self._bytes -= report.size
            (self.folder / report.name).unlink(missing_ok=True)

    def _enforce_bounds(self) -> None:
        most_bytes, most_reports = self._bounds
        if self._changes > most_reports or self._bytes > most_bytes:
            self.drop("there was no more room for reports while the server was away")

    def _events_of(self, reports: Iterable[QueuedReport]) -> list[PlaceEvent]:
        found: list[PlaceEvent] = []
        for report in reports:
            found += msgspec.json.decode(self._body(report), type=InventoryReport).events
        return found

    def _body(self, report: QueuedReport) -> bytes:
        try:
            return (self.folder / report.name).read_bytes()
        except OSError as error:
            raise _unusable(self.folder, error) from error

    def _tell_of_loss(self, reason: str) -> None:
        summary = f"{reason}: what started and ended in between is not known whole, what runs now is listed anew"
        event = PlaceEvent(kind="problem", subject=_LOSS, summary=summary, at=self._clock())
        self._put(self._new(events=(event,)), "changes")

    def _set_wants_list(self, wanted: bool) -> None:
        if self._wants_list != wanted:
            self._wants_list = wanted
            self._keep_state()

    def _keep_state(self) -> None:
        body = msgspec.json.encode(_State(self._reserved, self._wants_list))
        replace_file(self.folder / "state", body, is_synced=True)


def _parts(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    rest = iter(items)
    while part := tuple(islice(rest, size)):
        yield part


def _with_last(parts: Iterator[tuple[T, ...]]) -> Iterator[tuple[tuple[T, ...], bool]]:
    """Each part, and whether it is the last; one empty part if there is none."""
    part = next(parts, ())
    for following in parts:
        yield part, False
        part = following
    yield part, True


def _is_of_loss(event: PlaceEvent) -> bool:
    return event.kind == "problem" and event.subject == _LOSS


def _unusable(folder: Path, error: OSError) -> HullmarkError:
    reason = error.strerror or str(error)
    return HullmarkError(
        f"reports cannot be kept in {folder}: {reason}", advice="check its rights and space, or --state"
    )


def _lock_folder(folder: Path) -> IO[bytes]:
    """The folder's lock, held until it is closed. Raises HullmarkError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (folder / "lock").open("ab")
    except OSError as error:
        raise _unusable(folder, error) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise HullmarkError(
            f"another agent uses {folder}", advice="one is enough: stop the other, or give --state"
        ) from None
    return file


def _find_reports(folder: Path) -> tuple[list[QueuedReport], bool]:
    """The reports in a folder by number, and whether any was damaged, as a machine that lost its power leaves them.

    Lists that were not written to their end are removed.
    """
    found: list[QueuedReport] = []
    is_damaged = False
    for path in sorted(folder.glob("*.*")):
        number, _, kind = path.name.partition(".")
        if kind not in ("changes", "part", "last") or not number.isdigit():
            path.unlink()  # a file that was not written to its end
        elif not _is_whole(path):
            is_damaged = True
            path.unlink()
        else:
            found.append(QueuedReport(int(number), cast("Kind", kind), path.stat().st_size))
    last = max((report.sequence for report in found if report.kind == "last"), default=-1)
    for report in [report for report in found if report.kind == "part" and report.sequence > last]:
        (folder / report.name).unlink()
        found.remove(report)
    return found, is_damaged


def _is_whole(path: Path) -> bool:
    try:
        msgspec.json.decode(path.read_bytes(), type=InventoryReport)
    except (msgspec.MsgspecError, UnicodeError):
        return False
    return True


def _state_in(folder: Path) -> _State:
    """What the folder says; what a new folder would say where that cannot be read."""
    path = folder / "state"
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_LARGEST_STATE), type=_State)
    except (OSError, msgspec.MsgspecError, UnicodeError):
        return _State(0, False)


def replace_file(path: Path, body: bytes, *, is_synced: bool = False) -> None:
    """Put a file into its place, whole. Raises HullmarkError."""
    part = path.with_name(f".{path.name}")
    try:
        with part.open("wb") as file:
            file.write(body)
            if is_synced:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise _unusable(path.parent, error) from error
