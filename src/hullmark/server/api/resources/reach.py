"""What the start of an image can reach, and what of the image may go."""

from __future__ import annotations

import asyncio

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from hullmark.model.reach import Minimality
from hullmark.server.api.caller import Caller
from hullmark.server.api.formats import render_result
from hullmark.server.api.problems import Refusal
from hullmark.server.api.resources.images import find_analysed_image
from hullmark.server.stories.images.reached import get_minimality
from hullmark.server.stories.images.stored import StoredFacts
from hullmark.server.stories.services import Services
from hullmark.server.tables.advisories import snapshots
from hullmark.server.tables.images.images import HeldImage
from hullmark.server.tables.judging import reports


@get(
    "/images/{digest:str}/minimality",
    operation_id="get_minimality",
    opt={"permission": "images:read", "formats": "minimality", "fails": (409,)},
    summary="What an image's start reaches, and what may go",
)
async def of_image(
    digest: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    format: FromQuery[str] = "json",
) -> Response[bytes]:
    """What `hullmark minimize` writes (json, html, table): packages, programs and the vulnerabilities that count now, each reachable,
    unknown or unreachable, with the shortest way there or the reason. It is worked out when the image is read."""
    row, facts = await find_analysed_image(services, caller, digest)
    return await asyncio.to_thread(
        render_result, "minimality", format, await minimality_of(services, caller, row, facts)
    )


async def minimality_of(services: Services, caller: Caller, row: HeldImage, facts: StoredFacts) -> Minimality:
    """What an image's start reaches, with the advisories that count now. Raises Refusal 409 where nobody looked."""
    name = facts.analysis.reach
    if not name:
        raise _not_looked_for(facts)
    async with services.database.tenant(caller.account_id) as connection:
        has_advisories = (await snapshots.current(connection)).snapshot_id is not None
        found = await reports.counting_advisories(connection, row.id) if has_advisories else None
    inventory = facts.analysis.inventory
    return await asyncio.to_thread(get_minimality, services.objects, name, inventory, found)


def _not_looked_for(facts: StoredFacts) -> Refusal:
    """Why nothing is known: the image tells nothing of its files, or it was read by an earlier version, or the walk broke."""
    if facts.analysis.image.kind == "sbom":
        return Refusal(409, "an SBOM has no files to follow", "add the image itself")
    why = next((problem.reason for problem in facts.analysis.inventory.problems if problem.facts == ("reach",)), "")
    return Refusal(
        409,
        why or "what the image's start reaches was not looked for when it was read",
        "have it analysed again: hullmark image analyse, or POST /api/v1/images/DIGEST/analysis",
    )


ROUTES = [of_image]
