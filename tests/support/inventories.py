"""Reports of collectors, as agents send them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
from httpx import Response
from msgspec.structs import replace

from hullmark.model.isolation import Isolation
from hullmark.model.place import (
    EndedContainer,
    InventoryReport,
    Place,
    PlaceEvent,
    Platform,
    RunningContainer,
    RunningImage,
)
from tests.support.desk import Desk

BEFORE = datetime(2026, 4, 1, tzinfo=UTC)
"""Since when containers run where nothing else is said."""


def container(
    workload: str = "Deployment/web",
    id: str = "",
    *,
    digest: str = "",
    reference: str = "registry.example.org/shop/web:1.0",
    namespace: str = "shop",
    name: str = "main",
    cluster: str = "eu-1",
    since: datetime = BEFORE,
    labels: Mapping[str, str] | None = None,
    isolation: Isolation | None = None,
    architecture: str = "",
    node: str = "node-1",
    platform: Platform = "kubernetes",
) -> RunningContainer:
    """A container of a pod; an `Agent` that reports it says that its own platform runs it."""
    place = Place(platform=platform, cluster=cluster, namespace=namespace, workload=workload, container=name)
    return RunningContainer(
        id=id or f"{namespace}/{workload}/{name}",
        place=place,
        image=RunningImage(reference=reference, digest=digest, architecture=architecture),
        since=since,
        isolation=isolation if isolation is not None else Isolation(),
        labels=labels if labels is not None else {"app": workload.rpartition("/")[2]},
        node=node,
    )


def ended(told: RunningContainer, until: datetime) -> EndedContainer:
    """That a container ended."""
    return EndedContainer(id=told.id, until=until)


@dataclass
class Agent:
    """Who reports for a cluster. `sequence` is its last report."""

    at: Desk
    name: str = "eu-1"
    platform: Platform = "kubernetes"
    account: str = ""
    sequence: int = 0
    lists: int = 0
    sent: list[InventoryReport] = field(default_factory=list)

    def report(self, **told: Any) -> InventoryReport:
        """The next report."""
        self.sequence += 1
        told["running"] = tuple(
            replace(each, place=replace(each.place, platform=self.platform)) for each in told.get("running", ())
        )
        return InventoryReport(
            **{
                "platform": self.platform,
                "collector": self.name,
                "sequence": self.sequence,
                "at": self.at.now,
                **told,
            }
        )

    async def post(self, *reports: InventoryReport) -> Response:
        """The answer to reports, together."""
        self.sent += reports
        body = msgspec.to_builtins(reports[0] if len(reports) == 1 else reports)
        return await self.at.ask("POST", "/inventories", body, account=self.account)

    async def send(self, *reports: InventoryReport) -> Any:
        """What is answered to reports that are taken."""
        answer = await self.post(*reports)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def list(self, *running: RunningContainer, part: int = 1000) -> Any:
        """Report all that runs, in parts of so many."""
        self.lists += 1
        name = f"list-{self.lists}"
        starts: Sequence[int] = range(0, len(running), part) or (0,)
        parts = [running[start : start + part] for start in starts]
        reports = [self.report(list=name, last=some is parts[-1], running=tuple(some)) for some in parts]
        return await self.send(*reports)

    async def change(
        self,
        *running: RunningContainer,
        ended: Sequence[EndedContainer] = (),
        events: Sequence[PlaceEvent] = (),
    ) -> Any:
        """Report what changed."""
        return await self.send(self.report(running=running, ended=tuple(ended), events=tuple(events)))
