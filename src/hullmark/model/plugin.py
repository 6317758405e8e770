"""Plugins: a room lists by name the modules that each hold one; all rooms load theirs through this module."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any


def plugins(package: str, modules: Iterable[str], constant: str) -> Iterator[Any]:
    """The value of a constant in each of a package's modules, in their order.

    A module may hold several, as a tuple under the name's plural (`FEEDS`).
    """
    for name in modules:
        module = import_module(f"{package}.{name}")
        several = getattr(module, f"{constant}S", None)
        yield from (getattr(module, constant),) if several is None else several
