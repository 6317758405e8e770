"""Minimality: what of an image its start reaches, what may go, and what that would take along."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from markupsafe import Markup

from hullmark.model.reach import REACHES, Minimality, PackageReach, ProgramReach, Reach
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Page, page, values_in
from hullmark.server.api.problems import not_found
from hullmark.server.api.resources.images import find_analysed_image
from hullmark.server.api.resources.reach import minimality_of
from hullmark.server.console.charts.bars import Bars, Part, Row, draw_bars
from hullmark.server.console.charts.layered import draw_graph
from hullmark.server.console.charts.svg import Size
from hullmark.server.console.charts.treemap import Tile, draw_treemap
from hullmark.server.console.documents import documents_of
from hullmark.server.console.files_by_reach import TONES, FilesByReach
from hullmark.server.console.listing import Column, Listing, ShownPage, export, wants_export
from hullmark.server.console.pages.file_ways import MOST_OPEN, OpenNode, file_ways
from hullmark.server.console.pages.reached_files import WORDS, ReachedView, folder_tiles
from hullmark.server.console.pages.reached_files import listing as files_listing
from hullmark.server.console.pages.reached_files import make_reached_view as files_shown
from hullmark.server.console.pages.reached_files import tiles_json as files_json
from hullmark.server.console.pages.ways import ways_graph
from hullmark.server.console.views import HEADERS, render, rights
from hullmark.server.stories.services import Services
from hullmark.server.tables.images.images import HeldImage

_TABS: tuple[tuple[str, Reach | None], ...] = (
    ("purge", "unreachable"),
    ("needed", "reachable"),
    ("unknown", "unknown"),
    ("programs", None),
    ("files", None),
    ("ways", None),
    ("recipe", None),
)
_MAP = Size(1000, 420)
_BAR_WIDTH = 620.0


class Shares(msgspec.Struct, frozen=True, kw_only=True):
    """How much of something is needed, cannot be told, and may go; `unit` is "" or "bytes"."""

    name: str
    unit: str
    reachable: int
    unknown: int
    unreachable: int

    @property
    def before(self) -> int:
        """All there is."""
        return self.reachable + self.unknown + self.unreachable

    @property
    def after(self) -> int:
        """What is left when all that may go has gone."""
        return self.reachable + self.unknown


class MinimalityView(msgspec.Struct, kw_only=True):
    """What the page shows. `command` removes what the package manager can remove ("": nothing). `map` is by "packages" or "folders";
    `has_files`: it is known of each file whether it is needed. `opens` are the open nodes of the graph."""

    image: HeldImage
    found: Minimality
    tab: str
    shares: list[Shares]
    picture: Markup
    bars: Markup
    graph: Markup
    command: str
    table: ShownPage[Any] | None
    map: str
    has_files: bool
    opens: list[OpenNode]
    files: ReachedView | None = None


@get("/{account:str}/images/{digest:str}/minimality", opt=rights("images:read"))
async def minimality_page(
    digest: FromPath[str],
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
) -> Response[Any]:
    """The whole page; `data=tiles` answers what the map is drawn of, `data=files` what a tile of it opens into."""
    row, facts = await find_analysed_image(services, caller, digest)
    found = await minimality_of(services, caller, row, facts)
    files = await asyncio.to_thread(documents_of(request.app).reached_files, facts.analysis.reach)
    if (data := request.query_params.get("data")) in ("tiles", "files"):
        told = await asyncio.to_thread(_data, request, found, files, data)
        return Response(told, media_type="application/json", headers=dict(HEADERS))
    asked = request.query_params.get("tab", "")
    tab = asked if asked in dict(_TABS) else _TABS[0][0]
    listing = files_listing(files, request) if tab == "files" and files is not None else _listing(found, tab)
    if listing is not None and wants_export(request, listing.name):
        return export(request, listing)
    view = await asyncio.to_thread(_view, request, row, found, files, tab)
    if tab == "files" and files is not None:
        view.files = await files_shown(
            files, {one.purl: f"{one.name} {one.version}" for one in found.packages}, request
        )
    else:
        view.table = await listing.shown(request) if listing is not None else None
    return render(request, "pages/minimality.html", view=view, words=WORDS, tones=TONES, reaches=REACHES)


def _data(request: Request[Any, Any, Any], found: Minimality, files: FilesByReach | None, data: str) -> bytes:
    """Raises Refusal 404 where it is not known of each file."""
    if data == "tiles":
        return tiles_json(found, has_files=files is not None)
    if files is None:
        raise not_found("such knowledge of single files", "have the image analysed again")
    return files_json(files, request)


def _view(
    request: Request[Any, Any, Any], row: HeldImage, found: Minimality, files: FilesByReach | None, tab: str
) -> MinimalityView:
    shares, address = shares_of(found), str(request.url.path)
    opened = frozenset(request.query_params.getall("open", [])[:MOST_OPEN])
    is_by_folder = files is not None and request.query_params.get("map") == "folders"
    if is_by_folder and files is not None:
        picture = draw_treemap("Bytes by folder", folder_tiles(files, "/", address), "bytes", _MAP)
    else:
        picture = draw_treemap("Bytes of packages", tiles(found, address if files is not None else ""), "bytes", _MAP)
    graph, opens = Markup(""), list[OpenNode]()
    if tab == "ways":
        ways, opens = (
            file_ways(files, found.packages, opened, address)
            if files is not None
            else (ways_graph(found, opened, address), [])
        )
        graph = draw_graph(ways, "Ways from the start")
    return MinimalityView(
        image=row,
        found=found,
        tab=tab,
        shares=shares,
        picture=picture,
        bars=_bars(shares),
        graph=graph,
        command=f"{found.recipe.command} {shlex.join(found.recipe.purge)}" if found.recipe.purge else "",
        table=None,
        map="folders" if is_by_folder else "packages",
        has_files=files is not None,
        opens=opens,
    )


def shares_of(found: Minimality) -> list[Shares]:
    """What there is before and after, in bytes, files, packages, programs and advisories."""
    counts = {reach: found.counts[reach] for reach in REACHES if reach in found.counts}

    def shares(name: str, field: str, unit: str = "") -> Shares:
        numbers = {reach: int(getattr(counts[reach], field)) if reach in counts else 0 for reach in REACHES}
        return Shares(name=name, unit=unit, **numbers)

    made = [
        shares("Bytes", "bytes", "bytes"),
        shares("Files", "files"),
        shares("Packages", "packages"),
        shares("Programs", "programs"),
    ]
    if found.matches is not None:
        ways: dict[str, set[Reach]] = {}
        for match in found.matches:
            ways.setdefault(match.advisory, set()).add(match.reach)
        # An advisory goes only if every package that it is about may go.
        best = [next(reach for reach in REACHES if reach in reaches) for reaches in ways.values()]
        made.append(Shares(name="Advisories", unit="", **{reach: best.count(reach) for reach in REACHES}))
    return made


def tiles(found: Minimality, address: str = "") -> list[Tile]:
    """Kinds of packages, packages, and in each the bytes that are needed, unknown, and may go; files of no package last.

    `address` is that of the page: packages lead to their files there ("": these are not known)."""
    packages = {package.purl: package for package in found.packages}
    by_purl: dict[str, dict[Reach, int]] = {}
    for share in found.shares:
        by_purl.setdefault(share.purl, {})[share.reach] = share.bytes
    kinds: dict[str, list[Tile]] = {}
    for purl, parts in by_purl.items():
        package = packages.get(purl)
        tile = _tile(package, parts)
        if address:
            href = f"{address}?{urlencode({'tab': 'files', 'package': purl})}#files"
            tile = msgspec.structs.replace(tile, href=href, key=purl)
        kinds.setdefault(package.type if package else "", []).append(tile)
    return [
        Tile(kind or "of no package", sum(tile.weight for tile in inside), "soft", tiles=tuple(inside))
        for kind, inside in sorted(kinds.items())
    ]


def _tile(package: PackageReach | None, parts: dict[Reach, int]) -> Tile:
    name = f"{package.name} {package.version}" if package else "files of no package"
    inside = tuple(Tile(WORDS[reach], parts[reach], TONES[reach]) for reach in REACHES if parts.get(reach))
    reach: Reach = package.reach if package else "unknown"
    if len(inside) == 1:
        return Tile(name, inside[0].weight, inside[0].tone)
    return Tile(name, sum(tile.weight for tile in inside), TONES[reach], tiles=inside)


def tiles_json(found: Minimality, *, has_files: bool) -> bytes:
    """The tiles for the module that draws them: {name, bytes, tone, tiles, more}; `more` is the query that opens a tile into its files."""
    return msgspec.json.encode(
        {"name": "", "tiles": [_encode_tile(tile) for tile in tiles(found, "?" if has_files else "")]}
    )


def _encode_tile(tile: Tile) -> dict[str, Any]:
    told: dict[str, Any] = {"name": tile.name, "bytes": int(tile.weight), "tone": tile.tone}
    if tile.href is not None:
        told["more"] = f"?{urlencode({'data': 'files', 'package': tile.key})}"
    return told | ({"tiles": [_encode_tile(part) for part in tile.tiles]} if tile.tiles else {})


def _bars(shares: Sequence[Shares]) -> Markup:
    """Each kind of thing as one bar of equal length."""
    rows = []
    for one in shares:
        whole = one.before or 1
        parts = tuple(Part(WORDS[reach], TONES[reach], 100 * getattr(one, reach) / whole) for reach in REACHES)
        rows.append(Row(one.name, parts if one.before else ()))
    return draw_bars(Bars("What is needed, unknown, and may go", tuple(rows), "%", sums=False), _BAR_WIDTH)


_PACKAGE_COLUMNS: tuple[Column[PackageReach], ...] = (
    Column("name", "Package", lambda row: row.name),
    Column("version", "Version", lambda row: row.version, "code"),
    Column("bytes", "Bytes", lambda row: row.bytes, "number"),
    Column("advisories", "Advisories", lambda row: 0, "number"),
    Column("reason", "Why", lambda row: row.reason or " → ".join(step.path for step in row.witness)),
)
_PROGRAM_COLUMNS: tuple[Column[ProgramReach], ...] = (
    Column("reach", "Start", lambda row: WORDS[row.reach]),
    Column("path", "Program", lambda row: row.path, "code"),
    Column("kinds", "Of interest as", lambda row: ", ".join(row.kinds)),
    Column("bytes", "Bytes", lambda row: row.bytes, "number"),
    Column("reason", "Why", lambda row: row.reason or " → ".join(step.path for step in row.witness)),
)


class ListedPackage(msgspec.Struct, frozen=True, kw_only=True):
    """A package, and how many advisories count of it."""

    package: PackageReach
    advisories: int


def _listing(found: Minimality, tab: str) -> Listing[Any] | None:
    if tab == "programs":
        programs = sorted(found.programs, key=lambda one: (not one.kinds, -REACHES.index(one.reach), one.path))
        return Listing(name="programs", columns=_PROGRAM_COLUMNS, fetch=_slices(programs))
    reach = dict(_TABS)[tab]
    if reach is None:
        return None
    counts: dict[str, int] = {}
    for match in found.matches or ():
        counts[match.purl] = counts.get(match.purl, 0) + 1
    rows = [
        ListedPackage(package=package, advisories=counts.get(package.purl, 0))
        for package in found.packages
        if package.reach == reach
    ]
    rows.sort(key=lambda row: (-row.package.bytes, row.package.purl))
    columns = tuple(
        msgspec.structs.replace(column, value=_of_package(column)) if column.key != "advisories" else _ADVISORIES
        for column in _PACKAGE_COLUMNS
    )
    return Listing(name=tab, columns=columns, fetch=_slices(rows))


_ADVISORIES: Column[Any] = Column("advisories", "Advisories", lambda row: row.advisories, "number")


def _of_package(column: Column[PackageReach]) -> Any:
    return lambda row: column.value(row.package)


def _slices(rows: Sequence[Any]) -> Any:
    """Pages of what is in memory."""

    async def fetch(cursor: str, limit: int) -> Page[Any]:
        start = values_in(cursor, int) or 0
        return page(list(rows[start : start + limit + 1]), limit, lambda _: start + limit)

    return fetch


ROUTES = [minimality_page]
