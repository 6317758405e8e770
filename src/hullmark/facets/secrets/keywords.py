"""Where keywords stand in a body: one pass for all of them with hyperscan, else one for each.

Both give the same positions; the library is faster by far and an extra, `hullmark[secrets]`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from threading import Lock
from typing import Any, Protocol

import msgspec

MAX_MEETINGS = 200_000
"""So many keywords are followed up in one body."""


class Keyword(msgspec.Struct, frozen=True):
    """Bytes to look for; in upper and lower case alike if `any_case`, and written in lower case then."""

    text: bytes
    any_case: bool = False


class Keywords(Protocol):
    """Finds all occurrences of a set of keywords, overlapping ones too."""

    def meetings(self, body: bytes) -> Sequence[tuple[int, int]]:
        """(index of the keyword, where it ends), sorted by the end, then by the index; at most MAX_MEETINGS and one more."""


def keywords(wanted: Sequence[Keyword]) -> Keywords:
    """The fastest way to find these keywords that is installed."""
    try:
        return Hyperscan(wanted)
    except ImportError:
        return OneByOne(wanted)


class OneByOne:
    """With what Python brings along: each keyword for itself."""

    def __init__(self, wanted: Sequence[Keyword]) -> None:
        self._wanted = tuple(wanted)

    def meetings(self, body: bytes) -> Sequence[tuple[int, int]]:
        """As Keywords has it."""
        lower = body.lower() if any(keyword.any_case for keyword in self._wanted) else body
        found: list[tuple[int, int]] = []
        for index, keyword in enumerate(self._wanted):
            found += ((index, end) for end in _ends(keyword.text, lower if keyword.any_case else body))
        return _sorted(found)


def _ends(text: bytes, body: bytes) -> Iterator[int]:
    at = body.find(text)
    count = 0
    while at >= 0 and count <= MAX_MEETINGS:
        yield at + len(text)
        count += 1
        at = body.find(text, at + 1)


def _sorted(found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    found.sort(key=lambda meeting: (meeting[1], meeting[0]))
    return found[: MAX_MEETINGS + 1]


class Hyperscan:
    """With hyperscan: all keywords in one pass over the body. Raises ImportError where it is not installed."""

    def __init__(self, wanted: Sequence[Keyword]) -> None:
        import hyperscan

        caseless = hyperscan.HS_FLAG_CASELESS
        self._database: Any = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(
            expressions=[re.escape(keyword.text) for keyword in wanted],
            ids=list(range(len(wanted))),
            flags=[caseless if keyword.any_case else 0 for keyword in wanted],
        )
        self._stopped = hyperscan.ScanTerminated
        self._lock = Lock()

    def meetings(self, body: bytes) -> Sequence[tuple[int, int]]:
        """As Keywords has it. What the library works with can serve one thread at a time."""
        found: list[tuple[int, int]] = []

        def met(index: int, start: int, end: int, flags: int, context: object) -> bool | None:
            found.append((index, end))
            # Those that end at one place come in no order: all of them are taken before the rest is left out.
            return True if len(found) > MAX_MEETINGS and end > found[MAX_MEETINGS][1] else None

        with self._lock, suppress(self._stopped):
            self._database.scan(body, match_event_handler=met)
        return _sorted(found)
