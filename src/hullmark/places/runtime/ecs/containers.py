"""A task of ECS as containers that run: where, which image, since when, how isolated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from hullmark.isolation.ecs import containers_of
from hullmark.model.digest import is_digest
from hullmark.model.errors import HullmarkError
from hullmark.model.isolation import Isolation, WorkloadContainer
from hullmark.model.place import Place, RunningContainer, RunningImage
from hullmark.places.runtime.ecs.answers import Task, TaskContainer, parse_arn, utc

_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "arm64": "arm64", "aarch64": "arm64"}
_SERVICE = "service:"
_ON_FARGATE = Isolation(
    runtime="fargate", boundary="vm", privileged=False, host_pid=False, host_ipc=False, host_network=False
)
"""What is certain of whatever runs on Fargate: a task has a virtual machine of its own, and none of the rest can be had there."""


def service_of(task: Task) -> str:
    """The name of the service that the task belongs to; "": none."""
    group = task.group or ""
    return group.removeprefix(_SERVICE) if group.startswith(_SERVICE) else ""


def container_id(task: Task, container: TaskContainer) -> str:
    """What a container is known by: the task's number and its own name, which are the same in answers and events, in all forms of ARNs."""
    arn = parse_arn(task.task_arn)
    return f"{arn.account}/{arn.region}/{arn.name}/{container.name}"


class Workload(NamedTuple):
    """What a revision of a task definition says of its tasks: the containers by their names, and the machine ("": any)."""

    containers: Mapping[str, WorkloadContainer]
    architecture: str


def workload_of(definition: Mapping[str, Any] | None, launch_type: str) -> Workload:
    """What a task definition says; nothing where there is none that can be read."""
    try:
        containers = containers_of(definition, launch_type) if definition else ()
    except HullmarkError:
        containers = ()  # then nobody told what is granted
    platform = (definition or {}).get("runtimePlatform")
    told = str(platform.get("cpuArchitecture", "")) if isinstance(platform, Mapping) else ""
    return Workload({container.name: container for container in containers}, _ARCHITECTURES.get(told.lower(), ""))


def running(task: Task, workload: Workload, tags: Mapping[str, str], now: datetime) -> Iterator[RunningContainer]:
    """The containers of a task that run. `tags` are those of its service, which its own come before. A container that was put into the task
    beside its definition (Service Connect's, GuardDuty's) is granted what nobody tells."""
    labels = {**tags, **{tag.key: tag.value for tag in task.tags if tag.key}}
    since = task.started_at or task.created_at
    for container in task.containers:
        if container.last_status == "RUNNING":
            yield RunningContainer(
                id=container_id(task, container),
                place=_place(task, container, workload.containers.get(container.name)),
                image=_image(container, _architecture(task) or workload.architecture),
                since=now if since is None else utc(since),
                isolation=_isolation(task, workload.containers.get(container.name)),
                labels=labels,
                node=parse_arn(task.container_instance_arn).name if task.container_instance_arn else "",
            )


def _place(task: Task, container: TaskContainer, described: WorkloadContainer | None) -> Place:
    cluster, service = parse_arn(task.cluster_arn), service_of(task)
    family = parse_arn(task.task_definition_arn).name.rpartition(":")[0]
    return Place(
        platform="ecs",
        cluster=cluster.name,
        namespace=f"{cluster.account}/{cluster.region}",
        workload=f"Service/{service}" if service else f"Task/{family}",
        container=container.name,
        kind=described.kind if described else "regular",
    )


def _image(container: TaskContainer, architecture: str) -> RunningImage:
    reference = container.image or ""
    digest = container.image_digest or reference.partition("@")[2]
    return RunningImage(reference=reference, digest=digest if is_digest(digest) else "", architecture=architecture)


def _architecture(task: Task) -> str:
    told = next((one.value for one in task.attributes if one.name == "ecs.cpu-architecture"), None)
    return _ARCHITECTURES.get((told or "").lower(), "")


def _isolation(task: Task, described: WorkloadContainer | None) -> Isolation:
    if described is not None:
        return described.isolation
    return _ON_FARGATE if task.launch == "FARGATE" else Isolation()
