"""Collects what runs in all clusters of one account in one region: by listing, then by the events that EventBridge puts into a queue.

An event says that a task changed, and is told at least once, in any order, and now and then not at all. So it is only believed about what
stopped; what runs is asked for again, versions say what is older than what was told already, and a new listing comes from time to time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.isolation import Isolation
from hullmark.model.place import EndedContainer, PlaceEvent, Platform, RunningContainer
from hullmark.net.aws import AwsSession
from hullmark.net.errors import NetError
from hullmark.net.wait import backoff
from hullmark.places.runtime.collector import Changes, Listing
from hullmark.places.runtime.ecs.answers import Task, TaskChange, parse_arn, parse_event, utc
from hullmark.places.runtime.ecs.api import MESSAGE_BYTES, EcsApi, Message
from hullmark.places.runtime.ecs.containers import Workload, container_id, running, service_of, workload_of

QUEUE = "hullmark-ecs-tasks"
"""The name of the queue that deploy/aws/events.yaml makes."""

_MOST_VERSIONS = 200_000
"""Tasks of which the last version is remembered; of older ones it is not known that an event is late, which costs a question more."""
_MOST_DEFINITIONS = 5_000
"""Task definitions that are remembered; others are asked for again."""
_SHORTEST_BETWEEN_LISTS = 60.0
_TOLD = 3
"""At which failure in a row to read the queue it is told."""
"""Seconds between two listings that messages ask for which cannot be read."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowSettings:
    """How changes are followed. `queue` is the name of the queue of events ("": none; then every `interval` seconds all is listed). With a
    queue all is listed every `reconcile` seconds, and a question to it waits `wait` seconds (at most 20) for messages."""

    queue: str = QUEUE
    interval: float = 60.0
    reconcile: float = 900.0
    wait: int = 10


class EcsCollector:
    """Says what runs in an account's clusters in one region. Its name is `ACCOUNT/REGION`, as its places' namespace."""

    def __init__(
        self,
        session: AwsSession,
        region: str,
        settings: FollowSettings = FollowSettings(),
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._api = EcsApi(session, region)
        self._account = self._api.account()
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._unknown = self._untold = 0
        self._versions: dict[str, int] = {}
        self._workloads: dict[tuple[str, str], Workload] = {}
        self._inferred: dict[str, str] = {}
        self._tags: dict[str, Mapping[str, str]] = {}

    @property
    def platform(self) -> Platform:
        """Amazon ECS."""
        return "ecs"

    @property
    def name(self) -> str:
        """The account and the region."""
        return f"{self._account}/{self._api.region}"

    @property
    def gaps(self) -> tuple[str, ...]:
        """Which images are not known by what they are, and of which containers nobody tells what they are granted."""
        return gaps_of(self._unknown, self._untold)

    def containers(self) -> Iterator[RunningContainer]:
        """What runs now, in all clusters. Raises AwsRefused, AwsUnwell, and HullmarkError for answers that are not documented."""
        seen: set[str] = set()
        unknown = untold = 0
        for cluster in self._api.clusters():
            services: set[str] = set()
            for tasks in self._api.tasks(cluster.name):
                new = {service_of(task) for task in tasks} - services - {""}
                services |= new
                self._learn_tags(cluster.name, new)
                self._remember(tasks)
                for task in tasks:
                    for container in self._running(task):
                        seen.add(container.id)
                        unknown += not container.image.digest
                        untold += container.isolation == Isolation()
                        yield container
        self._unknown, self._untold = unknown, untold
        with self._lock:
            self._inferred = {id: digest for id, digest in self._inferred.items() if id in seen}

    def stop(self, cluster: str, task: str, reason: str) -> None:
        """Stop a task, by the names of its cluster and of itself. Raises AwsRefused, NetError."""
        self._api.stop(cluster, task, reason)

    def follow(self, stop: threading.Event) -> Iterator[Listing | Changes]:
        """What runs, then what changes. A message leaves the queue when the changes that it told were taken."""
        if not self._settings.queue:
            yield from self._poll(stop)
            return
        url, failures = "", 0
        listed, wants_list = None, False
        while not stop.is_set():
            if listed is None or self._is_due(listed, wants_list):
                yield Listing(self.containers())
                listed, wants_list = self._clock(), False
            try:
                url = url or self._api.queue_url(self._settings.queue)
                messages = self._api.received(url, self._settings.wait)
                changes = self._changes(messages)
            except NetError as error:
                failures += 1
                if failures == _TOLD:
                    yield Changes(events=(self._problem(f"the queue cannot be read, changes wait for lists: {error}"),))
                stop.wait(backoff(failures - 1))
                continue
            failures = 0
            if changes != Changes():
                yield changes
            wants_list = wants_list or bool(changes.events)
            with suppress(NetError):  # messages that are not taken off come again
                self._api.delete(url, messages)

    def _poll(self, stop: threading.Event) -> Iterator[Listing]:
        while not stop.is_set():
            yield Listing(self.containers())
            stop.wait(self._settings.interval)

    def _is_due(self, listed: datetime, wants_list: bool) -> bool:
        passed = (self._clock() - listed).total_seconds()
        return passed >= (_SHORTEST_BETWEEN_LISTS if wants_list else self._settings.reconcile)

    def _changes(self, messages: Sequence[Message]) -> Changes:
        """What messages tell. A message that cannot be read is a problem, and what it told comes with another listing."""
        told: dict[str, TaskChange] = {}
        problems: list[PlaceEvent] = []
        for message in messages:
            try:
                change = _read(message)
            except HullmarkError as error:
                problems.append(self._problem(str(error)))
                continue
            if change is not None and self._is_ours(change.task) and not self._is_late(change.task):
                known = told.setdefault(change.task.task_arn, change)
                told[change.task.task_arn] = max(known, change, key=lambda one: one.task.version)
        return replace(self._merge_changes(tuple(told.values())), events=tuple(problems))

    def _problem(self, summary: str) -> PlaceEvent:
        return PlaceEvent(kind="problem", subject="queue", summary=summary, at=self._clock())

    def _merge_changes(self, told: Sequence[TaskChange]) -> Changes:
        started: list[RunningContainer] = []
        ended: list[EndedContainer] = []
        fresh = self._asked_again(told)
        tasks = [max(fresh.get(change.task.task_arn, change.task), change.task, key=_version) for change in told]
        for change, task in zip(told, tasks, strict=True):
            ended += _list_ended_containers(task, change.at)
            # What is to stop starts nothing more; that it stopped is told once it has.
            started += self._running(task) if task.desired_status != "STOPPED" else ()
        # Only now: had a request failed, the same messages would come again, and must not seem late.
        self._remember(tasks)
        return Changes(running=tuple(started), ended=tuple(ended))

    def _asked_again(self, told: Sequence[TaskChange]) -> dict[str, Task]:
        """The tasks that run, as ECS tells them now: with tags and with the digests that events leave out."""
        clusters: dict[str, list[Task]] = {}
        for task in (change.task for change in told):
            if task.desired_status != "STOPPED" and any(one.last_status == "RUNNING" for one in task.containers):
                clusters.setdefault(parse_arn(task.cluster_arn).name, []).append(task)
        fresh: dict[str, Task] = {}
        for cluster, tasks in clusters.items():
            self._learn_tags(
                cluster, {service_of(task) for task in tasks if _service_key(task) not in self._tags} - {""}
            )
            described = self._api.described(cluster, [task.task_arn for task in tasks])
            fresh.update((task.task_arn, task) for task in described)
        return fresh

    def _is_ours(self, task: Task) -> bool:
        arn = parse_arn(task.task_arn)
        return f"{arn.account}/{arn.region}" == self.name

    def _is_late(self, task: Task) -> bool:
        with self._lock:
            return task.version <= self._versions.get(task.task_arn, -1)

    def _remember(self, tasks: Iterable[Task]) -> None:
        with self._lock:
            for task in tasks:
                self._versions[task.task_arn] = max(task.version, self._versions.pop(task.task_arn, -1))
            while len(self._versions) > _MOST_VERSIONS:
                del self._versions[next(iter(self._versions))]

    def _running(self, task: Task) -> Iterator[RunningContainer]:
        workload = self._workload(task)
        tags = self._tags.get(_service_key(task), {})
        for container in running(task, workload, tags, self._clock()):
            yield container if container.image.digest else self._with_digest(container)

    def _workload(self, task: Task) -> Workload:
        """What the task's definition says. It never changes (a change is another revision), so it is asked for once."""
        key = (task.task_definition_arn, task.launch)
        found = self._workloads.get(key)
        if found is None:
            found = workload_of(self._api.definition(task.task_definition_arn), task.launch)
            with self._lock:
                self._workloads[key] = found
                while len(self._workloads) > _MOST_DEFINITIONS:
                    del self._workloads[next(iter(self._workloads))]
        return found

    def _with_digest(self, container: RunningContainer) -> RunningContainer:
        """The container with the digest that its tag named when it was first asked for: the tag may move, the container does not."""
        if container.id not in self._inferred:
            digest = self._api.digest_of_tag(container.image.reference)
            with self._lock:
                self._inferred[container.id] = digest
        digest = self._inferred.get(container.id, "")
        if not digest:
            return container
        image = msgspec.structs.replace(container.image, digest=digest, is_inferred=True)
        return msgspec.structs.replace(container, image=image)

    def _learn_tags(self, cluster: str, services: Iterable[str]) -> None:
        for name, tags in self._api.service_tags(cluster, sorted(services)).items():
            self._tags[f"{cluster}/{name}"] = tags


def gaps_of(unknown: int, untold: int) -> tuple[str, ...]:
    """Sentences about containers whose digest is `unknown`, and others of which it is `untold` what they are granted."""
    digests = (
        f"{_format_count(unknown)} without a digest: an old agent does not tell it, and no repository of ECR's does"
    )
    grants = f"{_format_count(untold)} granted something unknown: not in a task definition that can be read"
    return (*((digests,) if unknown else ()), *((grants,) if untold else ()))


def _format_count(number: int) -> str:
    return "1 container is" if number == 1 else f"{number} containers are"


def _service_key(task: Task) -> str:
    return f"{parse_arn(task.cluster_arn).name}/{service_of(task)}"


def _version(task: Task) -> int:
    return task.version


def _read(message: Message) -> TaskChange | None:
    if len(message.body) > MESSAGE_BYTES:
        raise HullmarkError(f"a message of the queue has more than {MESSAGE_BYTES} bytes")
    return parse_event(message.body)


def _list_ended_containers(task: Task, at: datetime) -> Iterator[EndedContainer]:
    is_over = task.last_status in ("STOPPED", "DELETED")
    until = task.execution_stopped_at or task.stopped_at
    for container in task.containers:
        if is_over or container.last_status == "STOPPED":
            moment = utc(until) if is_over and until is not None else at
            yield EndedContainer(id=container_id(task, container), until=moment)
