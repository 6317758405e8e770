"""What is written so that no keyword stands in it: text of two bytes a letter, and base64. Signs of it are keywords too."""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hullmark.facets.secrets.keywords import Keyword, Meeting
from hullmark.facets.secrets.kind import Kind
from hullmark.model.limit import Limit

MAX_TEXTS = Limit(5000, "pieces of base64 or of UTF-16 in a file that are searched for secrets")
MAX_DEPTH = Limit(3, "codings in each other that are searched for secrets")

_ALL = (b"kind: secret", b'"kind":"secret"', b'"kind": "secret"')
"""Where one of these stands, every text of base64 is looked into."""

_NEAR_THESE = (b"b64decode", b"base64 -d", b"base64 --decode")
"""What stands near one of these is looked into."""

_NEAR, _LONGEST = 2000, 4 << 20

_USUAL = (b"password", b"secret_key", b"access_key", b"api_key", b"apikey", b"private_key", b"authorization")
"""Of words in any case, those that are looked for in base64; each takes six forms."""

_GZIP = (b"H4sIA", b"H4sIC", b"SDRzSU")
"""Compressed data in base64, and in base64 twice."""

_TOKENS = tuple(b64encode(b64encode(head).rstrip(b"=")[:9]) for head in (b'{"alg":"', b'{"typ":"', b'{"kid":"'))
"""Web tokens in base64 once more: how their header begins with either of its usual names."""

_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}(?:\r?\n[ \t]{0,40}[A-Za-z0-9+/]{4,})*={0,2}")
_WIDE = re.compile(rb"(?:[\t\n\r -~]\0){6,20000}[\t\n\r -~]?")
_TEXT = re.compile(rb"[ -~]+").fullmatch
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_SHORTEST_WIDE, _SHORTEST_BASE64 = 5, 6


class Text(NamedTuple):
    """A text that was hidden in a body, and where it begins there. A letter of it has `width` bytes there; 0: it stands at one place."""

    start: int
    width: int
    content: bytes


class Signs:
    """The signs that something is hidden: the keywords of kinds as they look then."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        words = sorted({(word, kind.any_case) for kind in kinds for word in kind.keywords if _TEXT(word)})
        wide = [
            Keyword(b"\0".join(bytes((byte,)) for byte in word), any_case)
            for word, any_case in words
            if len(word) >= _SHORTEST_WIDE and b"\0" not in word
        ]
        told = [(word, any_case) for word, any_case in words if not any_case or word in _USUAL]
        coded = sorted(
            {form for word, any_case in told for form in _list_base64_forms(word, any_case)} | set(_GZIP) | set(_TOKENS)
        )
        words_for_all = (Keyword(word, any_case=True) for word in (*_NEAR_THESE, *_ALL))
        self.keywords = (*wide, *(Keyword(form) for form in coded), *words_for_all)
        self._wide = len(wide)
        self._near = len(wide) + len(coded)
        self._all = self._near + len(_NEAR_THESE)

    def texts(self, body: bytes, met: Sequence[Meeting]) -> Iterator[Text]:
        """What is hidden where signs were met, in each coding in the order in which it begins."""
        wide = [end for index, end in met if index < self._wide]
        yield from _wide(body, wide)
        if any(index >= self._all for index, _ in met):
            yield from _find_base64_texts(body, [(0, len(body))])
            return
        spans = [
            (end - 1, end) if index < self._near else (end - _NEAR, end + _NEAR)
            for index, end in met
            if index >= self._wide
        ]
        yield from _find_base64_texts(body, spans)


def _wide(body: bytes, ends: Sequence[int]) -> Iterator[Text]:
    """The texts of two bytes a letter that words with these ends lie in."""
    last = 0
    for end in ends:
        if end <= last:
            continue
        for found in _WIDE.finditer(body, max(last, end - _NEAR)):
            if found.end() >= end:
                last = found.end()
                yield Text(found.start(), 2, found[0][::2])
                break


def _list_base64_forms(word: bytes, any_case: bool) -> Iterator[bytes]:
    """A word in base64, as it looks wherever it stands in the three bytes that go together."""
    if len(word) < _SHORTEST_BASE64:
        return
    for form in {word, word.upper()} if any_case else {word}:
        for before in range(3):
            whole = b64encode(bytes(before) + form)
            yield whole[(before * 8 + 5) // 6 : (before + len(form)) * 8 // 6]


def _find_base64_texts(body: bytes, spans: Sequence[tuple[int, int]]) -> Iterator[Text]:
    """The texts of base64 in a body that these parts of it touch; the parts are sorted by their ends."""
    last = 0
    for start, stop in spans:
        at = last
        while at < stop:
            found = _BASE64.search(body, at, stop + _LONGEST)
            if found is None or found.start() >= stop:
                break
            at = last = found.end()
            # What begins with the body may be the rest of a text that a large file's pieces part, wherever in four letters.
            for cut in range(1 if found.start() else 4) if found.end() > start else ():
                yield Text(found.start(), 0, _plain(found[0][cut:]))


def _plain(coded: bytes) -> bytes:
    """The bytes that a text of letters in base64 encodes, in either alphabet."""
    digits = b"".join(coded.translate(_URL_SAFE).split()).rstrip(b"=")
    return a2b_base64(digits[: len(digits) - (len(digits) % 4 == 1)] + b"=" * (-len(digits) % 4 % 3))
