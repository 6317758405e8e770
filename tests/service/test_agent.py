"""A real server, real dockerd, and `hullmark agent` between them: killed and started anew, all of them, the server knows what runs."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.engines import RealEngine, dockerd
from tests.support.processes import Client, Server, forked_server, place, until
from tests.support.program import HULLMARK

pytestmark = pytest.mark.slow


@dataclass
class Agent:
    """An agent that may be killed."""

    command: list[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.log.parent)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, env=environment, stderr=log, stdout=log)

    def end(self, number: signal.Signals) -> int:
        """End it; its exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        status = self.process.wait(60)
        self.process = None
        return status


@contextmanager
def running_agent(server: Server, engine: RealEngine, folder: Path) -> Iterator[Agent]:
    """`hullmark agent` with a key of its role."""
    key = server.client.must("POST", "/api/v1/keys", {"name": "host-1", "role": "agent"})["key"]
    (folder / "key").write_text(key)
    command = [
        *HULLMARK,
        "agent",
        "--engine",
        "docker",
        "--address",
        engine.address,
        "--name",
        "host-1",
        "--drift=1",
    ]
    to = [
        "--server",
        f"http://127.0.0.1:{server.port}",
        "--key-file",
        str(folder / "key"),
        "--state",
        str(folder / "state"),
    ]
    agent = Agent([*command, *to], folder / "agent.log")
    agent.start()
    try:
        yield agent
    finally:
        if agent.process is not None:
            agent.end(signal.SIGKILL)


def places(client: Client) -> dict[str, dict[str, Any]]:
    """What runs, by workload."""
    return {item["workload"]: item for item in client.must("GET", "/api/v1/places?limit=100")["items"]}


def test_the_server_knows_what_runs_through_every_death(tmp_path: Path) -> None:
    with dockerd(tmp_path) as engine, place() as folder, forked_server(folder) as server:
        server.start()
        server.ready()
        client = server.client.signed_in()
        engine.run("first", labels={"app": "shop"})
        with running_agent(server, engine, tmp_path) as agent:
            until(lambda: set(places(client)) == {"first"}, 60, "the first container")
            first = places(client)["first"]
            assert (first["platform"], first["cluster"], first["labels"]) == ("docker", "host-1", {"app": "shop"})
            assert (first["config_digest"], first["grade"]) == (engine.config_digest, "default")

            agent.end(signal.SIGKILL)
            engine.run("while-no-agent", Privileged=True)
            engine.remove("first")
            agent.start()
            until(lambda: set(places(client)) == {"while-no-agent"}, 60, "what changed without an agent")
            assert places(client)["while-no-agent"]["grade"] == "host"

            server.stop(signal.SIGKILL)
            engine.run("while-no-server")
            engine.remove("while-no-agent")
            server.start()
            server.ready()
            until(lambda: set(places(client)) == {"while-no-server"}, 90, "what changed without a server")

            engine.stop()
            engine.start()
            engine.run("behind-a-restart")
            until(lambda: set(places(client)) == {"behind-a-restart"}, 60, "what changed behind a restart of Docker")
            assert agent.end(signal.SIGTERM) == 0, agent.log.read_text()
        (collector,) = client.must("GET", "/api/v1/collectors")["items"]
        assert (collector["platform"], collector["name"], collector["places"]) == ("docker", "host-1", 1)
