"""Which extractors want a file: globs compiled into look-ups by last segment, so that most files cost one look-up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from hullmark.rootfs.reads import Read

_WILD = re.compile(r"[*?\[{]").search
_LITERAL_END = re.compile(r"[^*?\[\]{}]*\Z").search
_NO_NAMES = (b"", b".", b"..")
_FEW, _SOME = 3, 5
"""By so many first letters a name is looked up."""

_GLOBS_KEPT = 256
_HEADS_KEPT = 1 << 12
_SEGMENT = {"*": "[^/]*", "?": "[^/]"}


def glob_regex(glob: str) -> str:
    """A regular expression for a glob: `*` and `?` stay in a segment, `**/` is any depth, `[…]` a set, `{a,b}` a choice.

    Raises ValueError for a glob that cannot be read.
    """
    out, i, depth = [], 0, 0
    while i < len(glob):
        c = glob[i]
        if glob.startswith("**/", i):
            out.append("(?:[^/]*/)*")
            i += 3
            continue
        if glob.startswith("**", i):
            out.append(".*")
            i += 2
            continue
        if c == "[" and (end := glob.find("]", i + 2)) > 0:
            body = glob[i + 1 : end]
            out.append(f"[{'^' + re.escape(body[1:]) if body[0] in '!^' else re.escape(body)}]".replace(r"\-", "-"))
            i = end + 1
            continue
        if c in "{}," and (c != "," or depth):
            depth += {"{": 1, "}": -1, ",": 0}[c]
            out.append({"{": "(?:", "}": ")", ",": "|"}[c])
        else:
            out.append(_SEGMENT.get(c) or re.escape(c))
        i += 1
    if depth:
        raise ValueError(f"unbalanced braces in {glob!r}")
    return "".join(out)


def compile_globs(globs: Iterable[str]) -> re.Pattern[bytes]:
    """One expression that matches a whole path if any of the globs does."""
    return _compile_globs(tuple(globs))


@lru_cache(_GLOBS_KEPT)
def _compile_globs(globs: tuple[str, ...]) -> re.Pattern[bytes]:
    """Those of parsers are asked for again with each image."""
    pattern = "|".join(f"(?:{glob_regex(glob.lstrip('/'))})" for glob in globs)
    return re.compile(pattern.encode("utf-8", "surrogateescape") or rb"(?!)", re.DOTALL)


def _beginning(name: str) -> bytes:
    """The first letters of a glob for a name, as many as the look-up compares; b"" where too few are told."""
    wild = _WILD(name)
    told = name[: wild.start() if wild is not None else len(name)].encode()
    return next((told[:length] for length in (_SOME, _FEW) if len(told) >= length), b"")


class _LaterPattern:
    """A glob's expression, compiled on first use: most are never used, and compiling is expensive. What does not end as the glob does is
    told without it."""

    __slots__ = ("_end", "_glob", "_match")

    def __init__(self, glob: str) -> None:
        self._glob = glob
        self._end: bytes | None = None
        self._match: Callable[[bytes], object] | None = None

    def fullmatch(self, path: bytes) -> object:
        """What the expression's own method answers."""
        if self._end is None:
            self._end = _LITERAL_END(self._glob)[0].lstrip("/").encode("utf-8", "surrogateescape")  # type: ignore[index]
        if not path.endswith(self._end):
            return None
        if self._match is None:
            self._match = compile_globs((self._glob,)).fullmatch
        return self._match(path)


Rules = tuple[tuple[int, _LaterPattern | None], ...]


class Dispatch:
    """For a path, the reads that want it by name.

    The end of a glob chooses the table: a literal name, a suffix that begins with a dot, any name in a folder of a
    literal name, a name of which the first letters are told (`lib*.so`), or any name two folders below one of a literal name
    (`licenses/*/*`). For other forms (a user's own globs) the expression is tried on every file.
    """

    def __init__(self, reads: Sequence[Read[Any]]) -> None:
        self.reads = tuple(reads)
        self.magic = tuple((magic, i) for i, read in enumerate(self.reads) for magic in read.magic)
        self._by_start: dict[int, tuple[tuple[bytes, int], ...]] = {}
        for magic, i in self.magic:
            self._by_start[magic[0]] = (*self._by_start.get(magic[0], ()), (magic, i))
        self.starts = frozenset(self._by_start)
        self._by_head: dict[bytes, tuple[int, ...]] = {}
        self._names: dict[bytes, Rules] = {}
        self._suffixes: dict[bytes, Rules] = {}
        self._long_suffixes: dict[bytes, tuple[tuple[bytes, Rules], ...]] = {}
        self._beginnings: dict[bytes, Rules] = {}
        self._folders: dict[bytes, Rules] = {}
        self._upper_folders: dict[bytes, Rules] = {}
        self._others: Rules = ()
        self.by_base: dict[bytes, Rules] = {}
        for i, read in enumerate(self.reads):
            for glob in read.globs:
                self._add(glob.lstrip("/"), i)

    def _add(self, glob: str, index: int) -> None:
        folder, _, last = glob.rpartition("/")
        above, _, parent = folder.rpartition("/")
        upper = above.rpartition("/")[2]
        rule = ((index, None if folder == "**" else _LaterPattern(glob)),)
        if not _WILD(last):
            self._names[last.encode()] = self._names.get(last.encode(), ()) + rule
        elif "**" not in last and parent and not _WILD(parent):
            # Few folders have the name, so that no file elsewhere is looked at.
            self._folders[parent.encode()] = (*self._folders.get(parent.encode(), ()), (index, _LaterPattern(glob)))
        elif last[:2] == "*." and not _WILD(last[1:]):
            ending = last[last.rfind(".") + 1 :].encode()
            if last.count(".") == 1:
                self._suffixes[ending] = self._suffixes.get(ending, ()) + rule
            else:  # the look-up knows only the last dot: of `*.deps.json` the name's end is compared
                known = self._long_suffixes.get(ending, ())
                self._long_suffixes[ending] = (*known, (last[1:].encode(), rule))
        elif "**" not in last and (first := _beginning(last)):
            self._beginnings[first] = (*self._beginnings.get(first, ()), (index, _LaterPattern(glob)))
        elif "**" not in last and parent == "*" and upper and not _WILD(upper):
            self._upper_folders[upper.encode()] = (
                *self._upper_folders.get(upper.encode(), ()),
                (index, _LaterPattern(glob)),
            )
        else:
            self._others += ((index, None if glob == "**" else _LaterPattern(glob)),)

    def wanted(self, path: bytes) -> tuple[int, ...]:
        """Indexes of the `reads` that want a file of this name, without repeats."""
        slash = path.rfind(b"/")
        rules = self.rules(path[slash + 1 :]) + self.folder_rules(path[: max(slash, 0)])
        return self.matching(rules, path) if rules else ()

    def rules(self, base: bytes) -> Rules:
        """The rules for a last segment, whatever its folder.

        Names repeat a lot, so `by_base` remembers them; but never whiteouts or empty names.
        """
        found = self.by_base.get(base)
        if found is None:
            # Runs for every new name, and most names have no rules: so nothing is joined without need.
            found = self._names.get(base, ())
            dot = base.rfind(b".")
            if dot >= 0 and (more := self._suffixes.get(base[dot + 1 :])) is not None:
                found += more
            if dot >= 0 and (longer := self._long_suffixes.get(base[dot + 1 :])) is not None:
                for suffix, more in longer:
                    found += more if base.endswith(suffix) else ()
            if (more := self._beginnings.get(base[:_FEW])) is not None:
                found += more
            if (more := self._beginnings.get(base[:_SOME])) is not None and len(base) > _FEW:
                found += more
            if self._others:
                found += self._others
            if len(self.by_base) < 1 << 15 and base not in _NO_NAMES and base[:4] != b".wh.":
                self.by_base[base] = found
        return found

    def folder_rules(self, folder: bytes) -> Rules:
        """The rules for a folder, whatever is in it."""
        names = folder.rsplit(b"/", 2)
        found = self._folders.get(names[-1], ())
        if len(names) > 1 and (upper := self._upper_folders.get(names[-2])) is not None:
            found += upper
        return found

    def matching(self, rules: Rules, path: bytes) -> tuple[int, ...]:
        """Indexes of the `reads` whose expression matches the whole path, without repeats."""
        if len(rules) == 1:
            ((index, only),) = rules
            return (index,) if only is None or only.fullmatch(path) else ()
        found = [i for i, pattern in rules if pattern is None or pattern.fullmatch(path)]
        return tuple(dict.fromkeys(found)) if len(found) > 1 else tuple(found)

    def by_magic(self, head: bytes) -> tuple[int, ...]:
        """Indexes of the `reads` that want a file whose body begins with these bytes."""
        known = self._by_head.get(head)
        if known is None:
            found = [i for magic, i in self._by_start.get(head[0], ()) if head.startswith(magic)] if head else []
            known = tuple(dict.fromkeys(found)) if len(found) > 1 else tuple(found)
            if len(self._by_head) < _HEADS_KEPT:
                self._by_head[head] = known
        return known
