"""Flip: where every alert leads. One cause, what it did to verdicts, what can be seen, where that runs, what helps, and what to do."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec.structs import replace

from hullmark.model.advisory import SEVERITIES
from hullmark.model.errors import HullmarkError
from hullmark.model.isolation import GRADES
from hullmark.model.notice import TRANSITION_KINDS, Evidence
from hullmark.server.api.caller import Caller
from hullmark.server.api.notice import silences as actions
from hullmark.server.api.notice.silences import SilenceBody
from hullmark.server.api.notice.tickets import ask_for_ticket
from hullmark.server.api.paging import Page, page, values_in
from hullmark.server.api.problems import not_found, problem
from hullmark.server.console.forms import moment_text, texts_of
from hullmark.server.console.listing import Column, Listing, ShownPage, export, wants_export
from hullmark.server.console.tickets import ticket_text
from hullmark.server.console.views import redirect, render, rights
from hullmark.server.stories.identity.account_address import account_base
from hullmark.server.stories.images.reached import read_index
from hullmark.server.stories.judging.forecast import Blame, Forecast, PackageFix, blamed_of, forecasts
from hullmark.server.stories.notice.links import root_of
from hullmark.server.stories.notice.tickets import Tickets, tickets_about
from hullmark.server.stories.services import Services
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.images import images
from hullmark.server.tables.notice import cause_pages, transition_lists, transitions
from hullmark.server.tables.notice.cause_pages import CauseSum, StandingVerdict
from hullmark.server.tables.notice.transition_lists import CauseCount, CauseMessage, TransitionFilter
from hullmark.server.tables.notice.transitions import OF_ADVISORIES, CauseRow, TransitionRow
from hullmark.server.tables.places.placements import PlacementRow, placements_of_cause

_HIGHEST = (1 << 62) - 1
_MESSAGES = 20
_EVIDENCE = 12
_ITEMS = 20
_PLACES = 20
_SILENT = timedelta(days=7)
_ADVISORY = re.compile(r"[A-Za-z]{2,10}-\S{2,60}").fullmatch
_FIELDS = ("owner", "reason", "ends_at")


class FlipLine(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one image, what is so now, and what would be so without what the cause brought (None: that is not known)."""

    row: TransitionRow
    now: StandingVerdict | None
    without: Forecast | None
    messages: tuple[int, ...]


class Help(msgspec.Struct, frozen=True, kw_only=True):
    """What helps: updates, for how many of the verdicts that are shown, and what these become, by word."""

    fixes: tuple[PackageFix, ...]
    verdicts: int
    becomes: tuple[tuple[str, int], ...]


class CausePage(msgspec.Struct, kw_only=True):
    """What the page shows.

    `counts`: the newest transitions by kind and by what became of them. `accepts`: for each piece of evidence the address of the form that
    accepts it ("": none, or an earlier piece has the same). `advisory` is the address of the page about it ("": there is none).
    """

    cause: CauseRow
    severity: str
    sum: CauseSum
    counts: list[CauseCount]
    evidence: list[Evidence]
    helps: list[Help]
    messages: list[CauseMessage]
    items: ShownPage[FlipLine]
    places: ShownPage[PlacementRow]
    accepts: list[str]
    advisory: str
    ticket: str
    tickets: Tickets
    silent_until: str


_ITEM_COLUMNS: tuple[Column[FlipLine], ...] = (
    Column("image", "Image", lambda line: line.row.reference or line.row.image_digest),
    Column("policy", "Policy", lambda line: line.row.policy),
    Column("change", "What happened", lambda line: f"{line.row.kind}: {line.row.before} → {line.row.after}"),
    Column("now", "Now", lambda line: line.now.verdict if line.now else ""),
    Column("without", "Without this", lambda line: line.without.verdict if line.without else ""),
    Column("at", "When", lambda line: line.row.at, "time"),
)
_PLACE_COLUMNS: tuple[Column[PlacementRow], ...] = (
    Column("place", "Place", lambda row: place_name(row)),
    Column("environment", "Environment", lambda row: row.environment),
    Column("image", "Image", lambda row: row.reference),
    Column("verdict", "Verdict", lambda row: row.verdict),
    Column("grade", "Isolation", lambda row: GRADES[row.grade] if row.grade is not None else ""),
    Column("since", "Since", lambda row: row.since, "time"),
)


def place_name(row: PlacementRow) -> str:
    """A place as people call it: CLUSTER/NAMESPACE/WORKLOAD/CONTAINER."""
    return row.told or "/".join(part for part in (row.cluster, row.namespace, row.workload, row.container) if part)


@get("/{account:str}/causes/{number:int}", opt=rights("notices:read"))
async def cause_page(
    request: Request[Any, Any, Any],
    number: FromPath[int],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
) -> Response[Any]:
    """A cause and all that came of it."""
    cause = await _cause(services, caller, number)
    items, places = _items(services, caller, cause), _places(services, caller, number)
    for listing in (items, places):
        if wants_export(request, listing.name):
            return export(request, listing)
    account_id = caller.account_id
    async with services.database.tenant(account_id) as connection:
        summed = await cause_pages.sum_cause(connection, account_id, number)
        counts = await cause_pages.count_outcomes(connection, account_id, number)
        # Digests are among them only where they need not be looked for among too many.
        told = transition_lists.messages_of_cause if summed.is_all else cause_pages.own_messages
        messages = await told(connection, account_id, number, _MESSAGES)
        kept = await tickets_about(connection, account_id, cause)
    shown = await items.shown(request, _ITEMS)
    first = shown.rows[0].row if shown.rows else None
    evidence = [msgspec.convert(raw, Evidence) for raw in _evidence(cause, first)[:_EVIDENCE]]
    evidence = await _add_reach(services, caller, evidence, first.image_digest if first else "")
    helps = _helps(shown.rows)
    link = f"{root_of(services.settings)}{account_base(caller.account)}/causes/{number}"
    view = CausePage(
        cause=cause,
        severity=SEVERITIES[cause.severity],
        sum=summed,
        counts=counts,
        evidence=evidence,
        helps=helps,
        messages=messages,
        items=shown,
        places=await places.shown(request, _PLACES),
        accepts=_accept_forms(caller, cause, evidence),
        advisory=_advisory(caller, cause),
        ticket=ticket_text(cause, summed, evidence, [line.row.reference for line in shown.rows], link),
        tickets=kept,
        silent_until=moment_text(services.clock() + _SILENT),
    )
    return render(request, "pages/cause.html", view=view, grades=GRADES, kinds=TRANSITION_KINDS, place_name=place_name)


async def _cause(services: Services, caller: Caller, number: int) -> CauseRow:
    async with services.database.tenant(caller.account_id) as connection:
        wanted = [number] if 0 < number <= _HIGHEST else []
        rows = await transitions.causes(connection, caller.account_id, wanted)
    if number not in rows:
        raise not_found(f"cause {number}")
    return rows[number]


def _evidence(cause: CauseRow, first: TransitionRow | None) -> list[dict[str, Any]]:
    """What can be seen: of the cause, or of the first image, where the cause says nothing of itself."""
    return cause.evidence or (first.evidence if first is not None else [])


async def _add_reach(services: Services, caller: Caller, evidence: list[Evidence], digest: str) -> list[Evidence]:
    """The same with whether the start of that image reaches the packages, and how; as it is where that is not known."""
    if not digest or not any(line.package for line in evidence):
        return evidence
    async with services.database.tenant(caller.account_id) as connection:
        image = await images.held_image(connection, caller.account_id, digest)
    try:
        index = await asyncio.to_thread(read_index, services.objects, image.reach) if image is not None else None
    except HullmarkError:
        return evidence  # it is lost: the page says the rest
    if index is None:
        return evidence
    return [
        replace(line, reach=index.of(line.package)) if line.package.startswith("pkg:") and line.reach is None else line
        for line in evidence
    ]


def _items(services: Services, caller: Caller, cause: CauseRow) -> Listing[FlipLine]:
    async def fetch(cursor: str, limit: int) -> Page[FlipLine]:
        below = values_in(cursor, int)
        account_id = caller.account_id
        async with services.database.tenant(account_id) as connection:
            wanted = TransitionFilter(cause=cause.id)
            rows = await transition_lists.list_transitions(connection, account_id, wanted, below=below, limit=limit + 1)
            found = page(rows, limit, lambda row: row.id)
            slots = [(row, (row.image_id or 0, row.policy_id or 0, row.environment)) for row in found.items]
            now = await cause_pages.standing_verdicts(connection, account_id, [slot for _, slot in slots])
            told = await transition_lists.messages_with(connection, account_id, [row.id for row in found.items])
            asked = [(now[slot].history_id, _find_blame(cause, row)) for row, slot in slots if slot in now]
            without = await forecasts(services, connection, account_id, asked)
        lines = [
            FlipLine(
                row=row,
                now=now.get(slot),
                without=without.get(now[slot].history_id) if slot in now else None,
                messages=tuple(told.get(row.id, ())),
            )
            for row, slot in slots
        ]
        return Page(items=lines, next=found.next)

    return Listing(name="images", columns=_ITEM_COLUMNS, fetch=fetch, cursor_name="images.cursor")


def _find_blame(cause: CauseRow, row: TransitionRow) -> Blame:
    return blamed_of(cause.kind in OF_ADVISORIES, cause.subject, row.evidence)


def _places(services: Services, caller: Caller, number: int) -> Listing[PlacementRow]:
    async def fetch(cursor: str, limit: int) -> Page[PlacementRow]:
        after = values_in(cursor, int) or 0
        async with services.database.tenant(caller.account_id) as connection:
            rows = await placements_of_cause(connection, caller.account_id, number, after, limit + 1)
        return page(rows, limit, lambda row: row.id)

    return Listing(name="places", columns=_PLACE_COLUMNS, fetch=fetch, cursor_name="places.cursor")


def _helps(lines: Sequence[FlipLine]) -> list[Help]:
    """What helps, what helps most first, by the lines that are shown. What nothing would change is left out."""
    groups: dict[tuple[PackageFix, ...], list[FlipLine]] = {}
    for line in lines:
        if line.without is not None and line.without.findings:
            groups.setdefault(line.without.fixes, []).append(line)
    made = []
    for fixes, some in groups.items():
        words = Counter(line.without.verdict for line in some if line.without is not None)
        becomes = tuple(words.most_common())
        made.append(Help(fixes=fixes, verdicts=len(some), becomes=becomes))
    return sorted(made, key=lambda group: (not any(fix.version for fix in group.fixes), -group.verdicts))


def _accept_forms(caller: Caller, cause: CauseRow, evidence: list[Evidence]) -> list[str]:
    """For each piece of evidence the address of the form that accepts it, filled; "" where it is not a finding, is gone, or is accepted by
    the form of an earlier one."""
    addresses = [_accept_form(caller, cause, line) for line in evidence]
    return [address if address not in addresses[:at] else "" for at, address in enumerate(addresses)]


def _accept_form(caller: Caller, cause: CauseRow, line: Evidence) -> str:
    if not (line.rule and line.subject and line.is_gained):
        return ""
    subject = f"{line.advisory}*" if line.advisory and line.subject.startswith(line.advisory) else line.subject
    given = {"rule": line.rule, "subject": subject, "reason": cause.sentence}
    return f"{account_base(caller.account)}/exceptions/new?{urlencode(given)}"


def _advisory(caller: Caller, cause: CauseRow) -> str:
    is_seen = any(line.get("advisory") == cause.subject for line in cause.evidence)
    is_one = (is_seen or cause.kind in OF_ADVISORIES) and _ADVISORY(cause.subject)
    return f"{account_base(caller.account)}/advisories/{quote(cause.subject, safe='')}" if is_one else ""


@post("/{account:str}/causes/{number:int}/silence", opt=rights("notices:write"))
async def silence_cause(
    request: Request[Any, Any, Any],
    number: FromPath[int],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> Response[Any]:
    """Have nobody hear of the cause's subject for a time, as POST /api/v1/silences does."""
    cause = await _cause(services, caller, number)
    given: Mapping[str, str] = await texts_of(request, _FIELDS)
    if not given["owner"] or not given["reason"]:
        raise problem(422, "a silence needs an owner and a reason", "say who answers for it and why")
    try:
        # The browser's own field sends no zone; the page says that it is UTC.
        wanted = {**given, "ends_at": f"{given['ends_at'][:16]}:00Z", "subject": cause.subject[:1000] or "*"}
        body = msgspec.convert(wanted, SilenceBody, strict=False)
    except msgspec.ValidationError as error:
        raise problem(422, f"the silence cannot be used: {error}", "say until when, in UTC") from error
    await actions.silence(services, caller, origin, body)
    return redirect(f"{account_base(caller.account)}/causes/{number}?silenced=1")


@post("/{account:str}/causes/{number:int}/ticket", opt=rights("notices:write"))
async def ticket_about_cause(
    request: Request[Any, Any, Any],
    number: FromPath[int],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> Response[Any]:
    """Have a channel make a ticket, as POST /api/v1/transitions/causes/NUMBER/tickets does."""
    given = await texts_of(request, ("channel",))
    await ask_for_ticket(services, caller, origin, number, given["channel"])
    return redirect(f"{account_base(caller.account)}/causes/{number}?ticket=1#ticket")


ROUTES = [cause_page, silence_cause, ticket_about_cause]
