"""The front door: whoever comes is led to their first account; and the gallery, where each part of a page stands alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency

from hullmark.server.api.paging import Page
from hullmark.server.api.permissions import SIGNED_IN
from hullmark.server.api.problems import not_found
from hullmark.server.console.listing import Column, Listing
from hullmark.server.console.vendor import ADVICE
from hullmark.server.console.views import render, rights
from hullmark.server.console.visit import Visit
from hullmark.server.tables.images.images import ImageFilter, list_images

_ANYBODY: dict[str, Any] = {"permission": SIGNED_IN, "console": True}


@get("/", opt=_ANYBODY)
async def front_door(visit: NamedDependency[Visit]) -> Response[bytes]:
    """To the first page of the account that the person is in first."""
    return await _first_page(visit)


@get("/{account:str}", opt=rights(SIGNED_IN))
async def account_door(visit: NamedDependency[Visit]) -> Response[bytes]:
    """To the first page of an account."""
    return await _first_page(visit)


async def _first_page(visit: Visit) -> Response[bytes]:
    """Now; where there is no image yet, the page that leads to the first verdict."""
    caller = visit.caller
    if caller.may("images:write"):
        async with visit.services.database.tenant(caller.account_id) as connection:
            if not await list_images(connection, caller.account_id, ImageFilter(), None, 1):
                return visit.back("add")
    return visit.back("now")


@get("/{account:str}/{rest:path}", opt=rights(SIGNED_IN))
async def nowhere() -> Response[bytes]:
    """Every other address."""
    raise not_found("page at this address", "choose one from the menu")


@get("/gallery", opt=_ANYBODY)
async def gallery(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Every part, with made-up values."""
    rows = [("nginx", "1.26.3-3", 12), ("<script>alert(1)</script>", "0", 123_456)]

    async def fetch(_cursor: str, _limit: int) -> Page[tuple[str, str, int]]:
        return Page(items=rows, next="more")

    columns: tuple[Column[tuple[str, str, int]], ...] = (
        Column("name", "Name", lambda row: row[0]),
        Column("version", "Version", lambda row: row[1], "code"),
        Column("files", "Files", lambda row: row[2], "number"),
    )
    table = await Listing(name="parts", columns=columns, fetch=fetch).shown(request)
    return render(request, "pages/gallery.html", table=table, hours=timedelta(hours=1))


@get("/assets", opt=_ANYBODY)
async def assets(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Which third-party files are missing, and what makes them."""
    return render(request, "pages/assets.html", advice=ADVICE)


ROUTES = [front_door, account_door, nowhere, gallery, assets]
