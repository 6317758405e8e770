"""Where keywords are in a body: one pass for all of them with hyperscan, else one for each.

Both give the same positions; the library is much faster, but not available everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Any, Protocol

import msgspec

from hullmark.model.limit import Limit

MAX_MEETINGS = Limit(50_000, "keywords of secrets that are followed up in one file, or MiB of a large one")
"""So many keywords are followed up in one body."""

Meeting = tuple[int, int]
"""(index of the keyword, where it ends)."""


class Keyword(msgspec.Struct, frozen=True):
    """Bytes to look for; in upper and lower case alike if `any_case`, and written in lower case then.

    `tail` is an expression for what follows it, so that a keyword which stands everywhere is met seldom. It is written so that Python
    and hyperscan read it alike, and so that from one beginning it fits to one end only.
    """

    text: bytes
    any_case: bool = False
    tail: bytes = b""


class Keywords(Protocol):
    """Finds all occurrences of a set of keywords, overlapping ones too."""

    def meetings(self, body: bytes | memoryview) -> Sequence[Meeting]:
        """The meetings, sorted by the end, then by the index; at most MAX_MEETINGS and one more."""


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
        self._wanted = tuple((keyword, _tail(keyword)) for keyword in wanted)
        self._lowers = any(keyword.any_case for keyword in wanted)

    def meetings(self, body: bytes | memoryview) -> Sequence[Meeting]:
        """As Keywords has it."""
        body = bytes(body)
        lower = body.lower() if self._lowers else body
        found: list[Meeting] = []
        for index, (keyword, tail) in enumerate(self._wanted):
            ends = _ends(keyword.text, lower if keyword.any_case else body)
            met = (end for end in ends if tail is None or tail.match(body, end))
            found += ((index, end) for _, end in zip(range(MAX_MEETINGS + 1), met, strict=False))
        return _sorted(found)


def _tail(keyword: Keyword) -> re.Pattern[bytes] | None:
    return re.compile(keyword.tail, re.IGNORECASE if keyword.any_case else 0) if keyword.tail else None


def _ends(text: bytes, body: bytes) -> Iterator[int]:
    at = body.find(text)
    while at >= 0:
        yield at + len(text)
        at = body.find(text, at + 1)


def _sorted(found: list[Meeting]) -> list[Meeting]:
    found.sort(key=lambda meeting: (meeting[1], meeting[0]))
    return found[: MAX_MEETINGS + 1]


class Hyperscan:
    """With hyperscan: all keywords in one pass over the body. Raises ImportError where it is not installed."""

    def __init__(self, wanted: Sequence[Keyword]) -> None:
        import hyperscan

        caseless, begins = hyperscan.HS_FLAG_CASELESS, hyperscan.HS_FLAG_SOM_LEFTMOST
        self._database: Any = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(
            expressions=[_literal(keyword.text) + keyword.tail for keyword in wanted],
            ids=list(range(len(wanted))),
            flags=[(caseless * keyword.any_case) | (begins * bool(keyword.tail)) for keyword in wanted],
        )
        # Where what follows belongs to the expression, the library's end is not the keyword's.
        self._sizes = {index: len(keyword.text) for index, keyword in enumerate(wanted) if keyword.tail}
        self._stopped = hyperscan.ScanTerminated
        self._lock = Lock()

    def meetings(self, body: bytes | memoryview) -> Sequence[Meeting]:
        """As Keywords has it. The library's scratch space serves one thread at a time."""
        met: list[tuple[int, int, int]] = []
        with self._lock:
            try:
                if len(body):
                    self._database.scan(body, _note, 0, met)
            except self._stopped:  # there are more than are wanted
                return self._ends(met)
        return self._ends(met) if met else []

    def _ends(self, met: Sequence[tuple[int, int, int]]) -> Sequence[Meeting]:
        sizes = self._sizes
        return _sorted([(index, start + sizes[index] if index in sizes else end) for index, start, end in met])


def _literal(text: bytes) -> bytes:
    """An expression for exactly these bytes, in ASCII and without a zero byte, which would end it."""
    return b"".join(bytes((byte,)) if bytes((byte,)).isalnum() else b"\\x%02x" % byte for byte in text)


def _note(index: int, start: int, end: int, flags: int, met: list[tuple[int, int, int]]) -> bool | None:
    met.append((index, start, end))
    return True if len(met) > MAX_MEETINGS else None
