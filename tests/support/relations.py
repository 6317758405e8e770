"""What a resolver makes of files, without layers: `needs(FILES, dpkg.CATALOGER, dpkg_relations.RESOLVER)`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.relations.resolver import Resolver, Scene, Steps
from hullmark.model.package import Package
from hullmark.model.relation import Relation
from tests.support.views import FakeView


def related(
    files: Mapping[str, bytes],
    cataloger: Cataloger,
    resolver: Resolver,
    links: Mapping[str, str] | None = None,
    more: Sequence[Package] = (),
) -> tuple[list[Package], list[Relation]]:
    """The packages in files, and the relations among them; `more` are packages that other catalogers found."""
    view = FakeView(files, cataloger, links=links)
    packages = list(cataloger.assemble(view))
    known = {package.purl for package in packages}
    found = resolver.relate(Scene(view, (*packages, *more), Steps()))
    return packages, [each for each in found if {each.dependent, each.dependency} <= known]


def named(packages: Iterable[Package], relations: Iterable[Relation]) -> set[tuple[str, str]]:
    """Relations as names of packages; a package does not need itself."""
    names = {package.purl: package.name for package in packages}
    return {
        (names[relation.dependent], names[relation.dependency])
        for relation in relations
        if relation.dependent != relation.dependency
    }


def needs(
    files: Mapping[str, bytes],
    cataloger: Cataloger,
    resolver: Resolver,
    links: Mapping[str, str] | None = None,
    more: Sequence[Package] = (),
) -> list[str]:
    """`a -> b` for each relation, with its kind where it is a choice, the stronger of two; sorted."""
    packages, relations = related(files, cataloger, resolver, links, more)
    names = {package.purl: f"{package.name}@{package.version}" for package in packages}
    kinds: dict[tuple[str, str], str] = {}
    for relation in sorted(relations, reverse=True):
        kinds[names[relation.dependent], names[relation.dependency]] = relation.kind
    return sorted(
        f"{one} -> {other}" + (f" ({kind})" if kind != "depends-on" else "")
        for (one, other), kind in kinds.items()
        if one != other
    )
