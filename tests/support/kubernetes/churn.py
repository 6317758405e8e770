"""A cluster in which things happen: pods come, start, change, restart and go, and a record is kept of what runs.

The record is what was done, written down as it was done: nobody reads a pod for it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.kubernetes import manifests
from tests.support.kubernetes.manifests import Object
from tests.support.kubernetes.server import FakeCluster

MARKER = "marker"
"""The pod that is created last: whoever has heard of it has heard of all before it."""
_NAMESPACES = ("default", "shop", "batch")
_FIRST = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class _Pod:
    name: str
    namespace: str
    uid: str
    workload: str
    images: dict[str, str]
    has_started: bool = False
    restarts: int = 0
    labels: dict[str, str] = field(default_factory=dict)


Row = tuple[str, str, str, str, str, str, str]
"""Namespace, workload, pod's uid, container, digest, since, and a label's value."""


class Churn:
    """Does things to a cluster, one after the other, as a seed has it."""

    def __init__(self, cluster: FakeCluster, seed: int) -> None:
        self.cluster = cluster
        self.random = random.Random(seed)  # noqa: S311 - which things happen
        self.pods: list[_Pod] = []
        self.record: dict[tuple[str, str], Row] = {}
        self.clock = _FIRST
        self._number = 0
        store = cluster.store
        for namespace in _NAMESPACES[1:]:
            store.create(manifests.namespace(namespace, team=namespace))
        for number in range(3):
            store.create(manifests.node(f"node-{number}", "arm64" if number == 2 else "amd64"))
        self.owners: list[tuple[Object, str]] = []
        for namespace in _NAMESPACES:
            for number in range(4):
                above = store.create(manifests.workload("Deployment", f"web-{number}", namespace=namespace))
                below = store.create(
                    manifests.workload("ReplicaSet", f"web-{number}-5f", owner=above, namespace=namespace)
                )
                self.owners.append((below, f"Deployment/web-{number}"))

    def fill(self, count: int) -> None:
        """Begin with so many pods that run."""
        for _ in range(count):
            self.create()
            self.start(self.pods[-1])

    def step(self) -> None:
        """One change."""
        if not self.pods:
            self.create()
            return
        pod = self.random.choice(self.pods)
        if not pod.has_started:
            self.start(pod)
            return
        acts: list[tuple[Callable[[_Pod], None], int]] = [
            (self.relabel, 3),
            (self.restart, 3),
            (self.change_image, 2),
            (self.debug, 1),
            (self.finish, 1),
            (self.delete, 3),
            (lambda _: self.create(), 5),
        ]
        act = self.random.choices([each for each, _ in acts], [weight for _, weight in acts])[0]
        act(pod)

    def mark(self) -> None:
        """Create the last pod, which is not in the record."""
        self.cluster.store.create(manifests.pod(MARKER))

    def create(self) -> None:
        """A pod that waits for its images."""
        self._number += 1
        owner, workload = self.random.choice(self.owners)
        namespace = owner["metadata"]["namespace"]
        images = {"main": f"registry.example/{namespace}:{self.random.randrange(40)}"}
        if self.random.random() < 0.3:
            images["proxy"] = "registry.example/proxy:7"
        name, labels = f"pod-{self._number}", {"app": "web", "turn": "0"}
        containers = [manifests.container(each, image) for each, image in images.items()]
        made = self.cluster.store.create(
            manifests.pod(
                name,
                namespace=namespace,
                labels=labels,
                owner=owner,
                phase="Pending",
                spec={"containers": containers, "nodeName": f"node-{self.random.randrange(3)}"},
                status={"containerStatuses": [manifests.waiting(each, image) for each, image in images.items()]},
            )
        )
        self.pods.append(_Pod(name, namespace, made["metadata"]["uid"], workload, images, labels=labels))

    def start(self, pod: _Pod) -> None:
        """All its containers start."""
        pod.has_started = True
        self._run(pod)

    def restart(self, pod: _Pod) -> None:
        """Its containers are started again."""
        pod.restarts += 1
        self._run(pod)

    def change_image(self, pod: _Pod) -> None:
        """Its image is changed in place, and the container is started anew."""
        pod.images["main"] = f"registry.example/{pod.namespace}:{self.random.randrange(40, 80)}"
        spec = self._object(pod)["spec"]
        containers = [{**container, "image": pod.images[container["name"]]} for container in spec["containers"]]
        self._change(pod, spec={**spec, "containers": containers})
        pod.restarts += 1
        self._run(pod)

    def debug(self, pod: _Pod) -> None:
        """Someone looks into it with an ephemeral container."""
        if "debugger" in pod.images:
            return
        pod.images["debugger"] = "registry.example/busybox:1"
        spec = self._object(pod)["spec"]
        ephemeral = [manifests.container("debugger", pod.images["debugger"])]
        self._change(pod, spec={**spec, "ephemeralContainers": ephemeral})
        self._run(pod)

    def relabel(self, pod: _Pod) -> None:
        """Its labels change."""
        pod.labels = {**pod.labels, "turn": str(int(pod.labels["turn"]) + 1)}
        self._change(pod, metadata={**self._object(pod)["metadata"], "labels": pod.labels})
        for key, row in list(self.record.items()):
            if key[0] == pod.uid:
                self.record[key] = (*row[:-1], pod.labels["turn"])

    def finish(self, pod: _Pod) -> None:
        """It ends by itself; its object stays."""
        self.pods.remove(pod)
        told = [manifests.terminated(name, image) for name, image in pod.images.items() if name != "debugger"]
        self._change(pod, status={"phase": "Succeeded", "startTime": manifests.STARTED, "containerStatuses": told})
        self._forget(pod)

    def delete(self, pod: _Pod) -> None:
        """It goes."""
        self.pods.remove(pod)
        self.cluster.store.delete("Pod", pod.name, pod.namespace)
        self._forget(pod)

    def _run(self, pod: _Pod) -> None:
        self.clock += timedelta(seconds=1)
        since = self.clock.strftime("%Y-%m-%dT%H:%M:%SZ")
        told = {
            name: manifests.running(name, image, since=since, restartCount=pod.restarts)
            for name, image in pod.images.items()
        }
        debugger = told.pop("debugger", None)
        status: dict[str, Any] = {
            "phase": "Running",
            "startTime": manifests.STARTED,
            "containerStatuses": list(told.values()),
            **({"ephemeralContainerStatuses": [debugger]} if debugger is not None else {}),
        }
        self._change(pod, status=status)
        for name, image in pod.images.items():
            digest, turn = manifests.digest(image), pod.labels["turn"]
            self.record[pod.uid, name] = (pod.namespace, pod.workload, pod.uid, name, digest, since, turn)

    def _object(self, pod: _Pod) -> Object:
        return self.cluster.store.get("Pod", pod.name, pod.namespace)

    def _change(self, pod: _Pod, **parts: Any) -> None:
        self.cluster.store.change("Pod", pod.name, pod.namespace, **parts)

    def _forget(self, pod: _Pod) -> None:
        self.record = {key: row for key, row in self.record.items() if key[0] != pod.uid}

    def written(self) -> str:
        """The record as JSON."""
        return json.dumps(sorted(self.record.values()))
