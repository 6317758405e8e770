"""Packages that somebody rebuilds under names of their own, such as Root's (https://root.io): they keep the original's vulnerabilities."""

from __future__ import annotations

from hullmark.model.advisory import Advisory
from hullmark.model.package import Package

_PREFIXES = ("rootio-", "@rootio/", "rootio_")
_MARK = "root.io"
_IDS = "ROOT-"


def originals(name: str) -> tuple[str, ...]:
    """The name of what was rebuilt, if this is the name of a rebuild."""
    if not name.startswith(_PREFIXES):
        return ()
    return tuple(name.removeprefix(prefix) for prefix in _PREFIXES if name.startswith(prefix))


def speaks_of(advisory: Advisory, package: Package, name: str) -> bool:
    """Whether a record of what is mended speaks of this build: a rebuilder's only of its own, under whatever name it was found."""
    if not advisory.id.startswith(_IDS):
        return True
    return bool(originals(name)) or bool(originals(package.name)) or _MARK in package.version
