"""Where images run: places, what runs in them, and what collectors report about them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from hullmark.model.isolation import ContainerKind, Isolation
from hullmark.model.limit import Limit

Platform = Literal["kubernetes", "ecs", "cloudrun", "docker", "podman", "containerd"]
"""What starts containers at a place."""


class Place(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """Where a container runs, as people call it; replicas of a workload are one place.

    `cluster` is the name of a cluster or host. `namespace` is Kubernetes's, or the account and region of an ECS service's cluster, or "".
    `workload` is `Deployment/web` (the controller at the end of the owners' chain), `Service/web`, or the container's name on a host.
    """

    platform: Platform
    cluster: str
    namespace: str = ""
    workload: str = ""
    container: str = ""
    kind: ContainerKind = "regular"


class RunningImage(msgspec.Struct, frozen=True, kw_only=True):
    """The image of a container: what was requested, and what runs.

    `digest` is that of a manifest or an index, as the platform reports it, `config_digest` that of the configuration; either may be "".
    `is_inferred`: the platform did not report the digest, so a registry was queried for the tag later.
    """

    reference: str
    digest: str = ""
    config_digest: str = ""
    architecture: str = ""
    is_inferred: bool = False


class RunningContainer(msgspec.Struct, frozen=True, kw_only=True):
    """A running container. `id` is unique among all containers that one collector reports, and is never reused."""

    id: str
    place: Place
    image: RunningImage
    since: datetime
    isolation: Isolation = Isolation()
    labels: Mapping[str, str] = {}
    node: str = ""


class EndedContainer(msgspec.Struct, frozen=True, kw_only=True):
    """A container that no longer runs."""

    id: str
    until: datetime


class PlaceEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a collector observed at a place besides starts and ends: changed files, a weakness of the host, an engine's message.

    `subject` is a path, a package or a component; `summary` a sentence.
    """

    kind: Literal["drift", "host", "problem"]
    container: str = ""
    subject: str = ""
    summary: str
    at: datetime


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """What ran somewhere at one time. `gaps` are sentences about what could not be determined, such as labels that may not be read."""

    containers: tuple[RunningContainer, ...] = ()
    gaps: tuple[str, ...] = ()


class InventoryReport(msgspec.Struct, frozen=True, kw_only=True):
    """A collector's report of what runs: a part of a complete list, or the changes since its last report.

    `collector` names the cluster or host. A complete list comes in parts with the same `list` (an identifier of the collector's own). With
    the `last` part, everything that the list does not name counts as ended. `list` "": changes. `sequence` grows with each report of a
    collector; a report that was already accepted gets the same answer as the first time, and changes nothing.
    """

    platform: Platform
    collector: str
    sequence: int
    at: datetime
    list: str = ""
    last: bool = False
    running: tuple[RunningContainer, ...] = ()
    ended: tuple[EndedContainer, ...] = ()
    events: tuple[PlaceEvent, ...] = ()


class InventoryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A server's answer to a report that it accepted: the last `sequence` it has from this collector, and whether it needs a new complete
    list, because it would not know what else runs.

    A report that builds on a list which the server does not have is refused instead (409, a problem of the type `LIST_NEEDED`). So is a
    report whose sequence is not above `sequence` although it was never accepted: the collector lost count, and continues after that number.
    """

    sequence: int
    list_needed: bool = False


LIST_NEEDED = "urn:hullmark:list-needed"
"""The type of the problem that a server answers instead of taking a report: a new whole list is to come, with a sequence number above the
problem's `sequence`."""

MOST_CONTAINERS = Limit(2000, "containers of one report of a collector, and ended ones, and events", "refused")

PLACE_BYTES: Mapping[str, Limit] = {
    "cluster": Limit(300, "bytes of the name of a cluster or host", "refused"),
    "namespace": Limit(300, "bytes of the name of a namespace", "refused"),
    "workload": Limit(700, "bytes of the name of a workload", "refused"),
    "container": Limit(400, "bytes of the name of a container", "refused"),
}
LONGEST_ID = Limit(1000, "bytes of a container's id, or of its node", "refused")
LONGEST_IMAGE = Limit(1000, "bytes of what names an image that runs", "refused")
