"""The packages of an image: where each was found, its licences, and which others need it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from hullmark.model.licences.expressions import in_spdx_terms
from hullmark.model.limit import Limit
from hullmark.model.package import Package
from hullmark.server.api.problems import not_found
from hullmark.server.console.listing import Column, ShownPage
from hullmark.server.console.pages.image.opened import OpenedImage, Tab, export_listing, listing_of, narrow
from hullmark.server.stories.images.documents import StoredAnalysis

_MOST_NEIGHBOURS = Limit(200, "packages that need one, or that it needs, shown on its page", "shortened")


class ShownPackage(msgspec.Struct, frozen=True, kw_only=True):
    """A package as a row. `licences` are in SPDX's terms where they tell any; `needed_by`: how many need it; None where nobody looked."""

    package: Package
    licences: tuple[str, ...]
    needed_by: int | None


class Neighbour(msgspec.Struct, frozen=True, order=True):
    """A package that needs another, or that is needed: its purl and how much."""

    purl: str
    kind: str


class PackageView(msgspec.Struct, kw_only=True):
    """One package closely."""

    package: Package
    licences: tuple[str, ...]
    needed_by: list[Neighbour]
    needs: list[Neighbour]
    is_explained: bool


class PackagesView(msgspec.Struct, kw_only=True):
    """The packages that fit the filters."""

    packages: ShownPage[ShownPackage]
    types: list[tuple[str, int]]
    text: str
    type: str
    licence: str


_COLUMNS: tuple[Column[ShownPackage], ...] = (
    Column("name", "Name", lambda row: row.package.name),
    Column("version", "Version", lambda row: row.package.version, "code"),
    Column("type", "Type", lambda row: row.package.type),
    Column("licences", "Licences", lambda row: ", ".join(row.licences)),
    Column("path", "Found at", lambda row: row.package.locations[0].path if row.package.locations else "", "code"),
    Column("layer", "Layer", lambda row: row.package.locations[0].layer if row.package.locations else None, "number"),
    Column("needed_by", "Needed by", lambda row: row.needed_by, "number"),
    Column("purl", "Package URL", lambda row: row.package.purl, "code"),
)


async def show(image: OpenedImage) -> Any:
    """The tab: one package, or all that fit."""
    analysis = await image.analysis()
    if wanted := image.asked("purl", 2000):
        return _one(analysis, wanted)
    text, type_, licence = image.asked("q").casefold(), image.asked("type", 50), image.asked("licence")
    found = [
        package
        for package in analysis.inventory.packages
        if text in package.name.casefold()
        and (not type_ or package.type == type_)
        and (not licence or licence in in_spdx_terms(package.licenses))
    ]
    listing = listing_of("packages", _COLUMNS, _rows(analysis, found))
    return export_listing(image.request, listing) or PackagesView(
        packages=await narrow(image.request, listing, ("purl",)),
        types=sorted(Counter(package.type for package in analysis.inventory.packages).items()),
        text=image.asked("q"),
        type=type_,
        licence=licence,
    )


def _rows(analysis: StoredAnalysis, packages: list[Package]) -> list[ShownPackage]:
    relations = analysis.inventory.relations
    needed = None if relations is None else Counter(relation.dependency for relation in relations)
    return [
        ShownPackage(
            package=package,
            licences=in_spdx_terms(package.licenses),
            needed_by=None if needed is None else needed[package.purl],
        )
        for package in packages
    ]


def _one(analysis: StoredAnalysis, purl: str) -> PackageView:
    package = next((package for package in analysis.inventory.packages if package.purl == purl), None)
    if package is None:
        raise not_found("package of this URL in the image", "choose one from the list")
    relations = analysis.inventory.relations or ()
    needed_by = sorted(
        {Neighbour(relation.dependent, relation.kind) for relation in relations if relation.dependency == purl}
    )
    needs = sorted(
        {Neighbour(relation.dependency, relation.kind) for relation in relations if relation.dependent == purl}
    )
    return PackageView(
        package=package,
        licences=in_spdx_terms(package.licenses),
        needed_by=needed_by[:_MOST_NEIGHBOURS],
        needs=needs[:_MOST_NEIGHBOURS],
        is_explained=analysis.inventory.relations is not None,
    )


TAB = Tab(key="packages", title="Packages", show=show)
