"""Real dockerd and real podman: what runs, what happens, what drifts; restarts of the engine and of the agent lose nothing."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hullmark.app.agent import Agent
from hullmark.app.spool import Spool
from hullmark.model.place import Platform
from hullmark.places.runtime.collector import Collector
from hullmark.places.runtime.engines.api import EngineApi
from hullmark.places.runtime.engines.collector import EngineCollector, Intervals
from tests.support.engines import BUSYBOX, NAME, RealEngine, dockerd, podman
from tests.support.reports import ReportServer

pytestmark = pytest.mark.slow

ENGINES = {"docker": dockerd, "podman": podman}
TMP = "/tmp"  # noqa: S108 - of a container
DRIFT = (
    "cp /bin/busybox /tmp/x; echo 'echo evil' >> /bin/tool; cp /bin/tool /tmp/up; chmod 4755 /tmp/up; echo a > /tmp/data; "
    "echo Package: x >> /var/lib/dpkg/status"
)


@pytest.fixture(params=sorted(ENGINES), scope="module")
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealEngine]:
    with ENGINES[request.param](tmp_path_factory.mktemp("engine")) as engine:
        yield engine


def agent_of(engine: RealEngine, folder: Path, server: ReportServer) -> contextlib.AbstractContextManager[list[str]]:
    """An agent of the engine that runs; what it says."""
    platform: Platform = "docker" if engine.name == "docker" else "podman"
    rhythm = Intervals(window=1, list=3600, drift=0.5)
    return agent_with(
        EngineCollector(platform, EngineApi(engine.name, engine.address), "host-1", rhythm), folder, server
    )


@contextlib.contextmanager
def agent_with(collector: Collector, folder: Path, server: ReportServer) -> Iterator[list[str]]:
    """An agent of a collector that runs; what it says."""
    spool = Spool(folder, collector.platform, "test", lambda: datetime.now(UTC))
    said: list[str] = []
    agent = Agent(collector, spool, server, said.append)
    stop = threading.Event()
    errors: list[BaseException] = []

    def guarded(work: Callable[[threading.Event], None]) -> None:
        try:
            work(stop)
        except BaseException as error:
            errors.append(error)
            raise

    threads = [threading.Thread(target=guarded, args=(work,)) for work in (agent.follow, agent.send)]
    for thread in threads:
        thread.start()
    try:
        yield said
    finally:
        stop.set()
        with spool.changed:
            spool.changed.notify_all()
        for thread in threads:
            thread.join()
        spool.close()
    assert errors == []


def until(fact: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 40
    while not fact():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_nothing_that_runs_or_drifts_is_missed_or_told_twice(engine: RealEngine, tmp_path: Path) -> None:
    server = ReportServer()
    first = engine.run("first", labels={"app": "shop", "org.example.of-image": "yes"}, ReadonlyRootfs=False)
    with agent_of(engine, tmp_path, server):
        until(lambda: set(server.known) == {first}, "the first container was not listed")
        told = server.known[first]
        assert (told.place.platform, told.place.cluster, told.place.workload) == (engine.name, "host-1", "first")
        assert told.image.config_digest == engine.config_digest
        assert (told.image.reference, told.image.architecture) == (NAME, "amd64")
        assert told.labels == {"app": "shop"}
        assert abs((datetime.now(UTC) - told.since).total_seconds()) < 60
        isolation = told.isolation
        assert (isolation.privileged, isolation.host_network, isolation.boundary) == (False, False, "process")
        assert isolation.seccomp == "runtime-default"

        second = engine.run("second", Privileged=True)
        until(lambda: second in server.known, "the second container was not told of")
        assert server.known[second].isolation.privileged is True
        gone = engine.run("gone", "/bin/true", AutoRemove=True)
        until(lambda: any(one.id == gone for one in server.ended), "a container that ended at once was not told of")
        assert any(one.id == gone and one.image.reference for report in server.taken for one in report.running)

        engine.execute(first, DRIFT)
        until(lambda: len(server.summaries()) >= 5, f"drift was not told of: {server.summaries()}")
        time.sleep(1.5)  # two more looks
        tell_drift(first, server)
        engine.remove(second)
        until(lambda: second not in server.known, "the end of a container was not told of")

    again = engine.run("again")
    job, flash = engine.run("job", "/bin/true"), engine.run("flash", "/bin/true", AutoRemove=True)
    engine.remove(first)
    before = len(server.summaries())
    with agent_of(engine, tmp_path, server):
        until(
            lambda: {job, flash} <= {one.id for one in server.ended},
            "what came and went without an agent was not told of",
        )
        until(lambda: set(server.known) == {again}, "what changed without an agent was not told of")
        engine.execute(again, "cp /bin/tool /tmp/new")
        until(lambda: len(server.summaries()) > before, "drift behind a restart of the agent was not told of")
    assert [container for container, *_ in server.summaries()[before:]] == [again]
    assert [report.sequence for report in server.taken] == sorted({report.sequence for report in server.taken})
    engine.remove(again)


def tell_drift(container: str, server: ReportServer) -> None:
    """What was told of DRIFT is what it did, each once."""
    busybox = hashlib.sha256(BUSYBOX.read_bytes()).hexdigest()
    told = server.summaries()
    assert len(told) == len(set(told))
    by_subject: dict[str, list[str]] = {}
    for which, subject, summary in told:
        assert which == container
        by_subject.setdefault(subject, []).append(summary)
    assert by_subject[f"{TMP}/x"] == [f"a shell was put there that is not the image's (sha256:{busybox})"]
    assert len(by_subject["/bin/tool"]) == 1
    assert by_subject["/bin/tool"][0].startswith("a program of the image was changed (sha256:")
    assert sorted(summary[:40] for summary in by_subject[f"{TMP}/up"]) == [
        "a new file is setuid: mode 4755 (sha256:"[:40],
        "an executable is not the image's (sha256:"[:40],
    ]
    assert by_subject["dpkg"] == ["dpkg changed which packages are installed"]
    assert set(by_subject) == {f"{TMP}/x", "/bin/tool", f"{TMP}/up", "dpkg"}


def test_a_restart_of_the_engine_and_an_absence_of_the_server_lose_nothing(engine: RealEngine, tmp_path: Path) -> None:
    server = ReportServer()
    with agent_of(engine, tmp_path, server) as said:
        until(lambda: server.has_list, "nothing was listed")
        server.is_away = True
        old = engine.run("old")
        until(lambda: any("away" in line for line in said), "the agent did not notice that the server is away")
        engine.stop()
        until(lambda: any("cannot be asked" in line for line in said), "the agent did not notice the restart")
        engine.start()
        new = engine.run("new")
        server.is_away = False
        until(lambda: set(server.known) == engine.running(), f"{set(server.known)} is not {engine.running()}")
        assert new in server.known
        told = {one.id for report in server.taken for one in report.running}
        assert {old, new} <= told
        assert server.summaries("problem")
        engine.remove(new)
        until(lambda: new not in server.known, "what ended behind the restart was not told of")
