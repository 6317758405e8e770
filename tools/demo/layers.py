"""Layers while they are made: files by path, and what they take away from the layers below.

The shapes are those of the OCI image specification, layer.md: a deletion is an empty file named `.wh.NAME`.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field

FILE, FOLDER, SYMLINK, HARDLINK = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a layer. `path` and the target of a hard link have no leading slash."""

    path: str
    body: bytes = b""
    kind: bytes = FILE
    mode: int = 0o644
    target: str = ""
    uid: int = 0
    gid: int = 0


@dataclass(slots=True)
class Layer:
    """What one instruction adds and takes away. `created_by` says it in words."""

    created_by: str
    items: dict[str, Item] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)

    def add(self, item: Item) -> None:
        """Put an entry in, instead of what this layer had there."""
        self.items[item.path] = item

    def write(self, path: str, body: bytes | str, mode: int = 0o644) -> None:
        """Put an ordinary file in."""
        self.add(Item(path, body.encode() if isinstance(body, str) else body, mode=mode))

    def delete(self, path: str) -> None:
        """Take away what the layers below have at a path."""
        self.items.pop(path, None)
        self.deleted.add(path)

    def tar(self, mtime: int) -> bytes:
        """The layer as a tar: folders before what is in them, hard links after what they name."""
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for path in sorted(self.deleted):
                folder, slash, name = path.rpartition("/")
                _put(tar, Item(f"{folder}{slash}.wh.{name}"), mtime)
            for item in _in_order(self.items.values()):
                _put(tar, item, mtime)
        return out.getvalue()


def _in_order(items: Iterable[Item]) -> list[Item]:
    return sorted(items, key=lambda item: (item.kind == HARDLINK, item.path))


def _put(tar: tarfile.TarFile, item: Item, mtime: int) -> None:
    entry = tarfile.TarInfo(item.path)
    entry.type, entry.mode, entry.linkname = item.kind, item.mode, item.target
    entry.uid, entry.gid, entry.mtime, entry.size = item.uid, item.gid, mtime, len(item.body)
    tar.addfile(entry, io.BytesIO(item.body))


@dataclass(slots=True)
class Tree:
    """What is visible after all layers so far. It knows linked folders, so that `bin/sh` goes where `bin` points."""

    items: dict[str, Item] = field(default_factory=dict)

    def real(self, path: str) -> str:
        """The path with a linked top folder replaced by what it points to (`bin/sh` → `usr/bin/sh`)."""
        top, slash, rest = path.partition("/")
        link = self.items.get(top)
        if slash and link is not None and link.kind == SYMLINK:
            return f"{link.target.strip('/')}/{rest}"
        return path

    def apply(self, layer: Layer) -> None:
        """Lay a layer on top."""
        for gone in layer.deleted:
            inside = [path for path in self.items if path == gone or path.startswith(gone + "/")]
            for path in inside:
                del self.items[path]
        self.items.update(layer.items)

    def under(self, folder: str) -> list[Item]:
        """Everything inside a folder, sorted by path."""
        return [self.items[path] for path in sorted(self.items) if path.startswith(folder + "/")]
