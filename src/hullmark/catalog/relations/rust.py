"""Rust crates: the list in a program says which crate depends on which (cargo-auditable)."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.catalog.programs.rust import READ, crate_purl
from hullmark.catalog.relations.resolver import Resolver, Scene
from hullmark.model.relation import Relation


def relate(scene: Scene) -> Iterator[Relation]:
    """The relations within each program's list."""
    for found in scene.view.facts(READ):
        purls = [crate_purl(crate) for crate in found.fact]
        for crate, own in zip(found.fact, purls, strict=True):
            scene.steps.take(len(crate.needs))
            yield from (Relation(own, purls[number]) for number in crate.needs)


RESOLVER = Resolver(cataloger="rust", relate=relate)
