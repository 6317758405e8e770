"""Files that describe workloads → workloads: Kubernetes manifests, compose files, ECS task definitions, `docker inspect`. What a file is
is recognised by what stands in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from hullmark.isolation import compose, docker, ecs, kubernetes
from hullmark.isolation.document import UnreadableManifest, read_documents
from hullmark.isolation.fields import Fields, InvalidWorkload
from hullmark.model.isolation import Workload
from hullmark.model.limit import Limit

_MAX_WORKLOADS = Limit(10_000, "workloads of a manifest", "refused")
_ADVICE = "hand over a Kubernetes manifest, a compose file, an ECS task definition, or what docker inspect prints"
_POD = ("spec",)
_TEMPLATES = {
    "Pod": _POD,
    "PodTemplate": ("template", "spec"),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
}
_TEMPLATE = ("spec", "template", "spec")
"""Where all other kinds have their pods: Deployment, ReplicaSet, StatefulSet, DaemonSet, Job, ReplicationController, Argo's Rollout …"""
_NOT_PODS = ("RuntimeClass",)
Manifest = Mapping[str, object]


def read_workloads(data: bytes, runtime_classes: Mapping[str, str] = {}, launch_type: str = "") -> tuple[Workload, ...]:
    """The workloads of a file, in the order in which they stand.

    `runtime_classes` are handlers by RuntimeClass; those that the file holds count too. `launch_type` is that of ECS tasks. Raises
    UnreadableManifest or InvalidWorkload, both HullmarkErrors, also where no container is named.
    """
    documents = tuple(_flat(read_documents(data), 0))
    handlers = {**_handlers(documents), **runtime_classes}
    found: list[Workload] = []
    for document in documents:
        found += _workloads(document, handlers, launch_type)
        if len(found) > _MAX_WORKLOADS:
            raise UnreadableManifest(
                f"it has more than {_MAX_WORKLOADS:,} workloads", advice="hand over fewer at a time"
            )
    if not any(workload.containers for workload in found):
        raise UnreadableManifest("it names no containers", advice=_ADVICE)
    return tuple(found)


def _flat(documents: Iterable[object], depth: int) -> Iterator[Manifest]:
    """The objects; a List, and a list as docker inspect prints one, is what is in it."""
    for document in documents:
        if isinstance(document, list) and depth < 2:
            yield from _flat(document, depth + 1)
        elif not isinstance(document, Mapping):
            raise UnreadableManifest("it holds something that is not a mapping", advice=_ADVICE)
        elif str(document.get("kind", "")).endswith("List") and isinstance(document.get("items"), list):
            if depth < 2:
                yield from _flat(document["items"], depth + 1)
        else:
            yield document


def _handlers(documents: Iterable[Manifest]) -> dict[str, str]:
    """The handlers of the RuntimeClasses that the file holds (node.k8s.io/v1)."""
    found = {}
    for document in documents:
        if document.get("kind") == "RuntimeClass":
            runtime_class = Fields(document, "RuntimeClass")
            found[runtime_class.part("metadata").text("name")] = runtime_class.text("handler")
    return found


def _workloads(document: Manifest, handlers: Mapping[str, str], launch_type: str) -> Iterator[Workload]:
    if "apiVersion" in document and "kind" in document:
        yield from _of_kubernetes(document, handlers)
    elif isinstance(task := document.get("taskDefinition", document), Mapping) and "containerDefinitions" in task:
        yield _of_ecs(task, launch_type)
    elif "HostConfig" in document:
        yield from _of_docker(document)
    elif isinstance(document.get("services"), Mapping):
        yield from _of_compose(document)
    else:
        raise UnreadableManifest("it is of no kind that is known", Fields(document, "").line(), _ADVICE)


def _of_kubernetes(document: Manifest, handlers: Mapping[str, str]) -> Iterator[Workload]:
    """The pod that an object has or makes; objects without one (Services, ConfigMaps) are passed over."""
    manifest = Fields(document, str(document.get("kind", ""))[:60])
    kind = manifest.text("kind")
    if kind in _NOT_PODS:
        return
    keys = _TEMPLATES.get(kind, _TEMPLATE)
    template, spec = _template(manifest, keys)
    if spec is None:
        return
    metadata = manifest.part("metadata")
    yield Workload(
        format="kubernetes",
        name=f"{kind}/{metadata.text('name') or metadata.text('generateName')}",
        namespace=metadata.text("namespace"),
        containers=kubernetes.containers_of(
            spec.data, annotations=_annotations(template.part("metadata")), runtime_classes=handlers
        ),
        template=keys,
        line=manifest.line(),
    )


def _template(manifest: Fields, keys: tuple[str, ...]) -> tuple[Fields, Fields | None]:
    """The pod template, and the spec in it; None where there is none."""
    template = manifest
    for key in keys[:-1]:
        if not isinstance(template.data.get(key), Mapping):
            return template, None
        template = template.part(key)
    spec = template.part(keys[-1])
    return template, spec if "containers" in spec else None


def _annotations(metadata: Fields) -> dict[str, str]:
    annotations = metadata.part("annotations")
    return {name: annotations.text(name) for name in annotations.names()}


def _of_ecs(document: Manifest, launch_type: str) -> Workload:
    task = Fields(document, "task definition")
    return Workload(
        format="ecs", name=task.text("family"), containers=ecs.containers_of(document, launch_type), line=task.line()
    )


def _of_docker(document: Manifest) -> Iterator[Workload]:
    for container in docker.containers_of((document,)):
        yield Workload(format="docker", name=container.name, containers=(container,), line=container.line)


def _of_compose(document: Manifest) -> Iterator[Workload]:
    for container in compose.containers_of(document):
        yield Workload(format="compose", name=container.name, containers=(container,), line=container.line)


__all__ = ["InvalidWorkload", "UnreadableManifest", "read_workloads"]
