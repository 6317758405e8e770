"""What runs in a Kubernetes cluster, once or for as long as it is wanted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Literal, NamedTuple

from msgspec.structs import replace

from hullmark.facets.secrets.mask import masked_value
from hullmark.model.isolation import Isolation
from hullmark.model.limit import Limit
from hullmark.model.place import EndedContainer, PlaceEvent, RunningContainer
from hullmark.places.runtime.collector import Changes, Listing
from hullmark.places.runtime.host import Look, unknown_host
from hullmark.places.runtime.kubernetes.api import ExpiredVersion, KubernetesApi, Resource, Scope
from hullmark.places.runtime.kubernetes.following import (
    ApiUnavailable,
    Follower,
    ListedKind,
    ResourceChange,
    ResourceList,
    Streams,
    list_all,
)
from hullmark.places.runtime.kubernetes.hosts import NodeHosts
from hullmark.places.runtime.kubernetes.objects import Pod
from hullmark.places.runtime.kubernetes.pods import PodContainer, PodPlace, occupants
from hullmark.places.runtime.kubernetes.surroundings import Surroundings

PODS = Resource(group="", version="v1", plural="pods", type=Pod)

_LONGEST_NAME = Limit(317, "characters of a label's name in Kubernetes", "shortened")
_LONGEST_VALUE = Limit(63, "characters of a label's value in Kubernetes", "shortened")
_MOST_LABELS = Limit(500, "labels of a pod and its namespace in Kubernetes", "shortened")
_ATTEMPTS = 5
_SHARED = 100_000
"""Labels that are kept to be shared by replicas, before the memory of them begins anew."""
_RELIST_SECONDS = 60.0
"""Between two lists that are made because labels of namespaces and the like have changed."""


class _PodRecord(NamedTuple):
    """What is kept of a pod: the containers that run, and those that have ended."""

    uid: str
    running: tuple[RunningContainer, ...]
    ended: tuple[PodContainer, ...]


class _KnownPod(NamedTuple):
    """What was said of a pod last: what runs, and the ids of what has ended."""

    running: tuple[RunningContainer, ...]
    ended: frozenset[str]


class KubernetesCollector:
    """Asks one cluster's API. `name` is what its places call it. `clock` and `monotonic` are the world's; `look` looks at nodes' hosts."""

    platform: Literal["kubernetes"] = "kubernetes"

    def __init__(
        self,
        api: KubernetesApi,
        name: str,
        scope: Scope,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        look: Look = unknown_host,
    ) -> None:
        self._api = api
        self._name = name
        self._scope = scope
        self._clock = clock
        self._monotonic = monotonic
        self._look = look
        self.gaps: tuple[str, ...] = ()
        """What could not be read besides pods when `containers` was last called, and what that means, a sentence each."""
        self.is_blind = False
        """Whether the API server does not answer while it is followed."""

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self._name

    def containers(self) -> Iterator[RunningContainer]:
        """What runs now, once. Raises HullmarkError where that is not completely known; what may not be read besides is left out."""
        hosts = NodeHosts(self._look, self._clock)
        reader = _Reader(self._name, Surroundings(self._api, self._scope), hosts)
        reader.surroundings.load()
        records = self._list_pods(reader)
        self.gaps = (*reader.surroundings.gaps(), *hosts.gaps())
        for record in records:
            yield from record.running

    def _list_pods(self, reader: _Reader) -> list[_PodRecord]:
        for _ in range(_ATTEMPTS - 1):
            with suppress(ExpiredVersion):
                return list_all(self._api, PODS, reader.record, self._scope)[0]
        return list_all(self._api, PODS, reader.record, self._scope)[0]

    def follow(self, stop: threading.Event) -> Iterator[Listing | Changes]:
        """What runs, then what changes, until `stop` is set. It connects again by itself, and lists anew wherever something may have been
        missed. Raises HullmarkError where trying again cannot help."""
        streams = Streams(stop)
        surroundings = Surroundings(self._api, self._scope)
        hosts = NodeHosts(self._look, self._clock)
        reader, memory = _Reader(self._name, surroundings, hosts), _Memory(self._clock)
        follower = Follower(self._api, ListedKind(PODS, self._scope), reader.record, streams, prepare=surroundings.load)
        surroundings.follow(streams)
        listed_at, told = self._monotonic(), set[str]()
        try:
            for said in follower.said():
                self.is_blind = isinstance(said, ApiUnavailable)
                if isinstance(said, ResourceList):
                    listed_at = self._monotonic()
                    yield Listing(memory.take(said.objects))
                else:
                    yield from self._changes(said, memory)
                events = {event.summary: event for event in (*map(self._event, surroundings.gaps()), *hosts.events)}
                hosts.events.clear()
                if news := tuple(event for summary, event in events.items() if summary not in told):
                    told.update(events)
                    yield Changes(events=news)
                if surroundings.has_changed.is_set() and self._monotonic() - listed_at > _RELIST_SECONDS:
                    surroundings.has_changed.clear()
                    follower.list_soon()
        finally:
            streams.end()

    def _changes(self, said: list[ResourceChange[_PodRecord]] | ApiUnavailable, memory: _Memory) -> Iterator[Changes]:
        if isinstance(said, ApiUnavailable):
            yield Changes(events=(self._event(said.reason),))
        else:
            yield from memory.change(said)

    def _event(self, summary: str) -> PlaceEvent:
        return PlaceEvent(kind="problem", subject=self._name, summary=summary, at=self._clock())


class _Reader:
    """Pods → records. Equal values are kept once: replicas differ in little but their names."""

    def __init__(self, cluster: str, surroundings: Surroundings, hosts: NodeHosts) -> None:
        self._cluster = cluster
        self.surroundings = surroundings
        self._hosts = hosts
        self._labels: dict[tuple[tuple[str, str], ...], Mapping[str, str]] = {}
        self._isolations: dict[Isolation, Isolation] = {}

    def record(self, pod: Pod) -> _PodRecord:
        """What is kept of a pod. Raises ApiRefused, NetError, since some of it is asked for."""
        meta, around = pod.metadata, self.surroundings
        runtime_class = str(pod.spec.get("runtimeClassName") or "")
        node = around.node_of(str(pod.spec.get("nodeName") or ""))
        escapes = self._hosts.state_of(node).escapes if node.container_runtime_version else None
        handlers = {runtime_class: around.handler_of(runtime_class)} if runtime_class else {}
        place = PodPlace(
            cluster=self._cluster,
            workload=around.owners.workload_of(meta),
            labels=self._same_labels({**around.labels_of(meta.namespace), **(meta.labels or {})}),
            architecture=node.architecture,
            handlers=handlers,
        )
        found = [
            occupant._replace(container=self._intern_isolation(occupant.container, escapes))
            for occupant in occupants(pod, place)
        ]
        running = tuple(occupant.container for occupant in found if not occupant.is_over)
        return _PodRecord(meta.uid, running, tuple(occupant for occupant in found if occupant.is_over))

    def _same_labels(self, labels: Mapping[str, str]) -> Mapping[str, str]:
        if len(self._labels) > _SHARED:  # most are of pods that are gone
            self._labels.clear()
            self._isolations.clear()
        given = tuple(sorted(labels.items()))
        if given not in self._labels:
            # The API takes nothing longer; values that are secrets are masked, as anybody may read places.
            kept = ((name[:_LONGEST_NAME], value) for name, value in given[:_MOST_LABELS])
            self._labels[given] = {name: masked_value(name, value)[:_LONGEST_VALUE] for name, value in kept}
        return self._labels[given]

    def _intern_isolation(self, container: RunningContainer, escapes: tuple[str, ...] | None) -> RunningContainer:
        isolation = container.isolation
        if escapes is not None and container.place.kind != "volume":
            isolation = replace(isolation, escapes=escapes)
        return replace(container, isolation=self._isolations.setdefault(isolation, isolation))


class _Memory:
    """What was said last, so that only what differs is said."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._known: dict[str, _KnownPod] = {}

    def take(self, records: Iterable[_PodRecord]) -> Iterator[RunningContainer]:
        """All that runs, from now on known. What had ended before was another day's news."""
        self._known = {
            record.uid: _KnownPod(record.running, frozenset(occupant.container.id for occupant in record.ended))
            for record in records
        }
        return iter([container for known in self._known.values() for container in known.running])

    def change(self, changed: list[ResourceChange[_PodRecord]]) -> Iterator[Changes]:
        """What changes come to, in as few parts as keep their order: of one part, what runs is told before what has ended."""
        running: dict[str, RunningContainer] = {}
        ended: dict[str, EndedContainer] = {}
        for change in changed:
            started, over = self._difference(change)
            if any(container.id in ended for container in started):
                yield Changes(running=tuple(running.values()), ended=tuple(ended.values()))
                running, ended = {}, {}
            running |= {container.id: container for container in started}
            ended |= {container.id: container for container in over}
        if running or ended:
            yield Changes(running=tuple(running.values()), ended=tuple(ended.values()))

    def _difference(self, change: ResourceChange[_PodRecord]) -> tuple[list[RunningContainer], list[EndedContainer]]:
        record = change.object
        before = self._known.get(record.uid, _KnownPod((), frozenset()))
        running = () if change.type == "DELETED" else record.running
        over = {occupant.container.id: occupant for occupant in record.ended}
        was = {container.id: container for container in before.running}
        now = {container.id for container in running}
        started = [container for container in running if was.get(container.id) != container]
        # What was started and ended between two looks ran all the same.
        short = [container for id, container in over.items() if id not in was and id not in before.ended]
        gone = [id for id in was if id not in now]
        moment = self._clock()
        ends = {id: over[id].until if id in over else None for id in gone}
        ends |= {occupant.container.id: occupant.until for occupant in short}
        if change.type == "DELETED":
            self._known.pop(record.uid, None)
        else:
            self._known[record.uid] = _KnownPod(running, before.ended | over.keys())
        # Where the clock of the node is ahead of ours, nothing has ended before it began: such an end would not count.
        begun = {
            **{id: container.since for id, container in was.items()},
            **{occupant.container.id: occupant.container.since for occupant in short},
        }
        return (
            [*started, *(occupant.container for occupant in short)],
            [EndedContainer(id=id, until=max(until or moment, begun[id])) for id, until in ends.items()],
        )
