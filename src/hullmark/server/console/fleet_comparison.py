"""All images at two moments: how many verdicts went from which word to which, and which these are; or what was known of them at one moment
beside what is known today."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from litestar import Request
from markupsafe import Markup

from hullmark.model.verdict import PASSING, Outcome
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Page, cursor_of, values_in
from hullmark.server.console.charts.heat_map import Cell, HeatMap, HeatRow, draw_heat_map
from hullmark.server.console.charts.svg import Tone
from hullmark.server.console.listing import Column, Listing, ShownPage
from hullmark.server.console.views import with_query
from hullmark.server.stories.services import Services
from hullmark.server.tables.judging.comparison import (
    KNOWLEDGE,
    ChangeMatrix,
    ComparisonFilter,
    Span,
    VerdictChange,
    changes_between,
    count_changes,
)

WORDS: tuple[Tone, ...] = ("go", "warn", "unknown", "stop")
"""Verdicts, the best first."""
_WIDTH = 640.0

COLUMNS: tuple[Column[VerdictChange], ...] = (
    Column("image", "Image", lambda row: row.reference or row.image_digest),
    Column("policy", "Policy", lambda row: row.policy),
    Column("environment", "Environment", lambda row: row.environment),
    Column("before", "First", lambda row: row.before),
    Column("after", "Then", lambda row: row.after),
    Column("cause", "Because", lambda row: row.sentence),
    Column("kinds", "By", lambda row: ", ".join(row.kinds)),
    Column("at", "Changed", lambda row: row.at, "time"),
)
_BESIDE = ("environment", "kinds")
"""Columns that stand in the cells of others."""
_IN_HINDSIGHT = {"before": "Known then", "after": "Known today", "at": "Since"}


class FleetComparison(msgspec.Struct, kw_only=True):
    """What the page shows of all images. `worse` and `better` count verdicts, `lost` and `regained` those that crossed the line of
    compliance; `map` is an SVG, empty where nothing differs."""

    span: Span
    wanted: ComparisonFilter
    matrix: ChangeMatrix
    map: Markup
    changes: ShownPage[VerdictChange]
    worse: int
    better: int
    lost: int
    regained: int


def filter_of(request: Request[Any, Any, Any], span: Span, *, is_hindsight: bool) -> ComparisonFilter:
    """Which verdicts the query asks for. What ran is asked of the second moment; in hindsight, of the first."""
    before, after = (request.query_params.get(name, "") for name in ("before", "after"))
    ran = request.query_params.get("ran") == "1"
    return ComparisonFilter(
        before=before if before in WORDS else "",
        after=after if after in WORDS else "",
        ran_at=(span.since if is_hindsight else span.until) if ran else None,
        is_hindsight=is_hindsight,
    )


def listing_of(services: Services, caller: Caller, span: Span, wanted: ComparisonFilter) -> Listing[VerdictChange]:
    """The verdicts that differ, the last changed first."""

    async def fetch(cursor: str, limit: int) -> Page[VerdictChange]:
        below = values_in(cursor, tuple[datetime, int])
        async with services.database.tenant(caller.account_id) as connection:
            found = await changes_between(connection, caller.account_id, span, wanted, below, limit)
        return Page(items=found.rows, next=cursor_of(found.next) if found.next is not None else None)

    named = _IN_HINDSIGHT if wanted.is_hindsight else {}
    columns = tuple(msgspec.structs.replace(column, title=named.get(column.key, column.title)) for column in COLUMNS)
    return Listing(name="changes", columns=columns, fetch=fetch)


async def compare_fleet(
    request: Request[Any, Any, Any],
    services: Services,
    caller: Caller,
    span: Span,
    wanted: ComparisonFilter,
) -> FleetComparison:
    """The counts, drawn, and a page of the list."""
    async with services.database.tenant(caller.account_id) as connection:
        matrix = await count_changes(connection, caller.account_id, span, wanted)
    turned = {(count.before, count.after): count.verdicts for count in matrix.counts}
    passing = {
        (before in PASSING, after in PASSING): 0 for before in map(Outcome, WORDS) for after in map(Outcome, WORDS)
    }
    for (before, after), count in turned.items():
        passing[Outcome(before) in PASSING, Outcome(after) in PASSING] += count
    shown = await listing_of(services, caller, span, wanted).shown(request)
    shown.columns = tuple(column for column in shown.columns if column.key not in _BESIDE)
    worse = sum(count for pair, count in turned.items() if _is_worse(*pair))
    return FleetComparison(
        span=span,
        wanted=wanted,
        matrix=matrix,
        map=_map(request, matrix, wanted) if matrix.counts else Markup(),
        changes=shown,
        worse=worse,
        better=matrix.verdicts - worse,
        lost=passing[True, False],
        regained=passing[False, True],
    )


def _is_worse(before: str, after: str) -> bool:
    words: tuple[str, ...] = WORDS
    return words.index(after) > words.index(before)


def _map(request: Request[Any, Any, Any], matrix: ChangeMatrix, wanted: ComparisonFilter) -> Markup:
    """From which word to which: a row for each word at first, a column for each word then; a cell leads to its list."""
    was, becomes = ("then", "today") if wanted.is_hindsight else ("first", "then")
    rows = [
        HeatRow(
            f"{before}, {was}",
            tuple(
                Cell(
                    matrix.of(before, after),
                    after,
                    with_query(request, before=before, after=after) + "#changes",
                    f"{matrix.of(before, after):,} verdicts: {before}, {was}; {after}, {becomes}",
                )
                for after in WORDS
            ),
            with_query(request, before=before, after=None) + "#changes",
        )
        for before in WORDS
    ]
    columns = tuple(f"{after}, {becomes}" for after in WORDS)
    return draw_heat_map(HeatMap("Verdicts by what they were and what they are", columns, tuple(rows)), _WIDTH)


def minute_after(moment: datetime) -> str:
    """A moment as the page's address has it: the minute after it, at which it holds."""
    return (moment + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M")


def decisions_in(row: VerdictChange) -> list[str]:
    """The kinds of causes between the moments that are decisions or events, not knowledge."""
    return [kind for kind in row.kinds if kind and kind not in KNOWLEDGE]
