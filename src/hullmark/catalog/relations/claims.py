"""Packages that bills of materials in the image name: their edges are claims too.

A Python distribution needs what the documents in its own folder name (PEP 770) and nothing else there needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hullmark.catalog.claims import DOCUMENT, Claim
from hullmark.catalog.programs.graalvm import PROGRAM
from hullmark.catalog.relations.graph import tops
from hullmark.catalog.relations.resolver import Resolver, Scene
from hullmark.model.relation import Relation

_FOLDER = ".dist-info/sboms/"
_RECORD = ".dist-info/METADATA"


def relate(scene: Scene) -> Iterator[Relation]:
    """The relations within each document, and those with the distribution that brought it."""
    distributions = {
        place.path.removesuffix(_RECORD): package.purl
        for package in scene.packages
        if package.cataloger == "python"
        for place in package.locations
        if place.path.endswith(_RECORD)
    }
    for found in scene.view.facts(DOCUMENT):
        within = _within(found.fact, scene)
        yield from within
        owner = distributions.get("/" + found.path.partition(_FOLDER)[0])
        if owner is not None:
            # The distribution itself is often among them, under its own name: it needs itself then, which says nothing.
            names = (claim.purl for claim in found.fact)
            yield from (Relation(owner, purl) for purl in tops(names, within))


def relate_in_programs(scene: Scene) -> Iterator[Relation]:
    """The relations within the document that GraalVM puts into a native program."""
    for found in scene.view.facts(PROGRAM):
        yield from _within(found.fact, scene)


def _within(claims: Sequence[Claim], scene: Scene) -> list[Relation]:
    scene.steps.take(sum(len(claim.needs) + 1 for claim in claims))
    return [Relation(claim.purl, purl) for claim in claims for purl in claim.needs]


RESOLVERS = (
    Resolver(cataloger="claims", relate=relate),
    Resolver(cataloger="graalvm", relate=relate_in_programs),
)
