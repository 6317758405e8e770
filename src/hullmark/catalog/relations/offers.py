"""Names that packages offer, and which offers meet a need."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Generic, NamedTuple, TypeVar

from hullmark.catalog.relations.resolver import Steps
from hullmark.versions.scheme import InvalidVersion

P = TypeVar("P", bound=Hashable)

_ORDERS: dict[str, tuple[int, ...]] = {
    "<": (-1,),
    "<=": (-1, 0),
    "=": (0,),
    "==": (0,),
    ">=": (0, 1),
    ">": (1,),
}


class Offer(NamedTuple, Generic[P]):
    """A package offers a name in a version ("": in none that could be compared)."""

    package: P
    version: str


class Offers(Generic[P]):
    """Who offers which name."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._by_name: dict[str, dict[Offer[P], None]] = {}

    def add(self, name: str, package: P, version: str = "") -> None:
        """One more offer."""
        self._by_name.setdefault(name, {})[Offer(package, version)] = None

    def of(self, name: str) -> Iterator[Offer[P]]:
        """The offers of a name, in the order in which they were made. Raises OutOfSteps."""
        for offer in self._by_name.get(name, ()):
            self._steps.take()
            yield offer


def compares(compare: Callable[[str, str], int], version: str, operator: str, bound: str) -> bool:
    """Whether `version operator bound` holds; a version that cannot be compared meets no bound."""
    try:
        return compare(version, bound) in _ORDERS[operator]
    except InvalidVersion:
        return version == bound and operator in ("=", "==", "<=", ">=")
