"""The collector of a host's engine: all its containers, then its events, and a whole list again wherever something may have been missed.

Docker keeps its last 256 events in memory, podman in a file or the journal. The stream is asked for in windows, each from just before the
last event; what comes twice is left out. A restart of the engine breaks the stream, and is followed by a list.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from hullmark.isolation.fields import Fields, InvalidWorkload
from hullmark.model.limit import Limit
from hullmark.model.place import EndedContainer, PlaceEvent, Platform, RunningContainer, RunningImage
from hullmark.net.errors import Cut, NetError, TimedOut, Unreachable
from hullmark.net.wait import backoff
from hullmark.places.runtime.collector import STEADY, Changes, Listing
from hullmark.places.runtime.engines.api import EngineApi, EngineRefused
from hullmark.places.runtime.engines.drift import DriftMemory, EngineFiles, drift_of
from hullmark.places.runtime.engines.running import (
    RUNNING,
    identity,
    moment_of,
    place_of,
    running_container,
    running_image,
)
from hullmark.places.runtime.host import HostState, Look, unknown_host

MOST_CONTAINERS = Limit(20_000, "containers of a host that a collector tells of", "refused")
_MOST_ENDED = Limit(1000, "containers of a host that ended while nobody listened", "shortened")
_LONGEST_ABSENCE = timedelta(days=1)
"""How far back events are asked for."""
_CLOCK_GRAIN = timedelta(seconds=1)
_OVERLAP = 2
"""Seconds before the last event from which the next window is asked for."""
_PAUSE = 1.0
_PAUSE_OF_LOOKS = 10.0
_REMEMBERED = 4096
"""Events that are recognised when they come again: more than Docker keeps."""
_STARTS = ("start", "rename", "update")


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """How often a host is looked at, in seconds: `window` of the stream of events, whole lists, and files (0: they are not looked at)."""

    window: int = 5
    list: float = 300.0
    drift: float = 0.0


class EngineCollector:
    """Knows what runs in one engine. `name` is the host's, `clock` tells the moment, `look` the state of the host below the engine."""

    def __init__(
        self,
        platform: Platform,
        api: EngineApi,
        name: str,
        rhythm: Intervals = Intervals(),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        look: Look = unknown_host,
    ) -> None:
        self._platform, self._name = platform, name
        self._api, self._rhythm, self._clock, self._look = api, rhythm, clock, look
        self._known: dict[str, RunningContainer] = {}
        self._drift: dict[str, DriftMemory] = {}
        self._seen: OrderedDict[tuple[Any, ...], None] = OrderedDict()
        self._last_second = 0
        self._info: Mapping[str, Any] = {}
        self._host = HostState()
        self._strange: set[str] = set()
        self._heard: datetime | None = None
        self._note: Callable[[datetime], None] = lambda _: None
        self._missed: dict[str, datetime] = {}
        self.is_blind = False
        """Whether the engine does not answer while it is followed."""

    def resume(self, heard: datetime | None, note: Callable[[datetime], None]) -> None:
        """Until when what happened is known; `note` is told how that moves on."""
        self._heard, self._note = heard, note

    @property
    def gaps(self) -> tuple[str, ...]:
        """What could not be told of the host and its containers."""
        strange = (f"the engine describes the container {id[:12]} as no engine does" for id in sorted(self._strange))
        return (*strange, *self._host.gaps)

    @property
    def platform(self) -> Platform:
        """Docker or podman."""
        return self._platform

    @property
    def name(self) -> str:
        """The host's name."""
        return self._name

    def containers(self) -> Iterator[RunningContainer]:
        """What runs now, once. Raises NetError where the engine cannot tell."""
        self._info = self._api.info()
        self._host = self._look(self._api.version(), self._info)
        images: dict[str, Mapping[str, Any]] = {}
        running = [one for one in self._api.containers() if one.get("State") in RUNNING]
        if len(running) > MOST_CONTAINERS:
            raise NetError(
                f"{self._api.name} has more than {MOST_CONTAINERS:,} containers", advice="spread them over more hosts"
            )
        found: dict[str, RunningContainer] = {}
        self._strange = set()
        for summary in running:
            container = self._describe_container(str(summary.get("Id")), images)
            if container is not None:
                found[container.id] = container
        self._known = found
        self._drift = {id: memory for id, memory in self._drift.items() if id in found}
        return iter(found.values())

    def follow(self, stop: threading.Event) -> Iterator[Listing | Changes]:
        """What runs, then what changes, until `stop` is set. Where the engine does not answer, that is told once, and tried again."""
        failures = 0
        while not stop.is_set():
            began = self._clock()
            try:
                yield from self._follow_connection(stop)
            except NetError as error:
                self.is_blind = True
                if (self._clock() - began).total_seconds() >= STEADY:
                    failures = 0
                if not failures and not stop.is_set():
                    yield Changes(events=(self._problem(f"{self._api.name} cannot be asked what runs: {error}"),))
                stop.wait(backoff(failures))
                failures += 1

    def _follow_connection(self, stop: threading.Event) -> Iterator[Listing | Changes]:
        """One connection's worth, beginning with a list. Raises NetError where it breaks."""
        listed = drifted = self._clock()
        heard = self._heard
        self._last_second = int(max(heard or listed, listed - _LONGEST_ABSENCE).timestamp())
        yield Listing(self.containers())
        self.is_blind = False
        if heard is not None:
            yield from self._ended_since(heard)
        self._hear(listed)
        yield self._beside()
        while not stop.is_set():
            if self._rhythm.drift and (self._clock() - drifted).total_seconds() >= self._rhythm.drift:
                yield from self._all_drift(stop)
                drifted = self._clock()
            if (self._clock() - listed).total_seconds() >= self._rhythm.list:
                yield Listing(self.containers())
                yield self._beside()
                listed = self._clock()
            yield from self._window(stop)

    def _beside(self) -> Changes:
        """What a list cannot hold: the state of the host, and what could not be told."""
        strange = (self._problem(gap) for gap in self.gaps if gap not in self._host.gaps)
        return Changes(events=(*self._host.events, *strange))

    def _window(self, stop: threading.Event) -> Iterator[Changes]:
        """What happens until the window closes."""
        until = int(self._clock().timestamp()) + self._rhythm.window
        for event in self._api.events(self._last_second - _OVERLAP, until, self._rhythm.window):
            if self._is_new(event):
                changes = self._changes_of(event)
                if changes is not None:
                    yield changes
                    self._hear(self._moment(event))
            if stop.is_set():
                return
        left = until - self._clock().timestamp()
        if left <= 1:
            self._hear(min(self._clock(), datetime.fromtimestamp(until, UTC)))
        if left > 0:  # an engine that does not wait for the end is not asked without a pause
            stop.wait(min(left, _PAUSE))

    def _hear(self, moment: datetime) -> None:
        """What happened until this moment was told."""
        if self._heard is None or moment > self._heard:
            self._heard = moment
            self._note(moment)

    def _ended_since(self, heard: datetime) -> Iterator[Changes]:
        """What started behind this moment and has ended, while nobody listened, as far as it was not removed."""
        self._missed = {}
        images: dict[str, Mapping[str, Any]] = {}
        for summary in [one for one in self._api.containers() if one.get("State") not in RUNNING][:_MOST_ENDED]:
            container, until = self._run_of(str(summary.get("Id")), images)
            if (
                container is not None
                and until is not None
                and container.since > heard
                and container.id not in self._known
            ):
                self._missed[container.id] = until
                yield Changes(running=(container,), ended=(EndedContainer(id=container.id, until=until),))

    def _run_of(self, id: str, images: dict[str, Mapping[str, Any]]) -> tuple[RunningContainer | None, datetime | None]:
        """The last run of a container that has ended, and its end; None where there was none, or the engine does not say."""
        try:
            inspect = self._api.inspect(id)
            state = Fields(inspect, "container").part("State")
            until = moment_of(state.text("FinishedAt"))
            if until is None or moment_of(state.text("StartedAt")) is None:
                return None, None
            return self._container(inspect, images), until
        except (EngineRefused, InvalidWorkload):
            return None, None

    def _is_new(self, event: Mapping[str, Any]) -> bool:
        """Whether an event did not come before. Also notes its second."""
        actor = event.get("Actor")
        id = actor.get("ID") if isinstance(actor, Mapping) else event.get("id")
        key = (event.get("timeNano"), str(id), str(event.get("Action")))
        if key in self._seen:
            return False
        self._seen[key] = None
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        moment = event.get("time")
        if isinstance(moment, int) and 0 < moment <= int(self._clock().timestamp()) + _OVERLAP:
            self._last_second = max(self._last_second, moment)
        return True

    def _changes_of(self, event: Mapping[str, Any]) -> Changes | None:
        """What an event means; None where it changes nothing that is told."""
        try:
            actor = Fields(event, "event").part("Actor")
            id = actor.text("ID")
            action = Fields(event, "event").text("Action").partition(":")[0]
        except InvalidWorkload:
            return None
        at = self._moment(event)
        if id in self._missed and at <= self._missed[id] + _CLOCK_GRAIN:
            return None
        if action in _STARTS:
            return self._add_started_container(id, actor.part("Attributes"), at, is_start=action == "start")
        if action == "die" or (action == "destroy" and id in self._known):
            return Changes(ended=(EndedContainer(id=id, until=at),), events=self._last_drift(id))
        if action == "exec_die" and self._rhythm.drift and id in self._known and self._is_due(id):
            return Changes(events=self._drift_of(id))
        return None

    def _add_started_container(self, id: str, attributes: Fields, at: datetime, *, is_start: bool) -> Changes | None:
        container = self._describe_container(id, {})
        if container is not None:
            self._known[id] = container
            return Changes(running=(container,))
        if not is_start or id in self._known:
            return None
        # It is gone already: what is known of it is what the event says. That it ended, its own event tells.
        try:
            self._known[id] = gone = self._bare(id, attributes, at)
        except InvalidWorkload:
            return None
        return Changes(running=(gone,))

    def _describe_container(self, id: str, images: dict[str, Mapping[str, Any]]) -> RunningContainer | None:
        """A container as it runs; None where it does not (any longer)."""
        try:
            inspect = self._api.inspect(id)
        except EngineRefused as error:
            if error.status == 404:
                return None
            raise
        state = inspect.get("State")
        status = state.get("Status") if isinstance(state, Mapping) else None
        if status not in RUNNING:
            return None
        try:
            return self._container(inspect, images)
        except InvalidWorkload:
            self._strange.add(id)
            return None

    def _container(self, inspect: Mapping[str, Any], images: dict[str, Mapping[str, Any]]) -> RunningContainer:
        """A container of what the engine says of it. Raises InvalidWorkload for what no engine says."""
        image_id = str(inspect.get("Image"))
        if image_id not in images:
            images[image_id] = self._image(image_id)
        container = running_container(self._platform, self._name, inspect, images[image_id], self._info)
        isolation = msgspec.structs.replace(container.isolation, escapes=self._host.escapes)
        return msgspec.structs.replace(container, isolation=isolation)

    def _bare(self, id: str, attributes: Fields, at: datetime) -> RunningContainer:
        """A container of which only an event is left. Raises InvalidWorkload for an event that no engine sends."""
        asked = attributes.text("image")
        image = self._image(asked) if asked else {}
        labels = {name: attributes.scalar(name) for name in attributes.names() if name.startswith("com.docker.")}
        return RunningContainer(
            id=identity(Fields({"Id": id}, "event")),
            place=place_of(self._platform, self._name, attributes.text("name"), labels),
            image=running_image(asked, str(image.get("Id", "")), image) if asked else RunningImage(reference=""),
            since=at,
            node=self._name,
        )

    def _image(self, name: str) -> Mapping[str, Any]:
        """What the engine says of an image; nothing where it has been removed, though a container of it still runs."""
        try:
            return self._api.image(name)
        except EngineRefused:
            return {}

    def _all_drift(self, stop: threading.Event) -> Iterator[Changes]:
        for id in list(self._known):
            if stop.is_set():
                return
            if events := self._drift_of(id):
                yield Changes(events=events)

    def _is_due(self, id: str) -> bool:
        """Whether a container's files were not looked at a moment ago: health checks run programs all the time."""
        looked = self._drift.setdefault(id, DriftMemory()).looked_at
        return looked is None or (self._clock() - looked).total_seconds() >= min(_PAUSE_OF_LOOKS, self._rhythm.drift)

    def _drift_of(self, id: str) -> tuple[PlaceEvent, ...]:
        memory = self._drift.setdefault(id, DriftMemory())
        memory.looked_at = self._clock()
        return drift_of(EngineFiles(self._api), id, memory, self._clock())

    def _last_drift(self, id: str) -> tuple[PlaceEvent, ...]:
        """What had changed when a container ended, as far as it is still there."""
        self._known.pop(id, None)
        try:
            return self._drift_of(id) if self._rhythm.drift else ()
        except (Cut, TimedOut, Unreachable):
            return ()
        finally:
            self._drift.pop(id, None)

    def _moment(self, event: Mapping[str, Any]) -> datetime:
        """When it happened; now where the engine does not say."""
        nanoseconds = event.get("timeNano")
        try:
            if isinstance(nanoseconds, int) and nanoseconds > 0:
                return datetime.fromtimestamp(nanoseconds // 1000 / 1e6, UTC)
        except (ValueError, OverflowError, OSError):
            pass
        return self._clock()

    def _problem(self, summary: str) -> PlaceEvent:
        return PlaceEvent(kind="problem", subject=self._api.name, summary=summary, at=self._clock())
