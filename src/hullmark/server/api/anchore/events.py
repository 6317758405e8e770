"""Events, under Anchore's names where it has one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Annotated, Any

import msgspec
from litestar import delete, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from hullmark.model.digest import is_digest
from hullmark.model.errors import HullmarkError
from hullmark.model.reference import parse_reference
from hullmark.report.anchore import events as shapes
from hullmark.report.anchore.events import Event, EventInfo, Events
from hullmark.report.anchore.words import Json
from hullmark.server.api.anchore.failures import make_refusal, missing
from hullmark.server.api.anchore.held import full_tag
from hullmark.server.api.caller import Caller
from hullmark.server.api.permissions import SIGNED_IN
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit, event_pages
from hullmark.server.tables.event_pages import EventQuery
from hullmark.server.tables.events import EventRow

_READ: dict[str, Any] = {"permission": "events:read"}
_WRITE: dict[str, Any] = {"permission": "accounts:write"}
_MOST_PAGES = 100_000
_SERVICE = "apiext"
Moment = Annotated[str, QueryParameter(max_length=100)]


class _EventKind(msgspec.Struct, frozen=True):
    """A kind of events in Anchore's words: type, the type of what it is about, and what is said."""

    type: str
    resource_type: str
    message: str


_NAMES = {
    "image.analysed": _EventKind("user.image.analysis.completed", "image_digest", "Image analysis available"),
    "image.failed": _EventKind("user.image.analysis.failed", "image_digest", "Image analysis failed"),
    "verdict.changed": _EventKind(
        "user.checks.tag.policy_evaluation.update", "image_tag", "Tag policy evaluation updated"
    ),
}


def _find_event_kind(kind: str, resource_type: str = "") -> _EventKind:
    return _NAMES.get(kind) or _EventKind(f"user.{kind}", resource_type, kind.replace(".", " "))


def _make_event_info(account: str, row: EventRow) -> EventInfo:
    named = _find_event_kind(row.kind, row.resource_type)
    reference = str(row.body.get("reference") or "")
    return EventInfo(
        id=str(row.id),
        account=account,
        type=named.type,
        level=row.level,
        message=named.message,
        at=row.at,
        resource_type=named.resource_type,
        resource_id=reference if named.resource_type == "image_tag" and reference else row.resource,
        service=_SERVICE,
        details=row.body,
    )


@get("/events", opt=_READ)
async def list_events(  # noqa: PLR0913 - one parameter a filter
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    source_servicename: FromQuery[str] = "",
    source_hostid: FromQuery[str] = "",
    event_type: FromQuery[str] = "",
    resource_type: FromQuery[str] = "",
    resource_id: FromQuery[str] = "",
    level: FromQuery[str] = "",
    since: Moment = "",
    before: Moment = "",
    page: Annotated[int, QueryParameter(ge=1, le=_MOST_PAGES)] = 1,
    limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
) -> Events:
    """The events of the account, the newest first, a page at a time."""
    if (source_servicename and source_servicename != _SERVICE) or source_hostid:
        return shapes.events([], page, is_last=True)
    if level.lower() not in ("", "info", "error"):
        raise make_refusal(400, f"{level[:50]!r} is not a level", "it is info or error")
    wanted = EventQuery(level=level.lower(), about=_about(resource_id), since=_moment(since), before=_moment(before))
    async with services.database.tenant(caller.account_id) as connection:
        if event_type or resource_type:
            there = await event_pages.kinds_of(connection, caller.account_id)
            wanted = msgspec.structs.replace(wanted, kinds=_select_kinds(there, event_type, resource_type))
        skip = (page - 1) * limit
        rows = await event_pages.event_page(connection, caller.account_id, wanted, skip, limit + 1)
    infos = [_make_event_info(caller.account, row) for row in rows[:limit]]
    return shapes.events(infos, page, is_last=len(rows) <= limit)


def _select_kinds(kinds: Sequence[str], event_type: str, resource_type: str) -> list[str]:
    """The kinds whose name fits the wildcards of a type."""
    return [
        kind
        for kind in kinds
        if (not event_type or fnmatchcase(_find_event_kind(kind).type, event_type))
        and (not resource_type or _find_event_kind(kind, "image").resource_type == resource_type)
    ]


def _about(resource: str) -> str:
    """A tag in full; any other text stays as it is."""
    if not resource or is_digest(resource):
        return resource
    try:
        return full_tag(parse_reference(resource))
    except HullmarkError:
        return resource.replace("\0", "")


def _moment(text: str) -> datetime | None:
    """A time in a request, in UTC if it names no zone. Raises an error of status 400."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError as error:
        raise make_refusal(400, f"{text[:50]!r} is not a moment", "write it as 2026-01-31T12:00:00Z") from error
    if not 1 < found.year < 9999:
        raise make_refusal(400, f"{text[:50]!r} is out of all bounds", "give a moment of the years 2 to 9998")
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


@delete("/events", status_code=200, opt=_WRITE)
async def delete_events(
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    level: FromQuery[str] = "",
    since: Moment = "",
    before: Moment = "",
) -> list[str]:
    """Remove the events of the account, or those within times; answers their ids."""
    wanted = EventQuery(level=level.lower(), since=_moment(since), before=_moment(before))
    async with services.database.system() as connection:
        gone = await event_pages.delete_events(connection, caller.account_id, wanted)
        details = {"count": len(gone), "since": since, "before": before}
        await audit.record(connection, caller, "event.delete", "event", "", details, None, caller.origin)
    return [str(number) for number in gone]


@get("/events/{number:str}", opt=_READ)
async def get_event(
    number: FromPath[str], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> Event:
    """One event."""
    async with services.database.tenant(caller.account_id) as connection:
        row = await event_pages.event_by_id(connection, caller.account_id, _number(number))
    if row is None:
        raise missing(f"event {number[:50]}", "list them")
    return shapes.event(_make_event_info(caller.account, row))


@delete("/events/{number:str}", status_code=200, opt=_WRITE)
async def delete_event(
    number: FromPath[str], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> dict[str, str]:
    """Remove an event."""
    async with services.database.system() as connection:
        gone = await event_pages.delete_events(connection, caller.account_id, EventQuery(), _number(number))
        if not gone:
            raise missing(f"event {number[:50]}", "list them")
        await audit.record(connection, caller, "event.delete", "event", number, {"count": 1}, None, caller.origin)
    return {}


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise missing(f"event {text[:50]}", "list them")
    return int(text)


@get("/event_types", opt={"permission": SIGNED_IN})
async def list_event_types() -> list[Json]:
    """All types of events."""
    return shapes.event_types()


ROUTES = [list_events, delete_events, get_event, delete_event, list_event_types]
