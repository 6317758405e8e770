"""Changes → a compose file that is laid over the other one (`docker compose -f compose.yaml -f override.yaml`).

Lists of two files are added up, so what should go needs the tags `!override` and `!reset` (compose 2.24.4); mounts of one target replace
each other.
"""

from __future__ import annotations

from typing import Any

import yaml

from hullmark.isolation.compose import API_SOCKET, HANDED_IN
from hullmark.isolation.patches.changes import Changes
from hullmark.isolation.patches.form import PatchForm
from hullmark.isolation.patches.target import Means
from hullmark.isolation.spelling import RUNTIME_DEFAULT
from hullmark.model.isolation import Isolation, IsolationPatch, Workload, WorkloadContainer

_MODES = {"host_pid": "pid", "host_ipc": "ipc", "host_network": "network_mode"}
_BY_OPTIONS = ("seccomp", "apparmor", "selinux", "no_new_privileges", "unmasked_proc")


class _Override(list[str]):
    """A list that replaces the one that is there."""


class _Reset:
    """What is there goes."""


class _Dumper(yaml.SafeDumper):
    """Writes the tags of compose."""


_Dumper.add_representer(_Override, lambda dumper, items: dumper.represent_sequence("!override", items, flow_style=True))
_Dumper.add_representer(_Reset, lambda dumper, _: dumper.represent_scalar("!reset", "null", style=""))


def _text_of(changes: Changes, workload: Workload, container: WorkloadContainer) -> str:
    """The file, as YAML."""
    document = {"services": {container.name: _service(changes)}}
    dumped: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, default_flow_style=False, width=120)
    return dumped


def _notes_of(patch: IsolationPatch, changes: Changes) -> tuple[str, ...]:
    """What else it takes."""
    notes = ["The tags !override and !reset need compose 2.24.4 or later."] if "!" in patch.text else []
    if changes.has("runtime"):
        notes.append(f"The engine needs a runtime called {changes.wanted.runtime}.")
    if changes.has("user"):
        notes.append("The image's files must be readable for that user, and what it writes writable.")
    if any(path.volume in HANDED_IN for path in changes.lost_paths):
        notes.append("List the secrets and configs again that may stay.")
    if changes.has("apparmor"):
        notes.append("The host must have AppArmor; where it has SELinux, ask for a label type instead.")
    return tuple(notes)


def _service(changes: Changes) -> dict[str, Any]:
    wanted = changes.wanted
    service: dict[str, Any] = {"privileged": False} if changes.has("privileged") else {}
    service |= {name: _Reset() for setting, name in _MODES.items() if changes.has(setting)}
    if changes.has("capabilities_added"):
        service["cap_add"] = _Override(wanted.capabilities_added)
    if changes.has("capabilities_dropped"):
        service["cap_drop"] = _Override(wanted.capabilities_dropped)
    if any(changes.has(setting) for setting in _BY_OPTIONS):
        service["security_opt"] = _Override(_options(wanted))
    if changes.has("user"):
        service["user"] = f"{wanted.user}:{wanted.user}"
    if changes.has("runtime"):
        service["runtime"] = wanted.runtime
    service |= _mounts(changes)
    return service | _devices(changes)


def _mounts(changes: Changes) -> dict[str, Any]:
    """Mounts that go: one of nothing takes the place of each, and keys that mount by themselves are emptied."""
    found: dict[str, Any] = {}
    for path in changes.lost_paths:
        if path.volume == API_SOCKET:
            found[API_SOCKET] = False
        elif path.volume in HANDED_IN:
            found[path.volume] = _Override()
        else:
            found.setdefault("volumes", []).append({"type": "tmpfs", "target": path.target})
    return found


def _devices(changes: Changes) -> dict[str, Any]:
    """Devices by path, rules for devices, and drivers that are asked for devices."""
    found: dict[str, Any] = {}
    for device in changes.lost_devices:
        if device.startswith("/"):
            kept = [device for device in changes.wanted.devices if device.startswith("/")]
            found["devices"] = _Override(f"{device}:{device}" for device in kept)
        elif " " in device:
            found["device_cgroup_rules"] = _Override(device for device in changes.wanted.devices if " " in device)
        else:
            found |= {"gpus": _Reset(), "deploy": {"resources": {"reservations": {"devices": _Override()}}}}
    return found


def _options(wanted: Isolation) -> list[str]:
    options = ["no-new-privileges:true"] if wanted.no_new_privileges else []
    if wanted.seccomp:
        options.append(f"seccomp={'builtin' if wanted.seccomp == RUNTIME_DEFAULT else wanted.seccomp}")
    if wanted.apparmor:
        options.append(f"apparmor={'docker-default' if wanted.apparmor == RUNTIME_DEFAULT else wanted.apparmor}")
    if wanted.selinux:
        options.append(f"label=type:{wanted.selinux}")
    return options


FORM = PatchForm(Means(), "yaml", _text_of, _notes_of)
