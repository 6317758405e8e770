"""From end to end: a whole server, agents of three platforms, real dockerd, registries of clouds, and somebody who is told.

The image is in ECR's and Google's registries: Debian's registry, which demands the tokens that moto and a fake of the metadata server give.
It is run by dockerd, by a pod of the fake cluster, and by a task of moto's ECS.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hullmark.model.advisory import Record
from hullmark.places.runtime.ecs.collector import QUEUE
from tests.flow.test_ecs import event_of
from tests.service.test_verdicts import LIBC, NO_HIGH
from tests.support.aws import FakeAmazon, fake_amazon
from tests.support.connect_proxy import port_forward
from tests.support.desk import OS_RELEASE, status_file
from tests.support.engines import NAME, RealEngine, dockerd, needed, shell_image
from tests.support.google import TOKEN, fake_google
from tests.support.kubernetes.manifests import pod, running, workload
from tests.support.kubernetes.server import FakeCluster
from tests.support.matching import advisory, affected
from tests.support.processes import Client, Process, Server, place, until
from tests.support.processes import server as server_of
from tests.support.program import HULLMARK
from tests.support.receiver import Receiver
from tests.support.registry import debian_registry, make_certificates
from tests.support.snapshots import snapshot_in

pytestmark = pytest.mark.slow

REGION, ACCOUNT = "eu-west-1", "123456789012"
ECR, GOOGLE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com", "europe-docker.pkg.dev"
LOGINS = {ECR: ("AWS", f"{ACCOUNT}-auth-token"), GOOGLE: ("oauth2accesstoken", TOKEN)}
SHOP = {host: f"{host}/team/shop:1" for host in LOGINS}
FILES = {"etc/os-release": OS_RELEASE, **status_file(("libc6", "2.41-12"), ("zlib1g", "1:1.3"))}
# NVD's advisories, which would be about busybox, are none of these.
POLICY = NO_HIGH.replace("action: stop,", "action: stop, when_unknown: go,")
ZLIB = advisory("CVE-2026-2", affected("debian:13", "zlib1g", "deb", "1:1.4"), severity="high")
PATIENCE = 60.0
GRADES = {
    ("host-1/shop/shop", "default"),
    ("gke/default/Deployment/shop/main", "default"),
    (f"main/{ACCOUNT}/{REGION}/Service/shop/shop", "vm"),
}
"""Where the image runs, and how well it is kept apart there."""


@dataclass
class World:
    """The server, what runs images, and what people were told."""

    folder: Path
    server: Server
    owner: Client
    engine: RealEngine
    cluster: FakeCluster
    amazon: FakeAmazon
    receiver: Receiver
    variables: dict[str, str]
    agents: list[Process] = field(default_factory=list)
    _snapshots: int = 0

    def advise(self, *records: Record) -> None:
        """Have these advisories count."""
        self._snapshots += 1
        folder = self.folder / f"advisories-{self._snapshots}"
        folder.mkdir()
        with snapshot_in(folder, records) as snapshot:
            self.server.client.must("POST", "/api/v1/advisories", Path(snapshot.path).read_bytes())

    def start_agent(self, name: str, *words: str) -> None:
        """Start one of the program's agents, as a process, with a key of an agent."""
        key = self.owner.must("POST", "/api/v1/keys", {"name": name, "role": "agent"})["key"]
        environment = {
            **self.variables,
            "HULLMARK_API_KEY": key,
            "HULLMARK_SERVER": f"http://127.0.0.1:{self.server.port}",
        }
        command = [*HULLMARK, *words, "--state", str(self.folder / name)]
        agent = Process(command, environment, self.folder / f"{name}.log")
        agent.start()
        self.agents.append(agent)

    def places(self) -> dict[str, Any]:
        """What the server says runs: platforms, and how many containers on each."""
        found: dict[str, Any] = {}
        for told in self.owner.must("GET", "/api/v1/places?limit=100")["items"]:
            found.setdefault(told["platform"], []).append(told)
        return found

    def wait_for(self, **counts: int) -> None:
        """Wait until as many places are told as these, by platform."""

        def is_so() -> bool:
            return {platform: len(places) for platform, places in self.places().items()} == counts

        until(is_so, PATIENCE, f"places {counts}\n{self.logs()}")

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The items of notices of one kind that have come."""
        notices = [came.event["data"] for came in self.receiver.received]
        return [item for notice in notices for item in notice.get("items", ()) if item["kind"] == kind]

    def logs(self) -> str:
        """What agents said."""
        return "\n".join(path.read_text("utf-8", "replace")[-800:] for path in sorted(self.folder.glob("*.log")))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    needed("dockerd", "containerd", "runc", "skopeo")
    with whole_world(tmp_path_factory.mktemp("where"), tmp_path_factory.mktemp("docker")) as made:
        yield made


@contextmanager
def whole_world(folder: Path, docker: Path) -> Iterator[World]:
    """All that there is, in two empty folders; agents are started later."""
    certificates = make_certificates(folder, f"IP:127.0.0.1,DNS:{ECR},DNS:{GOOGLE}")
    archive, _ = shell_image(SHOP[ECR], FILES)
    (folder / "shop.tar").write_bytes(archive)
    with ExitStack() as stack:
        engine = stack.enter_context(dockerd(docker))
        engine.must("POST", "/images/load", archive)
        ports = {}
        for host, login in LOGINS.items():
            ports[host] = stack.enter_context(debian_registry(folder / host, certificates, login))
            push(folder, certificates.ca, ports[host], login)
        amazon, google = stack.enter_context(fake_amazon()), stack.enter_context(fake_google())
        amazon.forget()
        (folder / "cluster").mkdir()
        cluster = stack.enter_context(FakeCluster(folder / "cluster").running())
        receiver = stack.enter_context(Receiver().running())
        clouds = {
            "SSL_CERT_FILE": str(certificates.ca),
            "AWS_ENDPOINT_URL": amazon.url,
            "AWS_ACCESS_KEY_ID": "somebody",
            "AWS_SECRET_ACCESS_KEY": "something",
            "AWS_REGION": REGION,
            "GCE_METADATA_HOST": google.host,
        }
        home = stack.enter_context(place("hm-where-"))
        server = stack.enter_context(server_of(home, HULLMARK_CLOUD_LOGINS="ecr,google", **clouds))
        server.start(before=named(stack, folder, ports))
        server.ready()
        own = {"PATH": "/usr/bin:/bin", "HOME": str(folder), **clouds}
        made = World(folder, server, server.client.signed_in(), engine, cluster, amazon, receiver, own)
        stack.callback(lambda: [agent.end() for agent in made.agents])
        yield made


def named(stack: ExitStack, folder: Path, ports: Mapping[str, int]) -> tuple[str, ...]:
    """What stands before a command for which the registries' names lead to these ports: a mount namespace with hosts(5) of its own."""
    needed("unshare", "mount")
    hosts = Path("/etc/hosts").read_text("utf-8")
    for number, (host, port) in enumerate(ports.items()):
        address = f"127.88.{os.getpid() % 250}.{number + 1}"
        stack.enter_context(port_forward(address, 443, port))
        hosts += f"{address} {host}\n"
    (folder / "hosts").write_text(hosts)
    return ("unshare", "--mount", "sh", "-c", f'mount --bind {folder}/hosts /etc/hosts && exec "$@"', "sh")


def push(folder: Path, ca: Path, port: int, login: tuple[str, str]) -> None:
    """Put the image into a registry."""
    certs = folder / f"certs-{port}"
    certs.mkdir()
    shutil.copy(ca, certs / "ca.crt")
    trusted = ("--dest-cert-dir", str(certs), "--dest-creds", ":".join(login))
    command = (
        "skopeo",
        "copy",
        *trusted,
        f"docker-archive:{folder}/shop.tar",
        f"docker://127.0.0.1:{port}/team/shop:1",
    )
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_an_image_that_passes_is_followed_wherever_it_runs(world: World) -> None:
    """From the first pull to the digest of the day."""
    begin(world)
    digest = pulled_and_passed(world)
    started_everywhere(world, digest)
    tells_of_an_advisory(world, digest)
    tells_of_what_starts_uncertified(world)
    keeps_what_stopped_for_the_digest(world, digest)


def begin(world: World) -> None:
    """A policy, somebody who is told, and advisories that concern nothing here."""
    owner = world.owner
    kept = owner.must("POST", "/api/v1/policies", {"text": POLICY})
    owner.must("POST", "/api/v1/activations", {"policy": kept["name"]})
    owner.must("POST", "/api/v1/channels", {"name": "ops", "kind": "webhook", "settings": {"url": world.receiver.url}})
    world.advise(advisory("CVE-2026-0", affected("debian:13", "nothing", "deb", "2")))


def pulled_and_passed(world: World) -> str:
    """The server pulls the image from both clouds by their tokens, and it passes."""
    digests = {world.owner.add(reference) for reference in SHOP.values()}
    assert len(digests) == 1
    digest = digests.pop()
    until(lambda: world.owner.verdicts() == {digest: "go"}, PATIENCE, "the verdict")
    return digest


def started_everywhere(world: World, digest: str) -> None:
    """dockerd runs it, a pod does, and a task of ECS: each agent tells, one of them by an event."""
    world.engine.run("shop", image=SHOP[ECR])
    world.start_agent("docker", "agent", "--engine", "docker", "--address", world.engine.address, "--name", "host-1")
    create = world.cluster.store
    deployment = create.create(workload("Deployment", "shop"))
    replicas = create.create(workload("ReplicaSet", "shop-1", owner=deployment))
    status = {"containerStatuses": [running("main", SHOP[GOOGLE], imageID=f"{GOOGLE}/team/shop@{digest}")]}
    create.create(pod("shop-1-a", SHOP[GOOGLE], owner=replicas, status=status))
    config = str(world.cluster.kubeconfig("gke"))
    world.start_agent("kubernetes", "inventory", "kubernetes", "--kubeconfig", config, "--follow")
    ecs = world.amazon.client("ecs", REGION)
    ecs.create_cluster(clusterName="main")
    world.amazon.client("sqs", REGION).create_queue(QueueName=QUEUE)
    world.amazon.digests[SHOP[ECR]] = digest
    containers = [{"name": "shop", "image": SHOP[ECR], "memory": 128}]
    ecs.register_task_definition(family="shop", containerDefinitions=containers)
    world.start_agent("ecs", "inventory", "ecs", "--follow")
    world.wait_for(docker=1, kubernetes=1)
    until(
        lambda: "ListTasks" in world.amazon.operations("ecs") or "ReceiveMessage" in world.amazon.operations("sqs"),
        PATIENCE,
    )
    start_task(world)
    world.wait_for(docker=1, kubernetes=1, ecs=1)


def start_task(world: World) -> None:
    """Run the image as a task of a service on Fargate, and have that told by an event."""
    ecs = world.amazon.client("ecs", REGION)
    ran = ecs.run_task(cluster="main", taskDefinition="shop", launchType="FARGATE", group="service:shop")
    tell_change(world, ran["tasks"][0]["taskArn"], 2)


def tell_change(world: World, task: str, version: int) -> None:
    """Put an event of a task into the queue."""
    sqs = world.amazon.client("sqs", REGION)
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=event_of(world.amazon, "main", task, version))


def tells_of_an_advisory(world: World, digest: str) -> None:
    """An advisory lands: the notice names the workloads, their places, and how well each is kept apart."""
    world.receiver.received.clear()
    world.advise(LIBC)
    until(lambda: bool(world.told("compliance.lost")), PATIENCE, f"the notice\n{world.logs()}", 0.02)
    (item,) = world.told("compliance.lost")
    assert (item["image"], item["place_count"]) == (digest, 3)
    assert {(place["name"], place["grade"]) for place in item["places"]} == GRADES


def tells_of_what_starts_uncertified(world: World) -> None:
    """An image that nobody added is started."""
    world.engine.run("rogue")
    until(lambda: bool(world.told("place.uncertified")), PATIENCE, f"the notice\n{world.logs()}")
    (item,) = world.told("place.uncertified")
    assert item["reference"] == NAME
    assert [place["name"] for place in item["places"]] == ["host-1/rogue/rogue"]


def keeps_what_stopped_for_the_digest(world: World, digest: str) -> None:
    """What runs nowhere any more is told of in the daily report."""
    world.engine.remove("shop")
    world.cluster.store.delete("Pod", "shop-1-a")
    ecs = world.amazon.client("ecs", REGION)
    (task,) = ecs.list_tasks(cluster="main")["taskArns"]
    ecs.stop_task(cluster="main", task=task)
    tell_change(world, task, 9)
    world.wait_for(docker=1)
    world.receiver.received.clear()

    def gathering() -> list[dict[str, Any]]:
        messages = world.owner.must("GET", "/api/v1/messages")["items"]
        return [message for message in messages if (message["form"], message["state"]) == ("digest", "gathering")]

    assert gathering() == []
    world.advise(LIBC, ZLIB)
    until(lambda: bool(gathering()), PATIENCE, f"the digest\n{world.logs()}")
    assert [
        item
        for came in world.receiver.received
        for item in came.event["data"].get("items", ())
        if item["image"] == digest
    ] == []
