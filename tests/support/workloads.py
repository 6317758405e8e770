"""The table of workloads with their grades (tests/unit/isolation/grades), each as the manifest that its platform takes."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from hullmark.isolation import compose, docker, ecs, kubernetes
from hullmark.model.isolation import Workload, WorkloadContainer, WorkloadFormat
from tests.support.places import REPOSITORY

TABLES = REPOSITORY / "tests" / "unit" / "isolation" / "grades"
HANDLERS = {"gvisor": "runsc", "kata": "kata-qemu"}
_MASKED = {"MaskedPaths": ["/proc/kcore"], "ReadonlyPaths": ["/proc/sys"], "SecurityOpt": None}
_PLAIN = {"Privileged": False, "PidMode": "", "IpcMode": "private", "NetworkMode": "none", "Runtime": "runc"}


@dataclass(frozen=True, kw_only=True)
class GradedWorkload:
    """A row of the table. `document` is the manifest, `info` what an engine tells of itself, `launch` the launch type of a task."""

    name: str
    format: WorkloadFormat
    document: dict[str, Any]
    grade: str
    at_most: str
    by: tuple[str, ...]
    because: str
    handlers: Mapping[str, str] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)
    launch: str = ""

    def read(self, document: dict[str, Any] | None = None, **changed: Any) -> tuple[Workload, WorkloadContainer]:
        """What the reader of its platform makes of the manifest, or of another one in its place."""
        manifest = self.document if document is None else document
        handlers = {**self.handlers, **changed.get("handlers", {})}
        containers: tuple[WorkloadContainer, ...]
        template: tuple[str, ...] = ()
        if self.format == "kubernetes":
            template = ("spec",)
            annotations = manifest["metadata"].get("annotations") or {}
            containers = kubernetes.containers_of(manifest["spec"], annotations=annotations, runtime_classes=handlers)
        elif self.format == "compose":
            containers = compose.containers_of(manifest)
        elif self.format == "ecs":
            containers = ecs.containers_of(manifest, changed.get("launch", self.launch))
        else:
            containers = docker.containers_of([manifest], changed.get("info", self.info))
        return Workload(format=self.format, name="w", containers=containers, template=template), containers[0]


def table() -> Iterator[GradedWorkload]:
    """All rows."""
    for kind in ("kubernetes", "compose", "ecs", "docker"):
        for row in yaml.load((TABLES / f"{kind}.yaml").read_text("utf-8"), yaml.CSafeLoader):
            yield _row(kind, row)


def _row(kind: WorkloadFormat, row: dict[str, Any]) -> GradedWorkload:
    return GradedWorkload(
        name=row["name"],
        format=kind,
        document=_DOCUMENTS[kind](copy.deepcopy(row)),
        grade=row["grade"],
        at_most=row.get("at_most", row["grade"]),
        by=tuple(row["by"]),
        because=row["because"],
        handlers=row.get("handlers", {}),
        info=row.get("info", {}),
        launch=row.get("launch", ""),
    )


def _pod(row: dict[str, Any]) -> dict[str, Any]:
    container = {"name": "c", "image": "registry.example/app:1", **row.get("container", {})}
    metadata = {"name": "w", "annotations": row.get("annotations", {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {**row.get("pod", {}), "containers": [container]},
    }


def _service(row: dict[str, Any]) -> dict[str, Any]:
    service = {"image": "registry.example/app:1", **row.get("service", {})}
    return {"services": {"c": service}, **{kind: row.get(kind, {}) for kind in ("volumes", "secrets", "configs")}}


def _task(row: dict[str, Any]) -> dict[str, Any]:
    container = {"name": "c", "image": "registry.example/app:1", **row.get("container", {})}
    return {"family": "w", **row.get("task", {}), "containerDefinitions": [container]}


def _inspected(row: dict[str, Any]) -> dict[str, Any]:
    if "host" in row and row["host"] is None:
        return {"Id": "0123456789abcdef", "Image": "sha256:0"}
    host = {**_PLAIN, **_MASKED, **row.get("host", {})}
    return {
        "Name": "/c",
        "Config": {"Image": "registry.example/app:1", "User": ""},
        **row.get("rest", {}),
        "HostConfig": host,
    }


_DOCUMENTS: dict[str, Any] = {"kubernetes": _pod, "compose": _service, "ecs": _task, "docker": _inspected}
