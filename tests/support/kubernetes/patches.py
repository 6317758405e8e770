"""The three patches that the API server takes: JSON patch (RFC 6902), merge patch (RFC 7396) and the strategic merge patch.

The last: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

_MERGE_KEYS: Mapping[str, str] = {
    "conditions": "type",
    "containers": "name",
    "env": "name",
    "ephemeralContainers": "name",
    "hostAliases": "ip",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "ownerReferences": "uid",
    "secrets": "name",
    "topologySpreadConstraints": "topologyKey",
    "volumeDevices": "devicePath",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
"""The lists whose elements are merged, by the field that tells one from another. `ports` has one of two."""
_SETS = frozenset(("finalizers",))
_ORDER, _DELETE = "$setElementOrder/", "$deleteFromPrimitiveList/"


class BadPatch(Exception):
    """The patch does not fit what it is for."""


def merge(target: Any, patch: Any) -> Any:
    """A JSON merge patch."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    found = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = merge(found.get(name), value)
    return found


def apply_operations(target: Any, operations: Any) -> Any:
    """A JSON patch."""
    if not isinstance(operations, list):
        raise BadPatch("a JSON patch is a list")
    found = copy.deepcopy(target)
    for operation in operations:
        try:
            found = _operated(found, operation)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
            raise BadPatch(f"the operation {operation} cannot be done") from error
    return found


def _operated(document: Any, operation: Any) -> Any:
    op, path = operation["op"], operation["path"]
    if op == "test":
        if _value(document, path) != operation["value"]:
            raise ValueError
        return document
    if op in ("move", "copy"):
        value = copy.deepcopy(_value(document, operation["from"]))
        if op == "move":
            document = _changed(document, operation["from"], None, "remove")
        return _changed(document, path, value, "add")
    if op not in ("add", "remove", "replace"):
        raise ValueError
    return _changed(document, path, None if op == "remove" else copy.deepcopy(operation["value"]), op)


def _steps(path: str) -> list[str]:
    if path and not path.startswith("/"):
        raise ValueError
    return [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:]]


def _value(document: Any, path: str) -> Any:
    for step in _steps(path):
        document = document[_index(step, len(document) - 1)] if isinstance(document, list) else document[step]
    return document


def _index(step: str, most: int) -> int:
    number = int(step)
    if not step.isdecimal() or number > most:
        raise IndexError
    return number


def _changed(document: Any, path: str, value: Any, op: str) -> Any:
    steps = _steps(path)
    if not steps:
        return value
    parent = _value(document, path.rpartition("/")[0])
    if isinstance(parent, list):
        at = len(parent) if steps[-1] == "-" and op == "add" else _index(steps[-1], len(parent) - (op != "add"))
        parent[at : at + (op != "add")] = [] if op == "remove" else [value]
        return document
    if op != "add" and steps[-1] not in parent:
        raise KeyError
    if op == "remove":
        del parent[steps[-1]]
    else:
        parent[steps[-1]] = value
    return document


def strategic(target: Any, patch: Mapping[str, Any]) -> Any:
    """A strategic merge patch of an object of the API."""
    found = dict(target) if isinstance(target, dict) else {}
    directive = patch.get("$patch")
    if directive == "replace":
        return {name: copy.deepcopy(value) for name, value in patch.items() if name != "$patch"}
    if directive == "delete":
        return {}
    if (kept := patch.get("$retainKeys")) is not None:
        found = {name: value for name, value in found.items() if name in kept}
    for name, value in patch.items():
        if name.startswith(_DELETE):
            field = name.removeprefix(_DELETE)
            found[field] = [item for item in found.get(field) or [] if item not in value]
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        elif not name.startswith("$"):
            found[name] = _merged(name, found.get(name), value, patch.get(_ORDER + name))
    return found


def _merged(name: str, before: Any, value: Any, order: list[Any] | None) -> Any:
    if isinstance(value, dict):
        return strategic(before, value)
    return _merged_list(name, before or [], value, order) if isinstance(value, list) else value


def _merged_list(name: str, before: list[Any], patch: list[Any], order: list[Any] | None) -> list[Any]:
    if name in _SETS:
        merged = [*before, *(value for value in patch if value not in before)]
        return _ordered(merged, before, order or patch, None)
    key = _key(name, [*before, *patch])
    if key is None:
        return copy.deepcopy(patch)
    if any(isinstance(item, dict) and item.get("$patch") == "replace" for item in patch):
        return [copy.deepcopy(item) for item in patch if item.get("$patch") != "replace"]
    merged = [dict(item) for item in before]
    for item in patch:
        at = next((i for i, known in enumerate(merged) if known.get(key) == item.get(key)), None)
        if item.get("$patch") == "delete":
            merged = [known for known in merged if known.get(key) != item.get(key)]
        elif at is None:
            merged.append(strategic({}, item))
        else:
            merged[at] = strategic(merged[at], item)
    return _ordered(merged, before, order or patch, key)


def _key(name: str, items: list[Any]) -> str | None:
    if not all(isinstance(item, dict) for item in items):
        return None
    if name == "ports":
        return "containerPort" if any("containerPort" in item for item in items) else "port"
    return _MERGE_KEYS.get(name)


def _ordered(items: list[Any], before: list[Any], wanted: list[Any], key: str | None) -> list[Any]:
    """The elements that the patch names in its order, and the others in theirs; of two, one of each, the one that stood first was first.

    Where one of the two was not there before, the patch's comes first.
    """

    def named(element: Any) -> Any:
        return element.get(key) if key is not None else element

    was, order = [named(item) for item in before], [named(item) for item in wanted]
    of_patch = sorted((item for item in items if named(item) in order), key=lambda item: order.index(named(item)))
    others = sorted((item for item in items if named(item) not in order), key=lambda item: was.index(named(item)))
    found: list[Any] = []
    while of_patch and others:
        one, two = named(others[0]), named(of_patch[0])
        is_before = two in was and was.index(one) < was.index(two)
        found.append(others.pop(0) if is_before else of_patch.pop(0))
    return [*found, *of_patch, *others]
