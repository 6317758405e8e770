"""A distribution that says its name, and whose package database is not there: whoever removed it removed what could be said."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hullmark.model.inventory import Distro
from hullmark.model.package import Package
from hullmark.model.problem import Problem
from hullmark.rootfs.tree import Tree

_ROOM = "catalog"
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


_IS_PROGRAM = re.compile(rb"(?:usr/)?(?:s?bin/|lib(?:32|64|x32)?/(?:.*/)?[^/]+\.so(?:\.|$))").match
_ELF_HEADER = 64  # bytes: no program is smaller


def missing_database(distro: Distro | None, packages: Iterable[Package], tree: Tree) -> Iterator[Problem]:
    """The problem that no package of the distribution's own kind is installed, though there are files where it puts its programs.

    Of a distribution that is not known any system's packages will do.
    """
    if distro is None:
        return
    known = (_DATABASES.get(name) for name in (distro.id, *distro.id_like))
    wanted = next(filter(None, known), None)
    there = {package.type for package in packages}
    if wanted in there or (wanted is None and there & _SYSTEM) or not _has_programs(tree):
        return
    what = f"{wanted} packages" if wanted else "packages of a system"
    name = distro.pretty_name or distro.id
    reason = f"the image says that it is {name}, and has no database of {what}: which are installed is not known"
    types = (wanted,) if wanted else tuple(sorted(_SYSTEM))
    yield Problem("", -1, _ROOM, reason, facts=("owners", "packages"), types=types)


def _has_programs(tree: Tree) -> bool:
    """Whether there are programs or libraries where a distribution puts them."""
    return any(
        _IS_PROGRAM(path) and node.entry.kind in "fh" and node.entry.size >= _ELF_HEADER
        for path, node in tree.nodes.items()
    )
