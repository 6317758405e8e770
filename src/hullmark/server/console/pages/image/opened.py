"""An image that somebody looks at: what its page and its tabs know of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response

from hullmark.reach.matched import ReachIndex
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Page
from hullmark.server.api.problems import Refusal
from hullmark.server.api.resources.images import by_place
from hullmark.server.console.documents import documents_of
from hullmark.server.console.listing import Column, Listing, ShownPage, export, wants_export
from hullmark.server.stories.identity.account_address import account_base
from hullmark.server.stories.images.documents import StoredAnalysis
from hullmark.server.stories.images.file_tree import FileTree
from hullmark.server.stories.images.folders import StoredFolders, get_folders
from hullmark.server.stories.services import Services
from hullmark.server.tables.images.images import HeldImage


def read_query_value(request: Request[Any, Any, Any], name: str, longest: int = 500) -> str:
    """A value of the query, "" where it is not given; what no database takes is left out."""
    return str(request.query_params.get(name, ""))[:longest].replace("\0", "").strip()


class OpenedImage:
    """An image of an account, and the request that is about it."""

    def __init__(self, request: Request[Any, Any, Any], services: Services, caller: Caller, row: HeldImage) -> None:
        self.request = request
        self.services = services
        self.caller = caller
        self.row = row

    @property
    def base(self) -> str:
        """The address of the account's pages."""
        return account_base(self.caller.account)

    @property
    def address(self) -> str:
        """The address of the image's page."""
        return f"{self.base}/images/{quote(self.row.digest, safe=':')}"

    def asked(self, name: str, longest: int = 500) -> str:
        """A value of the query, "" where it is not given."""
        return read_query_value(self.request, name, longest)

    async def analysis(self) -> StoredAnalysis:
        """What is stored of it. Raises Refusal 409 while it is not analysed, HullmarkError where it cannot be read."""
        if not self.row.document:
            raise Refusal(409, f"the image is not analysed: {self.row.reason or self.row.state}", "wait for it")
        return await asyncio.to_thread(documents_of(self.request.app).analysis, self.row.document)

    async def files(self) -> FileTree | None:
        """Its files, None where they were not listed. Raises as `analysis`."""
        analysis = await self.analysis()
        return await asyncio.to_thread(documents_of(self.request.app).files, analysis)

    async def folders(self) -> StoredFolders | None:
        """Its folders, each to be read by itself; None where they are not kept so. Raises HullmarkError where they cannot be read."""
        return await asyncio.to_thread(get_folders, self.services.objects, self.row.document)

    async def reach(self) -> ReachIndex | None:
        """What its start reaches, None where nothing is kept of that. Raises HullmarkError where it cannot be read."""
        return await asyncio.to_thread(documents_of(self.request.app).reach, self.row.reach)


Show = Callable[[OpenedImage], Awaitable[Any]]
"""Makes what a tab's template is filled in with, as `view`; or the whole answer, as where a table is exported."""


class Tab(msgspec.Struct, frozen=True, kw_only=True):
    """A tab of an image's page: its key in the address, which also names its template, and what one needs to see it."""

    key: str
    title: str
    show: Show
    permission: str = "images:read"
    needs_analysis: bool = True


def listing_of(
    name: str, columns: tuple[Column[Any], ...], rows: list[Any], cursor_name: str = "cursor"
) -> Listing[Any]:
    """A list that is all there, read a page at a time by number."""

    async def fetch(cursor: str, limit: int) -> Page[Any]:
        return by_place(rows, limit, cursor)

    return Listing(name=name, columns=columns, fetch=fetch, cursor_name=cursor_name)


def export_listing(request: Request[Any, Any, Any], listing: Listing[Any]) -> Response[Any] | None:
    """The whole list, where that is asked for."""
    return export(request, listing) if wants_export(request, listing.name) else None


async def narrow(request: Request[Any, Any, Any], listing: Listing[Any], without: tuple[str, ...]) -> ShownPage[Any]:
    """The page of a list without columns that only its export needs."""
    shown = await listing.shown(request)
    shown.columns = tuple(column for column in listing.columns if column.key not in without)
    return shown
