"""Versions of unknown make: numbers and words, compared one after the other.

The limit of this scheme: it knows no ecosystem's own rules. Words that usually name a version before the release (`rc`, `beta`
…, and a lone `a` or `b` after a hyphen) sort before it, all other words after it, zeros at the end do not count, and separators
only separate.

Here are also the parts that several schemes share: keys of numbers and of sequences that end in zeros, and lists of operators and
versions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import zip_longest

from hullmark.model.late import late
from hullmark.versions.condition import MAX_CONDITION, Bound, Condition
from hullmark.versions.scheme import InvalidVersion, Scheme, number, sign

_TOKENS = late(r"[0-9]+|-[ab](?![0-9a-z])|[a-z]+|~")
_BEFORE_RELEASE = {
    "~": 0,
    "dev": 1,
    "snapshot": 2,
    "alpha": 3,
    "-a": 3,
    "beta": 4,
    "-b": 4,
    "milestone": 5,
    "pre": 6,
    "preview": 7,
    "rc": 8,
    "cr": 9,
}

# What a part of a version sorts by: its rank against zero, a number, a word.
Token = tuple[int, tuple[int, str], str]
_NO_NUMBER = (0, "")
_END: Token = (0, _NO_NUMBER, "")

_ITEM = late(
    r"""\s*(?P<operator>===|==|!=|<=|>=|~=|~>|=|<|>)?
    \s*(?P<quote>['"]?)(?P<version>[^\s,<>=!|'"()\[\]~^](?:[^\s,<>=!|'"()\[\]]|!(?!=))*)(?P=quote)
    \s*(?:,\s*(?=\S))?""",
    re.VERBOSE,
)
_INVERTED = bytes(range(255, -1, -1))
_PLAIN = frozenset({"=", "==", "!=", "<", "<=", ">", ">="})


def compare(a: str, b: str) -> int:
    """-1, 0 or 1. Letters' case and a leading `v` do not count. Refuses texts without letters and digits."""
    for x, y in zip_longest(_tokens(a), _tokens(b), fillvalue=_END):
        if x != y:
            return sign(x < y, False)
    return 0


def key(version: str) -> bytes:
    """Bytes that sort as the versions do. Raises InvalidVersion where `compare` does."""
    return padded_key(map(_token_key, _tokens(version)))


def ranges(text: str) -> Condition:
    """Read `>= 1.2, < 2 || '3.1'`; raises ValueError saying what was not understood."""
    return operator_ranges(text, _tokens)


def _tokens(version: str) -> list[Token]:
    words = _TOKENS.findall(version.lower())
    if words[:1] == ["v"]:
        del words[0]
    if not words:
        raise InvalidVersion(f"{version[:60]!r} is not a version")
    return [_token(word) for word in words]


def _token(word: str) -> Token:
    if word.isdigit():
        value = number(word)
        return (2, value, "") if value[0] else _END
    before = _BEFORE_RELEASE.get(word)
    return (1, _NO_NUMBER, word) if before is None else (-1, (before, ""), "")


def _token_key(token: Token) -> tuple[int, bytes]:
    rank, value, word = token
    if rank == 1:
        return rank, word_key(word)
    return rank, bytes((value[0],)) if rank < 0 else number_key(value)


def number_key(value: tuple[int, str]) -> bytes:
    """Bytes that sort as the numbers do that `number` gave; none is the beginning of another."""
    return _count_key(value[0]) + value[1].encode("ascii")


def word_key(word: str) -> bytes:
    """Bytes that sort as the words (without NUL) do; none is the beginning of another."""
    return word.encode("utf-8", "surrogatepass") + b"\0"


def padded_key(parts: Iterable[tuple[int, bytes]]) -> bytes:
    """Bytes that sort as sequences do that are compared as if zeros without end followed them.

    A part is a rank and bytes of which none is the beginning of another of that rank. Rank 0 is a zero; parts of lesser rank sort
    before a zero, those of greater rank after it. A run of zeros is counted, since only what follows it tells on which side of
    the mere end it belongs: before it if a lesser part follows (the longer the run, the later), else after it (the longer, the
    earlier).
    """
    pieces: list[bytes] = []
    zeros = 0
    for rank, value in parts:
        if rank == 0:
            zeros += 1
            continue
        run = _count_key(zeros)
        pieces += (b"\x01", run) if rank < 0 else (b"\x03", run.translate(_INVERTED))
        pieces += (bytes((128 + rank,)), value)
        zeros = 0
    return b"".join((*pieces, b"\x02"))


def _count_key(count: int) -> bytes:
    """Bytes that sort as the counts do, none the beginning of another: one byte for small ones, else their size comes first."""
    if count < 0xF8:
        return bytes((count,))
    size = (count.bit_length() + 7) // 8
    return bytes((0xF7 + size,)) + count.to_bytes(size, "big")


def operator_items(text: str) -> list[list[tuple[str, str]]]:
    """The operators and versions of a text, for each of its alternatives; an operator that is left out is `=`.

    Alternatives are separated by `||`, their items by commas or white space; quotes around a version do not count. An empty text
    is one alternative without items. Raises ValueError.
    """
    if len(text) > MAX_CONDITION:
        raise ValueError(f"a condition has at most {MAX_CONDITION} characters")
    if not text.strip():
        return [[]]
    return [_items(part) for part in text.split("||")]


def operator_ranges(text: str, check: Callable[[str], object]) -> Condition:
    """A condition of plain operators only. `check` raises InvalidVersion for an invalid version. Raises ValueError."""
    return Condition(text, tuple(tuple(plain_bound(*item, check) for item in items) for items in operator_items(text)))


def plain_bound(operator: str, version: str, check: Callable[[str], object]) -> Bound:
    """The bound of an operator that needs no translation; ValueError for any other, or for an invalid version."""
    if operator not in _PLAIN:
        raise ValueError(f"{operator!r} is not an operator of version conditions here")
    check(version)
    return Bound(operator, version)


def _items(part: str) -> list[tuple[str, str]]:
    items, at = [], 0
    while at < len(part):
        found = _ITEM.match(part, at)
        if found is None:
            break
        items.append((found["operator"] or "=", found["version"]))
        at = found.end()
    if not items or at < len(part):
        rest = part[at:].strip()[:40]
        raise ValueError(f"cannot read the version condition at {rest!r}; write it like '>= 1.2, < 2'")
    return items


SCHEME = Scheme(name="generic", compare=compare, types=("generic",), aliases=("fuzzy", "kb"), key=key, ranges=ranges)
