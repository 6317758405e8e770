"""Maven's pom.xml (the POM reference 4.0.0) and Gradle's gradle.lockfile: the project itself and its dependencies.

A project inherits from its parent where that stands in the same folder tree; what other repositories would tell is not known.
Build plugins are not dependencies; those for tests are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import Ecosystem, Listing, PackageCollector, is_others, package, packages
from hullmark.catalog.documents import XML_LIMIT, Element, text_of, xml_root
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import Package
from hullmark.rootfs.reads import MIB, LocatedFact, Read, Report

_NAME = "java-lock"
_MAX_TEXT = Limit(512, "characters of one value in a pom.xml of a folder", "shortened")
_MAX_ENTRIES = Limit(20_000, "properties, or dependencies, in a pom.xml of a folder")
_MAX_WORK = Limit(2_000_000, "dependencies that all pom.xml of a folder inherit")
_MAX_PARENTS = Limit(16, "parents above a pom.xml of a folder")
_REFERENCE_DEPTH = 8

_IS_NAME = late(r"[A-Za-z0-9_.-]{1,256}:[A-Za-z0-9_.-]{1,256}").fullmatch
_IS_VERSION = late(r"[^\s\[\](),:/$\x00-\x1f]{1,256}").fullmatch
_EXACT = late(r"\[\s*([^\s\[\](),]+)\s*\]").fullmatch
_REFERENCE = late(r"\$\{([^${}]{1,200})\}")
_LOCKED = late(r"([^:=\s#]{1,256}:[^:=\s]{1,256}):([^:=\s]{1,256})=.*").fullmatch

Coordinates = tuple[str, str, str]
"""Group, artifact, version, as written."""


class Project(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A pom.xml, its references not yet resolved. `parent_path` is the relative path of the parent's pom.xml."""

    own: Coordinates
    parent: Coordinates
    parent_path: str
    properties: tuple[tuple[str, str], ...]
    managed: tuple[Coordinates, ...]
    dependencies: tuple[Coordinates, ...]


# pom.xml


def extract_pom(path: str, body: memoryview, report: Report) -> Project | None:
    """What a pom.xml says of itself, its parent, and its dependencies."""
    root = xml_root(body, report)
    if root is None:
        return None
    if _tag(root) != "project":
        report("it is not a Maven project")
        return None
    parts = {_tag(child): child for child in root}
    parent = _texts(parts.get("parent"), report)
    managed = {_tag(child): child for child in parts.get("dependencyManagement", ())}
    properties = _texts(parts.get("properties"), report)
    project = Project(
        own=_coordinates(_texts(root, report)),
        parent=_coordinates(parent),
        parent_path=parent.get("relativePath", "../pom.xml"),
        properties=tuple(properties.items()),
        managed=_dependencies(managed.get("dependencies"), report),
        dependencies=_dependencies(parts.get("dependencies"), report),
    )
    if not project.own[1]:
        report("the project has no artifactId")
        return None
    return project


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _texts(element: Element | None, report: Report) -> dict[str, str]:
    texts: dict[str, str] = {}
    if element is not None and sum(1 for _ in element) > _MAX_ENTRIES:
        report(f"the project has more than {_MAX_ENTRIES:,} entries in {_tag(element)}; the rest was not read")
    for child in element if element is not None else ():
        if len(texts) < _MAX_ENTRIES:
            texts[_tag(child)] = (child.text or "").strip()[:_MAX_TEXT]
    return texts


def _coordinates(texts: Mapping[str, str]) -> Coordinates:
    return texts.get("groupId", ""), texts.get("artifactId", ""), texts.get("version", "")


def _dependencies(element: Element | None, report: Report) -> tuple[Coordinates, ...]:
    found: dict[Coordinates, None] = {}
    for child in element if element is not None else ():
        if _tag(child) != "dependency":
            continue
        if len(found) == _MAX_ENTRIES:
            report(f"the project has more than {_MAX_ENTRIES:,} dependencies; the rest was not read")
            break
        found[_coordinates(_texts(child, report))] = None
    return tuple(found)


# Projects with what they inherit


def _lineage(found: LocatedFact[Project], projects: Mapping[str, Project]) -> list[Project]:
    """The project and its parents in the tree, nearest first."""
    lineage, path, project, met = [found.fact], found.path, found.fact, {found.path}
    while project.parent[1] and project.parent_path and len(lineage) < _MAX_PARENTS:
        place = _beside(path, project.parent_path)
        above = next((p for p in (place, f"{place}/pom.xml".lstrip("/")) if p in projects), None)
        if above is None or above in met or projects[above].own[1] != project.parent[1]:
            break
        met.add(above)
        path, project = above, projects[above]
        lineage.append(project)
    return lineage


def _beside(path: str, relative: str) -> str:
    """Where a relative path leads, as seen from the folder of `path`; it does not leave the root."""
    done = path.split("/")[:-1]
    for part in relative.replace("\\", "/").split("/"):
        if part == "..":
            done = done[:-1]
        elif part not in ("", "."):
            done.append(part)
    return "/".join(done)


def _properties(lineage: list[Project]) -> dict[str, str]:
    """All properties, the nearest project's first, with its own coordinates."""
    known: dict[str, str] = {}
    for project in reversed(lineage):
        known.update(project.properties)
    nearest = lineage[0]
    for number, key in enumerate(("groupId", "artifactId", "version")):
        inherited = (value for project in lineage for value in (project.own[number], project.parent[number]))
        value = nearest.own[1] if key == "artifactId" else next(filter(None, inherited), "")
        for prefix in ("project.", "pom.", ""):
            known[prefix + key] = value
        known["project.parent." + key] = nearest.parent[number]
    return known


def _resolve_references(text: str, known: Mapping[str, str]) -> str:
    """The text with its `${references}` replaced; empty if one is not known."""
    for _ in range(_REFERENCE_DEPTH):
        if "${" not in text:
            return text
        text = _REFERENCE.sub(lambda match: known.get(match[1], match[0]), text)[:_MAX_TEXT]
    return ""


def _gather(lineage: list[Project], gathering: PackageCollector) -> None:
    known = _properties(lineage)
    managed: dict[str, str] = {}
    for project in reversed(lineage):
        for group, artifact, version in project.managed:
            managed[f"{_resolve_references(group, known)}:{_resolve_references(artifact, known)}"] = version
    own = (known["groupId"], known["artifactId"], known["version"])
    inherited = dict.fromkeys(dependency for project in lineage for dependency in project.dependencies)
    for number, (group, artifact, version) in enumerate((own, *inherited)):
        name = f"{_resolve_references(group, known)}:{_resolve_references(artifact, known)}"
        settled = _resolve_references(version or (managed.get(name, "") if number else ""), known)
        exact = _EXACT(settled)
        settled = exact[1] if exact else settled
        # A range does not say which version will be used.
        gathering.add(name, settled if _IS_VERSION(settled) else None)


# gradle.lockfile


def extract_gradle(path: str, body: memoryview, report: Report) -> Listing | None:
    """The modules that any configuration was resolved to."""
    gathering = PackageCollector(_IS_NAME, _IS_VERSION)
    for line in text_of(body).splitlines():
        line = line.strip()
        locked = _LOCKED(line)
        if locked:
            gathering.add(locked[1], locked[2])
        elif line and line[0] != "#" and not line.startswith("empty="):
            gathering.refuse(line)
    return gathering.finish(report)


def _parts(name: str) -> tuple[str, str]:
    group, _, artifact = name.partition(":")
    return group, artifact


_MAVEN = Ecosystem(type="maven", cataloger=_NAME, parted=_parts, is_short=True)


def assemble(view: View) -> Iterator[Package]:
    """Each project and its dependencies; those without a version known here are there without it."""
    yield from _projects(view)
    yield from packages(view, (GRADLE_LOCK,), _MAVEN)


def _projects(view: View) -> Iterator[Package]:
    found = [pom for pom in view.facts(POM) if not is_others(pom.path)]
    projects = {pom.path: pom.fact for pom in found}
    left: int = _MAX_WORK
    for pom in found:
        lineage = _lineage(pom, projects)
        if len(lineage) == _MAX_PARENTS:
            view.problem(pom.path, f"the project has {_MAX_PARENTS} parents or more; what those above say was not read")
        left -= sum(len(project.managed) + len(project.dependencies) for project in lineage)
        if left < 0:
            view.problem(pom.path, "the projects inherit too much; this one and those after it were not read")
            return
        gathering = PackageCollector(_IS_NAME, _IS_VERSION)
        _gather(lineage, gathering)
        for entry in gathering.finish(partial(view.problem, pom.path)) or ():
            yield package(pom, entry, _MAVEN)


POM: Read[Project] = Read(name="java-pom", fact=Project, extract=extract_pom, globs=("**/pom.xml",), limit=XML_LIMIT)
GRADLE_LOCK: Read[Listing] = Read(
    name="java-gradle-lock",
    fact=Listing,
    extract=extract_gradle,
    globs=("**/gradle.lockfile", "**/buildscript-gradle.lockfile"),
    limit=4 * MIB,
)
CATALOGER = Cataloger(name=_NAME, types=("maven",), reads=(POM, GRADLE_LOCK), assemble=assemble)
