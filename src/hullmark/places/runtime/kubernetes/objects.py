"""The parts of Kubernetes' objects that an inventory reads (https://kubernetes.io/docs/reference/kubernetes-api/).

All else, as `managedFields`, is skipped while JSON is decoded and never in memory.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class OwnerReference(msgspec.Struct, frozen=True, rename="camel"):
    """Who made an object; `controller`: and looks after it."""

    kind: str = ""
    name: str = ""
    uid: str = ""
    api_version: str = ""
    controller: bool | None = None

    @property
    def group(self) -> str:
        """The API group, "" for the core's."""
        return self.api_version.rpartition("/")[0]


class Metadata(msgspec.Struct, frozen=True, rename="camel"):
    """What every object has."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[OwnerReference] | None = None
    creation_timestamp: datetime | None = None

    @property
    def controller(self) -> OwnerReference | None:
        """The owner that looks after it, if there is one."""
        return next((owner for owner in self.owner_references or () if owner.controller), None)


class PartialObject(msgspec.Struct, frozen=True):
    """An object of any kind, or what an API server answers where only its metadata is asked for."""

    metadata: Metadata


class NodeInfo(msgspec.Struct, frozen=True, rename="camel"):
    """What kubelet says of its machine. The runtime is as `containerd://2.1.1`."""

    architecture: str = ""
    container_runtime_version: str = ""
    kernel_version: str = ""


class NodeStatus(msgspec.Struct, frozen=True, rename="camel"):
    """The part of a node that kubelet writes."""

    node_info: NodeInfo = NodeInfo()


class Node(msgspec.Struct, frozen=True):
    """A machine of a cluster."""

    metadata: Metadata
    status: NodeStatus = NodeStatus()


class RuntimeClass(msgspec.Struct, frozen=True):
    """A name of a way to run pods, and the handler that it means on nodes."""

    metadata: Metadata
    handler: str = ""


class Run(msgspec.Struct, frozen=True, rename="camel"):
    """A run of a container that goes on, or is over."""

    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int = 0


class ContainerState(msgspec.Struct, frozen=True):
    """At most one of these; none of them: it waits."""

    running: Run | None = None
    terminated: Run | None = None


class ImageVolumeStatus(msgspec.Struct, frozen=True, rename="camel"):
    """What an image that is mounted was resolved to."""

    image_ref: str = ""


class VolumeStatus(msgspec.Struct, frozen=True):
    """What is known of a volume that is mounted."""

    image: ImageVolumeStatus | None = None


class MountStatus(msgspec.Struct, frozen=True, rename="camel"):
    """A mounted volume; `volume_status` since Kubernetes 1.35."""

    name: str = ""
    volume_status: VolumeStatus | None = None


class ContainerStatus(msgspec.Struct, frozen=True, rename="camel"):
    """What kubelet says of a container."""

    name: str = ""
    image_id: str = msgspec.field(default="", name="imageID")
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()
    volume_mounts: list[MountStatus] | None = None


class PodStatus(msgspec.Struct, frozen=True, rename="camel"):
    """What kubelet says of a pod."""

    phase: str = ""
    start_time: datetime | None = None
    container_statuses: list[ContainerStatus] | None = None
    init_container_statuses: list[ContainerStatus] | None = None
    ephemeral_container_statuses: list[ContainerStatus] | None = None


class Pod(msgspec.Struct, frozen=True):
    """A pod. Its `spec` is left as it is: `hullmark.isolation.kubernetes` reads it."""

    metadata: Metadata
    spec: dict[str, Any] = {}
    status: PodStatus = PodStatus()


class ListMetadata(msgspec.Struct, frozen=True, rename="camel"):
    """What a list has. `continue_` names the next page, "" for none."""

    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A page of a list. Lists of Go's that hold nothing are null."""

    metadata: ListMetadata
    items: list[T] | None


class WatchEvent(msgspec.Struct, frozen=True):
    """A line of a watch: ADDED, MODIFIED, DELETED, BOOKMARK or ERROR."""

    type: str
    object: msgspec.Raw


class Status(msgspec.Struct, frozen=True):
    """An answer that is not an object, as errors are."""

    kind: str = ""
    message: str = ""
    reason: str = ""
    code: int = 0
