"""Silences: what nobody is told about for a time."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from hullmark.server.api.notice import silences
from hullmark.server.api.notice.silences import SilenceBody, SilenceView
from hullmark.server.api.problems import Refusal
from hullmark.server.console.forms import Fields, fields_of, moment_in
from hullmark.server.console.listing import Column, export, wants_export
from hullmark.server.console.pages.admin import show
from hullmark.server.console.views import rights
from hullmark.server.console.visit import Visit

_COLUMNS: tuple[Column[SilenceView], ...] = (
    Column("subject", "About", lambda row: row.subject),
    Column("selector", "Of", lambda row: row.selector),
    Column("owner", "Owner", lambda row: row.owner),
    Column("reason", "Reason", lambda row: row.reason),
    Column("starts", "Begins", lambda row: row.starts_at, "time"),
    Column("ends", "Ends", lambda row: row.ended_at or row.ends_at, "time"),
    Column("actions", "", lambda row: "in force" if row.is_in_force else ""),
)
_DONE = {"added": "Nobody hears of it until then.", "ended": "The silence has ended."}


@get("/{account:str}/admin/silences", opt=rights("notices:read"))
async def silences_page(visit: NamedDependency[Visit]) -> Response[Any]:
    """The account's silences; a link may fill in the form: `subject`, `selector`."""
    return await _silences(visit)


@post("/{account:str}/admin/silences", opt=rights("notices:write"))
async def add_silence(visit: NamedDependency[Visit]) -> Response[Any]:
    """Another one, from now on."""
    given = await fields_of(visit.request)
    wanted = {
        "owner": given.word("owner"),
        "reason": given.word("reason"),
        "ends_at": moment_in(given.word("ends")),
        "selector": given.word("selector") or None,
        "subject": given.word("subject") or None,
        "kinds": given.word("kinds").replace(",", " ").split(),
    }
    wrong = await visit.attempt(silences.add_silence, (SilenceBody, wanted))
    return await _silences(visit, wrong, given) if wrong else visit.back("admin/silences", "added")


@post("/{account:str}/admin/silences/{key:uuid}/end", opt=rights("notices:write"))
async def end_silence(visit: NamedDependency[Visit], key: FromPath[UUID]) -> Response[Any]:
    """Now."""
    await visit.do(silences.end_silence, key=key)
    return visit.back("admin/silences", "ended")


async def _silences(visit: Visit, wrong: Refusal | None = None, given: Fields | None = None) -> Response[Any]:
    is_all = visit.request.query_params.get("ended") == "yes"
    listing = visit.listing("silences", _COLUMNS, silences.list_silences, ended=is_all)
    if wants_export(visit.request, listing.name):
        return export(visit.request, listing)
    filled = given or Fields([*visit.request.query_params.multi_items()])
    values: dict[str, Any] = {"silences": await listing.shown(visit.request), "is_all": is_all}
    return show(visit, "silences", wrong=wrong, given=filled, done=_DONE, **values)


ROUTES = [silences_page, add_silence, end_silence]
