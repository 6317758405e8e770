"""The files of an image, folder by folder, in the colours of the layers that brought them; and the content of one."""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Sequence
from typing import Any

import msgspec

from hullmark.app.kept_files import FileContent, kept_facet
from hullmark.model.limit import Limit
from hullmark.scanning.request import ScanRequest
from hullmark.server.api.paging import Page, page, values_in
from hullmark.server.console.listing import Column, Fetch, Listing, ShownPage
from hullmark.server.console.pages.image.opened import OpenedImage, Tab, export_listing, listing_of
from hullmark.server.stories.images.analyse import means_of
from hullmark.server.stories.images.file_tree import FileTree, ListedFile, ListedFolder
from hullmark.server.stories.images.folders import WITH_CONTENT, StoredFolders
from hullmark.server.stories.images.stored import StoredFacts

STATES = ("ok", "changed", "config-changed", "unowned", "unverified", "missing", "ghost")
_MOST_CONTENT = Limit(200_000, "bytes of a file that the console shows", "shortened")
_MOST_LAYERS = 24
CONTENT = "content"
"""In place of a state: files whose content is kept."""
_MOST_WITH_CONTENT = Limit(200_000, "files with content that the console lists", "shortened")


class FileRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a folder: a folder in it (`files` below it), or a file (`files` is None)."""

    name: str
    path: str
    type: str
    size: int
    files: int | None = None
    mode: str = ""
    layer: int = -1
    owner: str = ""
    state: str = ""
    link: str = ""
    sha256: str = ""
    has_content: bool = False


class ContentView(msgspec.Struct, kw_only=True):
    """The content of a file, or why it is not shown."""

    path: str
    lines: list[str]
    reason: str
    is_cut: bool


class FilesView(msgspec.Struct, kw_only=True):
    """A folder, or what a search found. `parents` are the folders above with their paths.

    `layers` are those whose colours are explained. `knows_content`: rows say which files have content that is kept."""

    files: ShownPage[FileRow] | None
    folder: str
    parents: list[tuple[str, str]]
    text: str
    state: str
    layers: list[tuple[int, str]]
    content: ContentView | None
    knows_content: bool


_COLUMNS: tuple[Column[FileRow], ...] = (
    Column("name", "Name", lambda row: row.path),
    Column("size", "Size", lambda row: row.size, "number"),
    Column("layer", "Layer", lambda row: row.layer if row.files is None else None),
    Column("state", "State", lambda row: row.state),
    Column("owner", "Package", lambda row: row.owner, "code"),
    Column("mode", "Mode", lambda row: row.mode, "code"),
    Column("sha256", "SHA-256", lambda row: row.sha256, "code"),
)


async def show(image: OpenedImage) -> Any:
    """The tab."""
    folder, text, state = _folder(image), image.asked("q"), image.asked("state", 20)
    stored = await image.folders()
    listing = await _listing(image, stored, folder, text, state)
    if listing is not None and (answer := export_listing(image.request, listing)) is not None:
        return answer
    path = image.asked("file", 4000)
    return FilesView(
        files=await listing.shown(image.request, 100) if listing is not None else None,
        folder=folder,
        parents=_parents(folder),
        text=text,
        state=state,
        layers=list(enumerate(await _instructions(image, stored)))[:_MOST_LAYERS],
        content=await _content(image, path) if path else None,
        knows_content=stored is not None,
    )


async def _listing(
    image: OpenedImage, stored: StoredFolders | None, folder: str, text: str, state: str
) -> Listing[FileRow] | None:
    """The files that are asked for; None where the image's files were not listed.

    A folder is read without the rest of the image, and so is what has content. A search reads all.
    """
    if stored is not None and state == CONTENT:
        found = await asyncio.to_thread(stored.rows, WITH_CONTENT, 0, _MOST_WITH_CONTENT)
        wanted = text.casefold()
        return listing_of("files", _COLUMNS, [_row("", each) for each in found if wanted in _path(each).casefold()])
    if stored is not None and not (text or state in STATES):
        return Listing(name="files", columns=_COLUMNS, fetch=_fetch(stored, folder))
    tree = await image.files()
    if tree is None:
        return None
    return listing_of(
        "files", _COLUMNS, await asyncio.to_thread(_rows, tree, folder, text, state if state in STATES else "")
    )


def _fetch(stored: StoredFolders, folder: str) -> Fetch[FileRow]:
    """Pages of a folder that is read by itself."""
    start = "/" if folder == "/" else f"{folder}/"

    async def fetch(cursor: str, limit: int) -> Page[FileRow]:
        first = max(values_in(cursor, int) or 0, 0)
        found = await asyncio.to_thread(stored.rows, folder, first, limit + 1)
        return page([_row(start, each) for each in found], limit, lambda _: first + limit)

    return fetch


async def _instructions(image: OpenedImage, stored: StoredFolders | None) -> Sequence[str]:
    """What made each layer."""
    if stored is not None:
        return stored.layers
    analysis = await image.analysis()
    return [layer.created_by for layer in analysis.inventory.source.layers]


def _folder(image: OpenedImage) -> str:
    """The folder that is asked for, as an absolute path without a slash at its end; the top is "/"."""
    return posixpath.normpath("/" + image.asked("folder", 4000).strip("/"))


def _parents(folder: str) -> list[tuple[str, str]]:
    names = [name for name in folder.split("/") if name]
    return [(name, "/" + "/".join(names[: place + 1])) for place, name in enumerate(names)]


def _rows(tree: FileTree, folder: str, text: str, state: str) -> list[FileRow]:
    if text or state:
        return [_row("", file) for file in tree.with_text(text, state)]
    start = "/" if folder == "/" else f"{folder}/"
    folders, files = tree.of_folder(folder)
    return [*(_row(start, folder) for folder in folders), *(_row(start, file) for file in files)]


def _path(each: ListedFolder | ListedFile) -> str:
    return each.path if isinstance(each, ListedFile) else each.name


def _row(start: str, each: ListedFolder | ListedFile) -> FileRow:
    """A row by its name below `start`, the path of a folder with a slash at its end ("": by its path)."""
    if isinstance(each, ListedFolder):
        return FileRow(name=each.name, path=f"{start}{each.name}", type="dir", size=each.size, files=each.files)
    return FileRow(
        name=each.path[len(start) :],
        path=each.path,
        type=each.type,
        size=each.size,
        mode=f"{each.mode:04o}",
        layer=each.layer,
        owner=each.owner or "",
        state=each.state,
        link=each.link,
        sha256=each.sha256,
        has_content=each.has_content,
    )


async def _content(image: OpenedImage, path: str) -> ContentView:
    """A file as it is kept beside the records of the layers, its secrets masked."""
    found = await asyncio.to_thread(_read_kept_file, image, path)
    body = found.body[: int(_MOST_CONTENT)] if found.body is not None else b""
    reason = found.reason or ("" if found.body is not None else "the server does not keep the content of this file")
    if b"\0" in body:
        body, reason = b"", "it is not text"
    is_cut = found.body is not None and len(found.body) > _MOST_CONTENT
    lines = body.decode("utf-8", "backslashreplace").expandtabs(4).splitlines()
    return ContentView(path=path, lines=lines, reason=reason, is_cut=is_cut)


def _read_kept_file(image: OpenedImage, path: str) -> FileContent:
    facet = kept_facet([path])
    facts = StoredFacts(image.services.objects, image.row.document, means_of(image.services))
    found: list[FileContent] = facts.look(ScanRequest(facets=(facet,))).facets[facet.name]
    return found[0]


TAB = Tab(key="files", title="Files", show=show)
