"""Now: what is out of compliance, grouped by what brought it about, and whether the server's knowledge is fresh."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency

from hullmark.model.advisory import SEVERITIES
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Page, page, values_in
from hullmark.server.console.listing import Column, Listing, Shown, export, wants_export
from hullmark.server.console.navigation import Entry
from hullmark.server.console.views import render, rights
from hullmark.server.stories.services import Services
from hullmark.server.tables.advisories import snapshots
from hullmark.server.tables.notice.standing_causes import StandingCause, standing_causes

ENTRY = Entry(title="Now", path="now", icon="now", group="watch", permission="notices:read", order=10)

_COLUMNS: tuple[Column[StandingCause], ...] = (
    Column("severity", "Severity", lambda row: SEVERITIES[row.severity]),
    Column("cause", "Cause", lambda row: row.sentence),
    Column("running", "Running", lambda row: row.running, "number"),
    Column("images", "Images", lambda row: row.images, "number"),
    Column("since", "Since", lambda row: row.since, "time"),
)


class NowView(msgspec.Struct, kw_only=True):
    """What the page shows. `advisories_at` is the youngest date in the advisories that count ("": there are none)."""

    causes: Shown[StandingCause]
    advisories_at: str


@get("/{account:str}/now", opt=rights("notices:read"))
async def now_page(
    request: Request[Any, Any, Any], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> Response[Any]:
    """What is out of compliance now."""
    causes = _causes(services, caller)
    if wants_export(request, causes.name):
        return export(request, causes)
    async with services.database.system() as connection:
        current = await snapshots.current(connection)
    view = NowView(causes=await causes.shown(request), advisories_at=current.at)
    return render(request, "pages/now.html", view=view, severities=SEVERITIES)


def _causes(services: Services, caller: Caller) -> Listing[StandingCause]:
    async def fetch(cursor: str, limit: int) -> Page[StandingCause]:
        below = values_in(cursor, tuple[int, int])
        async with services.database.tenant(caller.account_id) as connection:
            rows = await standing_causes(connection, caller.account_id, below=below, limit=limit + 1)
        return page(rows, limit, lambda row: (row.running, row.id))

    return Listing(name="causes", columns=_COLUMNS, fetch=fetch)


ROUTES = [now_page]
