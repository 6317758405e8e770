"""Which layer brought a package, for databases that every layer rewrites as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from hullmark.rootfs.reads import LocatedFact

F = TypeVar("F")
K = TypeVar("K")


def find_first_layers(
    versions: Sequence[LocatedFact[F]], keys: Callable[[F], Iterable[K]], *, top: int
) -> dict[K, int]:
    """Key → the first layer of the unbroken run, up to the version of layer `top`, whose databases all hold it.

    `versions` are a database's states, bottom layer first; `keys` names the packages of a state. A package that was removed and
    installed again came with the layer that installed it again.
    """
    layers: dict[K, int] = {}
    alive: set[K] | None = None
    for found in reversed(versions):
        if found.layer > top:
            continue
        present = set(keys(found.fact))
        alive = present if alive is None else alive & present
        if not alive:
            break
        layers.update(dict.fromkeys(alive, found.layer))
    return layers
