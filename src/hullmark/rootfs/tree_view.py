"""The View that catalogers get of a real image: facts of the layer records at their visible paths."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from hullmark.model.inventory import Distro
from hullmark.model.problem import Problem
from hullmark.rootfs.dispatch import compile_globs
from hullmark.rootfs.entry import LayerRecord, text
from hullmark.rootfs.reads import LocatedFact, Read, Remark, kind_of
from hullmark.rootfs.tree import Node, Tree

F = TypeVar("F")


class TreeView:
    """Implements catalog.view.View over a tree. `all_layers`: facts of replaced and deleted files are visible too."""

    def __init__(
        self,
        tree: Tree,
        records: Sequence[LayerRecord],
        distro: Distro | None = None,
        *,
        room: str = "catalog",
        all_layers: bool = False,
    ) -> None:
        self.distro = distro
        self.problems: list[Problem] = []
        self._tree = tree
        self._records = records
        self._room = room
        self._all_layers = all_layers
        self._seen: dict[str, dict[bytes, list[tuple[int, int, Any]]]] = {}
        self._located: dict[str, tuple[LocatedFact[Any], ...]] = {}

    def _by_path(self, read: Read[Any]) -> dict[bytes, list[tuple[int, int, Any]]]:
        """All facts of a read: path → (layer, position, fact), bottom layer first; a layer's later entries win."""
        known = self._seen.get(read.name)
        if known is None:
            known, moved = {}, self._tree.moved
            for layer, record in enumerate(self._records):
                entries = record.entries
                for position, fact in record.facts.get(read.name, ()):
                    path = (moved.get((layer, position)) if moved else None) or entries[position].path
                    versions = known.get(path)
                    if versions is None:
                        known[path] = [(layer, position, fact)]
                    elif versions[-1][0] == layer:
                        versions[-1] = layer, position, fact
                    else:
                        versions.append((layer, position, fact))
            if self._tree.links and known:
                self._borrow(read, known)
            self._seen[read.name] = known
        return known

    def _borrow(self, read: Read[Any], known: dict[bytes, list[tuple[int, int, Any]]]) -> None:
        """Give hard links to files of lower layers the facts of those files; where facts go by content, also links that outlive
        the file.

        Links within one layer already share facts by name in the layer's record.
        """
        tree = self._tree
        own = {(layer, position): fact for facts in known.values() for layer, position, fact in facts}
        by_name: Callable[[bytes], object] | None = None
        for link, target in tree.links.items():
            if target not in own or link in own:
                continue
            first = self._records[target[0]].entries[target[1]].path
            path = tree.moved.get(link) or self._records[link[0]].entries[link[1]].path
            there = tree.nodes.get(tree.moved.get(target) or first)
            is_gone = there is None or there.rank != target
            if by_name is None and read.globs:
                # Few images have such links, and a read may have a hundred globs.
                by_name = compile_globs(read.globs).fullmatch
            if (by_name is not None and by_name(path)) or (read.magic and is_gone):
                versions = known.setdefault(path, [])
                versions[:] = sorted(
                    [*(version for version in versions if version[0] != link[0]), (*link, own[target])], key=_rank
                )

    def facts(self, read: Read[F]) -> Iterator[LocatedFact[F]]:
        """Each visible file that `read` took a fact from, sorted by path."""
        found = self._located.get(read.name)
        if found is None:
            # Programs are many, and asked for more than once.
            found = self._located[read.name] = tuple(self._visible(read))
        return iter(found)

    def _visible(self, read: Read[F]) -> Iterator[LocatedFact[F]]:
        known, nodes = self._by_path(read), self._tree.nodes
        for path in sorted(known):
            node = nodes.get(path)
            for layer, position, fact in known[path]:
                is_seen = node is not None and node.position == position and node.layer == layer
                if is_seen or self._all_layers:
                    yield LocatedFact(text(path), layer, fact)
            if read.stands_in and node is not None and not self._all_layers and self._is_unread(read, path, node):
                layer, _, fact = known[path][-1]
                self.problem(
                    text(path), f"its version of layer {node.layer} could not be read; that of layer {layer} stands in"
                )
                yield LocatedFact(text(path), layer, fact)

    def _is_unread(self, read: Read[Any], path: bytes, node: Node) -> bool:
        """Whether the visible version of a file was wanted but could not be read."""
        problems = self._records[node.layer].problems
        has_fact = any((layer, position) == node.rank for layer, position, _ in self._by_path(read)[path])
        return not has_fact and any(p.path == path and p.room == read.name for p in problems)

    def fact_at(self, read: Read[F], path: str) -> LocatedFact[F] | None:
        """The fact at a path, links followed; None if there is none."""
        real = self._tree.resolve(_raw(path))
        if real is None or (node := self._tree.nodes.get(real)) is None:
            return None
        for layer, position, fact in self._by_path(read).get(real, ()):
            if node.rank == (layer, position):
                return LocatedFact(text(real), layer, fact)
        return None

    def versions(self, read: Read[F], path: str) -> list[LocatedFact[F]]:
        """Every version of the fact at this path, bottom layer first, also those that later layers replaced."""
        raw = _raw(path)
        return [LocatedFact(path, layer, fact) for layer, _, fact in self._by_path(read).get(raw, ())]

    def resolve(self, path: str) -> str | None:
        """The real path after following every link inside the root; None if nothing is there."""
        real = self._tree.resolve(_raw(path))
        return None if real is None else text(real)

    def exists(self, path: str) -> bool:
        """Whether anything exists at this path, with links followed."""
        return self._tree.resolve(_raw(path)) is not None

    def below(self, folder: str) -> Iterator[tuple[str, int]]:
        """Path and layer of everything below a folder but folders, at any depth, sorted by path; links are not followed."""
        start = _raw(folder) + b"/" if folder else b""
        nodes = self._tree.nodes.items()
        found = sorted((path, node.layer) for path, node in nodes if path.startswith(start) and node.entry.kind != "d")
        return ((text(path), layer) for path, layer in found)

    def problem(self, path: str, reason: str) -> None:
        """Add a Problem about a path to the result."""
        types = reason.types if isinstance(reason, Remark) else ()
        self.problems.append(Problem(f"/{path}", -1, self._room, str(reason), kind_of(reason), types=types))


def _rank(version: tuple[int, int, Any]) -> tuple[int, int]:
    return version[:2]


def _raw(path: str) -> bytes:
    return path.lstrip("/").encode("utf-8", "surrogateescape")
