"""What a server would know that hears a collector: lists replace, changes are applied in their order."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

from hullmark.model.place import EndedContainer, PlaceEvent, RunningContainer
from hullmark.net.http import HttpSettings
from hullmark.places.runtime.collector import Changes, Listing
from hullmark.places.runtime.kubernetes.access import ClusterAccess
from hullmark.places.runtime.kubernetes.api import EVERYWHERE, KubernetesApi, Scope
from hullmark.places.runtime.kubernetes.collector import KubernetesCollector
from tests.support.kubernetes.churn import Row


def collector_of(
    access: ClusterAccess, scope: Scope = EVERYWHERE, settings: HttpSettings | None = None
) -> KubernetesCollector:
    """A collector with the real clock."""
    import time

    api = KubernetesApi(access, settings or HttpSettings())
    return KubernetesCollector(api, access.name, scope, lambda: datetime.now(UTC), time.monotonic)


class Hearer:
    """Takes what a collector says. `lists` is how many whole lists there were, `strange` what no server could follow."""

    def __init__(self) -> None:
        self.running: dict[str, RunningContainer] = {}
        self.ended: list[EndedContainer] = []
        self.events: list[PlaceEvent] = []
        self.lists = 0
        self.strange: list[str] = []

    def hear(self, said: Listing | Changes) -> None:
        """One more report."""
        if isinstance(said, Listing):
            self.lists += 1
            self.running = {}
            for container in said.running:
                if container.id in self.running:
                    self.strange.append(f"{container.id} is listed twice")
                self.running[container.id] = container
            return
        for container in said.running:
            if self.running.get(container.id) == container:
                self.strange.append(f"{container.id} is said to have changed, and has not")
            self.running[container.id] = container
        for ended in said.ended:
            if self.running.pop(ended.id, None) is None:
                self.strange.append(f"{ended.id} has ended, and was never there")
            self.ended.append(ended)
        self.events += said.events

    def has_pod(self, name: str, container: str = "main") -> bool:
        """Whether a bare pod runs."""
        return any(
            each.place.workload == f"Pod/{name}" and each.place.container == container for each in self.running.values()
        )

    def rows(self, without: str = "") -> list[Row]:
        """What runs, as the churn writes it down, but for a bare pod."""
        return sorted(_row(each) for each in self.running.values() if each.place.workload != f"Pod/{without}")


def _row(container: RunningContainer) -> Row:
    place = container.place
    return (
        place.namespace,
        place.workload,
        container.id.partition("/")[0],
        place.container,
        container.image.digest,
        container.since.strftime("%Y-%m-%dT%H:%M:%SZ"),
        container.labels.get("turn", ""),
    )


def heard(collector: KubernetesCollector, hearer: Hearer, stop: threading.Event) -> Iterator[Listing | Changes]:
    """What a collector says, each after the hearer has heard it."""
    for said in collector.follow(stop):
        hearer.hear(said)
        yield said
