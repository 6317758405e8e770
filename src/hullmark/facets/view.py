"""The FacetView of a real image: facts of all layers, the tree, and the image's settings."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from hullmark.facets.facet import Version
from hullmark.model.image import ImageConfig
from hullmark.model.inventory import Distro
from hullmark.model.limit import Limit
from hullmark.model.package import Package
from hullmark.model.problem import Problem
from hullmark.rootfs.entry import Entry, LayerRecord, text
from hullmark.rootfs.reads import Read, kind_of
from hullmark.rootfs.tree import Tree
from hullmark.rootfs.tree_view import TreeView

_WILD = re.compile(r"[*?\[\\]").search
_NULL = b"dev/null"
_FOLDERS, _FILES = ("d",), ("f", "h")
_MAX_FOUND = Limit(10_000, "files that one pattern in a configuration file fits")
_LONGEST_PATH = Limit(4096, "characters of a pattern in a configuration file (PATH_MAX of the kernel)")
_MAX_FOLDERS = Limit(100_000, "folders that a part of a pattern in a configuration file fits")
_MAX_STEPS = Limit(10_000_000, "steps of trying the patterns of an image's configuration files")
_ABOUT_A_LINK = 50
_MAX_CUTS = Limit(
    20, "problems with patterns that are listed for an image; none is listed only after another one was", "shortened"
)
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
        self,
        tree: Tree,
        records: Sequence[LayerRecord],
        distro: Distro | None,
        config: ImageConfig | None,
        room: str,
        *,
        packages: Sequence[Package] = (),
    ) -> None:
        super().__init__(tree, records, distro, room=room)
        self.config = config
        self.packages = packages
        self._names: dict[bytes, list[bytes]] | None = None
        self._steps = 0
        self._cuts: set[str] = set()

    def every(self, read: Read[Any]) -> Iterator[Version]:
        """Each version of each file that `read` took a fact from, sorted by path, bottom layer first; in a layer in its order."""
        found: dict[bytes, list[tuple[int, int, Any]]] = {}
        for layer, record in enumerate(self._records):
            for position, fact in record.facts.get(read.name, ()):
                path = self._tree.moved.get((layer, position)) or record.entries[position].path
                found.setdefault(path, []).append((layer, position, fact))
        for path in sorted(found):
            node = self._tree.nodes.get(path)
            for layer, position, fact in found[path]:
                yield Version(text(path), layer, fact, node is None or node.rank != (layer, position))

    def entry(self, path: str) -> Entry | None:
        """What is at a path, with links followed."""
        real = self._tree.resolve(path.lstrip("/").encode("utf-8", "surrogateescape"))
        node = self._tree.nodes.get(real) if real is not None else None
        return node.entry if node is not None else None

    def layer_of(self, path: str) -> int:
        """The layer that brought the entry at exactly this path, links not followed; -1 if there is none."""
        node = self._tree.get(path.lstrip("/").encode("utf-8", "surrogateescape"))
        return node.layer if node is not None else -1

    def is_null(self, path: str) -> bool:
        """Whether links lead from a path to /dev/null, which an image need not hold itself."""
        return self._tree.follow(path.lstrip("/").encode("utf-8", "surrogateescape")) == _NULL

    def problem(self, path: str, reason: str, programs: tuple[str, ...] = ()) -> None:
        """Put a Problem about a path into the result."""
        self.problems.append(Problem(f"/{path}", -1, self._room, str(reason), kind_of(reason), programs=programs))

    def matching(self, glob: str) -> list[str]:
        """The paths of files and of links to files that a glob(7) pattern fits, sorted by bytes; links to folders are entered.

        Patterns that are longer than any path, fit very many paths or take long to try are cut short, and files without a name
        in UTF-8 are left out, with a Problem.
        """
        if len(glob) > _LONGEST_PATH:
            self._cut_short(f"a pattern of {len(glob):,} characters is longer than any path, and fits none")
            return []
        segments = [segment for segment in glob.split("/") if segment not in ("", ".")]
        found = [(b"", b"")]
        for number, segment in enumerate(segments, 1):
            kinds, most = (_FOLDERS, _MAX_FOLDERS) if number < len(segments) else (_FILES, _MAX_FOUND)
            below = self._below(found, segment)
            fitting = list(islice((child for child in below if self._kind(child[1]) in kinds), most + 1))
            if len(fitting) > most:
                self._cut_short(f"the pattern {glob[:200]} fits more than {most:,} paths; the rest was left out")
            found = fitting[:most]
        return sorted(self._readable(path for path, _ in found if path))

    def _readable(self, paths: Iterable[bytes]) -> Iterator[str]:
        """The paths as text. A path that is not UTF-8 could not be looked up by its text."""
        for path in paths:
            try:
                yield path.decode()
            except UnicodeDecodeError:
                self._cut_short(f"the file {text(path)[:200]} has no name in UTF-8, and was not looked at")

    def _below(self, folders: list[tuple[bytes, bytes]], segment: str) -> Iterator[tuple[bytes, bytes]]:
        """What in folders fits a segment. A path goes with its real one: links count as what they lead to, and keep their names."""
        raw = segment.encode("utf-8", "surrogateescape")
        fitting: dict[bytes, list[bytes]] = {}
        fits = _segment_pattern(segment).fullmatch if _WILD(segment) else None
        for path, folder in folders:
            if fits is None:
                names = [raw]
            elif folder in fitting:
                names = fitting[folder]
            else:
                names = fitting[folder] = self._names_in(folder, raw, fits)
            for name in names:
                real = folder + b"/" + name if folder else name
                node = self._tree.nodes.get(real)
                is_link = name == b".." or (node is not None and node.entry.kind == "l")
                if not self._may_go_on(_ABOUT_A_LINK if is_link else 1):
                    return
                found = self._tree.follow(real) if is_link else real
                if found is not None:
                    yield (path + b"/" + name if path else name), found

    def _names_in(self, folder: bytes, segment: bytes, fits: Callable[[bytes], object]) -> list[bytes]:
        """The names in a folder that fit; those with a leading dot only where the pattern begins with one (glob(7))."""
        names = self._children().get(folder, [])
        # A pattern is as quick to try as a name is, for every piece between its stars.
        if not self._may_go_on(len(segment) + len(names) * (1 + len(segment) // 64)):
            return []
        is_dotted = segment.startswith((b".", b"\\."))
        return [name for name in names if (is_dotted or name[:1] != b".") and fits(name)]

    def _kind(self, real: bytes) -> str:
        """The kind of the entry at a real path: a key of rootfs.entry.KINDS; "" for nothing. /dev/null counts as a file."""
        if real == _NULL:
            return "f"
        node = self._tree.nodes.get(real)
        return node.entry.kind if node is not None else "d" if self._tree.is_folder(real) else ""

    def _may_go_on(self, steps: int) -> bool:
        """Whether patterns may take so many steps more."""
        self._steps += steps
        if self._steps > _MAX_STEPS:
            self._cut_short("its patterns take too long to try; what they fit was left out")
        return self._steps <= _MAX_STEPS

    def _cut_short(self, reason: str) -> None:
        """Report that patterns do not find everything; after very many only the first reports are kept."""
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
        """Folders that no layer lists but that have content."""
        for folder in list(names):
            while folder and folder not in self._tree.nodes:
                folder, _, name = folder.rpartition(b"/")
                if name in names.setdefault(folder, []):
                    break
                names[folder].append(name)


def _segment_pattern(segment: str) -> re.Pattern[bytes]:
    """One segment of a glob(7) pattern as a regular expression: `*`, `?`, sets with ranges and classes, `!` or `^` for all others.

    Like servers without a locale, it works on bytes. Each piece between stars takes its first match and no other,
    which is enough for such patterns and keeps matching linear in the name.
    """
    first, *rest = _pieces(segment.encode("utf-8", "surrogateescape"))
    source = [first]
    if rest:
        source += [b"(?>.*?%s)" % piece for piece in rest[:-1]]
        source.append(b".*%s" % rest[-1] if rest[-1] else b".*+")
    return re.compile(b"".join(source), re.DOTALL)


def _pieces(segment: bytes) -> list[bytes]:
    """The pieces between the stars of a segment, each as a regular expression."""
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
    for member in _MEMBER.finditer(found["members"]):
        if member["name"]:
            held.update(_CLASSES.get(member["name"], "").encode())
        elif member["last"]:
            held.update(range(member["first"][0], member["last"][0] + 1))
        else:
            held.update(member["one"])
    members = re.escape(bytes(sorted(held)))
    if found["others"]:
        return b"[^%s]" % members if members else b"."
    return b"[%s]" % members if members else b"(?!)"
