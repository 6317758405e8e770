"""Where keywords are in a body: one pass for all of them with hyperscan, else one for each.

Both give the same positions; the library is much faster, but not available everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from threading import Lock
from typing import Any, NamedTuple, Protocol

import msgspec

from hullmark.model.late import late
from hullmark.model.limit import Limit

MAX_MEETINGS = Limit(50_000, "keywords of secrets that are followed up in one file, or MiB of a large one")
"""So many keywords are followed up in one body."""

Meeting = tuple[int, int]
"""(index of the keyword, where it ends)."""


class KeywordHits(NamedTuple):
    """Where keywords were met, sorted by the end, then by the index; `is_cut`: there are more."""

    found: Sequence[Meeting]
    is_cut: bool = False


class Keyword(msgspec.Struct, frozen=True):
    """Bytes to look for; in upper and lower case alike if `any_case`, and written in lower case then.

    `tail` is an expression for what follows it, so that a keyword which stands everywhere is met seldom. It is written so that Python
    and hyperscan read it alike. `others`: further words, with which it is looked for as one: fifty words with a tail cost little more
    than one then.
    """

    text: bytes
    any_case: bool = False
    tail: bytes = b""
    others: tuple[bytes, ...] = ()

    @property
    def size(self) -> int:
        """The bytes of the keyword; 0 for several words, which are met where they begin."""
        return 0 if self.others else len(self.text)


class Keywords(Protocol):
    """Finds all occurrences of a set of keywords, overlapping ones too."""

    def meetings(self, body: bytes | memoryview) -> KeywordHits:
        """At most MAX_MEETINGS of them."""


_NONE = KeywordHits([])


def keywords(wanted: Sequence[Keyword]) -> Keywords:
    """The fastest way to find these keywords that is installed."""
    if not wanted:
        return OneByOne(())
    try:
        return Hyperscan(wanted)
    except ImportError:
        return OneByOne(wanted)


class OneByOne:
    """With what Python brings along: each keyword for itself."""

    def __init__(self, wanted: Sequence[Keyword]) -> None:
        # (word, its keyword's number, whether in any case, bytes from the keyword's end to the word's)
        self._words = tuple(
            (word, index, keyword.any_case, len(word) - keyword.size)
            for index, keyword in enumerate(wanted)
            for word in (keyword.text, *keyword.others)
        )
        self._tails = tuple(_tail(keyword) for keyword in wanted)
        self._lowers = any(keyword.any_case for keyword in wanted)

    def meetings(self, body: bytes | memoryview) -> KeywordHits:
        """As Keywords has it."""
        body = bytes(body)
        lower = body.lower() if self._lowers else body
        found: list[Meeting] = []
        # Nearly all words stand nowhere in a text: those are not asked for further.
        for word, index, any_case, back in self._words:
            text = lower if any_case else body
            if word in text:
                tail = self._tails[index]
                met = (end for end in _ends(word, text) if tail is None or tail.match(body, end))
                found += ((index, end - back) for _, end in zip(range(MAX_MEETINGS + 1), met, strict=False))
        return _sort_meetings(found)


def _tail(keyword: Keyword) -> re.Pattern[bytes] | None:
    return late(keyword.tail, re.IGNORECASE if keyword.any_case else 0) if keyword.tail else None


def _ends(text: bytes, body: bytes) -> Iterator[int]:
    at = body.find(text)
    while at >= 0:
        yield at + len(text)
        at = body.find(text, at + 1)


_BY_END = itemgetter(1, 0)


def _sort_meetings(found: Iterable[Meeting], *, is_cut: bool = False) -> KeywordHits:
    """The meetings in order, each once: of several words one may begin as another does."""
    apart = sorted(set(found), key=_BY_END)
    return KeywordHits(apart[:MAX_MEETINGS], is_cut or len(apart) > MAX_MEETINGS)


class Hyperscan:
    """With hyperscan: all keywords in one pass over the body. Raises ImportError where it is not installed."""

    def __init__(self, wanted: Sequence[Keyword]) -> None:
        import hyperscan

        caseless, begins = hyperscan.HS_FLAG_CASELESS, hyperscan.HS_FLAG_SOM_LEFTMOST
        self._database: Any = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(
            expressions=[_words(keyword) + keyword.tail for keyword in wanted],
            ids=list(range(len(wanted))),
            flags=[
                (caseless * keyword.any_case) | (begins * bool(keyword.tail or keyword.others)) for keyword in wanted
            ],
        )
        # Where what follows belongs to the expression, the library's end is not the keyword's.
        self._sizes = {index: keyword.size for index, keyword in enumerate(wanted) if keyword.tail or keyword.others}
        self._begins = {index: _Beginnings(keyword) for index, keyword in enumerate(wanted) if keyword.others}
        self._stopped = hyperscan.ScanTerminated
        self._lock = Lock()

    def meetings(self, body: bytes | memoryview) -> KeywordHits:
        """As Keywords has it. The library's scratch space serves one thread at a time."""
        met: list[tuple[int, int, int]] = []
        is_cut = False
        with self._lock:
            try:
                if body:
                    self._database.scan(body, _note, 0, met)
            except self._stopped:
                is_cut = True
        return _sort_meetings(self._ends(met, body), is_cut=is_cut) if met else _NONE

    def _ends(self, met: Sequence[tuple[int, int, int]], body: bytes | memoryview) -> list[Meeting]:
        sizes, begins = self._sizes, self._begins
        found = [
            (index, start + sizes[index] if index in sizes else end) for index, start, end in met if index not in begins
        ]
        if len(found) < len(met):
            spans: dict[int, list[tuple[int, int]]] = {}
            for index, start, end in met:
                if index in begins:
                    spans.setdefault(index, []).append((start, end))
            for index, positions in spans.items():
                found += ((index, start) for start in begins[index].of(body, sorted(positions)))
        return found


class _Beginnings:
    """Where a keyword of several words is met: of those with one end of their tail, the library says where the first begins."""

    def __init__(self, keyword: Keyword) -> None:
        self._any_case = keyword.any_case
        self._longest = max(map(len, (keyword.text, *keyword.others)))
        self._words = re.compile(_words(keyword))
        self._whole = re.compile(_words(keyword) + keyword.tail, re.IGNORECASE * keyword.any_case)

    def of(self, body: bytes | memoryview, spans: Iterable[tuple[int, int]]) -> Iterator[int]:
        """The beginnings in these spans, which are sorted."""
        at = 0
        for start, end in spans:
            begin = max(at, start)
            # A word that begins in a span may end behind it, and have a tail of its own.
            text = bytes(body[begin : end + self._longest])
            text, word = text.lower() if self._any_case else text, 0
            while (found := self._words.search(text, word)) and found.start() < end - begin:
                word = found.start() + 1
                if self._whole.match(body, begin + word - 1):
                    yield begin + word - 1
            at = max(at, end)


def _words(keyword: Keyword) -> bytes:
    return b"(?:" + b"|".join(_literal(word) for word in (keyword.text, *keyword.others)) + b")"


def _literal(text: bytes) -> bytes:
    """An expression for exactly these bytes, in ASCII and without a zero byte, which would end it."""
    return b"".join(bytes((byte,)) if bytes((byte,)).isalnum() else b"\\x%02x" % byte for byte in text)


def _note(index: int, start: int, end: int, flags: int, met: list[tuple[int, int, int]]) -> bool | None:
    met.append((index, start, end))
    return True if len(met) > MAX_MEETINGS else None
