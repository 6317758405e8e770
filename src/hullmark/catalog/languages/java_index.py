"""Archives without a pom under the names that an index has for their digests.

The index counts where an archive's manifest or file name say otherwise: it knows the very bytes, they are whatever somebody wrote. A pom
in the archive counts before the index, which is not asked then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from hullmark.model.jar import IDENTIFIED, SHA1, JarIndex, JarName
from hullmark.model.package import UNKNOWN_VERSION, Package
from hullmark.model.problem import Problem
from hullmark.model.purl import make_purl, namespace_of

_ROOM = "java"


class NamedJars(NamedTuple):
    """Packages under their names in the index; the new package URLs of those that were renamed, and notes of what was contradicted."""

    packages: list[Package]
    purls: Mapping[str, tuple[str, ...]]
    problems: tuple[Problem, ...]


def named_by_index(packages: Iterable[Package], index: JarIndex) -> NamedJars:
    """The packages; archives that the index knows have their names and versions from it."""
    packages = list(packages)
    digests = {package.notes[SHA1] for package in packages if package.type == "maven" and SHA1 in package.notes}
    names = index.named(digests) if digests else {}
    found: list[Package] = []
    renamed: dict[str, set[str]] = {}
    problems: set[Problem] = set()
    for package in packages:
        name = names.get(package.notes.get(SHA1, "")) if package.type == "maven" else None
        made = _identify_package(package, name, index.title) if name is not None else package
        found.append(made)
        renamed.setdefault(package.purl, set()).add(made.purl)
        if name is not None and (other := _contradiction(package, name)):
            place = package.locations[0]
            reason = f"{index.title} names this archive {name}; its manifest or file name say {other}; the index counts"
            problems.add(Problem(place.path, place.layer, _ROOM, reason, "note"))
    purls = {purl: tuple(sorted(new)) for purl, new in renamed.items() if new != {purl}}
    return NamedJars(found, purls, tuple(sorted(problems)))


def _identify_package(package: Package, name: JarName, title: str) -> Package:
    other = _contradiction(package, name)
    said = f"{title} (sha1 {package.notes[SHA1]})" + (f"; its manifest or file name say {other}" if other else "")
    return replace(
        package,
        name=name.artifact,
        version=name.version,
        purl=make_purl("maven", name.artifact, name.version, namespace=name.group),
        notes={**package.notes, IDENTIFIED: said},
    )


def _contradiction(package: Package, name: JarName) -> str:
    """What the archive says of itself where that is not what the index says; "" where it says less."""
    group = namespace_of(package.purl)
    version = "" if package.version == UNKNOWN_VERSION else package.version
    is_same = package.name == name.artifact and group in ("", name.group) and version in ("", name.version)
    return "" if is_same else ":".join(filter(None, (group, package.name, version)))
