"""Rebuild plan: what to build anew, in which order, and which findings vanish by that alone; how old images are, how long fixes waited."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from markupsafe import Markup

from hullmark.model.advisory import SEVERITIES
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Page, page, values_in
from hullmark.server.api.problems import not_found
from hullmark.server.console.charts.bars import Bars, Part, Row, draw_bars
from hullmark.server.console.charts.histogram import Bin, Histogram, draw_histogram
from hullmark.server.console.charts.svg import HALF, Size, Tone
from hullmark.server.console.listing import Column, Listing, ShownPage, export, wants_export
from hullmark.server.console.navigation import Entry
from hullmark.server.console.views import render, rights
from hullmark.server.stories.images import rebuild as stories
from hullmark.server.stories.images.rebuild import DatedPlan
from hullmark.server.stories.services import Services
from hullmark.server.tables.images import rebuild_sets
from hullmark.server.tables.images.rebuild_sets import Fixable, FixablePosition, SharedSet, SharingImage
from hullmark.server.tables.images.rebuilds import AGES, FIX_AGES, Rebuild, RebuildPlan, Scope

ENTRY = Entry(
    title="Rebuild plan", path="rebuild", icon="rebuild", group="inventory", permission="images:read", order=50
)

_FIRST = 3
_DRAWN = 10
_OLD = 90  # days
_TONES: tuple[Tone, ...] = ("soft", "negligible", "low", "medium", "high", "critical")
_BAR_WIDTH, _CHART_WIDTH = 900.0, HALF


class PlanView(msgspec.Struct, kw_only=True):
    """What the page shows. `share` is how much of all that rebuilds heal the first of them do, in per cent."""

    scope: Scope
    dated: DatedPlan
    share: int
    old: int
    bars: Markup
    ages: Markup
    fix_ages: Markup
    table: ShownPage[Rebuild]


class SetView(msgspec.Struct, kw_only=True):
    """What the page of one rebuild shows."""

    shared: SharedSet
    fixable: ShownPage[Fixable]
    images: ShownPage[SharingImage]


@get("/{account:str}/rebuild", opt=rights("images:read"))
async def rebuild_page(
    request: Request[Any, Any, Any], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> Response[Any]:
    """What to rebuild first."""
    scope: Scope = "tagged" if request.query_params.get("scope") == "tagged" else "running"
    dated = await stories.rebuild_plan(services, caller.account_id, scope)
    plan = dated.plan
    listing = _rebuilds(plan)
    if wants_export(request, listing.name):
        return export(request, listing)
    steps = {one.id: place for place, one in enumerate(plan.rebuilds, 1)}
    first = sum(sorted((one.healed for one in plan.rebuilds), reverse=True)[:_FIRST])
    shown = await listing.shown(request)
    shown.columns = tuple(column for column in shown.columns if column.key not in _BESIDE)
    view = PlanView(
        scope=scope,
        dated=dated,
        share=round(100 * first / plan.healed) if plan.healed else 0,
        old=sum(plan.ages[AGES.index(_OLD) + 1 : -1]),
        bars=_bars(plan, f"{request.url.path}/"),
        ages=_ages("Images by age", AGES, plan.ages, "images", old=_OLD),
        fix_ages=_ages("Fixes by how long they have waited", FIX_AGES, plan.fix_ages, "findings", old=30),
        table=shown,
    )
    return render(
        request, "pages/rebuild.html", view=view, severities=SEVERITIES, name_of=name_of, first=_FIRST, steps=steps
    )


def name_of(rebuild: Rebuild) -> str:
    """What people recognise a shared layer by: the smallest image that holds it, and how many others do."""
    name = (rebuild.reference or rebuild.digest[:19]).rpartition("/")[2] or rebuild.reference
    return name if rebuild.images == 1 else f"{name} and {rebuild.images - 1:,} more"


def _rebuilds(plan: RebuildPlan) -> Listing[Rebuild]:
    async def fetch(cursor: str, limit: int) -> Page[Rebuild]:
        start = values_in(cursor, int) or 0
        return page(plan.rebuilds[start : start + limit + 1], limit, lambda _: start + limit)

    return Listing(name="rebuilds", columns=_COLUMNS, fetch=fetch)


_BESIDE = ("changeable", "left")
"""Columns that stand in the cells of others."""
_COLUMNS: tuple[Column[Rebuild], ...] = (
    Column("layer", "Rebuild the layer of", name_of),
    Column("vanish", "Vanish", lambda row: f"{sum(row.vanishing)} of {sum(row.findings)}"),
    Column("healed", "In all images", lambda row: row.healed, "number"),
    Column("changeable", "Need a change", lambda row: row.changeable, "number"),
    Column("left", "Have no fix", lambda row: row.left, "number"),
    Column("images", "Images", lambda row: row.images, "number"),
    Column("places", "Places", lambda row: row.places, "number"),
    Column("stopped", "Stopped", lambda row: row.stopped, "number"),
    Column("packages", "Newer packages", lambda row: ", ".join(row.packages)),
)


def _bars(plan: RebuildPlan, base: str) -> Markup:
    """What the rebuilds that heal most do, by severity, the worst first; in the order of the plan."""
    most = sorted((one for one in plan.rebuilds if one.healed), key=lambda one: (-one.healed, one.id))[:_DRAWN]
    places = {one.id: place for place, one in enumerate(plan.rebuilds, 1)}
    rows = [
        Row(
            f"{places[one.id]}. {name_of(one)}",
            tuple(
                Part(SEVERITIES[rank], _TONES[rank], one.vanishing[rank] * one.images)
                for rank in range(len(SEVERITIES) - 1, -1, -1)
            ),
            f"{base}{one.id}",
        )
        for one in sorted(most, key=lambda one: places[one.id])
    ]
    return (
        draw_bars(Bars("Findings that vanish by the rebuilds that heal most", tuple(rows)), _BAR_WIDTH)
        if rows
        else Markup("")
    )


def _ages(title: str, bounds: Sequence[int], counts: Sequence[int], counted: str, *, old: int) -> Markup:
    """A histogram by age; what is older than `old` days is marked."""
    if not any(counts):
        return Markup("")
    names = [f"< {_span(bounds[0])}"]
    names += [f"{_span(low)}–{_span(high)}" for low, high in itertools.pairwise(bounds)]  # noqa: RUF001  a range
    names += [f"> {_span(bounds[-1])}", "no date"]
    starts = (0, *bounds)
    bins = [
        Bin(name, count, "soft" if index == len(names) - 1 else "warn" if starts[index] >= old else "accent")
        for index, (name, count) in enumerate(zip(names, counts, strict=True))
    ]
    return draw_histogram(Histogram(title, tuple(bins), counted), Size(_CHART_WIDTH, 220))


def _span(days: int) -> str:
    if days % 365 == 0:
        return f"{days // 365} y"
    return f"{days // 30} mo" if days % 30 == 0 else f"{days // 7} w" if days % 7 == 0 else f"{days} d"


@get("/{account:str}/rebuild/{number:int}", opt=rights("images:read"))
async def rebuilt_page(
    number: FromPath[int],
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
) -> Response[Any]:
    """One rebuild: the packages that get newer, and the images that it heals."""
    async with services.database.tenant(caller.account_id) as connection:
        shared = await rebuild_sets.shared_set(connection, caller.account_id, number) if 0 < number < 2**63 else None
    if shared is None:
        raise not_found("layer of this number", "look for it in the rebuild plan")
    fixable, images = _fixable(services, caller, number), _images(services, caller, number)
    listings: tuple[Listing[Any], ...] = (fixable, images)
    for listing in listings:
        if request.query_params.get("table") == listing.name and wants_export(request, listing.name):
            return export(request, listing)
    view = SetView(shared=shared, fixable=await fixable.shown(request), images=await images.shown(request))
    return render(request, "pages/rebuild_one.html", view=view, severities=SEVERITIES)


_FIXABLE_COLUMNS: tuple[Column[Fixable], ...] = (
    Column("package", "Package", lambda row: row.name),
    Column("version", "Has", lambda row: row.version, "code"),
    Column("fix_version", "Gets at least", lambda row: row.fix_version, "code"),
    Column("by", "Comes by", lambda row: "rebuilding" if row.is_system else "raising a version"),
    Column("fix_date", "Fixed on", lambda row: row.fix_date),
    Column("severity", "Severity", lambda row: SEVERITIES[row.severity]),
    Column("advisory", "Advisory", lambda row: row.advisory),
)


def _fixable(services: Services, caller: Caller, number: int) -> Listing[Fixable]:
    async def fetch(cursor: str, limit: int) -> Page[Fixable]:
        after = values_in(cursor, FixablePosition)  # type: ignore[arg-type]  # a tuple's type
        async with services.database.tenant(caller.account_id) as connection:
            rows = await rebuild_sets.fixable(connection, number, after, limit + 1)
        return page(rows, limit, lambda row: (row.risk, row.advisory_id, row.package_id))

    return Listing(name="fixable", columns=_FIXABLE_COLUMNS, fetch=fetch)


_IMAGE_COLUMNS: tuple[Column[SharingImage], ...] = (
    Column("verdict", "Verdict", lambda row: row.verdict),
    Column("image", "Image", lambda row: row.reference),
    Column("digest", "Digest", lambda row: row.digest, "code"),
    Column("vanish", "Vanish", lambda row: f"{row.vanishing} of {row.findings}"),
    Column("running", "Runs", lambda row: row.running),
    Column("built", "Built", lambda row: row.created_at, "time"),
)


def _images(services: Services, caller: Caller, number: int) -> Listing[SharingImage]:
    async def fetch(cursor: str, limit: int) -> Page[SharingImage]:
        after = values_in(cursor, int) or 0
        async with services.database.tenant(caller.account_id) as connection:
            rows = await rebuild_sets.sharing_images(connection, caller.account_id, number, after, limit + 1)
        return page(rows, limit, lambda row: row.id)

    return Listing(name="images", columns=_IMAGE_COLUMNS, fetch=fetch, cursor_name="images.cursor")


ROUTES = [rebuild_page, rebuilt_page]
