"""Tables: a list that is read a page at a time, shown as a part of a page, or exported whole as CSV or JSON.

A list is named in its page, and its page is chosen by the query: `cursor` where the page has one list, `NAME.cursor` where it has more.
`export=csv` and `export=json` with `table=NAME` answer the whole list instead of the page: CSV as RFC 4180 has it, JSON as one array.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec
from litestar import Request, Response
from litestar.response import Stream

from hullmark.model.limit import Limit
from hullmark.server.api.paging import Page
from hullmark.server.api.problems import problem

Row = TypeVar("Row")
Fetch = Callable[[str, int], Awaitable[Page[Row]]]
"""Reads a page: a cursor ("" for the first) and the most rows, to the rows and the next cursor."""

PAGE = 50
_EXPORT_PAGE = 200
_MOST_EXPORTED = Limit(1_000_000, "rows of an exported table", "shortened")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ORDERS = ("csv", "json")


class Column(msgspec.Struct, Generic[Row], frozen=True):
    """A column: its key in exports, its heading, what it holds of a row, and how it is set: "text", "number", "code" or "time"."""

    key: str
    title: str
    value: Callable[[Row], Any]
    kind: str = "text"


class ShownPage(msgspec.Struct, Generic[Row], kw_only=True):
    """A page of a list, as templates show it. `next` and `first` are addresses, "" where there is nothing to go to."""

    name: str
    columns: tuple[Column[Row], ...]
    rows: Sequence[Row]
    next: str
    first: str
    csv: str
    json: str


class Listing(msgspec.Struct, Generic[Row], kw_only=True):
    """A list of one page of the console."""

    name: str
    columns: tuple[Column[Row], ...]
    fetch: Fetch[Row]
    cursor_name: str = "cursor"

    async def shown(self, request: Request[Any, Any, Any], limit: int = PAGE) -> ShownPage[Row]:
        """The page that the query asks for."""
        from hullmark.server.console.views import with_query

        cursor = request.query_params.get(self.cursor_name, "")[:2000]
        found = await self.fetch(cursor, limit)
        return ShownPage(
            name=self.name,
            columns=self.columns,
            rows=found.items,
            next=with_query(request, **{self.cursor_name: found.next}) if found.next else "",
            first=with_query(request) if cursor else "",
            csv=with_query(request, export="csv", table=self.name),
            json=with_query(request, export="json", table=self.name),
        )


def wants_export(request: Request[Any, Any, Any], name: str) -> bool:
    """Whether the whole of this list is asked for instead of its page."""
    return bool(request.query_params.get("export")) and request.query_params.get("table", name) == name


def export(request: Request[Any, Any, Any], listing: Listing[Any]) -> Response[Any]:
    """The whole list, page by page as it is sent. Raises Refusal for another form than csv and json."""
    form = request.query_params.get("export", "")
    if form not in _ORDERS:
        raise problem(400, "a table is exported as csv or json", "ask for export=csv or export=json")
    lines = _csv(listing) if form == "csv" else _json(listing)
    return Stream(
        lines,
        media_type="text/csv; charset=utf-8" if form == "csv" else "application/json",
        headers={
            "Content-Disposition": f'attachment; filename="{listing.name}.{form}"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        },
    )


async def _rows(listing: Listing[Any]) -> AsyncIterator[Any]:
    cursor, sent = "", 0
    while True:
        found = await listing.fetch(cursor, _EXPORT_PAGE)
        for row in found.items:
            yield row
        sent += len(found.items)
        if not found.next or sent >= _MOST_EXPORTED:
            if found.next:
                yield None
            return
        cursor = found.next


async def _csv(listing: Listing[Any]) -> AsyncIterator[bytes]:
    yield _line([column.key for column in listing.columns])
    async for row in _rows(listing):
        if row is None:
            yield _line([f"only the first {_MOST_EXPORTED} rows are here"])
        else:
            yield _line([_cell(column.value(row)) for column in listing.columns])


def _line(cells: Sequence[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue().encode("utf-8", "backslashreplace")


def _cell(value: Any) -> str:
    """A value in CSV. What a spreadsheet would compute is marked as text (OWASP, CSV injection)."""
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


async def _json(listing: Listing[Any]) -> AsyncIterator[bytes]:
    separator = b"[\n"
    async for row in _rows(listing):
        if row is None:
            record: dict[str, Any] = {"truncated": f"only the first {_MOST_EXPORTED} rows are here"}
        else:
            record = {column.key: column.value(row) for column in listing.columns}
        yield separator + msgspec.json.encode(record, enc_hook=str)
        separator = b",\n"
    yield b"[]\n" if separator == b"[\n" else b"\n]\n"
