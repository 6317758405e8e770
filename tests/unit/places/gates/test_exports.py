"""Verdicts as manifests: what passes is named by every digest, expressions say what the webhook would, and Kubernetes takes the objects."""

from __future__ import annotations

import json
import re
from typing import Any

import cel
import kubernetes_validate
import msgspec
import pytest
import yaml

from hullmark.places.gates.kubernetes import exports
from hullmark.places.gates.kubernetes.exports import ExportRequest, TooManyVerdicts, export
from hullmark.places.gates.passing import passing_digests
from hullmark.places.gates.settings import GateSettings
from tests.support.gate import BAD, GOOD, HOST, NOON, image, pinned, verdict
from tests.support.kubernetes.manifests import digest

Object = dict[str, Any]
SETTINGS = GateSettings(excluded_namespaces=("kube-*", "kube-public"))


def export_request(engine: Any, settings: GateSettings = SETTINGS) -> ExportRequest:
    return ExportRequest(engine, settings, NOON, "hullmark")


def of_kind(documents: tuple[Object, ...], kind: str) -> list[Object]:
    return [document for document in documents if document["kind"] == kind]


def test_only_what_passes_everywhere_it_is_named_is_exported() -> None:
    shared = digest("index")
    graced = image("graced", verdict("warn", grace_until=NOON))
    dev = image("dev", verdict(environment="dev"))
    split = image("split", indexes=(shared,)), image("half", verdict("stop"), indexes=(shared,))
    found = passing_digests((GOOD, BAD, graced, dev, *split), "")
    assert found == {digest("good"), digest("config of good"), digest("split"), digest("config of split")}
    assert digest("dev") in passing_digests((dev,), "dev")


@pytest.mark.parametrize("engine", ["vap", "kyverno", "gatekeeper"])
def test_a_digest_that_no_part_can_hold_is_left_out(engine: Any) -> None:
    longer = msgspec.structs.replace(GOOD, digest="sha512:" + "ab" * 64, config="sha256:ab")
    assert export((longer,), export_request(engine)) == export((), export_request(engine))


def verdict_of(documents: tuple[Object, ...], new: Object, old: Object | None = None) -> bool:
    """What a ValidatingAdmissionPolicy says: every ConfigMap must agree."""
    (policy,) = of_kind(documents, "ValidatingAdmissionPolicy")
    spec = policy["spec"]
    answers = []
    for parameters in of_kind(documents, "ConfigMap"):
        names: Object = {"object": new, "oldObject": old, "params": parameters, "variables": {}}
        for variable in spec["variables"]:
            names["variables"][variable["name"]] = evaluated(variable["expression"], names)
        answers += [evaluated(validation["expression"], names) for validation in spec["validations"]]
        assert all(
            isinstance(evaluated(validation["messageExpression"], names), str) for validation in spec["validations"]
        )
    assert len(answers) == 32
    return all(answers)


def evaluated(expression: str, names: Object) -> Any:
    """The extensions of strings that Kubernetes' CEL has are ours here; the rest is CEL's own."""
    context = cel.Context(names)
    context.add_function("substring", lambda text, start, end=None: text[start:end])
    context.add_function("join", lambda texts, between: between.join(texts))
    return cel.evaluate(expression, context)


def pod(*images: str, **more: Any) -> Object:
    return {
        "spec": {"containers": [{"name": str(number), "image": each} for number, each in enumerate(images)], **more}
    }


@pytest.mark.parametrize(
    ("new", "old", "allowed"),
    [
        (pod(pinned("good")), None, True),
        (pod(f"{HOST}/other@{digest('config of good')}"), None, True),
        (pod(pinned("bad")), None, False),
        (pod(pinned("new")), None, False),
        (pod(f"{HOST}/good:1"), None, False),
        (pod(pinned("good"), pinned("bad")), None, False),
        (pod(pinned("good"), initContainers=[{"image": pinned("bad")}]), None, False),
        (pod(pinned("good"), ephemeralContainers=[{"image": pinned("bad")}]), pod(pinned("good")), False),
        (
            pod(pinned("good"), volumes=[{"name": "v"}, {"name": "d", "image": {"reference": pinned("bad")}}]),
            None,
            False,
        ),
        (
            pod(pinned("good"), volumes=[{"name": "v"}, {"name": "d", "image": {"reference": pinned("good")}}]),
            None,
            True,
        ),
        (pod(pinned("bad")), pod(pinned("bad")), True),
        (pod(pinned("new")), pod(pinned("bad")), False),
    ],
)
def test_the_expressions_of_a_policy_say_what_the_webhook_would(new: Object, old: Object | None, allowed: bool) -> None:
    assert verdict_of(export((GOOD, BAD), export_request("vap")), new, old) is allowed


def test_kubernetes_would_take_the_policy() -> None:
    for document in export((GOOD, BAD), export_request("vap")):
        kubernetes_validate.validate(document, "1.33", strict=True)


@pytest.mark.parametrize("engine", ["vap", "kyverno", "gatekeeper"])
def test_every_digest_is_found_by_its_beginning_and_objects_are_small_enough(engine: Any) -> None:
    images = [image(f"x{number}") for number in range(3000)]
    documents = export(images, export_request(engine))
    data: dict[str, str] = {}
    for each in of_kind(documents, "ConfigMap"):
        assert not data.keys() & each["data"].keys()
        data |= each["data"]
        assert len(json.dumps(each)) < 1_000_000
    assert len(data) == 256
    for each_digest in passing_digests(images, ""):
        digits = each_digest.removeprefix("sha256:")
        assert f" {digits} " in data[digits[:2]]
    assert sum(len(each.split()) for each in data.values()) == 6000
    assert list(yaml.safe_load_all(yaml.safe_dump_all(documents))) == list(documents)


def test_a_hundred_thousand_verdicts_fit_and_too_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = exports._parts(digest(str(number)) for number in range(200_000))
    assert (
        max(sum(len(parts[f"{number:02x}"]) for number in range(start, start + 16)) for start in range(0, 256, 16))
        < 1_000_000
    )
    monkeypatch.setattr(exports, "LARGEST_PART", 100)
    with pytest.raises(TooManyVerdicts, match="more than 100 bytes"):
        export([image(f"x{number}") for number in range(500)], export_request("vap"))


def test_settings_decide_what_is_excluded_and_what_a_refusal_comes_to() -> None:
    (binding,) = of_kind(export((GOOD,), export_request("vap")), "ValidatingAdmissionPolicyBinding")
    (expression,) = binding["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"]
    assert expression["values"] == ["hullmark", "kube-public", "kube-system"]
    assert binding["spec"]["validationActions"] == ["Deny"]
    lenient = GateSettings(mode="warn", fail="open")
    (binding,) = of_kind(export((GOOD,), export_request("vap", lenient)), "ValidatingAdmissionPolicyBinding")
    assert (binding["spec"]["validationActions"], binding["spec"]["paramRef"]["parameterNotFoundAction"]) == (
        ["Warn", "Audit"],
        "Allow",
    )
    (policy,) = of_kind(export((GOOD,), export_request("kyverno", lenient)), "ClusterPolicy")
    assert policy["spec"]["rules"][0]["validate"]["failureAction"] == "Audit"
    (constraint,) = of_kind(export((GOOD,), export_request("gatekeeper")), "HullmarkCertified")
    assert constraint["spec"]["match"]["excludedNamespaces"] == ["hullmark", "kube-*", "kube-public", "kube-system"]
    assert re.search(
        r"package hullmark",
        of_kind(export((GOOD,), export_request("gatekeeper")), "ConstraintTemplate")[0]["spec"]["targets"][0]["rego"],
    )
