"""Plugins: a room lists the modules that hold one each, by name; all rooms load theirs in this one way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any


def plugins(package: str, modules: Iterable[str], constant: str) -> Iterator[Any]:
    """What the modules of a package hold under the name of a constant, in their order.

    A module may hold several, as a tuple under the name's plural (`FEEDS`).
    """
    for name in modules:
        module = import_module(f"{package}.{name}")
        several = getattr(module, f"{constant}S", None)
        yield from (getattr(module, constant),) if several is None else several
