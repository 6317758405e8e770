"""Packages of .NET: a program's deps.json says what each of its libraries depends on, packages.lock.json what NuGet chose for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from hullmark.catalog.languages.dotnet import DEPS, LOCK, NAME, NUGET, PROJECT, Library, purl_of
from hullmark.catalog.relations.listings import relate as relate_listings
from hullmark.catalog.relations.resolver import Resolver, Scene, Steps
from hullmark.model.relation import Relation


def relate(scene: Scene) -> Iterator[Relation]:
    """What a program's own projects need, the program needs: they are parts of it."""
    for found in scene.view.facts(DEPS):
        libraries = {f"{library.name}/{library.version}": library for library in found.fact}
        for library in found.fact:
            for need in _through_projects(library.needs, libraries, scene.steps):
                yield Relation(purl_of(library), purl_of(need))
    yield from relate_listings(scene, (LOCK,), NUGET)


def _through_projects(keys: Iterable[str], libraries: Mapping[str, Library], steps: Steps) -> Iterator[Library]:
    waiting, seen = list(keys), set[str]()
    while waiting:
        key = waiting.pop()
        need = libraries.get(key)
        if need is None or key in seen:
            continue
        steps.take()
        seen.add(key)
        yield need
        if need.kind == PROJECT:
            waiting += need.needs


RESOLVER = Resolver(cataloger=NAME, relate=relate)
