"""An agent's reports reach a server that runs: whole lists, changes, and a list anew where the server lost what they build on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hullmark.app.agent import Agent, ServerSender
from hullmark.app.spool import Spool
from hullmark.model.place import Platform, RunningContainer
from hullmark.net.api_client import ApiClient, ApiLogin
from hullmark.net.http import HttpSettings
from hullmark.places.runtime.collector import Changes, Listing
from tests.support.inventories import container, ended
from tests.support.server import Running, running_server


@dataclass
class HostCollector:
    """Lists what it `has`."""

    has: dict[str, RunningContainer] = field(default_factory=dict)
    platform: Platform = "docker"
    name: str = "host-1"

    def containers(self) -> Iterator[RunningContainer]:
        return iter(self.has.values())

    def follow(self, stop: threading.Event) -> Iterator[Listing | Changes]:
        yield Listing(self.containers())


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running_server() as found:
        yield found


def test_what_an_agent_says_is_what_the_server_lists(server: Running, tmp_path: Path) -> None:
    key = server.client.must("POST", "/api/v1/keys", {"name": "agent", "role": "agent"})["key"]
    api = ApiClient(server.url, ApiLogin(key=key), HttpSettings())
    collector = HostCollector(
        {name: container(name, name, cluster="host-1", platform="docker") for name in ("web", "api", "jobs")}
    )
    said: list[str] = []

    def agent(folder: str) -> Agent:
        spool = Spool(tmp_path / folder, collector.platform, collector.name, lambda: datetime.now(UTC))
        return Agent(collector, spool, ServerSender(api), said.append)

    def listed() -> list[str]:
        return sorted(item["workload"] for item in server.client.must("GET", "/api/v1/places")["items"])

    first = agent("first")
    first.report()
    assert listed() == ["api", "jobs", "web"]
    gone = collector.has.pop("web")
    collector.has["more"] = container("more", cluster="host-1", platform="docker")
    first.keep(Changes(running=(collector.has["more"],), ended=(ended(gone, datetime.now(UTC)),)))
    first.flush()
    assert listed() == ["api", "jobs", "more"]
    # Somebody says that the host is no more: the next change needs a list, which the agent makes by itself.
    assert server.client.ask("DELETE", "/api/v1/collectors?platform=docker&name=host-1").status == 204
    assert listed() == []
    first.keep(Changes(running=(container("late", cluster="host-1", platform="docker"),)))
    first.flush()
    assert listed() == ["api", "jobs", "more"]
    assert said == ["the server asks for a whole list"]
    first.spool.close()
    # Its folder is lost: it goes on with numbers that are larger.
    collector.has.pop("more")
    second = agent("second")
    second.report()
    assert listed() == ["api", "jobs"]
    second.spool.close()
