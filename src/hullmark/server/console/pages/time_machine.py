"""The time machine: two moments beside each other, by what was known then or by what is known today."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from markupsafe import Markup

from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Page, page, values_in
from hullmark.server.api.resources.images import find
from hullmark.server.api.snapshot_cache import snapshot_cache_of
from hullmark.server.console.charts.strip import draw_strip
from hullmark.server.console.fleet_comparison import (
    FleetComparison,
    compare_fleet,
    decisions_in,
    filter_of,
    listing_of,
    minute_after,
)
from hullmark.server.console.listing import Column, Listing, ShownPage, export, wants_export
from hullmark.server.console.navigation import Entry
from hullmark.server.console.verdict_strip import tracks_of
from hullmark.server.console.views import render, rights, with_query
from hullmark.server.stories.judging.hindsight import Pair, known_then, pair_verdicts, with_hindsight
from hullmark.server.stories.services import Services
from hullmark.server.tables.images.images import HeldImage
from hullmark.server.tables.judging import verdicts
from hullmark.server.tables.judging.comparison import Span
from hullmark.server.tables.judging.verdicts import VerdictRow

ENTRY = Entry(title="Time machine", path="time", icon="time", group="watch", permission="verdicts:read", order=60)
_WEEK = timedelta(days=7)
_STEPS = ((1, "day"), (7, "week"), (30, "month"), (90, "three months"))
_MOST_FINDINGS = 200
_ON_THE_STRIP = 200

_HISTORY: tuple[Column[VerdictRow], ...] = (
    Column("at", "Judged", lambda row: row.at, "time"),
    Column("policy", "Policy", lambda row: row.policy),
    Column("version", "Version", lambda row: row.policy_version, "number"),
    Column("environment", "Environment", lambda row: row.environment),
    Column("verdict", "Verdict", lambda row: row.verdict),
    Column("reason", "Reason", lambda row: row.reason),
)


class TimeQuery(msgspec.Struct, kw_only=True):
    """What the address asks for. `wrong` says by field what cannot be read; the usual moment is taken for it."""

    since: datetime
    until: datetime
    image: str
    is_hindsight: bool
    wrong: dict[str, str] = {}


class ImageComparison(msgspec.Struct, kw_only=True):
    """One image at two moments. `hindsight` is what was known beside what today's advisories say, of each moment by policy and environment;
    empty where that is not asked for."""

    image: HeldImage
    pairs: list[Pair]
    hindsight: list[dict[tuple[str, str], Pair]]
    strip: Markup
    history: ShownPage[VerdictRow]


class TimeView(msgspec.Struct, kw_only=True):
    """What the page shows: images that differ, or one image."""

    asked: TimeQuery
    steps: list[tuple[str, str]]
    fleet: FleetComparison | None = None
    comparison: ImageComparison | None = None


@get("/{account:str}/time", opt=rights("verdicts:read"))
async def time_page(
    request: Request[Any, Any, Any], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> Response[Any]:
    """Two moments, of the whole account or of one image."""
    asked = _read_time_query(request, services.clock())
    view = TimeView(asked=asked, steps=_steps(services.clock()))
    if asked.image:
        image = await find(services, caller, asked.image)
        history = _history(services, caller, image)
        if wants_export(request, history.name):
            return export(request, history)
        view.comparison = await _compare_image(request, services, caller, image, asked)
        view.comparison.strip = await _strip(request, services, history)
        view.comparison.history = await history.shown(request)
    else:
        span = Span(asked.since, services.clock() if asked.is_hindsight else asked.until)
        wanted = filter_of(request, span, is_hindsight=asked.is_hindsight)
        changes = listing_of(services, caller, span, wanted)
        if wants_export(request, changes.name):
            return export(request, changes)
        view.fleet = await compare_fleet(request, services, caller, span, wanted)
    return render(
        request,
        "pages/time.html",
        view=view,
        most=_MOST_FINDINGS,
        written=minute_after,
        decisions_in=decisions_in,
    )


def _read_time_query(request: Request[Any, Any, Any], now: datetime) -> TimeQuery:
    query, wrong = request.query_params, dict[str, str]()
    until = _moment(query.get("to", ""), now, "to", wrong)
    since = _moment(query.get("from", ""), until - _WEEK, "from", wrong)
    if since > until:
        since, until = until, since
    image = query.get("image", "").strip()[:2000].replace("\0", "")
    return TimeQuery(since=since, until=until, image=image, is_hindsight=query.get("known") == "today", wrong=wrong)


def _moment(text: str, usual: datetime, name: str, wrong: dict[str, str]) -> datetime:
    """A moment of the query, in UTC where it names no zone."""
    if not text:
        return usual
    try:
        found = datetime.fromisoformat(text)
        if not 1970 <= found.year <= 9000:
            raise ValueError(text)
        return found.astimezone(UTC) if found.tzinfo is not None else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        wrong[name] = f"{text[:40]!r} is not a valid time; write it as 2026-12-31T08:00"
        return usual


def _steps(now: datetime) -> list[tuple[str, str]]:
    """Words for usual spans, and the moment that each begins at."""
    return [(words, (now - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M")) for days, words in _STEPS]


async def _compare_image(
    request: Request[Any, Any, Any], services: Services, caller: Caller, image: HeldImage, asked: TimeQuery
) -> ImageComparison:
    snapshot_cache = snapshot_cache_of(request.app)
    moments = (asked.since, asked.until)
    sides = [await known_then(services, caller.account_id, image, moment) for moment in moments]
    hindsight: list[dict[tuple[str, str], Pair]] = []
    if asked.is_hindsight and image.document:
        later = [await with_hindsight(services, snapshot_cache, caller.account_id, image, moment) for moment in moments]
        for side, judged in zip(sides, later, strict=True):
            found = await asyncio.to_thread(pair_verdicts, snapshot_cache, side, judged)
            hindsight.append({(pair.policy, pair.environment): pair for pair in found})
        sides = later
    pairs = await asyncio.to_thread(pair_verdicts, snapshot_cache, *sides)
    none = ShownPage[VerdictRow](name="history", columns=_HISTORY, rows=(), next="", first="", csv="", json="")
    return ImageComparison(image=image, pairs=pairs, hindsight=hindsight, strip=Markup(), history=none)


async def _strip(request: Request[Any, Any, Any], services: Services, history: Listing[VerdictRow]) -> Markup:
    """The last verdicts over time; each leads to the comparison with the moment at which it was made."""
    rows = (await history.fetch("", _ON_THE_STRIP)).items
    tracks = tracks_of(rows, services.clock(), lambda row: with_query(request, to=minute_after(row.at.astimezone(UTC))))
    return draw_strip("Verdicts over time", tracks)


def _history(services: Services, caller: Caller, image: HeldImage) -> Listing[VerdictRow]:
    async def fetch(cursor: str, limit: int) -> Page[VerdictRow]:
        before = values_in(cursor, int)
        async with services.database.tenant(caller.account_id) as connection:
            rows = await verdicts.history(connection, caller.account_id, image.id, before=before, limit=limit + 1)
        return page(rows, limit, lambda row: row.id)

    return Listing(name="history", columns=_HISTORY, fetch=fetch)


ROUTES = [time_page]
