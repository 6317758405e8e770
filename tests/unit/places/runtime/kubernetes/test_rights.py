"""The rights in deploy/kubernetes/agent.yaml are those that the agent uses: none is missing, none is too many."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import yaml

from hullmark.places.runtime.collector import Listing
from hullmark.places.runtime.kubernetes.api import Scope
from hullmark.places.runtime.kubernetes.kubeconfig import Kubeconfig
from tests.support.kubernetes import manifests
from tests.support.kubernetes.access import User
from tests.support.kubernetes.hearing import collector_of
from tests.support.kubernetes.manifests import pod
from tests.support.kubernetes.server import FakeCluster
from tests.support.places import REPOSITORY

AGENT = "system:serviceaccount:hullmark:hullmark-agent"
Right = tuple[str, str, str]


def documents() -> list[Any]:
    """The manifest's objects of RBAC, and the namespace."""
    found = yaml.safe_load_all((REPOSITORY / "deploy" / "kubernetes" / "agent.yaml").read_text())
    return [each for each in found if each["kind"] in ("Namespace", "ClusterRole", "ClusterRoleBinding")]


def granted() -> set[Right]:
    """What the rules allow: group, resource, verb."""
    (role,) = [document for document in documents() if document["kind"] == "ClusterRole"]
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def furnish(cluster: FakeCluster) -> None:
    """Pods amid things that are not there any more, so that each is asked for by its name."""
    store = cluster.store
    store.create(manifests.namespace("shop"))
    controller = {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {"name": "old", "namespace": "shop"},
        "spec": {"selector": {"app": "web"}, "template": manifests.template()},
    }
    owners = [
        manifests.workload("ReplicaSet", "web-5f", namespace="shop"),
        manifests.job("job-1", namespace="shop"),
        controller,
    ]
    for number, owner in enumerate(map(store.create, owners)):
        spec = {"nodeName": "gone", "runtimeClassName": "gone"}
        store.create(pod(f"p{number}", f"image-{number}", namespace="shop", owner=owner, spec=spec))
        store.delete(owner["kind"], owner["metadata"]["name"], "shop")
    store.delete("Namespace", "shop")


def running_fake(folder: Path) -> FakeCluster:
    """A cluster where RBAC counts, and the agent has what the manifest gives it."""
    fake = FakeCluster(folder, rbac=True, tokens={"agent": User(AGENT)}, bookmark_seconds=0.05)
    for document in documents():
        fake.store.create(document)
    furnish(fake)
    return fake


def stop_when_watched(cluster: FakeCluster, stop: threading.Event) -> None:
    """End once pods, namespaces, nodes and runtime classes are watched."""
    while cluster.watches() < 4:
        pass
    stop.set()


def test_the_agent_asks_for_all_that_it_may_and_for_nothing_else(tmp_path: Path) -> None:
    cluster, stop = running_fake(tmp_path), threading.Event()
    with cluster.running():
        collector = collector_of(Kubeconfig([cluster.kubeconfig(bearer="agent")]).access())
        said = collector.follow(stop)
        listing = next(said)
        assert isinstance(listing, Listing)
        assert len(list(listing.running)) == 3
        stopping = threading.Thread(target=stop_when_watched, args=(cluster, stop))
        stopping.start()
        assert list(said) == []
        stopping.join()
    asked = {(each.group, each.resource, each.verb) for each in cluster.asked}
    assert asked == granted()
    assert collector.gaps == ()


def test_in_one_namespace_it_asks_only_for_what_is_in_it_and_says_what_it_lacks(tmp_path: Path) -> None:
    cluster = running_fake(tmp_path)
    with cluster.running():
        collector = collector_of(Kubeconfig([cluster.kubeconfig(bearer="agent")]).access(), Scope("shop"))
        assert len(list(collector.containers())) == 3
    asked = {(each.resource, each.namespace) for each in cluster.asked if each.verb == "list"}
    inside = {"pods", "replicasets", "jobs", "replicationcontrollers"}
    assert {resource for resource, namespace in asked if namespace == "shop"} == inside
    assert {resource for resource, namespace in asked if not namespace} == {"nodes", "namespaces", "runtimeclasses"}
