"""What is stored of images, decoded once for the pages that look into it.

Documents are named by their content and never change, so what was decoded stays true; who may see an image is asked of the database each
time, before.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, TypeVar, cast

import msgspec
from litestar import Litestar

from hullmark.model.limit import Limit
from hullmark.reach.matched import ReachIndex
from hullmark.server.objects.objects import Objects
from hullmark.server.stories.images.documents import StoredAnalysis, get_analysis, get_document
from hullmark.server.stories.images.reached import read_index
from hullmark.server.stories.services import Services

_T = TypeVar("_T")
_NAME = "console_documents"
_MOST = Limit(
    600_000,
    "packages and files of images that the console keeps decoded; what was used longest ago is read anew",
    "later",
)
_WEIGHT_OF_REACH = 20_000


class ListedFile(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What pages show of a file, as a FileRecord has it."""

    path: str
    type: str
    mode: int
    size: int
    link: str
    layer: int
    owner: str | None
    state: str
    sha256: str


class ListedFolder(msgspec.Struct, frozen=True):
    """A folder in a folder: its name, how many files are below it, and their bytes."""

    name: str
    files: int
    size: int


class FileTree:
    """The files of an image by path, and what is in each folder, without a walk through all of them."""

    def __init__(self, files: Sequence[ListedFile]) -> None:
        self.files = sorted(files, key=_path)
        self._paths = [file.path for file in self.files]
        self._sizes = [0, *accumulate(max(file.size, 0) for file in self.files)]

    def of_folder(self, folder: str) -> tuple[list[ListedFolder], list[ListedFile]]:
        """The folders and the other files that lie in a folder ("/": at the top)."""
        start = folder if folder.endswith("/") else f"{folder}/"
        at, end = self._span(start)
        folders: list[ListedFolder] = []
        here: list[ListedFile] = []
        while at < end:
            file = self.files[at]
            name, below, _ = file.path[len(start) :].partition("/")
            first, last = self._span(f"{start}{name}/")
            if below:
                folders.append(ListedFolder(name, last - first, self._sizes[last] - self._sizes[first]))
                at = last
                continue
            if file.type != "dir":
                here.append(file)
            elif first == last:
                folders.append(ListedFolder(name, 0, 0))
            at += 1
        return folders, here

    def with_text(self, text: str, state: str = "") -> list[ListedFile]:
        """The files whose path has a text in it, whatever its case, and that are in a state ("": any)."""
        wanted = text.casefold()
        return [
            file
            for file in self.files
            if wanted in file.path.casefold() and (not state or file.state == state) and file.type != "dir"
        ]

    def _span(self, start: str) -> tuple[int, int]:
        """Where the paths that begin so lie. `start` ends with a slash, after which comes a zero in the order of characters."""
        return bisect_left(self._paths, start), bisect_left(self._paths, f"{start[:-1]}0")


class Documents:
    """The decoded documents of a process, the last used ones."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._kept: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()

    def analysis(self, key: str) -> StoredAnalysis:
        """An image's analysis. For a thread. Raises HullmarkError if it cannot be read."""
        return self.known(key, lambda: get_analysis(self._objects, key), lambda found: len(found.inventory.packages))

    def files(self, analysis: StoredAnalysis) -> FileTree | None:
        """Its files; None where they were not listed. For a thread. Raises HullmarkError if they cannot be read."""
        if not (key := analysis.files):
            return None
        return self.known(
            key,
            lambda: FileTree(get_document(self._objects, key, tuple[ListedFile, ...])),
            lambda tree: len(tree.files),
        )

    def reach(self, key: str) -> ReachIndex | None:
        """What an image's start reaches; None where nothing is kept of that. For a thread. Raises HullmarkError if it cannot be read."""
        return self.known(key, lambda: read_index(self._objects, key), lambda _: _WEIGHT_OF_REACH) if key else None

    def known(self, key: str, read: Callable[[], _T], weigh: Callable[[_T], int]) -> _T:
        """What is kept under a key, or what `read` answers, which is kept then. `key` names all that it depends on by content; `weigh`
        says about how many packages or files it is worth."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return cast("_T", self._kept[key][0])
        value = read()
        with self._lock:
            self._kept[key] = (value, weigh(value) + 100)
            while len(self._kept) > 1 and sum(weight for _, weight in self._kept.values()) > _MOST:
                self._kept.popitem(last=False)
        return value


def documents_of(app: Litestar) -> Documents:
    """Those of an application, made when they are first needed."""
    services: Services = app.state.services
    found = app.state.get(_NAME)
    if found is None or found[0] is not services:
        found = app.state[_NAME] = (services, Documents(services.objects))
    return cast("Documents", found[1])


def _path(file: ListedFile) -> str:
    return file.path
