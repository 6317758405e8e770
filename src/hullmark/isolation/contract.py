"""What an image needs against what its container is granted, both ways: granted and not needed, needed and not granted.

Only what one of the two tells counts. What an image writes, and which of the engine's capabilities a process of root's uses, no
image tells: of these nothing is said.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from hullmark.isolation.spelling import ENGINE_CAPABILITIES
from hullmark.model.isolation import ImageNeeds, Isolation, JointFinding, WorkloadFormat

_LOW_PORTS = 1024
_SHOWN = 3
_KEEPS_VOLUMES = ("compose", "docker", "ecs")
"""Where an image's volumes are always made as folders that can be written."""
_OPENS_LOW_PORTS = ("compose", "docker")
"""Where everybody may listen on low ports in a network of its own (Docker since 20.10)."""


def joint_findings(needs: ImageNeeds, isolation: Isolation, form: WorkloadFormat) -> tuple[JointFinding, ...]:
    """All that does not fit, sorted."""
    found = (*_of_users(needs, isolation, form), *_of_ports(needs, isolation, form), *_of_rights(needs, isolation))
    return tuple(sorted((*found, *_of_volumes(needs, isolation, form))))


def effective_uid(needs: ImageNeeds, isolation: Isolation) -> int | None:
    """The number of the user that the container runs as; None where that is not known."""
    if not isolation.user:
        return needs.uid
    if isolation.user == "root":
        return 0
    return int(isolation.user) if isolation.user.isascii() and isolation.user.isdecimal() else None


def _of_users(needs: ImageNeeds, isolation: Isolation, form: WorkloadFormat) -> Iterator[JointFinding]:
    uid = effective_uid(needs, isolation)
    if isolation.run_as_non_root and uid == 0:
        whose = "the workload names" if isolation.user else "the image names"
        yield _make_needed_finding(
            "run_as_non_root", f"{whose} root as its user, and root is forbidden: it does not start"
        )
    elif isolation.run_as_non_root and not isolation.user and form == "kubernetes" and _is_name(needs.user):
        text = f"the image names its user as {needs.user}, and only of a number Kubernetes knows that it is not root"
        yield _make_needed_finding("run_as_non_root", text)
    if needs.uid == 0 and uid not in (None, 0):
        text = f"the image is made to run as root, and runs as {uid}: what only root may read or write is out of reach"
        yield _make_needed_finding("user", text, is_certain=False)
    if needs.uid not in (None, 0) and uid == 0:
        yield _make_granted_finding("user", f"it runs as root, and the image names the user {needs.user or needs.uid}")


def _is_name(user: str) -> bool:
    return bool(user) and not user.partition(":")[0].isdecimal()


def _of_ports(needs: ImageNeeds, isolation: Isolation, form: WorkloadFormat) -> Iterator[JointFinding]:
    low = [port for port in needs.ports if _number(port) < _LOW_PORTS]
    uid = effective_uid(needs, isolation)
    if low and not _may_open_low_ports(isolation, uid):
        is_open = form in _OPENS_LOW_PORTS and not isolation.host_network
        if not is_open:
            text = f"the image exposes {', '.join(low)}, and may not listen below 1024 unless the node allows it to everyone"
            yield _make_needed_finding("capabilities_dropped", text, is_certain=bool(isolation.host_network))
    if not low and needs.ports and "NET_BIND_SERVICE" in isolation.capabilities_added:
        yield _make_granted_finding(
            "capabilities_added", "NET_BIND_SERVICE is added, and the image exposes no port below 1024"
        )
    surplus = [port for port in isolation.ports if needs.ports and port not in needs.ports]
    if surplus:
        yield _make_granted_finding(
            "ports", f"{', '.join(surplus)} is opened, and the image exposes {', '.join(needs.ports)}"
        )


def _number(port: str) -> int:
    number = port.partition("/")[0]
    return int(number) if number.isascii() and number.isdecimal() else _LOW_PORTS


def _may_open_low_ports(isolation: Isolation, uid: int | None) -> bool:
    """Whether the first process has NET_BIND_SERVICE; one that nobody told the user of may."""
    if isolation.privileged or uid is None:
        return True
    return uid == 0 and _has_capability(isolation, "NET_BIND_SERVICE")


def _has_capability(isolation: Isolation, name: str) -> bool:
    if isolation.privileged or {name, "ALL"} & set(isolation.capabilities_added):
        return True
    return name in ENGINE_CAPABILITIES and not {name, "ALL"} & set(isolation.capabilities_dropped)


def _of_rights(needs: ImageNeeds, isolation: Isolation) -> Iterator[JointFinding]:
    """Files that give more rights to whoever starts them, against what lets them."""
    uid = effective_uid(needs, isolation)
    if needs.setuid is None or needs.capable is None:
        return
    if isolation.no_new_privileges and needs.setuid and uid != 0:
        text = f"the start reaches {_format_paths(needs.setuid)}, which does not become root: no-new-privileges is set"
        yield _make_needed_finding("no_new_privileges", text, is_certain=False)
    for path, names in sorted(needs.capable.items()):
        lacking = [name for name in names if not _has_capability(isolation, name)]
        if lacking:
            text = f"the start reaches {path}, which has {', '.join(lacking)}, and cannot be executed without"
            yield _make_needed_finding("capabilities_dropped", text, is_certain=False)
    if needs.setuid or needs.capable or uid in (None, 0):
        return
    if isolation.no_new_privileges is False:
        text = "privileges can be gained, and the start reaches nothing that needs to (no setuid file, none with capabilities)"
        yield _make_granted_finding("no_new_privileges", text)
    if isolation.no_new_privileges is not None and "ALL" not in isolation.capabilities_dropped:
        text = "the engine's capabilities are kept, and neither the user nor anything that the start reaches has a use for them"
        yield _make_granted_finding("capabilities_dropped", text)


def _of_volumes(needs: ImageNeeds, isolation: Isolation, form: WorkloadFormat) -> Iterator[JointFinding]:
    if not isolation.read_only_root:
        return
    mounted = tuple(posixpath.normpath(path) for path in isolation.writable_paths)
    for volume in needs.volumes:
        path = posixpath.normpath(volume)
        if any(path == folder or path.startswith(f"{folder}/") for folder in mounted):
            continue
        if form not in _KEEPS_VOLUMES:
            text = f"the image writes to its volume {path}, nothing that can be written is mounted there, and the root is read-only"
            yield _make_needed_finding(
                "read_only_root", f"{text}, unless the node's engine makes a folder of it", is_certain=False
            )


def _format_paths(paths: tuple[str, ...]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(paths[:_SHOWN]) + more


def _make_granted_finding(setting: str, text: str) -> JointFinding:
    return JointFinding(kind="granted", setting=setting, text=text)


def _make_needed_finding(setting: str, text: str, *, is_certain: bool = True) -> JointFinding:
    return JointFinding(kind="needed", setting=setting, text=text, is_certain=is_certain)
