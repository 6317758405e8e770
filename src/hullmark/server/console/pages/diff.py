"""Two images side by side: what came, what went, and what is another version now."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency

from hullmark.catalog.difference.images import ComparedImage, image_difference
from hullmark.model.difference import FileChange, ImageDifference, PackageChange, SettingChange
from hullmark.model.limit import Limit
from hullmark.report.difference_words import facts
from hullmark.server.api.caller import Caller
from hullmark.server.api.problems import Refusal
from hullmark.server.api.resources.images import find
from hullmark.server.console.documents import documents_of
from hullmark.server.console.listing import Column, Listing, ShownPage, export, wants_export
from hullmark.server.console.navigation import Entry
from hullmark.server.console.pages.image.opened import listing_of, read_query_value
from hullmark.server.console.views import render, rights
from hullmark.server.stories.images.documents import StoredAnalysis, get_files
from hullmark.server.stories.services import Services
from hullmark.server.tables.images.images import HeldImage
from hullmark.server.tables.judging import reports
from hullmark.server.tables.judging.reports import Filter, StoredMatch

ENTRY = Entry(title="Compare", path="diff", icon="diff", group="inventory", permission="images:read", order=40)

_MOST_MATCHES = Limit(2000, "vulnerabilities of each of two images that the console compares", "unseen")
_PAGE = 200
_STEPS = {"in": "came", "out": "went", "up": "later", "down": "earlier", "changed": "changed"}


class MatchChange(msgspec.Struct, frozen=True, kw_only=True):
    """A vulnerability that counts in one of two images alone."""

    step: str
    match: StoredMatch


class DiffView(msgspec.Struct, kw_only=True):
    """What differs. `rows` are those of the tab. `is_cut`: one of the images has more vulnerabilities than are compared."""

    before: HeldImage
    after: HeldImage
    facts: list[tuple[str, str]]
    difference: ImageDifference
    rows: ShownPage[Any]
    tab: str
    is_cut: bool = False


_PACKAGES: tuple[Column[PackageChange], ...] = (
    Column("step", "What", lambda row: _STEPS[row.step]),
    Column("package", "Package", lambda row: f"{row.namespace}/{row.name}" if row.namespace else row.name),
    Column("type", "Type", lambda row: row.type),
    Column("before", "Before", lambda row: row.before.version if row.before else "", "code"),
    Column("after", "After", lambda row: row.after.version if row.after else "", "code"),
)
_MATCHES: tuple[Column[MatchChange], ...] = (
    Column("step", "What", lambda row: _STEPS[row.step]),
    Column("severity", "Severity", lambda row: row.match.advisory.severity),
    Column("vulnerability", "Vulnerability", lambda row: row.match.advisory.cve or row.match.advisory.id),
    Column("package", "Package", lambda row: row.match.package.name),
    Column("version", "Version", lambda row: row.match.package.version, "code"),
)
_FILES: tuple[Column[FileChange], ...] = (
    Column("step", "What", lambda row: _STEPS[row.step]),
    Column("path", "Path", lambda row: row.path, "code"),
    Column("differs", "What differs", lambda row: ", ".join(row.what)),
    Column("before", "Bytes before", lambda row: row.before.size if row.before else None, "number"),
    Column("after", "Bytes after", lambda row: row.after.size if row.after else None, "number"),
)
_SETTINGS: tuple[Column[SettingChange], ...] = (
    Column("name", "Setting", lambda row: row.name),
    Column("key", "Key", lambda row: row.key, "code"),
    Column("before", "Before", lambda row: row.before, "code"),
    Column("after", "After", lambda row: row.after, "code"),
)
TABS = ("packages", "vulnerabilities", "files", "settings", "layers")


@get("/{account:str}/diff", opt=rights("images:read"))
async def diff_page(
    request: Request[Any, Any, Any], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> Response[Any]:
    """What differs between the images `before` and `after`, each named by a digest or a reference; `tab` says what is listed."""
    names = read_query_value(request, "before"), read_query_value(request, "after")
    if not all(names):
        return render(request, "pages/diff_of_what.html", before=names[0], after=names[1])
    rows = [await find(services, caller, name) for name in names]
    tab = read_query_value(request, "tab", 20)
    tab = tab if tab in TABS else "packages"
    analyses = [await _analysis(request, row) for row in rows]
    key = f"difference {rows[0].document} {rows[1].document} {tab == 'files'}"
    difference = await asyncio.to_thread(
        documents_of(request.app).known,
        key,
        lambda: _difference(services, analyses, with_files=tab == "files"),
        lambda found: len(found.packages) + len(found.files or ()),
    )
    is_cut, listing = False, _listing(difference, tab)
    if tab == "vulnerabilities":
        changes, is_cut = await _matches(services, caller, rows)
        listing = listing_of("vulnerabilities", _MATCHES, changes)
    if wants_export(request, listing.name):
        return export(request, listing)
    view = DiffView(
        before=rows[0],
        after=rows[1],
        facts=list(facts(difference))[2:],
        difference=difference,
        rows=await listing.shown(request, 100),
        tab=tab,
        is_cut=is_cut,
    )
    return render(request, "pages/diff.html", view=view)


async def _analysis(request: Request[Any, Any, Any], row: HeldImage) -> StoredAnalysis:
    if not row.document:
        name = next(iter(row.tags), row.reference or row.digest)
        raise Refusal(409, f"the image {name} is not analysed: {row.reason or row.state}", "wait for it")
    return await asyncio.to_thread(documents_of(request.app).analysis, row.document)


def _difference(services: Services, analyses: list[StoredAnalysis], *, with_files: bool) -> ImageDifference:
    sides = []
    for analysis in analyses:
        files = get_files(services.objects, analysis) if with_files else None
        sides.append(ComparedImage(inventory=msgspec.structs.replace(analysis.inventory, files=files)))
    return image_difference(sides[0], sides[1])


def _listing(difference: ImageDifference, tab: str) -> Listing[Any]:
    if tab == "files":
        return listing_of("files", _FILES, list(difference.files or ()))
    if tab == "settings":
        return listing_of("settings", _SETTINGS, list(difference.settings or ()))
    return listing_of("packages", _PACKAGES, list(difference.packages))


async def _matches(services: Services, caller: Caller, rows: list[HeldImage]) -> tuple[list[MatchChange], bool]:
    """The vulnerabilities that count in one of them alone, those that came first; and whether one has more than are compared."""
    found: list[dict[tuple[str, str], StoredMatch]] = []
    is_cut = False
    async with services.database.tenant(caller.account_id) as connection:
        for row in rows:
            matches: dict[tuple[str, str], StoredMatch] = {}
            cursor: str | None = None
            while True:
                read = await reports.report(connection, row.id, Filter(counting=True), cursor, _PAGE)
                for match in read.matches:
                    matches.setdefault((match.advisory.cve or match.advisory.id, match.package.name), match)
                cursor = read.next
                if cursor is None or len(matches) >= _MOST_MATCHES:
                    is_cut = is_cut or cursor is not None
                    break
            found.append(matches)
    before, after = found
    came = [MatchChange(step="in", match=match) for key, match in after.items() if key not in before]
    went = [MatchChange(step="out", match=match) for key, match in before.items() if key not in after]
    return [*came, *went], is_cut


ROUTES = [diff_page]
