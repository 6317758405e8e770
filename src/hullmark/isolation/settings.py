"""Single settings that a container must have, by the names that policies give them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

from hullmark.isolation.grades import HOST_CAPABILITIES, UNCONFINED_LABELS
from hullmark.isolation.host_access import rules_the_host
from hullmark.isolation.spelling import ENGINE_CAPABILITIES, UNCONFINED
from hullmark.model.isolation import Isolation

Setting = Literal[
    "cpu-limit",
    "drop-all",
    "lsm",
    "memory-limit",
    "no-host-namespaces",
    "no-host-paths",
    "no-new-privileges",
    "no-token",
    "not-privileged",
    "not-root",
    "pids-limit",
    "read-only-root",
    "seccomp",
    "user-namespace",
]
SETTINGS: tuple[Setting, ...] = get_args(Setting)


class SettingState(NamedTuple):
    """Whether a setting is as wanted (None: not told), the field of Isolation that decides, and what is so, as a clause."""

    holds: bool | None
    setting: str
    text: str


def setting_of(name: Setting, isolation: Isolation, image_uid: int | None = None) -> SettingState:
    """The state of one setting. `image_uid` is the number of the image's own user, where that is known."""
    if name == "not-root":
        return _not_root(isolation, image_uid)
    return _STATES[name](isolation)


def granted_capabilities(isolation: Isolation) -> frozenset[str]:
    """The capabilities that the first process of root's has: the engine's, without those dropped, with those added."""
    everything = ENGINE_CAPABILITIES | HOST_CAPABILITIES.keys() | set(isolation.capabilities_added)
    if isolation.privileged or "ALL" in isolation.capabilities_added:
        return frozenset(everything | {"NET_ADMIN"}) - {"ALL"}
    dropped = set(isolation.capabilities_dropped)
    kept = frozenset() if "ALL" in dropped else ENGINE_CAPABILITIES - dropped
    return frozenset(kept | set(isolation.capabilities_added))


def _flag(setting: str, wanted: bool, text: str) -> Callable[[Isolation], SettingState]:
    """A setting that is true or false; `text` says what is so where it is not as wanted."""

    def state(isolation: Isolation) -> SettingState:
        value: bool | None = getattr(isolation, setting)
        if value is None:
            return SettingState(None, setting, f"whether {text} is not known")
        return SettingState(value is wanted, setting, text)

    return state


def _seccomp(isolation: Isolation) -> SettingState:
    if not isolation.seccomp:
        return SettingState(None, "seccomp", "whether seccomp filters its system calls is not known")
    is_filter = isolation.seccomp != UNCONFINED and not isolation.seccomp.startswith("custom (")
    return SettingState(is_filter, "seccomp", "seccomp does not filter its system calls")


def _lsm(isolation: Isolation) -> SettingState:
    if isolation.apparmor not in ("", UNCONFINED) or isolation.selinux not in ("", *UNCONFINED_LABELS):
        return SettingState(True, "apparmor", "")
    if not isolation.apparmor and not isolation.selinux:
        return SettingState(None, "apparmor", "whether AppArmor or SELinux confines it is not known")
    return SettingState(False, "apparmor", "neither AppArmor nor SELinux confines it")


def _drop_all(isolation: Isolation) -> SettingState:
    if isolation.privileged is None:
        return SettingState(None, "capabilities_dropped", "which capabilities it has is not known")
    added = [name for name in isolation.capabilities_added if name != "NET_BIND_SERVICE"]
    text = f"{', '.join(added)} is added" if added else "the engine's capabilities are not dropped"
    holds = not isolation.privileged and "ALL" in isolation.capabilities_dropped and not added
    return SettingState(holds, "capabilities_added" if added else "capabilities_dropped", text)


def _namespaces(isolation: Isolation) -> SettingState:
    names = ("host_pid", "host_ipc", "host_network")
    for name in names:
        if getattr(isolation, name):
            return SettingState(False, name, f"it shares {name.removeprefix('host_')} with its host")
    untold = next((name for name in names if getattr(isolation, name) is None), "")
    return SettingState(
        None if untold else True, untold or names[0], "whether it shares namespaces with its host is not known"
    )


def _paths(isolation: Isolation) -> SettingState:
    paths = ", ".join(path.path for path in isolation.host_paths)
    is_told = isolation.privileged is not None and all(
        rules_the_host(path) is not None for path in isolation.host_paths
    )
    text = f"it sees {paths} of its host" if paths else "what it sees of its host is not known"
    return SettingState(not paths if is_told else None, "host_paths", text)


def _limit(name: Literal["memory", "cpu", "pids"]) -> Callable[[Isolation], SettingState]:
    def state(isolation: Isolation) -> SettingState:
        is_told = isolation.privileged is not None
        holds = getattr(isolation.limits, name) is not None
        text = f"there is no limit of {name}" if is_told else f"whether there is a limit of {name} is not known"
        return SettingState(holds or (False if is_told else None), "limits", text)

    return state


def _not_root(isolation: Isolation, image_uid: int | None) -> SettingState:
    user = isolation.user
    if user.isascii() and user.isdecimal():
        return SettingState(bool(user.strip("0")), "user", "it runs as root")
    if isolation.run_as_non_root or user == "root":
        return SettingState(user != "root", "user", "it runs as root")
    if user or image_uid is None:
        return SettingState(None, "user", "who it runs as is not known")
    return SettingState(image_uid != 0, "user", "it runs as root, the image's own user")


_STATES: dict[Setting, Callable[[Isolation], SettingState]] = {
    "cpu-limit": _limit("cpu"),
    "drop-all": _drop_all,
    "lsm": _lsm,
    "memory-limit": _limit("memory"),
    "no-host-namespaces": _namespaces,
    "no-host-paths": _paths,
    "no-new-privileges": _flag("no_new_privileges", True, "privileges can be gained by setuid files"),
    "no-token": _flag("service_account_token", False, "a token of the service account is mounted"),
    "not-privileged": _flag("privileged", False, "it is privileged"),
    "pids-limit": _limit("pids"),
    "read-only-root": _flag("read_only_root", True, "its root file system can be written"),
    "seccomp": _seccomp,
    "user-namespace": _flag("user_namespace", True, "its root is root on the host"),
}
