"""The images of an account: found by name, verdict, state and system."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency

from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Page, page, values_in
from hullmark.server.api.resources.images import count_matches
from hullmark.server.console.listing import Column, Listing, ShownPage, export, wants_export
from hullmark.server.console.navigation import Entry
from hullmark.server.console.pages.image.opened import narrow, read_query_value
from hullmark.server.console.views import redirect, render, rights
from hullmark.server.stories.services import Services
from hullmark.server.tables.images import images, search
from hullmark.server.tables.images.images import HeldImage, ImageFilter
from hullmark.server.tables.judging import verdicts

ENTRY = Entry(title="Images", path="images", icon="image", group="inventory", permission="images:read", order=10)

_WORST = ("stop", "unknown", "warn", "go")
_REPOSITORIES = 60
_DIGEST_DIGITS = frozenset("0123456789abcdef")


class ImageRow(msgspec.Struct, kw_only=True):
    """An image as a row. `verdict` is the worst in force ("": none); `counts` are None where they are not known."""

    image: HeldImage
    name: str
    verdict: str
    counts: dict[str, int] | None


class ImagesView(msgspec.Struct, kw_only=True):
    """A page of images, and the filters."""

    images: ShownPage[ImageRow]
    text: str
    verdict: str
    state: str


_COLUMNS: tuple[Column[ImageRow], ...] = (
    Column("verdict", "Verdict", lambda row: row.verdict),
    Column("name", "Image", lambda row: row.name),
    Column("critical", "Critical", lambda row: (row.counts or {}).get("critical"), "number"),
    Column("high", "High", lambda row: (row.counts or {}).get("high"), "number"),
    Column("system", "System", lambda row: row.image.distro),
    Column("packages", "Packages", lambda row: row.image.package_count, "number"),
    Column("size", "Size", lambda row: row.image.size, "number"),
    Column("added", "Added", lambda row: row.image.held_at, "time"),
    Column("digest", "Digest", lambda row: row.image.digest, "code"),
)


@get("/{account:str}/images", opt=rights("images:read"))
async def images_page(
    request: Request[Any, Any, Any], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> Response[Any]:
    """The images, the newest first; `q` is a part of a repository's name, or the beginning of a digest."""
    text, verdict, state = (read_query_value(request, name, 200) for name in ("q", "verdict", "state"))
    if digest := await _digest(services, caller, text):
        return redirect(f"{request.url.path}/{digest}")
    wanted = ImageFilter(state=state, verdict=verdict if caller.may("verdicts:read") else "")
    if text:
        async with services.database.tenant(caller.account_id) as connection:
            found = await search.repositories_like(connection, caller.account_id, text, _REPOSITORIES)
        wanted = msgspec.structs.replace(wanted, repositories=tuple((row.registry, row.repository) for row in found))
    listing = _listing(services, caller, wanted, is_empty=bool(text) and not wanted.repositories)
    if wants_export(request, listing.name):
        return export(request, listing)
    view = ImagesView(images=await narrow(request, listing, ("digest",)), text=text, verdict=verdict, state=state)
    return render(request, "pages/images.html", view=view)


async def _digest(services: Services, caller: Caller, text: str) -> str:
    """The one digest of the account that begins so, "" where it is not the beginning of just one."""
    start = text.lower().removeprefix("sha256:")
    if len(start) < 8 or not _DIGEST_DIGITS.issuperset(start):
        return ""
    async with services.database.tenant(caller.account_id) as connection:
        found = await search.digests_beginning(connection, caller.account_id, f"sha256:{start}", 2)
    return found[0] if len(found) == 1 else ""


def _listing(services: Services, caller: Caller, wanted: ImageFilter, *, is_empty: bool) -> Listing[ImageRow]:
    async def fetch(cursor: str, limit: int) -> Page[ImageRow]:
        if is_empty:
            return Page(items=[], next=None)
        after = values_in(cursor, tuple[datetime, int])
        async with services.database.tenant(caller.account_id) as connection:
            rows = await images.list_images(connection, caller.account_id, wanted, after, limit + 1)
            found = page(rows, limit, lambda row: (row.held_at, row.id))
            counts = await count_matches(connection, found.items)
            held: dict[int, tuple[verdicts.VerdictRow, ...]] = {}
            if caller.may("verdicts:read"):
                held = await verdicts.current_of(connection, caller.account_id, [row.id for row in found.items])
        return Page(items=[_row(row, counts, held) for row in found.items], next=found.next)

    return Listing(name="images", columns=_COLUMNS, fetch=fetch)


def _row(
    row: HeldImage, counts: dict[int, dict[str, int]], held: dict[int, tuple[verdicts.VerdictRow, ...]]
) -> ImageRow:
    words = {verdict.verdict for verdict in held.get(row.id, ())}
    return ImageRow(
        image=row,
        name=next(iter(row.tags), row.reference),
        verdict=next((word for word in _WORST if word in words), ""),
        counts=counts.get(row.id),
    )


ROUTES = [images_page]
