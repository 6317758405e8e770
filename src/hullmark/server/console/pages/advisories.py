"""Advisories: what counts in an account's images by how severe and how likely it is; and one of them, from its publication to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from markupsafe import Markup

from hullmark.model.advisory import SEVERITIES
from hullmark.model.limit import Limit
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Page, cursor_of, page, values_in
from hullmark.server.api.problems import not_found
from hullmark.server.api.snapshot_cache import snapshot_cache_of
from hullmark.server.console.charts.scatter import Exploitable, Scatter, draw_scatter
from hullmark.server.console.charts.series import Event, Line, TimeSeries, draw_series
from hullmark.server.console.charts.svg import Size, Tone
from hullmark.server.console.listing import Column, Listing, ShownPage, export, wants_export
from hullmark.server.console.navigation import Entry
from hullmark.server.console.timelines import Milestone, milestones
from hullmark.server.console.views import render, rights
from hullmark.server.stories.advisories.advisories import current_snapshot
from hullmark.server.stories.advisories.counts import AdvisoryList, advisories_of
from hullmark.server.stories.advisories.known import KnownVulnerability, known_vulnerability
from hullmark.server.stories.identity.account_address import account_base
from hullmark.server.stories.services import Services
from hullmark.server.tables.advisories import account_advisories, advisory_counts
from hullmark.server.tables.advisories.account_advisories import AdvisoryCause, FixedIn, WeightPoint
from hullmark.server.tables.advisories.advisory_counts import (
    AdvisoryFilter,
    AdvisoryPosition,
    AdvisorySum,
    HeldAdvisory,
)
from hullmark.server.tables.images.holders import images_with_advisory, sets_with_advisory
from hullmark.server.tables.images.names import names_of
from hullmark.server.tables.judging.standing import ImageStanding, standing_of

ENTRY = Entry(title="Advisories", path="advisories", icon="advisory", group="watch", permission="images:read", order=40)
_CAUSES = 20
_DRAWN = Limit(500, "advisories of an account that are drawn, the weightiest", "shortened")
_LONGEST = 500
_TONES: dict[str, Tone] = {
    "critical": "critical",
    "high": "high",
    "medium": "medium",
    "low": "low",
    "negligible": "negligible",
    "unknown": "soft",
}


class AdvisoriesPage(msgspec.Struct, kw_only=True):
    """What the list shows. `scatter` is an SVG of the first `drawn` that are wanted."""

    list: ShownPage[HeldAdvisory]
    advisory_list: AdvisoryList
    wanted: AdvisoryFilter
    sum: AdvisorySum
    scatter: Markup
    drawn: int


_COLUMNS: tuple[Column[HeldAdvisory], ...] = (
    Column("advisory", "Advisory", lambda row: row.name),
    Column("severity", "Severity", lambda row: SEVERITIES[row.severity]),
    Column("cvss", "CVSS", lambda row: row.score, "number"),
    Column("epss", "EPSS", lambda row: row.epss, "number"),
    Column("kev", "Known exploited", lambda row: row.is_exploited),
    Column("images", "Images", lambda row: row.images, "number"),
    Column("live", "Run or tagged", lambda row: row.live, "number"),
    Column("fixable", "Fix", lambda row: row.is_fixable),
    Column("summary", "What it is", lambda row: row.summary),
)


@get("/{account:str}/advisories", opt=rights("images:read"))
async def advisories_page(
    request: Request[Any, Any, Any], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> Response[Any]:
    """The vulnerabilities that count in the account's images, the weightiest first."""
    wanted = _filter_of(request)
    async with services.database.tenant(caller.account_id) as connection:
        advisory_list = await advisories_of(services, connection, caller.account_id)
        first = await advisory_list.page(connection, wanted, None, _DRAWN)
        listing = _listing(services, caller, advisory_list, wanted, first)
        if wants_export(request, listing.name):
            return export(request, listing)
        total = await advisory_list.sum(connection)
    base = f"{account_base(caller.account)}/advisories"
    shown = await listing.shown(request)
    shown.columns = tuple(column for column in shown.columns if column.key != "kev")  # it stands beside the name
    view = AdvisoriesPage(
        list=shown,
        advisory_list=advisory_list,
        wanted=wanted,
        sum=total,
        scatter=draw_scatter(Scatter("CVSS by EPSS", tuple(_point(row, base) for row in first)), Size(900, 320)),
        drawn=len(first),
    )
    return render(request, "pages/advisories.html", view=view, severities=SEVERITIES)


def _filter_of(request: Request[Any, Any, Any]) -> AdvisoryFilter:
    """Which advisories the query asks for."""
    query = request.query_params
    severity = query.get("severity", "")
    return AdvisoryFilter(
        text=query.get("q", "").strip()[:_LONGEST].replace("\0", ""),
        severity=SEVERITIES.index(severity) if severity in SEVERITIES else 0,
        is_exploited=query.get("kev") == "1",
        is_fixable=query.get("fix") == "1",
        is_live=query.get("in") == "live",
    )


def _listing(
    services: Services,
    caller: Caller,
    advisory_list: AdvisoryList,
    wanted: AdvisoryFilter,
    first: Sequence[HeldAdvisory],
) -> Listing[HeldAdvisory]:
    """The list. `first` are the first _DRAWN of it, so that they are not looked for twice."""

    async def fetch(cursor: str, limit: int) -> Page[HeldAdvisory]:
        after: AdvisoryPosition | None = values_in(cursor, AdvisoryPosition)  # type: ignore[arg-type]  # a tuple's type
        if after is None and limit < _DRAWN:
            return page(list(first[: limit + 1]), limit, lambda row: (row.risk, row.name))
        async with services.database.tenant(caller.account_id) as connection:
            rows = await advisory_list.page(connection, wanted, after, limit + 1)
        return page(rows, limit, lambda row: (row.risk, row.name))

    return Listing(name="advisories", columns=_COLUMNS, fetch=fetch)


def _point(row: HeldAdvisory, base: str) -> Exploitable:
    return Exploitable(
        label=row.name,
        cvss=row.score or 0.0,
        epss=row.epss or 0.0,
        tone=_TONES[SEVERITIES[row.severity]],
        kev=row.is_exploited,
        href=f"{base}/{quote(row.name, safe='')}",
    )


class AffectedImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image that has the vulnerability, in which packages, the worst verdict in force on it ("": none), and at how many places it
    runs. `is_live`: it runs, or a tag points to it; `fixed`: what came where its tag pointed, without the vulnerability."""

    digest: str
    name: str
    purls: tuple[str, ...]
    standing: ImageStanding
    is_live: bool
    fixed: FixedIn | None


class AdvisoryPage(msgspec.Struct, kw_only=True):
    """What the page of one vulnerability shows. `trend` is an SVG, empty where there is nothing to draw; `references` are addresses."""

    known: KnownVulnerability
    milestones: list[Milestone]
    images: ShownPage[AffectedImage]
    causes: list[AdvisoryCause]
    trend: Markup
    weights: list[WeightPoint]
    references: list[str]


_IMAGE_COLUMNS: tuple[Column[AffectedImage], ...] = (
    Column("image", "Image", lambda row: row.name or row.digest),
    Column("packages", "Packages", lambda row: " ".join(row.purls), "code"),
    Column("verdict", "Worst verdict", lambda row: row.standing.verdict),
    Column("places", "Runs at", lambda row: row.standing.places, "number"),
    Column("fixed", "Fixed", lambda row: row.fixed.at if row.fixed else None, "time"),
    Column("fixed_in", "Fixed in", lambda row: row.fixed.digest if row.fixed else "", "code"),
)


@get("/{account:str}/advisories/{name:path}", opt=rights("images:read"))
async def advisory_page(
    request: Request[Any, Any, Any],
    name: FromPath[Path],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
) -> Response[Any]:
    """One vulnerability, by any of its ids: when what happened, where it is, what mends it."""
    # A path, since whoever names advisories may put a slash into a name.
    wanted = str(name).removeprefix("/")[:_LONGEST].replace("\0", "")
    images = _images(services, caller, wanted)
    if wants_export(request, images.name):
        return export(request, images)
    known = await _find_vulnerability(request, services, wanted)
    cve = known.cve or wanted
    async with services.database.tenant(caller.account_id) as connection:
        weights = await account_advisories.weights_of(connection, cve)
        causes = await account_advisories.causes_about(connection, caller.account_id, cve, _CAUSES)
        sets = await sets_with_advisory(connection, wanted)
        kept = await advisory_counts.kept_one(connection, caller.account_id, cve)
        counted = kept.images if kept is not None else 0
        end = await account_advisories.end_of(connection, caller.account_id, sets, counted)
    shown = await images.shown(request)
    view = AdvisoryPage(
        known=known,
        milestones=milestones(known, causes, end, kept.live if kept is not None and not end.is_all else None),
        images=shown,
        causes=causes,
        trend=_trend(weights, services.clock()),
        weights=weights,
        references=_references(known),
    )
    return render(request, "pages/advisory.html", view=view)


async def _find_vulnerability(request: Request[Any, Any, Any], services: Services, name: str) -> KnownVulnerability:
    async with services.database.system() as connection:
        snapshot = await current_snapshot(connection)
    known = None
    if snapshot is not None:
        known = await asyncio.to_thread(known_vulnerability, snapshot_cache_of(request.app), snapshot, name)
    if known is None:
        raise not_found(f"advisory {name} among those that count")
    return known


def _images(services: Services, caller: Caller, name: str) -> Listing[AffectedImage]:
    async def fetch(cursor: str, limit: int) -> Page[AffectedImage]:
        after = values_in(cursor, int)
        async with services.database.tenant(caller.account_id) as connection:
            found = await images_with_advisory(connection, caller.account_id, name, after, limit)
            numbers = [row.image_id for row in found.holders]
            called = await names_of(connection, caller.account_id, numbers)
            standing = await standing_of(connection, caller.account_id, numbers)
            live = await account_advisories.live_of(connection, caller.account_id, numbers)
            sets = await sets_with_advisory(connection, name)
            fixed = await account_advisories.fixed_in(connection, caller.account_id, numbers, sets)
        rows = [
            AffectedImage(
                digest=row.digest,
                name=next(iter(called.get(row.image_id, ())), ""),
                purls=row.purls,
                standing=standing.get(row.image_id, ImageStanding()),
                is_live=row.image_id in live,
                fixed=fixed.get(row.image_id),
            )
            for row in found.holders
        ]
        return Page(items=rows, next=cursor_of(found.next) if found.next is not None else None)

    return Listing(name="images", columns=_IMAGE_COLUMNS, fetch=fetch)


def _trend(weights: Sequence[WeightPoint], now: datetime) -> Markup:
    """EPSS since the CVE was met here, to now, with the days on which KEV changed marked."""
    if not weights:
        return Markup()
    times = (*(point.at for point in weights), now.astimezone(UTC))
    known = [None if point.epss is None else 100 * point.epss for point in weights]
    values = (*known, known[-1])
    events = [
        Event(after.at, "Known to be exploited" if after.kev_added else "No longer listed as exploited")
        for before, after in zip((None, *weights[:-1]), weights, strict=True)
        if (before.kev_added if before else None) != after.kev_added
    ]
    line = Line("EPSS", "accent", values)
    return draw_series(
        TimeSeries("EPSS since it was met here", times, (line,), tuple(events), unit="%"), Size(900, 200)
    )


def _references(known: KnownVulnerability) -> list[str]:
    """Addresses on the web, each once; nothing else may become a link."""
    found = (url for source in known.sources for url in source.references)
    return list(dict.fromkeys(url for url in found if url.startswith(("https://", "http://"))))[:30]


ROUTES = [advisories_page, advisory_page]
