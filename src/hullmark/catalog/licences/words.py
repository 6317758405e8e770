"""The words of a licence's text, as SPDX compares them (specification 2.3, annex B): case, white space, punctuation, bullets, notices of
copyright and ways of spelling do not count."""

from __future__ import annotations

from operator import xor
from zlib import crc32

_BYTES = bytes(c if chr(c).isalnum() and c < 128 else 32 for c in range(256)).lower()
_BYTES = _BYTES[:10] + b"\n" + _BYTES[11:]
_SPELLINGS = {
    b"acknowledgement": b"acknowledgment", b"analogue": b"analog", b"analyse": b"analyze", b"artefact": b"artifact",
    b"authorisation": b"authorization", b"authorised": b"authorized", b"calibre": b"caliber", b"cancelled": b"canceled",
    b"capitalisations": b"capitalizations", b"catalogue": b"catalog", b"categorise": b"categorize", b"centre": b"center",
    b"emphasised": b"emphasized", b"favour": b"favor", b"favourite": b"favorite", b"fulfil": b"fulfill", b"fulfilment": b"fulfillment",
    b"http": b"https", b"initialise": b"initialize", b"judgement": b"judgment", b"labelling": b"labeling", b"labour": b"labor",
    b"licence": b"license", b"licences": b"licenses", b"licenced": b"licensed", b"maximise": b"maximize",
    b"modelled": b"modeled", b"modelling": b"modeling", b"offence": b"offense", b"optimise": b"optimize",
    b"organisation": b"organization", b"organise": b"organize", b"practise": b"practice", b"programme": b"program",
    b"realise": b"realize", b"recognise": b"recognize", b"signalling": b"signaling", b"utilisation": b"utilization",
    b"whilst": b"while", b"wilful": b"wilfull",
}  # fmt: skip
"""Spellings that mean the same (annex B, 7)."""

_BITS = (1 << 30) - 1  # what Python computes with in one step
_FACTORS = (1, 0x1E3779B1, 0x05EBCA6B)
_STARTS = (b"c", b"year", b"yyyy", b"by")
_OFTEN_UNCOUNTED = frozenset((b"copyright", b"portions", b"c", b"all", *(b"%d" % digit for digit in range(10))))
"""What lines begin with of which something may not count: all others are as they are."""

_MOST_WORDS_KEPT = 20_000

Lines = list[list[bytes]]


def numbers_of(words: list[bytes]) -> list[int]:
    """A number of 30 bits for each three words that follow one another."""
    if len(_NUMBERS) > _MOST_WORDS_KEPT:
        _NUMBERS.clear()
    first, second, third = zip(*map(_NUMBERS.__getitem__, words), strict=True) if words else ((), (), ())
    return list(map(xor, map(xor, first, second[1:]), third[2:]))


def words_of(text: bytes) -> Lines:
    """The words of each line: lower-case letters and digits, without what does not count."""
    lines = map(bytes.split, text.translate(_BYTES).split(b"\n"))
    return [_strip_uncounted_words(words) if words and words[0] in _OFTEN_UNCOUNTED else words for words in lines]


def _strip_uncounted_words(words: list[bytes]) -> list[bytes]:
    if not words:
        return words
    first = words[0]
    if len(first) == 1 and first.isdigit():  # the number of an item
        return _strip_uncounted_words(words[1:])
    if first in (b"copyright", b"portions", b"c") and _is_notice(words):
        return []
    if first == b"all" and words == [b"all", b"rights", b"reserved"]:
        return []
    return words


def _is_notice(words: list[bytes]) -> bool:
    """Whether a line that begins like one is a notice of copyright, and not one of a licence's own lines."""
    rest = words[1:]
    if words[0] == b"portions" and rest[:1] == [b"copyright"]:
        rest = rest[1:]
    return bool(rest) and (rest[0] in _STARTS or rest[0][:1].isdigit())


class _Numbers(dict[bytes, tuple[int, ...]]):
    """The numbers of each word as the first, second and third of three; words that are only spelled differently have the same."""

    def __missing__(self, word: bytes) -> tuple[int, ...]:
        number = crc32(_SPELLINGS.get(word, word))
        numbers = self[word] = tuple(number * factor & _BITS for factor in _FACTORS)
        return numbers


_NUMBERS = _Numbers()
