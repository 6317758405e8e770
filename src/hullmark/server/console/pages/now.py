"""Now: what is out of compliance, grouped by what brought it about, what will be soon, and whether the server's knowledge is fresh."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from markupsafe import Markup

from hullmark.model.advisory import SEVERITIES
from hullmark.policy.days import moment_in
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Page, cursor_of, page, values_in
from hullmark.server.console.backlog import draw_backlog, first_moment, weightiest
from hullmark.server.console.listing import Column, Listing, ShownPage, export, wants_export
from hullmark.server.console.navigation import Entry
from hullmark.server.console.views import render, rights
from hullmark.server.stories.advisories.advisories import current_snapshot
from hullmark.server.stories.identity.account_address import account_base
from hullmark.server.stories.notice.staleness import Stale, stale_data
from hullmark.server.stories.services import Services
from hullmark.server.tables.database import Connection
from hullmark.server.tables.judging import policies, standing
from hullmark.server.tables.judging.standing import ComplianceLoss, StandingCount, StandingImage
from hullmark.server.tables.notice import transitions
from hullmark.server.tables.notice.latency import BOUNDS, Histogram, latencies
from hullmark.server.tables.notice.standing_causes import StandingCause, standing_causes

ENTRY = Entry(title="Now", path="now", icon="now", group="watch", permission="notices:read", order=10)

PRODUCTION = "production"
"""The environment that is shown first, where one of this name has a policy."""
_SHORT = 10

_COLUMNS: tuple[Column[StandingCause], ...] = (
    Column("severity", "Severity", lambda row: SEVERITIES[row.severity]),
    Column("cause", "Cause", lambda row: row.sentence),
    Column("running", "Running", lambda row: row.running, "number"),
    Column("images", "Images", lambda row: row.images, "number"),
    Column("since", "Since", lambda row: row.since, "time"),
)
_IMAGE: tuple[Column[StandingImage], ...] = (
    Column("image", "Image", lambda row: row.reference or row.digest),
    Column("policy", "Policy", lambda row: row.policy),
    Column("environment", "Environment", lambda row: row.environment),
)
_NEVER_COLUMNS = (
    *_IMAGE,
    Column[StandingImage]("verdict", "Verdict", lambda row: row.verdict),
    Column[StandingImage]("reason", "Why", lambda row: row.reason),
)
_GRACE_COLUMNS = (
    *_IMAGE,
    Column[StandingImage]("until", "May start until", lambda row: row.grace_until, "time"),
    Column[StandingImage]("reason", "In spite of", lambda row: row.reason),
)


class Freshness(msgspec.Struct, frozen=True, kw_only=True):
    """How fresh the server's knowledge is. `data_at` is the youngest date in the advisories ("": there are none); `told_within` are the
    seconds within which nineteen of twenty people knew what had become known (None: nobody was told yet)."""

    data_at: str
    moment: datetime | None
    stale: dict[str, Stale]
    told_within: float | None


class NowView(msgspec.Struct, kw_only=True):
    """What the page shows. `backlog` is an SVG, empty where nothing fell out of compliance lately."""

    environment: str
    environments: list[str]
    count: StandingCount
    causes: ShownPage[StandingCause]
    never: ShownPage[StandingImage]
    graces: ShownPage[StandingImage]
    fresh: Freshness
    backlog: Markup


@get("/{account:str}/now", opt=rights("notices:read"))
async def now_page(
    request: Request[Any, Any, Any], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> Response[Any]:
    """What is out of compliance now, in an environment, or in all (`environment=*`)."""
    async with services.database.tenant(caller.account_id) as connection:
        active = await policies.activations(connection, caller.account_id)
    known = sorted({policy.environment for policy in active if policy.environment and not policy.is_shadow})
    environment = request.query_params.get("environment", PRODUCTION if PRODUCTION in known else "*")[:200]
    wanted = "" if environment == "*" else environment
    lists = _causes(services, caller, wanted), _never(services, caller, wanted), _graces(services, caller, wanted)
    for listing in lists:
        if wants_export(request, listing.name):
            return export(request, listing)
    now = services.clock()
    async with services.database.tenant(caller.account_id) as connection:
        count = await standing.count_standing(connection, caller.account_id, wanted)
        losses = await standing.losses(connection, caller.account_id, wanted, first_moment(now))
        sentences = await _sentences(connection, caller, losses)
    view = NowView(
        environment=environment,
        environments=known,
        count=count,
        causes=await lists[0].shown(request),
        never=await lists[1].shown(request, _SHORT),
        graces=await lists[2].shown(request, _SHORT),
        fresh=await _freshness(services),
        backlog=draw_backlog(losses, sentences, now),
    )
    return render(request, "pages/now.html", view=view, severities=SEVERITIES)


async def _sentences(
    connection: Connection, caller: Caller, losses: list[ComplianceLoss]
) -> dict[int, tuple[str, str]]:
    """The causes that took most, each with its address."""
    found = await transitions.causes(connection, caller.account_id, weightiest(losses))
    base = f"{account_base(caller.account)}/causes"
    return {number: (row.sentence or row.subject, f"{base}/{number}") for number, row in found.items()}


async def _freshness(services: Services) -> Freshness:
    async with services.database.system() as connection:
        snapshot = await current_snapshot(connection)
        stale = await stale_data(connection)
        told = (await latencies(connection))["seen_delivered"]
    data_at = snapshot.data_at if snapshot is not None else ""
    return Freshness(data_at=data_at, moment=moment_in(data_at), stale=stale, told_within=_find_bound(told, 0.95))


def _find_bound(told: Histogram, share: float) -> float | None:
    """The least bound within which a share of all lies; None where there is nothing yet."""
    total = told.counts[-1]
    within = (bound for bound, count in zip(BOUNDS, told.counts, strict=True) if count >= share * total)
    return next(within, math.inf) if total else None


def _causes(services: Services, caller: Caller, environment: str) -> Listing[StandingCause]:
    async def fetch(cursor: str, limit: int) -> Page[StandingCause]:
        below = values_in(cursor, tuple[int, int])
        async with services.database.tenant(caller.account_id) as connection:
            rows = await standing_causes(
                connection, caller.account_id, environment=environment, below=below, limit=limit + 1
            )
        return page(rows, limit, lambda row: (row.running, row.id))

    return Listing(name="causes", columns=_COLUMNS, fetch=fetch)


def _never(services: Services, caller: Caller, environment: str) -> Listing[StandingImage]:
    async def fetch(cursor: str, limit: int) -> Page[StandingImage]:
        after = values_in(cursor, tuple[str, int, int, str])
        async with services.database.tenant(caller.account_id) as connection:
            rows = await standing.never_passed(connection, caller.account_id, environment, after=after, limit=limit + 1)
            is_short = len(rows) <= limit
            last = await standing.looked_until(connection, caller.account_id, environment, after) if is_short else None
        found = page(rows, limit, lambda row: (row.verdict, row.image_id, row.policy_id, row.environment))
        return Page(items=found.items, next=cursor_of(last)) if last is not None else found

    return Listing(name="never", columns=_NEVER_COLUMNS, fetch=fetch, cursor_name="never.cursor")


def _graces(services: Services, caller: Caller, environment: str) -> Listing[StandingImage]:
    async def fetch(cursor: str, limit: int) -> Page[StandingImage]:
        after = values_in(cursor, tuple[datetime, int, int, str])
        async with services.database.tenant(caller.account_id) as connection:
            rows = await standing.ending_graces(
                connection, caller.account_id, environment, after=after, limit=limit + 1
            )
        return page(rows, limit, lambda row: (row.grace_until, row.image_id, row.policy_id, row.environment))

    return Listing(name="graces", columns=_GRACE_COLUMNS, fetch=fetch, cursor_name="graces.cursor")


ROUTES = [now_page]
