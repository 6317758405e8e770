"""Go modules: a program needs the modules that are built into it.

That is all that Go's build information has (runtime/debug, BuildInfo): which module needs which other one stands in sources only.
"""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.catalog.relations.resolver import Resolver, Scene
from hullmark.model.relation import Relation


def relate(scene: Scene) -> Iterator[Relation]:
    """Each program with its modules."""
    for package in scene.packages:
        if package.type == "golang":
            scene.steps.take(len(package.mains))
            yield from (Relation(main, package.purl) for main in package.mains if main)


RESOLVER = Resolver(cataloger="golang", relate=relate)
