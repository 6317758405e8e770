"""The fake's patches against kubectl's own: `kubectl patch --local` is the code of the API server."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.kubernetes import patches

KUBECTL = Path(sys.executable).parent / "kubectl"
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "labels": {"a": "1", "b": "2"}, "finalizers": ["x/1", "x/2"]},
    "spec": {
        "containers": [
            {
                "name": "main",
                "image": "web:1",
                "args": ["a", "b"],
                "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                "ports": [{"containerPort": 80}, {"containerPort": 443, "name": "tls"}],
                "volumeMounts": [{"name": "v", "mountPath": "/v"}],
            },
            {"name": "side", "image": "side:1"},
        ],
        "volumes": [{"name": "v", "emptyDir": {}}, {"name": "w", "configMap": {"name": "c"}}],
        "tolerations": [{"key": "k", "operator": "Exists"}],
        "imagePullSecrets": [{"name": "s"}],
    },
}
SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "s"},
    "spec": {"ports": [{"port": 80, "targetPort": 8080}, {"port": 443}], "selector": {"app": "web"}},
}
STRATEGIC: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a container is merged by its name": (POD, {"spec": {"containers": [{"name": "side", "image": "side:2"}]}}),
    "another container is added": (POD, {"spec": {"containers": [{"name": "more", "image": "more:1"}]}}),
    "lists within a merged container": (
        POD,
        {"spec": {"containers": [{"name": "main", "env": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}]}]}},
    ),
    "lists without a key are replaced": (POD, {"spec": {"containers": [{"name": "main", "args": ["c"]}]}}),
    "tolerations are replaced": (POD, {"spec": {"tolerations": [{"key": "other", "operator": "Exists"}]}}),
    "null removes": (POD, {"metadata": {"labels": {"a": None}}, "spec": {"volumes": None}}),
    "an element is deleted": (POD, {"spec": {"containers": [{"name": "side", "$patch": "delete"}]}}),
    "a list is replaced": (
        POD,
        {"spec": {"containers": [{"$patch": "replace"}, {"name": "only", "image": "only:1"}]}},
    ),
    "a mapping is replaced": (POD, {"metadata": {"labels": {"$patch": "replace", "c": "3"}}}),
    "a mapping is deleted": (POD, {"metadata": {"labels": {"$patch": "delete"}}}),
    "only some keys are kept": (
        POD,
        {"spec": {"volumes": [{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/x"}}]}},
    ),
    "values are deleted from a set": (POD, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x/1"]}}),
    "values are added to a set": (POD, {"metadata": {"finalizers": ["x/2", "x/3"]}}),
    "ports of a container": (
        POD,
        {"spec": {"containers": [{"name": "main", "ports": [{"containerPort": 443, "name": "t"}]}]}},
    ),
    "ports of a service": (SERVICE, {"spec": {"ports": [{"port": 80, "targetPort": 9090}]}}),
    "the order of elements": (
        POD,
        {
            "spec": {
                "$setElementOrder/containers": [{"name": "side"}, {"name": "main"}],
                "containers": [{"name": "side", "tty": True}],
            }
        },
    ),
    "mounts by their path": (
        POD,
        {"spec": {"containers": [{"name": "main", "volumeMounts": [{"mountPath": "/v", "name": "w"}]}]}},
    ),
}
JSON: dict[str, list[dict[str, Any]]] = {
    "add to a list": [{"op": "add", "path": "/spec/containers/1", "value": {"name": "new", "image": "new:1"}}],
    "append": [{"op": "add", "path": "/spec/containers/-", "value": {"name": "new", "image": "new:1"}}],
    "replace": [{"op": "replace", "path": "/spec/containers/0/image", "value": "web:2"}],
    "remove": [{"op": "remove", "path": "/spec/containers/1"}, {"op": "remove", "path": "/metadata/labels/a"}],
    "move and copy": [
        {"op": "move", "from": "/metadata/labels/a", "path": "/metadata/labels/c"},
        {"op": "copy", "from": "/metadata/labels/b", "path": "/metadata/labels/d"},
    ],
    "test and escaped names": [
        {"op": "test", "path": "/metadata/name", "value": "p"},
        {"op": "add", "path": "/metadata/labels/example.com~1x~0y", "value": "z"},
    ],
}
BROKEN: dict[str, list[dict[str, Any]]] = {
    "a test that fails": [{"op": "test", "path": "/metadata/name", "value": "q"}],
    "nothing there to replace": [{"op": "replace", "path": "/metadata/annotations/x", "value": "1"}],
    "nothing there to remove": [{"op": "remove", "path": "/metadata/labels/z"}],
    "no such place in a list": [{"op": "add", "path": "/spec/containers/7", "value": {"name": "x", "image": "x"}}],
}
MERGE: dict[str, dict[str, Any]] = {
    "a list is replaced": {"spec": {"containers": [{"name": "only", "image": "only:1"}]}},
    "null removes": {"metadata": {"labels": {"a": None}}},
}


def of_kubectl(document: dict[str, Any], how: str, patch: Any, folder: Path) -> dict[str, Any] | None:
    """What kubectl makes of it; None if it refuses."""
    if not KUBECTL.exists():
        pytest.skip("kubectl is not installed beside this Python")
    file = folder / "object.json"
    file.write_text(json.dumps(document))
    where = ("--local", "-f", str(file))
    words = [str(KUBECTL), "patch", *where, f"--type={how}", "-p", json.dumps(patch), "-o", "json"]
    ran = subprocess.run(words, capture_output=True, env={"HOME": str(folder), "PATH": ""})
    found: dict[str, Any] | None = json.loads(ran.stdout) if ran.returncode == 0 else None
    return found


def pruned(value: Any) -> Any:
    """Without what Go writes of zero values."""
    if isinstance(value, dict):
        return {name: pruned(each) for name, each in value.items() if each not in (None, {}, [], "")}
    return [pruned(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", STRATEGIC)
def test_strategic_merge_patches_are_kubectls(name: str, tmp_path: Path) -> None:
    document, patch = STRATEGIC[name]
    before = copy.deepcopy(document)
    assert pruned(patches.strategic(document, patch)) == pruned(of_kubectl(document, "strategic", patch, tmp_path))
    assert document == before


@pytest.mark.parametrize("name", JSON)
def test_json_patches_are_kubectls(name: str, tmp_path: Path) -> None:
    assert patches.apply_operations(POD, JSON[name]) == of_kubectl(POD, "json", JSON[name], tmp_path)


@pytest.mark.parametrize("name", BROKEN)
def test_what_kubectl_refuses_is_refused(name: str, tmp_path: Path) -> None:
    assert of_kubectl(POD, "json", BROKEN[name], tmp_path) is None
    with pytest.raises(patches.BadPatch):
        patches.apply_operations(POD, BROKEN[name])


@pytest.mark.parametrize("name", MERGE)
def test_merge_patches_are_kubectls(name: str, tmp_path: Path) -> None:
    assert patches.merge(POD, MERGE[name]) == of_kubectl(POD, "merge", MERGE[name], tmp_path)
