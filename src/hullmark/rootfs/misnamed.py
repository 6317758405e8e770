"""Files that reads want by the name that a container sees, and whose bodies were not read because a layer has them under another.

A read chooses files by their names in the layer. A link to a file, a link to a folder on the way, and an entry that was put where a
link of a layer below leads have another name in the end.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hullmark.model.limit import Limit
from hullmark.rootfs.dispatch import Dispatch, glob_regex
from hullmark.rootfs.entry import LayerRecord
from hullmark.rootfs.reads import Read
from hullmark.rootfs.tree import Node, Tree

OTHER_NAME = "it was not read, because the layer has it under another name"

_MOST_LOOKS = Limit(2_000_000, "files behind links to folders that packages may be installed in")

Misnamed = tuple[bytes, int, Read[Any]]
"""The path that a container sees, the layer of what is there, and the read that wants it."""


def misnamed(tree: Tree, records: Sequence[LayerRecord], reads: Sequence[Read[Any]]) -> Iterator[Misnamed]:
    """What was wanted, and not read for its name. Of files behind one link to a folder the first counts for each read."""
    names = _Names(tree, Dispatch(reads))
    for (layer, position), place in tree.moved.items():
        node = tree.nodes.get(place)
        if node is not None and node.rank == (layer, position):
            yield from names.unread(place, records[layer].entries[position].path, node)
    folders: list[tuple[bytes, bytes]] = []
    is_way = _segments(reads)
    for path, node in tree.nodes.items():
        if node.entry.kind == "l":
            if is_way(path[path.rfind(b"/") + 1 :]) is not None:
                folders += names.folder(path)
            if names.dispatch.wanted(path):
                yield from names.linked(path)
    if folders:
        yield from names.behind(folders)


class _Names:
    """Who wants a file under one name and not under another."""

    def __init__(self, tree: Tree, dispatch: Dispatch) -> None:
        self._tree = tree
        self.dispatch = dispatch

    def unread(self, seen: bytes, name: bytes, node: Node) -> Iterator[Misnamed]:
        """The reads that want a file by the name by which it is seen, and not by that which its layer has."""
        known = self.dispatch.wanted(name)
        for i in self.dispatch.wanted(seen):
            if i not in known:
                yield seen, node.layer, self.dispatch.reads[i]

    def linked(self, path: bytes) -> Iterator[Misnamed]:
        """What is not read of the file that a link leads to."""
        real = self._tree.resolve(path)
        node = self._tree.nodes.get(real) if real is not None else None
        if real is not None and node is not None and node.entry.kind == "f":
            yield from self.unread(path, real, node)

    def folder(self, path: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The link and the folder that it leads to, if that has another name."""
        real = self._tree.resolve(path)
        if real and self._tree.is_folder(real) and real[real.rfind(b"/") + 1 :] != path[path.rfind(b"/") + 1 :]:
            yield path, real

    def behind(self, folders: Sequence[tuple[bytes, bytes]]) -> Iterator[Misnamed]:
        """What is not read of the files in folders that links lead to."""
        paths = sorted(path for path, node in self._tree.nodes.items() if node.entry.kind == "f")
        left: int = _MOST_LOOKS
        for link, real in folders:
            said: set[str] = set()
            # `0` is what comes behind `/`.
            for at in range(bisect_left(paths, real + b"/"), bisect_left(paths, real + b"0")):
                left -= 1
                path = paths[at]
                for found in self.unread(link + path[len(real) :], path, self._tree.nodes[path]):
                    if found[2].name not in said:
                        said.add(found[2].name)
                        yield found
                if left < 0:
                    # Whoever makes so many of them hides something: all that may be there counts as unread.
                    yield from ((link, self._tree.nodes[path].layer, read) for read in self.dispatch.reads)
                    return


def _segments(reads: Sequence[Read[Any]]) -> Callable[[bytes], object]:
    """Matches the names of folders that globs ask for, but for those that may be any."""
    segments = {segment for read in reads for glob in read.globs for segment in glob.split("/")[:-1]}
    asked = sorted(segment for segment in segments if segment.strip("*?"))
    return re.compile("|".join(f"(?:{glob_regex(segment)})" for segment in asked).encode() or rb"(?!)").fullmatch
