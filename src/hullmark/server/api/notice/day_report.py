"""The numbers of a day: what was seen, told and suppressed, and whether they add up."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from hullmark.notify.quiet import zone_of
from hullmark.server.api.caller import Caller
from hullmark.server.api.problems import problem
from hullmark.server.stories.notice.day_report import Numbers, day_report
from hullmark.server.stories.services import Services


@get("/notice-report", opt={"permission": "notices:read"}, summary="What was seen, told and suppressed on a day")
async def notice_report(
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    day: FromQuery[date | None] = None,
    timezone: Annotated[str, QueryParameter(max_length=100, description="As Europe/Berlin.")] = "UTC",
) -> Numbers:
    """The numbers of a day of a time zone (today, if none is said), each counted by itself; `adds_up` says whether they agree."""
    try:
        zone = zone_of(timezone)
    except ValueError as error:
        raise problem(422, str(error), "write it as Europe/Berlin, or UTC") from error
    wanted = day or services.clock().astimezone(zone).date()
    if not 1 < wanted.year < 9999:
        raise problem(422, f"{wanted.isoformat()} is out of all bounds", "give a day of the years 2 to 9998")
    return await day_report(services.database, caller.account_id, wanted, timezone, zone)


ROUTES = [notice_report]
