"""The client of PyPI's `kubernetes` against the fake API server: lists, pages, watches, patches, refusals."""

from __future__ import annotations

import base64
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.kubernetes import manifests
from tests.support.kubernetes.access import User
from tests.support.kubernetes.server import FakeCluster

kubernetes: Any = pytest.importorskip("kubernetes")

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[FakeCluster]:
    """With TLS and one user, and objects that must fit the schemas."""
    fake = FakeCluster(tmp_path, tokens={"t": User("ann")}, bookmark_seconds=0.05, is_strict=True)
    with fake.running():
        yield fake


def client(cluster: FakeCluster, **user: Any) -> Any:
    """The real client, set up by a kubeconfig."""
    config: Any = importlib.import_module("kubernetes.config")
    path = cluster.kubeconfig(**(user or {"bearer": "t"}))
    return config.new_client_from_config(config_file=str(path))


@pytest.fixture
def core(cluster: FakeCluster) -> Iterator[Any]:
    """The core API."""
    with client(cluster) as api:
        yield kubernetes.client.CoreV1Api(api)


def names(listed: Any) -> list[str]:
    """The names of a list."""
    return [item.metadata.name for item in listed.items]


def test_pages_are_of_one_moment_and_their_token_expires(cluster: FakeCluster, core: Any) -> None:
    for name in "abcde":
        cluster.store.create(manifests.pod(name))
    first = core.list_namespaced_pod("default", limit=2)
    cluster.store.create(manifests.pod("aa"))
    second = core.list_namespaced_pod("default", limit=2, _continue=first.metadata._continue)
    assert (names(first), names(second)) == (["a", "b"], ["c", "d"])
    assert (first.metadata.remaining_item_count, second.metadata.remaining_item_count) == (3, 1)
    assert first.metadata.resource_version == second.metadata.resource_version
    cluster.store.compact()
    with pytest.raises(kubernetes.client.ApiException) as raised:
        core.list_namespaced_pod("default", limit=2, _continue=second.metadata._continue)
    assert (raised.value.status, raised.value.reason) == (410, "Gone")
    told = kubernetes.client.ApiClient().sanitize_for_serialization(raised.value.body)
    assert "continue parameter is too old" in told


def test_selectors_choose(cluster: FakeCluster, core: Any) -> None:
    for name, app in (("a", "web"), ("b", "db"), ("c", "cache")):
        cluster.store.create(manifests.pod(name, labels={"app": app, **({"x": "1"} if name == "a" else {})}))
    cases = {
        "app=web": ["a"],
        "app!=web": ["b", "c"],
        "app in (web, db)": ["a", "b"],
        "app notin (web),x": [],
        "x": ["a"],
        "!x": ["b", "c"],
        "app in (web,cache),x!=1": ["c"],
    }
    for selector, expected in cases.items():
        assert names(core.list_pod_for_all_namespaces(label_selector=selector)) == expected, selector
    chosen = core.list_pod_for_all_namespaces(field_selector="metadata.name=b,spec.nodeName=node-1")
    assert names(chosen) == ["b"]
    with pytest.raises(kubernetes.client.ApiException) as raised:
        core.list_pod_for_all_namespaces(field_selector="spec.color=red")
    assert raised.value.status == 400


def test_a_watch_tells_of_what_changes_marks_where_it_is_and_ends_in_time(cluster: FakeCluster, core: Any) -> None:
    cluster.store.create(manifests.pod("old"))
    listed = core.list_namespaced_pod("default", label_selector="app=web")
    cluster.store.create(manifests.pod("new"))
    meta = cluster.store.get("Pod", "old")["metadata"]
    cluster.store.change("Pod", "old", metadata={**meta, "labels": {"app": "db"}})
    cluster.store.delete("Pod", "new")
    watch = kubernetes.watch.Watch()
    told = []
    stream = watch.stream(
        core.list_namespaced_pod,
        "default",
        label_selector="app=web",
        resource_version=listed.metadata.resource_version,
        allow_watch_bookmarks=True,
        timeout_seconds=1,
    )
    for event in stream:
        found = event["object"]
        name = found.metadata.name if event["type"] != "BOOKMARK" else ""
        told.append((event["type"], name))
    assert told[:3] == [("ADDED", "new"), ("DELETED", "old"), ("DELETED", "new")]
    assert ("BOOKMARK", "") in told
    assert watch.resource_version == str(cluster.store.number)


@pytest.mark.parametrize("at_once", [True, False])
def test_a_watch_from_a_version_that_is_forgotten_is_gone(cluster: FakeCluster, core: Any, *, at_once: bool) -> None:
    cluster.tells_410_at_once = at_once
    version = core.list_namespaced_pod("default").metadata.resource_version
    cluster.store.create(manifests.pod("a"))
    cluster.store.compact()
    raw = kubernetes.watch.Watch().stream(
        core.list_namespaced_pod, "default", resource_version=version, timeout_seconds=1
    )
    with pytest.raises(kubernetes.client.ApiException) as raised:
        list(raw)
    assert raised.value.status == 410


def test_patches_of_all_three_kinds_and_the_subresources(cluster: FakeCluster, core: Any) -> None:
    cluster.store.create(manifests.pod("a"))
    merged = core.patch_namespaced_pod("a", "default", {"metadata": {"labels": {"app": None, "x": "y"}}})
    assert merged.metadata.labels == {"x": "y"}
    image = [{"op": "replace", "path": "/spec/containers/0/image", "value": "registry.example/web:2"}]
    assert core.patch_namespaced_pod("a", "default", image).spec.containers[0].image == "registry.example/web:2"
    container = {"name": "debugger", "image": "registry.example/busybox:1"}
    patch = {"spec": {"ephemeralContainers": [container]}}
    debugged = core.patch_namespaced_pod_ephemeralcontainers("a", "default", patch)
    assert [container.name for container in debugged.spec.ephemeral_containers] == ["debugger"]
    assert [container.name for container in debugged.spec.containers] == ["main"]
    done = core.patch_namespaced_pod_status("a", "default", {"status": {"phase": "Failed"}, "spec": {"nodeName": "x"}})
    assert (done.status.phase, done.spec.node_name) == ("Failed", "node-1")
    with pytest.raises(kubernetes.client.ApiException) as raised:
        core.patch_namespaced_pod("a", "default", {"spec": {"hostPID": True}})
    assert (raised.value.status, "pod updates may not change fields" in raised.value.body) == (422, True)
    with pytest.raises(kubernetes.client.ApiException) as raised:
        core.patch_namespaced_pod("a", "default", {"spec": {"ephemeralContainers": [{**container, "name": "other"}]}})
    assert raised.value.status == 422


def test_writes_make_versions_and_conflicts(cluster: FakeCluster, core: Any) -> None:
    with client(cluster) as api:
        apps = kubernetes.client.AppsV1Api(api)
        made = apps.create_namespaced_deployment("default", manifests.workload("Deployment", "web"))
        assert (made.metadata.generation, made.spec.template.spec.restart_policy) == (1, "Always")
        changed = apps.patch_namespaced_deployment("web", "default", {"spec": {"replicas": 3}})
        assert (changed.metadata.generation, changed.spec.replicas) == (2, 3)
        refused: list[tuple[Any, int]] = [
            (lambda: apps.create_namespaced_deployment("default", manifests.workload("Deployment", "web")), 409),
            (lambda: apps.replace_namespaced_deployment("web", "default", made), 409),
            (lambda: apps.read_namespaced_deployment("missing", "default"), 404),
            (
                lambda: apps.create_namespaced_deployment(
                    "nowhere", manifests.workload("Deployment", "x", namespace="nowhere")
                ),
                404,
            ),
        ]
        for act, status in refused:
            with pytest.raises(kubernetes.client.ApiException) as raised:
                act()
            assert raised.value.status == status
        assert apps.delete_namespaced_deployment("web", "default")["status"] == "Success"
    assert cluster.store.all("Deployment") == []


def test_what_does_not_fit_the_schema_is_refused(cluster: FakeCluster, core: Any) -> None:
    cluster.store.create(manifests.pod("a"))
    wrong = [{"op": "add", "path": "/spec/containers/0/privileged", "value": True}]
    with pytest.raises(kubernetes.client.ApiException) as raised:
        core.patch_namespaced_pod("a", "default", wrong)
    assert (raised.value.status, "privileged" in raised.value.body) == (400, True)


def test_finalizers_hold_what_is_deleted(cluster: FakeCluster, core: Any) -> None:
    held = manifests.pod("a")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    core.create_namespaced_pod("default", held)
    core.delete_namespaced_pod("a", "default")
    assert core.read_namespaced_pod("a", "default").metadata.deletion_timestamp is not None
    core.patch_namespaced_pod("a", "default", [{"op": "remove", "path": "/metadata/finalizers"}])
    assert cluster.store.all("Pod") == []


def test_tokens_certificates_and_nobody(cluster: FakeCluster) -> None:
    pair = cluster.authority.client("bob", "ops")
    data = {
        "client-certificate-data": base64.b64encode(pair.certificate.encode()).decode(),
        "client-key-data": base64.b64encode(pair.key.encode()).decode(),
    }
    with client(cluster, name="bob", **data) as api:
        kubernetes.client.CoreV1Api(api).list_namespace()
    assert cluster.asked[-1].user == "bob"
    with client(cluster, bearer="wrong") as api, pytest.raises(kubernetes.client.ApiException) as raised:
        kubernetes.client.CoreV1Api(api).list_namespace()
    assert raised.value.status == 401


def test_rbac_says_who_may_not_do_what(cluster: FakeCluster, core: Any) -> None:
    cluster.rbac = True
    with pytest.raises(kubernetes.client.ApiException) as raised:
        core.list_namespaced_pod("default")
    assert raised.value.status == 403
    assert (
        'User \\"ann\\" cannot list resource \\"pods\\" in API group \\"\\" in the namespace \\"default\\"'
        in raised.value.body
    )
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"}, "rules": rules}
    cluster.store.create(role)
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}
    binding = {**role, "kind": "RoleBinding", "subjects": [{"kind": "User", "name": "ann"}], "roleRef": reference}
    cluster.store.create({name: value for name, value in binding.items() if name != "rules"})
    assert core.list_namespaced_pod("default").items == []
    with pytest.raises(kubernetes.client.ApiException):
        core.list_pod_for_all_namespaces()


def test_versions_that_are_not_there_yet_are_waited_for_in_vain(cluster: FakeCluster, core: Any) -> None:
    with pytest.raises(kubernetes.client.ApiException) as raised:
        core.list_namespaced_pod("default", resource_version="999999")
    assert raised.value.status == 504


def test_initial_events_end_with_a_mark(cluster: FakeCluster, core: Any) -> None:
    cluster.store.create(manifests.pod("a"))
    stream = kubernetes.watch.Watch().stream(
        core.list_namespaced_pod,
        "default",
        send_initial_events=True,
        resource_version_match="NotOlderThan",
        allow_watch_bookmarks=True,
        timeout_seconds=1,
    )
    told = [(event["type"], event["raw_object"]["metadata"].get("annotations")) for event in stream][:2]
    assert told[0][0] == "ADDED"
    assert told[1] == ("BOOKMARK", {"k8s.io/initial-events-end": "true"})


def test_thousands_of_pods_come_by_pages(cluster: FakeCluster, core: Any) -> None:
    cluster.is_strict = False
    for number in range(2000):
        cluster.store.create(manifests.pod(f"p{number:04}"))
    found: list[str] = []
    token: str | None = None
    while token != "":
        page = core.list_namespaced_pod("default", limit=500, _continue=token)
        found += names(page)
        token = page.metadata._continue or ""
    assert found == [f"p{number:04}" for number in range(2000)]
