"""Maven versions, as ComparableVersion of Maven 3.8 orders them; ranges as in Maven's version range specification.

Maven 3.9 reads one form in another way: there `1.x2` is `1-x-2`, here it is `1.x-2`. In both the order has cycles
(`1.xyz.1 < 1-alpha`, `1-alpha < 1` and `1 < 1.xyz.1` hold together), so versions have no key. Ranges do not look at `.jreN` and
`.jdkN` at the end, which say for which Java an edition is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import chain, zip_longest

from hullmark.versions import generic
from hullmark.versions.condition import MAX_CONDITION, Bound, Condition
from hullmark.versions.scheme import InvalidVersion, Scheme, number, sign

_PIECES = re.compile(r"[.-]|[0-9]+|[^.\-0-9]+")
_DIGIT = re.compile(r"[0-9]").match
_SEPARATORS = frozenset(".-")
_EDITION = re.compile(r"(?<=.)\.(?:jre|jdk)[0-9]+\Z", re.IGNORECASE | re.ASCII | re.DOTALL)
_INTERVAL = re.compile(r"\s*([\[(])([^\[\](),]*)(?:(,)([^\[\](),]*))?([\])])\s*(?:\Z|,(?=\s*[\[(]))")

_BEFORE_RELEASE = ("alpha", "beta", "milestone", "rc", "snapshot")
_RELEASE = len(_BEFORE_RELEASE)
_QUALIFIERS = {word: rank for rank, word in enumerate(_BEFORE_RELEASE)}
_QUALIFIERS |= {"cr": _QUALIFIERS["rc"], "ga": _RELEASE, "final": _RELEASE, "release": _RELEASE, "sp": _RELEASE + 1}
_OTHERS = _RELEASE + 2
_SHORT = 100
_LETTERS = {"a": "alpha", "b": "beta", "m": "milestone"}

# Kind, rank of the word, the word if it has no rank of its own, number. Kinds are in ComparableVersion's order.
Item = tuple[int, int, bytes, tuple[int, str]]
_WORD, _LIST, _NUMBER = 0, 1, 2
_NO_NUMBER = (0, "")
_NESTED: Item = (_LIST, _RELEASE, b"", _NO_NUMBER)

# A version is a list whose last item may be another such list, and so on: here the lists, from the outside in.
Levels = list[list[Item]]


def compare(a: str, b: str) -> int:
    """-1, 0 or 1. Letters' case does not count. Refuses empty texts only."""
    levels_a, levels_b = _levels(a), _levels(b)
    for depth, (items_a, items_b) in enumerate(zip(levels_a, levels_b, strict=False)):
        for x, y in zip_longest(items_a, items_b):
            if x == y:
                continue
            if y is None:
                result = _against_nothing(_tail(x, levels_a, depth))
            elif x is None:
                result = -_against_nothing(_tail(y, levels_b, depth))
            else:
                result = sign(x < y, False)
            if result:
                return result
    return 0


def against_bound(version: str, bound: str) -> int:
    """Compare with a bound of a range: the Java that an edition is for does not count."""
    return compare(_without_edition(version), _without_edition(bound))


@lru_cache(maxsize=1 << 14)
def _without_edition(version: str) -> str:
    return _EDITION.sub("", version.strip())


def ranges(text: str) -> Condition:
    """Read `[1.0,2.0)`, unions `(,1.0],[1.2,)`, or lists of operators; `||` parts alternatives.

    A version alone means that version. Raises ValueError saying what was not understood.
    """
    if "[" not in text and "(" not in text:
        return generic.operator_ranges(text, _levels)
    if len(text) > MAX_CONDITION:
        raise ValueError(f"a condition has at most {MAX_CONDITION} characters")
    return Condition(text, tuple(chain.from_iterable(map(_alternatives, text.split("||")))))


def _alternatives(part: str) -> tuple[tuple[Bound, ...], ...]:
    if "[" not in part and "(" not in part:
        return generic.operator_ranges(part, _levels).alternatives
    intervals, at = [], 0
    while at < len(part):
        found = _INTERVAL.match(part, at)
        if found is None:
            break
        intervals.append(_interval(found))
        at = found.end()
    if not intervals or at < len(part):
        raise ValueError(f"cannot read the version condition at {part[at:].strip()[:40]!r}; write it like '[1.2,2)'")
    return tuple(intervals)


def _interval(found: re.Match[str]) -> tuple[Bound, ...]:
    opening, low, comma, high, closing = found.groups()
    low, high = low.strip(), (high or "").strip()
    if not comma:
        if (opening, closing) != ("[", "]"):
            raise ValueError("cannot read the version condition: a version alone stands in square brackets")
        return (generic.plain_bound("=", low, _levels),)
    bounds = []
    if low:
        bounds.append(generic.plain_bound(">=" if opening == "[" else ">", low, _levels))
    if high:
        bounds.append(generic.plain_bound("<=" if closing == "]" else "<", high, _levels))
    return tuple(bounds)


def _tail(item: Item, levels: Levels, depth: int) -> Iterable[Item]:
    """The item, or everything in its lists."""
    return chain.from_iterable(levels[depth + 1 :]) if item == _NESTED else (item,)


def _against_nothing(items: Iterable[Item]) -> int:
    """How items compare with nothing: as the first one that differs from nothing does. Numbers come after it."""
    return next((sign(item[1] < _RELEASE, False) for item in items if not _is_nothing(item)), 0)


def _is_nothing(item: Item) -> bool:
    kind, rank, _, value = item
    return value == _NO_NUMBER if kind == _NUMBER else rank == _RELEASE


def _levels(version: str) -> Levels:
    """The version's lists. Those of short texts are remembered: matching compares one version with many bounds."""
    return _remembered(version) if len(version) < _SHORT else _read(version)


def _read(version: str) -> Levels:
    text = version.strip().lower()
    if not text:
        raise InvalidVersion("an empty text is not a Maven version")
    levels = _build_levels(_PIECES.findall(text))
    for depth in range(len(levels) - 1, -1, -1):
        level = levels[depth]
        while level and _is_nothing(level[-1]):
            level.pop()
        if depth + 1 < len(levels):
            level.append(_NESTED)
        elif depth and not level:
            levels.pop()
    return levels


def _build_levels(pieces: list[str]) -> Levels:
    """The lists as they are written: a hyphen, and a change between digits and others, begin one in the one before."""
    levels: Levels = [[]]
    after_item = False
    for piece, following in zip(pieces, (*pieces[1:], ""), strict=True):
        if piece in _SEPARATORS:
            if not after_item:
                levels[-1].append(_item("", False))
            if piece == "-":
                levels.append([])
            after_item = False
            continue
        if after_item:
            levels.append([])
        levels[-1].append(_item(piece, _DIGIT(following) is not None))
        after_item = True
    return levels


def _item(piece: str, before_digit: bool) -> Item:
    """A number, zero where nothing is written, or a word; single letters have a meaning before a digit only."""
    if not piece or _DIGIT(piece):
        return (_NUMBER, _RELEASE, b"", number(piece))
    word = _LETTERS.get(piece, piece) if before_digit else piece
    rank = _QUALIFIERS.get(word, _OTHERS)
    return (_WORD, rank, word.encode("utf-16-be", "surrogatepass") if rank == _OTHERS else b"", _NO_NUMBER)


_remembered = lru_cache(maxsize=1 << 14)(_read)


SCHEME = Scheme(
    name="maven",
    compare=compare,
    types=("maven",),
    aliases=("jenkins", "jenkins-plugin"),
    against_bound=against_bound,
    ranges=ranges,
)
