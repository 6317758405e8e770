"""An image: what is in it, what is wrong with it, what policies say of it, and where it runs. Each tab is a module; TABS names them all."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from hullmark.server.api.caller import Caller
from hullmark.server.api.problems import Refusal
from hullmark.server.api.resources.images import count_matches, find
from hullmark.server.console.pages.image import (
    files,
    history,
    layers,
    licences,
    lineage,
    packages,
    places,
    secrets,
    settings,
    signatures,
    verdicts,
    vulnerabilities,
)
from hullmark.server.console.pages.image.opened import OpenedImage, Tab
from hullmark.server.console.views import render, rights
from hullmark.server.stories.services import Services
from hullmark.server.tables.images.images import HeldImage
from hullmark.server.tables.judging import verdicts as judged

TABS: tuple[Tab, ...] = (
    verdicts.TAB,
    vulnerabilities.TAB,
    packages.TAB,
    files.TAB,
    layers.TAB,
    settings.TAB,
    licences.TAB,
    secrets.TAB,
    places.TAB,
    lineage.TAB,
    signatures.TAB,
    history.TAB,
)
"""The tabs, in their order."""

_WORST = ("stop", "unknown", "warn", "go")


class ImageHead(msgspec.Struct, kw_only=True):
    """What stands above the tabs. `verdict` is the worst in force ("": none); `counts` are matches that count by severity (None: not
    known)."""

    row: HeldImage
    name: str
    verdict: str
    verdicts: int
    counts: dict[str, int] | None
    address: str


@get("/{account:str}/images/{digest:str}", opt=rights("images:read"))
async def image_page(
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    digest: FromPath[str],
    tab: FromQuery[str] = "",
) -> Response[Any]:
    """An image by any of its digests; `tab` says what of it."""
    row = await find(services, caller, digest)
    image = OpenedImage(request, services, caller, row)
    shown = tuple(candidate for candidate in TABS if caller.may(candidate.permission))
    chosen = next((candidate for candidate in shown if candidate.key == tab), shown[0])
    if tab and chosen.key != tab and any(candidate.key == tab for candidate in TABS):
        raise Refusal(
            403,
            f"this needs the permission {_find_needed_permission(tab)}",
            f"your role in {caller.account} is {caller.role}",
        )
    is_there = bool(row.document) or not chosen.needs_analysis
    view = await chosen.show(image) if is_there else None
    if isinstance(view, Response):
        return view
    return render(
        request,
        f"pages/image/{chosen.key if is_there else 'waiting'}.html",
        head=await head_of(image),
        tabs=[(tab.key, tab.title, _count(tab.key, row)) for tab in shown],
        tab=chosen.key,
        view=view,
    )


async def head_of(image: OpenedImage) -> ImageHead:
    """What stands above the tabs of an image."""
    row, caller = image.row, image.caller
    async with image.services.database.tenant(caller.account_id) as connection:
        held = []
        if caller.may("verdicts:read"):
            held = await judged.current(connection, caller.account_id, row.id)
        counts = await count_matches(connection, [row])
    words = {verdict.verdict for verdict in held}
    return ImageHead(
        row=row,
        name=next(iter(row.tags), row.reference),
        verdict=next((word for word in _WORST if word in words), ""),
        verdicts=len(held),
        counts=counts.get(row.id),
        address=image.address,
    )


def _find_needed_permission(key: str) -> str:
    return next(tab.permission for tab in TABS if tab.key == key)


def _count(key: str, row: HeldImage) -> int | None:
    """The number beside a tab's title, where it is at hand."""
    if row.state != "analysed":
        return None
    return {"packages": row.package_count, "files": row.file_count, "layers": row.layer_count}.get(key)


ROUTES = [image_page, *signatures.ROUTES]
