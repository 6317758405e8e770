"""A body → the secrets in it: one pass finds keywords, patterns are tried around them, and checks decide."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import islice

import msgspec

from hullmark.facets.secrets.keywords import Keyword, Keywords, Meeting, OneByOne, keywords
from hullmark.facets.secrets.kind import Kind
from hullmark.facets.secrets.kinds import KINDS
from hullmark.model.limit import Limit

MAX_SECRETS = Limit(1000, "secrets of one file, or MiB of a large one")
"""The most secrets reported for one body."""

MOST_ISSUERS = 3
"""How many of the issuers that are named in front of a keyword are tried, the nearest first."""

_PIECE, _MORE = 32 << 10, 16 << 10
_GROUPS = ("s", "t", "u")
_NAME = re.compile(rb"[A-Za-z0-9_. -]*").match
_OF_NAMES = frozenset(byte for byte in range(256) if _NAME(bytes((byte,)))[0])  # type: ignore[index]


class FoundSecret(msgspec.Struct, frozen=True):
    """A secret in a body: its kind, where the secret itself begins and ends, and where all that the kind's expression fits does."""

    kind: Kind
    start: int
    end: int
    first: int
    last: int


class FoundSecrets(msgspec.Struct, frozen=True):
    """The secrets of one body in order, none in another; `is_cut`: there may be more. `signs`: where something may be hidden in it."""

    found: list[FoundSecret]
    is_cut: bool
    signs: Sequence[Meeting] = ()


_NONE = FoundSecrets([], False)
_Place = tuple[int, int, int, int, int]
"""(number of the kind, where the secret begins and ends, where the expression does)."""


def keywords_of(kind: Kind) -> Sequence[Keyword]:
    """What is looked for in a body to find a kind in it."""
    if kind.is_one and kind.keywords:
        return (Keyword(kind.keywords[0], kind.any_case, kind.tail, kind.keywords[1:]),)
    return [Keyword(text, kind.any_case, kind.tail) for text in kind.keywords]


class Finder:
    """Looks for some kinds of secrets, for their keywords in this `way`. Of two that overlap, the kind that comes first counts.

    `signs` are met in the same pass; what they mean is up to who asks.
    """

    def __init__(
        self,
        kinds: Sequence[Kind],
        way: Callable[[Sequence[Keyword]], Keywords] = keywords,
        signs: Sequence[Keyword] = (),
    ) -> None:
        self._kinds = tuple(kinds)
        self._patterns: list[re.Pattern[bytes] | None] = [None] * len(kinds)
        by_keyword: dict[Keyword, list[int]] = {}
        for number, kind in enumerate(kinds):
            for keyword in keywords_of(kind):
                by_keyword.setdefault(keyword, []).append(number)
        self._names = tuple(kind.names for kind in kinds)
        self._always = tuple(number for number, kind in enumerate(kinds) if kind.is_whole and not kind.keywords)
        self._always_in = tuple(name for number in self._always for name in kinds[number].names or ("",))
        self._wanted = tuple(by_keyword)
        self._kinds_of = tuple(_Candidates(numbers, kinds) for numbers in by_keyword.values())
        self._keywords = way((*self._wanted, *signs))

    def find(self, body: bytes | memoryview, name: str = "") -> FoundSecrets:
        """The secrets in the body of a file with this name (its last path segment; "" for none: every kind is tried)."""
        meetings, is_cut = self._keywords.meetings(body)
        if not meetings and not name.endswith(self._always_in):
            return _NONE
        body = bytes(body)
        spots, whole = self._find_places(meetings, body, name)
        for number in whole:
            spots.update(self._everywhere(number, body))
        own = len(self._wanted)
        signs = [(index - own, end) for index, end in meetings if index >= own]
        if not spots:
            return FoundSecrets([], is_cut, signs)
        chosen = _apart(sorted(spots))
        found = [FoundSecret(self._kinds[number], *place) for number, *place in chosen]
        return FoundSecrets(found[:MAX_SECRETS], len(spots) > MAX_SECRETS or is_cut, signs)

    def _find_places(self, meetings: Sequence[Meeting], body: bytes, name: str) -> tuple[set[_Place], set[int]]:
        """(the places of secrets at these meetings, the kinds whose patterns are tried on the whole body)."""
        whole = {number for number in self._always if name.endswith(self._names[number] or "")}
        spots: set[_Place] = set()
        for index, end in meetings:
            start = end - self._wanted[index].size if index < len(self._kinds_of) else -1
            for number, begin in self._kinds_of[index].at(body, start) if start >= 0 else ():
                if name and self._names[number] and not name.endswith(self._names[number]):
                    continue
                if self._kinds[number].is_whole:
                    whole.add(number)
                    continue
                place = self._place(number, body, (start, end), begin)
                if place is not None:
                    spots.add(place)
            if len(spots) > MAX_SECRETS:
                break
        return spots, whole

    def _everywhere(self, number: int, body: bytes) -> Iterator[_Place]:
        kind = self._kinds[number]
        for fits in islice(_all_fits(self._pattern(number), body), MAX_SECRETS + 1):
            span = _secret_in(fits, fits.span())
            if span is not None and (kind.check is None or kind.check(body[span[0] : span[1]])):
                yield number, *span, *fits.span()

    def _pattern(self, number: int) -> re.Pattern[bytes]:
        pattern = self._patterns[number]
        if pattern is None:
            pattern = self._patterns[number] = self._kinds[number].compile_pattern()
        return pattern

    def _place(self, number: int, body: bytes, keyword: tuple[int, int], begin: int) -> _Place | None:
        """The place of the secret with its keyword from one place to another, and its issuer's name at `begin`; None if there is none."""
        kind, pattern = self._kinds[number], self._pattern(number)
        start, end = keyword
        stop = end + kind.after
        if not kind.before or kind.issuers:
            fits = pattern.match(body, begin, stop)
            first, last = fits.span() if fits is not None else (0, 0)
        else:
            at = max(0, start - kind.before)
            while True:
                fits = pattern.match(body, at, stop)
                first, last = fits.span("whole") if fits is not None else (0, 0)
                if fits is None or last >= end or last == first:
                    break
                at = last
            if first > start:
                fits = None
        span = _secret_in(fits, (first, last)) if fits is not None else None
        if span is None or (kind.check is not None and not kind.check(body[span[0] : span[1]])):
            return None
        return number, *span, first, last


class _Candidates:
    """The kinds of one keyword: those that are always tried, and those that are tried only behind their issuer's name."""

    def __init__(self, numbers: Sequence[int], kinds: Sequence[Kind]) -> None:
        self._always = tuple(number for number in numbers if not kinds[number].issuers)
        self._of: dict[bytes, list[int]] = {}
        for number in numbers:
            for word in kinds[number].issuers:
                self._of.setdefault(word, []).append(number)
        self._before = max((kinds[number].before for number in numbers), default=0)
        # Made when it is first asked for: it takes longer than all else that a few lines of text take.
        self._words: re.Pattern[bytes] | None = None

    def at(self, body: bytes, start: int) -> Iterator[tuple[int, int]]:
        """(number, where its expression begins) of those to be tried where the keyword begins here."""
        yield from ((number, start) for number in self._always)
        if not self._of or not start or body[start - 1] not in _OF_NAMES:
            return  # no name stands in front of it
        back = _NAME(body[max(0, start - self._before) : start + 1][::-1])
        first = start + 1 - (back.end() if back is not None else 0)
        if self._words is None:
            self._words = re.compile(_any_of(self._of))
        for word in [*self._words.finditer(body[first : start + 1].lower())][-MOST_ISSUERS:]:
            yield from ((number, first + word.start()) for number in self._of[word[0]])


def _any_of(words: Iterable[bytes]) -> bytes:
    """An expression for any of these words, the longest first. By their first letters, as one after another takes five times as long."""
    by_letter: dict[bytes, list[bytes]] = {}
    for word in sorted(words, key=len, reverse=True):
        by_letter.setdefault(word[:1], []).append(re.escape(word[1:]))
    return b"|".join(letter + b"(?:" + b"|".join(rests) + b")" for letter, rests in sorted(by_letter.items()))


def _all_fits(pattern: re.Pattern[bytes], body: bytes) -> Iterator[re.Match[bytes]]:
    """Where a pattern fits, looked for in pieces: so a body of one long line costs its length, not the square of it."""
    for at in range(0, max(len(body), 1), _PIECE):
        stop = min(at + _PIECE + _MORE, len(body))
        # What goes on to the end of the piece may go on behind it, and is found whole in the next one if it begins there.
        is_in = (fits for fits in pattern.finditer(body, at, stop) if fits.end() < stop or fits.start() < at + _PIECE)
        yield from is_in if stop < len(body) else pattern.finditer(body, at, stop)


def _secret_in(fits: re.Match[bytes], whole: tuple[int, int]) -> tuple[int, int] | None:
    """Where the secret is in what a pattern fits; None for an empty one."""
    groups = (fits.span(group) for group in _GROUPS if group in fits.re.groupindex and fits[group] is not None)
    start, end = next(groups, whole)
    return (start, end) if end > start else None


def _apart(places: Sequence[_Place]) -> list[_Place]:
    """Those that overlap no one before them, sorted by place. They are given sorted by kind."""
    taken: list[_Place] = []
    for place in places:
        start, end = place[1:3]
        at = bisect_left(taken, (start, end), key=_begin)
        is_free = (at == 0 or taken[at - 1][2] <= start) and (at == len(taken) or taken[at][1] >= end)
        if is_free:
            taken.insert(at, place)
    return taken


def _begin(place: _Place) -> tuple[int, int]:
    return place[1:3]


@cache
def own_finder() -> Finder:
    """Looks for every kind that the program knows."""
    return Finder(KINDS)


@cache
def small_finder() -> Finder:
    """The same for a few lines of text: they are looked through before the fastest way would have begun."""
    return Finder(KINDS, OneByOne)


def lines_of(body: bytes, spots: Sequence[FoundSecret]) -> Iterator[int]:
    """The line, from 1, on which each of the spots begins. They are sorted."""
    line, at = 1, 0
    for spot in spots:
        line += body.count(b"\n", at, spot.start)
        at = spot.start
        yield line


def digest_of(secret: bytes, salt: bytes) -> str:
    """16 hex digits that tell equal secrets apart from others, and nothing else to whoever does not have the salt."""
    key = hashlib.sha256(salt).digest()
    return hashlib.blake2b(secret, key=key, digest_size=8).hexdigest()
