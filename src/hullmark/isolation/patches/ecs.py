"""Changes → a fragment of a task definition: what it names replaces what is there, containers and volumes by their names, null removes."""

from __future__ import annotations

from typing import Any

import msgspec

from hullmark.isolation.patches.changes import Changes
from hullmark.isolation.patches.form import PatchForm
from hullmark.isolation.patches.target import Means
from hullmark.isolation.spelling import RUNTIME_DEFAULT
from hullmark.model.isolation import Isolation, IsolationPatch, Workload, WorkloadContainer

_MODES = {"host_pid": "pidMode", "host_ipc": "ipcMode"}
_BY_OPTIONS = ("apparmor", "selinux", "no_new_privileges")
_ON_FARGATE = frozenset(("SYS_PTRACE",))
"""What Fargate lets a task add."""


def _text_of(changes: Changes, workload: Workload, container: WorkloadContainer) -> str:
    """The fragment, as JSON."""
    task = _for_fargate(changes) if changes.has("boundary") else _task(changes)
    lost = changes.now.host_paths if changes.has("boundary") else changes.lost_paths
    volumes = [
        {"name": name, "host": None, "dockerVolumeConfiguration": None}
        for name in sorted({path.volume for path in lost})
    ]
    if volumes:
        task["volumes"] = volumes
    settings = _container(changes)
    if settings:
        task["containerDefinitions"] = [{"name": container.name, **settings}]
    return msgspec.json.format(msgspec.json.encode(task), indent=2).decode() + "\n"


def _notes_of(patch: IsolationPatch, changes: Changes) -> tuple[str, ...]:
    """What else it takes."""
    if changes.has("boundary"):
        return ("Start it with the launch type FARGATE, and choose cpu and memory among the pairs that Fargate has.",)
    return ()


def _task(changes: Changes) -> dict[str, Any]:
    task: dict[str, Any] = {name: None for setting, name in _MODES.items() if changes.has(setting)}
    if changes.has("host_network"):
        task["networkMode"] = "awsvpc"
    return task


def _for_fargate(changes: Changes) -> dict[str, Any]:
    task = {"requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc"}
    limits = changes.now.limits
    if limits.cpu is None or limits.memory is None:
        task |= {"cpu": "256", "memory": "512"}
    return task


def _container(changes: Changes) -> dict[str, Any]:
    wanted = changes.wanted
    settings: dict[str, Any] = {"privileged": False} if changes.has("privileged") else {}
    is_moved = changes.has("boundary")
    linux: dict[str, Any] = {"devices": []} if changes.lost_devices or (is_moved and changes.now.devices) else {}
    added = [name for name in wanted.capabilities_added if not is_moved or name in _ON_FARGATE]
    if added != list(changes.now.capabilities_added):
        linux["capabilities"] = {"add": added, "drop": list(wanted.capabilities_dropped)}
    if linux:
        settings["linuxParameters"] = linux
    if is_moved:
        settings["dockerSecurityOptions"] = None
    elif any(changes.has(setting) for setting in _BY_OPTIONS):
        settings["dockerSecurityOptions"] = _options(wanted)
    return settings


def _options(wanted: Isolation) -> list[str]:
    options = ["no-new-privileges"] if wanted.no_new_privileges else []
    if wanted.apparmor:
        options.append(f"apparmor:{'docker-default' if wanted.apparmor == RUNTIME_DEFAULT else wanted.apparmor}")
    if wanted.selinux:
        options.append(f"label:type:{wanted.selinux}")
    return options


FORM = PatchForm(Means(has_seccomp=False, sandbox="", vm="fargate"), "json", _text_of, _notes_of)
