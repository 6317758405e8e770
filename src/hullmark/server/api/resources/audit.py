"""The audit log of an account: who changed what."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Cursor, Limit, Page, page, values_in
from hullmark.server.api.problems import Refusal
from hullmark.server.api.resources.images import moment
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.audit import AuditFilter, AuditRow

Word = Annotated[str, QueryParameter(max_length=1200)]


@get("/audit", opt={"permission": "audit:read"}, summary="List changes, the newest first")
async def list_audit(  # noqa: PLR0913 - one parameter a filter
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    action: Word = "",
    actor: Word = "",
    resource_type: Word = "",
    resource: Word = "",
    since: FromQuery[datetime | None] = None,
    before: FromQuery[datetime | None] = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[AuditRow]:
    """Changes in the account. `action` may end in an asterisk; `since` is the first moment, `before` the one after the last."""
    if any("\0" in word for word in (action, actor, resource_type, resource)):
        raise Refusal(400, "a filter holds a NUL", "leave it out")
    wanted = AuditFilter(
        action=action,
        actor=actor,
        resource_type=resource_type,
        resource=resource,
        since=moment(since),
        before=moment(before),
    )
    below = values_in(cursor, int)
    if below is not None and not 0 <= below < 1 << 63:
        raise Refusal(400, "the cursor is not from this list", "begin again without a cursor")
    async with services.database.tenant(caller.account_id) as connection:
        rows = await audit.list_audit(connection, caller.account_id, wanted, below=below, limit=limit + 1)
    return page(rows, limit, lambda row: row.id)


ROUTES = [list_audit]
