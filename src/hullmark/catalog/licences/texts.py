"""Licences by their texts: those of SPDX's list, known by prints of ours that `tools/licence_prints.py` makes of the texts.

A print is a choice of the numbers that three words after another come to (`words.py`). What a text shares of a licence's print is how much
of that licence's text is in it, whatever else is.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from hashlib import sha256
from itertools import accumulate
from sys import byteorder

import msgspec

from hullmark.catalog.licences.words import Lines, numbers_of, words_of
from hullmark.model.limit import Limit

PRINTS = "prints.bin"
PRINTS_SHA256 = "77640afde9ab455eb8c5dfb7e5644f63d2dff9e709c6be7ae4bb4e356da22d3a"
"""What the file of prints hashes to: what is taken from a text depends on it."""

MAX_FOUND = Limit(20, "licences told by one text", "shortened")
_LEAST_SHARE = 0.82
_LEAST_SHARE_OF_NOTICE = 0.9
_LEAST_SHARE_ALONE = 0.92
_LEAST_OF_TEXT = 0.9
_LEAST_OF_NOTICE = 0.4
"""How much of a text a licence must be that the text is said to be; to a notice much is added, as where the licence can be read."""

_LEAST_RARE = 0.7
"""How much must be there of what tells a text from those that are nearly the same."""

_PLAIN = frozenset(("Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSD-4-Clause", "ISC", "MIT", "X11", "Zlib"))
"""Licences in which others' names stand for what SPDX's text has: they are what a text is that is not one of their many variants."""

_ANCHORS = 10
_LEAST_ANCHORS = 4
_MEMORY = 256


class FoundLicence(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A licence whose text is in a text: its SPDX identifier, how much of it in per cent, the first and last line (from 1)."""

    name: str
    share: int
    first: int
    last: int


class KnownText(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A licence's text, or the notice that names it in files: how many words it has, how many low bits of its print's numbers are 0, and
    these numbers; `rare` are some that few other texts have. Each has 32 bits, little-endian."""

    name: str
    is_notice: bool
    words: int
    bits: int
    numbers: bytes
    rare: bytes = b""


class _Candidate(msgspec.Struct, frozen=True):
    text: KnownText
    share: float
    shared: frozenset[int]
    worth: float
    """How many words it explains, less half of those that are not there: names may stand in their place."""


class _Place(msgspec.Struct, frozen=True):
    """A licence in a text: what share of its print, from which word to which."""

    name: str
    share: float
    first: int
    last: int


@lru_cache(maxsize=64)
def licences_in(text: bytes) -> tuple[FoundLicence, ...]:
    """The licences whose texts are in a text, the one that explains most of it first."""
    lines = words_of(text)
    words = [word for line in lines for word in line]
    # Many packages have the same text, but for the notices of copyright.
    key = b" ".join(words)
    found = _KEPT.get(key)
    if found is None:
        if len(_KEPT) >= _MEMORY:
            _KEPT.clear()
        found = _KEPT[key] = tuple(_places(words))
    return tuple(
        FoundLicence(licence.name, int(100 * licence.share), _line(licence.first, lines), _line(licence.last, lines))
        for licence in found
    )


_KEPT: dict[bytes, tuple[_Place, ...]] = {}


@lru_cache(maxsize=64)
def licence_of(text: bytes) -> FoundLicence | None:
    """The licence that a text is, and nothing besides but names and a few words; or, where it is a notice, the one that it names. None
    for a variant, for several, and for a notice that speaks of an exception."""
    lines = words_of(text)
    words = [word for line in lines for word in line]
    found = _best(_candidates(frozenset(numbers_of(words))))
    if len(found) != 1:
        return None
    known, share = found[0].text, found[0].share
    covered = known.words * share / len(words)
    if covered < (_LEAST_OF_NOTICE if known.is_notice else _LEAST_OF_TEXT) or share < _LEAST_SHARE_ALONE:
        return None
    if known.is_notice and b"exception" in words:
        return None
    return FoundLicence(known.name, int(100 * share), 1, len(lines))


def _places(words: list[bytes]) -> Iterator[_Place]:
    numbers = numbers_of(words)
    for found in _best(_candidates(frozenset(numbers)))[:MAX_FOUND]:
        first = next(at for at, number in enumerate(numbers) if number in found.shared)
        last = next(at for at in range(len(numbers) - 1, -1, -1) if numbers[at] in found.shared)
        yield _Place(found.text.name, found.share, first, last + 2)


def _candidates(numbers: frozenset[int]) -> list[_Candidate]:
    texts, anchors = _load_texts()
    hits = Counter(at for number in numbers & anchors.keys() for at in anchors[number])
    found = []
    for at, count in hits.items():
        text = texts[at]
        size = len(text.numbers) // 4
        least = _LEAST_SHARE_OF_NOTICE if text.is_notice else _LEAST_SHARE
        # What costs little is asked first: most texts that have some numbers in common are told apart by it.
        if count < min(_LEAST_ANCHORS, size) or len(numbers) / size < least:
            continue
        rare = _numbers(text.rare)
        told = len(numbers.intersection(rare)) / len(rare)
        if told >= _LEAST_RARE or text.is_notice or text.name in _PLAIN:
            shared = numbers.intersection(_numbers(text.numbers))
            share = len(shared) / size
            if share >= least:
                worth = text.words * (1.5 * share - 0.5) * (0.9 + 0.1 * told)
                found.append(_Candidate(text, share, shared, worth))
    return found


def _numbers(kept: bytes) -> array[int]:
    found = array("I", kept)
    if byteorder == "big":
        found.byteswap()
    return found


def _best(candidates: Iterable[_Candidate]) -> list[_Candidate]:
    """Of texts that are mostly the same the one that explains most; no notice that stands in a licence's text."""
    taken: list[_Candidate] = []
    for candidate in sorted(
        candidates, key=lambda candidate: (candidate.text.is_notice, -candidate.worth, candidate.text.name)
    ):
        if not any(_is_part(candidate, other) for other in taken):
            taken.append(candidate)
    return taken


def _is_part(one: _Candidate, other: _Candidate) -> bool:
    """Whether what a text shares with one licence is mostly what it shares with another."""
    if one.text.is_notice and not other.text.is_notice:
        # The texts of GNU's licences propose notices, and some name each other's.
        return _family(one.text) == _family(other.text)
    step = (1 << other.text.bits) - 1
    compared = [number for number in one.shared if not number & step]
    return len(other.shared.intersection(compared)) > len(compared) / 2


def _family(text: KnownText) -> str:
    return "GPL" if "GPL-" in text.name else text.name


def _line(word: int, lines: Lines) -> int:
    """The number of the line that a word is in."""
    ends = accumulate(map(len, lines))
    return next((number for number, end in enumerate(ends, 1) if word < end), len(lines))


@cache
def _load_texts() -> tuple[list[KnownText], dict[int, list[int]]]:
    """The known texts, and some numbers of each → the texts that have them."""
    from pkgutil import get_data  # most images have texts to tell, few runs read images

    content = get_data(__package__, PRINTS) or b""
    if sha256(content).hexdigest() != PRINTS_SHA256:
        raise RuntimeError(f"{PRINTS} is not the file that this program was made with")
    texts = msgspec.msgpack.decode(content, type=list[KnownText])
    anchors: dict[int, list[int]] = {}
    for at, text in enumerate(texts):
        for number in _numbers(text.numbers[: 4 * _ANCHORS]):
            anchors.setdefault(number, []).append(at)
    return texts, anchors
