"""The files of an image as its own root: what a path leads to, what is in a folder, what PATH finds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import translate
from typing import NamedTuple

from hullmark.model.inventory import FileRecord
from hullmark.model.limit import Limit

_MOST_LINKS = 40
"""The kernel follows no more (path_resolution(7))."""

_MOST_PARTS = 4096
_MAX_FITTING = Limit(20_000, "files that one pattern in a configuration file leads to")
USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where container engines look for programs if nothing says otherwise."""


class FoundPath(NamedTuple):
    """Where a path leads: the real path ("": nowhere), and the links on the way."""

    real: str
    links: tuple[str, ...]


_NOWHERE = FoundPath("", ())


class FileTree:
    """Files by path. All paths are absolute."""

    def __init__(self, files: Iterable[FileRecord]) -> None:
        self.files = {file.path: file for file in files if file.state not in ("ghost", "missing")}
        self._folders: dict[str, list[str]] = {"/": []}
        for path in self.files:
            self._enter(path)
        self._known: dict[str, FoundPath] = {}
        self.cuts: dict[str, None] = {}

    def _enter(self, path: str) -> None:
        """Put a path into its folder, and folders that no layer lists into theirs."""
        while path not in ("", "/"):
            folder, _, name = path.rpartition("/")
            names = self._folders.get(folder or "/")
            if names is not None:
                names.append(name)
                return
            self._folders[folder or "/"] = [name]
            if folder in self.files:
                return
            path = folder

    def is_folder(self, real: str) -> bool:
        """Whether there is a folder at exactly this path."""
        record = self.files.get(real)
        return record.type == "dir" if record is not None else real in self._folders

    def find(self, path: str) -> FoundPath:
        """Where a path leads, every link followed inside the root."""
        known = self._known.get(path)
        if known is None:
            known = self._known[path] = self._resolve_path(path)
        return known

    def _resolve_path(self, path: str) -> FoundPath:
        todo = path.split("/")[::-1]
        done: list[str] = []
        links: list[str] = []
        while todo:
            part = todo.pop()
            if part in ("", "."):
                continue
            if part == "..":
                del done[-1:]
                continue
            done.append(part)
            here = "/" + "/".join(done)
            record = self.files.get(here)
            if record is None or record.type != "symlink":
                continue
            links.append(here)
            if len(links) > _MOST_LINKS or len(todo) > _MOST_PARTS:
                return _NOWHERE
            done = [] if record.link.startswith("/") else done[:-1]
            todo += record.link.split("/")[::-1]
        real = "/" + "/".join(done)
        return FoundPath(real, tuple(links)) if real in self.files or real in self._folders else _NOWHERE

    def file(self, path: str) -> FileRecord | None:
        """The regular file that a path leads to."""
        record = self.files.get(self.find(path).real)
        return record if record is not None and record.type == "file" else None

    def names(self, folder: str) -> Sequence[str]:
        """The names in a folder, links to it followed; nothing where there is none."""
        real = self.find(folder).real
        return self._folders.get(real, ()) if real else ()

    def cut(self, reason: str) -> None:
        """Something of the image was not followed, as it is too much: then nothing in it can be called unreachable."""
        self.cuts[reason] = None

    def below(self, folder: str, most: int, *, leaving_out: str = "") -> list[str]:
        """The paths of files and links below a folder, links not followed; no more than `most`, and where there are more that is a
        cut. Folders of the name `leaving_out` are not entered."""
        found = self.some_below(folder, most, leaving_out=leaving_out)
        if len(found) > most:
            self.cut(f"the folder {folder[:200]} has more than {most:,} files")
        return found[:most]

    def some_below(self, folder: str, most: int, *, leaving_out: str = "") -> list[str]:
        """The same, `most` and one."""
        found: list[str] = []
        todo = [self.find(folder).real]
        while todo and len(found) <= most:
            here = todo.pop()
            for name in sorted(self._folders.get(here, ())) if here else ():
                path = f"{here.rstrip('/')}/{name}"
                if not self.is_folder(path):
                    found.append(path)
                elif name != leaving_out:
                    todo.append(path)
        return found[: most + 1]

    def program(self, word: str, path: str, folder: str = "/") -> str:
        """The path of the program that a word starts: as it is if it has a slash, else the first of PATH; "" for none."""
        if "/" in word:
            place = word if word.startswith("/") else f"{folder.rstrip('/')}/{word}"
            return place if self.file(place) is not None else ""
        for part in path.split(":"):
            place = f"{(part or folder).rstrip('/')}/{word}"
            record = self.file(place)
            if record is not None and record.mode & 0o111:
                return place
        return ""

    def programs(self, path: str) -> Iterator[str]:
        """Every program that PATH finds, sorted by folder and name."""
        seen: set[str] = set()
        for folder in dict.fromkeys(path.split(":")):
            for name in sorted(self.names(folder)) if folder.startswith("/") else ():
                record = self.file(f"{folder}/{name}")
                if name not in seen and record is not None and record.mode & 0o111:
                    seen.add(name)
                    yield f"{folder}/{name}"

    def matching(self, pattern: str) -> list[str]:
        """The paths of files and links that a glob fits, each segment for itself; at most so many."""
        places = ["/"]
        for segment in [part for part in pattern.split("/") if part]:
            fits = re.compile(translate(segment)).match if set(segment) & set("*?[") else None
            found: list[str] = []
            for place in places:
                if fits is None:
                    found.append(f"{place.rstrip('/')}/{segment}")
                else:
                    hidden = segment.startswith(".")
                    names = (name for name in sorted(self.names(place)) if hidden or not name.startswith("."))
                    found += [f"{place.rstrip('/')}/{name}" for name in names if fits(name)]
            if len(found) > _MAX_FITTING:
                self.cut(f"the pattern {pattern[:200]} fits more than {_MAX_FITTING:,} files")
            places = found[:_MAX_FITTING]
        return [place for place in places if self.file(place) is not None]
