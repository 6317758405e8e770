"""rpm headers as a database keeps them: a blob → what it says of one installed package.

Format: the header structure of rpm's manual (https://rpm.org/docs/latest/manual/format_header.html and hregions.html):
two big-endian counts, an index of 16-byte entries (tag, type, offset, count), and a store that the offsets point into.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import msgspec

from hullmark.model.limit import Limit

MAX_HEADER_BYTES = Limit(64 << 20, "bytes of one package's entry in an rpm database")
_MAX_ENTRIES = Limit(0xFFFF, "tags of one package in an rpm database")
_MAX_TEXT = Limit(64 << 10, "bytes of one text in an rpm database")
_MAX_NEEDS = Limit(100_000, "names that one package of an rpm database provides or requires")
_MAX_FILES = Limit(1_000_000, "files of one package in an rpm database")
_MAX_FOLDER_BYTES = Limit(4096, "bytes of one folder's path in an rpm database")
_MAX_PATH_BYTES = Limit(64 << 20, "bytes of the paths of one package's files in an rpm database")

_NAME, _VERSION, _RELEASE, _EPOCH, _SIZE, _VENDOR, _LICENSE, _ARCH = 1000, 1001, 1002, 1003, 1009, 1011, 1014, 1022
_OLD_NAMES, _STATES, _MODES, _DIGESTS, _LINKS, _FLAGS, _SOURCE = 1027, 1029, 1030, 1035, 1036, 1037, 1044
_FOLDER_OF, _NAMES, _FOLDERS = 1116, 1117, 1118
_PROVIDES, _REQUIRES = (1047, 1112, 1113), (1049, 1048, 1050)
_LONG_SIZE, _ALGORITHM, _MODULARITY = 5009, 5011, 5096

_COUNTS = struct.Struct(">II")
_ENTRY = struct.Struct(">IIiI")
_TEXT_TYPES = frozenset((6, 8, 9))
_NUMBERS = {2: struct.Struct(">B"), 3: struct.Struct(">H"), 4: struct.Struct(">I"), 5: struct.Struct(">Q")}
_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4}


class DamagedHeader(ValueError):
    """An invalid header; the text is the end of a sentence about it."""


class RpmFiles(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The files of a package, as columns of `count` values, raw as the header has them.

    `names`, `folders`, `digests` and `links` are texts that each end in NUL, `folder_of` and `flags` big-endian 32-bit numbers,
    `modes` big-endian 16-bit numbers, `states` bytes. Empty `folders`: the names are whole paths. A column that says
    nothing of any file is empty. `algorithm` is OpenPGP's number (0: not told). `path_bytes` is the length of all paths.
    """

    count: int
    path_bytes: int
    names: bytes
    folders: bytes = b""
    folder_of: bytes = b""
    modes: bytes = b""
    flags: bytes = b""
    states: bytes = b""
    digests: bytes = b""
    links: bytes = b""
    algorithm: int = 0


class RpmNames(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a package provides, or requires, as columns of `count` values, raw as the header has them.

    `names` and `versions` are texts that each end in NUL, `flags` big-endian 32-bit numbers (RPMSENSE). A column that says nothing of
    any name is empty.
    """

    count: int
    names: bytes
    flags: bytes = b""
    versions: bytes = b""


class RpmHeader(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One installed package. Empty texts and None: the header does not say. `size` is that of its files, in bytes."""

    name: str
    version: str = ""
    release: str = ""
    epoch: int | None = None
    arch: str = ""
    license: str = ""
    source_rpm: str = ""
    vendor: str = ""
    modularity: str = ""
    size: int = 0
    files: RpmFiles | None = None
    provides: RpmNames | None = None
    requires: RpmNames | None = None


class RpmName(NamedTuple):
    """A name that a package provides or requires: its flags (RPMSENSE), and the version that they compare with ("": any)."""

    name: str
    flags: int
    version: str


class RpmFile(NamedTuple):
    """One file: absolute path, st_mode, rpm's flags and state, digest (hex), target of a link."""

    path: bytes
    mode: int
    flags: int
    state: int
    digest: bytes
    link: bytes


class _Store(msgspec.Struct, frozen=True):
    """A header's bytes, its entries (tag → type, offset, count), and where the data at each offset ends at the latest."""

    blob: bytes
    entries: dict[int, tuple[int, int, int]]
    ends: dict[int, int]

    def text(self, tag: int) -> str:
        """The tag's (first) text; "" if the header has none."""
        entry = self.entries.get(tag)
        if entry is None:
            return ""
        kind, start, count = entry
        end = self.blob.find(b"\0", start, self.ends[start])
        if kind not in _TEXT_TYPES or not count or end < 0 or end - start > _MAX_TEXT:
            raise DamagedHeader(f"the text of tag {tag} cannot be read")
        return self.blob[start:end].decode("utf-8", "replace")

    def number(self, tag: int) -> int | None:
        """The tag's (first) number; None if the header has none."""
        entry = self.entries.get(tag)
        if entry is None:
            return None
        kind, start, count = entry
        form = _NUMBERS.get(kind)
        if form is None or not count or start + form.size > self.ends[start]:
            raise DamagedHeader(f"the number of tag {tag} cannot be read")
        value: int = form.unpack_from(self.blob, start)[0]
        return value

    def count(self, tag: int) -> int:
        """How many values the tag has."""
        entry = self.entries.get(tag)
        return 0 if entry is None else entry[2]

    def texts(self, tag: int, count: int) -> bytes:
        """The tag's `count` texts, raw; empty if they are absent or all empty."""
        entry = self.entries.get(tag)
        if entry is None:
            return b""
        kind, start, found = entry
        raw = self.blob[start : self.ends[start]]
        if kind not in _TEXT_TYPES or found != count or raw.count(b"\0") < count:
            raise DamagedHeader(f"the texts of tag {tag} do not fit")
        return raw if raw.strip(b"\0") else b""

    def column(self, tag: int, count: int, width: int) -> bytes:
        """The tag's `count` numbers of `width` bytes, raw; empty if they are absent or all zero."""
        entry = self.entries.get(tag)
        if entry is None:
            return b""
        kind, start, found = entry
        end = start + count * width
        if _WIDTHS.get(kind) != width or found != count or end > self.ends[start]:
            raise DamagedHeader(f"the numbers of tag {tag} do not fit")
        raw = self.blob[start:end]
        return raw if raw.strip(b"\0") else b""


def read_header(blob: bytes, report: Callable[[str], None]) -> RpmHeader:
    """What a header says. A file list that contradicts itself is reported and left out.

    Raises DamagedHeader if the header itself is unsound.
    """
    store = _store(blob)
    name = store.text(_NAME)
    try:
        files = _files(store)
    except DamagedHeader as error:
        files = None
        report(f"the file list of {name[:100] or 'a package without a name'} is damaged: {error}")
    try:
        provides, requires = _relations(store, _PROVIDES), _relations(store, _REQUIRES)
    except DamagedHeader as error:
        provides = requires = None
        report(f"what {name[:100] or 'a package without a name'} provides and requires is damaged: {error}")
    size = store.number(_LONG_SIZE)
    return RpmHeader(
        name=name,
        version=store.text(_VERSION),
        release=store.text(_RELEASE),
        epoch=store.number(_EPOCH),
        arch=store.text(_ARCH),
        license=store.text(_LICENSE),
        source_rpm=store.text(_SOURCE),
        vendor=store.text(_VENDOR),
        modularity=store.text(_MODULARITY),
        size=(store.number(_SIZE) or 0) if size is None else size,
        files=files,
        provides=provides,
        requires=requires,
    )


def _store(blob: bytes) -> _Store:
    if len(blob) < _COUNTS.size:
        raise DamagedHeader(f"it has only {len(blob)} bytes")
    entry_count, data_bytes = _COUNTS.unpack_from(blob)
    if not 0 < entry_count <= _MAX_ENTRIES:
        raise DamagedHeader(f"it claims {entry_count:,} index entries")
    base = _COUNTS.size + entry_count * _ENTRY.size
    end = base + data_bytes
    if end > len(blob):
        raise DamagedHeader(f"it claims {end:,} bytes and has {len(blob):,}")
    # The region's own entries come first, then those that the installation added or replaced ("dribbles"), so of
    # two entries for one tag the later counts.
    raw = list(_ENTRY.iter_unpack(blob[_COUNTS.size : base]))
    entries = {tag: (kind, base + offset, count) for tag, kind, offset, count in raw if 0 <= offset <= data_bytes}
    if len(entries) < len({entry[0] for entry in raw}):
        raise DamagedHeader("an index entry points outside of it")
    starts = sorted({base + entry[2] for entry in raw if 0 <= entry[2] <= data_bytes})
    ends = dict(pairwise(starts))
    ends[starts[-1]] = end
    return _Store(blob, entries, ends)


def _files(store: _Store) -> RpmFiles | None:
    count = store.count(_NAMES)
    is_old = not count and store.count(_OLD_NAMES) > 0
    if is_old:
        count = store.count(_OLD_NAMES)
    if not count:
        return None
    if count > _MAX_FILES:
        raise DamagedHeader(f"it claims {count:,} files")
    names = store.texts(_OLD_NAMES if is_old else _NAMES, count)
    folders, folder_of, path_bytes = (b"", b"", 0) if is_old else _folders(store, count)
    return RpmFiles(
        count=count,
        path_bytes=path_bytes + len(names),
        names=names,
        folders=folders,
        folder_of=folder_of,
        modes=store.column(_MODES, count, 2),
        flags=store.column(_FLAGS, count, 4),
        states=store.column(_STATES, count, 1),
        digests=store.texts(_DIGESTS, count),
        links=store.texts(_LINKS, count),
        algorithm=store.number(_ALGORITHM) or 0,
    )


def _relations(store: _Store, tags: tuple[int, int, int]) -> RpmNames | None:
    names, flags, versions = tags
    count = store.count(names)
    if not count:
        return None
    if count > _MAX_NEEDS:
        raise DamagedHeader(f"it claims {count:,} names")
    return RpmNames(
        count=count,
        names=store.texts(names, count),
        flags=store.column(flags, count, 4),
        versions=store.texts(versions, count),
    )


def _folders(store: _Store, count: int) -> tuple[bytes, bytes, int]:
    """The folders' names, the folder of each of `count` files, and the bytes of all the paths together."""
    folder_count = store.count(_FOLDERS)
    folders = store.texts(_FOLDERS, folder_count)
    folder_of = store.column(_FOLDER_OF, count, 4)
    lengths = [len(folder) for folder in folders.split(b"\0")[:folder_count]]
    if not lengths or max(lengths) > _MAX_FOLDER_BYTES:
        raise DamagedHeader("it has no folders, or a folder with too long a name")
    try:
        path_bytes = sum(map(lengths.__getitem__, struct.unpack(f">{count}I", folder_of or bytes(4 * count))))
    except IndexError:
        raise DamagedHeader("a file is in a folder that is not there") from None
    if path_bytes > _MAX_PATH_BYTES:
        raise DamagedHeader("its paths are too long")
    return folders, folder_of, path_bytes


def list_files(files: RpmFiles) -> Iterator[RpmFile]:
    """The files one by one, in the order of the header."""
    count = files.count
    names = _texts(files.names, count)
    if files.folders:
        folders = files.folders.split(b"\0")
        names = [folders[i] + name for i, name in zip(_numbers(files.folder_of, count, "I"), names, strict=True)]
    modes, flags = _numbers(files.modes, count, "H"), _numbers(files.flags, count, "I")
    states, digests, links = files.states or bytes(count), _texts(files.digests, count), _texts(files.links, count)
    yield from map(RpmFile, names, modes, flags, states, digests, links)


def list_names(found: RpmNames | None) -> Iterator[RpmName]:
    """The names one by one, in the order of the header."""
    if found is not None:
        names, versions = _texts(found.names, found.count), _texts(found.versions, found.count)
        for name, flags, version in zip(names, _numbers(found.flags, found.count, "I"), versions, strict=True):
            yield RpmName(name.decode("utf-8", "replace"), flags, version.decode("utf-8", "replace"))


def _texts(column: bytes, count: int) -> list[bytes]:
    return column.split(b"\0", count)[:count] if column else [b""] * count


def _numbers(column: bytes, count: int, form: str) -> tuple[int, ...]:
    return struct.unpack(f">{count}{form}", column) if column else (0,) * count
