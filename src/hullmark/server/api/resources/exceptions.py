"""Exceptions: findings that are accepted for a time. They stay visible, and do not count."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

import msgspec
from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from hullmark.model.errors import HullmarkError
from hullmark.model.expiry import NEVER
from hullmark.policy.values import Expiry, NameGlob
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Cursor, Limit, Page, page, values_in
from hullmark.server.api.problems import not_found, problem
from hullmark.server.api.resources.images import moment
from hullmark.server.api.resources.policies import rejudge_account
from hullmark.server.stories.judging.deadlines import warn_as_made
from hullmark.server.stories.judging.exceptions import ExceptionBody
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.judging import policies


class ExceptionView(msgspec.Struct, kw_only=True):
    """An exception as it is kept."""

    id: UUID
    rule: str
    subject: str
    expires: str
    owner: str
    reason: str
    ticket: str
    policy: str
    images: str
    created_by: str
    created_at: datetime
    ended_at: datetime | None


@post("/exceptions", status_code=201, opt={"permission": "exceptions:write"}, summary="Accept findings for a time")
async def add_exception(
    data: JSONBody[ExceptionBody],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> ExceptionView:
    """Accept the findings of a rule on some subjects until a day or a moment. They stay visible, and do not count."""
    return await accept(services, caller, origin, data)


async def accept(services: Services, caller: Caller, origin: RequestOrigin, data: ExceptionBody) -> ExceptionView:
    """Keep an exception, have all judged again that it may be about, and write down who did it. Raises Refusal or HullmarkError."""
    if not data.owner.strip() or not data.reason.strip():
        raise problem(422, "an exception needs an owner and a reason", "say who answers for it and why")
    try:
        for pattern in (data.subject, data.policy, data.images):
            NameGlob(pattern)
        until = Expiry(data.expires)
        if until.ends == NEVER:
            raise ValueError("its last day is beyond the calendar")
    except ValueError as error:
        raise HullmarkError(f"the exception cannot be used: {error}", advice="correct it") from error
    key = uuid4()
    ends, body = until.ends, {**msgspec.to_builtins(data), "expires": until.text}
    async with services.database.tenant(caller.account_id) as connection:
        await policies.add_exception(connection, caller.account_id, key, body, ends, caller.name)
        await warn_as_made(connection, key, ends, services.clock())
        await audit.record(connection, caller, "exception.add", "exception", str(key), None, body, origin)
        await rejudge_account(connection, caller.account_id, f"exception {key} added")
        found = await policies.exception_by_id(connection, caller.account_id, key)
    if found is None:
        raise not_found(f"exception {key}")
    return _exception(found)


@get("/exceptions", opt={"permission": "exceptions:read"}, summary="The exceptions of the account")
async def list_exceptions(
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    ended: FromQuery[bool] = False,
    as_of: FromQuery[datetime | None] = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[ExceptionView]:
    """Exceptions by id; `ended`: also those that were ended by hand; `as_of`: those that there were at a moment."""
    after = values_in(cursor, UUID)
    async with services.database.tenant(caller.account_id) as connection:
        rows = await policies.exceptions(
            connection, caller.account_id, ended=ended, as_of=moment(as_of), after=after, limit=limit + 1
        )
    found = page(rows, limit, lambda row: row.id)
    return Page(items=[_exception(row) for row in found.items], next=found.next)


@delete("/exceptions/{key:uuid}", status_code=204, opt={"permission": "exceptions:write"}, summary="End an exception")
async def end_exception(
    key: FromPath[UUID],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> None:
    """End an exception now: its findings count again."""
    await end(services, caller, origin, key)


async def end(services: Services, caller: Caller, origin: RequestOrigin, key: UUID) -> None:
    """End an exception, have all judged again that it may be about, and write down who did it. Raises Refusal."""
    async with services.database.tenant(caller.account_id) as connection:
        if not await policies.end_exception(connection, caller.account_id, key):
            raise not_found(f"exception {key}")
        await audit.record(connection, caller, "exception.end", "exception", str(key), None, None, origin)
        await rejudge_account(connection, caller.account_id, f"exception {key} ended")


def _exception(row: policies.ExceptionRow) -> ExceptionView:
    body = msgspec.to_builtins(msgspec.convert(row.body, ExceptionBody))
    return ExceptionView(id=row.id, created_by=row.created_by, created_at=row.created_at, ended_at=row.ended_at, **body)


ROUTES = [add_exception, list_exceptions, end_exception]
