"""What a cluster runs, by the collector: places, what may not be read, what changes while it is followed."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hullmark.model.place import PlaceEvent, RunningContainer
from hullmark.net.http import HttpSettings
from hullmark.places.runtime.collector import Changes, Collector, GapReporting, Listing
from hullmark.places.runtime.host import UNTOLD, HostState, Look, unknown_host
from hullmark.places.runtime.kubernetes.api import EVERYWHERE, ExpiredVersion, ForbiddenRequest, KubernetesApi, Scope
from hullmark.places.runtime.kubernetes.collector import KubernetesCollector
from hullmark.places.runtime.kubernetes.kubeconfig import Kubeconfig
from tests.support.kubernetes import manifests
from tests.support.kubernetes.access import User
from tests.support.kubernetes.hearing import Hearer
from tests.support.kubernetes.manifests import container, pod, running, terminated, waiting
from tests.support.kubernetes.server import FakeCluster

NOW = datetime(2026, 3, 2, tzinfo=UTC)
RBAC = "rbac.authorization.k8s.io/v1"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[FakeCluster]:
    """A cluster with a node, and RBAC that only masters pass."""
    fake = FakeCluster(tmp_path, has_tls=False, rbac=True, bookmark_seconds=0.05)
    fake.tokens = {"master": User("root", ("system:masters",)), "agent": User("agent")}
    fake.store.create(manifests.node())
    with fake.running():
        yield fake


class Time:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """What it says."""
        return self.seconds


def collector(
    cluster: FakeCluster,
    scope: Scope = EVERYWHERE,
    bearer: str = "master",
    monotonic: Time | None = None,
    look: Look = unknown_host,
) -> KubernetesCollector:
    """The collector of the cluster `prod`."""
    api = KubernetesApi(Kubeconfig([cluster.kubeconfig(bearer=bearer)]).access(), HttpSettings(sleep=lambda _: None))
    return KubernetesCollector(api, "prod", scope, lambda: NOW, monotonic or Time(), look)


def workloads(cluster: FakeCluster, **how: Any) -> dict[str, str]:
    """The workload of each image."""
    return {each.image.reference: each.place.workload for each in collector(cluster, **how).containers()}


def owned(cluster: FakeCluster) -> None:
    """Pods of every kind of owner, each with an image named for it."""
    store = cluster.store
    deployment = store.create(manifests.workload("Deployment", "web"))
    replica_set = store.create(manifests.workload("ReplicaSet", "web-5f", owner=deployment))
    cron_job = store.create(manifests.cron_job("nightly"))
    job = store.create(manifests.job("nightly-1", owner=cron_job))
    rollout = store.create({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "canary"}})
    rolled = store.create(manifests.workload("ReplicaSet", "canary-7c", owner=rollout))
    bare = store.create(manifests.workload("ReplicaSet", "bare"))
    for image, owner in (("deployment", replica_set), ("cronjob", job), ("rollout", rolled), ("replicaset", bare)):
        store.create(pod(f"{image}-1", image, owner=owner))
    for kind in ("StatefulSet", "DaemonSet"):
        store.create(pod(f"{kind.lower()}-1", kind.lower(), owner=store.create(manifests.workload(kind, kind.lower()))))
    store.create(pod("alone", "alone"))
    static = pod("kube-apiserver-node-1", "static", owner=store.get("Node", "node-1", ""))
    static["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    store.create(static)


WORKLOADS = {
    "deployment": "Deployment/web",
    "cronjob": "CronJob/nightly",
    "rollout": "Rollout/canary",
    "replicaset": "ReplicaSet/bare",
    "statefulset": "StatefulSet/statefulset",
    "daemonset": "DaemonSet/daemonset",
    "alone": "Pod/alone",
    "static": "StaticPod/kube-apiserver",
}


def test_a_place_is_named_for_the_workload_that_people_know(cluster: FakeCluster) -> None:
    owned(cluster)
    assert workloads(cluster) == WORKLOADS
    questions = [asked for asked in cluster.asked if asked.verb == "get"]
    assert questions == []  # lists told it all


def test_an_owner_that_is_gone_or_another_by_now_is_not_taken_for_it(cluster: FakeCluster) -> None:
    owned(cluster)
    cluster.store.delete("ReplicaSet", "web-5f")
    cluster.store.delete("Job", "nightly-1")
    cluster.store.create(manifests.job("nightly-1"))
    assert workloads(cluster) == {**WORKLOADS, "deployment": "ReplicaSet/web-5f", "cronjob": "Job/nightly-1"}


def test_owners_in_a_circle_end(cluster: FakeCluster) -> None:
    store = cluster.store
    one = store.create(manifests.workload("ReplicaSet", "one"))
    two = store.create(manifests.workload("ReplicaSet", "two", owner=one))
    reference = [manifests.controlled_by(two)]
    store.change("ReplicaSet", "one", metadata={**one["metadata"], "ownerReferences": reference})
    store.create(pod("p", "circle", owner=one))
    assert workloads(cluster)["circle"].startswith("ReplicaSet/")


def test_labels_are_the_namespaces_and_the_pods_own_win(cluster: FakeCluster) -> None:
    cluster.store.create(manifests.namespace("shop", env="prod", app="shop"))
    cluster.store.create(pod("p", namespace="shop", labels={"app": "web"}))
    (found,) = collector(cluster).containers()
    assert found.labels == {"env": "prod", "app": "web", "kubernetes.io/metadata.name": "shop"}
    assert found.image.architecture == "amd64"


def test_a_list_made_again_gives_the_same_values(cluster: FakeCluster) -> None:
    owned(cluster)
    assert list(collector(cluster).containers()) == list(collector(cluster).containers())


def test_only_pods_of_a_namespace_with_some_labels(cluster: FakeCluster) -> None:
    cluster.store.create(manifests.namespace("shop"))
    cluster.store.create(pod("a", "a", namespace="shop"))
    cluster.store.create(pod("b", "b", namespace="shop", labels={"app": "db"}))
    cluster.store.create(pod("c", "c"))
    assert set(workloads(cluster, scope=Scope("shop"))) == {"a", "b"}
    assert set(workloads(cluster, scope=Scope("shop", "app in (db,cache)"))) == {"b"}
    assert set(workloads(cluster, scope=Scope("", "app!=db"))) == {"a", "c"}


def granted(cluster: FakeCluster, *resources: tuple[str, str]) -> None:
    """Let the agent list and watch these."""
    rules = [
        {"apiGroups": [group], "resources": [plural], "verbs": ["get", "list", "watch"]} for group, plural in resources
    ]
    cluster.store.create({"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": "agent"}, "rules": rules})
    binding = {
        "apiVersion": RBAC,
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "agent"},
        "subjects": [{"kind": "User", "name": "agent"}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "agent"},
    }
    cluster.store.create(binding)


def test_without_pods_nothing_can_be_told(cluster: FakeCluster) -> None:
    with pytest.raises(ForbiddenRequest, match='cannot list resource "pods"'):
        list(collector(cluster, bearer="agent").containers())
    with pytest.raises(ForbiddenRequest):
        list(collector(cluster, bearer="agent").follow(threading.Event()))


def test_what_else_may_not_be_read_is_said_and_the_rest_is_told(cluster: FakeCluster) -> None:
    owned(cluster)
    granted(cluster, ("", "pods"))
    found = collector(cluster, bearer="agent")
    told = {each.image.reference: each.place.workload for each in found.containers()}
    assert told == {
        **WORKLOADS,
        "deployment": "ReplicaSet/web-5f",
        "cronjob": "Job/nightly-1",
        "rollout": "ReplicaSet/canary-7c",
    }
    assert [gap.partition(" ")[0] for gap in found.gaps] == [
        "jobs",
        "namespaces",
        "nodes",
        "replicasets",
        "replicationcontrollers",
        "runtimeclasses",
    ]
    stop = threading.Event()
    events: set[str] = set()
    for said in found.follow(stop):
        if isinstance(said, Changes):
            events |= {event.summary for event in said.events}
        if len(events) == len(found.gaps):
            stop.set()
    assert events == set(found.gaps)


def test_it_is_a_collector(cluster: FakeCluster) -> None:
    found: Collector = collector(cluster)
    assert (found.platform, found.name) == ("kubernetes", "prod")
    assert isinstance(found, GapReporting)


class Looked:
    """A look at hosts that finds an escape in containerd 2.1.1, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, Any]] = []

    def __call__(self, version: Mapping[str, Any], info: Mapping[str, Any]) -> HostState:
        """The state of a host."""
        self.asked.append((version, info))
        told = [
            PlaceEvent(kind="host", subject=subject, summary=f"{subject} of it", at=NOW)
            for subject in ("set-up", UNTOLD)
        ]
        escapes = ("CVE-2026-1",) if version["Components"][0]["Version"] == "2.1.1" else ()
        return HostState(escapes, tuple(told))


def test_a_known_escape_of_a_nodes_runtime_counts_for_all_that_runs_there(cluster: FakeCluster) -> None:
    store, look = cluster.store, Looked()
    sound = manifests.node("node-2")
    sound["status"]["nodeInfo"]["containerRuntimeVersion"] = "docker://27.0.1"
    store.create(sound)
    for number, node in enumerate(("node-1", "node-1", "node-2", "gone")):
        store.create(pod(f"p{number}", f"image-{number}", spec={"nodeName": node}))
    found = collector(cluster, look=look)
    told = {each.image.reference: each.isolation.escapes for each in found.containers()}
    assert told == {"image-0": ("CVE-2026-1",), "image-1": ("CVE-2026-1",), "image-2": (), "image-3": None}
    kernel = {"KernelVersion": "6.12.0"}
    assert look.asked == [
        ({"Components": [{"Name": "containerd", "Version": "2.1.1"}]}, kernel),
        ({"Components": [{"Name": "Engine", "Version": "27.0.1"}]}, kernel),
    ]
    assert found.gaps == (f"{UNTOLD} of it",)
    stop = threading.Event()
    said = found.follow(stop)
    assert isinstance(next(said), Listing)
    events = next(said)
    assert isinstance(events, Changes)
    assert [(event.kind, event.summary) for event in events.events] == [("host", f"{UNTOLD} of it")]
    stop.set()


class Follower:
    """A collector that is followed, step by step."""

    def __init__(self, cluster: FakeCluster, monotonic: Time | None = None) -> None:
        self.stop = threading.Event()
        said = collector(cluster, monotonic=monotonic).follow(self.stop)
        assert isinstance(said, Generator)
        self.said = said

    def listing(self) -> list[RunningContainer]:
        """The next thing that is said, which must be a list."""
        said = next(self.said)
        assert isinstance(said, Listing)
        return list(said.running)

    def changes(self) -> Changes:
        """The next thing that is said, which must be changes."""
        said = next(self.said)
        assert isinstance(said, Changes)
        return said


@pytest.fixture
def following(cluster: FakeCluster) -> Iterator[Follower]:
    """One that has listed a pod `first`."""
    cluster.store.create(pod("first"))
    found = Follower(cluster)
    assert len(found.listing()) == 1
    yield found
    found.stop.set()


def test_what_starts_and_ends_is_told_once(cluster: FakeCluster, following: Follower) -> None:
    store = cluster.store
    store.create(
        pod("second", phase="Pending", status={"containerStatuses": [waiting("main", "registry.example/web:1")]})
    )
    store.change("Pod", "second", status=pod("x")["status"])
    told = following.changes()
    assert ([each.place.workload for each in told.running], told.ended) == (["Pod/second"], ())
    store.change("Pod", "second", status={**pod("x")["status"], "conditions": [{"type": "Ready", "status": "True"}]})
    store.delete("Pod", "second")
    ended = following.changes()
    assert ([each.id for each in ended.ended], ended.running) == ([told.running[0].id], ())
    assert ended.ended[0].until == NOW


def test_nothing_ends_before_it_began_where_a_nodes_clock_is_ahead(cluster: FakeCluster, following: Follower) -> None:
    """A server takes an end that is older than the start for that of a run before, and the container would run for ever."""
    late = running("main", "registry.example/late:1")
    late["state"]["running"]["startedAt"] = "2026-03-02T00:05:00Z"
    cluster.store.create(pod("late", "registry.example/late:1", status={"containerStatuses": [late]}))
    (told,) = following.changes().running
    assert told.since > NOW
    cluster.store.delete("Pod", "late")
    (ended,) = following.changes().ended
    assert ended.until == told.since


def test_an_end_that_the_pod_tells_has_its_own_time(cluster: FakeCluster, following: Follower) -> None:
    status = {"phase": "Succeeded", "containerStatuses": [terminated("main", "registry.example/web:1")]}
    cluster.store.change("Pod", "first", status=status)
    (ended,) = following.changes().ended
    assert ended.until == datetime(2026, 3, 1, 12, 1, tzinfo=UTC)


def test_what_ran_between_two_looks_ran_all_the_same(cluster: FakeCluster, following: Follower) -> None:
    store = cluster.store
    status = {"phase": "Succeeded", "containerStatuses": [terminated("main", "registry.example/once:1")]}
    store.create(pod("quick", "registry.example/once:1", phase="Succeeded", status=status))
    told = following.changes()
    assert [each.image.reference for each in told.running] == ["registry.example/once:1"]
    assert [each.id for each in told.ended] == [told.running[0].id]
    store.change("Pod", "quick", metadata={**store.get("Pod", "quick")["metadata"], "labels": {"a": "b"}})
    store.delete("Pod", "quick")
    store.create(pod("last"))
    assert [each.place.workload for each in following.changes().running] == ["Pod/last"]


def test_an_image_changed_in_place_and_back_again_keeps_its_order(cluster: FakeCluster) -> None:
    store, hearer = cluster.store, Hearer()
    store.create(pod("first"))
    found = Follower(cluster)
    hearer.hear(next(found.said))
    (before,) = hearer.running
    spec = store.get("Pod", "first")["spec"]
    with store.changed:  # all of it comes at once
        for image in ("registry.example/web:2", "registry.example/web:1"):
            store.change("Pod", "first", spec={**spec, "containers": [container("main", image)]})
            store.change("Pod", "first", status={"phase": "Running", "containerStatuses": [running("main", image)]})
    while len(hearer.ended) < 2:
        hearer.hear(next(found.said))
    assert [(id, each.image.reference) for id, each in hearer.running.items()] == [(before, "registry.example/web:1")]
    assert hearer.ended[0].id == before
    assert hearer.strange == []
    found.stop.set()


def test_an_ephemeral_container_is_told_when_it_starts(cluster: FakeCluster, following: Follower) -> None:
    store = cluster.store
    found = store.get("Pod", "first")
    spec = {**found["spec"], "ephemeralContainers": [container("debugger", "registry.example/busybox:1")]}
    status = {**found["status"], "ephemeralContainerStatuses": [running("debugger", "registry.example/busybox:1")]}
    store.change("Pod", "first", spec=spec, status=status)
    (told,) = following.changes().running
    assert (told.place.kind, told.place.container) == ("ephemeral", "debugger")


def test_labels_of_a_namespace_that_change_are_told_by_a_new_list_at_most_once_a_minute(cluster: FakeCluster) -> None:
    cluster.store.create(pod("first"))
    time = Time()
    found = Follower(cluster, time)
    assert [each.labels.get("env") for each in found.listing()] == [None]
    while cluster.watches() < 3:  # of namespaces, nodes and runtime classes
        pass
    default = cluster.store.get("Namespace", "default", "")
    labels = {**default["metadata"]["labels"], "env": "prod"}
    cluster.store.change("Namespace", "default", "", metadata={**default["metadata"], "labels": labels})
    cluster.store.create(pod("second"))
    time.seconds = 61.0
    said: list[Any] = []
    while not said or not isinstance(said[-1], Listing):
        said.append(next(found.said))
    assert [each.labels.get("env") for each in said[-1].running] == ["prod", "prod"]
    found.stop.set()


def test_a_list_that_expires_is_begun_again(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.store.create(pod("first"))
    found = collector(cluster)
    tries = iter([ExpiredVersion("too old", status=410), ExpiredVersion("too old", status=410)])
    listed = KubernetesApi.pages

    def pages(api: KubernetesApi, resource: Any, scope: Scope = EVERYWHERE) -> Any:
        if resource.plural == "pods" and (error := next(tries, None)) is not None:
            raise error
        return listed(api, resource, scope)

    monkeypatch.setattr(KubernetesApi, "pages", pages)
    assert len(list(found.containers())) == 1


def test_a_runtime_class_stands_for_its_handler(cluster: FakeCluster) -> None:
    cluster.store.create(manifests.runtime_class("secure", "kata-qemu"))
    cluster.store.create(pod("p", spec={"runtimeClassName": "secure"}))
    (found,) = collector(cluster).containers()
    assert (found.isolation.runtime, found.isolation.boundary) == ("kata-qemu", "vm")


def test_whoever_stops_listening_leaves_no_watch_behind(cluster: FakeCluster) -> None:
    found = Follower(cluster)
    found.listing()
    while cluster.watches() < 3:
        pass
    found.said.close()
    while cluster.watches():
        pass
