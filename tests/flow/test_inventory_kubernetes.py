"""`hullmark inventory kubernetes` as people run it: clusters are the fake API server's, the Hullmark server takes reports and no more."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.flow.test_agent import FakeServer
from tests.support.kubernetes import manifests
from tests.support.kubernetes.access import User
from tests.support.kubernetes.manifests import pod
from tests.support.kubernetes.server import FakeCluster
from tests.support.program import Program, program_in


@dataclass
class Shop:
    """Two clusters with TLS, one kubeconfig for both, and the program."""

    hullmark: Program
    one: FakeCluster
    two: FakeCluster
    config: Path

    def listed(self, *words: str) -> Any:
        """What is listed, as JSON."""
        return self.hullmark("inventory", "kubernetes", "--kubeconfig", self.config, *words, "-o", "json").document


def furnished(folder: Path, name: str) -> FakeCluster:
    """A cluster with a Deployment of two pods, and a pod of its own."""
    folder.mkdir()
    fake = FakeCluster(folder, tokens={f"token-{name}": User(name)}, bookmark_seconds=0.05)
    store = fake.store
    store.create(manifests.node())
    store.create(manifests.namespace("shop", env="prod"))
    above = store.create(manifests.workload("Deployment", "web", namespace="shop"))
    below = store.create(manifests.workload("ReplicaSet", "web-5f", owner=above, namespace="shop"))
    for number in range(2):
        store.create(pod(f"web-5f-{number}", namespace="shop", owner=below))
    store.create(pod(f"only-{name}", labels={"app": "only"}, spec={"hostPID": True}))
    return fake


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Contexts `one`, which is the current one, and `two`."""
    one, two = furnished(tmp_path / "one", "one"), furnished(tmp_path / "two", "two")
    with one.running(), two.running():
        files = [fake.kubeconfig(name, bearer=f"token-{name}") for name, fake in (("one", one), ("two", two))]
        merged: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "current-context": "one"}
        for file in files:
            document = yaml.safe_load(file.read_text())
            document["clusters"][0]["cluster"]["certificate-authority"] = str(file.parent / "ca.pem")
            for part in ("clusters", "users", "contexts"):
                merged.setdefault(part, []).extend(document[part])
        config = tmp_path / "config"
        config.write_text(yaml.safe_dump(merged))
        yield Shop(program_in(tmp_path / "run"), one, two, config)


def test_the_current_context_is_listed_as_a_table(shop: Shop) -> None:
    ran = shop.hullmark("inventory", "kubernetes", env={"KUBECONFIG": str(shop.config)})
    assert (ran.status, ran.err) == (0, "")
    head, *rows = [line.split() for line in ran.text.split("\n\n")[0].splitlines()]
    assert head == ["CLUSTER", "NAMESPACE", "WORKLOAD", "CONTAINER", "IMAGE", "DIGEST", "GRADE", "COUNT", "SINCE"]
    digest = manifests.digest("registry.example/web:1")[7:19]
    assert [row[:6] for row in rows] == [
        ["one", "default", "Pod/only-one", "main", "registry.example/web:1", digest],
        ["one", "shop", "Deployment/web", "main", "registry.example/web:1", digest],
    ]
    assert [row[6:8] for row in rows] == [["host", "1"], ["default", "2"]]
    assert "Running:   3 containers of 1 image at 2 places" in ran.text


def test_several_contexts_are_listed_together(shop: Shop) -> None:
    found = shop.listed("--context", "two", "--context", "one")
    assert found["schema"] == "hullmark-places/1"
    assert [container["place"]["cluster"] for container in found["containers"]] == ["one"] * 3 + ["two"] * 3
    assert [gap.partition(": whether")[0] for gap in found["gaps"]] == [
        "two: there are no advisories here",
        "one: there are no advisories here",
    ]


def test_namespaces_selectors_and_names(shop: Shop) -> None:
    def workloads(*words: str) -> list[str]:
        return [container["place"]["workload"] for container in shop.listed(*words)["containers"]]

    assert workloads("-n", "shop") == ["Deployment/web"] * 2
    assert workloads("-l", "app notin (web)") == ["Pod/only-one"]
    assert {container["place"]["cluster"] for container in shop.listed("--name", "prod")["containers"]} == {"prod"}


def test_csv_has_a_row_for_each_container(shop: Shop) -> None:
    ran = shop.hullmark("inventory", "kubernetes", "--kubeconfig", shop.config, "-o", "csv")
    rows = list(csv.DictReader(io.StringIO(ran.text)))
    assert [(row["workload"], row["grade"]) for row in rows] == [
        ("Pod/only-one", "host"),
        ("Deployment/web", "default"),
        ("Deployment/web", "default"),
    ]
    assert "env=prod" in rows[1]["labels"]


def test_what_may_not_be_read_is_said(shop: Shop) -> None:
    shop.one.rbac = True
    api = "rbac.authorization.k8s.io/v1"
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    shop.one.store.create({"apiVersion": api, "kind": "ClusterRole", "metadata": {"name": "r"}, "rules": rules})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"}
    subjects = [{"kind": "User", "name": "one"}]
    binding = {"metadata": {"name": "b"}, "subjects": subjects, "roleRef": reference}
    shop.one.store.create({"apiVersion": api, "kind": "ClusterRoleBinding", **binding})
    ran = shop.hullmark("inventory", "kubernetes", "--kubeconfig", shop.config)
    assert "ReplicaSet/web-5f" in ran.text
    assert "one: replicasets may not be read: pods of Deployments are told of as their ReplicaSets'" in ran.text


def test_a_known_escape_of_a_nodes_runtime_lowers_the_grade(shop: Shop, tmp_path: Path) -> None:
    folder = tmp_path / "advisories"
    folder.mkdir()
    events = [{"introduced": "0"}, {"fixed": "2.1.5"}]
    package = {"ecosystem": "Go", "name": "github.com/containerd/containerd/v2"}
    advisory = {
        "id": "GHSA-36xw-fx78-c5r4",
        "aliases": ["CVE-2020-15257"],
        "summary": "containerd-shim API exposed to host network containers",
        "affected": [{"package": package, "ranges": [{"type": "SEMVER", "events": events}]}],
    }
    (folder / "advisory.json").write_text(json.dumps(advisory))
    found = shop.listed("--advisories", str(folder), "-n", "shop")
    assert [container["isolation"]["escapes"] for container in found["containers"]] == [["CVE-2020-15257"]] * 2
    assert [container["grade"]["grade"] for container in found["containers"]] == ["host"] * 2


@pytest.mark.parametrize(
    ("words", "what", "advice"),
    [
        (("--kubeconfig", "missing"), "there is no kubeconfig missing", "check the path"),
        (("--context", "three"), "the kubeconfig has no context 'three'", "there are: one, two"),
        (("--context", "one", "--context", "two", "--name", "x"), "--name is for one cluster", "name one --context"),
        (("--follow", "-l", "app=web"), "--follow reports all pods", "leave --selector out"),
        (("-o", "xml"), "'xml' is not a format for this", "csv, json, table"),
        (("-l", "a b"), "unable to parse requirement: found 'a b'", "check the selector"),
    ],
)
def test_wrong_options_are_said_in_two_lines(words: tuple[str, ...], what: str, advice: str, shop: Shop) -> None:
    ran = shop.hullmark("inventory", "kubernetes", *words, env={"KUBECONFIG": str(shop.config)})
    assert ran.status == 2
    assert what in ran.err.splitlines()[0]
    assert advice in ran.err.splitlines()[1]


def test_without_any_kubeconfig_and_outside_of_a_pod_it_says_so(shop: Shop) -> None:
    ran = shop.hullmark("inventory", "kubernetes")
    assert (ran.status, ran.err.splitlines()[0]) == (2, "hullmark: there is no kubeconfig")
    inside = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"}
    ran = shop.hullmark("inventory", "kubernetes", env=inside)
    assert "the pod has no token of a service account" in ran.err


def waited(is_so: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Until it is so, or the process ends."""
    while not is_so():
        assert process.poll() is None


def test_followed_it_tells_the_server_what_changes_until_it_is_told_to_end(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hmk_test_0123456789")
    server = FakeServer()

    def told() -> set[str]:
        return {each["place"]["workload"] for report in list(server.reports) for each in report.get("running", [])}

    with server.listening():
        command = [
            *(Path(sys.executable).parent / "hullmark", "inventory", "kubernetes", "--kubeconfig", shop.config),
            *("--follow", "--server", server.url, "--key-file", tmp_path / "key", "--state", tmp_path / "state"),
        ]
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        with subprocess.Popen(list(map(str, command)), env=environment, stderr=subprocess.PIPE) as process:
            waited(lambda: "Deployment/web" in told(), process)
            waited(lambda: shop.one.watches() == 4, process)
            shop.one.store.create(pod("later"))
            waited(lambda: "Pod/later" in told(), process)
            shop.one.cut_watches()
            shop.one.store.delete("Pod", "later")
            waited(lambda: any(report.get("ended") for report in list(server.reports)), process)
            process.send_signal(signal.SIGTERM)
            said = process.communicate()[1].decode()
    assert process.returncode == 0, said
    first = server.reports[0]
    assert (first["platform"], first["collector"], first["last"]) == ("kubernetes", "one", True)
    assert [each["place"]["cluster"] for each in first["running"]] == ["one"] * 3


def test_a_namespace_that_is_followed_is_a_collector_of_its_own(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hmk_test_0123456789")
    server = FakeServer()
    with server.listening():
        command = [
            *(Path(sys.executable).parent / "hullmark", "inventory", "kubernetes", "--kubeconfig", shop.config),
            *(
                "--follow",
                "-n",
                "shop",
                "--server",
                server.url,
                "--key-file",
                tmp_path / "key",
                "--state",
                tmp_path / "s",
            ),
        ]
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        with subprocess.Popen(list(map(str, command)), env=environment, stderr=subprocess.PIPE) as process:
            waited(lambda: bool(server.reports), process)
            process.send_signal(signal.SIGTERM)
            process.communicate()
    assert server.reports[0]["collector"] == "one/shop"
    assert [each["place"]["cluster"] for each in server.reports[0]["running"]] == ["one/shop"] * 2
