"""What is known to be wrong with the packages of an image, the most urgent first."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from hullmark.model.advisory import SEVERITIES, Severity
from hullmark.server.api.paging import Page
from hullmark.server.console.listing import Column, Listing, Shown
from hullmark.server.console.pages.image.opened import OpenedImage, Tab, exported
from hullmark.server.tables.judging import reports
from hullmark.server.tables.judging.reports import Filter, StoredMatch, UnknownPackage

_UNKNOWN = 200


class VulnerabilitiesView(msgspec.Struct, kw_only=True):
    """The matches that fit the filters, how many count by severity, and the packages of which nothing can be said."""

    matches: Shown[StoredMatch]
    counts: dict[Severity, int]
    fixable: int
    unknown: list[tuple[str, list[UnknownPackage]]]
    has_more_unknown: bool
    severity: str
    package: str
    fix: str
    counting: str
    is_exploited: bool


_COLUMNS: tuple[Column[StoredMatch], ...] = (
    Column("severity", "Severity", lambda row: row.advisory.severity),
    Column("vulnerability", "Vulnerability", lambda row: row.advisory.id),
    Column("package", "Package", lambda row: row.package.name),
    Column("installed", "Installed", lambda row: row.package.version, "code"),
    Column("fixed", "Fixed in", lambda row: row.fix.version or row.fix.state, "code"),
    Column("epss", "EPSS", lambda row: row.advisory.epss.score if row.advisory.epss else None, "number"),
    Column("risk", "Risk", lambda row: round(row.risk, 1), "number"),
)


async def show(image: OpenedImage) -> Any:
    """The tab."""
    listing = _listing(image, _filter(image))
    if (answer := exported(image.request, listing)) is not None:
        return answer
    async with image.services.database.tenant(image.caller.account_id) as connection:
        counts = (await reports.counts(connection, [image.row.id]))[image.row.id]
        unknown = await reports.unknown(connection, image.row.id, None, _UNKNOWN)
    by_reason: dict[str, list[UnknownPackage]] = {}
    for package in unknown.packages:
        by_reason.setdefault("; ".join(package.reasons), []).append(package)
    return VulnerabilitiesView(
        matches=await listing.shown(image.request),
        counts=counts.severities,
        fixable=sum(counts.fixable.values()),
        unknown=sorted(by_reason.items()),
        has_more_unknown=unknown.next is not None,
        severity=image.asked("severity", 20),
        package=image.asked("package"),
        fix=image.asked("fix", 20),
        counting=image.asked("counting", 10),
        is_exploited=bool(image.asked("kev", 1)),
    )


def _filter(image: OpenedImage) -> Filter:
    severity = image.asked("severity", 20)
    return Filter(
        severities=(cast("Severity", severity),) if severity in SEVERITIES else (),
        fix_states=("fixed",) if image.asked("fix", 20) == "fixed" else (),
        package=image.asked("package"),
        counting=image.asked("counting", 10) != "no",
        exploited=True if image.asked("kev", 1) else None,
    )


def _listing(image: OpenedImage, wanted: Filter) -> Listing[StoredMatch]:
    async def fetch(cursor: str, limit: int) -> Page[StoredMatch]:
        async with image.services.database.tenant(image.caller.account_id) as connection:
            found = await reports.report(connection, image.row.id, wanted, cursor or None, limit)
        return Page(items=list(found.matches), next=found.next)

    return Listing(name="vulnerabilities", columns=_COLUMNS, fetch=fetch)


TAB = Tab(key="vulnerabilities", title="Vulnerabilities", show=show)
