"""The files of an image in the form rules need: by glob, by kind, by state. Each query is answered without walking all files in Python."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import compress, islice
from operator import attrgetter

from hullmark.model.inventory import FileRecord
from hullmark.policy.globs import PathGlob, PathGlobs

SETUID, SETGID, STICKY, WORLD_WRITABLE, EXECUTABLE = 0o4000, 0o2000, 0o1000, 0o002, 0o111

_AFTER_ALL = "\U0010ffff"
_SHORTEST_SEARCH = 3
_MOST_CANDIDATES = 1000
_NOT_THERE = ("missing", "ghost")
_PATH, _STATE = attrgetter("path"), attrgetter("state")


class FileTable:
    """Files sorted by path. Files that a package misses, or that were deleted, are returned only by `in_state`.

    An image may have a million files, so each attribute is read from all files by a single call that loops outside Python code, and few
    values are examined one by one.
    """

    def __init__(self, files: Iterable[FileRecord]) -> None:
        self._all = tuple(files)

    @cached_property
    def visible(self) -> list[FileRecord]:
        """The files that a container sees."""
        return self._sorted[0]

    @cached_property
    def _sorted(self) -> tuple[list[FileRecord], list[str]]:
        """The files that a container sees, and their paths."""
        files = list(self._all)
        if not self._held.isdisjoint(_NOT_THERE):
            files = [file for file, state in zip(files, self._states, strict=True) if state not in _NOT_THERE]
        paths = list(map(_PATH, files))
        ordered = sorted(paths)
        # Inventories are usually sorted already, and checking that is far cheaper than sorting records.
        return (files if ordered == paths else sorted(files, key=_PATH)), ordered

    def in_state(self, state: str) -> list[FileRecord]:
        """The files in a state, including states of files that do not exist, sorted by path and layer."""
        if state not in self._held:
            return []
        return sorted(compress(self._all, map(state.__eq__, self._states)), key=attrgetter("path", "layer"))

    def has_state(self, *states: str) -> bool:
        """Whether any file is in one of the states."""
        return not self._held.isdisjoint(states)

    @cached_property
    def privileged(self) -> list[FileRecord]:
        """Regular files with the setuid or setgid bit."""
        return [file for file in self._with_bits(SETUID | SETGID) if file.type == "file"]

    @cached_property
    def world_writable(self) -> list[FileRecord]:
        """Files and folders that everybody may write to. Folders with the sticky bit, such as /tmp, are left out."""
        return [file for file in self._with_bits(WORLD_WRITABLE) if _is_open(file)]

    @cached_property
    def with_capabilities(self) -> list[FileRecord]:
        """Files with file capabilities, which give whoever runs them some of root's privileges."""
        return list(compress(self.visible, map(attrgetter("capability"), self.visible)))

    def _with_bits(self, bits: int) -> Iterator[FileRecord]:
        """The visible files that have any of some permission bits."""
        wanted = {mode for mode in set(self._modes) if mode & bits}
        return compress(self.visible, map(wanted.__contains__, self._modes)) if wanted else iter(())

    def matching(self, globs: Iterable[PathGlob]) -> list[FileRecord]:
        """The visible files that match any of the globs, sorted by path."""
        spans: list[range] = []
        searched: dict[str, list[PathGlob]] = {}
        for glob in globs:
            if glob.is_literal or glob.is_subtree or len(glob.prefix) > 1 or len(glob.literal) < _SHORTEST_SEARCH:
                spans += self._spans(glob)
            else:
                searched.setdefault(glob.literal[:_SHORTEST_SEARCH], []).append(glob)
        for group in searched.values():
            spans += self._search(group)
        spans.sort(key=lambda span: (span.start, span.stop))
        found: list[FileRecord] = []
        done = 0
        for span in spans:
            found += self.visible[max(done, span.start) : span.stop]
            done = max(done, span.stop)
        return found

    def _spans(self, glob: PathGlob) -> Iterator[range]:
        """The positions of the files that match a glob, found by its literal beginning if it has one, otherwise by trying every path."""
        paths = self._paths
        if glob.is_literal:
            start = bisect_left(paths, glob.prefix)
            yield range(start, bisect_right(paths, glob.prefix, start))
            return
        candidates = range(len(paths))
        if glob.is_subtree or len(glob.prefix) > 1:
            start = bisect_left(paths, glob.prefix)
            candidates = range(start, bisect_left(paths, glob.prefix + _AFTER_ALL, start))
        if glob.is_subtree:
            yield candidates
        else:
            yield from self._fitting((glob,), candidates)

    def _search(self, globs: Sequence[PathGlob]) -> Iterator[range]:
        """The positions of the files that match any of the globs. The literals of these globs begin alike, so the shared beginning is
        searched for once.
        """
        needle = _shared_beginning([glob.literal for glob in globs])
        candidates = list(islice(self._holding(needle), _MOST_CANDIDATES + 1))
        if len(candidates) <= _MOST_CANDIDATES:
            yield from self._fitting(globs, candidates)
            return
        for glob in globs:
            yield from self._fitting((glob,), self._holding(glob.literal))

    def _fitting(self, globs: Iterable[PathGlob], candidates: Iterable[int]) -> Iterator[range]:
        match = PathGlobs(globs).match
        for position in candidates:
            if match(self._paths[position]):
                yield range(position, position + 1)

    def _holding(self, literal: str) -> Iterator[int]:
        """Positions of paths that contain a text, found by one search through all paths joined."""
        text = self._joined
        if not text:
            yield from (position for position, path in enumerate(self._paths) if literal in path)
            return
        at = text.find(literal)
        while at >= 0:
            start, end = text.rfind("\0", 0, at) + 1, text.find("\0", at)
            position = bisect_left(self._paths, text[start : end if end >= 0 else None])
            # Two records may have the same path.
            yield from range(position, bisect_right(self._paths, self._paths[position], position))
            at = text.find(literal, end) if end >= 0 else -1

    @cached_property
    def _states(self) -> list[str]:
        return list(map(_STATE, self._all))

    @cached_property
    def _held(self) -> set[str]:
        """The states that occur."""
        return set(map(_STATE, self._all))

    @cached_property
    def _modes(self) -> list[int]:
        return list(map(attrgetter("mode"), self.visible))

    @property
    def _paths(self) -> list[str]:
        return self._sorted[1]

    @cached_property
    def _joined(self) -> str:
        """All paths joined; "" if one contains the separator (which no kernel allows), so that paths are searched one by one."""
        text = "\0".join(self._paths)
        return text if text.count("\0") == len(self._paths) - 1 else ""


def _shared_beginning(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)
    length = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[:length]


def _is_open(file: FileRecord) -> bool:
    return file.type == "file" or (file.type == "dir" and not file.mode & STICKY)
