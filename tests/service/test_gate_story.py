"""From certified to deployed, refused, let through for a while, told of, excepted and allowed again: server, gate, cluster and registry."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hullmark.places.gates.follow import RunningImages
from hullmark.places.gates.settings import GateSettings
from hullmark.places.gates.verdicts import LocalVerdicts
from hullmark.places.runtime.collector import Listing
from hullmark.places.runtime.kubernetes.kubeconfig import Kubeconfig
from hullmark.server.stories.judging.deadlines import judge_due
from tests.contract.kubernetes.test_admission import PLACES, Answer, Place, ask, document_of, main, path_of
from tests.service.test_admission import GRACE, OTHER, Follower
from tests.service.test_place_news import heard, listening
from tests.service.test_published_statements import held, newest, work
from tests.service.test_verdicts import LIBC, NO_HIGH, kept
from tests.support.desk import Desk, desk
from tests.support.gate import GateWorld, gated
from tests.support.inventories import Agent
from tests.support.kubernetes import manifests
from tests.support.kubernetes.access import User
from tests.support.kubernetes.hearing import collector_of
from tests.support.open_registry import OpenRegistry
from tests.support.receiver import Receiver
from tests.support.shelves import openssl

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

TOKENS = {"t": User("ann"), "rs": User("system:serviceaccount:kube-system:replicaset-controller")}
DEPLOYMENT = Place("Deployment", "", "CREATE", "spec.containers[].image")


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    key = tmp_path / "admin.pem"
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
    openssl("pkey", "-in", key, "-pubout", "-out", tmp_path / "admin.pub")
    async with desk(database_url, tmp_path, signing_key=str(key)) as found:
        yield found


@pytest.fixture
def registry() -> Iterator[OpenRegistry]:
    with OpenRegistry().running() as found:
        yield found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as found:
        yield found


class Story:
    """A server, a gate that follows it, a cluster before which it stands, and an agent that tells the server what runs there."""

    def __init__(self, at: Desk, world: GateWorld) -> None:
        self.at, self.world = at, world
        self.gate, self.agent = Follower(at, world.folder), Agent(at, "test")
        self.running = RunningImages()

    async def sync(self) -> None:
        """Time goes on: the server's work is done, and the gate knows what it says."""
        await work(self.at)
        self.world.now = self.at.now
        await self.gate.sync()

    def deploy(self, name: str, reference: str) -> Answer:
        """Create a Deployment."""
        return ask(self.world, "POST", path_of("Deployment"), document_of(DEPLOYMENT, main(reference), name))

    def start(self, name: str, reference: str, owner: Any, by: str = "rs") -> Answer:
        """Create a pod as the controller of ReplicaSets does, or somebody else who names the same owner."""
        pod = document_of(PLACES[0], main(reference), name)
        pod["metadata"]["ownerReferences"] = [manifests.controlled_by(owner)]
        return ask(self.world, "POST", path_of("Pod"), pod, by=by)

    async def look(self) -> None:
        """The gate, and the agent, see what runs."""
        collector = collector_of(Kubeconfig([self.world.cluster.kubeconfig(token="t")]).access())  # noqa: S106
        found = list(collector.containers())
        self.running.take(Listing(iter(found)), LocalVerdicts(self.world.folder / "verdicts.db"), self.at.now)
        await self.agent.list(*found)


def run_pod(world: GateWorld, name: str, image: str, digest: str) -> None:
    """Kubelet says that the pod's container runs."""
    status = {**manifests.running("main", image), "imageID": f"{image.partition('@')[0].rpartition(':')[0]}@{digest}"}
    world.cluster.store.change("Pod", name, "shop", status={"phase": "Running", "containerStatuses": [status]})


@pytest.mark.parametrize("granted_by", ["policy", "gate"])
async def test_from_certified_to_refused_and_allowed_again(  # noqa: PLR0915 - a story
    at: Desk, receiver: Receiver, registry: OpenRegistry, tmp_path: Path, granted_by: str
) -> None:
    """Grace is the policy's, who hears of it before it ends, or the gate's own, for policies that know none."""
    await kept(at, GRACE if granted_by == "policy" else NO_HIGH)
    settings = GateSettings(grace_days=0 if granted_by == "policy" else 7)
    await listening(at, receiver)
    await at.advise(OTHER)
    digest = await held(at, registry)
    reference = f"{registry.host}/shop:1.0"
    await at.post("/images", {"reference": reference})

    def signed() -> str:
        return newest(registry, digest, at, tmp_path)

    folder = tmp_path / "cluster"
    folder.mkdir()
    with gated(folder, settings, images=(), tokens=TOKENS) as world:
        story = Story(at, world)
        # Nothing is known yet: nothing starts.
        assert "the gate has no verdicts yet" in story.deploy("early", reference).body["message"]
        await story.sync()
        # Certified, signed beside the image, and deployed: by digest, though it was named by a tag.
        assert signed() == "go"
        assert story.deploy("web", reference).status == 201
        set_of = document_of(Place("ReplicaSet", "", "CREATE", ""), main(reference), "web-1")
        owner = world.cluster.store.create({**set_of, "metadata": {"name": "web-1", "namespace": "shop"}})
        pod = story.start("web-1-a", reference, owner)
        assert (pod.status, pod.body["spec"]["containers"][0]["image"]) == (201, f"{reference}@{digest}")
        run_pod(world, "web-1-a", f"{reference}@{digest}", digest)
        await story.look()
        await heard(at, receiver)
        # An advisory lands.
        at.now += timedelta(days=1)
        await at.advise(OTHER, LIBC)
        kinds = await kinds_heard(at, receiver)
        assert kinds == (set() if granted_by == "policy" else {"compliance.lost"})
        await story.sync()
        assert signed() == ("warn" if granted_by == "policy" else "stop"), "what the older one says is revoked"
        refused = story.deploy("other", reference)
        assert refused.status == 403
        assert "policy weaknesses says stop: " in refused.body["message"]
        if granted_by == "policy":
            assert "CVE-2026-1" in refused.body["message"]
            assert "only what ran before may start again" in refused.body["message"]
        # What runs may start again, here and by its owner, until grace ends.
        assert ask(world, "DELETE", path_of("Pod", "web-1-a")).status == 200
        again = story.start("web-1-b", reference, owner)
        assert again.status == 201, again
        assert any("may start again until 2026-05-09" in warning for warning in again.warnings), again.warnings
        assert ask(world, "POST", path_of("Pod"), document_of(PLACES[0], main(reference), "bare")).status == 403
        assert story.start("forged", reference, owner, by="t").status == 403, "the owner is somebody's word"
        run_pod(world, "web-1-b", f"{reference}@{digest}", digest)
        await story.look()
        # Grace ends; of a policy's people are told before, and then.
        at.now += timedelta(days=5)
        await judge_due(at.services)
        assert await kinds_heard(at, receiver) == ({"grace.ending"} if granted_by == "policy" else set())
        await story.look()
        await story.sync()
        assert story.start("web-1-c", reference, owner).status == 201
        at.now += timedelta(days=3)
        await judge_due(at.services)
        assert await kinds_heard(at, receiver) == ({"compliance.lost"} if granted_by == "policy" else set())
        await story.sync()
        assert signed() == "stop"
        late = story.start("web-1-d", reference, owner)
        assert late.status == 403
        assert "policy weaknesses says stop: " in late.body["message"]
        # Somebody accepts it for a time.
        at.now += timedelta(minutes=1)
        document = {
            "rule": "no-high",
            "subject": "*",
            "expires": "2026-07-01",
            "owner": "ann",
            "reason": "the part is not used",
        }
        await at.post("/exceptions", document)
        assert await kinds_heard(at, receiver) == {"compliance.regained"}
        await story.sync()
        assert signed() == "go", "and it is signed again"
        assert story.start("web-1-d", reference, owner).status == 201
        assert story.deploy("other", reference).status == 201


async def kinds_heard(at: Desk, receiver: Receiver) -> set[str]:
    """The kinds of what people were told since the last time, but that something that does not pass has started."""
    found = {item["kind"] for each in await heard(at, receiver) for item in each["items"]}
    return found - {"place.uncertified"}
