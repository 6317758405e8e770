"""Where images run: places, what runs in them, and what collectors report of that."""

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

    `cluster` is a cluster's or a host's name, `namespace` Kubernetes's, the ECS service's cluster account and region, or "". `workload` is
    `Deployment/web` (the controller at the end of the owners' chain), `Service/web`, or the container's name on a host.
    """

    platform: Platform
    cluster: str
    namespace: str = ""
    workload: str = ""
    container: str = ""
    kind: ContainerKind = "regular"


class RunningImage(msgspec.Struct, frozen=True, kw_only=True):
    """The image of a container: what was asked for, and what runs.

    `digest` is a manifest's or an index's, as the platform tells it, `config_digest` the configuration's; either may be "". `is_inferred`:
    the platform did not tell the digest, a registry was asked for the tag later.
    """

    reference: str
    digest: str = ""
    config_digest: str = ""
    architecture: str = ""
    is_inferred: bool = False


class RunningContainer(msgspec.Struct, frozen=True, kw_only=True):
    """A container that runs. `id` is its own among all that one collector reports, and never another's later."""

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
    """Something that a collector saw at a place besides starts and ends: files that changed, a weakness of the host, words of an engine.

    `subject` is a path, a package or a component; `summary` a sentence.
    """

    kind: Literal["drift", "host", "problem"]
    container: str = ""
    subject: str = ""
    summary: str
    at: datetime


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """What ran somewhere at one moment. `gaps` are sentences that say what could not be told besides, as labels that may not be read."""

    containers: tuple[RunningContainer, ...] = ()
    gaps: tuple[str, ...] = ()


class InventoryReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a collector says runs: a part of a whole list, or what changed since it said so last.

    `collector` names the cluster or host. A whole list comes in parts of one `list` (an identifier of the collector's own); with
    the `last` part, whatever the list does not name has ended. `list` "": changes. `sequence` grows with each report of a
    collector; a report that was taken already is answered as the first time, and changes nothing.
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
    """What a server says to a report that it took: the last `sequence` of this collector that it has, and whether it wants a new whole
    list, since it would not know what else runs.

    A report that builds on a list which the server does not have is refused instead (409, a problem of the type `LIST_NEEDED`), and so is
    one whose sequence is not above `sequence` though it was never taken: the collector lost count, and goes on behind that number.
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
