"""The folders of an image in the object store: who opens one reads what lies in it, and nothing of the others.

An object is four bytes (big-endian) that say how long its directory is, the directory, and blocks. A block holds parts of folders, in the
order of their paths; the directory says with which part each block begins. All are MessagePack, compressed by zstd. Under the path "" are
the files whose content is kept. It belongs to one analysis, and has the digest of that in its name.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Set
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TypeVar

import msgspec
import zstandard

from hullmark.facets.facet import Facet, FacetView
from hullmark.facets.kept import KEPT
from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import FileRecord
from hullmark.model.limit import Limit
from hullmark.server.objects.objects import ObjectReader, Objects
from hullmark.server.stories.images.file_tree import FileTree, ListedFile, ListedFolder

WITH_CONTENT = ""
"""The path under which the files are listed whose content is kept."""

_PART_ROWS = 1_000
_BLOCK_ROWS = 2_000
_HEAD_BYTES = 64 << 10
_MAX_BYTES = Limit(256 << 20, "bytes of folders of an image that are read at a time", "refused")
_MOST_LAYERS, _LONGEST_INSTRUCTION = 24, 300
_LENGTH = 4
_FRESH = timedelta(hours=1)
_T = TypeVar("_T")


class FolderPart(msgspec.Struct, frozen=True):
    """Rows of a folder from the row `at` on: folders come before files."""

    folder: str
    at: int
    folders: tuple[ListedFolder, ...]
    files: tuple[ListedFile, ...]


class _Block(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where a block begins (counted from the end of the directory), how long it is, and with which part of which folder it begins."""

    folder: str
    at: int
    offset: int
    size: int


class _Directory(msgspec.Struct, frozen=True):
    layers: tuple[str, ...]
    blocks: tuple[_Block, ...]


def content_facet() -> Facet:
    """Which files have content that is kept: their absolute paths."""

    def assemble(view: FacetView) -> frozenset[str]:
        return frozenset(f"/{found.path}" for found in view.facts(KEPT) if found.fact.body is not None)

    return Facet(name="contents", reads=(KEPT,), assemble=assemble)


def put_folders(
    objects: Objects, document: str, files: tuple[FileRecord, ...], layers: tuple[str, ...], contents: Set[str]
) -> None:
    """Keep the folders of an analysis. `layers` are their instructions, `contents` the paths of files whose content is kept."""
    key = _key(document)
    head = objects.head(key)
    if head is not None and datetime.now(UTC) - head.modified <= _FRESH:
        return
    tree = FileTree([_make_listed_file(file, contents) for file in files])
    blocks: list[_Block] = []
    bodies: list[bytes] = []
    offset = 0
    for parts in _batches(_parts(tree)):
        body = _pack(parts)
        blocks.append(_Block(parts[0].folder, parts[0].at, offset, len(body)))
        bodies.append(body)
        offset += len(body)
    told = tuple(layer[:_LONGEST_INSTRUCTION] for layer in layers[:_MOST_LAYERS])
    directory = _pack(_Directory(layers=told, blocks=tuple(blocks)))
    objects.put(key, b"".join((len(directory).to_bytes(_LENGTH, "big"), directory, *bodies)))


def _key(document: str) -> str:
    return f"folders/{document.rpartition('/')[2]}"


def _make_listed_file(file: FileRecord, contents: Set[str]) -> ListedFile:
    return ListedFile(
        path=file.path,
        type=file.type,
        mode=file.mode,
        size=file.size,
        link=file.link,
        layer=file.layer,
        owner=file.owner,
        state=file.state,
        sha256=file.sha256,
        has_content=file.path in contents and file.type == "file" and file.state not in ("ghost", "missing"),
    )


def _parts(tree: FileTree) -> Iterator[FolderPart]:
    """What lies in every folder, in the order of their paths."""
    found: dict[str, tuple[list[ListedFolder], list[ListedFile]]] = {
        WITH_CONTENT: ([], [file for file in tree.files if file.has_content])
    }
    waiting = ["/"]
    while waiting:
        folder = waiting.pop()
        found[folder] = folders, _ = tree.of_folder(folder)
        start = folder if folder == "/" else f"{folder}/"
        waiting += [f"{start}{folder.name}" for folder in folders if folder.files]
    for folder in sorted(found):
        folders, files = found[folder]
        for at in range(0, max(len(folders) + len(files), 1), _PART_ROWS):
            end, first = at + _PART_ROWS, len(folders)
            yield FolderPart(folder, at, tuple(folders[at:end]), tuple(files[max(at - first, 0) : max(end - first, 0)]))


def _batches(parts: Iterator[FolderPart]) -> Iterator[list[FolderPart]]:
    batch: list[FolderPart] = []
    rows = 0
    for part in parts:
        batch.append(part)
        rows += len(part.folders) + len(part.files) + 1
        if rows >= _BLOCK_ROWS:
            yield batch
            batch, rows = [], 0
    if batch:
        yield batch


def _pack(value: object) -> bytes:
    return zstandard.ZstdCompressor(level=3, write_checksum=True).compress(msgspec.msgpack.encode(value))


class StoredFolders:
    """The folders of one analysis. All methods block."""

    def __init__(self, reader: ObjectReader) -> None:
        """Raises HullmarkError where its directory cannot be read."""
        head = reader.read_at(0, _HEAD_BYTES)
        length = int.from_bytes(head[:_LENGTH], "big")
        self._start = _LENGTH + length
        self._reader = reader
        if self._start > min(reader.size, _MAX_BYTES):
            raise _make_damage_error()
        payload = head if self._start <= len(head) else reader.read_at(0, self._start)
        directory = _unpack(payload[_LENGTH : self._start], _Directory)
        self.layers = directory.layers
        self._blocks = directory.blocks
        self._begins = [(block.folder, block.at) for block in directory.blocks]

    def rows(self, folder: str, start: int, most: int) -> list[ListedFolder | ListedFile]:
        """At most `most` rows of a folder from the row `start` on; none where there is no such folder. Raises HullmarkError."""
        return list(islice(self._rows(folder, start), most))

    def _rows(self, folder: str, start: int) -> Iterator[ListedFolder | ListedFile]:
        at = start - start % _PART_ROWS
        place = bisect_right(self._begins, (folder, at)) - 1
        while 0 <= place < len(self._blocks) and self._blocks[place].folder <= folder:
            for part in self._read(self._blocks[place]):
                if part.folder == folder and part.at >= at:
                    rows: list[ListedFolder | ListedFile] = [*part.folders, *part.files]
                    yield from rows[max(start - part.at, 0) :]
            place += 1

    def _read(self, block: _Block) -> list[FolderPart]:
        if block.size > _MAX_BYTES:
            raise _make_damage_error()
        return _unpack(self._reader.read_at(self._start + block.offset, block.size), list[FolderPart])


def get_folders(objects: Objects, document: str) -> StoredFolders | None:
    """The folders of an analysis; None where none are kept: an earlier version analysed it, or it lists no files. Raises HullmarkError."""
    reader = objects.open(_key(document)) if document else None
    return StoredFolders(reader) if reader is not None else None


def _unpack(stored: bytes, kind: type[_T]) -> _T:
    try:
        payload = zstandard.ZstdDecompressor().decompress(stored, max_output_size=_MAX_BYTES)
        return msgspec.msgpack.decode(payload, type=kind)
    except (zstandard.ZstdError, msgspec.MsgspecError) as error:
        raise _make_damage_error() from error


def _make_damage_error() -> HullmarkError:
    return HullmarkError("the folders of the image cannot be read", advice="analyse the image again")
