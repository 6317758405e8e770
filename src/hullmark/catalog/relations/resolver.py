"""What a resolver is: what packages of one ecosystem say that they need → which packages of the same image meet that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from hullmark.catalog.view import View
from hullmark.model.limit import Limit
from hullmark.model.package import Package
from hullmark.model.relation import Relation

MAX_STEPS = Limit(5_000_000, "packages that are tried for what the packages of one ecosystem need")


class OutOfSteps(Exception):
    """A resolver tried as many packages as it may."""


class Steps:
    """Counts what a resolver tries: in a hostile image each package may need a name that each one provides."""

    def __init__(self, most: int = MAX_STEPS) -> None:
        self._left = most

    def take(self, count: int = 1) -> None:
        """Try so many packages. Raises OutOfSteps where that is too much."""
        self._left -= count
        if self._left < 0:
            raise OutOfSteps


class Scene(msgspec.Struct, frozen=True):
    """What a resolver may see: the facts that its cataloger took, all packages of the image, and how much it may try."""

    view: View
    packages: Sequence[Package]
    steps: Steps


class Resolver(msgspec.Struct, frozen=True, kw_only=True):
    """One ecosystem. `cataloger` is the name of the one whose packages and facts it looks at.

    `relate(scene)` yields relations. Their ends may be packages that are not in the inventory, and they may repeat: who asks leaves
    these out. Raises OutOfSteps.
    """

    cataloger: str
    relate: Callable[[Scene], Iterable[Relation]]
