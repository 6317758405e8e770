"""Hullmark's packages beside a native tool's."""

from __future__ import annotations

import json
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from bench.native.answer import ANY, Item
from bench.places import HULLMARK

_DATABASES = frozenset(("deb", "rpm", "apk"))


@dataclass(frozen=True, slots=True)
class Compared:
    """One type in one image. `missing`: the tool lists it and Hullmark does not; `extra`: the reverse."""

    native: frozenset[Item]
    ours: frozenset[Item]
    missing: tuple[Item, ...]
    extra: tuple[Item, ...]


def scan(layout: Path, verb: str = "scan") -> dict[str, Any]:
    """What a user gets of `hullmark scan` (or `files`), every layer read anew."""
    command = [str(HULLMARK), verb, f"oci-dir:{layout}", "--no-cache", "-o", "json"]
    document: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return document


def items_by_type(document: dict[str, Any]) -> dict[str, frozenset[Item]]:
    """The packages of an inventory: an item for each place, or for each architecture where a database lists them."""
    found: dict[str, set[Item]] = defaultdict(set)
    for package in document["packages"]:
        kind = package["type"]
        places = [package["arch"]] if kind in _DATABASES else [location["path"] for location in package["locations"]]
        found[kind].update(Item(_name(package), package["version"], place) for place in places)
    return {kind: frozenset(items) for kind, items in found.items()}


def _name(package: dict[str, Any]) -> str:
    if package["type"] != "maven":
        return str(package["name"])
    path = package["purl"].removeprefix("pkg:maven/").partition("@")[0].partition("?")[0]
    group, _, artifact = path.rpartition("/")
    return f"{unquote(group)}:{unquote(artifact)}"


def compare(native: Iterable[Item], ours: frozenset[Item]) -> Compared:
    """Match both; what the tool does not tell (ANY) is matched by whatever else stands at the place, each once."""
    listed = frozenset(native)
    left, missing = set(ours - listed), []
    for item in sorted(listed - ours):
        fitting = min((other for other in left if _fits(item, other)), default=None)
        if fitting is None:
            missing.append(item)
        else:
            left.remove(fitting)
    return Compared(listed, ours, tuple(missing), tuple(sorted(left)))


def _fits(item: Item, other: Item) -> bool:
    return item.place == other.place and item.name in (ANY, other.name) and item.version in (ANY, other.version)


def distinct(items: Iterable[Item]) -> int:
    """How many different names and versions there are."""
    return len(Counter((item.name, item.version) for item in items))
