"""Entries as they come → a layer record: normalises paths, hands wanted files to their extractors, hashes bodies."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Any

import msgspec

from hullmark.model.guard import guard_call
from hullmark.model.limit import Limit
from hullmark.model.problem import ProblemKind
from hullmark.rootfs.dispatch import Dispatch, Rules
from hullmark.rootfs.entry import Entry, LayerProblem, LayerRecord, text
from hullmark.rootfs.hard_links import resolve_hard_links
from hullmark.rootfs.limits import Limits
from hullmark.rootfs.paths import leaves_root, normalise
from hullmark.rootfs.reads import Read, Remark, Report, Sink, kind_of
from hullmark.rootfs.tar import Body, Meta

_LONG = 768
_LONGEST_NAME = 255
_MOST_FOLDERS = Limit(1 << 16, "folders of one layer that are remembered while it is read", "shortened")
_ODD_STARTS = (b"", b".")
_WHITEOUT = b".wh."
_OPAQUE = b".wh..wh..opq"
_AUFS = b".wh..wh."
SPARSE = "a sparse file; its content was not read"
_OTHER_NAME = "a hard link to a file of a layer below, which has a name there under which it is not read"
_CLIMBS = Remark("the link climbs above the root; inside the image it ends at the root")

Late = dict[bytes, list[list[tuple[int, Read[Any]]]]]
"""Bodies that are asked for when a layer was read: path → for each file of this path, (the entry that wants its body, for which read)."""


class RecordBuilder:
    """Collects one layer. It is the visitor of a tar walk, and is fed by the folder source too."""

    def __init__(self, dispatch: Dispatch, limits: Limits, *, digests: bool = False) -> None:
        self._dispatch = dispatch
        self._limits = limits
        self._digests = digests
        self._capability = b""
        self._sparse = False
        self._unreported = 0
        self._is_all_noted = True
        self._folder_bytes = limits.folder_bytes
        self.starts = dispatch.starts
        self._by_base = dispatch.by_base
        self._folder: bytes | None = None
        self._folders: dict[bytes, tuple[bytes, Rules]] = {}
        self._folder_rules = dispatch.folder_rules(b"")
        self.entries: list[Entry] = []
        self.facts: dict[str, list[tuple[int, Any]]] = {read.name: [] for read in dispatch.reads}
        self.problems: list[LayerProblem] = []
        self._renamed: list[tuple[int, int]] = []
        self._known: dict[tuple[int, ...], tuple[list[Read[Any]], int]] = {}
        self._left = {read.name: read.layer_limit for read in dispatch.reads if read.layer_limit is not None}

    def problem(self, path: bytes, room: str, reason: str) -> None:
        """Note what could not be used; past the limit only the number is kept."""
        if len(self.problems) < self._limits.problems:
            self.problems.append(LayerProblem(path[: self._limits.path_bytes], room, str(reason), kind_of(reason)))
        else:
            self._unreported += 1
            self._is_all_noted = self._is_all_noted and kind_of(reason) == "note"

    def attributes(self, capability: bytes, is_sparse: bool) -> None:
        """What extended headers say about the entry that comes next."""
        self._capability, self._sparse = capability[:256], is_sparse

    def entry(self, path: bytes, kind: str, meta: Meta, link: bytes, head: bytes) -> Body | None:  # noqa: C901
        """Take one entry; returns who wants its body, if anyone. Runs for every file, so the common cases are inline."""
        slash = path.rfind(b"/")
        if kind == "d" and slash == len(path) - 1:
            path = path[:-1]
            slash = path.rfind(b"/")
        base = path[slash + 1 :]
        rules = self._by_base.get(base)
        is_odd = rules is None and base[:1] in _ODD_STARTS
        # Nearly every file is in the same folder as the one before, or in a known one: then only its name is new.
        if is_odd or (path[:slash] if slash > 0 else path[: slash + 1]) != self._folder:
            known = None if is_odd else self._folders.get(path[:slash] if slash > 0 else path[: slash + 1])
            if known is not None:
                self._folder, self._folder_rules = known
            else:
                clean = self._enter_folder(path)
                if clean is None:
                    return None
                if clean != path:
                    path = clean
                    base = path[path.rfind(b"/") + 1 :]
                    rules = None
        mode, uid, gid, size, mtime = meta
        if kind == "f":
            by_head = self._dispatch.by_magic(head) if head else ()
            if rules is None:
                rules = self._dispatch.rules(base)
            if self._folder_rules:
                rules += self._folder_rules
            if rules or by_head or self._digests or self._sparse:
                wanted = self._dispatch.matching(rules, path)
                if by_head:
                    wanted = tuple(dict.fromkeys(wanted + by_head))
                if wanted or self._digests or self._sparse:
                    return self._file(path, meta, wanted)
        else:
            size = 0
            if kind == "h":
                link = self._hard_link(path, link)
            elif kind == "l" and leaves_root(path[: max(slash, 0)], link):
                self.problem(path, "rootfs", _CLIMBS)
        self.entries.append(Entry(path, kind, mode, uid, gid, size, mtime, link, b"", self._capability))
        if self._capability or self._sparse:
            self._capability, self._sparse = b"", False
        return None

    def _enter_folder(self, path: bytes) -> bytes | None:
        """The normalised path, with its folder remembered as the current one; None if the entry must not be taken."""
        clean = normalise(path) if len(path) < _LONG or self._is_bearable(path) else None
        if not clean:
            self._refuse(path, clean)
            return None
        if b".wh." in clean and self._mark(clean) != "":
            return None
        folder = clean[: max(clean.rfind(b"/"), 0)]
        self._folder_rules = self._dispatch.folder_rules(folder)
        # Only a folder whose files need no second look may be remembered.
        self._folder = folder if len(clean) + _LONGEST_NAME < _LONG and b".wh." not in folder else None
        if self._folder is not None and len(self._folders) < _MOST_FOLDERS:
            self._folders[folder] = (folder, self._folder_rules)
        return clean

    def _is_bearable(self, path: bytes) -> bool:
        """Whether a long path may be taken: the folders above it cost the square of its length."""
        if len(path) > self._limits.path_bytes:
            return False
        self._folder_bytes -= len(path) * path.count(b"/") // 2
        return self._folder_bytes >= 0

    def _refuse(self, path: bytes, clean: bytes | None) -> None:
        if clean == b"":
            return  # the root folder itself
        if len(path) >= _LONG and (len(path) > self._limits.path_bytes or self._folder_bytes < 0):
            self.problem(path[:200], "rootfs", f"a path of {len(path):,} bytes was left out")
        else:
            self.problem(path, "rootfs", "the path leaves the root of the image; the entry was left out")

    def _mark(self, path: bytes) -> str | None:
        """Note a whiteout or an opaque mark. Returns "" if the path is neither, else what was noted."""
        folder, _, base = path.rpartition(b"/")
        if base == _OPAQUE:
            self.entries.append(Entry(folder, "o", 0, 0, 0, 0, 0))
            return "o"
        if path.startswith(_AUFS):
            return None  # housekeeping of aufs, which runtimes skip in the root folder, and only there
        if not base.startswith(_WHITEOUT):
            return ""
        name = base[len(_WHITEOUT) :]
        if name in (b"", b".", b".."):
            return None
        self.entries.append(Entry(folder + b"/" + name if folder else name, "w", 0, 0, 0, 0, 0))
        return "w"

    def _file(self, path: bytes, meta: Meta, wanted: tuple[int, ...]) -> Body | None:
        capability, is_sparse = self._capability, self._sparse
        self._capability, self._sparse = b"", False
        index = len(self.entries)
        mode, uid, gid, size, mtime = meta
        self.entries.append(Entry(path, "f", mode, uid, gid, size, mtime, b"", b"", capability))
        if is_sparse:
            # A map and pieces are stored, not the content: its first bytes are not known.
            for i in dict.fromkeys(wanted + tuple(i for _, i in self._dispatch.magic if size)):
                self.problem(path, self._dispatch.reads[i].name, SPARSE)
            return None
        if not wanted and not self._digests:
            return None
        reads, limit = self._known.get(wanted) or self._together(wanted)
        if size <= limit:
            return _WholeBody(self, index, reads)
        return _Body(self, index, size, reads)

    def _together(self, wanted: tuple[int, ...]) -> tuple[list[Read[Any]], int]:
        """Some reads, and up to which size in bytes a body is simply held for all of them; -1 where it never is."""
        reads = [self._dispatch.reads[i] for i in wanted]
        is_simple = not self._digests and all(read.layer_limit is None for read in reads)
        found = self._known[wanted] = reads, min(read.limit for read in reads) if reads and is_simple else -1
        return found

    def may_hold(self, read: Read[Any], size: int) -> bool:
        """Whether a read with a limit for each layer may still take a body of this size."""
        left = self._left[read.name]
        if left < 0:
            return False
        self._left[read.name] = left - size
        if left < size:
            self._left[read.name] = -1
            self.problem(
                b"",
                read.name,
                f"the layer has more than {read.layer_limit:,} bytes of such files; the rest was left out",
            )
        return left >= size

    def _hard_link(self, path: bytes, target: bytes) -> bytes:
        clean = normalise(target)
        if clean is None:
            self.problem(path, "rootfs", "a hard link to a path outside the root; it was left out")
            return b""
        for i in self._dispatch.wanted(path):
            self._renamed.append((len(self.entries), i))
        return clean

    def hashed(self, index: int, digests: bytes) -> None:
        """Give an entry the digests of its body."""
        self.entries[index] = msgspec.structs.replace(self.entries[index], digests=digests)

    @property
    def digests(self) -> bool:
        """Whether every file is hashed."""
        return self._digests

    def extracted(self, index: int, reads: list[Read[Any]], body: memoryview) -> None:
        """Run the extractors of some reads over a complete body."""
        path = self.entries[index].path
        # Runs for each file that is wanted: one guard for all its reads costs a fraction of one for each. After a fault the rest follows.
        left = reads[::-1]
        while left:
            guard_call(partial(self._extract, index, path, left, body), partial(self._report_failed_read, path, left))

    def _extract(self, index: int, path: bytes, left: list[Read[Any]], body: memoryview) -> None:
        name, facts, problem = text(path), self.facts, self.problem
        while left:
            read = left[-1]
            fact = read.extract(name, body, partial(problem, path, read.name))
            if fact is not None:
                facts[read.name].append((index, fact))
            left.pop()

    def _report_failed_read(self, path: bytes, left: list[Read[Any]], error: Exception) -> None:
        _report_failure(partial(self.problem, path, left.pop().name), error)

    def finish_sink(self, index: int, read: Read[Any], sink: Sink) -> None:
        """Finish a sink that was fed in pieces."""
        report = partial(self.problem, self.entries[index].path, read.name)
        fact = guard_call(partial(sink.finish, report), partial(_report_failure, report))
        if fact is not None:
            self.facts[read.name].append((index, fact))

    def find_late_reads(self) -> Late:
        """Files whose first name no extractor wants, but the name of a hard link does: by their position among those of one path.

        Links whose target was read share its fact.
        """
        if not self._renamed:
            return {}
        links = resolve_hard_links(self.entries)
        known = {(name, index): fact for name, facts in self.facts.items() for index, fact in facts}
        missing: dict[int, list[tuple[int, Read[Any]]]] = {}
        for index, i in self._renamed:
            read, file = self._dispatch.reads[i], links[index]
            if isinstance(file, int) and (fact := known.get((read.name, file))) is not None:
                self.facts[read.name].append((index, fact))
            elif i not in self._dispatch.wanted(file if isinstance(file, bytes) else self.entries[file].path):
                if isinstance(file, int) and self.entries[file].kind == "f":
                    missing.setdefault(file, []).append((index, read))
                elif read.other_names:
                    self.problem(self.entries[index].path, read.name, _OTHER_NAME)
        self._renamed = []
        return self._late(missing)

    def _late(self, missing: dict[int, list[tuple[int, Read[Any]]]]) -> Late:
        paths = {self.entries[file].path for file in missing}
        late: Late = {}
        for file, entry in enumerate(self.entries) if paths else ():
            if entry.path in paths and entry.kind == "f":
                late.setdefault(entry.path, []).append(missing.get(file, []))
        return late

    def late_body(self, index: int, read: Read[Any], size: int) -> _Body:
        """Takes the body of a file on behalf of a hard link to it."""
        return _Body(self, index, size, [read], is_hashed=False)

    def record(self, digest: str, diff_id: str, size: int) -> LayerRecord:
        """The finished record."""
        if self._unreported:
            kind: ProblemKind = "note" if self._is_all_noted else "unseen"
            reason = f"{self._unreported:,} more problems were not listed"
            self.problems.append(LayerProblem(b"", "rootfs", reason, kind))
            self._unreported = 0
        return LayerRecord(
            digest=digest,
            diff_id=diff_id,
            size=size,
            entries=self.entries,
            facts={name: facts for name, facts in self.facts.items() if facts},
            problems=self.problems,
        )


def _report_failure(report: Report, error: Exception) -> None:
    report(f"could not be read: {type(error).__name__}: {str(error)[:200]}")


class _WholeBody:
    """The body of one file in the usual case: all who read it hold it, and nothing is hashed."""

    __slots__ = ("_builder", "_held", "_index", "_reads")

    def __init__(self, builder: RecordBuilder, index: int, reads: list[Read[Any]]) -> None:
        self._builder, self._index, self._reads = builder, index, reads
        self._held: bytearray | None = None

    def whole(self, body: memoryview) -> None:
        """The complete body."""
        self._builder.extracted(self._index, self._reads, body)

    def piece(self, piece: memoryview) -> None:
        """The next bytes of a body that is larger than the buffer."""
        if self._held is None:
            self._held = bytearray()
        self._held += piece

    def end(self) -> None:
        """The body is complete."""
        held, self._held = self._held or bytearray(), None
        self.whole(memoryview(held))


class _Body:
    """The body of one file on its way to extractors and digests."""

    __slots__ = ("_builder", "_hashes", "_held", "_index", "_reads", "_sinks")

    def __init__(
        self, builder: RecordBuilder, index: int, size: int, reads: list[Read[Any]], *, is_hashed: bool = True
    ) -> None:
        self._builder, self._index = builder, index
        self._reads: list[Read[Any]] = []
        self._sinks: list[tuple[Read[Any], Sink]] = []
        self._held: bytearray | None = None
        is_held = any(size <= read.limit and read.layer_limit is None for read in reads)
        for read in reads:
            if size <= read.limit:
                if read.layer_limit is None or builder.may_hold(read, size):
                    self._reads.append(read)
            elif is_held and size <= read.shared_limit:
                self._reads.append(read)
            elif read.oversize_at is not None:
                self._sinks.append((read, read.oversize_at(text(builder.entries[index].path), size)))
            elif read.oversize is not None:
                self._sinks.append((read, read.oversize(size)))
            else:
                builder.problem(builder.entries[index].path, read.name, f"too large to read ({size:,} bytes)")
        self._hashes = _hashes() if builder.digests and is_hashed else ()

    def whole(self, body: memoryview) -> None:
        """The complete body."""
        for h in self._hashes:
            h.update(body)
        for _, sink in self._sinks:
            sink.write(body)
        self._close(body)

    def piece(self, piece: memoryview) -> None:
        """The next bytes of a body that is larger than the buffer."""
        for h in self._hashes:
            h.update(piece)
        for _, sink in self._sinks:
            sink.write(piece)
        if self._reads:
            if self._held is None:
                self._held = bytearray()
            self._held += piece

    def end(self) -> None:
        """The body is complete."""
        held, self._held = self._held or bytearray(), None
        self._close(memoryview(held))

    def _close(self, body: memoryview) -> None:
        if self._hashes:
            self._builder.hashed(self._index, b"".join(h.digest() for h in self._hashes))
        if self._reads:
            self._builder.extracted(self._index, self._reads, body)
        for read, sink in self._sinks:
            self._builder.finish_sink(self._index, read, sink)


def _hashes() -> tuple[Any, ...]:
    """sha256 for people and policies; md5 and sha1 because dpkg's and apk's own records have only those."""
    return (
        hashlib.sha256(),
        hashlib.md5(usedforsecurity=False),
        hashlib.sha1(usedforsecurity=False),
    )
