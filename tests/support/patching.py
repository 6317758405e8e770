"""What kubectl, docker compose, ECS and `docker run` make of a manifest and a patch, as far as the patches of isolation need it."""

from __future__ import annotations

import copy
import json
from typing import Any

import yaml

from hullmark.model.isolation import IsolationPatch, WorkloadFormat

_MERGE_KEYS = {
    "containers": "name", "initContainers": "name", "ephemeralContainers": "name", "volumes": "name", "volumeMounts": "mountPath",
    "containerDefinitions": "name",
}  # fmt: skip


def patched(kind: WorkloadFormat, document: dict[str, Any], patch: IsolationPatch) -> dict[str, Any]:
    """The manifest with the patch."""
    result: dict[str, Any]
    if kind == "docker":
        return _with_options(document, patch.text)
    if kind == "compose":
        result = _over(document, yaml.load(patch.text, Loader=_Loader))  # noqa: S506 - a safe loader that knows two tags more
    else:
        result = merged(document, yaml.safe_load(patch.text) if kind == "kubernetes" else json.loads(patch.text))
    return result


def merged(document: Any, patch: Any) -> Any:
    """A strategic merge: mappings are merged, null removes, lists with a merge key too, other lists are replaced."""
    if not isinstance(document, dict) or not isinstance(patch, dict):
        return {name: value for name, value in patch.items() if value is not None} if isinstance(patch, dict) else patch
    result = dict(document)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif name in _MERGE_KEYS and isinstance(value, list):
            result[name] = _merged_list(result.get(name) or [], value, _MERGE_KEYS[name])
        else:
            result[name] = merged(result.get(name) or {}, value) if isinstance(value, dict) else value
    return result


def _merged_list(items: list[Any], patches: list[Any], key: str) -> list[Any]:
    changed = {patch[key]: patch for patch in patches}
    kept = [item for item in items if changed.get(item[key], {}).get("$patch") != "delete"]
    result = [merged(each, changed.pop(each[key])) if each[key] in changed else each for each in kept]
    return result + [patch for patch in changed.values() if "$patch" not in patch]


class _Override(list[Any]):
    """A list that replaces the other."""


class _Reset:
    """The other goes."""


class _Loader(yaml.SafeLoader):
    """Knows compose's tags."""


def _override(loader: yaml.SafeLoader, node: yaml.Node) -> _Override:
    assert isinstance(node, yaml.SequenceNode)
    return _Override(loader.construct_sequence(node))


_Loader.add_constructor("!override", _override)
_Loader.add_constructor("!reset", lambda loader, node: _Reset())


def _over(document: Any, patch: Any) -> Any:
    if isinstance(patch, _Override):
        return list(patch)
    if isinstance(patch, list):
        targets = {mount["target"] for mount in patch}
        return [each for each in document or [] if _target(each) not in targets] + patch
    if not isinstance(patch, dict):
        return patch
    result = dict(document or {})
    for name, value in patch.items():
        if isinstance(value, _Reset):
            result.pop(name, None)
        else:
            result[name] = _over(result.get(name), value)
    return result


def _target(mount: Any) -> str:
    return str(mount["target"] if isinstance(mount, dict) else mount.removesuffix(":ro").rpartition(":")[2])


_MODES = {"pid": "PidMode", "ipc": "IpcMode", "network": "NetworkMode"}


def _with_options(document: dict[str, Any], text: str) -> dict[str, Any]:
    """What inspecting would tell of a container that is started with the options changed."""
    result = copy.deepcopy(document)
    host = result.setdefault("HostConfig", {"MaskedPaths": ["/proc/kcore"], "ReadonlyPaths": ["/proc/sys"]})
    for line in text.splitlines():
        sign, _, option = line.partition(" ")
        name, _, value = option.removeprefix("--").partition("=")
        if sign == "-":
            _without(host, name, value)
        else:
            _with(result, host, name, value)
    return result


def _without(host: dict[str, Any], name: str, value: str) -> None:
    if name == "privileged":
        host["Privileged"] = False
    elif name in _MODES:
        host[_MODES[name]] = "private"
    elif name == "device-cgroup-rule":
        host["DeviceCgroupRules"].remove(value)
    elif name == "security-opt" and value.startswith("systempaths"):
        host |= {"MaskedPaths": ["/proc/kcore"], "ReadonlyPaths": ["/proc/sys"]}
    elif name == "security-opt":
        host["SecurityOpt"].remove(value)
    elif name == "volume":
        host["Mounts"] = [each for each in host["Mounts"] if each["Target"] != value.rpartition(":")[2]]
    elif name == "cap-add":
        host["CapAdd"] = [each for each in host["CapAdd"] if each.removeprefix("CAP_") != value]
    else:
        raise AssertionError(f"no row of the table needs {name}")


def _with(result: dict[str, Any], host: dict[str, Any], name: str, value: str) -> None:
    if name == "cap-drop":
        host["CapDrop"] = [*(host.get("CapDrop") or []), value]
    elif name == "user":
        result["Config"] = {**result.get("Config", {}), "User": value}
    elif name == "runtime":
        host["Runtime"] = value
        result.pop("OCIRuntime", None)
    elif name == "security-opt":
        host["SecurityOpt"] = [*(host.get("SecurityOpt") or []), value]
        if value.startswith("apparmor="):
            result["AppArmorProfile"] = value.partition("=")[2]
    else:
        raise AssertionError(f"no row of the table needs {name}")
