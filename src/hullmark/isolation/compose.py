"""Compose files → what each service's containers are granted (the Compose specification, as of 2025).

A file says nothing of the engine: seccomp and AppArmor are not told unless the file changes them; other runtimes and user namespaces are
what few engines have by default, so that a file that names none is taken to get none. Variables (`${X}`) are not replaced, since
their values are the environment's: a flag that is one is not known, and what grants rights may not hold one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from hullmark.isolation.fields import Fields, InvalidWorkload, Section, lines_of
from hullmark.isolation.runtimes import boundary_of
from hullmark.isolation.spelling import (
    NAMESPACED,
    RUNTIME_DEFAULT,
    UNCONFINED,
    bound_device,
    capabilities,
    no_new_privileges,
    profile_name,
    quantity,
    security_options,
    selinux_of,
    size,
    sorted_paths,
    whole,
)
from hullmark.model.isolation import HostPath, Isolation, ResourceLimits, WorkloadContainer

API_SOCKET = "use_api_socket"
HANDED_IN = ("secrets", "configs")
"""Keys of a service that mount something of the host, besides `volumes`; what they mount goes by these names."""
_SOCKET = "/var/run/docker.sock"
_ELSEWHERE = ("extends", "volumes_from")


def containers_of(compose: Mapping[str, object]) -> tuple[WorkloadContainer, ...]:
    """The services of a compose file, in the order in which they stand; `image` "": it is built, and has no name.

    Raises InvalidWorkload for what compose would not take, and where another file or a variable decides.
    """
    document = Fields(compose, "compose file")
    if "include" in document:
        raise _resolved_elsewhere("include", "names other files")
    services = document.part("services")
    found = []
    for name in services.names():
        service = services.part(name)
        for word in _ELSEWHERE:
            if word in service:
                raise _resolved_elsewhere(f"{service.place}.{word}", "takes settings from elsewhere")
        found.append(
            WorkloadContainer(
                name=name,
                image=service.text("image"),
                isolation=_isolation(service, document),
                line=services.line(name),
                lines=_lines(service),
            )
        )
    return tuple(found)


def _resolved_elsewhere(place: str, reason: str) -> InvalidWorkload:
    error = InvalidWorkload(place, reason)
    error.advice = "hand over what `docker compose config` prints: there everything is in its place"
    return error


def _isolation(service: Fields, document: Fields) -> Isolation:
    given = security_options(_plain_texts(service, "security_opt"))
    privileged = _flag(service, "privileged")
    runtime = _plain(service, "runtime")
    mounts = (*_mounts(service, document.part("volumes")), *_tmpfs(service), *_handed_in(service, document))
    return Isolation(
        runtime=runtime,
        boundary=boundary_of(runtime) if runtime else "process",
        privileged=privileged,
        capabilities_added=capabilities(_plain_texts(service, "cap_add")),
        capabilities_dropped=capabilities(_plain_texts(service, "cap_drop")),
        seccomp=UNCONFINED if privileged else _seccomp(given),
        apparmor=profile_name(given["apparmor"][-1]) if "apparmor" in given else "",
        selinux=selinux_of(given),
        user_namespace=_plain(service, "userns_mode").partition(":")[0] in NAMESPACED,
        host_pid=_plain(service, "pid") == "host",
        host_ipc=_plain(service, "ipc") == "host",
        host_network=_plain(service, "network_mode") == "host",
        host_paths=sorted_paths(mount.host for mount in mounts if mount.host is not None),
        devices=_devices(service),
        read_only_root=_flag(service, "read_only"),
        writable_paths=tuple(sorted({mount.target for mount in mounts if mount.is_writable})),
        user=_user(service),
        no_new_privileges=no_new_privileges(given) or False,
        unmasked_proc=None if privileged is None else privileged or UNCONFINED in given.get("systempaths", ()),
        limits=_limits(service),
        ports=_ports(service),
    )


def _flag(service: Fields, name: str) -> bool | None:
    """A flag, which compose also takes as a text; None where a variable decides."""
    value = service.data.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if isinstance(value, str) and "$" in value:
        return None
    raise InvalidWorkload(f"{service.place}.{name}", "is not true or false")


def _plain(service: Fields, name: str) -> str:
    return _without_variables(service, name, service.scalar(name))


def _plain_texts(service: Fields, name: str) -> tuple[str, ...]:
    return tuple(_without_variables(service, name, text) for text in service.texts(name))


def _without_variables(service: Fields, name: str, text: str) -> str:
    if "$" in text.replace("$$", ""):
        raise _resolved_elsewhere(f"{service.place}.{name}", "holds a variable")
    return text


def _user(service: Fields) -> str:
    text = service.scalar("user").partition(":")[0]
    return "" if "$" in text else text


def _seccomp(given: Mapping[str, list[str]]) -> str:
    name = given["seccomp"][-1] if "seccomp" in given else ""
    return RUNTIME_DEFAULT if name in ("builtin", "default") else name


class _Mount(NamedTuple):
    """A volume as a container sees it."""

    target: str
    is_writable: bool
    host: HostPath | None


def _mounts(service: Fields, volumes: Fields) -> Iterator[_Mount]:
    for index, entry in enumerate(service.entries("volumes")):
        place = f"{service.place}.volumes[{index}]"
        if isinstance(entry, str):
            yield _short_mount(entry, volumes)
        elif isinstance(entry, Mapping):
            yield _long_mount(Fields(entry, place), volumes)
        else:
            raise InvalidWorkload(place, "is neither a text nor a mapping")


def _short_mount(text: str, volumes: Fields) -> _Mount:
    """`[SOURCE:]TARGET[:OPTIONS]`; a source with a path's beginning is one of the host, and one with a variable may be."""
    parts = _split(text)
    if len(parts) == 1:
        return _Mount(parts[0], True, None)
    options = parts[2].split(",") if len(parts) > 2 else []
    return _mount(parts[0], parts[1], "ro" in options, volumes)


def _split(text: str) -> list[str]:
    """The parts between colons, but for those inside of `${…}`."""
    parts, depth = [""], 0
    for index, char in enumerate(text):
        depth += (text[index : index + 2] == "${") - (char == "}" and depth > 0)
        if char == ":" and not depth:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def _long_mount(mount: Fields, volumes: Fields) -> _Mount:
    kind, target, is_read_only = mount.text("type"), mount.text("target"), bool(_flag(mount, "read_only"))
    if kind == "bind":
        return _Mount(
            target, not is_read_only, HostPath(path=mount.text("source"), target=target, read_only=is_read_only)
        )
    return _mount(mount.text("source"), target, is_read_only, volumes)


def _mount(source: str, target: str, is_read_only: bool, volumes: Fields) -> _Mount:
    path = source if source.startswith(("/", ".", "~")) or "$" in source else _bound_path(source, volumes)
    host = HostPath(path=path, target=target, read_only=is_read_only) if path else None
    return _Mount(target, not is_read_only, host)


def _bound_path(name: str, volumes: Fields) -> str:
    """The path of the host that a named volume stands for; "": none."""
    return bound_device(volumes.part(name).part("driver_opts"))


def _handed_in(service: Fields, document: Fields) -> Iterator[_Mount]:
    """What else of the host is mounted: files behind secrets and configs, and the engine's socket."""
    if _flag(service, "use_api_socket") is not False:
        yield _Mount("", False, HostPath(path=_SOCKET, target=_SOCKET, volume=API_SOCKET))
    for kind in HANDED_IN:
        for index, entry in enumerate(service.entries(kind)):
            place = f"{service.place}.{kind}[{index}]"
            name = (
                entry
                if isinstance(entry, str)
                else Fields(entry, place).text("source")
                if isinstance(entry, Mapping)
                else ""
            )
            path = document.part(kind).part(name).text("file")
            if path:
                yield _Mount("", False, HostPath(path=path, target=f"/run/secrets/{name}", read_only=True, volume=kind))


def _tmpfs(service: Fields) -> Iterator[_Mount]:
    value = service.data.get("tmpfs")
    texts = (value,) if isinstance(value, str) else service.texts("tmpfs")
    for text in texts:
        path, _, options = text.partition(":")
        yield _Mount(path, "ro" not in options.split(","), None)


def _devices(service: Fields) -> tuple[str, ...]:
    """Devices of the host (`HOST:CONTAINER:RIGHTS`, or a mapping), rules that open whole kinds of them, and `gpus`."""
    found = set(_plain_texts(service, "device_cgroup_rules"))
    for index, entry in enumerate(service.entries("devices")):
        place = f"{service.place}.devices[{index}]"
        if isinstance(entry, str):
            found.add(_without_variables(service, "devices", entry).partition(":")[0])
        elif isinstance(entry, Mapping):
            found.add(_without_variables(service, "devices", Fields(entry, place).text("source")))
        else:
            raise InvalidWorkload(place, "is neither a text nor a mapping")
    reserved = service.part("deploy").part("resources").part("reservations").parts("devices")
    found |= {device.text("driver") or "gpu" for device in reserved}
    return tuple(sorted(found | ({"gpu"} if "gpus" in service else set())))


def _limits(service: Fields) -> ResourceLimits:
    limits = service.part("deploy").part("resources").part("limits")
    cpu = quantity(limits.scalar("cpus") or service.scalar("cpus"))
    pids = limits.scalar("pids") or service.scalar("pids_limit")
    return ResourceLimits(
        memory=size(limits.scalar("memory") or service.scalar("mem_limit")) or None,
        cpu=whole(cpu * 1000) or None if cpu is not None else None,
        pids=int(pids) or None if pids.isdecimal() and len(pids) < 10 else None,
    )


def _ports(service: Fields) -> tuple[str, ...]:
    """The containers' ports that are published: `[[IP:]HOST:]CONTAINER[/PROTOCOL]`, or a mapping."""
    found = set()
    for index, entry in enumerate(service.entries("ports")):
        if isinstance(entry, Mapping):
            port = Fields(entry, f"{service.place}.ports[{index}]")
            found.add(f"{port.scalar('target')}/{port.text('protocol') or 'tcp'}")
        elif isinstance(entry, str | int) and not isinstance(entry, bool):
            number, _, protocol = _split(str(entry))[-1].partition("/")
            found.add(f"{number}/{protocol or 'tcp'}")
    return tuple(sorted(found))


def _lines(service: Fields) -> dict[str, int]:
    """The line that each setting is told in, by the names of Isolation."""
    if not isinstance(service.data, Section):
        return {}
    options = (service, "security_opt")
    return lines_of(
        {
            "image": ((service, "image"),),
            "runtime": ((service, "runtime"),),
            "privileged": ((service, "privileged"),),
            "capabilities_added": ((service, "cap_add"),),
            "capabilities_dropped": ((service, "cap_drop"),),
            "seccomp": (options,),
            "apparmor": (options,),
            "selinux": (options,),
            "user_namespace": ((service, "userns_mode"),),
            "host_pid": ((service, "pid"),),
            "host_ipc": ((service, "ipc"),),
            "host_network": ((service, "network_mode"),),
            "host_paths": ((service, "volumes"),),
            "devices": ((service, "devices"), (service, "device_cgroup_rules")),
            "read_only_root": ((service, "read_only"),),
            "writable_paths": ((service, "volumes"), (service, "tmpfs")),
            "user": ((service, "user"),),
            "no_new_privileges": (options,),
            "unmasked_proc": (options,),
            "limits": ((service, "deploy"), (service, "mem_limit")),
            "ports": ((service, "ports"),),
        }
    )
