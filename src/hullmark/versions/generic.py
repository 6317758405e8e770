"""Versions of unknown make: numbers and words, compared one after the other.

The limit of this scheme: it knows no ecosystem's own rules. Words that usually name a version before the release (`rc`, `beta`
…) sort before it, all other words after it, zeros at the end do not count, and separators only separate.
"""

from __future__ import annotations

import re
from itertools import zip_longest

from hullmark.versions.scheme import InvalidVersion, Scheme, number, sign

_TOKENS = re.compile(r"[0-9]+|[A-Za-z]+|~")

_BEFORE_RELEASE = ("~", "dev", "snapshot", "alpha", "beta", "milestone", "pre", "preview", "rc", "cr")

Token = tuple[int, tuple[int, str], str]
_END: Token = (0, (0, ""), "")


def compare(a: str, b: str) -> int:
    """-1, 0 or 1. Letters' case and a leading `v` do not count. Refuses texts without letters and digits."""
    for x, y in zip_longest(_tokens(a), _tokens(b), fillvalue=_END):
        if x != y:
            return sign(x < y, False)
    return 0


def _tokens(version: str) -> list[Token]:
    words = _TOKENS.findall(version.lower())
    if words[:1] == ["v"]:
        del words[0]
    if not words:
        raise InvalidVersion(f"{version!r} is not a version")
    return [_token(word) for word in words]


def _token(word: str) -> Token:
    if word.isdigit():
        value = number(word)
        return (2, value, "") if value[0] else _END
    if word in _BEFORE_RELEASE:
        return (-1, (_BEFORE_RELEASE.index(word), ""), word)
    return (1, (0, ""), word)


SCHEME = Scheme(name="generic", compare=compare, types=("generic",))
