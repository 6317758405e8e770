"""Java archives: the dependencies in the pom.xml that they carry, and the archives in an archive (Maven's POM reference, "Dependencies").

An artifact is looked for in the same outermost file, then in the same folder, then anywhere. An archive needs what is packed into it;
this is stated only of what no pom.xml explains, so that the chain from a program to a library shows who brought it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hullmark.catalog.languages.java import (
    ARCHIVES,
    REPOSITORY_POMS,
    UNPACKED_POMS,
    UNPACKED_PROJECTS,
    archive_pom,
    coordinates_in_repository,
    pom_purl,
)
from hullmark.catalog.languages.java_metadata import Dependency, Pom, dependencies_in
from hullmark.catalog.languages.java_reading import JarFact
from hullmark.catalog.relations.offers import Offers
from hullmark.catalog.relations.resolver import Resolver, Scene
from hullmark.model.relation import Relation, RelationKind

_KINDS: dict[str, RelationKind] = {"compile": "depends-on", "runtime": "depends-on", "provided": "optional"}
"""Scopes whose artifacts a program may need when it runs; what is provided, it expects from the place where it runs."""


class _Coordinates(NamedTuple):
    """How an artifact is looked for."""

    group: str
    name: str
    purl: str


class _Artifact(NamedTuple):
    """An artifact: its package URL, its record, its outermost file, what it is packed into ("": nothing), the class path in the manifest
    of that file, whether its group is a guess, as no pom tells it."""

    purl: str
    pom: Pom
    file: str
    carrier: str
    class_path: str = ""
    is_guessed: bool = False


def relate(scene: Scene) -> Iterator[Relation]:
    """The relations of all artifacts."""
    artifacts = list(_artifacts(scene))
    artifacts += _in_repositories(artifacts, scene)
    offers = _offers(artifacts, scene)
    explained: set[tuple[str, str]] = set()
    for artifact in artifacts:
        own = artifact.purl
        for need in dependencies_in(artifact.pom):
            kind = "optional" if need.optional else _KINDS.get(need.scope)
            for purl in _nearest(need, artifact.file, offers) if need.scope in _KINDS and kind is not None else ():
                if purl != own:
                    explained.add((artifact.file, purl))
                    yield Relation(own, purl, kind or "optional")
    yield from _beside(artifacts, scene)
    for artifact in artifacts:
        own = artifact.purl
        if artifact.carrier and (artifact.file, own) not in explained:
            yield Relation(artifact.carrier, own)


def _artifacts(scene: Scene) -> Iterator[_Artifact]:
    for found in scene.view.facts(ARCHIVES):
        yield from _in_archive(found.fact, found.path, found.path, "")
    for read in (UNPACKED_POMS, UNPACKED_PROJECTS):
        for pom in scene.view.facts(read):
            # Where a web application is unpacked, its folder is what an archive's file is elsewhere.
            yield _Artifact(pom_purl(pom.fact), pom.fact, f"{pom.path.partition('META-INF/')[0]}.", "")


def _in_repositories(artifacts: Iterable[_Artifact], scene: Scene) -> Iterator[_Artifact]:
    """Archives under the names that a Maven repository has for them, with what their poms there require: a distribution's archives have
    none, and are links there."""
    own = {artifact.file: artifact for artifact in artifacts if not artifact.carrier}
    for found in scene.view.facts(REPOSITORY_POMS):
        scene.steps.take()
        names = coordinates_in_repository(found.path)
        artifact = own.get(scene.view.resolve(f"{found.path.removesuffix('.pom')}.jar") or "")
        if artifact is not None and names is not None:
            pom = Pom(*names, artifact.pom.version, requires=found.fact)
            yield artifact._replace(pom=pom, class_path="", is_guessed=False)


def _in_archive(fact: JarFact, path: str, file: str, carrier: str) -> Iterator[_Artifact]:
    itself = archive_pom(fact, path)
    class_path = "" if carrier else fact.manifest.get("Class-Path", "")
    is_guessed = not any(pom.artifact == itself.artifact for pom in fact.poms)
    own = _Artifact(pom_purl(itself), itself, file, carrier, class_path, is_guessed)
    yield own
    for pom in fact.poms:
        if (purl := pom_purl(pom)) != own.purl:
            yield _Artifact(purl, pom, file, own.purl)
    for member, inner in fact.nested:
        yield from _in_archive(inner, member, file, own.purl)


def _offers(artifacts: Iterable[_Artifact], scene: Scene) -> Offers[_Coordinates]:
    offers: Offers[_Coordinates] = Offers(scene.steps)
    for artifact in artifacts:
        group, name = artifact.pom.group, artifact.pom.artifact
        for place in _places(artifact.file):
            for key in (name, ""):
                offers.add(f"{place}\0{group}\0{key}", _Coordinates(group, name, artifact.purl))
            if artifact.is_guessed and group:
                offers.add(f"{place}\0?\0{name}", _Coordinates(group, name, artifact.purl))
    return offers


def _beside(artifacts: Iterable[_Artifact], scene: Scene) -> Iterator[Relation]:
    """The archives that the manifest names as files beside its own (JAR file specification, Class-Path)."""
    own = {artifact.file: artifact.purl for artifact in artifacts if not artifact.carrier}
    for artifact in artifacts:
        folder = artifact.file.rpartition("/")[0]
        for name in artifact.class_path.split():
            scene.steps.take()
            real = scene.view.resolve(f"{folder}/{name}") if name.endswith(".jar") and ":" not in name else None
            if real in own:
                yield Relation(artifact.purl, own[real])


def _places(file: str) -> Iterable[str]:
    """Where an artifact of this file is looked for: in the file, in its folder, anywhere."""
    return file, file.rpartition("/")[0] + "/", ""


def _nearest(need: Dependency, file: str, offers: Offers[_Coordinates]) -> list[str]:
    for place in _places(file):
        if "*" in need.artifact:
            found = _alike(need, place, offers)
        else:
            found = [offer.package for offer in offers.of(f"{place}\0{need.group}\0{need.artifact}")]
            # Archives without any record have only the name of their file.
            found = found or [offer.package for offer in offers.of(f"{place}\0\0{need.artifact}")]
            # A guessed group may be one that the real one is a part of, or the other way round.
            guesses = (offer.package for offer in offers.of(f"{place}\0?\0{need.artifact}"))
            found = found or [guess for guess in guesses if _is_near(guess.group, need.group)]
        if found:
            return [guess.purl for guess in found]
    return []


def _is_near(one: str, other: str) -> bool:
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def _alike(need: Dependency, place: str, offers: Offers[_Coordinates]) -> list[_Coordinates]:
    """The artifacts of the group whose name fits, if they are versions of one."""
    start, _, rest = need.artifact.partition("*")
    ends = re.compile(".*" + ".*".join(map(re.escape, rest.split("*")))).fullmatch
    found = [
        offer.package
        for offer in offers.of(f"{place}\0{need.group}\0")
        if offer.package.name.startswith(start) and ends(offer.package.name[len(start) :])
    ]
    return found if len({guess.name for guess in found}) == 1 else []


RESOLVER = Resolver(cataloger="java", relate=relate)
