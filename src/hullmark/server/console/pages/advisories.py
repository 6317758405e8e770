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
from hullmark.server.api.books import books_of
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Page, cursor_of, values_in
from hullmark.server.api.problems import not_found
from hullmark.server.console.charts.scatter import Exploitable, Scatter, draw_scatter
from hullmark.server.console.charts.series import Event, Line, TimeSeries, draw_series
from hullmark.server.console.charts.svg import Size, Tone
from hullmark.server.console.listing import Column, Listing, ShownPage, export, wants_export
from hullmark.server.console.navigation import Entry
from hullmark.server.console.timelines import Milestone, milestones
from hullmark.server.console.views import render, rights
from hullmark.server.stories.advisories.advisories import current_snapshot
from hullmark.server.stories.advisories.known import KnownVulnerability, known_vulnerability
from hullmark.server.stories.services import Services
from hullmark.server.tables.advisories import account_advisories
from hullmark.server.tables.advisories.account_advisories import AdvisoryCause, HeldAdvisory, Sample, WeightPoint
from hullmark.server.tables.images.holders import images_with_advisory
from hullmark.server.tables.images.names import names_of
from hullmark.server.tables.judging.standing import ImageStanding, standing_of

ENTRY = Entry(title="Advisories", path="advisories", icon="advisory", group="watch", permission="images:read", order=40)
_CAUSES = 20
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
    """What the list shows. `scatter` is an SVG."""

    list: ShownPage[HeldAdvisory]
    sample: Sample
    total: int
    exploited: int
    fixable: int
    scatter: Markup


_COLUMNS: tuple[Column[HeldAdvisory], ...] = (
    Column("advisory", "Advisory", lambda row: row.name),
    Column("severity", "Severity", lambda row: SEVERITIES[row.severity]),
    Column("cvss", "CVSS", lambda row: row.score, "number"),
    Column("epss", "EPSS", lambda row: row.epss, "number"),
    Column("kev", "Known exploited", lambda row: row.is_exploited),
    Column("images", "Images", lambda row: row.images, "number"),
    Column("fixable", "Fix", lambda row: row.fixable),
    Column("summary", "What it is", lambda row: row.summary),
)


@get("/{account:str}/advisories", opt=rights("images:read"))
async def advisories_page(
    request: Request[Any, Any, Any], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> Response[Any]:
    """The vulnerabilities that count in the account's images, the weightiest first."""
    async with services.database.tenant(caller.account_id) as connection:
        sample = await account_advisories.sample(connection, caller.account_id)
        held = await account_advisories.advisories_in(connection, sample.images)
    listing = _listing(held)
    if wants_export(request, listing.name):
        return export(request, listing)
    base = f"/console/{quote(caller.account, safe='')}/advisories"
    view = AdvisoriesPage(
        list=await listing.shown(request),
        sample=sample,
        total=len(held),
        exploited=sum(row.is_exploited for row in held),
        fixable=sum(row.fixable for row in held),
        scatter=draw_scatter(Scatter("CVSS by EPSS", tuple(_point(row, base) for row in held)), Size(900, 320)),
    )
    return render(request, "pages/advisories.html", view=view, severities=SEVERITIES)


def _listing(held: Sequence[HeldAdvisory]) -> Listing[HeldAdvisory]:
    async def fetch(cursor: str, limit: int) -> Page[HeldAdvisory]:
        start = values_in(cursor, int) or 0
        rows = list(held[start : start + limit])
        return Page(items=rows, next=cursor_of(start + limit) if start + limit < len(held) else None)

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
    runs."""

    digest: str
    name: str
    purls: tuple[str, ...]
    standing: ImageStanding


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
    known = await _known(request, services, wanted)
    cve = known.cve or wanted
    async with services.database.tenant(caller.account_id) as connection:
        weights = await account_advisories.weights_of(connection, cve)
        causes = await account_advisories.causes_about(connection, caller.account_id, cve, _CAUSES)
    shown = await images.shown(request)
    view = AdvisoryPage(
        known=known,
        milestones=milestones(known, causes, is_anywhere=bool(shown.rows)),
        images=shown,
        causes=causes,
        trend=_trend(weights, services.clock()),
        weights=weights,
        references=_references(known),
    )
    return render(request, "pages/advisory.html", view=view)


async def _known(request: Request[Any, Any, Any], services: Services, name: str) -> KnownVulnerability:
    async with services.database.system() as connection:
        snapshot = await current_snapshot(connection)
    known = None
    if snapshot is not None:
        known = await asyncio.to_thread(known_vulnerability, books_of(request.app), snapshot, name)
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
        rows = [
            AffectedImage(
                digest=row.digest,
                name=next(iter(called.get(row.image_id, ())), ""),
                purls=row.purls,
                standing=standing.get(row.image_id, ImageStanding()),
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
