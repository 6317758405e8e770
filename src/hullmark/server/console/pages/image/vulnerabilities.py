"""What is known to be wrong with the packages of an image, the most urgent first."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from hullmark.model.advisory import SEVERITIES, Severity
from hullmark.model.reach import REACHES
from hullmark.reach.matched import ReachIndex
from hullmark.server.api.paging import Page
from hullmark.server.api.resources.vulnerabilities import ReachedMatch, reach_filter, with_reach
from hullmark.server.console.listing import Column, Listing, ShownPage
from hullmark.server.console.pages.image.opened import OpenedImage, Tab, export_listing
from hullmark.server.tables.advisories import snapshots
from hullmark.server.tables.judging import reports
from hullmark.server.tables.judging.reports import Filter, UnknownPackage

_UNKNOWN = 200


class VulnerabilitiesView(msgspec.Struct, kw_only=True):
    """The matches that fit the filters, how many count by severity, and the packages that cannot be matched. `is_matched`: the
    server has advisories; `is_followed`: it is known what the image's start reaches."""

    matches: ShownPage[ReachedMatch]
    counts: dict[Severity, int]
    fixable: int
    unknown: list[tuple[str, list[UnknownPackage]]]
    has_more_unknown: bool
    severity: str
    package: str
    fix: str
    counting: str
    is_exploited: bool
    reach: str
    is_followed: bool
    is_matched: bool


_COLUMNS: tuple[Column[ReachedMatch], ...] = (
    Column("severity", "Severity", lambda row: row.advisory.severity),
    Column("vulnerability", "Vulnerability", lambda row: row.advisory.id),
    Column("package", "Package", lambda row: row.package.name),
    Column("reach", "Reachable", lambda row: row.reach.reach if row.reach else ""),
    Column("installed", "Installed", lambda row: row.package.version, "code"),
    Column("fixed", "Fixed in", lambda row: row.fix.version or row.fix.state, "code"),
    Column("epss", "EPSS", lambda row: row.advisory.epss.score if row.advisory.epss else None, "number"),
    Column("risk", "Risk", lambda row: round(row.risk, 1), "number"),
)


async def show(image: OpenedImage) -> Any:
    """The tab."""
    index = await image.reach()
    listing = _listing(image, _filter(image, index), index)
    if (answer := export_listing(image.request, listing)) is not None:
        return answer
    async with image.services.database.tenant(image.caller.account_id) as connection:
        counts = (await reports.counts(connection, [image.row.id]))[image.row.id]
        unknown = await reports.list_unknown_packages(connection, image.row.id, None, _UNKNOWN)
        current = await snapshots.current(connection)
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
        reach=image.asked("reach", 20),
        is_followed=index is not None,
        is_matched=current.snapshot_id is not None,
    )


def _filter(image: OpenedImage, index: ReachIndex | None) -> Filter:
    severity, reach = image.asked("severity", 20), image.asked("reach", 20)
    return Filter(
        severities=(cast("Severity", severity),) if severity in SEVERITIES else (),
        fix_states=("fixed",) if image.asked("fix", 20) == "fixed" else (),
        package=image.asked("package"),
        counting=image.asked("counting", 10) != "no",
        exploited=True if image.asked("kev", 1) else None,
        **reach_filter(index, (reach,) if reach in REACHES else ()),
    )


def _listing(image: OpenedImage, wanted: Filter, index: ReachIndex | None) -> Listing[ReachedMatch]:
    async def fetch(cursor: str, limit: int) -> Page[ReachedMatch]:
        async with image.services.database.tenant(image.caller.account_id) as connection:
            found = await reports.report(connection, image.row.id, wanted, cursor or None, limit)
        shown = with_reach(found, index)
        return Page(items=shown.items, next=shown.next)

    return Listing(name="vulnerabilities", columns=_COLUMNS, fetch=fetch)


TAB = Tab(key="vulnerabilities", title="Vulnerabilities", show=show)
