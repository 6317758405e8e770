"""Changes → a strategic merge patch of the manifest that a pod is written in (`kubectl patch`, kustomize)."""

from __future__ import annotations

from typing import Any

import yaml

from hullmark.isolation.kubernetes import HOST_PROCESS
from hullmark.isolation.patches.changes import Changes
from hullmark.isolation.patches.form import PatchForm
from hullmark.isolation.patches.target import Means
from hullmark.isolation.spelling import RUNTIME_DEFAULT, UNCONFINED
from hullmark.model.isolation import ContainerKind, IsolationPatch, Workload, WorkloadContainer

_LISTS: dict[ContainerKind, str] = {
    "regular": "containers", "init": "initContainers", "sidecar": "initContainers", "ephemeral": "ephemeralContainers",
}  # fmt: skip
_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
_POD_FLAGS = {"host_pid": "hostPID", "host_ipc": "hostIPC", "host_network": "hostNetwork"}
_DEFAULT_PROFILE = {"type": "RuntimeDefault", "localhostProfile": None}
_FIXED: dict[str, tuple[str, Any]] = {
    "privileged": ("privileged", False),
    "no_new_privileges": ("allowPrivilegeEscalation", False),
    "run_as_non_root": ("runAsNonRoot", True),
    "seccomp": ("seccompProfile", _DEFAULT_PROFILE),
    "apparmor": ("appArmorProfile", _DEFAULT_PROFILE),
    "selinux": ("seLinuxOptions", {"type": "container_t"}),
    "unmasked_proc": ("procMount", "Default"),
}
"""What is written where a setting changes: each changes in one direction only."""


class _Dumper(yaml.SafeDumper):
    """Writes what stands twice twice: kubectl would take anchors, people rather not."""

    def ignore_aliases(self, data: Any) -> bool:
        """Always."""
        return True


def _text_of(changes: Changes, workload: Workload, container: WorkloadContainer) -> str:
    """The patch, as YAML."""
    pod: dict[str, Any] = {
        name: bool(getattr(changes.wanted, setting)) for setting, name in _POD_FLAGS.items() if changes.has(setting)
    }
    if changes.has("user_namespace"):
        pod["hostUsers"] = False
    if changes.has("runtime_class"):
        pod["runtimeClassName"] = changes.wanted.runtime_class
    settings = _container(changes)
    if settings:
        pod[_LISTS.get(container.kind, "containers")] = [{"name": container.name, **settings}]
    document: dict[str, Any] = {workload.template[-1] if workload.template else "spec": pod}
    if changes.has("apparmor") and changes.now.apparmor == UNCONFINED:
        document["metadata"] = {"annotations": {_APPARMOR + container.name: None}}
    for key in reversed(workload.template[:-1]):
        document = {key: document}
    dumped: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, default_flow_style=False, width=120)
    return dumped


def _notes_of(patch: IsolationPatch, changes: Changes) -> tuple[str, ...]:
    """What else it takes."""
    notes = []
    if changes.has("runtime_class"):
        handler = "runsc" if changes.wanted.boundary == "sandbox" else "kata-qemu"
        notes.append(
            f"The cluster needs a RuntimeClass {changes.wanted.runtime_class} with a handler such as {handler}."
        )
    if changes.has("user_namespace"):
        notes.append("User namespaces need Kubernetes 1.33 and Linux 6.3 or later.")
    if changes.has("apparmor") and changes.wanted.apparmor == RUNTIME_DEFAULT:
        notes.append("Nodes without AppArmor refuse the pod; where they have SELinux, set seLinuxOptions instead.")
    return tuple(notes)


def _container(changes: Changes) -> dict[str, Any]:
    context = _security_context(changes)
    settings: dict[str, Any] = {"securityContext": context} if context else {}
    if changes.lost_paths:
        settings["volumeMounts"] = [{"mountPath": path.target, "$patch": "delete"} for path in changes.lost_paths]
    if changes.lost_devices:
        gone = dict.fromkeys(changes.lost_devices)
        settings["resources"] = {"limits": gone, "requests": dict(gone)}
    return settings


def _security_context(changes: Changes) -> dict[str, Any]:
    """Of the container: that of the pod is everybody's."""
    context = {key: value for setting, (key, value) in _FIXED.items() if changes.has(setting)}
    if changes.has("privileged") and changes.now.runtime == HOST_PROCESS:
        context["windowsOptions"] = {"hostProcess": False}
    if changes.has("user"):
        context["runAsUser"] = int(changes.wanted.user)
    capabilities = _capabilities(changes)
    return {**context, "capabilities": capabilities} if capabilities else context


def _capabilities(changes: Changes) -> dict[str, list[str]]:
    found = {}
    if changes.has("capabilities_added"):
        found["add"] = list(changes.wanted.capabilities_added)
    if changes.has("capabilities_dropped"):
        found["drop"] = list(changes.wanted.capabilities_dropped)
    return found


FORM = PatchForm(Means(has_user_namespaces=True, sandbox="gvisor", vm="kata"), "yaml", _text_of, _notes_of)
