"""A distribution that says its name, and whose package database is not there: whoever removed it removed what could be said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hullmark.model.inventory import Distro
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
    b"var/lib/dpkg/info": "deb",
    b"var/lib/rpm": "rpm",
}


def missing_database(tree: Tree, distro: Distro | None, packages: Iterable[Package]) -> Iterator[Problem]:
    """The problem that no package of the distribution's own kind is installed, if that is so.

    Of a distribution that is not known any system's packages will do. Where none is named, the folder of a database says that there
    were packages.
    """
    if distro is None:
        yield from _emptied(tree, packages)
        return
    known = (_DATABASES.get(name) for name in (distro.id, *distro.id_like))
    wanted = next(filter(None, known), None)
    there = {package.type for package in packages}
    if wanted in there or (wanted is None and there & _SYSTEM):
        return
    what = f"{wanted} packages" if wanted else "packages of a system"
    name = distro.pretty_name or distro.id
    reason = f"the image says that it is {name}, and has no database of {what}: which are installed is not known"
    types = (wanted,) if wanted else tuple(sorted(_SYSTEM))
    yield Problem("", -1, _ROOM, reason, facts=_FACTS, types=types)


def _emptied(tree: Tree, packages: Iterable[Package]) -> Iterator[Problem]:
    there = [folder for folder in sorted(_FOLDERS) if tree.is_folder(folder)]
    if there and not any(package.type in _SYSTEM for package in packages):
        reason = "the folder of a package database is there, and no package in it: which are installed is not known"
        types = tuple(sorted({_FOLDERS[folder] for folder in there}))
        yield Problem("/" + there[0].decode(), -1, _ROOM, reason, facts=_FACTS, types=types)
