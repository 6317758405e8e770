"""The files of an image by whether its start reaches them, as the page of what it needs shows them: a table, a way, tiles of the map."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Request

from hullmark.model.limit import Limit
from hullmark.model.reach import REACHES, Reach, WitnessStep
from hullmark.server.api.paging import Page, page, values_in
from hullmark.server.console.charts.treemap import Tile
from hullmark.server.console.files_by_reach import TONES, Branch, FilesByReach, ReachedRow, common_folder
from hullmark.server.console.listing import Column, Listing, ShownPage
from hullmark.server.console.pages.image.opened import read_query_value

WORDS: dict[Reach, str] = {"reachable": "needed", "unknown": "cannot tell", "unreachable": "may go"}
_MOST_NEXT = Limit(200, "files that one file leads to, as the console lists them", "shortened")
_DEPTH = 3  # of the picture that the server draws


class FileView(msgspec.Struct, kw_only=True):
    """One file: the way to it, and where ways go on from it (`more`: how many are not listed)."""

    row: ReachedRow
    way: tuple[WitnessStep, ...]
    next: list[ReachedRow]
    more: int


class ReachedView(msgspec.Struct, kw_only=True):
    """The table: of a folder, of a package (`package` None: of none in particular), or of files of one reach."""

    table: ShownPage[ReachedRow]
    folder: str
    parents: list[tuple[str, str]]
    package: str | None
    package_name: str
    file: FileView | None
    left_out: int


_COLUMNS: tuple[Column[ReachedRow], ...] = (
    Column("path", "Name", lambda row: row.path),
    Column("reach", "Start", lambda row: WORDS[row.reach] if row.files is None else ""),
    Column("bytes", "Bytes", lambda row: row.size, "number"),
    *(
        Column(f"{reach}_bytes", WORDS[reach].capitalize(), lambda row, at=at: row.shares[at], "number")  # type: ignore[misc]
        for at, reach in enumerate(REACHES)
    ),
    Column("files", "Files", lambda row: row.files, "number"),
    Column("package", "Package", lambda row: row.package, "code"),
    Column("why", "Why", lambda row: row.why),
)
_SHOWN = ("path", "reach", "bytes", "package", "why")


def listing(files: FilesByReach, request: Request[Any, Any, Any]) -> Listing[ReachedRow]:
    """The rows that the query asks for: `package` (largest first), else `folder`."""
    purl = _package(request)
    if purl is not None:
        places = sorted(files.of_package(purl), key=lambda place: (-files.size(place), place))
        return Listing(name="files", columns=_COLUMNS, fetch=_slices(places, files.row))
    return Listing(name="files", columns=_COLUMNS, fetch=_slices(files.rows(folder_of(request)), lambda row: row))


async def make_reached_view(files: FilesByReach, names: dict[str, str], request: Request[Any, Any, Any]) -> ReachedView:
    """The tab. `names` are packages' by their package URLs."""
    table = await listing(files, request).shown(request, 100)
    table.columns = tuple(column for column in table.columns if column.key in _SHOWN)
    folder, purl = folder_of(request), _package(request)
    place = files.place(read_query_value(request, "file", 4000))
    parts = [part for part in folder.split("/") if part]
    return ReachedView(
        table=table,
        folder=folder,
        parents=[(part, "/" + "/".join(parts[: at + 1])) for at, part in enumerate(parts)],
        package=purl,
        package_name=names.get(purl, purl) if purl else "",
        file=_file(files, place) if place is not None else None,
        left_out=files.kept.left_out,
    )


def folder_of(request: Request[Any, Any, Any]) -> str:
    """The folder that is asked for ("/": the top)."""
    return posixpath.normpath("/" + read_query_value(request, "folder", 4000).strip("/"))


def _package(request: Request[Any, Any, Any]) -> str | None:
    return read_query_value(request, "package", 2000) if "package" in request.query_params else None


def _file(files: FilesByReach, place: int) -> FileView:
    following = files.next(place)
    rows = [files.row(each) for each in following[:_MOST_NEXT]]
    return FileView(row=files.row(place), way=files.way(place), next=rows, more=len(following) - len(rows))


def _slices(rows: Sequence[Any], made: Any) -> Any:
    """Pages of what is in memory, each row made when it is shown."""

    async def fetch(cursor: str, limit: int) -> Page[ReachedRow]:
        start = max(values_in(cursor, int) or 0, 0)
        return page([made(row) for row in rows[start : start + limit + 1]], limit, lambda _: start + limit)

    return fetch


def tiles_json(files: FilesByReach, request: Request[Any, Any, Any]) -> bytes:
    """What the map opens: the files of a package, else those below a folder, as {name, tones, tiles} (`_encode_branch`)."""
    purl = _package(request)
    if purl is not None:
        places: Sequence[int] = files.of_package(purl)
        base = common_folder([files.paths[place] for place in places])
    else:
        base = folder_of(request)
        places = files.below(base)
    tones = [TONES[reach] for reach in REACHES]
    return msgspec.json.encode(
        {"name": base if purl is not None else "", "tones": tones, "tiles": _encode_branch(files.branch(places, base))}
    )


def _encode_branch(branch: Branch) -> list[tuple[Any, ...]]:
    """Folders as (name, what is in them), files as (name, bytes, place in REACHES): of 80,000 each byte counts."""
    told: list[tuple[Any, ...]] = []
    for name, inner in branch.folders.items():
        # Folders that hold one folder alone are one tile.
        while len(inner.folders) == 1 and not inner.files and not inner.small:
            ((below, deeper),) = inner.folders.items()
            name, inner = f"{name}/{below}", deeper
        told.append((name, _encode_branch(inner)))
    told += branch.files
    told += ((f"{count:,} small files", size, reach) for reach, (count, size) in branch.small.items())
    return told


def folder_tiles(files: FilesByReach, folder: str, address: str, depth: int = _DEPTH) -> tuple[Tile, ...]:
    """The picture by folder: each leads to its table, and is divided by reach where it is not opened further."""
    return tuple(_folder_tile(files, row, address, depth) for row in files.rows(folder) if row.size)


def _folder_tile(files: FilesByReach, row: ReachedRow, address: str, depth: int) -> Tile:
    if row.files is None:
        href = f"{address}?{urlencode({'tab': 'files', 'file': row.path})}#files"
        return Tile(row.name, row.size, TONES[row.reach], href)
    href = f"{address}?{urlencode({'tab': 'files', 'folder': row.path})}#files"
    parts = [(reach, share) for reach, share in zip(REACHES, row.shares, strict=True) if share]
    if len(parts) == 1:
        return Tile(row.name, row.size, TONES[parts[0][0]], href)
    inside = (
        folder_tiles(files, row.path, address, depth - 1)
        if depth > 1
        else tuple(Tile(WORDS[reach], share, TONES[reach]) for reach, share in parts)
    )
    return Tile(row.name, row.size, "soft", href, tiles=inside)
