"""Pod specs → what each container is granted, by the API's own defaults (Kubernetes 1.33, core/v1 PodSpec).

What the API leaves to the cluster is not known: seccomp (the kubelet's `seccompDefault`), AppArmor and SELinux where no field asks for
them, and the token where a ServiceAccount may withhold it. Pods run through no runtime class are taken to share the host's kernel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from hullmark.isolation.fields import Fields, InvalidWorkload, Section, lines_of
from hullmark.isolation.runtimes import boundary_of
from hullmark.isolation.spelling import RUNTIME_DEFAULT, UNCONFINED, capabilities, quantity, sorted_paths, whole
from hullmark.model.isolation import Boundary, ContainerKind, HostPath, Isolation, ResourceLimits, WorkloadContainer

HOST_PROCESS = "host-process"
"""The runtime of Windows's HostProcess containers."""
_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP = ("container.seccomp.security.alpha.kubernetes.io/", "seccomp.security.alpha.kubernetes.io/pod")
_READ_ONLY_VOLUMES = ("configMap", "secret", "downwardAPI", "projected", "image")
_PLAIN_RESOURCES = ("hugepages-", "requests.", "limits.")
_PROFILES = {"RuntimeDefault": RUNTIME_DEFAULT, "Unconfined": UNCONFINED}


class _Pod(NamedTuple):
    """What the containers of a pod share."""

    spec: Fields
    context: Fields
    annotations: Mapping[str, str]
    volumes: Mapping[str, Fields]
    runtime_class: str
    runtime: str
    boundary: Boundary


def containers_of(
    pod_spec: Mapping[str, object],
    *,
    annotations: Mapping[str, str],
    runtime_classes: Mapping[str, str] = {},
) -> tuple[WorkloadContainer, ...]:
    """The containers and image volumes of a pod, in the order in which they stand: init containers first, volumes last.

    `annotations` are the pod's own, `runtime_classes` the handler of each RuntimeClass of the cluster. Raises InvalidWorkload for what the
    API would not take.
    """
    spec = Fields(pod_spec, "spec")
    pod = _pod(spec, annotations, runtime_classes)
    return (
        *(_container(spec, pod, _init_kind(spec)) for spec in spec.parts("initContainers")),
        *(_container(part, pod, "regular") for part in spec.parts("containers")),
        *(_container(part, pod, "ephemeral") for part in spec.parts("ephemeralContainers")),
        *_image_volumes(spec),
    )


def _pod(spec: Fields, annotations: Mapping[str, str], runtime_classes: Mapping[str, str]) -> _Pod:
    runtime_class = spec.text("runtimeClassName")
    runtime = runtime_classes.get(runtime_class, "") if runtime_class else ""
    return _Pod(
        spec=spec,
        context=spec.part("securityContext"),
        annotations=annotations,
        volumes={volume.text("name"): volume for volume in spec.parts("volumes")},
        runtime_class=runtime_class,
        runtime=runtime,
        boundary=boundary_of(runtime) if runtime_class else "process",
    )


def _init_kind(container: Fields) -> ContainerKind:
    return "sidecar" if container.text("restartPolicy") == "Always" else "init"


def _image_volumes(spec: Fields) -> Iterator[WorkloadContainer]:
    for volume in spec.parts("volumes"):
        reference = volume.part("image").text("reference")
        if reference:
            yield WorkloadContainer(
                name=volume.text("name"), kind="volume", image=reference, line=volume.part("image").line("reference")
            )


def _container(container: Fields, pod: _Pod, kind: ContainerKind) -> WorkloadContainer:
    context = container.part("securityContext")
    return WorkloadContainer(
        name=container.text("name"),
        kind=kind,
        image=container.text("image"),
        isolation=_isolation(container, context, pod),
        line=container.line(),
        lines=_lines(container, context, pod) if isinstance(container.data, Section) else {},
    )


def _isolation(container: Fields, context: Fields, pod: _Pod) -> Isolation:
    is_host_process = _is_host_process(context, pod)
    privileged = is_host_process or bool(context.flag("privileged"))
    added = capabilities(context.part("capabilities").texts("add"))
    mounts = tuple(_mounts(container, pod))
    user = _first_number(context, pod.context, "runAsUser")
    return Isolation(
        runtime_class=pod.runtime_class,
        runtime=HOST_PROCESS if is_host_process else pod.runtime,
        boundary="process" if is_host_process else pod.boundary,
        privileged=privileged,
        capabilities_added=added,
        capabilities_dropped=capabilities(context.part("capabilities").texts("drop")),
        seccomp=UNCONFINED if privileged else _seccomp(container, context, pod),
        apparmor=UNCONFINED if privileged else _apparmor(container, context, pod),
        selinux=_selinux(context, pod),
        user_namespace=pod.spec.flag("hostUsers") is False,
        host_pid=pod.spec.flag("hostPID") or False,
        host_ipc=pod.spec.flag("hostIPC") or False,
        host_network=pod.spec.flag("hostNetwork") or False,
        host_paths=sorted_paths(mount.host for mount in mounts if mount.host is not None),
        devices=_devices(container),
        read_only_root=context.flag("readOnlyRootFilesystem") or False,
        writable_paths=tuple(sorted({mount.target for mount in mounts if mount.is_writable})),
        user=str(user) if user is not None else "",
        run_as_non_root=_first_flag(context, pod.context, "runAsNonRoot") or False,
        no_new_privileges=_no_new_privileges(context, privileged, added),
        unmasked_proc=privileged or _is_unmasked(context),
        service_account_token=_token(container, pod),
        limits=_limits(container),
        ports=_ports(container),
    )


def _first_flag(context: Fields, pod_context: Fields, name: str) -> bool | None:
    own = context.flag(name)
    return own if own is not None else pod_context.flag(name)


def _first_number(context: Fields, pod_context: Fields, name: str) -> int | None:
    own = context.number(name)
    return own if own is not None else pod_context.number(name)


def _is_host_process(context: Fields, pod: _Pod) -> bool:
    """Whether it is a HostProcess container of Windows, which is a process of the host."""
    options = "windowsOptions"
    return bool(_first_flag(context.part(options), pod.context.part(options), "hostProcess"))


def _no_new_privileges(context: Fields, privileged: bool, added: tuple[str, ...]) -> bool:
    """Whether no_new_privs is set: the API never sets it for privileged containers, nor for those with CAP_SYS_ADMIN."""
    is_kept = privileged or "SYS_ADMIN" in added or "ALL" in added
    return context.flag("allowPrivilegeEscalation") is False and not is_kept


def _is_unmasked(context: Fields) -> bool:
    kind = context.text("procMount")
    if kind not in ("", "Default", "Unmasked"):
        raise InvalidWorkload(f"{context.place}.procMount", "is neither Default nor Unmasked")
    return kind == "Unmasked"


def _profile(profile: Fields) -> str:
    """What `{type, localhostProfile}` asks for; "" where nothing does."""
    kind = profile.text("type")
    if kind == "Localhost":
        name = profile.text("localhostProfile")
        if not name:
            raise InvalidWorkload(f"{profile.place}.localhostProfile", "is missing")
        return f"localhost/{name}"
    if kind and kind not in _PROFILES:
        raise InvalidWorkload(f"{profile.place}.type", "is not RuntimeDefault, Localhost or Unconfined")
    return _PROFILES.get(kind, "")


def _seccomp(container: Fields, context: Fields, pod: _Pod) -> str:
    own = _profile(context.part("seccompProfile")) or _profile(pod.context.part("seccompProfile"))
    if own:
        return own
    # Since 1.27 these annotations ask for nothing any more: they are believed only where they say that there is no filter.
    names = (_SECCOMP[0] + container.text("name"), _SECCOMP[1])
    asked = next((pod.annotations[name] for name in names if name in pod.annotations), "")
    return UNCONFINED if asked == "unconfined" else ""


def _apparmor(container: Fields, context: Fields, pod: _Pod) -> str:
    own = _profile(context.part("appArmorProfile")) or _profile(pod.context.part("appArmorProfile"))
    asked = pod.annotations.get(_APPARMOR + container.text("name"), "")
    if own or not asked:
        return own
    is_profile = asked == UNCONFINED or (len(asked) > len("localhost/") and asked.startswith("localhost/"))
    return RUNTIME_DEFAULT if asked == "runtime/default" else asked if is_profile else ""


def _selinux(context: Fields, pod: _Pod) -> str:
    name = "seLinuxOptions"
    return context.part(name).text("type") if name in context else pod.context.part(name).text("type")


class _Mount(NamedTuple):
    """A volume as a container sees it."""

    target: str
    is_writable: bool
    host: HostPath | None


def _mounts(container: Fields, pod: _Pod) -> Iterator[_Mount]:
    for mount in container.parts("volumeMounts"):
        volume = pod.volumes.get(mount.text("name"))
        target, is_read_only = mount.text("mountPath"), mount.flag("readOnly") or False
        if volume is None:
            yield _Mount(target, not is_read_only, None)
            continue
        is_writable = not is_read_only and not any(kind in volume for kind in _READ_ONLY_VOLUMES)
        yield _Mount(target, is_writable, _host_path(volume, mount, target, is_read_only))


def _host_path(volume: Fields, mount: Fields, target: str, is_read_only: bool) -> HostPath | None:
    if "hostPath" not in volume:
        return None
    path, below = volume.part("hostPath").text("path"), mount.text("subPath").strip("/")
    if below and ".." not in below.split("/"):
        path = f"{path.rstrip('/')}/{below}"
    return HostPath(path=path or "/", target=target, read_only=is_read_only, volume=volume.text("name"))


def _devices(container: Fields) -> tuple[str, ...]:
    """The devices that a device plugin hands in (`nvidia.com/gpu`)."""
    resources = container.part("resources")
    names = {name for kind in ("limits", "requests") for name in resources.part(kind).names()}
    return tuple(sorted(name for name in names if "/" in name and not name.startswith(_PLAIN_RESOURCES)))


def _token(container: Fields, pod: _Pod) -> bool | None:
    """Whether a token of the service account is mounted; None where the ServiceAccount decides."""
    if any(_is_token(pod.volumes.get(mount.text("name"))) for mount in container.parts("volumeMounts")):
        return True
    return pod.spec.flag("automountServiceAccountToken")


def _is_token(volume: Fields | None) -> bool:
    if volume is None:
        return False
    return any("serviceAccountToken" in source for source in volume.part("projected").parts("sources"))


def _limits(container: Fields) -> ResourceLimits:
    limits = container.part("resources").part("limits")
    cpu = quantity(limits.scalar("cpu"))
    return ResourceLimits(
        memory=whole(quantity(limits.scalar("memory"))), cpu=whole(cpu * 1000) if cpu is not None else None
    )


def _ports(container: Fields) -> tuple[str, ...]:
    found = {
        f"{number}/{(port.text('protocol') or 'TCP').lower()}"
        for port in container.parts("ports")
        if (number := port.number("containerPort")) is not None
    }
    return tuple(sorted(found))


def _lines(container: Fields, context: Fields, pod: _Pod) -> dict[str, int]:
    """The line that each setting is told in, by the names of Isolation."""
    of_pod, drops = pod.context, context.part("capabilities")
    return lines_of(
        {
            "image": ((container, "image"),),
            "runtime_class": ((pod.spec, "runtimeClassName"),),
            "privileged": ((context, "privileged"), (context, "windowsOptions"), (of_pod, "windowsOptions")),
            "capabilities_added": ((drops, "add"),),
            "capabilities_dropped": ((drops, "drop"),),
            "seccomp": ((context, "seccompProfile"), (of_pod, "seccompProfile")),
            "apparmor": ((context, "appArmorProfile"), (of_pod, "appArmorProfile")),
            "selinux": ((context, "seLinuxOptions"), (of_pod, "seLinuxOptions")),
            "user_namespace": ((pod.spec, "hostUsers"),),
            "host_pid": ((pod.spec, "hostPID"),),
            "host_ipc": ((pod.spec, "hostIPC"),),
            "host_network": ((pod.spec, "hostNetwork"),),
            "host_paths": ((container, "volumeMounts"),),
            "devices": ((container, "resources"),),
            "read_only_root": ((context, "readOnlyRootFilesystem"),),
            "writable_paths": ((container, "volumeMounts"),),
            "user": ((context, "runAsUser"), (of_pod, "runAsUser")),
            "run_as_non_root": ((context, "runAsNonRoot"), (of_pod, "runAsNonRoot")),
            "no_new_privileges": ((context, "allowPrivilegeEscalation"),),
            "unmasked_proc": ((context, "procMount"),),
            "service_account_token": ((pod.spec, "automountServiceAccountToken"),),
            "limits": ((container, "resources"),),
            "ports": ((container, "ports"),),
        }
    )
