"""The coordinates of an inventory and the names they are found by, told anew: what a server keeps is held against them."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from hullmark.advisories.match.coordinates import Coordinate, coordinate_of, list_lookups, package_of
from hullmark.advisories.match.find import channels_in_use
from hullmark.model.inventory import Inventory


def coordinates_in(inventory: Inventory, channels: Collection[str] = ()) -> tuple[Coordinate, ...]:
    """The coordinates of an inventory's packages, without repetition, in the packages' order. `channels` as for `find`."""
    used = tuple(sorted({*channels, *channels_in_use(inventory)}))
    distro = inventory.distro and msgspec.structs.replace(inventory.distro, repositories=())
    return tuple(dict.fromkeys(coordinate_of(package, distro, used) for package in inventory.packages))


def keys_of(coordinate: Coordinate) -> set[tuple[str, str]]:
    """Namespace and name of every look-up that any snapshot could call for."""
    return {(lookup.ask.namespace, lookup.ask.name) for lookup in list_lookups(package_of(coordinate), coordinate)}
