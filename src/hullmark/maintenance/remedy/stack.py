"""An image's layers with one more on top, that nobody built: what the changes would do, as a layer record. It is folded and looked at as
any other layer, so that what is said of the changed image is said by the same code as of any image."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from hullmark.catalog.systems import rpm, rpmdb
from hullmark.catalog.systems.apk import INSTALLED, Database, InstalledPackage
from hullmark.catalog.systems.dpkg_status import STATUS, Stanza, Stanzas
from hullmark.catalog.systems.rpmdb.header import RpmHeader
from hullmark.maintenance.remedy.contents import UpdateContents
from hullmark.model.package import Package
from hullmark.model.remedy import Change
from hullmark.model.upkeep import PackageUpdate
from hullmark.rootfs.entry import Entry, LayerProblem, LayerRecord, text
from hullmark.rootfs.squash import squash

UNSEEN = "remedy"
"""The room whose problems say what of the changed image nobody saw."""

_RPM = "rpm"
_DATABASES = {"deb": b"var/lib/dpkg/status", "apk": b"lib/apk/db/installed"}
_DOWNLOADS = (
    "/var/lib/apt/lists/", "/var/cache/apt/", "/var/cache/apk/", "/var/cache/dnf/", "/var/cache/libdnf5/", "/var/cache/yum/",
    "/var/cache/tdnf/", "/var/cache/zypp/",
)  # fmt: skip
"""What the package manager fetched: the instructions that bring updates remove it."""


class LayerStack:
    """The records of an image's layers, and what is needed to lay another one over them."""

    def __init__(self, records: Sequence[LayerRecord]) -> None:
        self.records = tuple(records)
        self.tree = squash(records)
        self._paths = {"/" + text(path): path for path in self.tree.nodes}
        self._facts: dict[tuple[int, int], list[tuple[str, Any]]] = {}
        for layer, record in enumerate(records):
            for name, facts in record.facts.items():
                for position, fact in facts:
                    self._facts.setdefault((layer, position), []).append((name, fact))
        self._names: dict[tuple[int, int], list[bytes]] = {}
        for path, node in self.tree.nodes.items():
            self._names.setdefault(self._inode(node.rank), []).append(path)
        self._children: dict[bytes, list[bytes]] = {}
        for path in self.tree.nodes:
            self._children.setdefault(path.rpartition(b"/")[0], []).append(path)

    def _inode(self, rank: tuple[int, int]) -> tuple[int, int]:
        for _ in range(8):  # links to links: real layers have none
            rank = self.tree.links.get(rank, rank)
        return rank

    def path(self, written: str) -> bytes | None:
        """The path in the tree of one that was written for people; None where there is none."""
        return self._paths.get(written)

    def names(self, path: bytes) -> Sequence[bytes]:
        """All names of the file at a path: hard links are one file."""
        return self._names.get(self._inode(self.tree.nodes[path].rank), (path,))

    def children(self, folder: bytes) -> Sequence[bytes]:
        """The paths of what is in a folder."""
        return self._children.get(folder, ())

    def below(self, folders: Iterable[str]) -> Iterator[bytes]:
        """The paths of files and links below some folders."""
        begins = tuple(folders)
        for written, path in self._paths.items():
            if written.startswith(begins) and self.tree.nodes[path].entry.kind != "d":
                yield path

    def facts_of(self, path: bytes) -> list[tuple[str, Any]]:
        """What was read of the file at a path, with the names of who read it."""
        return self._facts.get(self._inode(self.tree.nodes[path].rank), [])

    def layer(
        self, changes: Sequence[Change], owned: Mapping[str, Sequence[str]], contents: UpdateContents
    ) -> LayerRecord | None:
        """The layer that the changes make; None where they change no file. `owned` are the paths of each package, by its purl."""
        if not any(change.updates or change.removed or change.files for change in changes):
            return None
        top = _TopLayer(self)
        removed = {package.purl: package for change in changes for package in change.removed}
        updates = [update for change in changes for update in change.updates if update.installed.purl not in removed]
        if updates:
            for path in self.below(_DOWNLOADS):
                top.remove(path)
        for update in updates:
            content = contents.of(update)
            if content is None:
                problem = f"what {update.candidate.name} {update.candidate.version} brings was not seen"
                top.problems.append(LayerProblem(b"", UNSEEN, problem))
                top.renew(owned.get(update.installed.purl, ()))
            else:
                top.replace(owned.get(update.installed.purl, ()), content.record, content.kept)
        for purl in sorted(removed):
            top.take_away(owned.get(purl, ()))
        for change in changes:
            for file in change.files:
                top.change(file.path, file.clears)
        top.rewrite(updates, removed.values(), contents)
        return top.record()


class _TopLayer:
    """The layer while it is put together: its entries by path, and what was read of them."""

    def __init__(self, stack: LayerStack) -> None:
        self._stack = stack
        self._entries: dict[bytes, tuple[Entry, list[tuple[str, Any]]]] = {}
        self.problems: list[LayerProblem] = []

    def remove(self, path: bytes) -> None:
        self._entries[path] = (Entry(path, "w", 0, 0, 0, 0, 0), [])

    def put(self, entry: Entry, facts: list[tuple[str, Any]]) -> None:
        self._entries[entry.path] = (entry, facts)

    def renew(self, paths: Iterable[str]) -> None:
        """The same files anew."""
        for written in paths:
            if (path := self._stack.path(written)) is not None:
                self.put(self._stack.tree.nodes[path].entry, self._stack.facts_of(path))

    def replace(self, before: Iterable[str], after: LayerRecord, kept: frozenset[bytes]) -> None:
        """The files of a package by those of its newer version; `kept` are those that stay as they are."""
        places = {self._stack.tree.place(entry.path) or entry.path for entry in after.entries}
        for written in before:
            path = self._stack.path(written)
            if path is not None and path not in places and path not in kept and self._kind(path) != "d":
                self.remove(path)
        facts: dict[int, list[tuple[str, Any]]] = {}
        for name, found in after.facts.items():
            for position, fact in found:
                facts.setdefault(position, []).append((name, fact))
        for position, entry in enumerate(after.entries):
            if entry.path not in kept and (entry.kind != "d" or self._stack.tree.get(entry.path) is None):
                self.put(entry, facts.get(position, []))
        self.problems += after.problems

    def take_away(self, paths: Iterable[str]) -> None:
        """The files of a package, and its folders if nothing else is in them."""
        gone = [path for written in paths if (path := self._stack.path(written)) is not None]
        for path in gone:
            if self._kind(path) != "d":
                self.remove(path)
        for path in sorted((path for path in gone if self._kind(path) == "d"), key=len, reverse=True):
            if not self._is_filled(path):
                self.remove(path)

    def change(self, written: str, clears: int) -> None:
        """Bits of a file's mode away (under all its names), or the file with all that is below it."""
        path = self._stack.path(written)
        if path is None:
            return
        if not clears:
            self.remove(path)
            return
        for name in self._stack.names(path):
            known = self._entries.get(name)
            if known is not None and known[0].kind == "w":
                continue
            entry, facts = known or (self._stack.tree.nodes[name].entry, self._stack.facts_of(name))
            kind = "f" if entry.kind == "h" else entry.kind
            self.put(msgspec.structs.replace(entry, path=name, kind=kind, mode=entry.mode & ~clears, link=b""), facts)

    def rewrite(self, updates: Sequence[PackageUpdate], removed: Collection[Package], contents: UpdateContents) -> None:
        """The package databases."""
        for kind, place in _DATABASES.items():
            path = self._stack.tree.resolve(place)
            newer = {_key(update.installed): update for update in updates if update.installed.type == kind}
            gone = {_key(package) for package in removed if package.type == kind}
            if path is None or path not in self._stack.tree.nodes or not (newer or gone):
                continue
            facts: list[tuple[str, Any]] = []
            for name, fact in self._stack.facts_of(path):
                if name == STATUS.name:
                    fact = tuple(_stanzas(fact, newer, gone, contents))
                elif name == INSTALLED.name:
                    fact = tuple(_apks(fact, newer, gone))
                facts.append((name, fact))
            self.put(msgspec.structs.replace(self._stack.tree.nodes[path].entry, path=path), facts)
        self._rewrite_rpm({_key(update.installed): update for update in updates if update.installed.type == _RPM})

    def _rewrite_rpm(self, newer: Mapping[_Key, PackageUpdate]) -> None:
        """rpm's databases, which may lie in several places."""
        for path in sorted(self._stack.tree.nodes) if newer else ():
            facts = self._stack.facts_of(path) if b"/rpm/" in path else []
            names = {name for name, _ in facts}
            if rpm.LOG.name in names:
                # What the log says lies over the database, and would hide what is written here.
                self.problems.append(
                    LayerProblem(path, UNSEEN, "how newer packages change a log of rpm's database is not known")
                )
            if rpm.DATABASE.name in names:
                changed = [(name, _rpms(fact, newer) if name == rpm.DATABASE.name else fact) for name, fact in facts]
                self.put(msgspec.structs.replace(self._stack.tree.nodes[path].entry, path=path), changed)

    def _kind(self, path: bytes) -> str:
        return self._stack.tree.nodes[path].entry.kind

    def _is_filled(self, folder: bytes) -> bool:
        return any(
            path not in self._entries or self._entries[path][0].kind != "w" for path in self._stack.children(folder)
        )

    def record(self) -> LayerRecord:
        entries = [self._entries[path] for path in sorted(self._entries)]
        facts: dict[str, list[tuple[int, Any]]] = {}
        for position, (_, found) in enumerate(entries):
            for name, fact in found:
                facts.setdefault(name, []).append((position, fact))
        plain = [entry for entry, _ in entries]
        digest = f"sha256:{hashlib.sha256(msgspec.msgpack.encode(plain)).hexdigest()}"
        size = sum(entry.size for entry in plain)
        return LayerRecord(digest=digest, diff_id=digest, size=size, entries=plain, facts=facts, problems=self.problems)


_Key = tuple[str, str, str]
"""A package by name, version and architecture."""


def _key(package: Package) -> _Key:
    return package.name, package.version, package.arch


def _stanzas(
    fact: Stanzas, newer: Mapping[_Key, PackageUpdate], gone: Collection[_Key], contents: UpdateContents
) -> Iterator[Stanza]:
    for stanza in fact:
        key = (stanza.name.lower(), stanza.version, stanza.arch)
        update = newer.get(key)
        if update is None:
            if key not in gone:
                yield stanza
            continue
        name, version, source = stanza.name, update.candidate.version, update.candidate.source
        content = contents.of(update)
        yield msgspec.structs.replace(
            stanza,
            version=version,
            source="" if source is None or source.name == name else source.name,
            source_version="" if source is None or source.version == version else source.version,
            conffiles=stanza.conffiles if content is None else content.conffiles,
            depends=update.depends.encode(),
        )


def _apks(fact: Database, newer: Mapping[_Key, PackageUpdate], gone: Collection[_Key]) -> Iterator[InstalledPackage]:
    for package in fact:
        key = (package.name, package.version, package.arch)
        update = newer.get(key)
        if update is not None:
            yield msgspec.structs.replace(package, version=update.candidate.version)
        elif key not in gone:
            yield package


def _rpms(fact: rpmdb.Database, newer: Mapping[_Key, PackageUpdate]) -> rpmdb.Database:
    return msgspec.structs.replace(fact, headers=tuple(_rpm(header, newer) for header in fact.headers))


def _rpm(header: RpmHeader, newer: Mapping[_Key, PackageUpdate]) -> RpmHeader:
    update = newer.get((header.name, rpm.version_of(header), header.arch))
    if update is None:
        return header
    epoch, _, rest = update.candidate.version.rpartition(":")
    version, _, release = rest.rpartition("-")
    source = update.candidate.source
    return msgspec.structs.replace(
        header,
        version=version,
        release=release,
        epoch=int(epoch) if epoch.isdigit() else None,
        source_rpm=f"{source.name}-{source.version}.src.rpm" if source is not None else "",
    )
