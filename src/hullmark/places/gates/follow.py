"""How a gate keeps up: with the server's verdicts, with what runs in its cluster, and with what it has to tell of."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec

from hullmark.model.admission import AdmissionPage
from hullmark.model.errors import HullmarkError
from hullmark.model.place import RunningContainer
from hullmark.net.api_client import ApiClient, ApiRefused
from hullmark.net.errors import NetError
from hullmark.net.wait import backoff
from hullmark.places.gates.verdicts import LocalVerdicts
from hullmark.places.runtime.collector import Changes, Collector, Listing

PATH = "/admission/verdicts"
_PAGE = 500
_BATCH = 50
_NOTED = 500
_RENEWED_EVERY = timedelta(minutes=5)
"""So often is it noted that what runs still runs."""

Say = Callable[[str], None]
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictFollower:
    """How a gate follows: where its verdicts are, the world's clock, what its owner is told, and the seconds between two questions."""

    path: Path
    clock: Clock
    say: Say
    seconds: float = 2.0
    remembered: timedelta = timedelta(days=7)


def sync(api: ApiClient, verdicts: LocalVerdicts, now: datetime) -> int:
    """Fetch all that is new, page by page, each kept as it comes; how many images came. Raises ApiRefused, NetError, HullmarkError."""
    count = 0
    while True:
        before = verdicts.cursor
        page = page_of(api, before)
        if not page.cursor:  # the server has to wait for itself before it can begin
            return count
        verdicts.take(page, now)
        count += len(page.images)
        if page.is_last:
            return count
        if page.cursor == before:
            raise HullmarkError("the server hands out the same page again and again", advice="look at its log")


def page_of(api: ApiClient, cursor: str) -> AdmissionPage:
    """The page behind a cursor. Raises ApiRefused, NetError, HullmarkError."""
    answer = api.raw(PATH, {"after": cursor, "limit": _PAGE})
    try:
        return msgspec.json.decode(answer.body, type=AdmissionPage)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise HullmarkError(
            "the server does not answer with verdicts", advice="check its address, and that it is of the same version"
        ) from error


def tell_unknown(api: ApiClient, verdicts: LocalVerdicts, now: datetime, say: Say) -> None:
    """Have the server add the unknown images that were asked for. One that it refuses is not asked for again before a day is over.

    Raises ApiRefused where it refuses all, NetError.
    """
    for reference in verdicts.queued()[:_BATCH]:
        try:
            api.json("POST", "/images", document={"reference": reference})
        except ApiRefused as error:
            if error.status in (401, 403, 429) or (error.status >= 500 and error.status != 502):
                raise
            say(f"the server cannot add {reference}: {error}")
        verdicts.mark_told((reference,), now)


class RunningImages:
    """The images that run in a cluster, by container. Serves several threads; each hands in the verdicts as it has opened them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._renewed_at: datetime | None = None

    def take(self, said: Listing | Changes, verdicts: LocalVerdicts, now: datetime) -> None:
        """Note what started, and what ended."""
        if isinstance(said, Listing):
            with self._lock:
                self._running.clear()
        for some in make_batches(said.running, _NOTED):
            fresh = {container.id: (container.place.namespace, _digests(container)) for container in some}
            with self._lock:
                self._running.update(fresh)
            verdicts.note_running(_pairs(fresh.values()), now)
        if isinstance(said, Changes):
            with self._lock:
                ended = [
                    known for container in said.ended if (known := self._running.pop(container.id, None)) is not None
                ]
            verdicts.note_running(_pairs(ended), now)

    def renew(self, verdicts: LocalVerdicts, now: datetime, remembered: timedelta) -> None:
        """Note now and then that what runs still runs, and forget what ran long ago."""
        with self._lock:
            if self._renewed_at is not None and now - self._renewed_at < _RENEWED_EVERY:
                return
            self._renewed_at, running = now, set(_pairs(self._running.values()))
        for some in make_batches(sorted(running), _NOTED):
            verdicts.note_running(some, now)
        verdicts.forget_ran_before(now - remembered)


def _pairs(running: Iterable[tuple[str, tuple[str, ...]]]) -> Iterator[tuple[str, str]]:
    return ((place, digest) for place, digests in running for digest in digests)


def _digests(container: RunningContainer) -> tuple[str, ...]:
    return tuple(filter(None, (container.image.digest, container.image.config_digest)))


def follow_server(api: ApiClient, following: VerdictFollower, running: RunningImages, stop: threading.Event) -> None:
    """Keep up with the server until `stop` is set. What fails is tried again, with pauses; it is said when that begins and ends."""
    verdicts, failures = LocalVerdicts(following.path), 0
    try:
        while not stop.is_set():
            pause = following.seconds
            try:
                running.renew(verdicts, following.clock(), following.remembered)
                sync(api, verdicts, following.clock())
                tell_unknown(api, verdicts, following.clock(), following.say)
            except HullmarkError as error:
                failures += 1
                if failures == 1:
                    following.say(f"the server's verdicts cannot be fetched, those that are here are used: {error}")
                pause = max(backoff(failures), following.seconds)
            else:
                if failures:
                    following.say("the server answers again")
                failures = 0
            stop.wait(pause)
    finally:
        verdicts.close()


def follow_cluster(
    collector: Collector, following: VerdictFollower, running: RunningImages, stop: threading.Event
) -> None:
    """Note what runs in a cluster, until `stop` is set, so that it may start again. Raises HullmarkError where trying again cannot help."""
    verdicts = LocalVerdicts(following.path)
    try:
        for said in collector.follow(stop):
            try:
                running.take(said, verdicts, following.clock())
            except NetError as error:
                following.say(f"the list of what runs broke off, another follows: {error}")
            if stop.is_set():
                return
    finally:
        verdicts.close()


T = TypeVar("T")


def make_batches(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """Items in groups of at most `size`, in their order."""
    rest = iter(items)
    while some := tuple(islice(rest, size)):
        yield some
