"""JSON as Go's encoding/json reads it into structs: names of fields match in any case.

Of two fields that Go takes for the same one, the last wins there and the first may win elsewhere; a body that holds both is refused.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit

_LARGEST_BODY = Limit(1 << 20, "bytes of a request to dockerd that is judged", "refused")

_FIELDS = (
    *(
        "Image",
        "HostConfig",
        "NetworkingConfig",
        "User",
        "Labels",
        "Volumes",
        "ExposedPorts",
        "Cmd",
        "Env",
        "Entrypoint",
    ),
    *(
        "Privileged",
        "Binds",
        "Mounts",
        "CapAdd",
        "CapDrop",
        "SecurityOpt",
        "PidMode",
        "IpcMode",
        "UTSMode",
        "UsernsMode",
    ),
    *("NetworkMode", "CgroupnsMode", "CgroupParent", "Runtime", "Devices", "DeviceRequests", "DeviceCgroupRules"),
    *(
        "ReadonlyRootfs",
        "MaskedPaths",
        "ReadonlyPaths",
        "VolumesFrom",
        "VolumeDriver",
        "RestartPolicy",
        "Tmpfs",
        "Memory",
    ),
    *(
        "NanoCpus",
        "PidsLimit",
        "CpuQuota",
        "CpuPeriod",
        "PortBindings",
        "Capabilities",
        "Sysctls",
        "StorageOpt",
        "Annotations",
    ),
    *("LogConfig", "Config", "EndpointsConfig", "Type", "Source", "Target", "ReadOnly", "VolumeOptions", "BindOptions"),
    *("TmpfsOptions", "ImageOptions", "ClusterOptions", "DriverConfig", "Driver", "Name", "Options", "DriverOpts"),
    *("PathOnHost", "PathInContainer", "CgroupPermissions", "Container"),
)
_MAPS = frozenset((
    "Labels", "Volumes", "ExposedPorts", "PortBindings", "Tmpfs", "Sysctls", "StorageOpt", "Annotations", "Config", "EndpointsConfig",
    "Options", "DriverOpts",
))  # fmt: skip
"""Fields whose names inside are free: Go keeps them as they are."""
_BY_FOLD = {name.casefold(): name for name in _FIELDS}


class AmbiguousBody(HullmarkError):
    """A body that cannot be judged because its readers may differ on what it says."""


class _Pairs(list[tuple[str, Any]]):
    """An object as it is written, with repeated names."""


def decode_struct(body: bytes) -> dict[str, Any]:
    """The object in a body, with the names of fields as Docker's API writes them; what it does not know keeps its name.

    Raises AmbiguousBody for what is not one JSON object in UTF-8, and for fields that are given twice.
    """
    if len(body) > _LARGEST_BODY:
        raise _ambiguity_error(f"it has more than {_LARGEST_BODY:,} bytes")
    try:
        found = json.loads(body.decode("utf-8"), object_pairs_hook=_Pairs, parse_constant=_not_json)
        if not isinstance(found, _Pairs):
            raise _ambiguity_error("it is not a JSON object")
        return _struct(found)
    except (ValueError, RecursionError) as error:
        raise _ambiguity_error("it is not JSON") from error


def _struct(pairs: _Pairs) -> dict[str, Any]:
    found: dict[str, Any] = {}
    folds = set()
    for name, value in pairs:
        fold = name.casefold()
        if fold in folds:
            raise _ambiguity_error(f"it gives {name[:50]!r} twice")
        folds.add(fold)
        known = _BY_FOLD.get(fold, name)
        found[known] = _map(value) if known in _MAPS else _value(value)
    return found


def _value(value: Any) -> Any:
    if isinstance(value, _Pairs):
        return _struct(value)
    return [_value(one) for one in value] if isinstance(value, list) else value


def _map(value: Any) -> Any:
    """Names are free here; of equal ones the last counts, as in Go."""
    if isinstance(value, _Pairs):
        return {name: _map(one) for name, one in value}
    return [_map(one) for one in value] if isinstance(value, list) else value


def _not_json(name: str) -> NoReturn:
    raise ValueError(name)


def _ambiguity_error(reason: str) -> AmbiguousBody:
    return AmbiguousBody(f"the request's body cannot be judged: {reason}", advice="send what Docker's own client sends")
