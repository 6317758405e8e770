"""A distribution whose name is known but whose package database was removed: its packages are unknown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hullmark.model.inventory import Distro
from hullmark.model.late import late
from hullmark.model.package import Package
from hullmark.model.problem import Fact, Problem
from hullmark.rootfs.tree import Tree

_ROOM = "catalog"
_FACTS: tuple[Fact, ...] = ("owners", "packages")
_SYSTEM = frozenset(("alpm", "apk", "deb", "ebuild", "portage", "rpm"))

# Ids of os-release(5), which a derivative names in ID_LIKE.
_DATABASES = {
    "alpine": "apk",
    "chainguard": "apk",
    "wolfi": "apk",
    "debian": "deb",
    "ubuntu": "deb",
    "almalinux": "rpm",
    "amzn": "rpm",
    "azurelinux": "rpm",
    "centos": "rpm",
    "fedora": "rpm",
    "mariner": "rpm",
    "ol": "rpm",
    "opensuse": "rpm",
    "photon": "rpm",
    "rhel": "rpm",
    "rocky": "rpm",
    "sles": "rpm",
    "suse": "rpm",
}

_FOLDERS = {
    b"lib/apk/db": "apk",
    b"usr/lib/apk/db": "apk",
    b"usr/lib/sysimage/rpm": "rpm",
    b"var/lib/dpkg": "deb",
    b"var/lib/rpm": "rpm",
}
_IS_PROGRAM = late(rb"(?:usr/)?(?:s?bin/|lib(?:32|64|x32)?/(?:.*/)?[^/]+\.so(?:\.|$))").match
_ELF_HEADER = 64  # bytes: no program is smaller


def missing_database(distro: Distro | None, packages: Iterable[Package], tree: Tree) -> Iterator[Problem]:
    """The problem that no package of the distribution's own kind is installed, though there are files where it puts its programs, or
    the folder of a package database.

    For an unknown distribution the packages of any system count.
    """
    known = (_DATABASES.get(name) for name in ((distro.id, *distro.id_like) if distro is not None else ()))
    wanted = next(filter(None, known), None)
    there = {package.type for package in packages}
    if wanted in there or (wanted is None and there & _SYSTEM):
        return
    folders = [folder for folder in _FOLDERS if tree.is_folder(folder)]
    if distro is not None and (folders or _has_programs(tree)):
        what = f"{wanted} packages" if wanted else "packages of a system"
        name = distro.pretty_name or distro.id
        reason = f"the image says that it is {name}, and has no database of {what}: which are installed is not known"
        types = (wanted,) if wanted else tuple(sorted(_SYSTEM))
        yield Problem("", -1, _ROOM, reason, facts=_FACTS, types=types)
    elif folders:
        reason = "the folder of a package database is there, and no package in it: which are installed is not known"
        types = tuple(sorted({_FOLDERS[folder] for folder in folders}))
        yield Problem("/" + folders[0].decode(), -1, _ROOM, reason, facts=_FACTS, types=types)


def _has_programs(tree: Tree) -> bool:
    """Whether there are programs or libraries where a distribution puts them."""
    return any(
        _IS_PROGRAM(path) and node.entry.kind in "fh" and node.entry.size >= _ELF_HEADER
        for path, node in tree.nodes.items()
    )
