"""What is stored of images, decoded once for the pages that look into it.

Documents are named by their content and never change, so what was decoded stays true; who may see an image is asked of the database each
time, before.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar, cast

from litestar import Litestar

from hullmark.model.limit import Limit
from hullmark.model.reached_files import ReachedFiles
from hullmark.reach.matched import ReachIndex
from hullmark.server.console.files_by_reach import FilesByReach
from hullmark.server.objects.objects import Objects
from hullmark.server.stories.images.documents import StoredAnalysis, get_analysis, get_document
from hullmark.server.stories.images.file_tree import FileTree, ListedFile
from hullmark.server.stories.images.reached import get_reached_files, read_index
from hullmark.server.stories.services import Services

_T = TypeVar("_T")
_NAME = "console_documents"
_MOST = Limit(
    600_000,
    "packages and files of images that the console keeps decoded; what was used longest ago is read anew",
    "later",
)
_WEIGHT_OF_REACH = 20_000


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

    def reached_files(self, name: str) -> FilesByReach | None:
        """Whether its start reaches each file, by the name of what is kept of that; None where that is not kept. For a thread. Raises
        HullmarkError if it cannot be read."""
        return self.known(f"files of {name}", lambda: _open_files(get_reached_files(self._objects, name)), _weight)

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


def _open_files(kept: ReachedFiles | None) -> FilesByReach | None:
    return FilesByReach(kept) if kept is not None else None


def _weight(files: FilesByReach | None) -> int:
    return len(files) if files is not None else 0


def documents_of(app: Litestar) -> Documents:
    """Those of an application, made when they are first needed."""
    services: Services = app.state.services
    found = app.state.get(_NAME)
    if found is None or found[0] is not services:
        found = app.state[_NAME] = (services, Documents(services.objects))
    return cast("Documents", found[1])
