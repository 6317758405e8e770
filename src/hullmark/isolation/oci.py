"""A bundle's settings (OCI runtime specification 1.1, config.json) → what a container is granted.

It is what the runtime was told in the end, whoever asked for it; what the engine itself was asked for adds what the bundle cannot tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hullmark.isolation.fields import Fields
from hullmark.isolation.runtimes import boundary_of
from hullmark.isolation.spelling import RUNTIME_DEFAULT, UNCONFINED, profile_name
from hullmark.model.isolation import HostPath, Isolation, ResourceLimits

DEFAULT_CAPABILITIES = frozenset(
    (
        *("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW"),
        *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT", "AUDIT_WRITE"),
    )
)
"""What containerd, Docker and CRI leave a container that asks for nothing else."""
_NODE = 2
_LOCALHOST = 2


def isolation_of(
    bundle: Mapping[str, object],
    asked: Mapping[str, object],
    runtime: str,
    handler: str = "",
    host_paths: Iterable[HostPath] = (),
) -> Isolation:
    """What a container is granted, of its bundle, and of what its engine was asked for (CRI's ContainerConfig as JSON; {}: not told).

    `runtime` is the engine's name of the runtime, `handler` Kubernetes's. Raises InvalidWorkload for what no engine writes.
    """
    spec, context = Fields(bundle, "bundle"), Fields(asked, "config").part("linux").part("security_context")
    process, linux = spec.part("process"), spec.part("linux")
    is_told = "process" in spec and "linux" in spec
    privileged = context.flag("privileged")
    if privileged is None and asked:
        privileged = False  # a false flag is left out of CRI's JSON
    added, dropped = _capabilities(process)
    return Isolation(
        runtime_class=handler,
        runtime=runtime,
        boundary=boundary_of(runtime),
        privileged=privileged,
        capabilities_added=added,
        capabilities_dropped=dropped,
        seccomp=_seccomp(linux, context) if is_told else "",
        apparmor=_apparmor(process, privileged=privileged),
        selinux=_selinux(process),
        user_namespace=_has_namespace(linux, "user"),
        host_pid=_host_namespace(linux, context, "pid"),
        host_ipc=_host_namespace(linux, context, "ipc"),
        host_network=_host_namespace(linux, context, "network"),
        host_paths=tuple(sorted(host_paths)),
        devices=tuple(sorted({device.text("path") for device in linux.parts("devices")} - {""})),
        read_only_root=spec.part("root").flag("readonly") or False if "root" in spec else None,
        writable_paths=tuple(sorted(_writable(spec))),
        user=process.part("user").scalar("uid") if is_told else "",
        no_new_privileges=process.flag("noNewPrivileges") or False if is_told else None,
        unmasked_proc=not linux.entries("maskedPaths") if is_told else None,
        limits=_limits(linux.part("resources")),
    )


def _capabilities(process: Fields) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What was added to what engines leave by default, and what was dropped of it."""
    if "capabilities" not in process:
        return (), ()
    bounding = {name.removeprefix("CAP_") for name in process.part("capabilities").texts("bounding")}
    if not bounding:
        return (), ("ALL",)
    return tuple(sorted(bounding - DEFAULT_CAPABILITIES)), tuple(sorted(DEFAULT_CAPABILITIES - bounding))


def _seccomp(linux: Fields, context: Fields) -> str:
    if "seccomp" not in linux:
        return UNCONFINED
    if "seccomp" not in context:
        return RUNTIME_DEFAULT if not context.data else "custom"
    asked = context.part("seccomp")
    return asked.text("localhost_ref") if asked.number("profile_type") == _LOCALHOST else RUNTIME_DEFAULT


def _apparmor(process: Fields, *, privileged: bool | None) -> str:
    told = process.text("apparmorProfile")
    if told == "cri-containerd.apparmor.d":
        return RUNTIME_DEFAULT
    return profile_name(told) if told else (UNCONFINED if privileged else "")


def _selinux(process: Fields) -> str:
    label = process.text("selinuxLabel").split(":")
    return label[2] if len(label) > 2 else ""


def _has_namespace(linux: Fields, kind: str) -> bool | None:
    if "namespaces" not in linux:
        return None
    return any(namespace.text("type") == kind for namespace in linux.parts("namespaces"))


def _host_namespace(linux: Fields, context: Fields, kind: str) -> bool | None:
    """Whether it shares this namespace with the host: as asked for; else it does where it has none, and one with a path may be anyone's."""
    if "namespace_options" in context:
        return context.part("namespace_options").number(kind) == _NODE
    if "namespaces" not in linux:
        return None
    own = [namespace for namespace in linux.parts("namespaces") if namespace.text("type") == kind]
    if not own:
        return True
    return None if own[0].text("path") else False


def _writable(spec: Fields) -> set[str]:
    return {
        mount.text("destination")
        for mount in spec.parts("mounts")
        if mount.text("type") in ("bind", "tmpfs")
        and "ro" not in mount.texts("options")
        and not mount.text("destination").startswith(("/dev", "/sys", "/proc"))
    }


def _limits(resources: Fields) -> ResourceLimits:
    memory, pids = resources.part("memory").number("limit") or 0, resources.part("pids").number("limit") or 0
    quota, period = resources.part("cpu").number("quota") or 0, resources.part("cpu").number("period") or 0
    return ResourceLimits(
        memory=memory if memory > 0 else None,
        cpu=1000 * quota // (period or 100_000) if quota > 0 else None,
        pids=pids if pids > 0 else None,
    )
