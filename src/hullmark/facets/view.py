"""The FacetView of a real image: facts of all layers, the tree, and the image's settings."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from hullmark.facets.facet import Version
from hullmark.model.image import ImageConfig
from hullmark.model.inventory import Distro
from hullmark.rootfs.entry import Entry, LayerRecord, text
from hullmark.rootfs.reads import Read
from hullmark.rootfs.tree import Tree
from hullmark.rootfs.tree_view import TreeView

_WILD = re.compile(r"[*?\[\\]").search
_NULL = b"dev/null"
_MAX_FOUND = 10_000
_LONGEST_PATH = 4096  # PATH_MAX of the kernel
_MAX_STEPS = 2_000_000
_MAX_CUTS = 20
_SET = re.compile(rb"\[(?P<others>[!^]?+)(?P<members>\](?:\[:[a-z]+:\]|[^\]])*|(?:\[:[a-z]+:\]|[^\]])+)\]").match
_MEMBER = re.compile(rb"\[:(?P<name>[a-z]+):\]|(?P<first>.)-(?P<last>.)|(?P<one>.)", re.DOTALL)
_GRAPH = string.ascii_letters + string.digits + string.punctuation
_CLASSES = {
    b"alnum": string.ascii_letters + string.digits,
    b"alpha": string.ascii_letters,
    b"blank": " \t",
    b"cntrl": "".join(map(chr, (*range(32), 127))),
    b"digit": string.digits,
    b"graph": _GRAPH,
    b"lower": string.ascii_lowercase,
    b"print": _GRAPH + " ",
    b"punct": string.punctuation,
    b"space": string.whitespace,
    b"upper": string.ascii_uppercase,
    b"xdigit": string.hexdigits,
}


class ImageView(TreeView):
    """Implements facets.facet.FacetView over a tree and the records that it was folded from."""

    def __init__(
        self, tree: Tree, records: Sequence[LayerRecord], distro: Distro | None, config: ImageConfig | None, room: str
    ) -> None:
        super().__init__(tree, records, distro, room=room)
        self.config = config
        self._names: dict[bytes, list[bytes]] | None = None
        self._steps = 0
        self._cuts: set[str] = set()

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

    def is_null(self, path: str) -> bool:
        """Whether links lead from a path to /dev/null, which an image need not hold itself."""
        return self._tree.follow(path.lstrip("/").encode("utf-8", "surrogateescape")) == _NULL

    def matching(self, glob: str) -> list[str]:
        """The paths of files and of links to files that a glob(7) pattern fits, sorted by bytes; links to folders are entered.

        Patterns that are longer than any path, fit very many paths or take long to try are cut short, and files without a name
        in UTF-8 are left out, with a Problem.
        """
        if len(glob) > _LONGEST_PATH:
            self._cut_short(f"a pattern of {len(glob):,} characters is longer than any path, and fits none")
            return []
        found = [b""]
        for segment in glob.split("/"):
            if segment not in ("", "."):
                fitting = list(islice(self._below(found, segment), _MAX_FOUND + 1))
                if len(fitting) > _MAX_FOUND:
                    self._cut_short(
                        f"the pattern {glob[:200]} fits more than {_MAX_FOUND:,} paths; the rest was left out"
                    )
                found = fitting[:_MAX_FOUND]
        return sorted(self._readable([path for path in found if path and self._is_file(path)]))

    def _readable(self, paths: list[bytes]) -> Iterator[str]:
        """The paths as text. One that is no UTF-8 could not be asked for by its text."""
        for path in paths:
            try:
                yield path.decode()
            except UnicodeDecodeError:
                self._cut_short(f"the file {text(path)[:200]} has no name in UTF-8, and was not looked at")

    def _below(self, folders: list[bytes], segment: str) -> Iterator[bytes]:
        """The paths in folders whose last segment fits; a folder's own path is kept as it was written."""
        raw = segment.encode("utf-8", "surrogateescape")
        fitting: dict[bytes, list[bytes]] = {}
        fits = _segment_pattern(raw).fullmatch if _WILD(segment) else None
        for folder in folders:
            prefix = folder + b"/" if folder else b""
            if not self._may_go_on(1 + folder.count(b"/")):
                return
            if fits is None:
                yield prefix + raw
                continue
            real = self._tree.resolve(folder)
            if real is None:
                continue
            if real not in fitting:
                fitting[real] = self._names_in(real, raw, fits)
            yield from (prefix + name for name in fitting[real])

    def _names_in(self, folder: bytes, raw: bytes, fits: Callable[[bytes], object]) -> list[bytes]:
        """The names in a folder that fit; those with a leading dot only where the pattern begins with one (glob(7))."""
        names = self._children().get(folder, [])
        # A pattern is as quick to try as a name is, for every piece between its stars.
        if not self._may_go_on(len(raw) + len(names) * (1 + len(raw) // 64)):
            return []
        is_dotted = raw.startswith((b".", b"\\."))
        return [name for name in names if (is_dotted or name[:1] != b".") and fits(name)]

    def _may_go_on(self, steps: int) -> bool:
        """Whether patterns may take so many steps more."""
        self._steps += steps
        if self._steps > _MAX_STEPS:
            self._cut_short("its patterns take too long to try; what they fit was left out")
        return self._steps <= _MAX_STEPS

    def _cut_short(self, reason: str) -> None:
        """Say that patterns do not find all; after very many only the first are told."""
        if len(self._cuts) < _MAX_CUTS and reason not in self._cuts:
            self._cuts.add(reason)
            self.problem("", reason)

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
        if not self._may_go_on(1 + path.count(b"/")):
            return False
        if self._tree.follow(path) == _NULL:
            return True
        real = self._tree.resolve(path)
        node = self._tree.nodes.get(real) if real is not None else None
        return node is not None and node.entry.kind in "fh"


def _segment_pattern(segment: bytes) -> re.Pattern[bytes]:
    """One segment of a glob(7) pattern as a regular expression: `*`, `?`, sets with ranges and classes, `!` or `^` for all others.

    As servers without a locale do, it goes by bytes. Each piece between stars is taken where it first fits and not tried
    elsewhere, which is enough for patterns of this kind and keeps their matching linear in the name.
    """
    first, *rest = _pieces(segment)
    source = [first]
    if rest:
        source += [b"(?>.*?%s)" % piece for piece in rest[:-1]]
        source.append(b".*%s" % rest[-1] if rest[-1] else b".*+")
    return re.compile(b"".join(source), re.DOTALL)


def _pieces(segment: bytes) -> list[bytes]:
    """What stands between the stars of a segment, each as a regular expression."""
    pieces, at = [b""], 0
    while at < len(segment):
        c, end = segment[at : at + 1], at + 1
        if c == b"*":
            end = len(segment) - len(segment[at:].lstrip(b"*"))
            pieces.append(b"")
        elif c == b"?":
            pieces[-1] += b"."
        elif c == b"[" and (found := _set_at(segment, at)) is not None:
            pieces[-1] += _set(found)
            end = found.end()
        else:
            if c == b"\\" and end < len(segment):
                c, end = segment[end : end + 1], end + 1
            pieces[-1] += re.escape(c)
        at = end
    return pieces


def _set_at(segment: bytes, at: int) -> re.Match[bytes] | None:
    """The set that begins at a bracket; None where nothing closes it."""
    return _SET(segment, at) if segment.rfind(b"]") > at else None


def _set(found: re.Match[bytes]) -> bytes:
    """A set as one of a regular expression. A range that ends before it begins, and a class that is unknown, hold nothing."""
    held: set[int] = set()
    for each in _MEMBER.finditer(found["members"]):
        if each["name"]:
            held.update(_CLASSES.get(each["name"], "").encode())
        elif each["last"]:
            held.update(range(each["first"][0], each["last"][0] + 1))
        else:
            held.update(each["one"])
    members = re.escape(bytes(sorted(held)))
    if found["others"]:
        return b"[^%s]" % members if members else b"."
    return b"[%s]" % members if members else b"(?!)"
