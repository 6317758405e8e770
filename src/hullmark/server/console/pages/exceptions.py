"""Exceptions: what is accepted until when, by whom, what never covered anything, and the forms that add one and end one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from markupsafe import Markup

from hullmark.model.errors import HullmarkError
from hullmark.model.expiry import NEVER
from hullmark.policy.days import today
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Page, page, values_in
from hullmark.server.api.problems import Refusal, not_found
from hullmark.server.api.resources import exceptions as actions
from hullmark.server.console.charts.calendar import Calendar, Day, draw_calendar
from hullmark.server.console.forms import moment_text, texts_of
from hullmark.server.console.listing import Column, Listing, ShownPage, export, wants_export
from hullmark.server.console.navigation import Entry
from hullmark.server.console.views import redirect, render, rights
from hullmark.server.stories.identity.account_address import account_base
from hullmark.server.stories.judging.coverage import Coverage, coverage_of
from hullmark.server.stories.judging.exceptions import ExceptionBody
from hullmark.server.stories.services import Services
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.judging import exception_lists
from hullmark.server.tables.judging.exception_lists import ExceptionSummary, ListedException, Standing

ENTRY = Entry(
    title="Exceptions", path="exceptions", icon="exception", group="rules", permission="exceptions:read", order=30
)
_VIEWS: tuple[tuple[Standing, str], ...] = (("current", "In force"), ("unused", "Unused"), ("over", "Over"))
_DAYS = 182
_SOON = timedelta(days=7)
_FIELDS = ("rule", "subject", "images", "policy", "expires", "owner", "reason", "ticket")
_SUGGESTED = timedelta(days=30)


class ExceptionLine(msgspec.Struct, frozen=True, kw_only=True):
    """An exception in a list. `ends` is None where it holds for ever; `is_over`: it ended by its time or by hand."""

    id: UUID
    body: ExceptionBody
    ends: datetime | None
    created_by: str
    created_at: datetime
    ended_at: datetime | None
    used_at: datetime | None
    is_over: bool
    is_soon: bool


class ExceptionsView(msgspec.Struct, kw_only=True):
    """What the page shows. `calendar` is an SVG of when exceptions end."""

    view: Standing
    summary: ExceptionSummary
    list: ShownPage[ExceptionLine]
    calendar: Markup


_COLUMNS: tuple[Column[ExceptionLine], ...] = (
    Column("rule", "Accepted", lambda row: row.body.rule),
    Column("subject", "Subject", lambda row: row.body.subject, "code"),
    Column("images", "Images", lambda row: row.body.images, "code"),
    Column("policy", "Policy", lambda row: row.body.policy),
    Column("owner", "Owner", lambda row: row.body.owner),
    Column("reason", "Reason", lambda row: row.body.reason),
    Column("ticket", "Ticket", lambda row: row.body.ticket),
    Column("ends", "Ends", lambda row: row.ends, "time"),
    Column("used_at", "Last used", lambda row: row.used_at, "time"),
)


@get("/{account:str}/exceptions", opt=rights("exceptions:read"))
async def exceptions_page(
    request: Request[Any, Any, Any], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> Response[Any]:
    """The exceptions of the account, by when they end."""
    view: Standing = next((key for key, _ in _VIEWS if key == request.query_params.get("tab")), "current")
    listing = _listing(services, caller, view)
    if wants_export(request, listing.name):
        return export(request, listing)
    now = services.clock()
    async with services.database.tenant(caller.account_id) as connection:
        summary = await exception_lists.sum_exceptions(connection, caller.account_id, now)
        ends = await exception_lists.count_ends(connection, caller.account_id, now, now + timedelta(days=_DAYS))
    shown = ExceptionsView(
        view=view, summary=summary, list=await listing.shown(request), calendar=_calendar(ends, today(now))
    )
    return render(request, "pages/exceptions.html", view=shown, views=_VIEWS)


def _listing(services: Services, caller: Caller, view: Standing) -> Listing[ExceptionLine]:
    async def fetch(cursor: str, limit: int) -> Page[ExceptionLine]:
        after = values_in(cursor, tuple[datetime | None, UUID])
        now = services.clock()
        async with services.database.tenant(caller.account_id) as connection:
            rows = await exception_lists.list_exceptions(
                connection, caller.account_id, view, now, after=after, limit=limit + 1
            )
        found = page(rows, limit, lambda row: (row.expires_at, row.id))
        return Page(items=[_line(row, now) for row in found.items], next=found.next)

    return Listing(name="exceptions", columns=_COLUMNS, fetch=fetch)


def _line(row: ListedException, now: datetime) -> ExceptionLine:
    ends = row.expires_at if row.expires_at is not None and row.expires_at < NEVER else None
    return ExceptionLine(
        id=row.id,
        body=msgspec.convert(row.body, ExceptionBody),
        ends=ends,
        created_by=row.created_by,
        created_at=row.created_at,
        ended_at=row.ended_at,
        used_at=row.used_at,
        is_over=row.ended_at is not None or (ends is not None and ends <= now),
        is_soon=ends is not None and now < ends <= now + _SOON,
    )


def _calendar(ends: Mapping[date, int], day: date) -> Markup:
    marked = {when: Day(count, tip=f"{count} end{'s' if count == 1 else ''}") for when, count in ends.items()}
    return draw_calendar(Calendar("Exceptions that end", day, _DAYS, marked, day))


@get("/{account:str}/exceptions/new", opt=rights("exceptions:write"))
async def new_exception_page(
    request: Request[Any, Any, Any], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> Response[Any]:
    """The form, filled with what the address says."""
    given = {name: request.query_params.get(name, "")[:4000] for name in _FIELDS}
    given["owner"] = given["owner"] or caller.name.partition(":")[2]
    given["expires"] = given["expires"] or moment_text(services.clock() + _SUGGESTED)
    return _form(request, given)


def _form(
    request: Request[Any, Any, Any], given: Mapping[str, str], wrong: Mapping[str, str] | None = None
) -> Response[bytes]:
    status = 422 if wrong else 200
    return render(request, "pages/exception_form.html", status=status, given=given, wrong=wrong or {})


@post("/{account:str}/exceptions/new", opt=rights("exceptions:write"))
async def add_exception(
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> Response[Any]:
    """Accept findings for a time, as POST /api/v1/exceptions does; the form again where something in it is wrong."""
    given = await texts_of(request, _FIELDS)
    lacking = {name: "Say it, please." for name in ("rule", "subject", "owner", "reason", "expires") if not given[name]}
    if lacking:
        return _form(request, given, lacking)
    body = {**given, "images": given["images"] or "*", "policy": given["policy"] or "*"}
    if "T" in body["expires"] and len(body["expires"]) == len("2027-01-31T14:00"):
        body["expires"] += ":00Z"  # what the browser's own field sends, which the page says is UTC
    try:
        made = await actions.accept(services, caller, origin, msgspec.convert(body, ExceptionBody))
    except Refusal as error:
        return _form(request, given, {"": error.detail})
    except (HullmarkError, msgspec.ValidationError) as error:
        return _form(request, given, {"expires" if "time" in str(error) else "": str(error)[:1000]})
    return redirect(f"{account_base(caller.account)}/exceptions/{made.id}")


class ExceptionView(msgspec.Struct, kw_only=True):
    """One exception, and what it covers now."""

    line: ExceptionLine
    covers: Coverage


@get("/{account:str}/exceptions/{key:uuid}", opt=rights("exceptions:read"))
async def exception_page(
    request: Request[Any, Any, Any],
    key: FromPath[UUID],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
) -> Response[Any]:
    """An exception: what it says, what it covers now, and the button that ends it."""
    async with services.database.tenant(caller.account_id) as connection:
        row = await exception_lists.exception_of(connection, caller.account_id, key)
        if row is None:
            raise not_found(f"exception {key}")
        line = _line(row, services.clock())
        covers = await coverage_of(services, connection, caller.account_id, row) if not line.is_over else Coverage()
    return render(request, "pages/exception.html", view=ExceptionView(line=line, covers=covers))


@post("/{account:str}/exceptions/{key:uuid}/end", opt=rights("exceptions:write"))
async def end_exception(
    key: FromPath[UUID],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> Response[Any]:
    """End an exception, as DELETE /api/v1/exceptions/KEY does."""
    await actions.end(services, caller, origin, key)
    return redirect(f"{account_base(caller.account)}/exceptions/{key}")


ROUTES = [exceptions_page, new_exception_page, add_exception, exception_page, end_exception]
