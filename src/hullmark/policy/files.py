"""The files of an image as rules ask for them: by glob, by kind, by state. Each question is answered without walking all files."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import accumulate
from operator import attrgetter

from hullmark.model.inventory import FileRecord
from hullmark.policy.globs import PathGlob, PathGlobs

SETUID, SETGID, STICKY, WORLD_WRITABLE, EXECUTABLE = 0o4000, 0o2000, 0o1000, 0o002, 0o111

_AFTER_ALL = "\U0010ffff"
_SHORTEST_SEARCH = 3
_NOT_THERE = ("missing", "ghost")
_PATH = attrgetter("path")


class FileTable:
    """Files sorted by path. Those that a package misses, or that were deleted, only show up where they are asked for."""

    def __init__(self, files: Iterable[FileRecord]) -> None:
        self._all = tuple(files)

    @cached_property
    def visible(self) -> list[FileRecord]:
        """The files that a container sees."""
        return sorted((file for file in self._all if file.state not in _NOT_THERE), key=_PATH)

    def in_state(self, state: str) -> list[FileRecord]:
        """The files in a state, also those that are not there, sorted by path and layer."""
        return sorted(self._by_state.get(state, ()), key=attrgetter("path", "layer"))

    def has_state(self, *states: str) -> bool:
        """Whether any file is in one of the states."""
        return not self._by_state.keys().isdisjoint(states)

    @cached_property
    def privileged(self) -> list[FileRecord]:
        """Regular files with the setuid or setgid bit."""
        return [file for file in self.visible if file.mode & (SETUID | SETGID) and file.type == "file"]

    @cached_property
    def world_writable(self) -> list[FileRecord]:
        """Files and folders that everybody may write. Folders with the sticky bit, as /tmp, are not among them."""
        return [file for file in self.visible if file.mode & WORLD_WRITABLE and _is_open(file)]

    @cached_property
    def with_capabilities(self) -> list[FileRecord]:
        """Files that give whoever runs them a privilege of root's."""
        return [file for file in self.visible if file.capability]

    def matching(self, globs: Iterable[PathGlob]) -> list[FileRecord]:
        """The visible files that any of the globs fits, sorted by path."""
        positions: set[int] = set()
        for glob in globs:
            positions.update(self._positions(glob))
        return [self.visible[position] for position in sorted(positions)]

    def _positions(self, glob: PathGlob) -> Iterator[int]:
        paths = self._paths
        if glob.is_literal:
            start = bisect_left(paths, glob.prefix)
            yield from range(start, bisect_right(paths, glob.prefix, start))
            return
        candidates = self._candidates(glob)
        if glob.is_subtree:
            yield from candidates
            return
        match = PathGlobs((glob,)).match
        for position in candidates:
            if match(paths[position]):
                yield position

    def _candidates(self, glob: PathGlob) -> Iterable[int]:
        """Positions among which all that the glob fits are."""
        if glob.is_subtree or len(glob.prefix) > 1:
            start = bisect_left(self._paths, glob.prefix)
            return range(start, bisect_left(self._paths, glob.prefix + _AFTER_ALL, start))
        if len(glob.literal) >= _SHORTEST_SEARCH:
            return self._holding(glob.literal)
        return range(len(self._paths))

    def _holding(self, literal: str) -> Iterator[int]:
        """Positions of paths that hold a text: one search through all paths end to end."""
        text, starts = self._joined
        at = text.find(literal)
        while at >= 0:
            position = bisect_right(starts, at) - 1
            yield position
            at = text.find(literal, starts[position + 1]) if position + 1 < len(starts) else -1

    @cached_property
    def _by_state(self) -> dict[str, list[FileRecord]]:
        found: dict[str, list[FileRecord]] = {}
        for file in self._all:
            found.setdefault(file.state, []).append(file)
        return found

    @cached_property
    def _paths(self) -> list[str]:
        return [file.path for file in self.visible]

    @cached_property
    def _joined(self) -> tuple[str, list[int]]:
        lengths = accumulate((len(path) + 1 for path in self._paths), initial=0)
        return "\0".join(self._paths), list(lengths)[:-1]


def _is_open(file: FileRecord) -> bool:
    return file.type == "file" or (file.type == "dir" and not file.mode & STICKY)
