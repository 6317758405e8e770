"""What policies say of an image, with every finding and where it can be seen."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import msgspec
from litestar import Request

from hullmark.model.problem import Problem
from hullmark.model.verdict import Finding
from hullmark.report.verdict_words import excuse, places
from hullmark.server.api.problems import not_found
from hullmark.server.console.listing import Column, Listing, ShownPage
from hullmark.server.console.pages.image.opened import OpenedImage, Tab, export_listing, listing_of, read_query_value
from hullmark.server.stories.images.documents import KeptVerdict, verdict_at
from hullmark.server.stories.judging.earlier import first_seen_of
from hullmark.server.stories.services import Services
from hullmark.server.tables.judging import verdicts
from hullmark.server.tables.judging.verdicts import VerdictRow

_RANK = {"stop": 0, "unknown": 1, "warn": 2, "go": 3}
_ACTIONS = ("stop", "warn", "go", "aside")
_PLACES = 6
_PROBLEMS = 20


class ShownFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding as a row: `places` say where it can be seen, `excuse` why it does not count ("": it does)."""

    action: str
    rule: str
    trigger: str
    subject: str
    message: str
    advice: str
    advisory: str
    places: tuple[str, ...]
    excuse: str
    since: datetime | None


class FindingsView(msgspec.Struct, kw_only=True):
    """A verdict and its findings. `counts` are by what the tabs above them are called."""

    row: VerdictRow
    reason: str
    findings: ShownPage[ShownFinding]
    chosen: str
    counts: dict[str, int]
    problems: tuple[Problem, ...]
    more_problems: int


class VerdictsView(msgspec.Struct, kw_only=True):
    """All verdicts that hold, and the findings of one."""

    rows: list[VerdictRow]
    shown: FindingsView | None


_COLUMNS: tuple[Column[ShownFinding], ...] = (
    Column("action", "Action", lambda row: "excepted" if row.excuse else row.action),
    Column("finding", "Finding", lambda row: row.message),
    Column("rule", "Rule", lambda row: row.rule),
    Column("subject", "Subject", lambda row: row.subject, "code"),
    Column("since", "Since", lambda row: row.since, "time"),
)


async def show(image: OpenedImage) -> Any:
    """The tab."""
    async with image.services.database.tenant(image.caller.account_id) as connection:
        rows = await verdicts.current(connection, image.caller.account_id, image.row.id, shadows=True)
    rows.sort(key=lambda row: (row.is_shadow, _RANK[row.verdict], row.policy, row.environment))
    if not rows:
        return VerdictsView(rows=[], shown=None)
    wanted = image.asked("verdict", 20)
    row = next((row for row in rows if str(row.id) == wanted), None) if wanted else rows[0]
    if row is None:
        raise not_found("verdict of this number in force on the image", "choose one from the list")
    found = await findings_of(image.request, image.services, row)
    return VerdictsView(rows=rows, shown=found) if isinstance(found, FindingsView) else found


async def findings_of(request: Request[Any, Any, Any], services: Services, row: VerdictRow) -> Any:
    """The findings of a verdict, or their export."""
    verdict = await asyncio.to_thread(verdict_at, services.objects, row)
    known = first_seen_of(verdict, row.at)
    counts = _counts(verdict)
    wanted = read_query_value(request, "action", 10)
    chosen = wanted if wanted in _ACTIONS else next((name for name in _ACTIONS if counts[name]), "stop")
    listing = _listing([_make_finding_view(finding, known) for finding in verdict.findings if _fits(finding, chosen)])
    return export_listing(request, listing) or FindingsView(
        row=row,
        reason=verdict.reason,
        findings=await listing.shown(request),
        chosen=chosen,
        counts=counts,
        problems=verdict.problems[:_PROBLEMS],
        more_problems=max(len(verdict.problems) - _PROBLEMS, 0),
    )


def _listing(rows: list[ShownFinding]) -> Listing[ShownFinding]:
    return listing_of("findings", _COLUMNS, rows)


def _fits(finding: Finding, chosen: str) -> bool:
    return _name_of(finding) == chosen


def _name_of(finding: Finding) -> str:
    return "aside" if finding.allowlisted is not None else finding.action.value


def _counts(verdict: KeptVerdict) -> dict[str, int]:
    counts = dict.fromkeys(_ACTIONS, 0)
    for finding in verdict.findings:
        counts[_name_of(finding)] += 1
    return counts


def _make_finding_view(finding: Finding, known: dict[str, datetime]) -> ShownFinding:
    return ShownFinding(
        action=finding.action.value,
        rule=finding.rule_id,
        trigger=f"{finding.gate}.{finding.trigger}",
        subject=finding.subject,
        message=finding.message,
        advice=finding.recommendation,
        advisory=finding.weakness.advisory if finding.weakness is not None else "",
        places=tuple(places(finding.evidence, _PLACES)),
        excuse=excuse(finding),
        since=known.get(finding.trigger_id),
    )


TAB = Tab(key="verdicts", title="Verdicts", show=show, permission="verdicts:read", needs_analysis=False)
