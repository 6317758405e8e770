"""Where the words stand that names of secrets are made of, and the programs that are given passwords: one pass for all of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

import msgspec

from hullmark.facets.secrets.keywords import Keyword, Keywords, keywords

ROOTS = (b"pass", b"pw", b"secret", b"token", b"cred", b"key", b"auth", b"psk")
_ANY_ROOT = re.compile(b"|".join(ROOTS))
_SMALL = 4096
_SHORT = 5
"""Names of programs up to so many letters stand in many words: in larger texts a blank must follow them."""

IN_CODE = rb"\\{0,3}[\"'`]?[\])]{0,2}[ \t]{0,8}(?:=>|:=|=|:|,)[ \t]{0,8}[bBrRuUfF$@]{0,2}\\{0,3}[\"'`\[]"
"""What follows a name in code that is given a value."""


class Words(msgspec.Struct, frozen=True):
    """Where roots of names begin and end, sorted and apart, and where programs begin, by their literals."""

    roots: Sequence[tuple[int, int]]
    programs: dict[bytes, list[int]]


def words_in(body: bytes, programs: tuple[bytes, ...], *, is_code: bool = False) -> Words:
    """All of them; in code only those that may be given a value. `programs` are written in small letters and found in such only."""
    if len(body) > _SMALL:
        meetings, is_cut = _pass(programs, is_code=is_code).meetings(body)
        if not is_cut:
            return _sorted_out(meetings, programs)
    lower = body.lower()
    roots = [found.span() for found in _ANY_ROOT.finditer(lower)] if any(root in lower for root in ROOTS) else []
    return Words(roots, {literal: list(_places(literal, body)) for literal in programs if literal in body})


@cache
def _pass(programs: tuple[bytes, ...], *, is_code: bool) -> Keywords:
    tail = rb"[A-Za-z0-9_.-]{0,40}" + IN_CODE if is_code else b""
    wanted = (Keyword(literal + b" " if len(literal) <= _SHORT else literal) for literal in programs)
    return keywords([*(Keyword(root, any_case=True, tail=tail) for root in ROOTS), *wanted])


def _sorted_out(meetings: Sequence[tuple[int, int]], programs: tuple[bytes, ...]) -> Words:
    roots: list[tuple[int, int]] = []
    found: dict[bytes, list[int]] = {}
    for index, end in meetings:
        if index < len(ROOTS):
            roots.append((end - len(ROOTS[index]), end))
        else:
            literal = programs[index - len(ROOTS)]
            found.setdefault(literal, []).append(end - len(literal) - (len(literal) <= _SHORT))
    return Words(sorted(roots), found)


def _places(literal: bytes, body: bytes) -> Iterator[int]:
    at = body.find(literal)
    while at >= 0:
        yield at
        at = body.find(literal, at + 1)
