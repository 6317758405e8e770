"""docs/reference/where-images-hide.md: each kind of object by each place in it for an image, found by whom.

The page is made of what is found here: HULLMARK_GOLDEN=write writes it anew.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

import kubernetes_validate
import pytest

from hullmark.isolation.manifest import read_workloads
from hullmark.model.place import RunningContainer
from hullmark.places.runtime.kubernetes.kubeconfig import Kubeconfig
from tests.support.kubernetes import manifests
from tests.support.kubernetes.hearing import collector_of
from tests.support.kubernetes.manifests import Object, container, running, terminated
from tests.support.kubernetes.server import FakeCluster
from tests.support.places import REPOSITORY

PAGE = REPOSITORY / "docs" / "reference" / "where-images-hide.md"
HIDING = ("containers", "initContainers", "sidecars", "ephemeralContainers", "image volumes")
"""The places in a pod. Ephemeral containers are never in a manifest: `kubectl debug` puts them into a pod that runs."""


class Kind(NamedTuple):
    """A kind of objects: what makes one of a pod's spec, and the owners of a pod of it (None: it makes none by itself)."""

    name: str
    make: Callable[[Object], Object]
    owners: Callable[[FakeCluster, Object], Object | None] | None
    workload: str
    note: str = ""


def images(kind: str) -> dict[str, str]:
    """An image of its own for each place of a kind."""
    return {place: f"registry.example/{kind.lower()}:{place.replace(' ', '-').lower()}" for place in HIDING}


def spec_of(kind: str, *, restart: str = "Always") -> Object:
    """A pod's spec with an image in each place that a manifest has."""
    found = images(kind)
    return {
        "restartPolicy": restart,
        "initContainers": [
            container("init", found["initContainers"]),
            container("sidecar", found["sidecars"], restartPolicy="Always"),
        ],
        "containers": [container("main", found["containers"])],
        "volumes": [{"name": "data", "image": {"reference": found["image volumes"], "pullPolicy": "IfNotPresent"}}],
    }


def with_template(kind: str, spec: Object) -> Object:
    """An object of apps/v1 that makes pods."""
    template = {"metadata": {"labels": {"app": "web"}}, "spec": spec}
    return manifests.workload(kind, kind.lower(), template=template)


def job_of(spec: Object) -> Object:
    """A Job."""
    made = manifests.job("job")
    made["spec"]["template"]["spec"] = {**spec, "restartPolicy": "Never"}
    return made


def cron_job_of(spec: Object) -> Object:
    """A CronJob."""
    made = manifests.cron_job("cronjob")
    made["spec"]["jobTemplate"]["spec"]["template"]["spec"] = {**spec, "restartPolicy": "OnFailure"}
    return made


def controller_of(spec: Object) -> Object:
    """A ReplicationController."""
    template = {"metadata": {"labels": {"app": "web"}}, "spec": spec}
    return {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {"name": "replicationcontroller", "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "template": template},
    }


def pod_template_of(spec: Object) -> Object:
    """A PodTemplate."""
    return {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "podtemplate"}, "template": {"spec": spec}}


def rollout_of(spec: Object) -> Object:
    """An object of a kind that the cluster's owner defined, with a pod template where most have one."""
    made = with_template("Deployment", spec)
    return {**made, "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "rollout"}}


def pod_of(spec: Object) -> Object:
    """A pod, by itself."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": spec}


def itself(cluster: FakeCluster, document: Object) -> Object:
    """The object owns its pods."""
    return cluster.store.create(document)


def by_replica_set(cluster: FakeCluster, document: Object) -> Object:
    """A ReplicaSet between the object and its pods."""
    above = cluster.store.create(document)
    name = f"{document['metadata']['name']}-5f"
    return cluster.store.create(manifests.workload("ReplicaSet", name, owner=above))


def by_job(cluster: FakeCluster, document: Object) -> Object:
    """A Job that the schedule has started."""
    return cluster.store.create(manifests.job("cronjob-1", owner=cluster.store.create(document)))


def nothing(cluster: FakeCluster, document: Object) -> None:
    """The pod is what was written."""


KINDS = (
    Kind("Pod", pod_of, nothing, "Pod/pod"),
    Kind("Deployment", lambda spec: with_template("Deployment", spec), by_replica_set, "Deployment/deployment"),
    Kind("ReplicaSet", lambda spec: with_template("ReplicaSet", spec), itself, "ReplicaSet/replicaset"),
    Kind("StatefulSet", lambda spec: with_template("StatefulSet", spec), itself, "StatefulSet/statefulset"),
    Kind("DaemonSet", lambda spec: with_template("DaemonSet", spec), itself, "DaemonSet/daemonset"),
    Kind("Job", job_of, itself, "Job/job", "while its pod runs"),
    Kind("CronJob", cron_job_of, by_job, "CronJob/cronjob", "while a Job of it runs"),
    Kind("ReplicationController", controller_of, itself, "ReplicationController/replicationcontroller"),
    Kind("PodTemplate", pod_template_of, None, "", "never: it runs nothing"),
    Kind("Rollout", rollout_of, by_replica_set, "Rollout/rollout", "a kind of the cluster's own, with spec.template"),
)


def start(cluster: FakeCluster, kind: Kind, owner: Object | None) -> None:
    """What the controllers and kubelet would do: a pod of the kind, with an ephemeral container put into it."""
    found = images(kind.name)
    spec = {**spec_of(kind.name), "nodeName": "node-1"}
    spec["ephemeralContainers"] = [container("debugger", found["ephemeralContainers"])]
    mounted = {"name": "data", "mountPath": "/data", "readOnly": True}
    told = running("main", found["containers"], volumeMounts=[mounted])
    status = {
        "initContainerStatuses": [terminated("init", found["initContainers"]), running("sidecar", found["sidecars"])],
        "containerStatuses": [told],
        "ephemeralContainerStatuses": [running("debugger", found["ephemeralContainers"])],
    }
    name = "pod" if kind.name == "Pod" else f"{kind.name.lower()}-x1"
    cluster.store.create(manifests.pod(name, owner=owner, spec=spec, status=status))


@pytest.fixture(scope="module")
def running_now(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[RunningContainer]]:
    """What the inventory finds in a cluster where a pod of each kind runs, by its image."""
    cluster = FakeCluster(tmp_path_factory.mktemp("cluster"), has_tls=False)
    cluster.store.create(manifests.node())
    for kind in KINDS:
        document = kind.make(spec_of(kind.name))
        if kind.owners is None:
            cluster.store.create(document)
        else:
            start(cluster, kind, kind.owners(cluster, document))
    found: dict[str, list[RunningContainer]] = {}
    with cluster.running():
        for each in collector_of(Kubeconfig([cluster.kubeconfig()]).access()).containers():
            found.setdefault(each.image.reference, []).append(each)
    return found


def in_manifest(kind: Kind) -> Counter[str]:
    """How often each image of a kind is found in its manifest."""
    (workload,) = read_workloads(json.dumps(kind.make(spec_of(kind.name))).encode())
    return Counter(each.image for each in workload.containers)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_place_is_found_once_in_the_manifest_and_once_by_the_inventory(
    kind: Kind, running_now: dict[str, list[RunningContainer]]
) -> None:
    written, found = in_manifest(kind), images(kind.name)
    for place, image in found.items():
        assert written[image] == (place != "ephemeralContainers"), place
        told = running_now.get(image, [])
        assert [each.place.workload for each in told] == ([kind.workload] if kind.owners is not None else []), place
    assert sum(written.values()) == len(HIDING) - 1


def test_nothing_else_is_found(running_now: dict[str, list[RunningContainer]]) -> None:
    assert set(running_now) == {image for kind in KINDS if kind.owners for image in images(kind.name).values()}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.name != "Rollout"], ids=lambda kind: kind.name)
def test_the_manifests_are_such_as_kubernetes_takes(kind: Kind) -> None:
    document = kind.make(spec_of(kind.name))
    document["metadata"].setdefault("namespace", "default")
    kubernetes_validate.validate(document, "1.37", strict=True)


HEAD = """# Where images hide in Kubernetes

Every place in an object of Kubernetes that can name an image, and who finds it. This page is made by a test that puts an image of its own
into each place of each kind (`tests/flow/test_where_images_hide.py`) and finds it again, once.

- **manifest**: `hullmark check --workload FILE` reads it there, before anything runs.
- **inventory**: `hullmark inventory kubernetes` tells of it while it runs, by its pod.

"""

TAIL = """
What the table does not show:

- Ephemeral containers are in no manifest. They are put into a pod that runs, by its subresource `pods/ephemeralcontainers` (`kubectl debug`
  does that), and the inventory hears of them as of any change of the pod.
- An init container counts as long as its pod lives: its image was part of it, and it runs again when the pod's sandbox is made anew.
- An image volume counts from the start of the first container of its pod. Its digest is that of the reference, or what kubelet tells of the
  mount (Kubernetes 1.35); else it is unknown.
- Static pods come from a file on a node and pass no admission. The API shows a mirror of each, and the inventory tells of it as
  `StaticPod/NAME`.
- A CronJob between two runs, a Deployment scaled to nothing and a PodTemplate run nothing: the inventory tells of none, a manifest does.
- Kinds that a cluster's owner defined are read from a manifest where they have a pod template at `spec.template`. Whatever else such a kind
  looks like, its pods are found by the inventory, under the controller that made them.
- The image may be changed in a pod that runs (`spec.containers[*].image`): the inventory then tells of another container at that place.
"""


def rows() -> Iterator[str]:
    """The table."""
    yield "| kind | " + " | ".join(HIDING) + " | found by the inventory |"
    yield "| --- |" + " --- |" * (len(HIDING) + 1)
    for kind in KINDS:
        written, found = in_manifest(kind), images(kind.name)
        cells = []
        for image in found.values():
            by = [*(["manifest"] if written[image] else []), *(["inventory"] if kind.owners else [])]
            cells.append(", ".join(by) or "-")
        yield f"| {kind.name} | " + " | ".join(cells) + f" | {kind.note} |"


def test_the_page_says_so() -> None:
    text = HEAD + "\n".join(rows()) + "\n" + TAIL
    if os.environ.get("HULLMARK_GOLDEN") == "write":
        PAGE.write_text(text)
    assert PAGE.read_text() == text
