"""Places: a list of what runs where, and one place closely: its image, what its container is granted, and what ran there before."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from hullmark.model.isolation import GRADES
from hullmark.model.verdict import Finding
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Page, page, values_in
from hullmark.server.api.problems import not_found
from hullmark.server.api.resources.places import selector_of
from hullmark.server.console.listing import Column, Listing, ShownPage, export, wants_export
from hullmark.server.console.views import render, rights
from hullmark.server.stories.images.documents import verdict_at
from hullmark.server.stories.places import fleet as stories
from hullmark.server.stories.places.fleet import GrantedHere
from hullmark.server.stories.services import Services
from hullmark.server.tables.database import Connection
from hullmark.server.tables.judging import verdicts
from hullmark.server.tables.judging.verdicts import VerdictRow
from hullmark.server.tables.places import place_history, placements
from hullmark.server.tables.places.fleet import UNTOLD
from hullmark.server.tables.places.placements import PlacementFilter, PlacementRow, Position

_MOST_FINDINGS = 12
_VERDICTS = ("go", "warn", "stop", "unknown", "none")


def grade_of(row: PlacementRow) -> str:
    """The grade of a place in words; "" where nobody told."""
    return GRADES[row.grade] if row.grade is not None else ""


def name_of(row: PlacementRow) -> str:
    """What people call a place: as somebody told it, else its workload."""
    return row.told or "/".join(filter(None, (row.namespace, row.workload.rpartition("/")[2] or row.cluster)))


PLACE_COLUMNS: tuple[Column[PlacementRow], ...] = (
    Column("verdict", "Verdict", lambda row: row.verdict),
    Column("place", "Place", name_of),
    Column("cluster", "Cluster", lambda row: "" if row.told else row.cluster),
    Column("image", "Image", lambda row: row.reference or row.image_digest or row.digest),
    Column("grade", "Isolation", grade_of),
    Column("since", "Since", lambda row: row.since, "time"),
)
_EXPORTED: tuple[Column[PlacementRow], ...] = (
    *PLACE_COLUMNS,
    Column("environment", "", lambda row: row.environment),
    Column("platform", "", lambda row: row.platform),
    Column("namespace", "", lambda row: row.namespace),
    Column("workload", "", lambda row: row.workload),
    Column("container", "", lambda row: row.container),
    Column("digest", "", lambda row: row.image_digest or row.digest),
    Column("containers", "", lambda row: row.containers),
    Column("grade_reason", "", lambda row: row.grade_reason),
)


class PlacedView(msgspec.Struct, kw_only=True):
    """What the page of a place shows. `verdicts` are those in force on its image in its environment, `findings` what stands against
    it: first what concerns its isolation; `granted` is None where nobody told what its container is granted."""

    place: PlacementRow
    name: str
    grade: str
    granted: GrantedHere | None
    verdicts: list[VerdictRow]
    findings: list[Finding]
    history: ShownPage[PlacementRow]


def places_listing(request: Request[Any, Any, Any], services: Services, caller: Caller) -> Listing[PlacementRow]:
    """The places that the query asks for. Raises Refusal for a selector that is not valid."""
    wanted = _read_filter(request)

    async def fetch(cursor: str, limit: int) -> Page[PlacementRow]:
        after = values_in(cursor, Position)  # type: ignore[arg-type]  # a tuple's type
        async with services.database.tenant(caller.account_id) as connection:
            rows = await placements.list_placements(connection, caller.account_id, wanted, after, limit + 1)
        return page(rows, limit, placements.position_of)

    columns = _EXPORTED if request.query_params.get("export") else PLACE_COLUMNS
    return Listing(name="places", columns=columns, fetch=fetch)


def _read_filter(request: Request[Any, Any, Any]) -> PlacementFilter:
    asked = {name: value[:4000].replace("\0", "") for name, value in request.query_params.items()}
    grade, verdict = asked.get("grade", ""), asked.get("verdict", "")
    grades = {name: rank for rank, name in enumerate(GRADES)} | {"none": UNTOLD}
    return PlacementFilter(
        platform=asked.get("platform", ""),
        cluster=asked.get("cluster", ""),
        namespace=asked.get("namespace", ""),
        environment=asked.get("environment", ""),
        selector=selector_of(asked.get("selector", "")),
        grade=grades.get(grade),
        is_exact=True,
        verdict=verdict if verdict in _VERDICTS else "",
    )


@get("/{account:str}/fleet/places/{number:int}", opt=rights("places:read"))
async def placed_page(
    number: FromPath[int],
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
) -> Response[Any]:
    """One place: which image, how well it is kept apart and why, what is missing to better, and what ran there before."""
    async with services.database.tenant(caller.account_id) as connection:
        found = await place_history.placement(connection, caller.account_id, number) if number < 2**63 else None
        if found is None:
            raise not_found("place of this number", "look for it in the fleet")
        granted = await stories.granted_at(connection, caller.account_id, number)
        judged = await _find_verdicts(connection, caller, found)
    history = _history(services, caller, found)
    if wants_export(request, history.name):
        return export(request, history)
    view = PlacedView(
        place=found,
        name=name_of(found),
        grade=grade_of(found),
        granted=granted,
        verdicts=judged,
        findings=await asyncio.to_thread(_findings, services, judged),
        history=await history.shown(request),
    )
    return render(request, "pages/placed.html", view=view, grades=GRADES, grade_of=grade_of)


async def _find_verdicts(connection: Connection, caller: Caller, place: PlacementRow) -> list[VerdictRow]:
    """The verdicts that count at a place; none for who may not see verdicts."""
    if place.image_id is None or "verdicts:read" not in caller.permissions:
        return []
    found = await verdicts.current(connection, caller.account_id, place.image_id)
    return [one for one in found if one.environment in ("", place.environment)]


def _findings(services: Services, judged: list[VerdictRow]) -> list[Finding]:
    """What counts against the image here: what concerns isolation first, then what stops it."""
    found: dict[str, Finding] = {}
    for row in judged:
        for finding in verdict_at(services.objects, row).findings:
            if finding.allowlisted is None and finding.action != "go":
                found.setdefault(finding.trigger_id, finding)
    ordered = sorted(
        found.values(), key=lambda one: (one.gate != "isolation", one.action != "stop", one.gate, one.subject)
    )
    return ordered[:_MOST_FINDINGS]


_HISTORY_COLUMNS: tuple[Column[PlacementRow], ...] = (
    Column("since", "From", lambda row: row.since, "time"),
    Column("until", "Until", lambda row: row.until, "time"),
    Column("image", "Image", lambda row: row.reference or row.digest),
    Column("grade", "Isolation", grade_of),
    Column("containers", "Containers", lambda row: row.containers, "number"),
    Column("verdict", "Verdict now", lambda row: row.verdict),
)


def _history(services: Services, caller: Caller, of: PlacementRow) -> Listing[PlacementRow]:
    async def fetch(cursor: str, limit: int) -> Page[PlacementRow]:
        before = values_in(cursor, int)
        async with services.database.tenant(caller.account_id) as connection:
            rows = await place_history.history(connection, caller.account_id, of, before, limit + 1)
        return page(rows, limit, lambda row: row.id)

    return Listing(name="history", columns=_HISTORY_COLUMNS, fetch=fetch)


ROUTES = [placed_page]
