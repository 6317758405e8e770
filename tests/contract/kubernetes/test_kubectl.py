"""The real kubectl against the fake API server: get, apply, patch, delete, debug; what it is told when it is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.kubernetes import manifests
from tests.support.kubernetes.access import User
from tests.support.kubernetes.server import FakeCluster

KUBECTL = Path(sys.executable).parent / "kubectl"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[FakeCluster]:
    """With TLS and one user, and objects that must fit the schemas."""
    if not KUBECTL.exists():
        pytest.skip("kubectl is not installed beside this Python")
    fake = FakeCluster(tmp_path, tokens={"t": User("ann")}, is_strict=True)
    with fake.running():
        yield fake


def kubectl(cluster: FakeCluster, *words: str, fails: bool = False) -> str:
    """What it prints; of a failure, the error."""
    config = cluster.kubeconfig(bearer="t")
    environment = {"HOME": str(cluster.folder), "PATH": "/usr/bin:/bin"}
    ran = subprocess.run(
        [KUBECTL, "--kubeconfig", config, *words], capture_output=True, text=True, env=environment, cwd=cluster.folder
    )
    assert (ran.returncode != 0) is fails, ran.stdout + ran.stderr
    return ran.stderr if fails else ran.stdout


def written(cluster: FakeCluster, document: Any) -> str:
    """A file with a manifest."""
    (cluster.folder / "manifest.json").write_text(json.dumps(document))
    return "manifest.json"


def test_get_lists_shows_and_chooses(cluster: FakeCluster) -> None:
    for name in ("a", "b"):
        cluster.store.create(manifests.pod(name, labels={"app": name}))
    cluster.store.create(manifests.namespace("shop"))
    cluster.store.create(manifests.pod("c", namespace="shop"))
    assert kubectl(cluster, "get", "pods", "-o", "name").split() == ["pod/a", "pod/b"]
    assert kubectl(cluster, "get", "po", "-A", "--chunk-size=1", "-o", "name").split() == ["pod/a", "pod/b", "pod/c"]
    assert kubectl(cluster, "get", "pods", "-l", "app in (b)", "-o", "name").split() == ["pod/b"]
    image = kubectl(cluster, "get", "pod/a", "-o", "jsonpath={.spec.containers[0].image}")
    assert image == "registry.example/web:1"
    assert 'pods "z" not found' in kubectl(cluster, "get", "pod", "z", fails=True)
    assert "Server Version: v1.33.1" in kubectl(cluster, "version")


def test_apply_creates_changes_and_leaves_alone(cluster: FakeCluster) -> None:
    document = manifests.workload("Deployment", "web")
    assert "web created" in kubectl(cluster, "apply", "-f", written(cluster, document))
    assert "web unchanged" in kubectl(cluster, "apply", "-f", written(cluster, document))
    document["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example/web:2"
    assert "web configured" in kubectl(cluster, "apply", "-f", written(cluster, document))
    found = cluster.store.get("Deployment", "web")
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example/web:2"
    assert found["metadata"]["generation"] == 2
    document["spec"]["template"]["spec"]["containers"][0]["privileged"] = True
    assert "strict decoding error" in kubectl(cluster, "apply", "-f", written(cluster, document), fails=True)


@pytest.mark.parametrize(
    ("how", "patch"),
    [
        ("strategic", {"spec": {"containers": [{"name": "main", "image": "registry.example/web:9"}]}}),
        ("json", [{"op": "replace", "path": "/spec/containers/0/image", "value": "registry.example/web:9"}]),
        ("merge", {"metadata": {"labels": {"app": "registry.example-web-9"}}}),
    ],
)
def test_patches_of_each_kind(how: str, patch: Any, cluster: FakeCluster) -> None:
    cluster.store.create(manifests.pod("a"))
    assert "pod/a patched" in kubectl(cluster, "patch", "pod", "a", f"--type={how}", "-p", json.dumps(patch))
    found = cluster.store.get("Pod", "a")
    changed = (found["spec"]["containers"][0]["image"], found["metadata"]["labels"]["app"])
    assert changed in (("registry.example/web:9", "web"), ("registry.example/web:1", "registry.example-web-9"))


def test_debug_adds_an_ephemeral_container_by_the_subresource(cluster: FakeCluster) -> None:
    cluster.store.create(manifests.pod("a"))
    kubectl(cluster, "debug", "a", "--image=registry.example/busybox:1", "--target=main", "--attach=false", "-c", "dbg")
    (found,) = cluster.store.get("Pod", "a")["spec"]["ephemeralContainers"]
    assert (found["name"], found["image"], found["targetContainerName"]) == (
        "dbg",
        "registry.example/busybox:1",
        "main",
    )
    assert ("patch", "pods/ephemeralcontainers") in {(asked.verb, asked.resource) for asked in cluster.asked}


def test_delete_waits_until_it_is_gone(cluster: FakeCluster) -> None:
    cluster.store.create(manifests.pod("a"))
    assert 'pod "a" deleted' in kubectl(cluster, "delete", "pod", "a")
    assert cluster.store.all("Pod") == []
    assert 'pods "a" not found' in kubectl(cluster, "delete", "pod", "a", fails=True)


def test_the_agents_own_manifest_is_applied(cluster: FakeCluster) -> None:
    from tests.support.places import REPOSITORY

    manifest = REPOSITORY / "deploy" / "kubernetes" / "agent.yaml"
    applied = kubectl(cluster, "apply", "-f", str(manifest))
    assert applied.count(" created") == 5
    assert kubectl(cluster, "apply", "-f", str(manifest)).count(" unchanged") == 5


def test_who_may_not_is_told_so(cluster: FakeCluster) -> None:
    cluster.rbac = True
    told = kubectl(cluster, "get", "pods", fails=True)
    assert 'Error from server (Forbidden): pods is forbidden: User "ann" cannot list resource "pods"' in told
