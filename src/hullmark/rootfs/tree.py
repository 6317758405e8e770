"""The finished root file system: what a container sees, where each file came from, and what was deleted on the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from hullmark.rootfs.entry import Entry, LayerProblem

_MAX_LINKS = 40  # the kernel's limit (path_resolution(7))
_MAX_TARGET = 4095  # the longest target that symlink(2) accepts
_MAX_SEGMENTS = 4096


class Node(msgspec.Struct, frozen=True, gc=False):
    """An entry of the tree: the layer that brought it and its position among that layer's entries."""

    layer: int
    position: int
    entry: Entry

    @property
    def rank(self) -> tuple[int, int]:
        """Later entries of a layer, and later layers, rank above earlier ones."""
        return self.layer, self.position


class Links(NamedTuple):
    """What is reached by another name. `hard`: (layer, position) of a hard link → that of the file it names; `symbolic`: the paths of
    symbolic links."""

    hard: Mapping[tuple[int, int], tuple[int, int]]
    symbolic: tuple[bytes, ...]


_NO_LINKS = Links({}, ())


class Tree:
    """Paths → nodes. Paths are bytes without leading slash; the root is empty.

    `ghosts` are (path, node, layer that hid it) of entries which later layers deleted or replaced; they are kept only on
    request. `moved`: (layer, position) → path of entries that are elsewhere than their layer says. `links`: (layer, position) of a
    hard link → that of the file it names. `symlinks`: the paths of all symbolic links. Folders that no layer lists exist if something is
    in them.
    """

    def __init__(
        self,
        nodes: dict[bytes, Node],
        implied: frozenset[bytes],
        ghosts: tuple[tuple[bytes, Node, int], ...],
        problems: tuple[tuple[int, LayerProblem], ...],
        moved: dict[bytes, Node] | None = None,
        links: Links = _NO_LINKS,
    ) -> None:
        self.nodes = nodes
        self.ghosts = ghosts
        self.problems = problems
        self.moved = {node.rank: path for path, node in moved.items()} if moved else {}
        self.links, self.symlinks = links
        self._implied = implied
        self._folders: dict[bytes, bytes | None] = {b"": b""}

    def get(self, path: bytes) -> Node | None:
        """The node at exactly this path, links not followed."""
        return self.nodes.get(path)

    def is_folder(self, path: bytes) -> bool:
        """Whether there is a folder at exactly this path."""
        node = self.nodes.get(path)
        return node.entry.kind == "d" if node is not None else path in self._implied or not path

    def real_folder(self, folder: bytes) -> bytes | None:
        """The real path of a folder, with links followed inside the root; None if there is none. Cached."""
        known = self._folders.get(folder, folder)
        if known is not folder or folder in self._folders:
            return self._folders[folder]
        found = self.follow(folder)
        if found is not None and not self.is_folder(found):
            found = None
        self._folders[folder] = found
        return found

    def place(self, path: bytes) -> bytes | None:
        """The path with the links in its folder part followed; the last segment stays. None if there is no such folder."""
        folder, _, base = path.rpartition(b"/")
        real = self.real_folder(folder)
        if real is None:
            return None
        return real + b"/" + base if real else base

    def resolve(self, path: bytes) -> bytes | None:
        """The real path after following every link, the last segment's too; None if nothing is there."""
        found = self.follow(path)
        return found if found is not None and (found in self.nodes or self.is_folder(found)) else None

    def follow(self, path: bytes) -> bytes | None:
        """The path with every link followed, whether or not something stands at its end; None after too many links, or a target
        that no kernel accepts.

        `..` stops at the root, as it does in a container.
        """
        todo = path.split(b"/")
        todo.reverse()
        done: list[bytes] = []
        links = 0
        while todo:
            part = todo.pop()
            if part in (b"", b"."):
                continue
            if part == b"..":
                if done:
                    done.pop()
                continue
            done.append(part)
            node = self.nodes.get(b"/".join(done))
            if node is None or node.entry.kind != "l":
                continue
            links += 1
            if links > _MAX_LINKS:
                return None
            target = node.entry.link
            if len(target) > _MAX_TARGET or len(todo) > _MAX_SEGMENTS:
                return None
            done = [] if target[:1] == b"/" else done[:-1]
            todo.extend(reversed(target.split(b"/")))
        return b"/".join(done)
