"""Layer records → tree: whiteouts, opaque folders, replaced files and folders, hard links, entries below links.

Follows the OCI image specification (layer.md, "Applying changesets") and, where it is silent, what containerd does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from hullmark.rootfs.entry import Entry, LayerProblem, LayerRecord
from hullmark.rootfs.hard_links import File, find_last_files, resolve_hard_links
from hullmark.rootfs.reads import Remark, kind_of
from hullmark.rootfs.tree import Links, Node, Tree

_MOVED = Remark("the entry stands below a link of the same layer; it was put where that leads")


def squash(records: Sequence[LayerRecord], *, keep_ghosts: bool = False) -> Tree:
    """Fold the layers, bottom first in `records`, into what a container sees."""
    return _Fold(records, keep_ghosts).tree()


class _Fold:
    """Walks the layers top down: the first entry of a path wins, and a set of hidden folders is all the state needed."""

    def __init__(self, records: Sequence[LayerRecord], keep_ghosts: bool) -> None:
        self._records = records
        self._keep_ghosts = keep_ghosts
        self._nodes: dict[bytes, Node] = {}
        self._removed: dict[bytes, int] = {}  # by whiteouts: the path itself in the layers below …
        self._emptied: dict[bytes, int] = {}  # … and everything below these paths
        # The folders of whiteouts and hidden entries, each with the uppermost layer that needs it.
        self._made: dict[bytes, int] = {}
        self._folders: set[bytes] = set()
        self._symlinks: list[bytes] = []  # of all layers, whether visible or not
        self._ghosts: list[tuple[bytes, Node, int]] = []
        self._problems: list[tuple[int, LayerProblem]] = []
        self._moved: dict[bytes, Node] = {}
        self._links: dict[tuple[int, int], tuple[int, int]] = {}
        self._resolved: dict[int, dict[int, File]] = {}  # the hard links of layers …
        self._named: dict[int, dict[bytes, File]] = {}  # … and what their paths name, where links of other layers ask

    def tree(self) -> Tree:
        for layer in range(len(self._records) - 1, -1, -1):
            self._apply(layer)
        self._drop_files_in_the_way()
        implied = self._all_folders()
        if misplaced := self._find_misplaced_paths(implied):
            self._mend(misplaced)
            self._folders = {path.rpartition(b"/")[0] for path in self._nodes}
            implied = self._all_folders()
        for layer, record in enumerate(self._records):
            self._problems += [(layer, problem) for problem in record.problems]
        self._problems.sort(key=lambda item: item[0])
        links = Links(self._links, tuple(self._find_symlinks()))
        return Tree(self._nodes, implied, tuple(self._ghosts), tuple(self._problems), self._moved, links)

    def _find_symlinks(self) -> Iterator[bytes]:
        """The paths of the symbolic links in the finished tree."""
        for path in dict.fromkeys((*self._symlinks, *self._moved)) if self._symlinks else ():
            node = self._nodes.get(path)
            if node is not None and node.entry.kind == "l":
                yield path

    def _apply(self, layer: int) -> None:  # noqa: C901 - runs for every file of the image, so it calls only what is rare
        """Take what no upper layer hides, then note what this layer hides from those below."""
        entries, nodes, folders, removed = self._records[layer].entries, self._nodes, self._folders, self._removed
        is_top = layer == len(self._records) - 1
        hidden: dict[bytes, int] = {b"": self._emptied.get(b"", 0)}
        emptying: list[bytes] = []
        markers: list[Entry] = []
        symlinks = self._symlinks
        last, filled, by = b"/", b"/", 0
        # From last to first: where several entries have one path, the last one counts.
        position = len(entries)
        for entry in reversed(entries):
            position -= 1
            path, kind = entry.path, entry.kind
            if kind != "f":
                if kind in "wo":
                    markers.append(entry)
                    continue
                if kind == "l":
                    symlinks.append(path)
            if path in nodes:
                if self._shadows_file(layer, position, entry):
                    emptying.append(path)
                continue
            slash = path.rfind(b"/")
            folder = path[:slash] if slash > 0 else b""
            if folder != last:  # files of one folder follow each other
                last, by = folder, 0 if is_top else hidden.get(folder, -1)
                if by < 0:
                    by = self._hidden_by(folder, layer, hidden)
            if by or path in removed:
                self._made.setdefault(folder, layer)
                self._ghost(path, Node(layer, position, entry), by or removed[path])
                continue
            if kind == "h":
                linked = self._resolve_hard_link(Node(layer, position, entry))
                if linked is None:
                    continue
                entry = linked
                if entry.kind == "l":
                    symlinks.append(path)
            if folder != filled:
                folders.add(folder)
                filled = folder
            nodes[path] = Node(layer, position, entry)
        self._note_markers(layer, markers)
        for path in emptying:
            self._emptied.setdefault(path, layer)

    def _note_markers(self, layer: int, markers: Iterable[Entry]) -> None:
        """What the whiteouts of a layer hide from those below, and the folders that they stand in."""
        for marker in markers:
            folder = path = marker.path
            if marker.kind == "w":
                self._removed.setdefault(path, layer)
                folder = path.rpartition(b"/")[0]
            self._emptied.setdefault(path, layer)
            self._made.setdefault(folder, layer)

    def _drop_files_in_the_way(self) -> None:
        """Drop files that a higher layer turned into a folder. A whiteout, or an entry that is itself hidden later, is enough for that.

        The image specification does not say so; this is what overlayfs shows.
        """
        for folder, layer in self._made.items():
            for path in (*_above(folder), folder):
                node = self._nodes.get(path)
                if node is None or node.entry.kind == "d":
                    continue
                if node.entry.kind == "l":
                    break
                if node.layer < layer:
                    del self._nodes[path]
                    self._ghost(path, node, layer)

    def _shadows_file(self, layer: int, position: int, entry: Entry) -> bool:
        """An upper layer has this path. True if that is a folder where this one has a file: what lower layers
        had in a folder of this name is gone too.
        """
        above = self._nodes[entry.path]
        if above.layer == layer:
            return False
        if not entry.kind == above.entry.kind == "d":  # a folder that is listed again is the same folder
            self._ghost(entry.path, Node(layer, position, entry), above.layer)
        return entry.kind != "d" and above.entry.kind == "d"

    def _ghost(self, path: bytes, node: Node, by: int) -> None:
        if self._keep_ghosts:
            self._ghosts.append((path, node, by))

    def _hidden_by(self, folder: bytes, layer: int, hidden: dict[bytes, int]) -> int:
        """The upper layer that hides this layer's content of a folder; 0 if none does (layer 0 is never an upper layer)."""
        chain = []
        at = folder
        while at not in hidden:
            chain.append(at)
            at = at[: max(at.rfind(b"/"), 0)]
        by = hidden[at]
        for step in reversed(chain):
            if not by:
                by = self._emptied.get(step, 0)
                node = self._nodes.get(step)
                if not by and node is not None and node.layer > layer and node.entry.kind != "d":
                    by = node.layer
            hidden[step] = by
        return by

    def _resolve_hard_link(self, node: Node) -> Entry | None:
        """A hard link as the file it names: in its own layer, or else in the nearest one below."""
        layer, entry = node.layer, node.entry
        target = self._target(layer, self._links_of(layer)[node.position])
        if target is None or target.entry.kind == "d":
            if entry.link:
                self._problem(layer, entry.path, "a hard link to a file that is not there; it was left out")
            return None
        self._links[node.rank] = target.rank
        named = target.entry
        return msgspec.structs.replace(named, path=entry.path, link=named.link if named.kind == "l" else entry.link)

    def _target(self, layer: int, file: File) -> Node | None:
        """The entry of a file, which may lie in a layer below under a name that is a hard link there too."""
        while isinstance(file, bytes):
            path = file
            while layer:
                layer -= 1
                found = self._names(layer).get(path)
                if found is not None:
                    file = found
                    break
            else:
                return None
        return Node(layer, file, self._records[layer].entries[file])

    def _links_of(self, layer: int) -> dict[int, File]:
        found = self._resolved.get(layer)
        if found is None:
            found = self._resolved[layer] = resolve_hard_links(self._records[layer].entries)
        return found

    def _names(self, layer: int) -> dict[bytes, File]:
        found = self._named.get(layer)
        if found is None:
            found = self._named[layer] = find_last_files(self._records[layer].entries, self._links_of(layer))
        return found

    def _problem(self, layer: int, path: bytes, reason: str) -> None:
        self._problems.append((layer, LayerProblem(path, "rootfs", str(reason), kind_of(reason))))

    def _all_folders(self) -> frozenset[bytes]:
        """Every folder that is not empty, with those above it."""
        known = set(self._folders)
        for folder in self._folders:
            while folder:
                folder = folder[: max(folder.rfind(b"/"), 0)]
                if folder in known:
                    break
                known.add(folder)
        known.add(b"")
        return frozenset(known)

    def _find_misplaced_paths(self, folders: frozenset[bytes]) -> set[bytes]:
        """Paths that are not folders in the finished tree although entries below them exist."""
        nodes = self._nodes
        return {folder for folder in folders if (node := nodes.get(folder)) is not None and node.entry.kind != "d"}

    def _mend(self, misplaced: set[bytes]) -> None:
        """Move entries below a link to where the link leads; drop entries below a file.

        A container runtime unpacks a layer over those below, so an entry `lib/x` lands in `usr/lib` if a lower layer made
        `lib` a link.
        """
        below = [(path, node) for path, node in self._nodes.items() if any(up in misplaced for up in _above(path))]
        for path, _ in below:
            del self._nodes[path]
        at_links = Tree(self._nodes, frozenset(self._all_folders()), (), ())
        for path, node in sorted(below, key=lambda item: item[1].rank, reverse=True):
            blocker = next((at for up in _above(path) if up in misplaced and (at := self._nodes.get(up))), None)
            if blocker is None or (blocker.entry.kind != "l" and node.layer > blocker.layer):
                # A layer that adds an entry below a path makes it a folder, whatever a lower layer had there.
                if blocker is not None:
                    del self._nodes[blocker.entry.path]
                    self._ghost(blocker.entry.path, blocker, node.layer)
                self._nodes[path] = node
                continue
            if node.rank < blocker.rank:
                continue  # it was in the folder that the file or link then replaced
            if blocker.entry.kind != "l":
                self._problem(node.layer, path, "the entry stands below a file; it was left out")
                continue
            self._follow(path, node, blocker, at_links)

    def _follow(self, path: bytes, node: Node, link: Node, tree: Tree) -> None:
        """Move an entry below a link to where the link leads."""
        folder, _, base = path.rpartition(b"/")
        moved = tree.follow(folder)
        if moved is None:
            self._problem(node.layer, path, "the entry stands below a link that leads nowhere; it was left out")
            return
        if node.layer == link.layer:
            self._problem(node.layer, path, _MOVED)
        place = moved + b"/" + base if moved else base
        there = self._nodes.get(place)
        if there is None or there.rank < node.rank:
            self._nodes[place] = node
            self._moved[place] = node


def _above(path: bytes) -> Iterator[bytes]:
    """The folders above a path, the topmost first."""
    at = path.find(b"/")
    while at >= 0:
        yield path[:at]
        at = path.find(b"/", at + 1)
