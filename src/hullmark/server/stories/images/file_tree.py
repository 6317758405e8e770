"""The files of an image by folder, as people look at them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

import msgspec


class ListedFile(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What pages show of a file, as a FileRecord has it; `has_content`: its content is kept, as far as that was looked for."""

    path: str
    type: str
    mode: int
    size: int
    link: str
    layer: int
    owner: str | None
    state: str
    sha256: str
    has_content: bool = False


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


def _path(file: ListedFile) -> str:
    return file.path
