"""Objects of Kubernetes → the pods that they hold or make, and where in them each image stands. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from hullmark.isolation.fields import InvalidWorkload
from hullmark.isolation.kubernetes import containers_of
from hullmark.model.isolation import ContainerKind, WorkloadContainer
from hullmark.model.limit import Limit
from hullmark.places.gates.settings import PodTemplatePath

_MOST_PODS = Limit(256, "pod templates of one object that admission looks at", "refused")
_TEMPLATE = "spec.template"
_PATHS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("", "Pod"): ("",),
    ("", "PodTemplate"): ("template",),
    ("", "ReplicationController"): (_TEMPLATE,),
    ("apps", "Deployment"): (_TEMPLATE,),
    ("apps", "ReplicaSet"): (_TEMPLATE,),
    ("apps", "StatefulSet"): (_TEMPLATE,),
    ("apps", "DaemonSet"): (_TEMPLATE,),
    ("apps", "ControllerRevision"): ("data.spec.template",),
    ("batch", "Job"): (_TEMPLATE,),
    ("batch", "CronJob"): ("spec.jobTemplate.spec.template",),
    # What many clusters have besides. Whatever is not here, or in the settings, is met when its pods come.
    ("argoproj.io", "Rollout"): (_TEMPLATE,),
    ("apps.kruise.io", "CloneSet"): (_TEMPLATE,),
    ("apps.kruise.io", "DaemonSet"): (_TEMPLATE,),
    ("apps.kruise.io", "StatefulSet"): (_TEMPLATE,),
    ("apps.openshift.io", "DeploymentConfig"): (_TEMPLATE,),
    ("batch.volcano.sh", "Job"): ("spec.tasks.*.template",),
    ("jobset.x-k8s.io", "JobSet"): ("spec.replicatedJobs.*.template.spec.template",),
    ("kubeflow.org", "PyTorchJob"): ("spec.pytorchReplicaSpecs.*.template",),
    ("kubeflow.org", "TFJob"): ("spec.tfReplicaSpecs.*.template",),
    ("leaderworkerset.x-k8s.io", "LeaderWorkerSet"): (
        "spec.leaderWorkerTemplate.leaderTemplate",
        "spec.leaderWorkerTemplate.workerTemplate",
    ),
    ("ray.io", "RayCluster"): ("spec.headGroupSpec.template", "spec.workerGroupSpecs.*.template"),
    ("serving.knative.dev", "Configuration"): (_TEMPLATE,),
    ("serving.knative.dev", "Revision"): ("spec",),
    ("serving.knative.dev", "Service"): (_TEMPLATE,),
}
"""Where objects hold pod templates, or pod specs, by group and kind."""


class PodInObject(NamedTuple):
    """A pod spec in an object, the JSON pointer that leads to it, and the annotations of its pods."""

    pointer: str
    spec: Mapping[str, Any]
    annotations: Mapping[str, str]


class TooManyPods(Exception):
    """An object has more pod templates than are looked at."""


def holds_pods(group: str, kind: str, more: Iterable[PodTemplatePath]) -> bool:
    """Whether objects of a kind are known to hold pods."""
    return (group, kind) in _PATHS or any((resource.group, resource.kind) == (group, kind) for resource in more)


def pods_in(
    document: Mapping[str, Any], group: str, kind: str, more: Iterable[PodTemplatePath] = ()
) -> tuple[PodInObject, ...]:
    """The pods of an object. `more` are paths of custom resources. Raises TooManyPods."""
    paths = [
        *_PATHS.get((group, kind), ()),
        *(resource.path for resource in more if (resource.group, resource.kind) == (group, kind)),
    ]
    found: dict[str, PodInObject] = {}
    for path in paths:
        for pointer, value in _walk(document, path.split(".") if path else []):
            pod = _pod(pointer, value)
            if pod is not None:
                found[pod.pointer] = pod
            if len(found) > _MOST_PODS:
                raise TooManyPods
    return tuple(found.values())


def _walk(document: Mapping[str, Any], steps: list[str]) -> Iterator[tuple[str, Any]]:
    """The values at a path, each with its pointer."""
    level: list[tuple[str, Any]] = [("", document)]
    for step in steps:
        level = [
            (f"{pointer}/{_escape_pointer(name)}", value)
            for pointer, parent in level
            for name, value in _children(parent, step)
        ]
        if len(level) > _MOST_PODS:
            raise TooManyPods
    yield from level


def _children(parent: Any, step: str) -> Iterator[tuple[str, Any]]:
    if isinstance(parent, dict):
        names = list(parent) if step == "*" else [step] if step in parent else []
        yield from ((name, parent[name]) for name in names)
    elif isinstance(parent, list):
        if step == "*":
            yield from ((str(number), value) for number, value in enumerate(parent))
        elif step.isdecimal() and len(step) < 6 and int(step) < len(parent):
            yield step, parent[int(step)]


def _escape_pointer(name: str) -> str:
    """A name in a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def _pod(pointer: str, value: Any) -> PodInObject | None:
    """A pod template, or a pod spec."""
    if not isinstance(value, dict):
        return None
    spec = value.get("spec")
    if isinstance(spec, dict):
        meta = value.get("metadata")
        annotations = meta.get("annotations") if isinstance(meta, dict) else None
        kept = (
            {name: text for name, text in annotations.items() if isinstance(text, str)}
            if isinstance(annotations, dict)
            else {}
        )
        return PodInObject(f"{pointer}/spec", spec, kept)
    return PodInObject(pointer, value, {}) if "containers" in value else None


def containers_in(pod: PodInObject, handlers: Mapping[str, str]) -> tuple[WorkloadContainer, ...]:
    """The containers and image volumes of a pod. Where a later Kubernetes says more than is understood, or what is there is not valid, the
    images are told all the same, and nothing of their isolation."""
    try:
        return containers_of(pod.spec, annotations=pod.annotations, runtime_classes=handlers)
    except InvalidWorkload:
        return tuple(_bare(pod.spec))


_LISTS: Mapping[str, ContainerKind] = {
    "initContainers": "init",
    "containers": "regular",
    "ephemeralContainers": "ephemeral",
}


def _bare(spec: Mapping[str, Any]) -> Iterator[WorkloadContainer]:
    for name, kind, entry in _entries(spec):
        image = entry.get("image")
        if kind == "volume":
            image = image.get("reference") if isinstance(image, dict) else None
            if not image:
                continue
        # Not a text: nothing of the kind can start, but nor is it taken for nothing.
        yield WorkloadContainer(name=name, kind=kind, image=image if isinstance(image, str) else "?" if image else "")


def _entries(spec: Mapping[str, Any]) -> Iterator[tuple[str, ContainerKind, Mapping[str, Any]]]:
    for field, kind in (*_LISTS.items(), ("volumes", "volume")):
        entries = spec.get(field)
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict):
                yield str(entry.get("name") or ""), kind, entry


def key_of(container: WorkloadContainer) -> tuple[bool, str]:
    """What tells a container, or an image volume, from others of its pod."""
    return container.kind == "volume", container.name


def image_pointers(pod: PodInObject) -> dict[tuple[bool, str], str]:
    """Where the image of each container, and of each image volume, stands."""
    found = {}
    for field in (*_LISTS, "volumes"):
        entries = pod.spec.get(field)
        for number, entry in enumerate(entries if isinstance(entries, list) else ()):
            if isinstance(entry, dict) and "image" in entry:
                end = "image/reference" if field == "volumes" else "image"
                found[field == "volumes", str(entry.get("name") or "")] = f"{pod.pointer}/{field}/{number}/{end}"
    return found
