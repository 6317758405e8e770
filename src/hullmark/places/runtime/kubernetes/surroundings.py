"""What pods run amid: nodes, namespaces, runtime classes and owners, read once or followed, and asked for where one is not known yet."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from hullmark.model.errors import HullmarkError
from hullmark.places.runtime.kubernetes.api import ForbiddenRequest, KubernetesApi, NotFound, Resource, Scope, partial
from hullmark.places.runtime.kubernetes.following import (
    ApiUnavailable,
    Follower,
    ListedKind,
    ResourceList,
    Streams,
    list_all,
)
from hullmark.places.runtime.kubernetes.objects import Node, NodeInfo, PartialObject, RuntimeClass
from hullmark.places.runtime.kubernetes.owners import Owners

V = TypeVar("V")

NODES = Resource(group="", version="v1", plural="nodes", type=Node)
NAMESPACES = partial("", "v1", "namespaces")
RUNTIME_CLASSES = Resource(group="node.k8s.io", version="v1", plural="runtimeclasses", type=RuntimeClass)

_MEANING = {
    "nodes": "architectures, and what nodes run containers by, are not known",
    "namespaces": "labels of namespaces are not known",
    "runtimeclasses": "what runtime classes stand for is not known",
    "replicasets": "pods of Deployments are told of as their ReplicaSets'",
    "jobs": "pods of CronJobs are told of as their Jobs'",
    "replicationcontrollers": "pods of DeploymentConfigs are told of as their ReplicationControllers'",
}


@dataclass(frozen=True, slots=True)
class _NamedValue(Generic[V]):
    """An object by its name, and the one thing of it that counts."""

    name: str
    value: V


class _Table(Generic[V]):
    """One thing of each object of a kind, by name. Serves several threads."""

    def __init__(self, api: KubernetesApi, resource: Resource[Any], value: Callable[[Any], V], unknown: V) -> None:
        self._api = api
        self.resource = resource
        self._value = value
        self._unknown = unknown
        self._lock = threading.Lock()
        self._known: dict[str, V] = {}
        self.is_unreadable = False

    def read(self, found: Any) -> _NamedValue[V]:
        """What is kept of an object."""
        return _NamedValue(found.metadata.name, self._value(found))

    def load(self) -> None:
        """Read them all. Raises ApiRefused, NetError."""
        try:
            found, _ = list_all(self._api, self.resource, self.read)
        except (ForbiddenRequest, NotFound):
            self.is_unreadable = True
        else:
            self.take(found)

    def take(self, found: list[_NamedValue[V]]) -> bool:
        """All that there are; whether one that was known says something else now."""
        with self._lock:
            before, self._known = self._known, {variable.name: variable.value for variable in found}
            return any(before.get(name, value) != value for name, value in self._known.items())

    def change(self, found: _NamedValue[V], *, is_gone: bool) -> bool:
        """One of them; whether it was known and says something else now. Of what is gone, pods may still be left."""
        with self._lock:
            before = self._known.get(found.name, found.value)
            if not is_gone:
                self._known[found.name] = found.value
            return before != found.value

    def get(self, name: str) -> V:
        """What is known of one; it is asked for where it is new. Raises ApiRefused, NetError."""
        with self._lock:
            if name in self._known:
                return self._known[name]
        if not name or self.is_unreadable:
            return self._unknown
        try:
            found = self.read(self._api.get(self.resource, "", name))
        except ForbiddenRequest:
            self.is_unreadable = True
            return self._unknown
        except NotFound:
            return self._unknown
        with self._lock:
            return self._known.setdefault(name, found.value)


class Surroundings:
    """What is known of a cluster besides its pods. What RBAC keeps from us is left out, and said by `gaps`."""

    def __init__(self, api: KubernetesApi, scope: Scope) -> None:
        self._api = api
        self._scope = scope
        self._labels: _Table[Mapping[str, str]] = _Table(api, NAMESPACES, _labels, {})
        self._nodes: _Table[NodeInfo] = _Table(api, NODES, _info, NodeInfo())
        self._handlers: _Table[str] = _Table(api, RUNTIME_CLASSES, _handler, "")
        self._tables: tuple[_Table[Any], ...] = (self._labels, self._nodes, self._handlers)
        self.owners = Owners(api)
        self.has_changed = threading.Event()
        """Something that pods were told by says something else now."""

    def load(self) -> None:
        """Read all of it. Raises ApiRefused, NetError."""
        for table in self._tables:
            table.load()
        self.owners.read(self._scope)

    def follow(self, streams: Streams) -> None:
        """Keep it current in threads of their own, until `stop` of the streams is set."""
        for table in self._tables:
            threading.Thread(target=self._follow, args=(table, streams), daemon=True).start()

    def _follow(self, table: _Table[Any], streams: Streams) -> None:
        follower = Follower(self._api, ListedKind(table.resource), table.read, streams)
        try:
            for said in follower.said():
                if isinstance(said, ApiUnavailable):
                    continue
                if isinstance(said, ResourceList):
                    is_other = table.take(said.objects)
                else:
                    is_other = sum(table.change(event.object, is_gone=event.type == "DELETED") for event in said) > 0
                if is_other:
                    self.has_changed.set()
        except HullmarkError:
            # Pods are followed all the same; whoever follows them is refused likewise, and says so, or this is a gap.
            table.is_unreadable = True

    def labels_of(self, namespace: str) -> Mapping[str, str]:
        """The labels of a namespace."""
        return self._labels.get(namespace)

    def node_of(self, name: str) -> NodeInfo:
        """What is known of a node's machine."""
        return self._nodes.get(name)

    def handler_of(self, runtime_class: str) -> str:
        """The handler that a runtime class stands for."""
        return self._handlers.get(runtime_class)

    def gaps(self) -> Iterator[str]:
        """What may not be read, a sentence each."""
        tables = {table.resource.plural for table in self._tables if table.is_unreadable}
        for plural in sorted(tables | self.owners.unreadable):
            yield f"{plural} may not be read: {_MEANING[plural]}"


def _labels(namespace: PartialObject) -> Mapping[str, str]:
    return namespace.metadata.labels or {}


def _info(node: Node) -> NodeInfo:
    return node.status.node_info


def _handler(runtime_class: RuntimeClass) -> str:
    return runtime_class.handler
