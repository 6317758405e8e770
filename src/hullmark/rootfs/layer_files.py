"""Layer records → what each layer changes in those below it. Layers are applied bottom up, while `squash` goes top down.

Follows the OCI image specification (layer.md, "Applying changesets"): whiteouts are applied to the layers below first, wherever they
stand in their layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hullmark.model.image_layers import GhostFile, LayerFiles
from hullmark.rootfs.entry import Entry, LayerRecord, text
from hullmark.rootfs.tree import Tree


def layer_files(records: Sequence[LayerRecord], tree: Tree) -> tuple[LayerFiles, ...]:
    """What each layer adds, changes, hides and wastes, bottom first. `tree` is what the records fold to."""
    stack = _Stack(len(records), tree)
    return stack.with_ghosts([stack.apply(layer, record) for layer, record in enumerate(records)])


class _Place:
    """A path: the file or folder that is there (None: nothing, or a folder that no layer lists), and the names below it."""

    __slots__ = ("below", "entry", "path", "rank")

    def __init__(self) -> None:
        self.entry: Entry | None = None
        self.path = b""
        self.rank = (-1, -1)
        self.below: dict[bytes, _Place] = {}


class _Stack:
    """The tree as it grows layer by layer."""

    def __init__(self, count: int, tree: Tree) -> None:
        self._root = _Place()
        self._moved = tree.moved
        links = tree.links
        self._alive = {links[node.rank] for node in tree.nodes.values() if node.rank in links} if links else set()
        self._ghosts: list[list[GhostFile]] = [[] for _ in range(count)]
        self._hidden: dict[bytes, None] = {}
        self._folders: dict[bytes, _Place] = {}

    def apply(self, layer: int, record: LayerRecord) -> LayerFiles:
        """Apply the next layer, and say what it changes. Its ghosts are known once all layers are applied."""
        self._hidden, self._folders = {}, {}
        last: dict[bytes, int] = {}
        unpacked = 0
        for position, entry in enumerate(record.entries):
            if entry.kind == "w":
                self._whiteout(entry.path, layer)
            elif entry.kind == "o":
                self._opaque(entry.path, layer)
            else:
                last[entry.path] = position
                unpacked += entry.size if entry.kind == "f" else 0
        added: list[bytes] = []
        changed: list[bytes] = []
        for path, position in last.items():
            entry = record.entries[position]
            rank = (layer, position)
            path = self._moved.get(rank, path)
            if (is_change := self._put(path, rank, entry)) is None:
                continue
            (changed if is_change else added).append(path)
        return LayerFiles(
            unpacked=unpacked,
            added=_format_paths(added),
            changed=_format_paths(changed),
            hidden=_format_paths(list(self._hidden)),
        )

    def with_ghosts(self, layers: Sequence[LayerFiles]) -> tuple[LayerFiles, ...]:
        """The layers with the ghosts that they hold."""
        found = []
        for layer, ghosts in zip(layers, self._ghosts, strict=True):
            ghosts.sort(key=lambda ghost: (ghost.path, ghost.hidden_by))
            wasted = sum(ghost.size for ghost in ghosts)
            found.append(
                LayerFiles(
                    unpacked=layer.unpacked,
                    added=layer.added,
                    changed=layer.changed,
                    hidden=layer.hidden,
                    ghosts=tuple(ghosts),
                    wasted=wasted,
                )
            )
        return tuple(found)

    def _put(self, path: bytes, rank: tuple[int, int], entry: Entry) -> bool | None:
        """Put an entry where it belongs: whether it stands in the place of a file below, None for a folder."""
        layer = rank[0]
        folder, _, base = path.rpartition(b"/")
        above = self._folders.get(folder)
        if above is None:
            above = self._folders[folder] = self._folder(folder, layer)
        place = above.below.get(base)
        if place is None:
            place = above.below[base] = _Place()
        old = place.entry
        is_file = entry.kind != "d"
        replaces = old is not None and old.kind != "d" and place.rank[0] < layer
        if replaces:
            self._ghost(place, layer)
            if not is_file:
                self._hidden[path] = None
        if is_file and place.below:
            self._hide_below(place, layer)
            self._folders = {}
        place.entry, place.rank, place.path = entry, rank, path
        if not is_file:
            return None
        # What a layer removes and brings again, as a package manager does with a whole folder, is changed.
        if path in self._hidden:
            del self._hidden[path]
            return True
        return replaces

    def _folder(self, folder: bytes, layer: int) -> _Place:
        """The place of a folder. A file of a lower layer that is in the way gives way; a link stays."""
        place = self._root
        for name in folder.split(b"/") if folder else ():
            below = place.below.get(name)
            if below is None:
                below = place.below[name] = _Place()
            elif below.entry is not None and below.entry.kind not in "dl" and below.rank[0] < layer:
                self._hide(below, layer)
            place = below
        return place

    def _look_up(self, path: bytes) -> tuple[_Place, bytes] | None:
        """The folder that a path is in, and its name there; None if there is nothing."""
        *folders, base = path.split(b"/")
        place: _Place | None = self._root
        for name in folders:
            place = place.below.get(name) if place is not None else None
        return (place, base) if place is not None and base in place.below else None

    def _open_folder(self, folder: bytes, layer: int) -> None:
        """Make sure that the path of a whiteout is a folder: a file of a lower layer there is hidden."""
        place = self._root
        for name in folder.split(b"/") if folder else ():
            below = place.below.get(name)
            if below is None:
                return
            if below.entry is not None and below.entry.kind != "d":
                if below.entry.kind == "l":
                    return
                self._hide(below, layer)
            place = below

    def _whiteout(self, path: bytes, layer: int) -> None:
        self._open_folder(path.rpartition(b"/")[0], layer)
        if (found := self._look_up(path)) is not None:
            folder, base = found
            self._hide_all(folder.below.pop(base), layer)

    def _opaque(self, path: bytes, layer: int) -> None:
        self._open_folder(path, layer)
        found = self._look_up(path) if path else None
        place = self._root if not path else found[0].below[found[1]] if found is not None else None
        if place is not None:
            for below in place.below.values():
                self._hide_all(below, layer)
            place.below = {}

    def _hide_all(self, top: _Place, layer: int) -> None:
        for place in _within(top):
            self._hide(place, layer)

    def _hide_below(self, place: _Place, layer: int) -> None:
        """Hide what lower layers have below; what the same layer puts there stays."""
        kept = {}
        for name, below in place.below.items():
            own = False
            for version in _within(below):
                if version.rank[0] == layer:
                    own = True
                else:
                    self._hide(version, layer)
            if own:
                kept[name] = below
        place.below = kept

    def _hide(self, place: _Place, layer: int) -> None:
        if place.entry is not None and place.entry.kind != "d":
            self._ghost(place, layer)
            self._hidden[place.path] = None
        place.entry = None

    def _ghost(self, place: _Place, by: int) -> None:
        entry = place.entry
        size = entry.size if entry is not None and entry.kind == "f" and place.rank not in self._alive else 0
        self._ghosts[place.rank[0]].append(GhostFile("/" + text(place.path), size, by))


def _within(top: _Place) -> Iterator[_Place]:
    """A place and all places below it."""
    todo = [top]
    while todo:
        place = todo.pop()
        yield place
        todo += place.below.values()


def _format_paths(paths: list[bytes]) -> tuple[str, ...]:
    return tuple(sorted("/" + text(path) for path in paths))
