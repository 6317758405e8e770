"""The rebuild plan of an account: made as it is asked for, or by a job and kept where its images are many."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import get_args

import msgspec

from hullmark.model.limit import Limit
from hullmark.server.stories.services import Services
from hullmark.server.tables import jobs
from hullmark.server.tables.images import rebuilds
from hullmark.server.tables.images.rebuilds import RebuildPlan, Scope

PLANNED_AT_ONCE = Limit(
    300, "images that a rebuild is planned for while somebody waits; plans of more are kept", "shortened"
)
_FRESH = timedelta(minutes=5)


class DatedPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan; `at` is when it was made if it was kept (None: now). `is_awaited`: it is being made for the first time."""

    plan: RebuildPlan
    at: datetime | None = None
    is_awaited: bool = False


async def rebuild_plan(services: Services, account_id: int, scope: Scope) -> DatedPlan:
    """The plan of an account's images. One that is kept and is not fresh is made anew by a job."""
    async with services.database.tenant(account_id) as connection:
        if not await rebuilds.has_more_images(connection, account_id, PLANNED_AT_ONCE):
            return DatedPlan(plan=await rebuilds.make_plan(connection, account_id, scope, services.clock()))
        kept = await rebuilds.kept_plan(connection, account_id, scope)
        if kept is None or services.clock() - kept.at > _FRESH:
            await jobs.defer(
                connection, "plan_rebuilds", {"account_id": account_id}, once=f"plan_rebuilds {account_id}"
            )
    if kept is None:
        return DatedPlan(plan=RebuildPlan(), is_awaited=True)
    return DatedPlan(plan=kept.plan, at=kept.at)


async def plan_rebuilds(services: Services, account_id: int) -> None:
    """Make the plans of an account anew, and keep them."""
    for scope in get_args(Scope):
        async with services.database.system() as connection:
            plan = await rebuilds.make_plan(connection, account_id, scope, services.clock())
            await rebuilds.keep_plan(connection, account_id, scope, plan, services.clock())
