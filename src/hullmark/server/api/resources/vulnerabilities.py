"""What is wrong with the packages of images, and which images hold something."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple, cast

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from hullmark.advisories.match.risk import FIX_STATES
from hullmark.model.advisory import SEVERITIES, Severity
from hullmark.model.match import CoverageGap
from hullmark.model.reach import REACHES, MatchReach, Reach
from hullmark.reach.matched import ReachIndex
from hullmark.server.api.caller import Caller
from hullmark.server.api.formats import render_result
from hullmark.server.api.paging import Cursor, Limit, Page, cursor_of, values_in
from hullmark.server.api.problems import Refusal, problem
from hullmark.server.api.resources.images import find, find_analysed_image, moment
from hullmark.server.api.snapshot_cache import snapshot_cache_of
from hullmark.server.stories.images.analyse import means_of
from hullmark.server.stories.images.reached import read_index
from hullmark.server.stories.images.stored import StoredFacts
from hullmark.server.stories.judging.findings import Moments, matches_of, snapshot_for, uncovered_of
from hullmark.server.stories.services import Services
from hullmark.server.tables.advisories import snapshots
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images import holders
from hullmark.server.tables.images.holders import HolderPage, PackageQuery
from hullmark.server.tables.images.images import HeldImage
from hullmark.server.tables.images.names import names_of
from hullmark.server.tables.judging import reports
from hullmark.server.tables.judging.reports import Filter, MatchPage, StoredMatch, UnknownPackage

_READ: dict[str, Any] = {"permission": "images:read"}

Words = Annotated[str, QueryParameter(max_length=200, description="One or several, with commas.")]
Text = Annotated[str, QueryParameter(max_length=1200)]
Whose = Annotated[
    Literal["all", "os", "non-os"], QueryParameter(description="The distribution's own packages, all others, or both.")
]
Counting = Annotated[
    Literal["yes", "no", "all"], QueryParameter(description="Those that count, the suppressed ones, or both.")
]
Reaching = Annotated[
    str,
    QueryParameter(
        max_length=200,
        description="Those in packages that the image's start reaches so: reachable, unknown, unreachable.",
    ),
]
Following = Annotated[
    bool, QueryParameter(description="A whole document says what the image's start reaches, as far as that is known.")
]
AsOf = Annotated[datetime | None, QueryParameter(description="The moment that counts as now.")]
KnownAt = Annotated[datetime | None, QueryParameter(description="By the advisories that were in use then.")]


class SnapshotView(msgspec.Struct, kw_only=True):
    """The advisories: their digest, the youngest date in them, and the day that counted as today."""

    digest: str
    data_at: str
    day: str


class CountsView(msgspec.Struct, kw_only=True):
    """How many matches count, by severity, and of how many of them a fix is known."""

    severities: dict[Severity, int]
    fixable: dict[Severity, int]


class ReachedMatch(StoredMatch, frozen=True, kw_only=True):
    """A match, and whether the image's start reaches its package: with the shortest way there, or the reason; null where nobody looked."""

    reach: MatchReach | None


class VulnerabilityPage(msgspec.Struct, kw_only=True):
    """Some matches of an image, the most urgent first, and where the next ones begin.

    `uncovered` is what the advisories cannot speak of, once for each namespace and cause: what an exception names. `unknown` are
    packages that cannot be matched: those are unknown, not clean. Both stand on the first page; where there are more packages,
    `unknown_next` is a cursor for /images/{digest}/unknown.
    """

    image: str
    snapshot: SnapshotView | None
    counts: CountsView
    items: list[ReachedMatch]
    next: str | None
    uncovered: list[CoverageGap]
    unknown: list[UnknownPackage]
    unknown_next: str | None


class ReachedPage(NamedTuple):
    items: list[ReachedMatch]
    next: str | None


class HolderView(msgspec.Struct, kw_only=True):
    """An image that holds what was asked for: its digest, what it goes by, and the packages (of many, the first hundred)."""

    digest: str
    references: list[str]
    packages: list[str]


@get(
    "/images/{digest:str}/vulnerabilities",
    operation_id="list_vulnerabilities",
    opt={**_READ, "formats": "matches", "keeps_shape": True, "fails": (409,)},
    summary="What is wrong with an image's packages",
)
async def of_image(  # noqa: PLR0913 - one parameter a filter
    digest: FromPath[str],
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    severity: Words = "",
    fix: Words = "",
    package: Text = "",
    advisory: Text = "",
    kev: FromQuery[bool] = False,
    packages: Whose = "all",
    counting: Counting = "all",
    reach: Reaching = "",
    follow: Following = False,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    format: Words = "",
    limit: Limit = 100,
    cursor: Cursor = "",
) -> Response[VulnerabilityPage]:
    """The matches of an image, page by page. With `format`, `as_of` or `known_at` they are the whole document that `hullmark vulns`
    writes (json, table, sarif, cyclonedx-json …), with `follow` as it does with --reach, and the filters do not count. `advisory` is any
    id: CVE, GHSA …"""
    moments = Moments(as_of=moment(as_of), known_at=moment(known_at))
    if format or moments != Moments():
        moments = msgspec.structs.replace(moments, follows=follow)
        whole = await _whole(request, services, caller, digest, moments, format or "json")
        return cast("Response[VulnerabilityPage]", whole)
    row = await find(services, caller, digest)
    _require_analysed(row)
    index = await asyncio.to_thread(read_index, services.objects, row.reach)
    wanted = Filter(
        severities=_words(severity, SEVERITIES, "severity"),
        fix_states=_words(fix, FIX_STATES, "fix"),
        package=package,
        advisory=advisory,
        system={"all": None, "os": True, "non-os": False}[packages],
        counting={"all": None, "yes": True, "no": False}[counting],
        exploited=kev or None,
        **reach_filter(index, _words(reach, REACHES, "reach")),
    )
    async with services.database.tenant(caller.account_id) as connection:
        found = await reports.report(connection, row.id, wanted, cursor or None, limit)
        page = await _make_vulnerability_page(connection, row, with_reach(found, index), limit, is_first=not cursor)
    if page.snapshot is not None and not cursor:
        page.uncovered = await asyncio.to_thread(_list_coverage_gaps, request, services, row, page.snapshot)
    return Response(page)


def reach_filter(index: ReachIndex | None, wanted: tuple[Reach, ...]) -> dict[str, Any]:
    """The part of a filter by which packages are reached. One that nobody looked at is unknown."""
    if not wanted:
        return {}
    if "unknown" not in wanted:
        return {"purls": index.packages_that_are(wanted) if index is not None else ()}
    others = [state for state in REACHES if state not in wanted]
    return {"other_purls": index.packages_that_are(others) if index is not None else ()}


def with_reach(found: MatchPage, index: ReachIndex | None) -> ReachedPage:
    """The matches of a page, each with whether its package is reached."""
    items = [
        ReachedMatch(
            **{name: getattr(match, name) for name in StoredMatch.__struct_fields__},
            reach=index.of(match.package.purl) if index is not None else None,
        )
        for match in found.matches
    ]
    return ReachedPage(items, found.next)


async def _whole(
    request: Request[Any, Any, Any], services: Services, caller: Caller, digest: str, moments: Moments, format: str
) -> Response[bytes]:
    _, facts = await find_analysed_image(services, caller, digest)
    async with services.database.tenant(caller.account_id) as connection:
        snapshot = await snapshot_for(connection, moments)
    found = await asyncio.to_thread(matches_of, services, snapshot_cache_of(request.app), facts, snapshot, moments)
    return await asyncio.to_thread(render_result, "matches", format, found)


async def _make_vulnerability_page(
    connection: Connection, row: HeldImage, found: ReachedPage, limit: int, *, is_first: bool
) -> VulnerabilityPage:
    now = await snapshots.current(connection)
    snapshot = await snapshots.snapshot_by_id(connection, now.snapshot_id) if now.snapshot_id is not None else None
    counts = (await reports.counts(connection, [row.id]))[row.id]
    unknown = await reports.list_unknown_packages(connection, row.id, None, limit) if is_first else None
    return VulnerabilityPage(
        image=row.digest,
        snapshot=SnapshotView(digest=snapshot.digest, data_at=snapshot.data_at, day=now.at) if snapshot else None,
        counts=CountsView(severities=counts.severities, fixable=counts.fixable),
        items=found.items,
        next=found.next,
        uncovered=[],
        unknown=list(unknown.packages) if unknown else [],
        unknown_next=unknown.next if unknown else None,
    )


def _list_coverage_gaps(
    request: Request[Any, Any, Any], services: Services, row: HeldImage, by: SnapshotView
) -> list[CoverageGap]:
    facts = StoredFacts(services.objects, row.document, means_of(services))
    return list(uncovered_of(snapshot_cache_of(request.app), facts, by.digest, by.day))


@get(
    "/images/{digest:str}/unknown",
    operation_id="list_unknown_packages",
    opt={**_READ, "fails": (409,)},
    summary="The packages of which nothing can be said",
)
async def unknown(
    digest: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    limit: Limit = 100,
    cursor: Cursor = "",
) -> Page[UnknownPackage]:
    """Packages with the reasons why nothing can be said of them: they are unknown, not clean."""
    row = await find(services, caller, digest)
    _require_analysed(row)
    async with services.database.tenant(caller.account_id) as connection:
        found = await reports.list_unknown_packages(connection, row.id, cursor or None, limit)
    return Page(items=list(found.packages), next=found.next)


@get(
    "/vulnerabilities/{name:str}/images",
    operation_id="list_vulnerable_images",
    opt=_READ,
    summary="The images in which a vulnerability counts",
)
async def with_advisory(
    name: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    limit: Limit = 100,
    cursor: Cursor = "",
) -> Page[HolderView]:
    """By any id: CVE, GHSA, DSA … A page may be shorter than asked for; `next` says whether there is more."""
    after = _number(cursor)
    async with services.database.tenant(caller.account_id) as connection:
        found = await holders.images_with_advisory(connection, caller.account_id, name, after, limit)
        return await _holders(connection, caller.account_id, found)


@get("/packages", operation_id="list_images_with_package", opt=_READ, summary="The images that hold a package")
async def with_package(  # noqa: PLR0913 - one parameter a filter
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    name: Annotated[str, QueryParameter(min_length=1, max_length=1200, description="The package's very name.")],
    version: Text = "",
    type: Annotated[str, QueryParameter(max_length=100, description="A purl type: deb, pypi …")] = "",
    limit: Limit = 100,
    cursor: Cursor = "",
) -> Page[HolderView]:
    """By name, and version and type where they are given. A page may be shorter than asked for; `next` says whether there is more."""
    wanted = PackageQuery(name=name, version=version, type=type)
    after = _number(cursor)
    async with services.database.tenant(caller.account_id) as connection:
        found = await holders.images_with_package(connection, caller.account_id, wanted, after, limit)
        return await _holders(connection, caller.account_id, found)


async def _holders(connection: Connection, account_id: int, found: HolderPage) -> Page[HolderView]:
    names = await names_of(connection, account_id, [holder.image_id for holder in found.holders])
    items = [
        HolderView(digest=holder.digest, references=names.get(holder.image_id, []), packages=list(holder.purls))
        for holder in found.holders
    ]
    return Page(items=items, next=cursor_of(found.next) if found.next is not None else None)


def _number(cursor: str) -> int | None:
    after = values_in(cursor, int)
    if after is not None and not 0 <= after < 1 << 62:
        raise Refusal(400, "the cursor is not from this list", "begin again without a cursor")
    return after


def _require_analysed(row: HeldImage) -> None:
    if row.state != "analysed":
        raise Refusal(409, f"the image is not analysed: {row.reason or row.state}", row.advice or "wait for it")


def _words(text: str, known: tuple[Any, ...], what: str) -> tuple[Any, ...]:
    words = tuple(dict.fromkeys(word.strip().lower() for word in text.split(",") if word.strip()))
    for word in words:
        if word not in known:
            raise problem(400, f"there is no {what} {word[:40]!r}", f"known are {', '.join(known)}")
    return words


ROUTES = [of_image, unknown, with_advisory, with_package]
