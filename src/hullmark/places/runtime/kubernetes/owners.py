"""From a pod to the workload that people know: along the controllers, through those that are made anew with each version.

https://kubernetes.io/docs/concepts/overview/working-with-objects/owners-dependents/
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from hullmark.model.limit import Limit
from hullmark.places.runtime.kubernetes.api import ForbiddenRequest, KubernetesApi, NotFound, Scope, partial
from hullmark.places.runtime.kubernetes.following import list_all
from hullmark.places.runtime.kubernetes.objects import Metadata, OwnerReference, PartialObject

FOLLOWED = {
    ("apps", "ReplicaSet"): partial("apps", "v1", "replicasets"),
    ("batch", "Job"): partial("batch", "v1", "jobs"),
    ("", "ReplicationController"): partial("", "v1", "replicationcontrollers"),
}
"""Controllers that others may control: a Deployment's, a CronJob's, and OpenShift's DeploymentConfig's."""

MIRROR = "kubernetes.io/config.mirror"
"""The annotation of a pod that stands for one that a node runs from a file (a static pod)."""

_MOST_KEPT = Limit(200_000, "owners of pods that are remembered; others are asked for again", "later")
_LONGEST_CHAIN = Limit(4, "controllers of a pod, one above the other", "shortened")


@dataclass(frozen=True, slots=True)
class _Owner:
    """A controller, as far as it is needed: what is called the workload, and how its own controller is found."""

    group: str
    kind: str
    name: str
    uid: str


class Owners:
    """Knows the controllers of ReplicaSets, Jobs and the like. Serves several threads."""

    def __init__(self, api: KubernetesApi) -> None:
        self._api = api
        self._lock = threading.Lock()
        self._known: OrderedDict[str, _Owner | None] = OrderedDict()
        self.unreadable: set[str] = set()
        """What RBAC does not allow to read, by its plural: workloads are then named for it."""

    def read(self, scope: Scope) -> None:
        """Learn them all at once: a list costs less than a question for each pod. Raises ApiRefused, NetError."""
        for resource in FOLLOWED.values():
            try:
                list_all(self._api, resource, self._learn, Scope(scope.namespace))
            except (ForbiddenRequest, NotFound):
                self.unreadable.add(resource.plural)

    def workload_of(self, pod: Metadata) -> str:
        """`Deployment/web`: the controller at the end of a pod's chain, as far as it is there and may be read; else the pod itself.

        Raises ApiRefused, NetError.
        """
        controller = pod.controller
        if pod.annotations and MIRROR in pod.annotations:
            node = f"-{controller.name}" if controller is not None and controller.kind == "Node" else ""
            return f"StaticPod/{pod.name.removesuffix(node)}"
        if controller is None:
            return f"Pod/{pod.name}"
        found = _owner(controller)
        for _ in range(_LONGEST_CHAIN):
            above = self._above(found, pod.namespace)
            if above is None:
                break
            found = above
        return f"{found.kind}/{found.name}"

    def _above(self, owner: _Owner, namespace: str) -> _Owner | None:
        resource = FOLLOWED.get((owner.group, owner.kind))
        if resource is None or resource.plural in self.unreadable:
            return None
        with self._lock:
            if owner.uid in self._known:
                self._known.move_to_end(owner.uid)
                return self._known[owner.uid]
        try:
            found = self._api.get(resource, namespace, owner.name)
        except NotFound:
            return None
        except ForbiddenRequest:
            self.unreadable.add(resource.plural)
            return None
        self._learn(found)
        # Another one may have its name by now.
        return _controller(found) if found.metadata.uid == owner.uid else None

    def _learn(self, found: PartialObject) -> None:
        with self._lock:
            self._known[found.metadata.uid] = _controller(found)
            self._known.move_to_end(found.metadata.uid)
            while len(self._known) > _MOST_KEPT:
                self._known.popitem(last=False)


def _controller(found: PartialObject) -> _Owner | None:
    controller = found.metadata.controller
    return _owner(controller) if controller is not None else None


def _owner(reference: OwnerReference) -> _Owner:
    return _Owner(reference.group, reference.kind, reference.name, reference.uid)
