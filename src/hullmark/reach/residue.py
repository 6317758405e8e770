"""What is kept of an image when all else goes: files that are reached or unknown, what leads to them, and the records of their packages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hullmark.reach.scene import Scene
from hullmark.reach.verdicts import Verdicts

_ALWAYS = (
    "/etc/os-release", "/usr/lib/os-release", "/etc/debian_version", "/etc/alpine-release", "/etc/redhat-release", "/etc/passwd",
    "/etc/group",
    "/etc/hosts", "/etc/hostname", "/etc/resolv.conf",
)  # fmt: skip
_DATABASES = ("/var/lib/dpkg/status", "/lib/apk/db/installed", "/usr/lib/apk/db/installed")
_OF_DATABASES = (
    "/var/lib/dpkg/status.d/",
    "/var/lib/rpm/",
    "/usr/lib/sysimage/rpm/",
    "/usr/share/rpm/",
    "/var/lib/pacman/local/",
)
_OF_DPKG = re.compile(r"/var/lib/dpkg/info/([^/:]+)(?::\w+)?\.(?:list|md5sums|conffiles)").fullmatch
_RECORDS = ("METADATA", "RECORD", "PKG-INFO", "top_level.txt", "entry_points.txt", "INSTALLER", "WHEEL", "package.json")


def kept_paths(scene: Scene, verdicts: Verdicts) -> tuple[str, ...]:
    """The paths of all files and links that stay, sorted. Links that lead to folders, or nowhere in the image, stay."""
    kept = {
        path for path, record in scene.tree.files.items() if record.type != "dir" and verdicts.of(path) != "unreachable"
    }
    for path in _ALWAYS:
        place = scene.tree.find(path)
        if place.real and not scene.tree.is_folder(place.real):
            kept.update((*place.links, place.real))
    kept.update(_links(scene))
    kept.update(_records(scene, verdicts, kept))
    return tuple(sorted(kept))


def _links(scene: Scene) -> Iterator[str]:
    for path, record in scene.tree.files.items():
        if record.type == "symlink":
            real = scene.tree.find(path).real
            if not real or scene.tree.is_folder(real):
                yield path


def _records(scene: Scene, verdicts: Verdicts, kept: set[str]) -> Iterator[str]:
    """The files by which scanners recognise the packages that stay in part."""
    names = {_name(purl) for purl, paths in verdicts.owners.items() if not kept.isdisjoint(paths)}
    for path, record in scene.tree.files.items():
        if record.type != "file":
            continue
        info = _OF_DPKG(path)
        if path in _DATABASES or path.startswith(_OF_DATABASES) or (info is not None and info[1] in names):
            yield path
    for paths in verdicts.owners.values():
        if not kept.isdisjoint(paths):
            yield from (
                path for path in paths if path.rpartition("/")[2] in _RECORDS and scene.tree.files[path].type == "file"
            )


def _name(purl: str) -> str:
    return purl.partition("?")[0].rpartition("/")[2].partition("@")[0].replace("%2B", "+").replace("%2b", "+")


def kept_names(purls: Iterable[str]) -> frozenset[str]:
    """The names of these packages."""
    return frozenset(map(_name, purls))


def dpkg_status(text: bytes, names: frozenset[str]) -> bytes:
    """A dpkg database (deb-status) with the packages of these names alone."""
    stanzas = text.split(b"\n\n")
    return b"\n\n".join(stanza for stanza in stanzas if _field(stanza, b"Package:") in names or not stanza.strip())


def apk_installed(text: bytes, names: frozenset[str]) -> bytes:
    """An apk database with the packages of these names alone."""
    stanzas = text.split(b"\n\n")
    return b"\n\n".join(stanza for stanza in stanzas if _field(stanza, b"P:") in names or not stanza.strip())


def _field(stanza: bytes, name: bytes) -> str:
    for line in stanza.split(b"\n"):
        if line.startswith(name):
            return line[len(name) :].strip().decode("utf-8", "replace")
    return ""
