"""Changes → options of `docker run` and `podman run` that come (`+`) and go (`-`), one a line."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.isolation.patches.changes import Changes
from hullmark.isolation.patches.form import PatchForm
from hullmark.isolation.patches.target import Means
from hullmark.isolation.spelling import RUNTIME_DEFAULT
from hullmark.model.isolation import IsolationPatch, Workload, WorkloadContainer

_MODES = {"host_pid": "--pid=host", "host_ipc": "--ipc=host", "host_network": "--network=host"}
_DEFAULTS = {"seccomp": "builtin", "apparmor": "docker-default"}


def _text_of(changes: Changes, workload: Workload, container: WorkloadContainer) -> str:
    """The options."""
    return "".join(f"{line}\n" for line in (*_format_removals(changes), *_new(changes)))


def _notes_of(patch: IsolationPatch, changes: Changes) -> tuple[str, ...]:
    """What else it takes."""
    notes = [f"The engine needs a runtime called {changes.wanted.runtime}."] if changes.has("runtime") else []
    if changes.has("user"):
        notes.append("The image's files must be readable for that user, and what it writes writable.")
    if changes.has("apparmor"):
        notes.append("The host must have AppArmor; where it has SELinux, ask for a label type instead.")
    return tuple(notes)


def _format_removals(changes: Changes) -> Iterator[str]:
    if changes.has("privileged"):
        yield "- --privileged"
    yield from (f"- {option}" for setting, option in _MODES.items() if changes.has(setting))
    yield from (f"- --cap-add={name}" for name in changes.lost_capabilities)
    if changes.has("unmasked_proc"):
        yield "- --security-opt=systempaths=unconfined"
    if changes.has("selinux"):
        yield "- --security-opt=label=disable"
    for path in changes.lost_paths:
        yield f"- --volume={path.path}:{path.target}"
    for device in changes.lost_devices:
        yield f"- --device={device}" if device.startswith("/") else f"- --device-cgroup-rule={device}"


def _new(changes: Changes) -> Iterator[str]:
    wanted = changes.wanted
    if changes.has("capabilities_dropped"):
        yield from (f"+ --cap-drop={name}" for name in wanted.capabilities_dropped)
    if changes.has("no_new_privileges"):
        yield "+ --security-opt=no-new-privileges"
    for setting, default in _DEFAULTS.items():
        if changes.has(setting):
            name = getattr(wanted, setting)
            yield f"+ --security-opt={setting}={default if name == RUNTIME_DEFAULT else name}"
    if changes.has("user"):
        yield f"+ --user={wanted.user}:{wanted.user}"
    if changes.has("runtime"):
        yield f"+ --runtime={wanted.runtime}"


FORM = PatchForm(Means(), "options", _text_of, _notes_of)
