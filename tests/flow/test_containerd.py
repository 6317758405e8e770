"""Debian's containerd with its CRI plugin: pods and containers are started as a kubelet does, and the agent tells of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hullmark.places.runtime.collector import Changes, Listing
from hullmark.places.runtime.containerd.api import CriApi
from hullmark.places.runtime.containerd.collector import CriCollector, LocalDrift
from tests.flow.test_engines import agent_with, until
from tests.support.cri import RealContainerd, asked, containerd
from tests.support.engines import NAME
from tests.support.reports import ReportServer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealContainerd]:
    with containerd(tmp_path_factory.mktemp("containerd")) as engine:
        yield engine


def test_what_runs_in_pods_is_told_and_a_restart_of_containerd_loses_nothing(
    engine: RealContainerd, tmp_path: Path
) -> None:
    server = ReportServer()
    pod = engine.pod("web-1", {"app": "web"})
    plain = engine.container(pod, "plain")
    api = CriApi(engine.address)
    assert api.version().runtime_name == "containerd"
    with agent_with(CriCollector(api, "node-1", (0.5, 3600)), tmp_path, server) as said:
        until(lambda: set(server.known) == {plain}, "the container was not listed")
        told = server.known[plain]
        place = told.place
        assert (place.platform, place.cluster, place.namespace, place.workload, place.container) == (
            *("containerd", "node-1", "shop", "Pod/web-1", "plain"),
        )
        assert told.labels == {"app": "web"}
        assert (told.image.reference, told.image.config_digest) == (NAME, engine.config_digest)
        assert abs((datetime.now(UTC) - told.since).total_seconds()) < 60
        isolation = told.isolation
        assert (isolation.boundary, isolation.privileged, isolation.host_network, isolation.host_pid) == (
            *("process", False, True, False),
        )
        assert (isolation.capabilities_added, isolation.capabilities_dropped) == ((), ())
        assert (isolation.seccomp, isolation.read_only_root, isolation.user) == ("unconfined", False, "0")

        profile = asked("SecurityProfile")(profile_type=0)
        capability = asked("Capability")(add_capabilities=["NET_ADMIN"], drop_capabilities=["NET_RAW"])
        strict = engine.container(
            pod, "strict", seccomp=profile, capabilities=capability, readonly_rootfs=True, no_new_privs=True
        )
        until(lambda: strict in server.known, "a container that started was not told of")
        isolation = server.known[strict].isolation
        assert (isolation.capabilities_added, isolation.capabilities_dropped) == (("NET_ADMIN",), ("NET_RAW",))
        assert (isolation.seccomp, isolation.read_only_root, isolation.no_new_privileges) == (
            *("runtime-default", True, True),
        )
        engine.remove(strict)
        until(lambda: strict not in server.known, "the end of a container was not told of")

        engine.stop()
        until(lambda: any("cannot be asked" in line for line in said), "the agent did not notice the restart")
        engine.start()
        late = engine.container(pod, "late")
        until(lambda: set(server.known) == {plain, late}, f"{set(server.known)} is not what runs")
        assert server.known[plain].since == told.since
    api.close()


def test_lists_are_compared_where_no_events_are_served(engine: RealContainerd, monkeypatch: pytest.MonkeyPatch) -> None:
    from hullmark.places.runtime.containerd.api import NotServed

    api = CriApi(engine.address)

    def refuse(*_: object) -> Iterator[object]:
        raise NotServed("not served")

    monkeypatch.setattr(api, "events", refuse)
    pod = engine.pod("web-2", {})
    stop = threading.Event()
    said = CriCollector(api, "node-1", (0.1, 3600)).follow(stop)
    listing = next(said)
    assert isinstance(listing, Listing)
    before = {one.id for one in listing.running}
    started = engine.container(pod, "one")
    change = next(said)
    assert isinstance(change, Changes)
    assert [one.id for one in change.running] == [started]
    assert started not in before
    engine.remove(started)
    change = next(said)
    assert isinstance(change, Changes)
    assert [one.id for one in change.ended] == [started]
    stop.set()
    api.close()


def test_drift_is_read_from_the_own_layer_of_a_container(engine: RealContainerd, tmp_path: Path) -> None:
    server = ReportServer()
    pod = engine.pod("web-3", {})
    container = engine.container(pod, "main")
    api = CriApi(engine.address)
    collector = CriCollector(api, "node-1", (0.5, 3600), drift=LocalDrift(0.2, Path("/")))
    with agent_with(collector, tmp_path, server) as said:
        until(lambda: container in server.known, "the container was not listed")
        engine.execute(container, "echo other > /bin/tool; cp /bin/busybox /var/cat; chmod 4755 /var/cat")

        def told() -> set[tuple[str, str]]:
            return {(path, text.partition(" (")[0]) for id, path, text in server.summaries() if id == container}

        wanted = {
            ("/bin/tool", "an executable file of the image was changed"),
            ("/var/cat", "a new file is setuid: mode 4755"),
            ("/var/cat", "a shell was put there that is not the image's"),
        }
        until(lambda: told() >= wanted, f"{server.events} {said}")
        assert server.summaries("problem") == []
        engine.execute(container, "echo more > /etc/motd; echo 1 >> /var/lib/dpkg/status")
        until(lambda: ("dpkg", "dpkg changed which packages are installed") in told(), str(server.events))
        assert len(told()) == 4
    api.close()
