"""An agent: what a collector says is kept in a folder, and sent to the server in order, at least once, whenever the server answers.

Two threads work on one spool: one follows the collector, the other sends. A whole list is made where the collector begins anew, where the
server does not know what changes build on, and where there was no room for changes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from hullmark.app.event_memory import EventMemory
from hullmark.app.spool import QueuedReport, Spool
from hullmark.model.errors import HullmarkError
from hullmark.model.place import LIST_NEEDED
from hullmark.net.api_client import ApiClient, ApiRefused
from hullmark.net.errors import Cut, NetError, TimedOut, Unreachable
from hullmark.net.wait import RETRY_STATUS, backoff
from hullmark.places.runtime.collector import Changes, Collector, Listing, OutageReporting, Resumable

PATH = "/inventories"
_JSON = {"Content-Type": "application/json"}
_BATCH = 100
"""Reports of one request."""
_BATCH_BYTES = 4 << 20
_LISTS = 3
"""Whole lists that a server may ask for before an agent that runs once gives up."""
_PATIENCE = 60.0
"""Seconds between two looks for what was not said otherwise."""
_SIGN_OF_LIFE = 300.0
"""Seconds after which an agent that has nothing to say says so: else nobody could tell it from one that is gone."""

Say = Callable[[str], None]


class Sender(Protocol):
    """Where reports go."""

    def send(self, reports: Sequence[bytes]) -> bool:
        """Have reports taken, in order; whether the server asks for a whole list.

        Raises ApiRefused, NetError; then any of them may have been taken, and all may be sent again.
        """


@dataclass(frozen=True, slots=True)
class ServerSender:
    """Sends to a Hullmark server: `POST /api/v1/inventories`."""

    api: ApiClient

    def send(self, reports: Sequence[bytes]) -> bool:
        """One report as it is, several as a list."""
        body = reports[0] if len(reports) == 1 else b"[" + b",".join(reports) + b"]"
        answer = self.api.decode_answer(self.api.send("POST", PATH, body=body, headers=_JSON))
        answers = answer if isinstance(answer, list) else [answer]
        return any(isinstance(answer, dict) and bool(answer.get("list_needed", False)) for answer in answers)


def sender_for(api: ApiClient, stop: threading.Event) -> ServerSender:
    """The sender of an agent that ends when `stop` is set: no pause of the client outlasts it."""

    def sleep(seconds: float) -> None:
        stop.wait(seconds)

    return ServerSender(ApiClient(api.url, api.login, replace(api.settings, sleep=sleep)))


class Agent:
    """Carries what one collector says to the server. `say` is told, in a line each, what its owner should know."""

    def __init__(
        self,
        collector: Collector,
        spool: Spool,
        sender: Sender,
        say: Say,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.collector, self.spool, self.sender, self._say = collector, spool, sender, say
        self._monotonic, self._sent_at = monotonic, monotonic()
        self._memory = EventMemory(spool.folder / "events")
        self._failures = self._list_failures = self._refusals = 0
        self._has_begun = False
        if isinstance(collector, Resumable):
            collector.resume(spool.heard(), spool.note_heard)

    def report(self) -> None:
        """List once, and send what waits. Raises HullmarkError where either cannot be done; what is not sent stays for the next time."""
        self.spool.append_list(self.collector.containers())
        self.flush()

    def flush(self) -> None:
        """Send all that waits, or raise HullmarkError. A list that the server asks for is made."""
        lists = 0
        while (waiting := self.spool.oldest(_BATCH_BYTES, _BATCH)) or self.spool.wants_list:
            if self.spool.wants_list:
                if (lists := lists + 1) > _LISTS:
                    raise HullmarkError("the server asks for a whole list again and again", advice="look at its log")
                self.spool.append_list(self.collector.containers())
            else:
                self._send(waiting)

    def follow(self, stop: threading.Event) -> None:
        """Keep what the collector says, until `stop` is set. Raises HullmarkError where trying again cannot help."""
        for said in self.collector.follow(stop):
            if isinstance(said, Listing):
                self._list(said)
            else:
                self.keep(said)
            if stop.is_set():
                return

    def keep(self, changes: Changes) -> None:
        """Keep changes; events that were told already are left out."""
        events = self._memory.unknown(changes.events)
        for event in events:
            if event.kind == "problem":
                self._say(event.summary)
        changes = replace(changes, events=events)
        if changes.running or changes.ended or events:
            self.spool.append(changes)
            self._memory.remember(events)

    def send(self, stop: threading.Event) -> None:
        """Send what is kept, until `stop` is set; then try once more. Raises HullmarkError for what no waiting can mend."""
        while not stop.is_set():
            pause = self._list_again() if self._has_begun and self.spool.wants_list else 0.0
            if waiting := self.spool.oldest(_BATCH_BYTES, _BATCH):
                pause = max(pause, self._attempt(waiting))
            elif not pause:
                self._rest(stop)
            if pause:
                stop.wait(pause)
        for _ in range(_BATCH):
            if not (waiting := self.spool.oldest(_BATCH_BYTES, _BATCH)) or self._attempt(waiting) > 0:
                return

    @property
    def _is_blind(self) -> bool:
        return isinstance(self.collector, OutageReporting) and self.collector.is_blind

    def _rest(self, stop: threading.Event) -> None:
        """Wait for something to send, or for `stop`, of which `run` tells under the same lock."""
        with self.spool.changed:
            is_idle = not len(self.spool) and not (self._has_begun and self.spool.wants_list)
            if not is_idle or stop.is_set():
                return
            # Who cannot see what runs gives no sign: what is told of it is old, and the server is to know.
            if self._has_begun and not self._is_blind and self._monotonic() - self._sent_at >= _SIGN_OF_LIFE:
                self.spool.append(Changes())
            else:
                self.spool.changed.wait(_PATIENCE)

    def _attempt(self, waiting: list[tuple[QueuedReport, bytes]]) -> float:
        """Send; seconds to wait before the next attempt. Raises HullmarkError for what no waiting can mend."""
        try:
            is_taken = self._send(waiting)
        except (Cut, TimedOut, Unreachable, ApiRefused) as error:
            if isinstance(error, ApiRefused) and error.status not in RETRY_STATUS:
                raise
            if not self._failures:
                self._say(f"the server is away, reports are kept: {error}")
            self._failures += 1
            return backoff(self._failures)
        if self._failures:
            self._say("the server is back")
            self._failures = 0
        if is_taken or self._has_begun:
            self._refusals = 0
            return 0.0
        # It needs a list that cannot be made yet, and refuses the same again until it has one.
        self._refusals += 1
        return backoff(self._refusals - 1)

    def _send(self, waiting: list[tuple[QueuedReport, bytes]]) -> bool:
        """Whether all were taken: not where the server needs a whole list first. Raises ApiRefused, NetError."""
        try:
            wants_list = self.sender.send([body for _, body in waiting])
        except ApiRefused as error:
            if error.status in RETRY_STATUS:
                raise
            if error.status == 409 and error.problem.get("type") != LIST_NEEDED:
                raise _busy(error) from error
            if len(waiting) > 1:  # find the one that is meant: what was taken already is answered as the first time
                taken = [self._send([one]) for one in waiting if self.spool.holds(one[0])]  # not dropped since
                return all(taken)
            if error.problem.get("type") != LIST_NEEDED:
                raise
            if not self._refusals:
                self._say("the server asks for a whole list")
            known = error.problem.get("sequence")
            self.spool.refused(waiting[0][0], known if isinstance(known, int) else 0)
            return False
        self._sent_at = self._monotonic()
        self.spool.remove(report for report, _ in waiting)
        if wants_list and not self.spool.holds_list:
            self.spool.want_list()
        return True

    def _list(self, listing: Listing) -> None:
        try:
            self.spool.append_list(listing.running)
        except NetError as error:
            self._say(f"the list broke off, another follows: {error}")
            self.spool.want_list()
        self._has_begun = True

    def _list_again(self) -> float:
        """Make the list that is needed; seconds to wait before the next attempt. Where a collector begins anew it lists by itself."""
        try:
            with self.spool.changed:  # what changes while the list is made is kept behind it
                if self.spool.wants_list:
                    self.spool.append_list(self.collector.containers())
        except NetError as error:
            self._list_failures += 1
            self._say(f"no list can be made now: {error}")
            return backoff(self._list_failures)
        self._list_failures = 0
        return 0.0


def _busy(error: ApiRefused) -> ApiRefused:
    """Another request about this collector is at work: it is like an answer that says to come again."""
    return ApiRefused(str(error), advice=error.advice, status=503)


def run(agents: Sequence[Agent], stop: threading.Event) -> None:
    """Work until `stop` is set, which other threads do, or until one agent fails. Raises its error once all have ended."""
    errors: list[BaseException] = []

    def run_worker(work: Callable[[threading.Event], None]) -> None:
        try:
            work(stop)
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits
            errors.append(error)
            stop.set()

    works = [work for agent in agents for work in (agent.follow, agent.send)]
    threads = [threading.Thread(target=run_worker, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    stop.wait()
    for agent in agents:
        with agent.spool.changed:
            agent.spool.changed.notify_all()
    for thread in threads:
        thread.join(_PATIENCE)
    for agent in agents:
        agent.spool.close()
    if errors:
        raise errors[0]
