"""Collectors: who tells what runs in which cluster, on which host."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency

from hullmark.server.api.resources import places
from hullmark.server.api.resources.places import CollectorView
from hullmark.server.console.forms import fields_of
from hullmark.server.console.listing import Column, export, wants_export
from hullmark.server.console.pages.admin import show
from hullmark.server.console.views import rights
from hullmark.server.console.visit import Visit
from hullmark.server.stories.notice.links import root_of

_COLUMNS: tuple[Column[CollectorView], ...] = (
    Column("name", "Cluster or host", lambda row: row.name),
    Column("platform", "Platform", lambda row: row.platform),
    Column("places", "Places", lambda row: row.places, "number"),
    Column("reported", "Last heard of", lambda row: row.reported_at, "time"),
    Column("listed", "Last whole list", lambda row: row.listed_at, "time"),
    Column("actions", "", lambda row: row.ended_at),
)
_END = "images:write"  # as the API has it: whoever says that a place is no more
_DONE = {"ended": "Nothing counts as running there any more."}


@get("/{account:str}/admin/collectors", opt=rights("places:read"))
async def collectors_page(visit: NamedDependency[Visit]) -> Response[Any]:
    """Who was heard of, and when."""
    listing = visit.listing("collectors", _COLUMNS, places.list_collectors)
    if wants_export(visit.request, listing.name):
        return export(visit.request, listing)
    root = root_of(visit.services.settings)
    shown = await listing.shown(visit.request)
    return show(visit, "collectors", done=_DONE, collectors=shown, root=root, end_needs=_END)


@post("/{account:str}/admin/collectors/end", opt=rights(_END))
async def end_collector(visit: NamedDependency[Visit]) -> Response[Any]:
    """A cluster or host is no more."""
    given = await fields_of(visit.request)
    await visit.do(places.end_collector, platform=given.word("platform"), name=given.word("name"))
    return visit.back("admin/collectors", "ended")


ROUTES = [collectors_page, end_collector]
