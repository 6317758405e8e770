"""What package managers leave behind in a layer, and how a RUN avoids it.

The rules are those of hadolint (DL3009, DL3019, DL3032, DL3036, DL3040, DL3042) and the CIS Docker Benchmark (4.7).
"""

from __future__ import annotations

from typing import Literal

import msgspec

from hullmark.model.dockerfile import Instruction
from hullmark.policy.dockerfile.commands import Command, commands_of

ManagerName = Literal["apt", "apk", "dnf", "pip", "zypper"]


class _Manager(msgspec.Struct, frozen=True, kw_only=True):
    """A package manager. `updates` and `installs` are its verbs; `fills` are the verbs that leave files nobody needs in `folders`."""

    commands: frozenset[str]
    updates: frozenset[str] = frozenset()
    installs: frozenset[str]
    fills: frozenset[str]
    folders: tuple[str, ...]
    cleans: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()


_MANAGERS: dict[ManagerName, _Manager] = {
    "apt": _Manager(
        commands=frozenset(("apt", "apt-get", "aptitude")),
        updates=frozenset(("update",)),
        installs=frozenset(("install", "upgrade", "dist-upgrade", "full-upgrade", "build-dep")),
        fills=frozenset(("update",)),
        folders=("/var/lib/apt/lists",),
    ),
    "apk": _Manager(
        commands=frozenset(("apk",)),
        updates=frozenset(("update",)),
        installs=frozenset(("add", "upgrade")),
        fills=frozenset(("add", "upgrade", "update")),
        folders=("/var/cache/apk", "/etc/apk/cache"),
        options=("--no-cache",),
    ),
    "dnf": _Manager(
        commands=frozenset(("dnf", "dnf5", "yum", "microdnf", "tdnf")),
        updates=frozenset(("makecache", "check-update")),
        installs=frozenset(("install", "update", "upgrade", "groupinstall", "reinstall")),
        fills=frozenset(("install", "update", "upgrade", "groupinstall", "reinstall", "makecache")),
        folders=("/var/cache/dnf", "/var/cache/yum", "/var/cache/libdnf5", "/var/cache/tdnf"),
        cleans=("clean",),
    ),
    "pip": _Manager(
        commands=frozenset(("pip", "pip3")),
        installs=frozenset(("install", "download", "wheel")),
        fills=frozenset(("install", "download", "wheel")),
        folders=("/root/.cache/pip",),
        cleans=("cache",),
        options=("--no-cache-dir",),
        variables=("PIP_NO_CACHE_DIR",),
    ),
    "zypper": _Manager(
        commands=frozenset(("zypper",)),
        updates=frozenset(("refresh", "ref")),
        installs=frozenset(("install", "in", "update", "up", "dist-upgrade", "dup", "patch")),
        fills=frozenset(("install", "in", "update", "up", "dist-upgrade", "dup", "patch", "refresh", "ref")),
        folders=("/var/cache/zypp",),
        cleans=("clean", "cc"),
    ),
}

MANAGERS: tuple[ManagerName, ...] = tuple(_MANAGERS)
"""The package managers that are known."""


def leaves_cache(run: Instruction, name: ManagerName, variables: frozenset[str]) -> str:
    """The command of a RUN whose cache stays in the layer; "" if there is none. `variables` are the names of the variables that are set."""
    manager = _MANAGERS[name]
    commands = list(commands_of(run))
    filling = [
        command
        for command in commands
        if _verb(command, manager) in manager.fills and not any(option in command for option in manager.options)
    ]
    if not filling or any(variable in variables for variable in manager.variables):
        return ""
    is_kept_out = any(_is_under(folder, target) for folder in manager.folders for target in _mounts(run))
    is_cleaned = any(_cleans(command, manager) for command in commands)
    return "" if is_kept_out or is_cleaned else " ".join(filling[0])


def updates_alone(run: Instruction, name: ManagerName) -> str:
    """The command of a RUN that updates package lists while the RUN installs nothing; "" if there is none."""
    manager = _MANAGERS[name]
    commands = list(commands_of(run))
    if any(_verb(command, manager) in manager.installs for command in commands):
        return ""
    return next((" ".join(command) for command in commands if _verb(command, manager) in manager.updates), "")


def _verb(command: Command, manager: _Manager) -> str:
    words = command
    if command[0].startswith("python") and command[1:3] == ("-m", "pip"):
        words = command[2:]
    if words[0] not in manager.commands:
        return ""
    return next((word for word in words[1:] if not word.startswith("-")), "")


def _cleans(command: Command, manager: _Manager) -> bool:
    if command[0] == "rm":
        return any(_is_under(folder, word.rstrip("*")) for folder in manager.folders for word in command[1:])
    return _verb(command, manager) in manager.cleans


def _is_under(folder: str, parent: str) -> bool:
    path = parent.rstrip("/")
    return bool(path) and (folder == path or folder.startswith(f"{path}/"))


def _mounts(run: Instruction) -> list[str]:
    """The targets of a RUN's mounts, whose contents are in no layer."""
    keys = ("target=", "dst=", "destination=")
    parts = (part for flag in run.flags if flag.startswith("--mount=") for part in flag[8:].split(","))
    return [part.partition("=")[2] for part in parts if part.startswith(keys)]
