"""The front door: whoever comes is led to their first account; and the gallery, where each part of a page stands alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

from litestar import Request, Response, get
from litestar.di import NamedDependency

from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Page
from hullmark.server.api.permissions import SIGNED_IN
from hullmark.server.api.problems import not_found
from hullmark.server.console.listing import Column, Listing
from hullmark.server.console.vendor import ADVICE
from hullmark.server.console.views import redirect, render, rights

_ANYBODY: dict[str, Any] = {"permission": SIGNED_IN, "console": True}


@get("/", opt=_ANYBODY)
async def front_door(caller: NamedDependency[Caller]) -> Response[bytes]:
    """To the page Now of the account that the person is in first."""
    return redirect(f"/console/{quote(caller.account, safe='')}/now")


@get("/{account:str}", opt=rights(SIGNED_IN))
async def account_door(caller: NamedDependency[Caller]) -> Response[bytes]:
    """To the page Now of an account."""
    return redirect(f"/console/{quote(caller.account, safe='')}/now")


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
