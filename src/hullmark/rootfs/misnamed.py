"""Files that were not read because their layer has them under another name than the container sees.

A read chooses files by their names in the layer. The final name differs for a link to a file, for a
file below a link to a folder, and for an entry that a link of a lower layer moved.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from hullmark.model.limit import Limit
from hullmark.rootfs.dispatch import Dispatch, glob_regex
from hullmark.rootfs.entry import LayerRecord
from hullmark.rootfs.reads import Read
from hullmark.rootfs.tree import Node, Tree

OTHER_NAME = "it was not read, because the layer has it under another name"
_IS_PLAIN = re.compile(r"[^*?\[\]{},]*").fullmatch

_MOST_LOOKS = Limit(2_000_000, "files behind links to folders that packages may be installed in")


class MissedRead(NamedTuple):
    """The path that a container sees, the layer of the file there, and the read that wants it."""

    path: bytes
    layer: int
    read: Read[Any]


def find_misnamed_files(tree: Tree, records: Sequence[LayerRecord], reads: Sequence[Read[Any]]) -> Iterator[MissedRead]:
    """Files that were wanted but not read because of their name: of each linked folder, the first for each read."""
    reads = [read for read in reads if read.other_names]
    names = _Names(tree, Dispatch(reads))
    for (layer, position), place in tree.moved.items():
        node = tree.nodes.get(place)
        if node is not None and node.rank == (layer, position):
            yield from names.unread(place, records[layer].entries[position].path, node)
    folders: list[tuple[bytes, bytes]] = []
    is_way = _segments(reads)
    for path in tree.symlinks:
        if is_way(path[path.rfind(b"/") + 1 :]) is not None:
            folders += names.folder(path)
        if names.dispatch.wanted(path):
            yield from names.find_missed_reads(path)
    if folders:
        yield from names.behind(folders)


class _Names:
    """Finds the reads that want a file under one name and not under another."""

    def __init__(self, tree: Tree, dispatch: Dispatch) -> None:
        self._tree = tree
        self.dispatch = dispatch

    def unread(self, seen: bytes, name: bytes, node: Node) -> Iterator[MissedRead]:
        """The reads that want a file by its visible name, but not by its name in the layer."""
        known = self.dispatch.wanted(name)
        for i in self.dispatch.wanted(seen):
            if i not in known:
                yield MissedRead(seen, node.layer, self.dispatch.reads[i])

    def find_missed_reads(self, path: bytes) -> Iterator[MissedRead]:
        """The reads that miss the file that a link leads to."""
        real = self._tree.resolve(path)
        node = self._tree.nodes.get(real) if real is not None else None
        if real is not None and node is not None and node.entry.kind == "f":
            yield from self.unread(path, real, node)

    def folder(self, path: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The link and its target folder, if their names differ."""
        real = self._tree.resolve(path)
        if real and self._tree.is_folder(real) and real[real.rfind(b"/") + 1 :] != path[path.rfind(b"/") + 1 :]:
            yield path, real

    def behind(self, folders: Sequence[tuple[bytes, bytes]]) -> Iterator[MissedRead]:
        """The reads that miss files in folders that links lead to."""
        paths = sorted(path for path, node in self._tree.nodes.items() if node.entry.kind == "f")
        left: int = _MOST_LOOKS
        for link, real in folders:
            reported: set[str] = set()
            # `0` is the character after `/`.
            for at in range(bisect_left(paths, real + b"/"), bisect_left(paths, real + b"0")):
                left -= 1
                path = paths[at]
                for missed in self.unread(link + path[len(real) :], path, self._tree.nodes[path]):
                    if missed.read.name not in reported:
                        reported.add(missed.read.name)
                        yield missed
                if left < 0:
                    # An image with so many is hiding something: everything that may be there counts as unread.
                    layer = self._tree.nodes[path].layer
                    yield from (MissedRead(link, layer, read) for read in self.dispatch.reads)
                    return


def _segments(reads: Sequence[Read[Any]]) -> Callable[[bytes], object]:
    """Matches the folder names in globs, except segments that match any name."""
    segments = {segment for read in reads for glob in read.globs for segment in glob.split("/")[:-1]}
    names = sorted(segment for segment in segments if segment.strip("*?"))
    wild = [segment for segment in names if not _IS_PLAIN(segment)]
    # Nearly all are plain names, which an expression would take longer to read than it is of use.
    plain = frozenset(segment.encode() for segment in names if _IS_PLAIN(segment))
    fits = re.compile("|".join(f"(?:{glob_regex(segment)})" for segment in wild).encode() or rb"(?!)").fullmatch
    return lambda name: True if name in plain else fits(name)
