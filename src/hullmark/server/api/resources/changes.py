"""Why the verdicts on an image changed."""

from __future__ import annotations

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Cursor, Limit, Page, cursor_of, values_in
from hullmark.server.api.resources.images import find
from hullmark.server.stories.judging.changes import ChangeSaid, changes_of
from hullmark.server.stories.services import Services


@get(
    "/images/{digest:str}/changes",
    operation_id="list_verdict_changes",
    opt={"permission": "verdicts:read"},
    summary="What made the verdicts on an image change",
)
async def list_changes(
    digest: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    policy: FromQuery[str] = "",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[ChangeSaid]:
    """The changes, the newest first, each with its one cause, what came and went, and who was told. A page may hold fewer than `limit`."""
    row = await find(services, caller, digest)
    found = await changes_of(services, caller.account_id, row.id, policy, values_in(cursor, int), limit)
    return Page(items=found.items, next=cursor_of(found.next) if found.next is not None else None)


ROUTES = [list_changes]
