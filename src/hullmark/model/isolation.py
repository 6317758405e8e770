"""What a workload is granted: how a container is isolated from its host, according to its manifest or its engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

Grade = Literal["host", "default", "hardened", "sandboxed", "vm"]
"""How well a container is kept apart, each better than the one before: hardly at all (it can take over the host by itself); as engines do
by default; with what the kernel offers besides; a kernel of its own in user space (gVisor); a virtual machine (Kata, Fargate)."""

GRADES: tuple[Grade, ...] = ("host", "default", "hardened", "sandboxed", "vm")

Boundary = Literal["process", "sandbox", "vm", "unknown"]
"""What stands between a container and the host's kernel: nothing but the kernel itself, a user-space kernel, a virtual machine."""

ContainerKind = Literal["regular", "init", "sidecar", "ephemeral", "volume"]
"""What a container is to its workload. `volume`: no container, but an image that is mounted as a volume."""


class HostPath(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """A path of the host that a container sees at `target`; `volume` is its name in the manifest ("": it has none)."""

    path: str
    target: str = ""
    read_only: bool = False
    volume: str = ""


class ResourceLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits set through cgroups: bytes of memory, thousandths of a CPU, processes. None: no limit, or not known."""

    memory: int | None = None
    cpu: int | None = None
    pids: int | None = None


class Isolation(msgspec.Struct, frozen=True, kw_only=True):
    """What one container is granted. None and "" mean that a field is not known, which is not the same as the engine's default.

    `runtime_class` is Kubernetes's name, `runtime` the handler or OCI runtime behind it. `seccomp` and `apparmor` are "unconfined",
    "runtime-default", or the name of a profile; `selinux` is the label's type, or "disabled". `user` is the number or name that the first
    process runs as. `capabilities_added` and `_dropped` are without CAP_, in capitals ("ALL": all). `user_namespace`: root in the container
    is an unprivileged user on the host. `ports` are those that the host or the workload opens, such as `8080/tcp`. `escapes` are
    vulnerabilities of the kernel, engine or runtime underneath through which a container may take over the host (None: nobody looked).
    """

    runtime_class: str = ""
    runtime: str = ""
    boundary: Boundary = "unknown"
    privileged: bool | None = None
    capabilities_added: tuple[str, ...] = ()
    capabilities_dropped: tuple[str, ...] = ()
    seccomp: str = ""
    apparmor: str = ""
    selinux: str = ""
    user_namespace: bool | None = None
    host_pid: bool | None = None
    host_ipc: bool | None = None
    host_network: bool | None = None
    host_paths: tuple[HostPath, ...] = ()
    devices: tuple[str, ...] = ()
    read_only_root: bool | None = None
    writable_paths: tuple[str, ...] = ()
    user: str = ""
    run_as_non_root: bool | None = None
    no_new_privileges: bool | None = None
    unmasked_proc: bool | None = None
    service_account_token: bool | None = None
    limits: ResourceLimits = ResourceLimits()
    ports: tuple[str, ...] = ()
    escapes: tuple[str, ...] | None = None


class WorkloadContainer(msgspec.Struct, frozen=True, kw_only=True):
    """A container of a workload, or an image volume, with the image that it names.

    `line` counts from 1 in its manifest (0: not known); `lines` are the lines of its settings there, by their names in Isolation.
    """

    name: str
    kind: ContainerKind = "regular"
    image: str
    isolation: Isolation = Isolation()
    line: int = 0
    lines: Mapping[str, int] = {}


class GradeReason(msgspec.Struct, frozen=True, order=True):
    """Why a container has its grade: the setting, by its name in Isolation, and a clause."""

    setting: str
    text: str


class Shortfall(msgspec.Struct, frozen=True, order=True):
    """What a grade lacks for the next one: the setting and a clause. `is_known` False: the setting is not known, so nothing may be
    lacking.
    """

    setting: str
    text: str
    is_known: bool = True


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """How well a container is isolated: the grade that is certain, the best grade possible given what is not known, the reasons for this
    grade, and what is missing for the next one.
    """

    grade: Grade
    at_most: Grade
    reasons: tuple[GradeReason, ...]
    missing: tuple[Shortfall, ...] = ()


class IsolationPatch(msgspec.Struct, frozen=True, kw_only=True):
    """A change to a manifest that gives a container a better grade: `grade`.

    `text` is in `language`: a strategic merge patch or an override file (yaml), a fragment of a task definition (json), or the options of
    `docker run` to add (`+`) and to remove (`-`). `notes` are sentences about what else is necessary.
    """

    grade: Grade
    language: Literal["yaml", "json", "options"]
    text: str
    notes: tuple[str, ...] = ()


WorkloadFormat = Literal["kubernetes", "compose", "ecs", "docker"]
"""In what form a workload is written down: a manifest, a compose file, a task definition, what `docker inspect` prints."""


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """Containers that a manifest starts together. `name` is `Deployment/web`, a task definition's family, a service, a container.

    `template` are the keys that lead to the pod's spec in the manifest (Kubernetes only), `line` is where it begins (0: not known).
    """

    format: WorkloadFormat
    name: str
    namespace: str = ""
    containers: tuple[WorkloadContainer, ...] = ()
    template: tuple[str, ...] = ()
    line: int = 0


class PlacedContainer(msgspec.Struct, frozen=True, kw_only=True):
    """A container of the image being judged, in its workload. `path` is the manifest it comes from, as people call it ("": none)."""

    workload: Workload
    container: WorkloadContainer
    path: str = ""

    @property
    def name(self) -> str:
        """Its name for people: workload and container, or only one of them if they are the same."""
        if self.workload.name in ("", self.container.name):
            return self.container.name
        return f"{self.workload.name}/{self.container.name}"


class ImageNeeds(msgspec.Struct, frozen=True, kw_only=True):
    """What an image needs of the place it runs at, as far as this is known.

    `user` is as in its settings ("": not set, which means root), `uid` the numeric id (None: not known). `ports` are exposed (`80/tcp`),
    `volumes` are folders that it writes to. `setuid` and `capable` are privileged files that the start reaches, the latter with the
    capabilities that they grant; None if this was not checked, or is not known for some file.
    """

    user: str = ""
    uid: int | None = None
    ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    setuid: tuple[str, ...] | None = None
    capable: Mapping[str, tuple[str, ...]] | None = None


Mismatch = Literal["granted", "needed"]
"""Granted and not needed, or needed and not granted."""


class JointFinding(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """A mismatch between what an image needs and what its container is granted: the setting, and a clause.

    `is_certain` False: there may be a mismatch, depending on something that neither of them shows; the clause names it.
    """

    kind: Mismatch
    setting: str
    text: str
    is_certain: bool = True


class JudgedContainer(msgspec.Struct, frozen=True, kw_only=True):
    """A container with the full assessment of its isolation: the grade, the mismatches with the image, and the patch to a better grade."""

    placed: PlacedContainer
    needs: ImageNeeds = ImageNeeds()
    assessment: Assessment
    findings: tuple[JointFinding, ...] = ()
    patch: IsolationPatch | None = None
