"""The walk: from what is started to every file that it can reach, the shortest way, what is certain before what is only possible."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from typing import NamedTuple

from hullmark.model.limit import Limit
from hullmark.model.reach import OpenEnd, WitnessStep
from hullmark.reach.tree import FileTree

_MAX_STEPS = Limit(3_000_000, "edges of the graph of an image's files")
_MAX_ENDS = Limit(2_000, "places in an image's start that cannot be followed", "shortened")


class FileReach(NamedTuple):
    """How a file is reached: whether that is certain, in how many steps, from which file ("": from the image's settings), and why."""

    is_certain: bool
    depth: int
    source: str
    why: str


Expansion = Callable[[str], None]
"""Adds what a file leads to."""


class Walk:
    """Files are reached by `reach`, and handed to `expand` once each, the nearest first and what is certain before all else.

    What one file leads to is as certain as it is itself, at most.
    """

    def __init__(self, tree: FileTree) -> None:
        self.tree = tree
        self.found: dict[str, FileReach] = {}
        self.ends: dict[OpenEnd, None] = {}
        self.is_cut = False
        self.watched: set[str] = set()
        """Scripts of which it is known how the image's settings start them."""
        self.met_again: set[str] = set()
        """Those of them that are reached in another way too."""
        self.as_data: set[str] = set()
        """Files that are reached as data alone."""
        self._is_running = False
        self._queue: list[tuple[bool, int, str]] = []
        self._done: set[str] = set()
        self._steps: int = _MAX_STEPS

    def reach(self, path: str, why: str, source: str = "", *, is_certain: bool = True, is_data: bool = False) -> str:
        """A file is reached, and the links on the way to it; returns its real path, "" where there is none. Of what is only `is_data`
        scripts are read, not run."""
        place = self.tree.find(path)
        record = self.tree.files.get(place.real)
        if record is None or record.type == "dir":
            return ""
        self._steps -= 1
        if self._steps < 0:
            self.is_cut = True
            return ""
        if not is_data and place.real in self.as_data:
            self.as_data.discard(place.real)
            self._done -= {place.real, f"?{place.real}"}
            heapq.heappush(
                self._queue, (not self.found[place.real].is_certain, self.found[place.real].depth, place.real)
            )
        elif is_data and place.real not in self.found:
            self.as_data.add(place.real)
        if self._is_running and not is_data and place.real in self.watched:
            self.met_again.add(place.real)
        before = self.found.get(source)
        is_certain = is_certain and (before is None or before.is_certain)
        depth = before.depth + 1 if before is not None else 0
        for name in (*place.links, place.real):
            known = self.found.get(name)
            if known is None or (not is_certain, depth) < (not known.is_certain, known.depth):
                self.found[name] = FileReach(is_certain, depth, source, why)
                if name == place.real:
                    heapq.heappush(self._queue, (not is_certain, depth, name))
        return place.real

    def end(self, path: str, reason: str) -> None:
        """Something that a file leads to cannot be told. Of files that are only unknown themselves that is not news."""
        found = self.found.get(path)
        if (found is None or found.is_certain) and len(self.ends) < _MAX_ENDS:
            self.ends[OpenEnd(path, reason)] = None

    def run(self, expand: Expansion) -> None:
        """Reach all that can be reached."""
        self._is_running = True
        while self._queue:
            _, _, path = heapq.heappop(self._queue)
            key = path if self.found[path].is_certain else f"?{path}"
            if key not in self._done and path not in self._done:
                self._done.add(key)
                expand(path)

    def witness(self, path: str) -> tuple[WitnessStep, ...]:
        """The way to a file, from the settings on."""
        return tuple(reversed(list(self._back(path))))

    def _back(self, path: str) -> Iterator[WitnessStep]:
        seen: set[str] = set()
        while path and path not in seen:
            seen.add(path)
            found = self.found[path]
            yield WitnessStep(path, found.why)
            path = found.source
