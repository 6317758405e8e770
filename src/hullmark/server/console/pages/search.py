"""Search: what a word may mean, for the field at the top of each page and the palette; and the images that hold a package of that name."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Page, cursor_of, values_in
from hullmark.server.console.listing import Column, Listing, ShownPage, export, wants_export
from hullmark.server.console.views import HEADERS, render, rights
from hullmark.server.stories.identity.account_address import account_base
from hullmark.server.stories.services import Services
from hullmark.server.tables.images import names, search
from hullmark.server.tables.images.holders import Holder, PackageQuery, images_with_package
from hullmark.server.tables.judging import policies

_HEX = re.compile(r"(?:sha256:)?([0-9a-f]{6,64})").fullmatch
_ADVISORY = re.compile(r"[A-Za-z]{2,10}-[A-Za-z0-9-]{2,40}").fullmatch
_LONGEST = 200
_EACH = 8


class FoundItem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a word may mean: its name, what it is, and its address."""

    title: str
    kind: str
    href: str


class NamedHolder(msgspec.Struct, frozen=True, kw_only=True):
    """An image that holds a package, and by which name it was added."""

    digest: str
    name: str
    purls: tuple[str, ...]


class SearchView(msgspec.Struct, kw_only=True):
    """What the page shows."""

    query: str
    found: list[FoundItem]
    holders: ShownPage[NamedHolder]


_COLUMNS: tuple[Column[NamedHolder], ...] = (
    Column("image", "Image", lambda row: row.name or row.digest),
    Column("digest", "Digest", lambda row: row.digest, "code"),
    Column("packages", "Packages", lambda row: " ".join(row.purls), "code"),
)


@get("/{account:str}/search", opt=rights("images:read"))
async def search_page(
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    q: FromQuery[str] = "",
) -> Response[Any]:
    """What the word `q` may mean: a page, or with `format=json` the list for the palette."""
    word = q.strip()[:_LONGEST].replace("\0", "")
    holders = _holders(services, caller, word)
    if wants_export(request, holders.name):
        return export(request, holders)
    found = await _find_items(services, caller, word) if word else []
    if request.query_params.get("format") == "json":
        content = msgspec.json.encode(found)
        return Response(content, media_type="application/json", headers=dict(HEADERS))
    view = SearchView(query=word, found=found, holders=await holders.shown(request))
    return render(request, "pages/search.html", view=view)


async def _find_items(services: Services, caller: Caller, word: str) -> list[FoundItem]:
    base = account_base(caller.account)
    items: list[FoundItem] = []
    async with services.database.tenant(caller.account_id) as connection:
        if hexadecimal := _HEX(word.lower()):
            start = f"sha256:{hexadecimal[1]}"
            for digest in await search.digests_beginning(connection, caller.account_id, start, _EACH):
                items.append(FoundItem(title=digest, kind="image", href=f"{base}/images/{digest}"))
        for row in await search.repositories_like(connection, caller.account_id, word, _EACH):
            title = f"{row.registry}/{row.repository}:{row.tag}"
            items.append(FoundItem(title=title, kind="image", href=f"{base}/images/{row.digest}"))
        if _ADVISORY(word):
            for name in await search.advisories_beginning(connection, word.upper(), _EACH):
                items.append(FoundItem(title=name, kind="advisory", href=f"{base}/advisories/{quote(name, safe='')}"))
        held = await images_with_package(connection, caller.account_id, PackageQuery(name=word), limit=1)
        if held.holders:
            items.append(FoundItem(title=word, kind="package", href=f"{base}/search?q={quote(word, safe='')}"))
        if caller.may("policies:read"):
            for policy in await policies.list_policies(connection, caller.account_id, "", 200):
                if word.lower() in policy.name.lower() and len(items) < _EACH * 4:
                    href = f"{base}/policies/{quote(policy.name, safe='')}"
                    items.append(FoundItem(title=policy.name, kind="policy", href=href))
    return items


def _holders(services: Services, caller: Caller, word: str) -> Listing[NamedHolder]:
    async def fetch(cursor: str, limit: int) -> Page[NamedHolder]:
        if not word:
            return Page(items=[], next=None)
        after = values_in(cursor, int)
        async with services.database.tenant(caller.account_id) as connection:
            wanted = PackageQuery(name=word)
            found = await images_with_package(connection, caller.account_id, wanted, after, limit)
            known = await names.names_of(connection, caller.account_id, [row.image_id for row in found.holders])
        rows = [_make_named_holder(row, known.get(row.image_id, [])) for row in found.holders]
        return Page(items=rows, next=cursor_of(found.next) if found.next is not None else None)

    return Listing(name="holders", columns=_COLUMNS, fetch=fetch)


def _make_named_holder(row: Holder, known: list[str]) -> NamedHolder:
    return NamedHolder(digest=row.digest, name=known[0] if known else "", purls=row.purls)


ROUTES = [search_page]
