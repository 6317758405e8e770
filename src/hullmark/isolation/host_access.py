"""Paths and devices of a host that rule it: whoever has them in a container needs no other way out.

Paths are taken as they are written, `/var/run` being `/run`; where links of a host lead is not known. The lists follow hier(7), the
folders of the common engines and kubelets, and known escapes (writable `/var/log` of a kubelet, `core_pattern` in `/proc/sys`).
"""

from __future__ import annotations

import posixpath
import re

from hullmark.model.isolation import HostPath

_SOCKETS = frozenset((
    "docker.sock", "containerd.sock", "crio.sock", "cri-dockerd.sock", "dockershim.sock", "podman.sock", "buildkitd.sock", "frakti.sock",
    "containerd.sock.ttrpc", "system_bus_socket",
))  # fmt: skip
_READ = (
    "/etc/gshadow", "/etc/kubernetes", "/etc/shadow", "/etc/ssh", "/etc/ssl/private", "/root", "/run/containerd", "/run/crio", "/run/dbus",
    "/run/docker.sock", "/run/podman", "/run/systemd", "/var/lib/containerd", "/var/lib/containers", "/var/lib/docker",
    "/var/lib/etcd", "/var/lib/kubelet", "/var/lib/rancher",
)  # fmt: skip
"""Whoever reads these, or what lies above or below them, has keys, tokens or sockets of the host."""
_WRITTEN = (
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/opt/cni", "/proc", "/sbin", "/sys", "/usr", "/var/log",
    "/var/spool",
)  # fmt: skip
"""Whoever writes these, or what lies above or below them, decides what root of the host runs, or where it writes."""
_HARMLESS = frozenset(("/etc/localtime", "/etc/timezone", "/dev/log", "/dev/shm"))  # noqa: S108 - compared, not opened
_HOME = re.compile(
    r"(?:/home(?:/[^/]+)?|~|(?:/home/[^/]+|~)/\.(?:aws|azure|config|docker|gnupg|kube|ssh)(?:/.*)?)"
).fullmatch
_DISK = re.compile(
    r"/dev(?:/(?:mem|kmem|port|snapshot|disk|mapper|block|char|loop-control|(?:[hsv]d|xvd|nvme|mmcblk|dm-|md|loop|sr|nbd|rbd|zd|raw)[^/]*)"
    r"(?:/.*)?)?"
).fullmatch
_ALL_DEVICES = re.compile(r"\s*(?:a\b|b\s|c\s+\*|c\s+1:[*124]).*").fullmatch


def rules_the_host(found: HostPath) -> bool | None:
    """Whether a path of the host gives power over it; None where it cannot be told."""
    path = _plain_path(found.path)
    if path is None:
        return None
    if path in _HARMLESS:
        return False
    if path.rsplit("/", 1)[-1] in _SOCKETS or _HOME(path) or _touches(path, _READ):
        return True
    return not found.read_only and _touches(path, _WRITTEN)


def opens_the_host(device: str) -> bool | None:
    """Whether a device, or a rule for devices, gives power over the host: its memory, its disks; None where it cannot be told."""
    if device.startswith("/"):
        path = _plain_path(device) or device
        return _DISK(path) is not None if path == "/dev" or path.startswith("/dev/") else None
    return _ALL_DEVICES(device) is not None


def _plain_path(path: str) -> str | None:
    """The path without detours; of one that is relative to a folder that nobody named, what follows. None: it cannot be told."""
    if not path or "$" in path or not path.startswith(("/", ".", "~")):
        return None
    plain = posixpath.normpath(path)
    if plain.startswith(".."):
        plain = "/" + plain.lstrip("./")
        if plain == "/":
            return None
    if plain.startswith("//"):
        plain = plain[1:]
    return "/run" + plain[8:] if plain == "/var/run" or plain.startswith("/var/run/") else plain


def _touches(path: str, places: tuple[str, ...]) -> bool:
    """Whether a path is one of these, lies below one, or holds one."""
    above = "/" if path == "/" else f"{path}/"
    return any(path == place or path.startswith(f"{place}/") or place.startswith(above) for place in places)
