"""Two workers in network namespaces of their own, over one PostgreSQL and one bucket: a link that is cut costs nothing but time."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.buckets import s3_bucket
from tests.support.kills import wait_for_jobs
from tests.support.processes import (
    Client,
    Server,
    debian_postgres,
    debian_programs,
    docker_registry,
    forked_server,
    place,
    until,
)
from tests.support.small_images import numbered, put_image, slow_registry

pytestmark = pytest.mark.slow

NAMES = ("worker-1", "worker-2")


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=20)


@dataclass(frozen=True)
class Network:
    """A bridge with an address, and a namespace for each worker, tied to it by a link that can be cut."""

    mark: str
    number: int

    @property
    def host(self) -> str:
        """The address of the bridge, where the servers are."""
        return f"10.231.{self.number}.1"

    def namespace(self, name: str) -> str:
        return f"hm{self.mark}{name[-1]}"

    def link(self, name: str, state: str) -> None:
        """Cut a worker's link (`down`), or mend it (`up`)."""
        ip("link", "set", f"hv{self.mark}{name[-1]}", state)

    def make(self) -> None:
        ip("link", "add", f"hb{self.mark}", "type", "bridge")
        ip("addr", "add", f"{self.host}/24", "dev", f"hb{self.mark}")
        ip("link", "set", f"hb{self.mark}", "up")
        for place_, name in enumerate(NAMES, 2):
            space, outer, inner = self.namespace(name), f"hv{self.mark}{name[-1]}", f"hi{self.mark}{name[-1]}"
            ip("netns", "add", space)
            ip("link", "add", outer, "type", "veth", "peer", "name", inner)
            ip("link", "set", inner, "netns", space)
            ip("link", "set", outer, "master", f"hb{self.mark}", "up")
            ip("-n", space, "addr", "add", f"10.231.{self.number}.{place_}/24", "dev", inner)
            ip("-n", space, "link", "set", inner, "up")
            ip("-n", space, "link", "set", "lo", "up")

    def remove(self) -> None:
        for name in NAMES:
            for words in (("link", "del", f"hv{self.mark}{name[-1]}"), ("netns", "del", self.namespace(name))):
                with contextlib.suppress(subprocess.CalledProcessError):
                    ip(*words)
        with contextlib.suppress(subprocess.CalledProcessError):
            ip("link", "del", f"hb{self.mark}")


@pytest.fixture
def network() -> Iterator[Network]:
    """Skips the test where namespaces cannot be made."""
    if os.getuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and iproute2")
    if shutil.which("docker-registry") is None or debian_programs() is None:
        pytest.skip("docker-registry and Debian's PostgreSQL are not installed")
    made = Network(f"{os.getpid() % 100_000:x}", os.getpid() % 250)
    try:
        try:
            made.make()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces cannot be made: {error.stderr.decode()[:200]}")
        yield made
    finally:
        made.remove()


_GIVEN_UP = ("lost", "begins anew", "the job is no longer ours")


@dataclass
class Scene:
    """A server whose workers live in namespaces."""

    running: Server
    client: Client
    network: Network
    registry: str
    slow: str

    def add_slow(self) -> str:
        """Add an image that takes some seconds to come; its digest."""
        self.client.must("PUT", f"/api/v1/registries/{self.slow.partition('/')[0]}", {"verify": False})
        return self.client.add(self.slow)

    def work(self, name: str) -> None:
        """Start a worker in its namespace, with a folder of its own."""
        folder = self.running.folder / name
        folder.mkdir()
        shutil.copy(self.running.folder / "data" / "secret.key", folder / "secret.key")
        before = ("ip", "netns", "exec", self.network.namespace(name))
        self.running.start(name, before=before, HULLMARK_DATA=str(folder))

    def working(self) -> list[str]:
        """The workers that the database knows to be analysing, by the number of their processes."""
        rows = self.running.rows("SELECT lease_by FROM image WHERE state = 'analysing' AND lease_until > now()")
        return [lease.split(":")[-2] for (lease,) in rows]

    def states(self) -> dict[str, int]:
        return dict(self.running.rows("SELECT state, count(*) FROM image GROUP BY 1"))

    def log(self, name: str) -> str:
        return self.running.processes[name].log.read_text()

    def has_given_up(self, name: str) -> bool:
        """Whether a worker has ended its first work without a result: it found out that others have it; or the cut lasted longer than the
        worker waits for the registry and the database, as on a busy machine, and it has begun anew or been told that the job is theirs."""
        log = self.log(name)
        return any(f'"event": "{event}"' in log for event in _GIVEN_UP) or log.count('"event": "working"') > 1


@pytest.fixture
def scene(network: Network) -> Iterator[Scene]:
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(place())
        database = stack.enter_context(debian_postgres(folder / "postgres", network.host))
        bucket = stack.enter_context(s3_bucket(host=network.host))
        registry = stack.enter_context(docker_registry(folder / "registry", network.host))
        settings = {
            **bucket,
            "HULLMARK_DATABASE_URL": database.url(),
            "HULLMARK_OBJECTS": "s3://marks/all",
            "HULLMARK_LEASE": "3",
            "HULLMARK_SILENCE": "3",
            "HULLMARK_HEARTBEAT": "0.5",
            "HULLMARK_ATTEMPTS": "20",
        }
        running = stack.enter_context(forked_server(folder, **settings))
        running.migrate()
        running.start("api")
        running.start("scheduler")
        running.ready()
        client = running.client.signed_in()
        client.prepare(registry)
        _, slow, _ = stack.enter_context(slow_registry(network.host))
        yield Scene(running, client, network, registry, slow)


def settled(scene: Scene, digests: list[str]) -> None:
    """All are analysed and judged, each once; nothing is left to do."""
    until(lambda: scene.states() == {"analysed": len(digests)}, 180, "the analyses")
    wait_for_jobs(scene.running, 60)
    told = scene.running.rows("SELECT resource, count(*) FROM event WHERE kind = 'image.analysed' GROUP BY 1")
    assert sorted(told) == sorted((digest, 1) for digest in digests)
    assert sorted(scene.client.verdicts()) == sorted(digests)


def test_workers_in_two_namespaces_work_as_one(scene: Scene) -> None:
    for name in NAMES:
        scene.work(name)
    references = [put_image(scene.registry, f"small/{number}", *numbered(number)) for number in range(30)]
    digests = [scene.client.add(reference) for reference in references]
    settled(scene, digests)
    for name in NAMES:
        assert '"event": "analysed"' in scene.log(name)
    assert set(scene.running.stop().values()) == {0}


def test_a_worker_that_is_cut_off_loses_its_image_to_the_other_and_comes_back(scene: Scene) -> None:
    scene.work("worker-1")
    digest = scene.add_slow()
    cut = scene.running.processes["worker-1"]
    until(lambda: scene.working() != [], 60, "the analysis", 0.02)
    scene.network.link("worker-1", "down")
    assert "analysed" not in scene.states()
    scene.work("worker-2")
    settled(scene, [digest])
    assert '"event": "analysed"' in scene.log("worker-2")
    assert cut.alive()
    scene.network.link("worker-1", "up")
    until(lambda: scene.has_given_up("worker-1"), 90, "the end of what was begun before the cut")
    settled(scene, [digest])
    assert '"event": "analysed"' not in scene.log("worker-1")
    # It works again, and alone.
    assert scene.running.processes.pop("worker-2").end() == 0
    more = scene.client.add(put_image(scene.registry, "small/77", *numbered(77)))
    settled(scene, [digest, more])
    assert '"event": "analysed"' in scene.log("worker-1")
    assert cut.end(signal.SIGTERM) == 0


def test_a_worker_that_is_told_to_stop_while_it_is_cut_off_ends(scene: Scene) -> None:
    scene.work("worker-1")
    digest = scene.add_slow()
    until(lambda: scene.working() != [], 60, "the analysis", 0.02)
    scene.network.link("worker-1", "down")
    assert scene.running.processes.pop("worker-1").end(seconds=90) == 0
    scene.work("worker-2")
    settled(scene, [digest])
