"""The files of an image, folder by folder, in the colours of the layers that brought them; and the content of one."""

from __future__ import annotations

import asyncio
import posixpath
from typing import Any

import msgspec

from hullmark.app.kept_files import FileContent, kept_facet
from hullmark.model.limit import Limit
from hullmark.scanning.request import ScanRequest
from hullmark.server.console.documents import FileTree, ListedFile, ListedFolder
from hullmark.server.console.listing import Column, ShownPage
from hullmark.server.console.pages.image.opened import OpenedImage, Tab, exported, listing_of
from hullmark.server.stories.images.analyse import means_of
from hullmark.server.stories.images.stored import StoredFacts

STATES = ("ok", "changed", "config-changed", "unowned", "unverified", "missing", "ghost")
_MOST_CONTENT = Limit(200_000, "bytes of a file that the console shows", "shortened")
_MOST_LAYERS = 24


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


class ContentView(msgspec.Struct, kw_only=True):
    """The content of a file, or why it is not shown."""

    path: str
    lines: list[str]
    reason: str
    is_cut: bool


class FilesView(msgspec.Struct, kw_only=True):
    """A folder, or what a search found. `parents` are the folders above with their paths.

    `layers` are those whose colours are explained."""

    files: ShownPage[FileRow] | None
    folder: str
    parents: list[tuple[str, str]]
    text: str
    state: str
    layers: list[tuple[int, str]]
    content: ContentView | None


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
    tree = await image.files()
    folder, text, state = _folder(image), image.asked("q"), image.asked("state", 20)
    listing = None
    if tree is not None:
        rows = await asyncio.to_thread(_rows, tree, folder, text, state if state in STATES else "")
        listing = listing_of("files", _COLUMNS, rows)
        if (answer := exported(image.request, listing)) is not None:
            return answer
    analysis = await image.analysis()
    layers = [(number, layer.created_by) for number, layer in enumerate(analysis.inventory.source.layers)]
    path = image.asked("file", 4000)
    return FilesView(
        files=await listing.shown(image.request, 100) if listing is not None else None,
        folder=folder,
        parents=_parents(folder),
        text=text,
        state=state,
        layers=layers[:_MOST_LAYERS],
        content=await _content(image, path) if path else None,
    )


def _folder(image: OpenedImage) -> str:
    """The folder that is asked for, as an absolute path without a slash at its end; the top is "/"."""
    return posixpath.normpath("/" + image.asked("folder", 4000).strip("/"))


def _parents(folder: str) -> list[tuple[str, str]]:
    names = [name for name in folder.split("/") if name]
    return [(name, "/" + "/".join(names[: place + 1])) for place, name in enumerate(names)]


def _rows(tree: FileTree, folder: str, text: str, state: str) -> list[FileRow]:
    if text or state:
        return [_file(file, file.path) for file in tree.with_text(text, state)]
    folders, files = tree.of_folder(folder)
    start = "/" if folder == "/" else f"{folder}/"
    return [
        *(_of_folder(start, folder) for folder in folders),
        *(_file(file, file.path[len(start) :]) for file in files),
    ]


def _of_folder(start: str, folder: ListedFolder) -> FileRow:
    return FileRow(name=folder.name, path=f"{start}{folder.name}", type="dir", size=folder.size, files=folder.files)


def _file(file: ListedFile, name: str) -> FileRow:
    return FileRow(
        name=name,
        path=file.path,
        type=file.type,
        size=file.size,
        mode=f"{file.mode:04o}",
        layer=file.layer,
        owner=file.owner or "",
        state=file.state,
        link=file.link,
        sha256=file.sha256,
    )


async def _content(image: OpenedImage, path: str) -> ContentView:
    """A file as it is kept beside the records of the layers, its secrets masked."""
    found = await asyncio.to_thread(_kept, image, path)
    body = found.body[: int(_MOST_CONTENT)] if found.body is not None else b""
    reason = found.reason or ("" if found.body is not None else "the server does not keep the content of this file")
    if b"\0" in body:
        body, reason = b"", "it is not text"
    is_cut = found.body is not None and len(found.body) > _MOST_CONTENT
    lines = body.decode("utf-8", "backslashreplace").expandtabs(4).splitlines()
    return ContentView(path=path, lines=lines, reason=reason, is_cut=is_cut)


def _kept(image: OpenedImage, path: str) -> FileContent:
    facet = kept_facet([path])
    facts = StoredFacts(image.services.objects, image.row.document, means_of(image.services))
    found: list[FileContent] = facts.look(ScanRequest(facets=(facet,))).facets[facet.name]
    return found[0]


TAB = Tab(key="files", title="Files", show=show)
