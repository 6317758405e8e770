"""Packages that somebody rebuilds under names of their own, such as Root's (https://root.io): they keep the original's vulnerabilities."""

from __future__ import annotations

from hullmark.model.advisory import Advisory
from hullmark.model.package import Package
from hullmark.model.purl import namespace_of

_PREFIXES = ("rootio-", "@rootio/", "rootio_", "io.root.")
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
    # The name of a Maven package is its artifact; a rebuild is known by its group.
    names = (name, package.name, namespace_of(package.purl))
    return any(map(originals, names)) or _MARK in package.version
