"""Where an image runs, since when, and how well it is kept apart there."""

from __future__ import annotations

from typing import Any

import msgspec

from hullmark.server.api.paging import Page
from hullmark.server.api.resources.places import PlaceView, find_page_of_places
from hullmark.server.console.listing import Column, Listing, ShownPage
from hullmark.server.console.pages.image.opened import OpenedImage, Tab, export_listing
from hullmark.server.tables.places.placements import PlacementFilter


class PlacesView(msgspec.Struct, kw_only=True):
    """The places."""

    places: ShownPage[PlaceView]


_COLUMNS: tuple[Column[PlaceView], ...] = (
    Column("cluster", "Cluster or host", lambda row: row.cluster or row.place or row.platform),
    Column("namespace", "Namespace", lambda row: row.namespace),
    Column("workload", "Workload", lambda row: row.workload or row.container),
    Column("environment", "Environment", lambda row: row.environment),
    Column("verdict", "Verdict", lambda row: row.verdict),
    Column("grade", "Isolation", lambda row: row.grade),
    Column("containers", "Containers", lambda row: row.containers, "number"),
    Column("since", "Since", lambda row: row.since, "time"),
)


async def show(image: OpenedImage) -> Any:
    """The tab."""
    wanted = PlacementFilter(digest=image.row.digest)

    async def fetch(cursor: str, limit: int) -> Page[PlaceView]:
        return await find_page_of_places(image.services, image.caller, wanted, limit, cursor)

    listing = Listing(name="places", columns=_COLUMNS, fetch=fetch)
    return export_listing(image.request, listing) or PlacesView(places=await listing.shown(image.request))


TAB = Tab(key="places", title="Runs at", show=show, permission="places:read", needs_analysis=False)
