"""`docker inspect`, `podman inspect` and the engine's `/info` → what a container is granted.

Docker: Engine API 1.45, ContainerInspect and SystemInfo. podman: the same API, and its own `podman inspect`, which also tells the
capabilities that came of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from hullmark.isolation.fields import Fields, InvalidWorkload, Section, lines_of
from hullmark.isolation.runtimes import boundary_of
from hullmark.isolation.spelling import (
    ENGINE_CAPABILITIES,
    NAMESPACED,
    RUNTIME_DEFAULT,
    UNCONFINED,
    bound_device,
    capabilities,
    no_new_privileges,
    profile_name,
    security_options,
    selinux_of,
    sorted_paths,
)
from hullmark.model.isolation import Boundary, HostPath, Isolation, ResourceLimits, WorkloadContainer

_ALLOWING = ("SCMP_ACT_ALLOW", "SCMP_ACT_LOG")


def isolation_of(inspect: Mapping[str, object], info: Mapping[str, object]) -> Isolation:
    """What a container is granted, of what an engine says of it and of itself; `info` {}: the engine was not asked.

    Raises InvalidWorkload for what no engine answers.
    """
    container, engine = Fields(inspect, "container"), Fields(info, "info")
    host = container.part("HostConfig")
    given, defaults = security_options(host.texts("SecurityOpt")), _of_engine(engine)
    privileged = host.flag("Privileged")
    runtime = _runtime(container, host, engine)
    mounts = tuple(_mounts(container, host))
    added, dropped = _capabilities(container, host)
    return Isolation(
        runtime=runtime,
        boundary=_boundary(runtime, engine),
        privileged=privileged,
        capabilities_added=added,
        capabilities_dropped=dropped,
        seccomp=UNCONFINED if privileged else _seccomp(given, defaults),
        apparmor=_apparmor(container, given),
        selinux=_selinux(container, given),
        user_namespace=_user_namespace(host, defaults),
        host_pid=_is_host(host, "PidMode"),
        host_ipc=_is_host(host, "IpcMode"),
        host_network=_is_host(host, "NetworkMode"),
        host_paths=sorted_paths(mount for mount, is_of_host in mounts if is_of_host),
        devices=_devices(host),
        read_only_root=host.flag("ReadonlyRootfs"),
        writable_paths=tuple(sorted(_writable(mounts, host))),
        user=_user(container),
        no_new_privileges=_no_new_privileges(given, defaults, host),
        unmasked_proc=_is_proc_open(host, given, privileged),
        limits=_limits(host),
        ports=tuple(sorted(host.part("PortBindings").names())),
    )


def containers_of(inspects: Iterable[object], info: Mapping[str, object] = {}) -> tuple[WorkloadContainer, ...]:
    """The containers of what `docker inspect` or `podman inspect` print: a list of them. Raises InvalidWorkload."""
    found = []
    for index, inspect in enumerate(inspects):
        if not isinstance(inspect, Mapping):
            raise InvalidWorkload(f"container {index + 1}", "is not a mapping")
        container = Fields(inspect, f"container {index + 1}")
        found.append(
            WorkloadContainer(
                name=container.text("Name").removeprefix("/") or container.text("Id")[:12],
                image=container.part("Config").text("Image") or container.text("ImageName") or container.text("Image"),
                isolation=isolation_of(inspect, info),
                line=container.line(),
                lines=_lines(container),
            )
        )
    return tuple(found)


def _capabilities(container: Fields, host: Fields) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is added and dropped. Where podman was asked to drop ALL it names each one; its bounding set then holds what was added again."""
    added, dropped = capabilities(host.texts("CapAdd")), capabilities(host.texts("CapDrop"))
    if "BoundingCaps" in container.data and dropped:
        bounding = capabilities(container.texts("BoundingCaps"))
        if not ENGINE_CAPABILITIES.intersection(bounding) - {"NET_BIND_SERVICE"}:
            return bounding, ("ALL",)
    return added, ("ALL",) if ENGINE_CAPABILITIES.issubset(dropped) else dropped


def _of_engine(engine: Fields) -> dict[str, str]:
    """The engine's security options, with the seccomp profile that it has by default: `name=seccomp,profile=builtin`."""
    found = {}
    for option in engine.texts("SecurityOptions"):
        words = dict(word.partition("=")[::2] for word in option.split(","))
        found[words.get("name", option)] = words.get("profile", "")
    return found


def _is_host(host: Fields, name: str) -> bool | None:
    return host.text(name) == "host" if name in host else None


def _runtime(container: Fields, host: Fields, engine: Fields) -> str:
    """podman tells the runtime as `OCIRuntime`; its `HostConfig.Runtime` is `oci` whatever it is."""
    own = container.text("OCIRuntime") or host.text("Runtime")
    return own if own not in ("", "oci") else engine.text("DefaultRuntime")


def _boundary(runtime: str, engine: Fields) -> Boundary:
    """By the program or shim that the engine starts where it tells it, else by the runtime's name."""
    known = engine.part("Runtimes").part(runtime) if runtime else Fields({}, "")
    return boundary_of(known.text("path") or known.text("runtimeType") or runtime)


def _seccomp(given: Mapping[str, list[str]], defaults: Mapping[str, str]) -> str:
    if "seccomp" in given:
        return _seccomp_name(given["seccomp"][-1])
    if "seccomp" in defaults:
        return _seccomp_name(defaults["seccomp"] or "builtin")
    return ""


def _seccomp_name(text: str) -> str:
    """The profile's name. Docker keeps the whole profile as JSON where a file was named."""
    if text in ("builtin", "default"):
        return RUNTIME_DEFAULT
    if not text.startswith("{"):
        return text
    try:
        profile = msgspec.json.decode(text, type=dict[str, object])
    except (msgspec.MsgspecError, RecursionError):
        return ""
    action, rules = profile.get("defaultAction"), profile.get("syscalls")
    if action not in _ALLOWING:
        return "custom"
    return "custom (allows what it does not name)" if rules else UNCONFINED


def _apparmor(container: Fields, given: Mapping[str, list[str]]) -> str:
    """The profile that is in force; where none is told although one was asked for, the host has no AppArmor."""
    told = container.text("AppArmorProfile")
    if not told and UNCONFINED in given.get("apparmor", ()):
        return UNCONFINED
    return profile_name(told)


def _selinux(container: Fields, given: Mapping[str, list[str]]) -> str:
    """The type of the label that is in force (`user:role:type:level`), else what was asked for."""
    label = container.text("ProcessLabel").split(":")
    return label[2] if len(label) > 2 else selinux_of(given)


def _user_namespace(host: Fields, defaults: Mapping[str, str]) -> bool | None:
    """Whether root in the container is nobody on the host. In an engine without root everything is in its user namespace."""
    mode = host.text("UsernsMode").partition(":")[0]
    if "rootless" in defaults or mode in NAMESPACED:
        return True
    if mode == "host":
        return False
    return "userns" in defaults if defaults else None


def _no_new_privileges(given: Mapping[str, list[str]], defaults: Mapping[str, str], host: Fields) -> bool | None:
    own = no_new_privileges(given)
    if own is not None:
        return own
    if defaults:
        return "no-new-privileges" in defaults
    return False if "SecurityOpt" in host else None


def _is_proc_open(host: Fields, given: Mapping[str, list[str]], privileged: bool | None) -> bool | None:
    """Whether all of /proc can be written or read: Docker tells the masked paths, podman what was asked for."""
    if privileged or "unmask" in given or UNCONFINED in given.get("systempaths", ()):
        return True
    if "MaskedPaths" in host:
        return not (host.entries("MaskedPaths") and host.entries("ReadonlyPaths"))
    return None if privileged is None else False


def _mounts(container: Fields, host: Fields) -> Iterator[tuple[HostPath, bool]]:
    """What is mounted, and whether it is a path of the host; a volume is the engine's, unless its driver was told to bind one."""
    for wanted in host.parts("Mounts"):
        device = bound_device(wanted.part("VolumeOptions").part("DriverConfig").part("Options"))
        if device:
            yield HostPath(path=device, target=wanted.text("Target"), read_only=bool(wanted.flag("ReadOnly"))), True
    if "Mounts" in container:
        for mount in container.parts("Mounts"):
            kind = mount.text("Type")
            source = HostPath(
                path=mount.text("Source"), target=mount.text("Destination"), read_only=mount.flag("RW") is False
            )
            yield source, kind == "bind" or (not kind and source.path.startswith("/"))
        return
    for bind in host.texts("Binds"):
        path, _, rest = bind.partition(":")
        target, _, options = rest.partition(":")
        yield HostPath(path=path, target=target, read_only="ro" in options.split(",")), path.startswith("/")


def _writable(mounts: Iterable[tuple[HostPath, bool]], host: Fields) -> set[str]:
    tmpfs = {path for path in host.part("Tmpfs").names() if "ro" not in host.part("Tmpfs").text(path).split(",")}
    return tmpfs | {mount.target for mount, _ in mounts if not mount.read_only}


def _devices(host: Fields) -> tuple[str, ...]:
    """Devices of the host; what a driver is asked for (`--gpus`), and rules that open whole kinds of devices."""
    paths = {device.text("PathOnHost") for device in host.parts("Devices")}
    drivers = {request.text("Driver") or "gpu" for request in host.parts("DeviceRequests")}
    return tuple(sorted(paths | drivers | set(host.texts("DeviceCgroupRules"))))


def _user(container: Fields) -> str:
    """Who the first process runs as: the engine tells what came of the image and the request; nobody named is root."""
    if "Config" not in container:
        return ""
    return container.part("Config").text("User").partition(":")[0] or "0"


def _limits(host: Fields) -> ResourceLimits:
    memory, pids = host.number("Memory") or 0, host.number("PidsLimit") or 0
    nano, quota, period = (host.number(name) or 0 for name in ("NanoCpus", "CpuQuota", "CpuPeriod"))
    cpu = nano // 1_000_000 if nano > 0 else 1000 * quota // (period or 100_000) if quota > 0 else 0
    return ResourceLimits(
        memory=memory if memory > 0 else None, cpu=cpu if cpu > 0 else None, pids=pids if pids > 0 else None
    )


def _lines(container: Fields) -> dict[str, int]:
    """The line that each setting is told in, by the names of Isolation."""
    if not isinstance(container.data, Section):
        return {}
    host, config = container.part("HostConfig"), container.part("Config")
    options = (host, "SecurityOpt")
    return lines_of(
        {
            "image": ((config, "Image"), (container, "ImageName"), (container, "Image")),
            "runtime": ((container, "OCIRuntime"), (host, "Runtime")),
            "privileged": ((host, "Privileged"),),
            "capabilities_added": ((host, "CapAdd"),),
            "capabilities_dropped": ((host, "CapDrop"),),
            "seccomp": (options,),
            "apparmor": ((container, "AppArmorProfile"), options),
            "selinux": ((container, "ProcessLabel"), options),
            "user_namespace": ((host, "UsernsMode"),),
            "host_pid": ((host, "PidMode"),),
            "host_ipc": ((host, "IpcMode"),),
            "host_network": ((host, "NetworkMode"),),
            "host_paths": ((container, "Mounts"), (host, "Binds")),
            "devices": ((host, "Devices"), (host, "DeviceCgroupRules")),
            "read_only_root": ((host, "ReadonlyRootfs"),),
            "writable_paths": ((container, "Mounts"), (host, "Tmpfs")),
            "user": ((config, "User"),),
            "no_new_privileges": (options,),
            "unmasked_proc": ((host, "MaskedPaths"), options),
            "limits": ((host, "Memory"),),
            "ports": ((host, "PortBindings"),),
        }
    )
