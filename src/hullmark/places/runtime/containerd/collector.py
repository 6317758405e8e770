"""The collector of a host's containerd: its containers and pods, then its events, and a whole list now and then.

Events of the interface have no history: what happens while nobody listens is found by comparing lists.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from hullmark.facets.secrets.mask import masked_value
from hullmark.isolation.fields import InvalidWorkload
from hullmark.isolation.oci import isolation_of
from hullmark.model.isolation import HostPath, Isolation
from hullmark.model.limit import Limit
from hullmark.model.place import EndedContainer, Place, PlaceEvent, Platform, RunningContainer, RunningImage
from hullmark.net.errors import NetError
from hullmark.net.wait import backoff
from hullmark.places.runtime.collector import STEADY, Changes, Listing
from hullmark.places.runtime.containerd.api import CriApi, NotServed, NotThere
from hullmark.places.runtime.containerd.overlay import LocalFiles
from hullmark.places.runtime.engines.drift import DriftMemory, drift_of
from hullmark.places.runtime.host import HostState, Look, unknown_host

MOST_CONTAINERS = Limit(20_000, "containers of a host that the Container Runtime Interface tells of", "refused")
_MOST_LABELS = Limit(200, "labels of a pod on a host", "shortened")
_LONGEST_LABEL = Limit(1000, "characters of a label's name or value of a pod on a host", "shortened")
_STARTED, _STOPPED, _DELETED = 1, 2, 3
_RUNNING = 1
_SHA256 = "sha256:"
_OF_KUBELET = "/var/lib/kubelet/pods/"
"""Where the kubelet keeps a pod's volumes: mounts of it are the pod's, not the host's."""

Clock = Callable[[], datetime]


def _now() -> datetime:
    return datetime.now(UTC)


def connect(address: str) -> CriApi:
    """An engine's interface. Nothing is asked yet."""
    return CriApi(address)


class LocalDrift(NamedTuple):
    """How often the files of containers are looked at, in seconds, and where the file system of their host is."""

    seconds: float
    host: Path


class CriCollector:
    """Knows what runs in one engine. `name` is the host's; `pause` seconds lie between two lists where there are no events, `list`
    seconds where there are. With a `drift`, files of containers are looked at below its `host` every so many seconds."""

    def __init__(
        self,
        api: CriApi,
        name: str,
        pauses: tuple[float, float] = (5.0, 60.0),
        clock: Clock = _now,
        look: Look = unknown_host,
        drift: LocalDrift | None = None,
    ) -> None:
        self._api, self._name, self._clock, self._look = api, name, clock, look
        self._pause, self._list = pauses
        self._local = drift
        self._drift: dict[str, DriftMemory] = {}
        self._processes: dict[str, int] = {}
        self._known: dict[str, RunningContainer] = {}
        self._host = HostState()
        self._looked = self._clock()
        self.is_blind = False
        """Whether the engine does not answer while it is followed."""

    @property
    def gaps(self) -> tuple[str, ...]:
        """What could not be told of the host."""
        return self._host.gaps

    @property
    def platform(self) -> Platform:
        """Whatever serves the interface, it is told as containerd."""
        return "containerd"

    @property
    def name(self) -> str:
        """The host's name."""
        return self._name

    def containers(self) -> Iterator[RunningContainer]:
        """What runs now, once. Raises NetError where the engine cannot tell."""
        version = self._api.version()
        components = [{"Name": version.runtime_name, "Version": version.runtime_version}]
        self._host = self._look({"Components": components, "KernelVersion": _kernel()}, {})
        self._known = self._list_containers()
        return iter(self._known.values())

    def follow(self, stop: threading.Event) -> Iterator[Listing | Changes]:
        """What runs, then what changes, until `stop` is set. Where the engine does not answer, that is told once, and tried again."""
        failures = 0
        while not stop.is_set():
            began = self._clock()
            try:
                yield from self._follow_connection(stop)
            except NotServed:
                raise
            except NetError as error:
                self.is_blind = True
                if (self._clock() - began).total_seconds() >= STEADY:
                    failures = 0
                if not failures and not stop.is_set():
                    summary = f"containerd cannot be asked what runs: {error}"
                    problem = PlaceEvent(kind="problem", subject="containerd", summary=summary, at=self._clock())
                    yield Changes(events=(problem,))
                stop.wait(backoff(failures))
                failures += 1

    def _follow_connection(self, stop: threading.Event) -> Iterator[Listing | Changes]:
        yield Listing(self.containers())
        self.is_blind = False
        if self._host.events:
            yield Changes(events=self._host.events)
        listed = self._looked = self._clock()
        try:
            for event in self._api.events(stop, min(self._pause, 1.0)):
                changes = self._of_event(event) if event is not None else None
                if changes is not None:
                    yield changes
                yield from self._find_drift(stop)
                if (self._clock() - listed).total_seconds() >= self._list:
                    yield from self._find_changes()
                    listed = self._clock()
        except NotServed:
            while not stop.wait(self._pause):
                yield from self._find_changes()
                yield from self._find_drift(stop)

    def _find_drift(self, stop: threading.Event) -> Iterator[Changes]:
        """What differs from images in the files of containers, where it is time to look."""
        if self._local is None or (self._clock() - self._looked).total_seconds() < self._local.seconds:
            return
        self._drift = {id: self._drift.get(id, DriftMemory()) for id in self._known}
        self._processes = {id: process for id, process in self._processes.items() if id in self._known}
        files = LocalFiles(self._local.host, self._processes)
        for id, memory in self._drift.items():
            if stop.is_set():
                return
            if events := drift_of(files, id, memory, self._clock()):
                yield Changes(events=events)
        self._looked = self._clock()

    def _of_event(self, event: Any) -> Changes | None:
        """What an event means; None where it changes nothing that is told."""
        id, kind = event.container_id, event.container_event_type
        if kind == _STARTED:
            container = self._describe_container(id, self._sandboxes())
            if container is not None:
                self._known[id] = container
                return Changes(running=(container,))
        elif kind in (_STOPPED, _DELETED) and self._known.pop(id, None) is not None:
            return Changes(ended=(EndedContainer(id=id, until=_moment(event.created_at) or self._clock()),))
        return None

    def _find_changes(self) -> Iterator[Changes]:
        """What differs from what is known. What ended did so some time since the last look."""
        before, self._known = self._known, self._list_containers()
        running = tuple(one for id, one in self._known.items() if before.get(id) != one)
        ended = tuple(EndedContainer(id=id, until=self._clock()) for id in before if id not in self._known)
        if running or ended:
            yield Changes(running=running, ended=ended)

    def _list_containers(self) -> dict[str, RunningContainer]:
        listed = self._api.containers()
        if len(listed) > MOST_CONTAINERS:
            raise NetError(f"there are more than {MOST_CONTAINERS:,} containers", advice="spread them over more hosts")
        sandboxes = self._sandboxes()
        found = {}
        for one in listed:
            # Of a container that was known when it was listed before nothing changes but its end.
            known = self._known.get(one.id) or self._describe_container(one.id, sandboxes)
            if known is not None:
                found[one.id] = known
        return found

    def _sandboxes(self) -> dict[str, Any]:
        return {sandbox.id: sandbox for sandbox in self._api.sandboxes()}

    def _describe_container(self, id: str, sandboxes: Mapping[str, Any]) -> RunningContainer | None:
        try:
            answer = self._api.container(id)
        except NotThere:
            return None
        status = answer.status
        if status.state != _RUNNING:
            return None
        info = _json(answer.info.get("info", ""))
        if isinstance(process := info.get("pid"), int):
            self._processes[id] = process
        sandbox = sandboxes.get(str(info.get("sandboxID", "")))
        metadata = sandbox.metadata if sandbox is not None else None
        labels = dict(sandbox.labels) if sandbox is not None else dict(status.labels)
        return RunningContainer(
            id=id,
            place=Place(
                platform="containerd",
                cluster=self._name,
                namespace=metadata.namespace if metadata is not None else "",
                workload=f"Pod/{metadata.name}" if metadata is not None else status.metadata.name,
                container=status.metadata.name,
            ),
            image=self._image(status),
            since=_moment(status.started_at) or _moment(status.created_at) or self._clock(),
            isolation=self._isolation(status, info, sandbox.runtime_handler if sandbox is not None else ""),
            labels=_labels(labels),
            node=self._name,
        )

    def _image(self, status: Any) -> RunningImage:
        """The image by what the engine says of it: its id is the digest of its configuration."""
        image = self._api.image(status.image_ref or status.image.image)
        digests = [*image.repo_digests, status.image_ref]
        digest = next((text.partition("@")[2] for text in digests if "@sha256:" in text), "")
        reference = status.image.user_specified_image or status.image.image
        if reference.startswith(_SHA256):
            reference = next(iter((*image.repo_tags, *image.repo_digests)), reference)
        config = next((text for text in (image.id, status.image_id, status.image_ref) if text.startswith(_SHA256)), "")
        return RunningImage(reference=reference[:1000], digest=digest, config_digest=config)

    def _isolation(self, status: Any, info: Mapping[str, Any], handler: str) -> Isolation:
        """What it is granted; nothing is told where the engine hands out no bundle."""
        spec, config = info.get("runtimeSpec"), info.get("config")
        paths = [
            HostPath(path=mount.host_path, target=mount.container_path, read_only=mount.readonly)
            for mount in status.mounts
            if mount.host_path and not mount.host_path.startswith(_OF_KUBELET)
        ]
        try:
            found = isolation_of(
                spec if isinstance(spec, dict) else {},
                config if isinstance(config, dict) else {},
                str(info.get("runtimeType", "")),
                handler,
                paths,
            )
        except InvalidWorkload:
            return Isolation()
        return msgspec.structs.replace(found, escapes=self._host.escapes)


def _labels(labels: Mapping[str, str]) -> dict[str, str]:
    kept: Iterable[tuple[str, str]] = sorted(labels.items())[:_MOST_LABELS]
    return {name[:_LONGEST_LABEL]: masked_value(name, value)[:_LONGEST_LABEL] for name, value in kept}


def _json(text: str) -> Mapping[str, Any]:
    try:
        found = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _moment(nanoseconds: int) -> datetime | None:
    """A moment as the interface tells it, in 64 bits, which all are dates; None for 0, which is told where there is none."""
    return datetime.fromtimestamp(nanoseconds // 1000 / 1e6, UTC) if nanoseconds > 0 else None


def _kernel() -> str:
    """The release of this machine's kernel, which containers on it share: the interface is served on this machine alone."""
    import os

    return os.uname().release
