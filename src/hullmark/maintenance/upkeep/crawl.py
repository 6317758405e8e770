"""How lists of packages are asked for: a crawl yields what it wants to have, and is sent the bytes, or None where there are none."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import NamedTuple

from hullmark.maintenance.upkeep.package_lists import ListedPackage
from hullmark.model.upkeep import RepositoryIndex

is_remote = re.compile(r"https?://", re.IGNORECASE).match
"""Whether a repository is reached by HTTP."""


class Get(NamedTuple):
    """A document that is wanted, and how many bytes of it are taken. `is_optional`: another will do."""

    url: str
    limit: int
    is_optional: bool = False


class Offer(NamedTuple):
    """A package in one list. `priority` is the list's, `root` the address that its files are below ("": not told)."""

    package: ListedPackage
    listing: RepositoryIndex
    priority: int
    root: str = ""


class RepositoryOffers(NamedTuple):
    """All lists, and what they have."""

    indexes: tuple[RepositoryIndex, ...]
    offers: tuple[Offer, ...]


Crawl = Generator[Get, "bytes | None", RepositoryOffers]
