"""Fleet: all places by verdict and by how well they are kept apart; every number leads to the places that it counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast, get_args
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from markupsafe import Markup

from hullmark.model.isolation import GRADES
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Page, page, values_in
from hullmark.server.console.charts.bars import Bars, Part, Row, draw_bars
from hullmark.server.console.charts.heat_map import Cell, HeatMap, HeatRow, draw_heat_map
from hullmark.server.console.charts.svg import HALF, Tone
from hullmark.server.console.listing import Column, Listing, ShownPage, export, wants_export
from hullmark.server.console.navigation import Entry
from hullmark.server.console.pages.placed import grade_of, name_of, places_listing
from hullmark.server.console.views import render, rights
from hullmark.server.stories.places import fleet as stories
from hullmark.server.stories.places.fleet import CountBasis, FleetSummary
from hullmark.server.stories.services import Services
from hullmark.server.tables.database import Connection
from hullmark.server.tables.places import collectors, fleet
from hullmark.server.tables.places.collectors import CollectorRow
from hullmark.server.tables.places.fleet import UNTOLD, FleetFilter, FleetGroup, GroupPosition, Level

ENTRY = Entry(title="Fleet", path="fleet", icon="fleet", group="inventory", permission="places:read", order=20)

VERDICTS: tuple[tuple[str, str, Tone], ...] = (
    ("stop", "stop", "stop"),
    ("unknown", "unknown", "unknown"),
    ("warn", "warn", "warn"),
    ("go", "go", "go"),
    ("", "not judged", "soft"),
)
"""From the worst: as it is kept, as it is written, and its colour."""
GRADE_NAMES: tuple[tuple[int, str], ...] = (*enumerate(GRADES), (UNTOLD, "not told"))
_TABS = ("map", "places", "collectors")
_MOST_CHOICES = 200
_ON_THE_MAP = 30
_MAP_WIDTH, _BAR_WIDTH = HALF, 960.0
_MOST_ENVIRONMENTS = 20


class FleetView(msgspec.Struct, kw_only=True):
    """What the page shows. `table` is what the tab lists; `by_environment` is empty where places have one environment or none."""

    tab: str
    wanted: FleetFilter
    level: Level
    counting: CountBasis
    summary: FleetSummary
    by_verdict: Markup
    by_group: Markup
    by_environment: Markup
    table: ShownPage[Any]
    choices: dict[str, list[str]]


@get("/{account:str}/fleet", opt=rights("places:read"))
async def fleet_page(
    request: Request[Any, Any, Any], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> Response[Any]:
    """The fleet: a map, the list of its places, and who tells of them."""
    tab = request.query_params.get("tab", "map")
    wanted = filter_of(request)
    level = _level(request)
    async with services.database.tenant(caller.account_id) as connection:
        how = await stories.counting(services, connection, caller.account_id)
    listings: dict[str, Listing[Any]] = {
        "map": _groups(services, caller, wanted, level, how.kept),
        "places": places_listing(request, services, caller),
        "collectors": _collectors(services, caller),
    }
    listing = listings[tab if tab in _TABS else "map"]
    if wants_export(request, listing.name):
        return export(request, listing)
    async with services.database.tenant(caller.account_id) as connection:
        summary = await stories.summary(connection, caller.account_id, wanted, how)
        choices = await fleet.choices(connection, caller.account_id, _MOST_CHOICES)
        environments = (
            await _environments(connection, caller.account_id, wanted, how) if listing.name == "groups" else []
        )
    table = await listing.shown(request)
    base = f"{request.url.path}?"
    view = FleetView(
        tab=tab if tab in _TABS else "map",
        wanted=wanted,
        level=level,
        counting=how,
        summary=summary,
        by_verdict=_by_verdict(summary, wanted, base),
        by_group=_by_group(table.rows, level, wanted, base) if listing.name == "groups" else Markup(""),
        by_environment=_by_environment(environments, wanted, base),
        table=table,
        choices=choices,
    )
    return render(
        request, "pages/fleet.html", view=view, verdicts=VERDICTS, grades=GRADE_NAMES, grade_words=dict(GRADE_NAMES),
        place_query=place_query, group_query=group_query, group_sum=group_sum, name_of=name_of, grade_of=grade_of,
        isolations=[*((name, name) for name in GRADES), ("none", "not told")], pairs=lambda names: [(name, name) for name in names],
    )  # fmt: skip


def filter_of(request: Request[Any, Any, Any]) -> FleetFilter:
    """Which places the query asks for."""
    names = ("platform", "cluster", "namespace", "environment")
    return FleetFilter(**{name: request.query_params.get(name, "")[:1000].replace("\0", "") for name in names})


def place_query(wanted: FleetFilter, *, verdict: str | None = None, grade: int | None = None) -> str:
    """The query of the list of places with a verdict and a grade, within what is wanted."""
    values = {"tab": "places", **{name: value for name, value in msgspec.structs.asdict(wanted).items() if value}}
    if verdict is not None:
        values["verdict"] = verdict or "none"
    if grade is not None:
        values["grade"] = "none" if grade == UNTOLD else GRADES[grade]
    return urlencode(values)


def group_query(group: FleetGroup, level: Level, wanted: FleetFilter) -> FleetFilter | None:
    """What is wanted within one group; None for those that a filter cannot name, as places of no environment."""
    if not group.name.strip("/"):
        return None
    if level == "namespace":
        cluster, _, namespace = group.name.rpartition("/")
        return msgspec.structs.replace(wanted, cluster=cluster, namespace=namespace)
    return msgspec.structs.replace(wanted, **{level: group.name})


def group_sum(group: FleetGroup, *, verdict: str | None = None, grade: int | None = None) -> int:
    """How many places of a group have a verdict, a grade, or both."""
    return sum(
        places for found, word, places in group.sums if verdict in (None, word) and (grade is None or grade == found)
    )


def _level(request: Request[Any, Any, Any]) -> Level:
    asked = request.query_params.get("by", "cluster")
    return cast("Level", asked if asked in get_args(Level) else "cluster")


def _by_verdict(summary: FleetSummary, wanted: FleetFilter, base: str) -> Markup:
    """Verdicts by grades, over all that is wanted."""
    rows = []
    for verdict, words, tone in VERDICTS:
        cells = tuple(
            Cell(
                summary.of(verdict, grade),
                tone,
                base + place_query(wanted, verdict=verdict, grade=grade),
                f"{summary.of(verdict, grade):,} places: {words}, {name}",
            )
            for grade, name in GRADE_NAMES
        )
        rows.append(HeatRow(words, cells, base + place_query(wanted, verdict=verdict)))
    columns = tuple(name for _, name in GRADE_NAMES)
    return draw_heat_map(HeatMap("Places by verdict and isolation", columns, tuple(rows)), _MAP_WIDTH)


def _by_group(groups: Any, level: Level, wanted: FleetFilter, base: str) -> Markup:
    """Groups by grades: each cell counts all its places, in the colour of the worst verdict among them."""
    rows = []
    for group in groups[:_ON_THE_MAP]:
        inside = group_query(group, level, wanted)
        cells = tuple(_group_cell(group, grade, inside, base) for grade, _ in GRADE_NAMES)
        rows.append(HeatRow(group.name or "no name", cells, base + place_query(inside) if inside else None))
    columns = tuple(name for _, name in GRADE_NAMES)
    return draw_heat_map(HeatMap(f"Places by {level} and isolation", columns, tuple(rows)), _MAP_WIDTH)


def _group_cell(group: FleetGroup, grade: int, inside: FleetFilter | None, base: str) -> Cell:
    found = [(words, tone, group_sum(group, verdict=verdict, grade=grade)) for verdict, words, tone in VERDICTS]
    there = [(words, tone, places) for words, tone, places in found if places]
    tip = ", ".join(f"{words} {places:,}" for words, _, places in there)
    tone: Tone = there[0][1] if there else "soft"
    href = base + place_query(inside, grade=grade) if inside else None
    return Cell(sum(places for _, _, places in there), tone, href, tip)


async def _environments(
    connection: Connection, account_id: int, wanted: FleetFilter, how: CountBasis
) -> list[FleetGroup]:
    """The environments with most to stop; none where there is nothing to compare."""
    found = await fleet.groups(
        connection, account_id, wanted, "environment", kept=how.kept, after=None, limit=_MOST_ENVIRONMENTS
    )
    return found if len(found) > 1 else []


def _by_environment(environments: Sequence[FleetGroup], wanted: FleetFilter, base: str) -> Markup:
    """A bar for each environment, of its places by their verdicts, those in compliance first."""
    rows = []
    for group in environments:
        inside = group_query(group, "environment", wanted)
        parts = tuple(
            Part(
                words,
                tone,
                group_sum(group, verdict=verdict),
                base + place_query(inside, verdict=verdict) if inside else None,
            )
            for verdict, words, tone in reversed(VERDICTS)
        )
        rows.append(Row(group.name or "none", parts, base + place_query(inside) if inside else None))
    return draw_bars(Bars("Compliance by environment", tuple(rows)), _BAR_WIDTH) if rows else Markup("")


def _groups(services: Services, caller: Caller, wanted: FleetFilter, level: Level, kept: bool) -> Listing[FleetGroup]:
    async def fetch(cursor: str, limit: int) -> Page[FleetGroup]:
        after = values_in(cursor, GroupPosition)  # type: ignore[arg-type]  # a tuple's type
        async with services.database.tenant(caller.account_id) as connection:
            rows = await fleet.groups(
                connection, caller.account_id, wanted, level, kept=kept, after=after, limit=limit + 1
            )
        return page(rows, limit, lambda row: (row.stopped, row.places, row.name))

    return Listing(name="groups", columns=_group_columns(level), fetch=fetch)


def _group_columns(level: Level) -> tuple[Column[FleetGroup], ...]:
    def sum_by_verdict(verdict: str) -> Any:
        return lambda row: group_sum(row, verdict=verdict)

    return (
        Column(level, level.capitalize(), lambda row: row.name),
        Column("places", "Places", lambda row: row.places, "number"),
        *(
            Column(words.replace(" ", "_"), words.capitalize(), sum_by_verdict(verdict), "number")
            for verdict, words, _ in VERDICTS
        ),
        Column("host", "Hardly isolated", lambda row: group_sum(row, grade=0), "number"),
    )


_COLLECTOR_COLUMNS: tuple[Column[CollectorRow], ...] = (
    Column("name", "Cluster or host", lambda row: row.name),
    Column("platform", "Platform", lambda row: row.platform),
    Column("places", "Places", lambda row: row.places, "number"),
    Column("listed_at", "Whole list", lambda row: row.listed_at, "time"),
    Column("reported_at", "Last heard of", lambda row: row.reported_at, "time"),
)


def _collectors(services: Services, caller: Caller) -> Listing[CollectorRow]:
    async def fetch(cursor: str, limit: int) -> Page[CollectorRow]:
        after = values_in(cursor, tuple[str, str])
        async with services.database.tenant(caller.account_id) as connection:
            rows = await collectors.list_collectors(connection, caller.account_id, after, limit + 1)
        return page(rows, limit, lambda row: (row.name, row.platform))

    return Listing(name="collectors", columns=_COLLECTOR_COLUMNS, fetch=fetch)


ROUTES = [fleet_page]
