"""Every verdict that an image ever had, as a strip over time and as a list."""

from __future__ import annotations

from typing import Any

import msgspec
from markupsafe import Markup

from hullmark.server.api.paging import Page, page, values_in
from hullmark.server.console.charts.strip import draw_strip
from hullmark.server.console.listing import Column, Listing, ShownPage
from hullmark.server.console.pages.image.opened import OpenedImage, Tab, export_listing
from hullmark.server.console.verdict_strip import tracks_of
from hullmark.server.tables.judging import verdicts
from hullmark.server.tables.judging.verdicts import VerdictRow

_ON_THE_STRIP = 400


class HistoryView(msgspec.Struct, kw_only=True):
    """The strip of the last verdicts, and all of them."""

    strip: Markup
    history: ShownPage[VerdictRow]


_COLUMNS: tuple[Column[VerdictRow], ...] = (
    Column("at", "At", lambda row: row.at, "time"),
    Column("verdict", "Verdict", lambda row: row.verdict),
    Column("policy", "Policy", lambda row: f"{row.policy} {row.policy_version}"),
    Column("environment", "Environment", lambda row: row.environment),
    Column("stops", "Stops", lambda row: row.stops, "number"),
    Column("warns", "Warns", lambda row: row.warns, "number"),
    Column("cause", "Judged because of", lambda row: row.cause),
    Column("number", "Number", lambda row: row.id, "number"),
)


async def show(image: OpenedImage) -> Any:
    """The tab."""

    async def fetch(cursor: str, limit: int) -> Page[VerdictRow]:
        before = values_in(cursor, int)
        async with image.services.database.tenant(image.caller.account_id) as connection:
            rows = await verdicts.history(
                connection, image.caller.account_id, image.row.id, before=before, limit=limit + 1
            )
        return page(rows, limit, lambda row: row.id)

    listing = Listing(name="history", columns=_COLUMNS, fetch=fetch)
    if (answer := export_listing(image.request, listing)) is not None:
        return answer
    last = (await fetch("", _ON_THE_STRIP)).items
    tracks = tracks_of(last, image.services.clock(), lambda row: f"{image.base}/history/{row.id}")
    return HistoryView(strip=draw_strip("Verdicts over time", tracks), history=await listing.shown(image.request))


TAB = Tab(key="history", title="History", show=show, permission="verdicts:read", needs_analysis=False)
