"""Objects for tests: pods as kubelet tells of them, their owners, and what they run amid."""

from __future__ import annotations

import hashlib
from typing import Any

Object = dict[str, Any]
STARTED = "2026-03-01T12:00:00Z"


def digest(of: str) -> str:
    """A digest that belongs to a name."""
    return f"sha256:{hashlib.sha256(of.encode()).hexdigest()}"


def image_id(image: str) -> str:
    """What containerd tells of an image that came from a registry."""
    return f"{image.partition('@')[0].rpartition(':')[0] or image}@{digest(image)}"


def container(name: str, image: str, **more: Any) -> Object:
    """A container of a spec."""
    return {"name": name, "image": image, **more}


def running(name: str, image: str, *, since: str = STARTED, **more: Any) -> Object:
    """The status of a container that runs."""
    return {
        "name": name,
        "image": image,
        "imageID": image_id(image),
        "containerID": f"containerd://{digest(name + image)[7:]}",
        "ready": True,
        "started": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": since}},
        "lastState": {},
        **more,
    }


def terminated(
    name: str, image: str, *, exit_code: int = 0, until: str = "2026-03-01T12:01:00Z", **more: Any
) -> Object:
    """The status of a container that has ended."""
    ended = {"exitCode": exit_code, "reason": "Completed", "startedAt": STARTED, "finishedAt": until}
    return running(name, image, **more) | {"ready": False, "started": False, "state": {"terminated": ended}}


def waiting(name: str, image: str, reason: str = "ContainerCreating", **more: Any) -> Object:
    """The status of a container that was never started, or is to be started again."""
    state: Object = {
        "state": {"waiting": {"reason": reason}},
        "ready": False,
        "started": False,
        "imageID": "",
        "containerID": "",
    }
    return running(name, image) | state | more


def controlled_by(owner: Object) -> Object:
    """An owner reference to a controller."""
    meta = owner["metadata"]
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def pod(
    name: str,
    image: str = "registry.example/web:1",
    *,
    namespace: str = "default",
    labels: dict[str, str] | None = None,
    owner: Object | None = None,
    phase: str = "Running",
    spec: Object | None = None,
    status: Object | None = None,
) -> Object:
    """A pod with one container, which runs unless a status says otherwise. `spec` and `status` are added."""
    meta: Object = {"name": name, "namespace": namespace, "labels": labels or {"app": "web"}}
    if owner is not None:
        meta["ownerReferences"] = [controlled_by(owner)]
    told: Object = {"phase": phase, "startTime": STARTED, "containerStatuses": [running("main", image)]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {"nodeName": "node-1", "containers": [container("main", image)], **(spec or {})},
        "status": told | (status or {}),
    }


def template(image: str = "registry.example/web:1", **spec: Any) -> Object:
    """A pod template."""
    return {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [container("main", image)], **spec},
    }


def workload(kind: str, name: str, *, owner: Object | None = None, namespace: str = "default", **spec: Any) -> Object:
    """A Deployment, ReplicaSet, StatefulSet or DaemonSet."""
    meta: Object = {"name": name, "namespace": namespace}
    if owner is not None:
        meta["ownerReferences"] = [controlled_by(owner)]
    more: Object = {"serviceName": name} if kind == "StatefulSet" else {}
    body = {"selector": {"matchLabels": {"app": "web"}}, "template": template(), **more, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": meta, "spec": body}


def job(name: str, *, owner: Object | None = None, namespace: str = "default") -> Object:
    """A Job."""
    meta: Object = {"name": name, "namespace": namespace}
    if owner is not None:
        meta["ownerReferences"] = [controlled_by(owner)]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": meta,
        "spec": {"template": template(restartPolicy="Never")},
    }


def cron_job(name: str, *, namespace: str = "default") -> Object:
    """A CronJob."""
    spec = {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": template(restartPolicy="OnFailure")}}}
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": meta, "spec": spec}


def node(name: str = "node-1", architecture: str = "amd64") -> Object:
    """A node."""
    info = {
        "architecture": architecture,
        "bootID": "b",
        "containerRuntimeVersion": "containerd://2.1.1",
        "kernelVersion": "6.12.0",
        "kubeProxyVersion": "",
        "kubeletVersion": "v1.33.1",
        "machineID": "m",
        "operatingSystem": "linux",
        "osImage": "Debian GNU/Linux 13 (trixie)",
        "systemUUID": "s",
    }
    meta = {"name": name, "labels": {"kubernetes.io/arch": architecture, "kubernetes.io/os": "linux"}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": meta, "spec": {}, "status": {"nodeInfo": info}}


def namespace(name: str, **labels: str) -> Object:
    """A namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def runtime_class(name: str, handler: str) -> Object:
    """A runtime class."""
    return {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": name}, "handler": handler}
