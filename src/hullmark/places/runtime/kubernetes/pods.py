"""A pod → the containers that run in it, with image, digest, place and since when (core/v1 Pod).

A container counts from its first start until it is over for good: one that kubelet starts again and again runs. An init container counts as
long as its pod lives, since its image was part of it and it runs again when the pod's sandbox is made anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from hullmark.isolation.fields import InvalidWorkload
from hullmark.isolation.kubernetes import containers_of
from hullmark.model.isolation import ContainerKind, WorkloadContainer
from hullmark.model.place import Place, RunningContainer, RunningImage
from hullmark.places.runtime.kubernetes.objects import ContainerStatus, Pod

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_BARE = re.compile(r"(?:sha256:)?([0-9a-f]{64})").fullmatch
_PULLED = ("docker-pullable://",)
_LOCAL = ("docker://",)
_EPOCH = datetime.fromtimestamp(0, UTC)
_OVER = ("Succeeded", "Failed")


class PodPlace(NamedTuple):
    """What a pod does not say itself."""

    cluster: str
    workload: str
    labels: Mapping[str, str]
    architecture: str
    handlers: Mapping[str, str]


class PodContainer(NamedTuple):
    """A container that was started in a pod, and whether it has ended for good; `until`: when, if that is told."""

    container: RunningContainer
    is_over: bool
    until: datetime | None


class Digests(NamedTuple):
    """What an image ID tells: a manifest's or an index's digest, or the configuration's."""

    digest: str = ""
    config_digest: str = ""


def digests_of(image_id: str) -> Digests:
    """What the imageID of a container's status tells, in any of the forms that runtimes write.

    `docker-pullable://REPO@DIGEST` and `REPO@DIGEST` name a manifest or an index; `docker://sha256:…`, `sha256:…` and bare hex the
    configuration of an image that came from no registry, or from one that was not told.
    """
    text = image_id
    for scheme in (*_PULLED, *_LOCAL):
        text = text.removeprefix(scheme)
    _, at, digest = text.rpartition("@")
    if at:
        return Digests(digest=digest) if _DIGEST.fullmatch(digest) else Digests()
    bare = _BARE(text)
    return Digests(config_digest=f"sha256:{bare[1]}") if bare else Digests()


def occupants(pod: Pod, place: PodPlace) -> tuple[PodContainer, ...]:
    """The containers of a pod that were started, in the order of its spec. What waits for its image is not among them."""
    statuses = _statuses(pod)
    return tuple(
        found
        for declared in _list_declared_containers(pod, place.handlers)
        if (found := _occupant(declared, statuses, pod, place)) is not None
    )


def _list_declared_containers(pod: Pod, handlers: Mapping[str, str]) -> tuple[WorkloadContainer, ...]:
    try:
        return containers_of(pod.spec, annotations=pod.metadata.annotations or {}, runtime_classes=handlers)
    except InvalidWorkload:
        # A later Kubernetes may know more than is read here. What runs is told all the same, without what it is granted.
        return tuple(_bare(pod))


def _bare(pod: Pod) -> Iterator[WorkloadContainer]:
    kinds: dict[str, ContainerKind] = {
        "initContainers": "init",
        "containers": "regular",
        "ephemeralContainers": "ephemeral",
    }
    for field, kind in kinds.items():
        for raw in pod.spec.get(field) or ():
            if isinstance(raw, dict) and isinstance(raw.get("name"), str):
                is_sidecar = kind == "init" and raw.get("restartPolicy") == "Always"
                yield WorkloadContainer(
                    name=raw["name"], kind="sidecar" if is_sidecar else kind, image=str(raw.get("image") or "")
                )


def _statuses(pod: Pod) -> dict[tuple[str, str], ContainerStatus]:
    """Statuses by the field that they stand in and the name."""
    fields = {
        "regular": pod.status.container_statuses,
        "init": pod.status.init_container_statuses,
        "sidecar": pod.status.init_container_statuses,
        "ephemeral": pod.status.ephemeral_container_statuses,
    }
    return {(kind, status.name): status for kind, listed in fields.items() for status in listed or ()}


class _Lifetime(NamedTuple):
    since: datetime
    is_over: bool = False
    until: datetime | None = None


def _occupant(
    declared: WorkloadContainer, statuses: Mapping[tuple[str, str], ContainerStatus], pod: Pod, place: PodPlace
) -> PodContainer | None:
    if declared.kind == "volume":
        lifetime, image_id = _volume(declared.name, pod)
    else:
        status = statuses.get((declared.kind, declared.name))
        lifetime = _lifetime(declared.kind, status, pod) if status is not None else None
        image_id = status.image_id if status is not None else ""
    if lifetime is None:
        return None
    digests = digests_of(image_id)
    if declared.kind == "volume" and not any(digests):
        digests = digests_of(declared.image)
    meta = pod.metadata
    container = RunningContainer(
        id=_id(meta.uid, declared, digests),
        place=Place(
            platform="kubernetes",
            cluster=place.cluster,
            namespace=meta.namespace,
            workload=place.workload,
            container=declared.name,
            kind=declared.kind,
        ),
        image=RunningImage(
            reference=declared.image,
            digest=digests.digest,
            config_digest=digests.config_digest,
            architecture=place.architecture,
        ),
        since=lifetime.since,
        isolation=declared.isolation,
        labels=place.labels,
        node=str(pod.spec.get("nodeName") or ""),
    )
    return PodContainer(container, lifetime.is_over, lifetime.until)


def _id(uid: str, declared: WorkloadContainer, digests: Digests) -> str:
    """`POD/CONTAINER/DIGEST`: a container whose image is changed in place is another one."""
    name = f"volumes/{declared.name}" if declared.kind == "volume" else declared.name
    digest = (digests.digest or digests.config_digest).rpartition(":")[2]
    return f"{uid}/{name}/{digest[:16]}"


def _lifetime(kind: ContainerKind, status: ContainerStatus, pod: Pod) -> _Lifetime | None:
    """When it was started, and ended for good; None if it was not started yet."""
    running, over = status.state.running, status.state.terminated
    run = running or over or status.last_state.terminated or status.last_state.running
    if run is None:
        return None
    since = run.started_at or _find_start_time(pod)
    is_over = pod.status.phase in _OVER or (
        over is not None and _is_final(kind, over.exit_code, str(pod.spec.get("restartPolicy") or "Always"))
    )
    ended = over.finished_at if is_over and over is not None else None
    return _Lifetime(since, is_over, max(since, ended) if ended is not None else None)


def _is_final(kind: ContainerKind, exit_code: int, restart_policy: str) -> bool:
    """Whether a container that has ended stays so while its pod lives."""
    if kind in ("init", "sidecar"):
        return False
    if kind == "ephemeral" or restart_policy == "Never":
        return True
    return restart_policy == "OnFailure" and exit_code == 0


def _volume(name: str, pod: Pod) -> tuple[_Lifetime | None, str]:
    """An image that is mounted: for as long as containers that were started may see it, and what it was resolved to, where that is told."""
    statuses = [
        *(pod.status.init_container_statuses or ()),
        *(pod.status.container_statuses or ()),
        *(pod.status.ephemeral_container_statuses or ()),
    ]
    runs = [_lifetime("init", status, pod) for status in statuses]
    started = [run for run in runs if run is not None]
    if not started:
        return None, ""
    refs = (
        mount.volume_status.image.image_ref
        for status in statuses
        for mount in status.volume_mounts or ()
        if mount.name == name and mount.volume_status is not None and mount.volume_status.image is not None
    )
    ends = [run.until for run in started if run.until is not None]
    is_over = pod.status.phase in _OVER
    return _Lifetime(min(run.since for run in started), is_over, max(ends, default=None)), next(refs, "")


def _find_start_time(pod: Pod) -> datetime:
    return pod.status.start_time or pod.metadata.creation_timestamp or _EPOCH
