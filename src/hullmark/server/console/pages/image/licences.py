"""The licences of an image's packages, and how each is known."""

from __future__ import annotations

from typing import Any

import msgspec

from hullmark.model.licences.expressions import in_spdx_terms
from hullmark.server.console.listing import Column, ShownPage
from hullmark.server.console.pages.image.opened import OpenedImage, Tab, export_listing, listing_of
from hullmark.server.stories.images.documents import StoredAnalysis

_EXAMPLES = 6


class LicenceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A licence: how many packages name it, how many of them by a text that was recognised, and some of them."""

    licence: str
    packages: int
    recognised: int
    examples: tuple[str, ...]


class LicencesView(msgspec.Struct, kw_only=True):
    """All licences, most used first, and how many packages name none."""

    licences: ShownPage[LicenceRow]
    count: int
    without: int
    packages: int


_COLUMNS: tuple[Column[LicenceRow], ...] = (
    Column("licence", "Licence", lambda row: row.licence),
    Column("packages", "Packages", lambda row: row.packages, "number"),
    Column("recognised", "By its text", lambda row: row.recognised, "number"),
    Column("examples", "As in", lambda row: ", ".join(row.examples)),
)


async def show(image: OpenedImage) -> Any:
    """The tab."""
    analysis = await image.analysis()
    rows = _rows(analysis)
    listing = listing_of("licences", _COLUMNS, rows)
    packages = analysis.inventory.packages
    return export_listing(image.request, listing) or LicencesView(
        licences=await listing.shown(image.request),
        count=len(rows),
        without=sum(not package.licenses for package in packages),
        packages=len(packages),
    )


def _rows(analysis: StoredAnalysis) -> list[LicenceRow]:
    names: dict[str, list[str]] = {}
    recognised: dict[str, int] = {}
    for package in analysis.inventory.packages:
        found = {evidence.license for evidence in package.license_evidence if evidence.kind == "found"}
        for licence in in_spdx_terms(package.licenses):
            names.setdefault(licence, []).append(package.name)
            recognised[licence] = recognised.get(licence, 0) + (licence in found)
    return sorted(
        (
            LicenceRow(
                licence=licence, packages=len(who), recognised=recognised[licence], examples=tuple(who[:_EXAMPLES])
            )
            for licence, who in names.items()
        ),
        key=lambda row: (-row.packages, row.licence.casefold()),
    )


TAB = Tab(key="licences", title="Licences", show=show)
