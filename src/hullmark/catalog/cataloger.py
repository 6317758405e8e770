"""What a cataloger is: the files it reads, and how their facts become packages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from typing import Any

import msgspec

from hullmark.catalog.view import View
from hullmark.model.package import OwnedFile, Package
from hullmark.rootfs.reads import Read


class Cataloger(msgspec.Struct, frozen=True, kw_only=True):
    """One ecosystem.

    `assemble(view)` turns the facts at visible paths into packages. `owned(view)` lists the files that those packages' own
    records claim; `named(view, names)` only those whose last segment is among the names, where that is cheaper.
    `system`: its packages are the operating system's, and may own other ecosystems' packages. `types` are the purl types of its
    packages: what may be missing where it could not read something. `optional` are reads that only some requests ask for; without them
    it knows less. `repeats(package, owner)`: whether a package only says again what the system's package that owns its file says; such
    a one is left out.
    """

    name: str
    types: tuple[str, ...]
    reads: tuple[Read[Any], ...]
    assemble: Callable[[View], Iterable[Package]]
    owned: Callable[[View], Iterable[OwnedFile]] | None = None
    named: Callable[[View, Set[str]], Iterable[OwnedFile]] | None = None
    optional: tuple[Read[Any], ...] = ()
    system: bool = False
    repeats: Callable[[Package, Package], bool] | None = None
