"""What a login leads to: shells of users and the files that these begin with, and what modules of PAM read beside their own settings.

After sshd(8), login(1), bash(1), pam_limits(8), pam_motd(8), pam_namespace(8) and pam_mkhomedir(8).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hullmark.model.limit import Limit
from hullmark.reach.scene import Scene

_MAX_FILES = Limit(2_000, "files of a user, or of a folder that a login reads")
_NO_SHELLS = frozenset(("nologin", "false", "true", "sync", "halt", "shutdown", ""))
_USER = re.compile(r"passwd\.user\[(.{1,200})\]\.(shell|home)").fullmatch
_READ = (
    "/etc/profile",
    "/etc/bash.bashrc",
    "/etc/bashrc",
    "/etc/environment",
    "/etc/login.defs",
    "/etc/motd",
    "/etc/shells",
    "/etc/nologin",
)
_FOLDERS_OF_MODULES = {
    "pam_limits": ("/etc/security/limits.d",),
    "pam_mkhomedir": ("/etc/skel",),
    "pam_motd": ("/etc/motd.d", "/etc/update-motd.d"),
    "pam_namespace": ("/etc/security/namespace.d",),
}  # fmt: skip
_PROGRAMS_OF_MODULES = {"pam_motd": ("env", "run-parts")}


def expand_login(scene: Scene, origin: str, *, is_forced: bool) -> None:
    """Users log in: reach their shells and start files; what these start then nobody tells, but where one command is forced on them."""
    homes = dict(_shells(scene, origin))
    for path in (*_READ, *scene.tree.below("/etc/profile.d", _MAX_FILES)):
        scene.walk.reach(path, "is read when a user logs in", origin)
    for home in homes.values():
        for path in (*_list_dotfiles(scene, home), *scene.tree.below(f"{home}/.ssh", _MAX_FILES)):
            scene.walk.reach(path, "is read when a user logs in", origin)
    if homes and not is_forced:
        scene.blur_programs(origin, "who logs in may start whatever is there")


def expand_change_of_user(scene: Scene, origin: str) -> None:
    """A command is run as another user, by the shell of that one."""
    for _ in _shells(scene, origin):
        pass


def expand_pam_module(scene: Scene, name: str, path: str) -> None:
    """Reach the folders that a module reads, and the programs that it starts."""
    stem = name.rpartition("/")[2].partition(".so")[0]
    for folder in _FOLDERS_OF_MODULES.get(stem, ()):
        for file in scene.tree.below(folder, _MAX_FILES):
            scene.walk.reach(file, f"lies in a folder that {stem} reads", path)
    for program in _PROGRAMS_OF_MODULES.get(stem, ()):
        if place := scene.program(program):
            scene.walk.reach(place, f"is started by {stem}", path)


def _shells(scene: Scene, origin: str) -> Iterator[tuple[str, str]]:
    """The users that have a shell, and their home folders. Reaches the shells."""
    found: dict[str, dict[str, str]] = {}
    for setting in scene.settings.get("passwd", ()):
        if (user := _USER(setting.key)) is not None:
            found.setdefault(user[1], {})[user[2]] = str(setting.value)
    for name, told in sorted(found.items()):
        shell = told.get("shell", "")
        if shell.rpartition("/")[2] not in _NO_SHELLS:
            scene.walk.reach(shell, f"is the login shell of {name[:100]}", origin)
            yield name, told.get("home", "/").rstrip("/")


def _list_dotfiles(scene: Scene, home: str) -> Iterator[str]:
    return (f"{home}/{name}" for name in sorted(scene.tree.names(home or "/")) if name.startswith("."))
