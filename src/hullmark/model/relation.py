"""Relations between packages: which one needs which."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

RelationKind = Literal["depends-on", "development", "optional"]
"""How much a package needs another: it does not work without it; only who develops it does; it works without it, but uses it where
it is there."""


class Relation(msgspec.Struct, frozen=True, order=True, gc=False):
    """One package needs another one, which meets that need. Both are package URLs of one inventory."""

    dependent: str
    dependency: str
    kind: RelationKind = "depends-on"


class WrittenRelation(msgspec.Struct, frozen=True, gc=False):
    """A relation in the JSON of an inventory (`relationships`)."""

    from_: str = msgspec.field(name="from")
    kind: RelationKind
    to: str


def read_back(written: Iterable[WrittenRelation] | None) -> tuple[Relation, ...] | None:
    """The relations of an inventory that was written as JSON; None if it does not have them."""
    return (
        None if written is None else tuple(Relation(relation.from_, relation.to, relation.kind) for relation in written)
    )


def dependencies_of(relations: Iterable[Relation]) -> dict[str, list[str]]:
    """What each package needs, in the order of the relations."""
    found: dict[str, list[str]] = {}
    for relation in relations:
        found.setdefault(relation.dependent, []).append(relation.dependency)
    return found
