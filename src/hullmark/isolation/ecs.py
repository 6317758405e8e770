"""ECS task definitions → what each container is granted (DescribeTaskDefinition, API of 2014-11-13, names in camelCase).

On Fargate each task has a virtual machine of its own, and AWS refuses what would reach around it. ECS has no word for seccomp: on EC2 it
is what the instance's engine does, which nobody tells; user namespaces are taken to be off, as ECS's own instances have them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from hullmark.isolation.fields import Fields, Section, lines_of
from hullmark.isolation.spelling import (
    UNCONFINED,
    bound_device,
    capabilities,
    no_new_privileges,
    profile_name,
    security_options,
    selinux_of,
    sorted_paths,
)
from hullmark.model.isolation import HostPath, Isolation, ResourceLimits, WorkloadContainer

_FARGATE = "FARGATE"
_AT_THE_END = ("COMPLETE", "SUCCESS")


def containers_of(task_definition: Mapping[str, object], launch_type: str) -> tuple[WorkloadContainer, ...]:
    """The containers of a task definition, in the order in which they stand.

    `launch_type` is FARGATE, EC2 or EXTERNAL; "": what the definition requires, if that is one. Raises InvalidWorkload.
    """
    task = Fields(task_definition, "task definition")
    started_by = launch_type.upper() or _find_launch_type(task)
    containers = tuple(task.parts("containerDefinitions"))
    awaited = {
        dependency.text("containerName")
        for container in containers
        for dependency in container.parts("dependsOn")
        if dependency.text("condition") in _AT_THE_END
    }
    return tuple(
        WorkloadContainer(
            name=container.text("name"),
            kind="init" if container.text("name") in awaited else "regular",
            image=container.text("image"),
            isolation=_isolation(container, task, started_by),
            line=container.line(),
            lines=_lines(container, task),
        )
        for container in containers
    )


def _find_launch_type(task: Fields) -> str:
    """The launch type that a definition is made for; "" where it allows several."""
    required = set(task.texts("requiresCompatibilities"))
    return required.pop() if len(required) == 1 else ""


def _isolation(container: Fields, task: Fields, launch_type: str) -> Isolation:
    linux = container.part("linuxParameters")
    given = security_options(container.texts("dockerSecurityOptions"))
    privileged = container.flag("privileged") or False
    mounts = tuple(_mounts(container, task, linux))
    return Isolation(
        runtime="fargate" if launch_type == _FARGATE else "",
        boundary="vm" if launch_type == _FARGATE else "process" if launch_type else "unknown",
        privileged=privileged,
        capabilities_added=capabilities(linux.part("capabilities").texts("add")),
        capabilities_dropped=capabilities(linux.part("capabilities").texts("drop")),
        seccomp=UNCONFINED if privileged else "",
        apparmor=profile_name(given["apparmor"][-1]) if "apparmor" in given else "",
        selinux=selinux_of(given),
        user_namespace=False,
        host_pid=task.text("pidMode") == "host",
        host_ipc=task.text("ipcMode") == "host",
        host_network=task.text("networkMode") == "host",
        host_paths=sorted_paths(mount.host for mount in mounts if mount.host is not None),
        devices=tuple(sorted({device.text("hostPath") for device in linux.parts("devices")})),
        read_only_root=container.flag("readonlyRootFilesystem") or False,
        writable_paths=tuple(sorted({mount.target for mount in mounts if mount.is_writable})),
        user=container.text("user").partition(":")[0],
        no_new_privileges=no_new_privileges(given) or False,
        unmasked_proc=privileged,
        limits=_limits(container, task),
        ports=_ports(container),
    )


class _Mount(NamedTuple):
    """A volume as a container sees it."""

    target: str
    is_writable: bool
    host: HostPath | None


def _mounts(container: Fields, task: Fields, linux: Fields) -> Iterator[_Mount]:
    sources = {volume.text("name"): _source(volume) for volume in task.parts("volumes")}
    for mount in container.parts("mountPoints"):
        target, is_read_only = mount.text("containerPath"), mount.flag("readOnly") or False
        path = sources.get(mount.text("sourceVolume"), "")
        volume = mount.text("sourceVolume")
        host = HostPath(path=path, target=target, read_only=is_read_only, volume=volume) if path else None
        yield _Mount(target, not is_read_only, host)
    for mount in linux.parts("tmpfs"):
        yield _Mount(mount.text("containerPath"), "ro" not in mount.texts("mountOptions"), None)


def _source(volume: Fields) -> str:
    """The path of the host that a volume stands for; "": none."""
    own = volume.part("host").text("sourcePath")
    return own or bound_device(volume.part("dockerVolumeConfiguration").part("driverOpts"))


def _limits(container: Fields, task: Fields) -> ResourceLimits:
    """The container's own limits in MiB, else the task's; CPU units are shares, which bound nothing, but for the task's."""
    memory = container.number("memory")
    of_task = task.scalar("memory")
    if memory is None and of_task.isdecimal() and len(of_task) < 10:
        memory = int(of_task)
    cpu = task.scalar("cpu")
    return ResourceLimits(
        memory=memory << 20 if memory is not None and 0 < memory < 1 << 40 else None,
        cpu=int(cpu) * 1000 // 1024 if cpu.isdecimal() and len(cpu) < 10 else None,
    )


def _ports(container: Fields) -> tuple[str, ...]:
    found = {
        f"{number}/{port.text('protocol') or 'tcp'}"
        for port in container.parts("portMappings")
        if (number := port.number("containerPort")) is not None
    }
    return tuple(sorted(found))


def _lines(container: Fields, task: Fields) -> dict[str, int]:
    """The line that each setting is told in, by the names of Isolation."""
    if not isinstance(container.data, Section):
        return {}
    linux = container.part("linuxParameters")
    options = (container, "dockerSecurityOptions")
    return lines_of(
        {
            "image": ((container, "image"),),
            "runtime": ((task, "requiresCompatibilities"),),
            "privileged": ((container, "privileged"),),
            "capabilities_added": ((linux.part("capabilities"), "add"),),
            "capabilities_dropped": ((linux.part("capabilities"), "drop"),),
            "apparmor": (options,),
            "selinux": (options,),
            "host_pid": ((task, "pidMode"),),
            "host_ipc": ((task, "ipcMode"),),
            "host_network": ((task, "networkMode"),),
            "host_paths": ((container, "mountPoints"),),
            "devices": ((linux, "devices"),),
            "read_only_root": ((container, "readonlyRootFilesystem"),),
            "writable_paths": ((container, "mountPoints"),),
            "user": ((container, "user"),),
            "no_new_privileges": (options,),
            "limits": ((container, "memory"), (task, "memory")),
            "ports": ((container, "portMappings"),),
        }
    )
