"""Where the dynamic loader finds a library (ld.so(8), musl's dynlink): the folders of the program, of the environment, of ld.so.conf.

/etc/ld.so.cache has the format that glibc's dl-cache.h names "glibc-ld.so.cache1.1".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from struct import Struct, error

from hullmark.model.limit import Limit
from hullmark.reach.elf import ElfFacts
from hullmark.reach.tree import FileTree
from hullmark.rootfs.reads import MIB, Read, Report

_USUAL = ("/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib")
_TRIPLETS = {
    "64:62": "x86_64-linux-gnu", "64:183": "aarch64-linux-gnu", "32:3": "i386-linux-gnu", "32:40": "arm-linux-gnueabihf",
    "64:243": "riscv64-linux-gnu", "64:22": "s390x-linux-gnu", "64:21": "powerpc64le-linux-gnu", "64:258": "loongarch64-linux-gnu",
}  # fmt: skip
_CACHE_LIMIT = Limit(16 * MIB, "bytes of the loader's cache", "later")
_MAX_CACHED = Limit(100_000, "libraries in the loader's cache", "later")
_PATH_BYTES = 4096
"""Bytes of a path, as the kernel has it (limits.h, PATH_MAX)."""

_MAGIC = b"glibc-ld.so.cache1.1"
_ENTRY = Struct("<iIIIQ")
_MAX_FOLDERS = Limit(64, "folders in which a program looks for its libraries")


def _read_cache(path: str, body: memoryview, report: Report) -> dict[str, list[str]] | None:
    """Names of libraries → paths. What is not understood has none: the folders are looked through all the same."""
    found: dict[str, list[str]] = {}
    data = bytes(body)
    start = data.find(_MAGIC)
    # Names may overlap (a path ends with its library's name), but all of them together are never longer than this.
    room = 2 * len(data)
    try:
        (count,) = Struct("<I").unpack_from(data, start + len(_MAGIC)) if start >= 0 else (0,)
        for number in range(min(count, _MAX_CACHED)):
            _, key, value, _, _ = _ENTRY.unpack_from(data, start + 48 + number * _ENTRY.size)
            name, place = (_text_at(data, start + at) for at in (key, value))
            room -= len(name) + len(place)
            if room < 0:
                break
            if name and place:
                found.setdefault(name, []).append(place)
    except error:
        return found or None
    return found or None


def _text_at(data: bytes, at: int) -> str:
    """The text that begins here; "" for one that does not end."""
    end = data.find(b"\0", at, at + _PATH_BYTES)
    return data[at:end].decode("utf-8", "replace") if end >= 0 else ""


LD_CACHE = Read(
    name="reach-ld-cache",
    fact=dict[str, list[str]],
    extract=_read_cache,
    globs=("etc/ld.so.cache",),
    limit=_CACHE_LIMIT,
    sources=("reach/loader",),
)


class Loader:
    """Resolves names of libraries. `folders` are those of ld.so.conf, `given` those of LD_LIBRARY_PATH."""

    def __init__(
        self,
        tree: FileTree,
        elves: Mapping[str, ElfFacts],
        folders: Iterable[str],
        given: Iterable[str],
        cache: Mapping[str, list[str]],
    ) -> None:
        self._tree = tree
        self._elves = elves
        self._folders = tuple(dict.fromkeys(folders))
        self._given = tuple(given)
        self._cache = cache
        self._known: dict[tuple[str, str, tuple[str, ...]], tuple[str, ...]] = {}

    def find(self, name: str, by: str, chain: Iterable[str] = ()) -> tuple[str, ...]:
        """The paths that a name may lead to, asked for by the file `by`, which the files of `chain` loaded: usually one, several where
        the processor decides."""
        facts = self._elves[by]
        if "/" in name:
            path = self._expand_path(name, by, facts)
            return (path,) if self._fits(path, facts.machine) else ()
        own = tuple(self._own(facts, by, chain))
        key = name, facts.machine, own
        if key not in self._known:
            self._known[key] = tuple(dict.fromkeys(self._search_folders(name, facts.machine, own)))
        return self._known[key]

    def _own(self, facts: ElfFacts, by: str, chain: Iterable[str]) -> Iterator[str]:
        """The folders that the files themselves name, as far as they go before the system's."""
        if not facts.runpath:
            for path in (by, *chain):
                other = self._elves.get(path)
                if other is not None and not other.runpath:
                    yield from self._pieces(other.rpath, path, other)
        yield from self._given
        yield from self._pieces(facts.runpath, by, facts)

    def _pieces(self, written: str, by: str, facts: ElfFacts) -> Iterator[str]:
        pieces = written.split(":")
        if len(pieces) > _MAX_FOLDERS:
            self._tree.cut(f"{by} names {len(pieces):,} folders of libraries")
        yield from (self._expand_path(piece, by, facts) for piece in pieces[:_MAX_FOLDERS] if piece)

    @staticmethod
    def _expand_path(written: str, by: str, facts: ElfFacts) -> str:
        text = written
        for sign, value in (
            ("ORIGIN", by.rpartition("/")[0]),
            ("LIB", "lib/" + _TRIPLETS.get(facts.machine, "")),
            ("PLATFORM", _TRIPLETS.get(facts.machine, "").partition("-")[0]),
        ):
            text = text.replace(f"${{{sign}}}", value).replace(f"${sign}", value)
        return text

    def _search_folders(self, name: str, machine: str, own: tuple[str, ...]) -> Iterator[str]:
        for folder in own:
            found = list(self._in(folder, name, machine))
            if found:
                yield from found
                return
        yield from (path for path in self._cache.get(name, ()) if self._fits(path, machine))
        triplet = _TRIPLETS.get(machine, "")
        usual = [f"/lib/{triplet}", f"/usr/lib/{triplet}"] if triplet else []
        for folder in (*self._folders, *usual, *_USUAL):
            found = list(self._in(folder, name, machine))
            if found:
                yield from found
                return

    def _in(self, folder: str, name: str, machine: str) -> Iterator[str]:
        for below in self._tree.names(f"{folder}/glibc-hwcaps"):
            path = f"{folder}/glibc-hwcaps/{below}/{name}"
            if self._fits(path, machine):
                yield path
        path = f"{folder.rstrip('/')}/{name}"
        if self._fits(path, machine):
            yield path

    def _fits(self, path: str, machine: str) -> bool:
        record = self._tree.file(path)
        if record is None:
            return False
        facts = self._elves.get(record.path)
        # A file that could not be read as a library may be one all the same.
        return facts is None or not facts.machine or facts.machine == machine
