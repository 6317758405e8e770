"""Nix: an object of the store refers to those whose paths its files name (Nix' reference manual, "References").

Objects that are not packages, such as wrappers and environments, stand between some: what they need counts as needed by who needs them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hullmark.catalog.relations.resolver import Resolver, Scene, Steps
from hullmark.catalog.systems.nix import known_to_nix, package_of
from hullmark.catalog.systems.nix_database import DATABASE
from hullmark.model.relation import Relation


def relate(scene: Scene) -> Iterator[Relation]:
    """The relations within each database."""
    for found in scene.view.facts(DATABASE):
        database = known_to_nix(scene.view, found.path)
        purls = {number: purl for number, path in database.paths if (purl := package_of(path)) is not None}
        needs: dict[int, list[int]] = {}
        for one, other in database.refs:
            needs.setdefault(one, []).append(other)
        for number, own in purls.items():
            yield from (
                Relation(own, purls[other]) for other in _find_reachable_packages(number, needs, purls, scene.steps)
            )


def _find_reachable_packages(
    start: int, needs: Mapping[int, Sequence[int]], purls: Mapping[int, str], steps: Steps
) -> Iterator[int]:
    """The packages that an object refers to, itself or through objects that are not packages."""
    seen = {start}
    waiting = [start]
    while waiting:
        others = needs.get(waiting.pop(), ())
        steps.take(len(others))
        for other in others:
            if other not in seen:
                seen.add(other)
                if other in purls:
                    yield other
                else:
                    waiting.append(other)


RESOLVER = Resolver(cataloger="nix", relate=relate)
