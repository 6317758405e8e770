"""Files of workloads are recognised by content, and settings know their lines; YAML means what it means to the platforms."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hullmark.isolation.document import UnreadableManifest, read_documents
from hullmark.isolation.manifest import read_workloads
from hullmark.model.errors import HullmarkError

DEPLOYMENT = b"""\
# the class may stand in the same file
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: boxed}
handler: kata-qemu
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  template:
    spec:
      runtimeClassName: boxed
      hostPID: true
      containers:
        - name: web
          image: nginx:1
          securityContext:
            privileged: yes
            capabilities:
              add: [NET_ADMIN]
        - name: side
          image: busybox
"""


def test_a_setting_knows_the_line_that_it_stands_in() -> None:
    (workload,) = read_workloads(DEPLOYMENT)
    assert (workload.name, workload.namespace, workload.line) == ("Deployment/web", "shop", 12)
    assert workload.template == ("spec", "template", "spec")
    web, side = workload.containers
    assert (web.line, side.line) == (23, 29)
    assert dict(web.lines) == {
        "image": 24, "privileged": 26, "capabilities_added": 28, "host_pid": 21, "runtime_class": 20,
    }  # fmt: skip
    lines = DEPLOYMENT.decode().splitlines()
    assert "privileged" in lines[web.lines["privileged"] - 1]
    assert web.isolation.privileged is True
    assert web.isolation.boundary == "vm"


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("Pod", {"containers": [{"name": "c", "image": "i"}]}),
        ("Deployment", {"template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}}),
        ("StatefulSet", {"template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}}),
        ("Rollout", {"template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}}),
        ("CronJob", {"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}}}}),
    ],
)
def test_every_kind_of_workload_has_its_pods_found(kind: str, spec: dict[str, Any]) -> None:
    document = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "w"}, "spec": spec}
    for written in (
        document,
        {"apiVersion": "v1", "kind": "List", "items": [document]},
        {"apiVersion": "v1", "kind": f"{kind}List", "items": [document]},
    ):
        (workload,) = read_workloads(json.dumps(written).encode())
        assert (workload.name, [container.image for container in workload.containers]) == (f"{kind}/w", ["i"])


def test_a_pod_template_object_has_its_pod_one_level_higher() -> None:
    document = {
        "apiVersion": "v1",
        "kind": "PodTemplate",
        "metadata": {"name": "w"},
        "template": {"spec": {"containers": [{"name": "c", "image": "i"}]}},
    }
    (workload,) = read_workloads(json.dumps(document).encode())
    assert workload.template == ("template", "spec")


@pytest.mark.parametrize(
    ("document", "kind", "name"),
    [
        ({"services": {"web": {"image": "i"}}}, "compose", "web"),
        ({"family": "shop", "containerDefinitions": [{"name": "c", "image": "i"}]}, "ecs", "shop"),
        ({"taskDefinition": {"family": "shop", "containerDefinitions": [{"name": "c", "image": "i"}]}}, "ecs", "shop"),
        ([{"Name": "/web", "HostConfig": {}, "Config": {"Image": "i"}}], "docker", "web"),
    ],
)
def test_a_file_is_recognised_by_what_stands_in_it(document: Any, kind: str, name: str) -> None:
    (workload,) = read_workloads(json.dumps(document, indent=1).encode())
    assert (workload.format, workload.name, workload.containers[0].image) == (kind, name, "i")
    assert workload.containers[0].line > 0


def test_json_with_characters_in_two_halves_is_read_without_lines() -> None:
    text = '{"services": {"web": {"image": "i", "labels": {"a": "\\ud83d\\ude00"}}}}'
    (workload,) = read_workloads(text.encode())
    assert (workload.containers[0].image, workload.containers[0].line) == ("i", 0)


def test_anchors_and_merge_keys_mean_what_they_mean_to_compose() -> None:
    text = b"""\
x-safe: &safe
  read_only: true
  cap_drop: [ALL]
services:
  web:
    <<: *safe
    image: web
    read_only: false
  db:
    <<: [*safe]
    image: db
"""
    web, db = (workload.containers[0] for workload in read_workloads(text))
    assert (web.isolation.read_only_root, web.isolation.capabilities_dropped) == (False, ("ALL",))
    assert (db.isolation.read_only_root, db.lines["read_only_root"]) == (True, 2)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [", "not valid YAML"),
        ("a: 1\na: 2\n", "given twice"),
        ("a: !reset null\n", "tag"),
        ("a: {<<: 5}\n", "what << takes from"),
        ("a: !!binary aGk=\n", "tag"),
        ("? [a]\n: b\n", "not a text"),
        ("*a", "not defined"),
        ("- " * 70 + "x", "nested more than 64 deep"),
        ("hello", "not a mapping"),
        ("", "no containers"),
        ("a: b", "no kind that is known"),
        ("apiVersion: v1\nkind: ConfigMap\n", "no containers"),
        ("services: {web: {image: 5}}", "is not a text"),
    ],
)
def test_what_is_not_a_manifest_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(HullmarkError, match=reason) as caught:
        read_workloads(text.encode())
    assert caught.value.advice


def test_aliases_that_multiply_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(UnreadableManifest, match="more than"):
        read_documents("\n".join(lines).encode())


def test_bytes_that_are_not_text_are_refused() -> None:
    with pytest.raises(UnreadableManifest, match="UTF-8"):
        read_documents(b"\xff\xfe\x00")


_ONLY_IN_GO = re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+").fullmatch
"""Numbers to Go's reader, and so to Kubernetes and compose; text to PyYAML."""


def _texts(most: int, least: int = 0) -> st.SearchStrategy[str]:
    return st.text(min_size=least, max_size=most).filter(lambda text: not _ONLY_IN_GO(text))


def test_a_number_needs_no_point_before_its_exponent() -> None:
    assert _plain(read_documents(b"a: 1e5\nb: 0E0\nc: '1e5'\n")[0]) == {"a": 1e5, "b": 0.0, "c": "1e5"}


def test_only_a_merge_key_without_quotes_merges() -> None:
    assert _plain(read_documents(b"a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: {'<<': 3}\n")[0]) == {
        "a": {"x": 1},
        "b": {"x": 1, "y": 2},
        "c": {"<<": 3},
    }
    assert read_documents(b'{"<<": {"x": 1}}')[0] == {"<<": {"x": 1}}


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | _texts(12)
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts(8), inner, max_size=4),
    max_leaves=15,
)


@given(value=st.dictionaries(st.text(min_size=1, max_size=8), _VALUES, min_size=1, max_size=4))
def test_json_means_the_same_as_to_pythons_reader(value: dict[str, Any]) -> None:
    assert _plain(read_documents(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))[0]) == json.loads(
        json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    )


@given(value=st.dictionaries(st.text("abc-", min_size=1, max_size=8), _VALUES, min_size=1, max_size=4))
def test_yaml_means_the_same_as_to_pyyaml(value: dict[str, Any]) -> None:
    text = yaml.safe_dump(value, allow_unicode=True).encode("utf-8", "replace")
    assert _plain(read_documents(text)[0]) == yaml.safe_load(text)


@given(text=st.text("ab:-[]{}&*!<>|#\n '\"?,0", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(HullmarkError):
        read_workloads(text.encode())


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
