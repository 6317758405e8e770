"""The kinds that the fake API server knows, as discovery tells of them."""

from __future__ import annotations

from typing import NamedTuple

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


class Kind(NamedTuple):
    """A kind of objects. `subresources` may be written by themselves."""

    group: str
    version: str
    kind: str
    plural: str
    is_namespaced: bool = True
    short_names: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """As objects have it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """As messages have it: `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


_RBAC = "rbac.authorization.k8s.io"
KINDS = (
    Kind("", "v1", "Pod", "pods", short_names=("po",), subresources=("status", "ephemeralcontainers")),
    Kind("", "v1", "Node", "nodes", is_namespaced=False, short_names=("no",), subresources=("status",)),
    Kind("", "v1", "Namespace", "namespaces", is_namespaced=False, short_names=("ns",), subresources=("status",)),
    Kind("", "v1", "ReplicationController", "replicationcontrollers", short_names=("rc",), subresources=("status",)),
    Kind("", "v1", "PodTemplate", "podtemplates"),
    Kind("", "v1", "ServiceAccount", "serviceaccounts", short_names=("sa",)),
    Kind("", "v1", "Service", "services", short_names=("svc",), subresources=("status",)),
    Kind("", "v1", "ConfigMap", "configmaps", short_names=("cm",)),
    Kind("", "v1", "Secret", "secrets"),
    Kind("apps", "v1", "Deployment", "deployments", short_names=("deploy",), subresources=("status",)),
    Kind("apps", "v1", "ReplicaSet", "replicasets", short_names=("rs",), subresources=("status",)),
    Kind("apps", "v1", "StatefulSet", "statefulsets", short_names=("sts",), subresources=("status",)),
    Kind("apps", "v1", "DaemonSet", "daemonsets", short_names=("ds",), subresources=("status",)),
    Kind("batch", "v1", "Job", "jobs", subresources=("status",)),
    Kind("batch", "v1", "CronJob", "cronjobs", short_names=("cj",), subresources=("status",)),
    Kind("node.k8s.io", "v1", "RuntimeClass", "runtimeclasses", is_namespaced=False),
    Kind(_RBAC, "v1", "ClusterRole", "clusterroles", is_namespaced=False),
    Kind(_RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", is_namespaced=False),
    Kind(_RBAC, "v1", "Role", "roles"),
    Kind(_RBAC, "v1", "RoleBinding", "rolebindings"),
    Kind("admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", False),
    Kind(
        "admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", False
    ),
    Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", subresources=("status",)),
    Kind("argoproj.io", "v1alpha1", "Rollout", "rollouts", subresources=("status",)),
)
"""The last stands for what a cluster's owner defines (CustomResourceDefinitions)."""

BY_PATH = {(kind.group, kind.version, kind.plural): kind for kind in KINDS}
BY_NAME = {kind.kind: kind for kind in KINDS}


def api_resources(group: str, version: str) -> list[dict[str, object]]:
    """What discovery says of the kinds of a version."""
    found: list[dict[str, object]] = []
    for kind in KINDS:
        if (kind.group, kind.version) != (group, version):
            continue
        common: dict[str, object] = {"namespaced": kind.is_namespaced, "kind": kind.kind, "singularName": ""}
        found.append(
            {
                **common,
                "name": kind.plural,
                "singularName": kind.kind.lower(),
                "verbs": list(VERBS),
                "shortNames": list(kind.short_names),
            }
        )
        for subresource in kind.subresources:
            found.append({**common, "name": f"{kind.plural}/{subresource}", "verbs": ["get", "patch", "update"]})
    return found


def groups() -> dict[str, list[str]]:
    """The versions of each named group."""
    found: dict[str, list[str]] = {}
    for kind in KINDS:
        if kind.group and kind.version not in found.setdefault(kind.group, []):
            found[kind.group].append(kind.version)
    return found


def group_document(group: str, versions: list[str]) -> dict[str, object]:
    """What discovery says of a group."""
    each = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {"name": group, "versions": each, "preferredVersion": each[0]}


def openapi(group: str, version: str) -> dict[str, object]:
    """As much of OpenAPI v3 as kubectl asks for: that PATCH of each kind takes `fieldValidation`."""
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    paths: dict[str, object] = {}
    for kind in KINDS:
        if (kind.group, kind.version) != (group, version):
            continue
        place = "/namespaces/{namespace}" if kind.is_namespaced else ""
        parameters = [
            {"name": name, "in": "query", "schema": {"type": "string"}} for name in ("dryRun", "fieldValidation")
        ]
        paths[f"{root}{place}/{kind.plural}/{{name}}"] = {
            "patch": {
                "parameters": parameters,
                "responses": {"200": {"description": "OK"}},
                "x-kubernetes-action": "patch",
                "x-kubernetes-group-version-kind": {"group": group, "kind": kind.kind, "version": version},
            }
        }
    return {"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.33.1"}, "paths": paths}
