"""The messages of the Container Runtime Interface, version `runtime.v1`, that are used here: names, numbers and types of their fields.

They are described to protobuf as values, field by field as the interface publishes them, so no generated code is needed. Fields that stand
in no table are kept unread, as protobuf has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "runtime.v1"
_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "string": _Field.TYPE_STRING,
    "bool": _Field.TYPE_BOOL,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
    "uint32": _Field.TYPE_UINT32,
    "uint64": _Field.TYPE_UINT64,
}
_MAP = "map"

Fields = Mapping[str, tuple[int, str]]
"""By a field's name its number and type: a scalar, `map` (of texts by text), the name of a message, `enum`, or these with `*` behind
for a list. Enumerations go by their numbers."""

MESSAGES: Mapping[str, Fields] = {
    "VersionRequest": {"version": (1, "string")},
    "VersionResponse": {
        "version": (1, "string"),
        "runtime_name": (2, "string"),
        "runtime_version": (3, "string"),
        "runtime_api_version": (4, "string"),
    },
    "PodSandboxMetadata": {
        "name": (1, "string"),
        "uid": (2, "string"),
        "namespace": (3, "string"),
        "attempt": (4, "uint32"),
    },
    "ListPodSandboxRequest": {},
    "PodSandbox": {
        "id": (1, "string"),
        "metadata": (2, "PodSandboxMetadata"),
        "state": (3, "int32"),
        "created_at": (4, "int64"),
        "labels": (5, _MAP),
        "annotations": (6, _MAP),
        "runtime_handler": (7, "string"),
    },
    "ListPodSandboxResponse": {"items": (1, "PodSandbox*")},
    "ContainerMetadata": {"name": (1, "string"), "attempt": (2, "uint32")},
    "ImageSpec": {"image": (1, "string"), "annotations": (2, _MAP), "user_specified_image": (18, "string")},
    "ContainerStateValue": {"state": (1, "int32")},
    "ContainerFilter": {
        "id": (1, "string"),
        "state": (2, "ContainerStateValue"),
        "pod_sandbox_id": (3, "string"),
        "label_selector": (4, _MAP),
    },
    "ListContainersRequest": {"filter": (1, "ContainerFilter")},
    "Container": {
        "id": (1, "string"),
        "pod_sandbox_id": (2, "string"),
        "metadata": (3, "ContainerMetadata"),
        "image": (4, "ImageSpec"),
        "image_ref": (5, "string"),
        "state": (6, "int32"),
        "created_at": (7, "int64"),
        "labels": (8, _MAP),
        "annotations": (9, _MAP),
        "image_id": (10, "string"),
    },
    "ListContainersResponse": {"containers": (1, "Container*")},
    "ContainerStatusRequest": {"container_id": (1, "string"), "verbose": (2, "bool")},
    "Mount": {"container_path": (1, "string"), "host_path": (2, "string"), "readonly": (3, "bool")},
    "ContainerStatus": {
        "id": (1, "string"),
        "metadata": (2, "ContainerMetadata"),
        "state": (3, "int32"),
        "created_at": (4, "int64"),
        "started_at": (5, "int64"),
        "finished_at": (6, "int64"),
        "image": (8, "ImageSpec"),
        "image_ref": (9, "string"),
        "labels": (12, _MAP),
        "annotations": (13, _MAP),
        "mounts": (14, "Mount*"),
        "image_id": (17, "string"),
    },
    "ContainerStatusResponse": {"status": (1, "ContainerStatus"), "info": (2, _MAP)},
    "ImageStatusRequest": {"image": (1, "ImageSpec"), "verbose": (2, "bool")},
    "Image": {"id": (1, "string"), "repo_tags": (2, "string*"), "repo_digests": (3, "string*"), "size": (4, "uint64")},
    "ImageStatusResponse": {"image": (1, "Image"), "info": (2, _MAP)},
    "GetEventsRequest": {},
    "ContainerEventResponse": {
        "container_id": (1, "string"),
        "container_event_type": (2, "int32"),
        "created_at": (3, "int64"),
    },
}


def message(name: str, tables: Mapping[str, Fields] = MESSAGES) -> Any:
    """The class of a message of these tables."""
    return _classes(_Tables(tables))[name]


class _Tables:
    """Tables that are told from others by which they are."""

    def __init__(self, tables: Mapping[str, Fields]) -> None:
        self.tables = tables

    def __hash__(self) -> int:
        return id(self.tables)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Tables) and other.tables is self.tables


@cache
def _classes(wanted: _Tables) -> dict[str, Any]:
    """The classes of all messages of these tables, in a pool of their own."""
    file = descriptor_pb2.FileDescriptorProto(name="cri.proto", package=PACKAGE, syntax="proto3")
    for name, fields in wanted.tables.items():
        described = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            _describe(described, field, number, kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file) if hasattr(pool, "Add") else pool.AddSerializedFile(file.SerializeToString())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in wanted.tables
    }


def _describe(message: Any, name: str, number: int, kind: str) -> None:
    bare = kind.removesuffix("*")
    label = _Field.LABEL_REPEATED if kind.endswith("*") or kind == _MAP else _Field.LABEL_OPTIONAL
    field = message.field.add(name=name, number=number, label=label)
    if bare in _SCALARS:
        field.type = _SCALARS[bare]
        return
    field.type = _Field.TYPE_MESSAGE
    if bare != _MAP:
        field.type_name = f".{PACKAGE}.{bare}"
        return
    # A map is a list of pairs in a message of its own (protobuf's language guide, "Maps").
    entry_name = "".join(word.capitalize() for word in name.split("_")) + "Entry"
    entry = message.nested_type.add(name=entry_name)
    entry.options.map_entry = True
    for part, position in (("key", 1), ("value", 2)):
        entry.field.add(name=part, number=position, label=_Field.LABEL_OPTIONAL, type=_Field.TYPE_STRING)
    field.type_name = f".{PACKAGE}.{message.name}.{entry_name}"
