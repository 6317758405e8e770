"""Every verdict that an image ever had, as a strip over time and as a list."""

from __future__ import annotations

from typing import Any

import msgspec
from markupsafe import Markup

from hullmark.server.api.paging import Page, page, values_in
from hullmark.server.console.charts.strip import Period, Track, draw_strip
from hullmark.server.console.listing import Column, Listing, Shown
from hullmark.server.console.pages.image.opened import OpenedImage, Tab, exported
from hullmark.server.tables.judging import verdicts
from hullmark.server.tables.judging.verdicts import VerdictRow

_ON_THE_STRIP = 400


class HistoryView(msgspec.Struct, kw_only=True):
    """The strip of the last verdicts, and all of them."""

    strip: Markup
    history: Shown[VerdictRow]


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
    if (answer := exported(image.request, listing)) is not None:
        return answer
    last = (await fetch("", _ON_THE_STRIP)).items
    return HistoryView(
        strip=draw_strip("Verdicts over time", _tracks(image, last)), history=await listing.shown(image.request)
    )


def _tracks(image: OpenedImage, rows: list[VerdictRow]) -> tuple[Track, ...]:
    """For each policy and environment what held from when until when."""
    by_slot: dict[str, list[VerdictRow]] = {}
    for row in sorted(rows, key=lambda row: row.id):
        name = f"{row.policy} · {row.environment or 'everywhere'}" + (" · shadow" if row.is_shadow else "")
        by_slot.setdefault(name, []).append(row)
    now = image.services.clock()
    tracks = []
    for name, slot in sorted(by_slot.items()):
        ends = [*(row.at for row in slot[1:]), now]
        periods = tuple(
            Period(row.verdict, row.at, max(end, row.at), f"{image.base}/history/{row.id}")
            for row, end in zip(slot, ends, strict=True)
        )
        tracks.append(Track(name, periods))
    return tuple(tracks)


TAB = Tab(key="history", title="History", show=show, permission="verdicts:read", needs_analysis=False)
