"""Silences: what nobody is told about for a time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from hullmark.model.limit import Limit as Bound
from hullmark.model.notice import TRANSITION_KINDS
from hullmark.policy.values import NameGlob
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Cursor, Limit, Page, page, values_in
from hullmark.server.api.problems import Refusal, not_found, problem
from hullmark.server.api.resources.images import moment
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.notice import silences
from hullmark.server.tables.notice.silences import NewSilence, SilenceRow

_READ: dict[str, Any] = {"permission": "notices:read"}
_WRITE: dict[str, Any] = {"permission": "notices:write"}
_LONGEST = timedelta(days=366)
_MOST = Bound(500, "silences of an account", "refused")
_MOST_PARTS = Bound(50, "parts of a silence's selector", "refused")


class SilenceBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What nobody is to hear of until `ends_at`: transitions of these kinds (none: all), about references that the selector's wildcards
    fit, by causes whose subject (as CVE-2026-1) fits `subject`. `starts_at`: now, if it is left out."""

    owner: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    ends_at: datetime
    starts_at: datetime | None = None
    selector: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)] = "*"
    kinds: Annotated[
        tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=200)], ...], msgspec.Meta(max_length=100)
    ] = ()
    subject: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)] = "*"


class SilenceView(msgspec.Struct, kw_only=True):
    """A silence as it is kept. `is_in_force`: it holds back right now."""

    id: UUID
    owner: str
    reason: str
    starts_at: datetime
    ends_at: datetime
    selector: str
    kinds: tuple[str, ...]
    subject: str
    is_in_force: bool
    created_by: str
    created_at: datetime
    ended_at: datetime | None


def checked_kinds(kinds: Iterable[str]) -> tuple[str, ...]:
    """Kinds of transitions, with wildcards. Raises Refusal for one that fits none."""
    for kind in kinds:
        if not any(NameGlob(kind).matches(known) for known in TRANSITION_KINDS):
            raise problem(422, f"no kind of transition fits {kind!r}", f"there are {', '.join(TRANSITION_KINDS)}")
    return tuple(dict.fromkeys(kinds))


def checked_selector(selector: str) -> str:
    """Wildcards on references, several with commas between. Raises Refusal for what fits nothing."""
    parts = [part.strip() for part in selector.split(",")]
    if not all(parts) or not selector.isprintable() or len(parts) > _MOST_PARTS:
        raise problem(
            422, "the selector cannot be used", "write HOST/REPOSITORY:TAG with * and ?, several with commas between"
        )
    return ",".join(dict.fromkeys(parts))


def _make_silence_view(row: SilenceRow, now: datetime) -> SilenceView:
    values = {name: getattr(row, name) for name in row.__struct_fields__}
    in_force = row.starts_at <= now < row.ends_at and row.ended_at is None
    return SilenceView(**{**values, "kinds": tuple(row.kinds)}, is_in_force=in_force)


def _check_silence(request: SilenceBody, now: datetime) -> NewSilence:
    starts, ends = moment(request.starts_at) or now, moment(request.ends_at)
    assert ends is not None  # noqa: S101 - the request's own check wants it
    if not request.owner.strip() or not request.reason.strip():
        raise problem(422, "a silence needs an owner and a reason", "say who answers for it and why")
    if not all(text.isprintable() for text in (request.owner, request.reason, request.subject)):
        raise problem(422, "a silence's texts are one line each", "leave out what cannot be printed")
    if ends <= max(starts, now):
        raise problem(422, "the silence has ended before it begins", "say until when with ends_at")
    if ends - max(starts, now) > _LONGEST:
        raise problem(422, "a silence lasts a year at most", "change the subscription instead")
    return NewSilence(
        selector=checked_selector(request.selector),
        kinds=checked_kinds(request.kinds),
        subject=request.subject,
        owner=request.owner.strip(),
        reason=request.reason.strip(),
        # What came about before anybody asked for silence was told, or is about to be.
        starts_at=max(starts, now),
        ends_at=ends,
    )


@post("/silences", status_code=201, opt=_WRITE, summary="Have nobody hear of something for a time")
async def add_silence(
    data: JSONBody[SilenceBody],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> SilenceView:
    """Hold messages back. What was held back is not sent later: it stands in GET /transitions, with the silence as the reason."""
    return await silence(services, caller, origin, data)


async def silence(services: Services, caller: Caller, origin: RequestOrigin, data: SilenceBody) -> SilenceView:
    """Keep a silence, and write down who made it. Raises Refusal."""
    now = services.clock()
    wanted = _check_silence(data, now)
    async with services.database.tenant(caller.account_id) as connection:
        there = await silences.list_silences(connection, caller.account_id, now, ended=False, after=None, limit=_MOST)
        if len(there) >= _MOST:
            raise Refusal(409, f"the account has {_MOST} silences already", "end one first")
        row = await silences.add_silence(connection, caller.account_id, wanted, caller.name, now)
        after = _make_silence_view(row, now)
        await audit.record(connection, caller, "silence.add", "silence", str(row.id), None, after, origin)
    return after


@get("/silences", opt=_READ, summary="The silences of the account")
async def list_silences(
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    ended: FromQuery[bool] = False,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[SilenceView]:
    """Silences by id that count now or will; `ended`: also those that no longer do."""
    now = services.clock()
    async with services.database.tenant(caller.account_id) as connection:
        rows = await silences.list_silences(
            connection, caller.account_id, now, ended=ended, after=values_in(cursor, UUID), limit=limit + 1
        )
    found = page(rows, limit, lambda row: row.id)
    return Page(items=[_make_silence_view(row, now) for row in found.items], next=found.next)


@delete("/silences/{key:uuid}", status_code=204, opt=_WRITE, summary="End a silence")
async def end_silence(
    key: FromPath[UUID],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> None:
    """End a silence now. One that has ended already is not found."""
    now = services.clock()
    async with services.database.tenant(caller.account_id) as connection:
        before = await silences.silence_by_id(connection, caller.account_id, key)
        if before is None or not await silences.end_silence(connection, caller.account_id, key, now):
            raise not_found(f"silence {key} that has not ended")
        await audit.record(
            connection,
            caller,
            "silence.end",
            "silence",
            str(key),
            _make_silence_view(before, now),
            {"ended_at": now},
            origin,
        )


ROUTES = [add_silence, list_silences, end_silence]
