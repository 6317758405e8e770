"""Verdicts compiled into the cluster: manifests by which the API server, Kyverno or Gatekeeper refuses what does not pass, and asks nobody.

ValidatingAdmissionPolicy (admissionregistration.k8s.io/v1) with ConfigMaps as parameters; a ClusterPolicy of Kyverno (kyverno.io/v1) that
reads ConfigMaps; a ConstraintTemplate and a constraint of Gatekeeper. Each allows only images by digests that pass; tags are refused,
since nothing there can say what they point to. They say what held when they were made: export them again when verdicts change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from hullmark.model.admission import AdmissibleImage
from hullmark.model.limit import Limit
from hullmark.places.gates.passing import passing_digests
from hullmark.places.gates.settings import GateSettings

Engine = Literal["vap", "kyverno", "gatekeeper"]
Document = dict[str, Any]
LARGEST_PART = Limit(1_000_000, "bytes of verdicts in one object of Kubernetes that is exported", "later")
_NAME = "hullmark-verdicts"
_LABELS = {"app.kubernetes.io/managed-by": "hullmark", "hullmark.io/part": "verdicts"}
_HEX = 64
_PREFIX = 2
"""Hexadecimal digits by which digests are spread over objects: a look-up reads one of them."""


class ExportRequest(NamedTuple):
    """What is exported: for which engine, by which settings (environment, excluded namespaces), as of when, into which namespace."""

    engine: Engine
    settings: GateSettings
    now: datetime
    namespace: str


def export(images: Iterable[AdmissibleImage], request: ExportRequest) -> tuple[Document, ...]:
    """The manifests, in the order in which they are to be applied."""
    digests = passing_digests(images, request.settings.environment)
    return {"vap": _vap, "kyverno": _kyverno, "gatekeeper": _gatekeeper}[request.engine](digests, request)


def _parts(digests: Iterable[str]) -> Mapping[str, str]:
    """Digests of SHA-256, spread by their first digits; each part is hexadecimal digits between spaces, and smaller than LARGEST_PART."""
    parts: dict[str, list[str]] = {f"{number:02x}": [] for number in range(256)}
    for digest in sorted(digests):
        algorithm, _, digits = digest.partition(":")
        if algorithm == "sha256" and len(digits) == _HEX:
            parts[digits[:_PREFIX]].append(digits)
    return {prefix: f" {' '.join(found)} " for prefix, found in parts.items()}


class TooManyVerdicts(ValueError):
    """The verdicts do not fit into objects of Kubernetes."""


def _config_maps(digests: Iterable[str], request: ExportRequest, most_keys: int) -> Iterator[Document]:
    """ConfigMaps that hold some parts each. Raises TooManyVerdicts."""
    parts = list(_parts(digests).items())
    for number in range(0, len(parts), most_keys):
        data = dict(parts[number : number + most_keys])
        if sum(map(len, data.values())) > LARGEST_PART:
            raise TooManyVerdicts(f"more than {LARGEST_PART:,} bytes of digests begin with {parts[number][0]}")
        name = f"{_NAME}-{parts[number][0]}" if most_keys == 1 else f"{_NAME}-{number // most_keys:02d}"
        meta = {
            "name": name,
            "namespace": request.namespace,
            "labels": _LABELS,
            "annotations": _build_annotations(request),
        }
        yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def _build_annotations(request: ExportRequest) -> dict[str, str]:
    return {"hullmark.io/as-of": request.now.isoformat().replace("+00:00", "Z")}


_RULES = [
    {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["pods", "pods/ephemeralcontainers"],
    }
]


def _images_of(name: str) -> str:
    """An expression: the images of a pod. Written without what only Kubernetes' CEL knows, but for `substring` and `join` below."""
    lists = [
        f"(has({name}.spec.{field}) ? {name}.spec.{field}.map(c, c.image) : [])"
        for field in ("containers", "initContainers", "ephemeralContainers")
    ]
    volumes = f"(has({name}.spec.volumes) ? {name}.spec.volumes.filter(v, has(v.image)).map(v, v.image.reference) : [])"
    return " + ".join((*lists, volumes))


_PARAMS = 16
"""ConfigMaps of a ValidatingAdmissionPolicy: it is evaluated once for each of them."""


def _vap(digests: set[str], request: ExportRequest) -> tuple[Document, ...]:
    """Each ConfigMap speaks of the digests whose beginnings are its keys; the first also refuses what has no digest."""
    digest = r"^.*@sha256:[0-9a-f]{64}$"
    shown = "i.substring(i.size() - 64)"
    ours = f"{shown}.substring(0, 2) in params.data"
    spec = {
        "failurePolicy": "Fail" if request.settings.fail == "closed" else "Ignore",
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConstraints": {"resourceRules": _RULES},
        "variables": [
            {"name": "kept", "expression": f"oldObject == null ? [] : {_images_of('oldObject')}"},
            {"name": "images", "expression": f"({_images_of('object')}).filter(i, !(i in variables.kept))"},
        ],
        "validations": [
            {
                "expression": f"variables.images.all(i, i.matches('{digest}'))",
                "messageExpression": f"'hullmark: not named by digest: ' + variables.images.filter(i, !i.matches('{digest}')).join(', ')",
                "reason": "Forbidden",
            },
            {
                "expression": f"variables.images.all(i, !i.matches('{digest}') || !({ours}) || params.data[{shown}.substring(0, 2)]"
                f".contains(' ' + {shown} + ' '))",
                "messageExpression": "'hullmark: an image is not certified, among: ' + variables.images.join(', ')",
                "reason": "Forbidden",
            },
        ],
    }
    group = "admissionregistration.k8s.io/v1"
    policy = {
        "apiVersion": group,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": _build_metadata(request),
        "spec": spec,
    }
    binding = {
        "apiVersion": group,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": _build_metadata(request),
        "spec": {
            "policyName": _NAME,
            "validationActions": ["Deny"] if request.settings.mode == "enforce" else ["Warn", "Audit"],
            "paramRef": {
                "namespace": request.namespace,
                "selector": {"matchLabels": _LABELS},
                "parameterNotFoundAction": "Deny" if request.settings.fail == "closed" else "Allow",
            },
            "matchResources": {"namespaceSelector": _namespaces(request)},
        },
    }
    return (*_config_maps(digests, request, 256 // _PARAMS), policy, binding)


def _build_metadata(request: ExportRequest) -> Document:
    return {
        "name": _NAME,
        "labels": {"app.kubernetes.io/managed-by": "hullmark"},
        "annotations": _build_annotations(request),
    }


def _list_excluded_namespaces(request: ExportRequest) -> list[str]:
    return sorted({"kube-system", request.namespace, *request.settings.excluded_namespaces})


def _namespaces(request: ExportRequest) -> Document:
    """Selectors know no wildcards: names that hold some are left out, so that more is judged rather than less."""
    plain = [name for name in _list_excluded_namespaces(request) if not set("*?[") & set(name)]
    return {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": plain}]}


def _kyverno(digests: set[str], request: ExportRequest) -> tuple[Document, ...]:
    """A ClusterPolicy that reads, for each image, the ConfigMap of its digest's beginning."""
    lists = "request.object.spec.[containers, initContainers, ephemeralContainers][] | [?image]"
    volumes = "request.object.spec.volumes[?image].{name: name, image: image.reference}"
    kinds = {"kinds": ["Pod", "Pod/ephemeralcontainers"], "operations": ["CREATE", "UPDATE"]}
    rule = {
        "name": "certified",
        "match": {"any": [{"resources": kinds}]},
        "exclude": {"any": [{"resources": {"namespaces": _list_excluded_namespaces(request)}}]},
        "validate": {
            "failureAction": "Enforce" if request.settings.mode == "enforce" else "Audit",
            "message": "hullmark: an image is not certified, or not named by digest",
            "foreach": [_kyverno_loop(path, request) for path in (lists, volumes)],
        },
    }
    failure = "Fail" if request.settings.fail == "closed" else "Ignore"
    spec = {"background": False, "webhookConfiguration": {"failurePolicy": failure}, "rules": [rule]}
    policy = {
        "apiVersion": "kyverno.io/v1",
        "kind": "ClusterPolicy",
        "metadata": _build_metadata(request),
        "spec": spec,
    }
    return (*_config_maps(digests, request, 1), policy)


def _kyverno_loop(images: str, request: ExportRequest) -> Document:
    """What is refused of a list of things with an `image`: those without a digest, and those whose digest is in no part."""
    beginning = "truncate(digits, `2`)"
    part = {"name": f"{_NAME}-{{{{ {beginning} }}}}", "namespace": request.namespace}
    refused = (
        "{{ regex_match('^.*@sha256:[0-9a-f]{64}$', image) }}",
        f"{{{{ contains(part.data.\"{{{{ {beginning} }}}}\", ' {{{{ digits }}}} ') }}}}",
    )
    return {
        "list": images,
        "context": [
            {"name": "image", "variable": {"value": "{{ element.image || '' }}"}},
            {"name": "digits", "variable": {"value": "{{ regex_replace_all('^.*@sha256:', image, '') }}"}},
            {"name": "part", "configMap": part},
        ],
        "deny": {"conditions": {"any": [{"key": key, "operator": "Equals", "value": False} for key in refused]}},
    }


_REGO = """package hullmark

images[i] { i := input.review.object.spec.containers[_].image }
images[i] { i := input.review.object.spec.initContainers[_].image }
images[i] { i := input.review.object.spec.ephemeralContainers[_].image }
images[i] { i := input.review.object.spec.volumes[_].image.reference }

certified(i) {
  regex.match(`^.*@sha256:[0-9a-f]{64}$`, i)
  digits := substring(i, count(i) - 64, 64)
  part := data.inventory.namespace[input.parameters.namespace]["v1"]["ConfigMap"][_]
  part.metadata.labels["hullmark.io/part"] == "verdicts"
  contains(part.data[substring(digits, 0, 2)], concat("", [" ", digits, " "]))
}

violation[{"msg": msg}] {
  i := images[_]
  not certified(i)
  msg := sprintf("hullmark: %v is not certified, or not named by digest", [i])
}
"""


def _gatekeeper(digests: set[str], request: ExportRequest) -> tuple[Document, ...]:
    """A template, a constraint, and the synchronisation of the ConfigMaps that they look into."""
    kind = "HullmarkCertified"
    parameters = {"type": "object", "properties": {"namespace": {"type": "string"}}}
    template = {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": {**_build_metadata(request), "name": kind.lower()},
        "spec": {
            "crd": {"spec": {"names": {"kind": kind}, "validation": {"openAPIV3Schema": parameters}}},
            "targets": [{"target": "admission.k8s.gatekeeper.sh", "rego": _REGO}],
        },
    }
    synced = {
        "apiVersion": "syncset.gatekeeper.sh/v1alpha1",
        "kind": "SyncSet",
        "metadata": _build_metadata(request),
        "spec": {"gvks": [{"group": "", "version": "v1", "kind": "ConfigMap"}]},
    }
    constraint = {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": kind,
        "metadata": _build_metadata(request),
        "spec": {
            "enforcementAction": "deny" if request.settings.mode == "enforce" else "warn",
            "match": {
                "kinds": [{"apiGroups": [""], "kinds": ["Pod"]}],
                "excludedNamespaces": _list_excluded_namespaces(request),
            },
            "parameters": {"namespace": request.namespace},
        },
    }
    return (*_config_maps(digests, request, 256 // _PARAMS), template, synced, constraint)
