"""The audit log: who changed what, with filters."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency

from hullmark.server.api.problems import problem
from hullmark.server.api.resources import audit
from hullmark.server.console.forms import Fields, moment_in
from hullmark.server.console.listing import Column, export, wants_export
from hullmark.server.console.pages.admin import show
from hullmark.server.console.views import rights
from hullmark.server.console.visit import Visit
from hullmark.server.tables.audit import AuditRow

_COLUMNS: tuple[Column[AuditRow], ...] = (
    Column("at", "When", lambda row: row.at, "time"),
    Column("actor", "Who", lambda row: row.actor),
    Column("action", "Did", lambda row: row.action, "code"),
    Column("resource", "To what", lambda row: f"{row.resource_type} {row.resource}"),
    Column("address", "From", lambda row: row.address, "code"),
    Column("change", "Change", lambda row: _format_changes(row.before, row.after)),
)
_WORDS = ("action", "actor", "resource_type", "resource")


@get("/{account:str}/admin/audit", opt=rights("audit:read"))
async def audit_page(visit: NamedDependency[Visit]) -> Response[Any]:
    """Changes in the account, the newest first."""
    given = Fields(list(visit.request.query_params.multi_items()))
    wanted: dict[str, Any] = {name: given.word(name, 1200) for name in _WORDS}
    for name in ("since", "before"):
        wanted[name] = _moment(given.word(name))
    listing = visit.listing("audit", _COLUMNS, audit.list_audit, **wanted)
    if wants_export(visit.request, listing.name):
        return export(visit.request, listing)
    values: dict[str, Any] = {"entries": await listing.shown(visit.request), "told": _format_changes}
    return show(visit, "audit", given=given, **values)


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(written) if (written := moment_in(text)) else None
    except ValueError as error:
        raise problem(422, f"{text[:50]!r} is not a valid day", "write it as 2026-12-31") from error


def _format_changes(before: Any, after: Any) -> str:
    """What became different, as `name: before → after`, one a line."""
    old, new = (value if isinstance(value, dict) else {} for value in (before, after))
    lines = [
        f"{name}: {_short(old.get(name))} → {_short(new.get(name))}" if name in old else f"{name}: {_short(new[name])}"
        for name in dict.fromkeys((*old, *new))
        if old.get(name) != new.get(name) and (name in new or after is not None)
    ]
    return "\n".join(lines)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 200 else f"{text[:200]}…"


ROUTES = [audit_page]
