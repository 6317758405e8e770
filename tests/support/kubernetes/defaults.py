"""What the API server fills in where a manifest says nothing, and the token that the ServiceAccount admission mounts."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.support.kubernetes.resources import Kind

Object = dict[str, Any]

_MIRROR = "kubernetes.io/config.mirror"
_TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - where it is mounted
_OF_A_POD: Object = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
}
_OF_A_CONTAINER: Object = {
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


def fill_in(kind: Kind, document: Object) -> None:
    """Set what is missing in an object."""
    if kind.kind == "Pod":
        spec = document.setdefault("spec", {})
        _fill_in_spec(spec)
        spec.setdefault("serviceAccountName", "default")
        spec.setdefault("enableServiceLinks", True)
        _mount_token(document)
        document.setdefault("status", {}).setdefault("phase", "Pending")
        document["status"].setdefault("qosClass", "BestEffort")
        return
    for path in (
        ("spec", "template", "spec"),
        ("spec", "jobTemplate", "spec", "template", "spec"),
        ("template", "spec"),
    ):
        found: Any = document
        for part in path:
            found = found.get(part) if isinstance(found, dict) else None
        if isinstance(found, dict) and not kind.group.endswith(".io"):
            _fill_in_spec(found)


def _fill_in_spec(spec: Object) -> None:
    for name, value in _OF_A_POD.items():
        spec.setdefault(name, value)
    spec.setdefault("securityContext", {})
    for field in _CONTAINERS:
        for container in spec.get(field) or ():
            name = container.get("image", "").rpartition("/")[2]
            is_pinned = "@" in name or (":" in name and not name.endswith(":latest"))
            container.setdefault("imagePullPolicy", "IfNotPresent" if is_pinned else "Always")
            container.setdefault("resources", {})
            for part, value in _OF_A_CONTAINER.items():
                container.setdefault(part, value)


def _mount_token(pod: Object) -> None:
    spec, meta = pod["spec"], pod["metadata"]
    if spec.get("automountServiceAccountToken") is False or _MIRROR in (meta.get("annotations") or {}):
        return
    name = f"kube-api-access-{hashlib.sha256(meta['name'].encode()).hexdigest()[:5]}"
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    ]
    spec["volumes"] = [
        *(spec.get("volumes") or []),
        {"name": name, "projected": {"sources": sources, "defaultMode": 420}},
    ]
    for field in _CONTAINERS:
        for container in spec.get(field) or ():
            mount = {"name": name, "readOnly": True, "mountPath": _TOKEN_PATH}
            container["volumeMounts"] = [*(container.get("volumeMounts") or []), mount]
