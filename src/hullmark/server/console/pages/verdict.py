"""One verdict of the history, as it was: what was judged, by what, and every finding."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from hullmark.server.api.caller import Caller
from hullmark.server.api.problems import not_found
from hullmark.server.console.pages.image.verdicts import FindingsView, findings_of
from hullmark.server.console.views import render, rights
from hullmark.server.stories.services import Services
from hullmark.server.tables.images import images
from hullmark.server.tables.images.names import name_of
from hullmark.server.tables.judging import verdicts
from hullmark.server.tables.judging.verdicts import VerdictRow

_LARGEST = 1 << 62


class VerdictView(msgspec.Struct, kw_only=True):
    """The verdict. `is_held`: the account still has the image; `is_current`: it is still in force."""

    row: VerdictRow
    name: str
    findings: FindingsView
    is_held: bool
    is_current: bool


@get("/{account:str}/history/{number:int}", opt=rights("verdicts:read"))
async def verdict_page(
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    number: FromPath[int],
) -> Response[Any]:
    """A verdict by its number; links in messages lead here where all is about one."""
    async with services.database.tenant(caller.account_id) as connection:
        row = await verdicts.by_number(connection, caller.account_id, number) if 0 < number < _LARGEST else None
        if row is None:
            raise not_found(f"verdict {number}")
        held = await images.held_image(connection, caller.account_id, row.image_digest)
        name = await name_of(connection, caller.account_id, row.image_digest)
        current = await verdicts.current(connection, caller.account_id, held.id, shadows=True) if held else []
    found = await findings_of(request, services, row)
    if isinstance(found, Response):
        return found
    view = VerdictView(
        row=row,
        name=row.reference or name,
        findings=found,
        is_held=held is not None,
        is_current=any(verdict.id == row.id for verdict in current),
    )
    return render(request, "pages/verdict.html", view=view)


ROUTES = [verdict_page]
