"""Every place where an image hides is admitted once and refused once, by the real webhook that the fake API server asks over TLS."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from hullmark.places.gates.settings import GateSettings, PodTemplatePath, RuntimeClass
from hullmark.places.gates.verdicts import LocalVerdicts
from tests.contract.kubernetes.test_kubectl import KUBECTL, kubectl, written
from tests.support.gate import HOST, GateWorld, gated, image, pinned, verdict
from tests.support.kubernetes import manifests
from tests.support.kubernetes.access import User
from tests.support.kubernetes.manifests import digest
from tests.support.kubernetes.resources import BY_NAME
from tests.support.places import REPOSITORY

Object = dict[str, Any]
PAGE = REPOSITORY / "docs" / "reference" / "admission.md"
SETTINGS = GateSettings(excluded_namespaces=("kube-system",))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[GateWorld]:
    with gated(tmp_path, SETTINGS, tokens={"t": User("ann")}) as found:
        yield found


class Answer(NamedTuple):
    """What the API server answered."""

    status: int
    body: Any
    warnings: list[str]


def ask(
    world: GateWorld, method: str, path: str, document: Any = None, type: str = "application/json", by: str = "t"
) -> Answer:
    headers = {"Authorization": f"Bearer {by}", "Content-Type": type}
    connection = world.connection()
    connection.request(method, path, None if document is None else json.dumps(document), headers)
    answer = connection.getresponse()
    return Answer(answer.status, json.loads(answer.read()), answer.headers.get_all("Warning") or [])


def path_of(kind: str, name: str = "", part: str = "", namespace: str = "shop") -> str:
    found = BY_NAME[kind]
    root = f"/apis/{found.group}/{found.version}" if found.group else f"/api/{found.version}"
    return f"{root}/namespaces/{namespace}/{found.plural}" + (f"/{name}" if name else "") + (f"/{part}" if part else "")


GOOD_SPEC: Object = {"containers": [{"name": "main", "image": f"{HOST}/good:1"}]}


def main(reference: str) -> Object:
    return {"containers": [{"name": "main", "image": reference}]}


def init(reference: str) -> Object:
    return {**GOOD_SPEC, "initContainers": [{"name": "first", "image": reference}]}


def sidecar(reference: str) -> Object:
    return {**GOOD_SPEC, "initContainers": [{"name": "beside", "image": reference, "restartPolicy": "Always"}]}


def volume(reference: str) -> Object:
    return {**GOOD_SPEC, "volumes": [{"name": "data", "image": {"reference": reference, "pullPolicy": "IfNotPresent"}}]}


SPECS = {
    "spec.containers[].image": main,
    "spec.initContainers[].image": init,
    "spec.initContainers[].image (sidecar)": sidecar,
    "spec.volumes[].image.reference": volume,
}
TEMPLATES: dict[str, tuple[str, ...]] = {
    "Deployment": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "ReplicationController": ("spec", "template"),
    "PodTemplate": ("template",),
    "Rollout": ("spec", "template"),
}


class Place(NamedTuple):
    """Where an image hides: what is written, with which operation."""

    kind: str
    part: str
    operation: str
    field: str


PLACES = (
    *(Place("Pod", "", "CREATE", field) for field in SPECS),
    Place("Pod", "", "UPDATE", "spec.containers[].image"),
    Place("Pod", "", "PATCH", "spec.containers[].image"),
    Place("Pod", "", "PATCH", "spec.initContainers[].image"),
    Place("Pod", "ephemeralcontainers", "UPDATE", "spec.ephemeralContainers[].image"),
    Place("Pod", "ephemeralcontainers", "PATCH", "spec.ephemeralContainers[].image"),
    *(
        Place(kind, "", operation, field)
        for kind in TEMPLATES
        for operation in ("CREATE", "UPDATE", "PATCH")
        for field in SPECS
    ),
)


def document_of(place: Place, spec: Object, name: str) -> Object:
    """An object of the place's kind that holds a pod spec."""
    kind = BY_NAME[place.kind]
    meta = {"name": name, "labels": {"app": name}}
    if place.kind == "Pod":
        return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": copy.deepcopy(spec)}
    inner: Object = {"metadata": {"labels": {"app": name}}, "spec": copy.deepcopy(spec)}
    for key in reversed(TEMPLATES[place.kind]):
        inner = {key: inner}
    return {"apiVersion": kind.api_version, "kind": place.kind, "metadata": meta, **inner}


def admission(world: GateWorld, place: Place, reference: str, name: str) -> Answer:
    """Have the image start at the place."""
    before = ask(world, "GET", path_of(place.kind, name)).body
    if place.operation == "CREATE":
        return ask(world, "POST", path_of(place.kind), document_of(place, SPECS[place.field](reference), name))
    if place.part == "ephemeralcontainers":
        more = {"spec": {"ephemeralContainers": [{"name": "look", "image": reference}]}}
        if place.operation == "PATCH":
            return ask(world, "PATCH", path_of("Pod", name, place.part), more, "application/strategic-merge-patch+json")
        wanted = {**before, "spec": {**before["spec"], **more["spec"]}}
        return ask(world, "PUT", path_of("Pod", name, place.part), wanted)
    wanted = document_of(place, SPECS[place.field](reference), name)
    if place.kind == "Pod":
        wanted = copy.deepcopy(before)
        list_name = place.field.split(".")[1].removesuffix("[]")
        wanted["spec"][list_name][0]["image"] = reference
    if place.operation == "PATCH":
        return ask(world, "PATCH", path_of(place.kind, name), wanted, "application/merge-patch+json")
    wanted["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"]
    return ask(world, "PUT", path_of(place.kind, name), wanted)


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.slow)], ids=["some", "all"])
def test_every_place_where_an_image_hides_is_admitted_once_and_refused_once(world: GateWorld, step: int) -> None:
    """The page of the table says what is proven here."""
    world.know(image("better"))
    for number, place in enumerate(PLACES[::step]):
        name = f"x{number}"
        if place.operation != "CREATE":
            spec = init(f"{HOST}/good:1") if "initContainers" in place.field and place.kind == "Pod" else GOOD_SPEC
            answer = ask(world, "POST", path_of(place.kind), document_of(place, spec, name))
            assert answer.status == 201, (place, answer)
        refused = admission(world, place, f"{HOST}/bad:1", name)
        assert refused.status == 403, (place, refused)
        assert "policy web says stop: CVE-2026-1 in libc6 is of high severity" in refused.body["message"], place
        assert 'admission webhook "judge.gate.hullmark.io" denied the request: hullmark: ' in refused.body["message"]
        admitted = admission(world, place, f"{HOST}/better:1", name)
        assert admitted.status in (200, 201), (place, admitted)
        assert f"{HOST}/better:1" in json.dumps(admitted.body), place
        is_pinned = pinned("better") in json.dumps(admitted.body)
        assert is_pinned is (place.kind == "Pod"), place


def page() -> str:
    rows = [f"| {place.kind} | {place.part or '(none)'} | {place.operation} | `{place.field}` |" for place in PLACES]
    return "\n".join(
        (
            "# Where an image hides",
            "",
            "Each of these is admitted once with an image that passes, and refused once with one that does not, by the webhook, which a",
            "Kubernetes API asks over TLS (`tests/contract/kubernetes/test_admission.py`, which writes this page). Rollout stands",
            "for custom resources: those that are known to no table, and to no `pod_templates` of the gate's settings, are judged when",
            "their pods come.",
            "",
            "| kind | sub-resource | operation | field |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
        )
    )


def test_the_page_lists_all_of_them() -> None:
    if os.environ.get("HULLMARK_GOLDEN") == "write":
        PAGE.write_text(page())
    assert PAGE.read_text() == page()


def test_what_starts_nothing_is_let_through(world: GateWorld) -> None:
    world.cluster.store.admission.asked.clear()
    pod = document_of(PLACES[0], GOOD_SPEC, "web")
    assert ask(world, "POST", path_of("Pod"), pod).status == 201
    world.know(image("good", verdict("stop", "it is old")))
    # What runs already may be labelled, and told of, whatever its image is by now.
    patch = {"metadata": {"labels": {"more": "yes"}}}
    assert ask(world, "PATCH", path_of("Pod", "web"), patch, "application/merge-patch+json").status == 200
    status = {"status": {"phase": "Running"}}
    assert ask(world, "PATCH", path_of("Pod", "web", "status"), status, "application/merge-patch+json").status == 200
    assert ask(world, "POST", path_of("ConfigMap"), {"metadata": {"name": "c"}}).status == 201
    assert ask(world, "DELETE", path_of("Pod", "web")).status == 200
    assert ask(world, "POST", path_of("Pod"), pod).status == 403
    # Its own namespace and kube-system are not asked about at all.
    for namespace in ("kube-system", "hullmark"):
        asked = dict(world.cluster.store.admission.asked)
        assert ask(world, "POST", path_of("Pod", namespace=namespace), pod).status == 201
        assert world.cluster.store.admission.asked == asked


def test_dry_runs_queue_nothing_and_unknown_images_are_queued_once(world: GateWorld) -> None:
    pod = document_of(PLACES[0], main(f"{HOST}/new:7"), "web")
    answer = ask(world, "POST", path_of("Pod") + "?dryRun=All", pod)
    assert (answer.status, queued(world)) == (403, ())
    for _ in range(3):
        answer = ask(world, "POST", path_of("Pod"), pod)
        assert "nobody has judged it" in answer.body["message"]
    assert queued(world) == (f"{HOST}/new:7",)


def queued(world: GateWorld) -> tuple[str, ...]:
    return LocalVerdicts(world.folder / "verdicts.db", is_read_only=True).queued()


def test_the_audit_log_says_why(world: GateWorld) -> None:
    ask(world, "POST", path_of("Pod"), document_of(PLACES[0], main(f"{HOST}/bad:1"), "web"))
    found = {name: text for each in world.cluster.store.admission.audit for name, text in each.items()}
    assert found["judge.gate.hullmark.io/decision"] == "refuse"
    assert found["judge.gate.hullmark.io/images"] == f"{pinned('bad')}=stop"
    assert found["pin.gate.hullmark.io/changes"] == f"{HOST}/bad:1 is {digest('bad')}"


@pytest.mark.parametrize("mode", ["warn", "dry-run"])
def test_other_modes_let_it_through_and_say_so(tmp_path: Path, mode: Any) -> None:
    with gated(tmp_path, GateSettings(mode=mode), tokens={"t": User("ann")}) as world:
        answer = ask(world, "POST", path_of("Pod"), document_of(PLACES[0], main(f"{HOST}/bad:1"), "web"))
        assert answer.status == 201
        expected = ["would be refused" in warning for warning in answer.warnings]
        assert expected == ([True] if mode == "warn" else [])
        assert all(len(warning) <= 256 + len('299 - ""') for warning in answer.warnings)
        audit = {name: text for each in world.cluster.store.admission.audit for name, text in each.items()}
        assert audit["judge.gate.hullmark.io/decision"] == "refuse"


def test_a_pod_that_is_kept_apart_too_little_gets_a_runtime_class_or_is_refused(tmp_path: Path) -> None:
    kata = RuntimeClass(name="kata", handler="kata-qemu")
    settings = GateSettings(least_grade="vm", runtime_class=kata)
    with gated(tmp_path, settings, tokens={"t": User("ann")}) as world:
        world.cluster.store.create(
            {
                "apiVersion": "node.k8s.io/v1",
                "kind": "RuntimeClass",
                "metadata": {"name": "kata"},
                "handler": "kata-qemu",
            }
        )
        pod = document_of(PLACES[0], GOOD_SPEC, "web")
        answer = ask(world, "POST", path_of("Pod"), pod)
        assert (answer.status, answer.body["spec"]["runtimeClassName"]) == (201, "kata")
        pod = document_of(PLACES[0], {**GOOD_SPEC, "hostNetwork": True}, "net")
        answer = ask(world, "POST", path_of("Pod"), pod)
        assert answer.status == 403
        assert "its isolation is host, and must be at least vm" in answer.body["message"]
        # Without the first webhook nobody adds it, and the second says no.
        world.cluster.store.delete("MutatingWebhookConfiguration", "hullmark-gate", "")
        assert ask(world, "POST", path_of("Pod"), document_of(PLACES[0], GOOD_SPEC, "plain")).status == 403


def test_a_custom_resource_is_judged_by_the_path_that_settings_name(tmp_path: Path) -> None:
    path = PodTemplatePath(group="argoproj.io", kind="Rollout", path="spec.parts.*.pod")
    with gated(tmp_path, GateSettings(pod_templates=(path,)), tokens={"t": User("ann")}) as world:
        parts = {"a": {"pod": {"spec": GOOD_SPEC}}, "b": {"pod": main(f"{HOST}/bad:1")}}
        rollout = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Rollout",
            "metadata": {"name": "r"},
            "spec": {"parts": parts},
        }
        assert ask(world, "POST", path_of("Rollout"), rollout).status == 403
        parts["b"] = {"pod": GOOD_SPEC}
        assert ask(world, "POST", path_of("Rollout"), rollout).status == 201


def test_real_kubectl_is_told_why(world: GateWorld) -> None:
    if not KUBECTL.exists():
        pytest.skip("kubectl is not installed beside this Python")
    cluster = world.cluster
    good = written(cluster, manifests.pod("web", f"{HOST}/good:1", namespace="shop"))
    assert "pod/web created" in kubectl(cluster, "apply", "-f", good)
    shown = kubectl(cluster, "-n", "shop", "get", "pod", "web", "-o", "jsonpath={.spec.containers[0].image}")
    assert shown == pinned("good")
    bad = written(cluster, document_of(Place("Deployment", "", "CREATE", ""), main(f"{HOST}/bad:1"), "evil"))
    error = kubectl(cluster, "-n", "shop", "apply", "-f", bad, fails=True)
    assert "policy web says stop: CVE-2026-1 in libc6 is of high severity" in error
    error = kubectl(cluster, "-n", "shop", "debug", "web", f"--image={HOST}/bad:1", "--target=main", fails=True)
    assert "ephemeral container" in error
    error = kubectl(cluster, "-n", "shop", "set", "image", "pod/web", f"*={HOST}/bad:1", fails=True)
    assert "policy web says stop" in error


def test_where_the_gate_is_away_its_failure_policy_decides(world: GateWorld) -> None:
    world.cluster.store.admission.services["hullmark", "hullmark-gate"] = ("127.0.0.1", 9)
    answer = ask(world, "POST", path_of("Pod"), document_of(PLACES[0], GOOD_SPEC, "web"))
    assert answer.status == 500
    assert 'failed calling webhook "judge.gate.hullmark.io"' in answer.body["message"]
    (configured,) = world.cluster.store.all("ValidatingWebhookConfiguration")
    webhooks = [{**webhook, "failurePolicy": "Ignore"} for webhook in configured["webhooks"]]
    world.cluster.store.change("ValidatingWebhookConfiguration", "hullmark-gate", "", webhooks=webhooks)
    assert ask(world, "POST", path_of("Pod"), document_of(PLACES[0], GOOD_SPEC, "web")).status == 201
