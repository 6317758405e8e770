"""The FacetView of a real image: facts of all layers, the tree, and the image's settings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from hullmark.facets.facet import Version
from hullmark.model.image import ImageConfig
from hullmark.model.inventory import Distro
from hullmark.rootfs.entry import Entry, LayerRecord, text
from hullmark.rootfs.reads import Read
from hullmark.rootfs.tree import Tree
from hullmark.rootfs.tree_view import TreeView

_WILD = re.compile(r"[*?\[]").search
_MAX_FOUND = 10_000


class ImageView(TreeView):
    """Implements facets.facet.FacetView over a tree and the records that it was folded from."""

    def __init__(
        self, tree: Tree, records: Sequence[LayerRecord], distro: Distro | None, config: ImageConfig | None, room: str
    ) -> None:
        super().__init__(tree, records, distro, room=room)
        self.config = config
        self._names: dict[bytes, list[bytes]] | None = None

    def every(self, read: Read[Any]) -> Iterator[Version]:
        """Each version of each file that `read` took a fact from, sorted by path, bottom layer first."""
        known = self._by_path(read)
        for path in sorted(known):
            node = self._tree.nodes.get(path)
            for layer, position, fact in known[path]:
                yield Version(text(path), layer, fact, node is None or node.rank != (layer, position))

    def entry(self, path: str) -> Entry | None:
        """What stands at a path, links followed."""
        real = self._tree.resolve(path.lstrip("/").encode("utf-8", "surrogateescape"))
        node = self._tree.nodes.get(real) if real is not None else None
        return node.entry if node is not None else None

    def matching(self, glob: str) -> list[str]:
        """The paths of files and of links to files that a glob(7) pattern fits, sorted by bytes; links to folders are entered."""
        found = [b""]
        segments = [segment for segment in glob.split("/") if segment not in ("", ".")]
        for segment in segments:
            found = [path for folder in found for path in self._below(folder, segment)][:_MAX_FOUND]
        return sorted(text(path) for path in found if path and self._is_file(path))

    def _below(self, folder: bytes, segment: str) -> Iterator[bytes]:
        """The paths in a folder whose last segment fits; the folder's own path is kept as it was written."""
        raw = segment.encode("utf-8", "surrogateescape")
        prefix = folder + b"/" if folder else b""
        if not _WILD(segment):
            yield prefix + raw
            return
        real = self._tree.resolve(folder)
        fits = _segment_pattern(segment).fullmatch
        for name in self._children().get(real, ()) if real is not None else ():
            if (name[:1] != b"." or raw[:1] == b".") and fits(name):
                yield prefix + name

    def _children(self) -> dict[bytes, list[bytes]]:
        if self._names is None:
            self._names = {}
            for path in self._tree.nodes:
                folder, _, name = path.rpartition(b"/")
                self._names.setdefault(folder, []).append(name)
            self._add_implied(self._names)
        return self._names

    def _add_implied(self, names: dict[bytes, list[bytes]]) -> None:
        """Folders that no layer lists, but something stands in."""
        for folder in list(names):
            while folder and folder not in self._tree.nodes:
                folder, _, name = folder.rpartition(b"/")
                if name in names.setdefault(folder, []):
                    break
                names[folder].append(name)

    def _is_file(self, path: bytes) -> bool:
        real = self._tree.resolve(path)
        node = self._tree.nodes.get(real) if real is not None else None
        return node is not None and node.entry.kind in "fh"


def _segment_pattern(segment: str) -> re.Pattern[bytes]:
    """One segment of a glob(7) pattern as a regular expression: `*`, `?`, sets with ranges, `!` or `^` for all others."""
    out, i = [], 0
    while i < len(segment):
        c = segment[i]
        end = segment.find("]", i + 2) if c == "[" else -1
        if end > 0:
            body = segment[i + 1 : end]
            negated = body[:1] in "!^"
            escaped = re.escape(body[1:] if negated else body).replace(r"\-", "-")
            out.append(f"[{'^' if negated else ''}{escaped}]")
            i = end
        elif c == "*":
            if out[-1:] != ["[^/]*"]:
                out.append("[^/]*")
        elif c == "?":
            out.append("[^/]")
        else:
            i += c == "\\" and i + 1 < len(segment)
            out.append(re.escape(segment[i]))
        i += 1
    try:
        return re.compile("".join(out).encode("utf-8", "surrogateescape"), re.DOTALL)
    except re.error:
        return re.compile(re.escape(segment.encode("utf-8", "surrogateescape")))
