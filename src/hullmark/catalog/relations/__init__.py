"""Which package needs which: one resolver an ecosystem. To add one, put its module's name into the line below."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from hullmark.catalog.relations.resolver import OutOfSteps, Resolver, Scene, Steps
from hullmark.model.guard import guard_call
from hullmark.model.inventory import Distro
from hullmark.model.limit import Limit
from hullmark.model.package import Package
from hullmark.model.plugin import plugins
from hullmark.model.problem import Problem
from hullmark.model.relation import Relation
from hullmark.rootfs.entry import LayerRecord
from hullmark.rootfs.tree import Tree
from hullmark.rootfs.tree_view import TreeView

_MAX_RELATIONS = Limit(1_000_000, "relations between the packages of an image")

_MODULES = (
    "dpkg",
    "rpm",
    "apk",
    "nix",
    "python",
    "npm",
    "gem",
    "java",
    "php",
    "dotnet",
    "golang",
    "rust",
    "claims",
    "locks",
)
_OF_OTHERS = {"python-eggs": "python", "graalvm": "claims"}
"""Catalogers whose packages a module looks at that has another one's name."""

RESOLVERS: tuple[Resolver, ...]
"""All of them. A run loads those that the packages of its image call for."""


def __getattr__(name: str) -> Any:
    if name != "RESOLVERS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return tuple(plugins(__name__, _MODULES, "RESOLVER"))


def _called_for(packages: Sequence[Package]) -> Iterator[Resolver]:
    """The resolvers of the catalogers that found packages."""
    catalogers = {package.cataloger for package in packages}
    modules = {_OF_OTHERS.get(name, "locks" if name.endswith("-lock") else name) for name in catalogers}
    return plugins(__name__, (name for name in _MODULES if name in modules), "RESOLVER")


def resolve(
    tree: Tree,
    records: Sequence[LayerRecord],
    distro: Distro | None,
    packages: Sequence[Package],
) -> tuple[tuple[Relation, ...], tuple[Problem, ...]]:
    """The relations between these packages, sorted, without repeats, and what could not be told of them.

    A relation of two packages is of one kind: the strongest that is stated.
    """
    known = {package.purl for package in packages if package.purl}
    kinds: dict[tuple[str, str], Relation] = {}
    problems: list[Problem] = []
    for resolver in _called_for(packages):
        view = TreeView(tree, records, distro, room=ROOM)
        lost = guard_call(
            lambda: _add_relations(resolver, Scene(view, packages, Steps()), known, kinds),  # noqa: B023 - called at once
            lambda error: f"a fault of the program: {type(error).__name__}",
        )
        if lost:
            reason = f"which packages need which is not known of all that {resolver.cataloger} found: {lost}"
            problems.append(Problem("", -1, ROOM, reason))
    return tuple(sorted(kinds.values())), tuple(problems)


ROOM = "relations"
"""What problems with relations are told under."""


def _add_relations(resolver: Resolver, scene: Scene, known: set[str], kinds: dict[tuple[str, str], Relation]) -> str:
    """Add what a resolver finds; returns why some of it is missing, or ""."""
    try:
        for relation in _between(resolver.relate(scene), known):
            ends = relation.dependent, relation.dependency
            if len(kinds) >= _MAX_RELATIONS and ends not in kinds:
                return f"there are more than {_MAX_RELATIONS:,} relations"
            kinds[ends] = min(relation, kinds.get(ends, relation))
    except OutOfSteps:
        return "too many packages may be what others need"
    return ""


def _between(relations: Iterable[Relation], known: set[str]) -> Iterator[Relation]:
    for relation in relations:
        is_known = relation.dependent in known and relation.dependency in known
        if is_known and relation.dependent != relation.dependency:
            yield relation
