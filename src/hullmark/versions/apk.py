"""Alpine versions: `1.2.3[letter][_suffix[n]]…[~commit][-rN]` (apk-package(5)), ordered as `apk version -t` does.

Of two versions that begin alike, the one that goes on is newer, unless it goes on with `_alpha`, `_beta`, `_pre` or
`_rc`. A part after a dot that begins with 0 is compared as text. Like apk, this scheme orders by what it understands:
a rest that is not a version sorts before the end. A leading `v`, numbers after the letter (`5.7.1p1`) and missing ones
(`1-r`) are taken too.
"""

from __future__ import annotations

import re

from hullmark.versions.deb import number_key
from hullmark.versions.scheme import InvalidVersion, Scheme, number, sign

_VERSION = re.compile(
    r"""[vV]?(?P<first>[0-9]+)
    (?P<parts>(?:\.[0-9]*|[a-z][0-9]+)*[a-z]?)
    (?P<suffixes>(?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)(?![a-z])[0-9]*)*)
    (?:~(?P<commit>[0-9a-fA-F]+))?
    (?P<revision>-r[0-9]*)?""",
    re.VERBOSE,
).match
_PARTS = re.compile(r"[a-z]|[0-9]+|\.(?![0-9])")
_SUFFIXES = re.compile(r"_([a-z]+)([0-9]*)")

# What a version may go on with, lowest first.
(_PRE_RELEASE, _REST, _END, _REVISION, _COMMIT, _SUFFIX_NUMBER, _POST_RELEASE, _LETTER, _PADDED, _NUMBER) = range(10)
_SUFFIX = {
    **dict.fromkeys(("alpha", "beta", "pre", "rc"), _PRE_RELEASE),
    **dict.fromkeys(("cvs", "svn", "git", "hg", "p"), _POST_RELEASE),
}
_SUFFIX_PLACE = {suffix: place for place, suffix in enumerate(_SUFFIX)}

Token = tuple[int, tuple[int, str]]


def compare(a: str, b: str) -> int:
    """-1, 0 or 1. Refuses what does not begin with a number, and white space."""
    tokens_a, tokens_b = _tokens(a), _tokens(b)
    return sign(tokens_a < tokens_b, tokens_a == tokens_b)


def key(version: str) -> bytes:
    """Bytes that sort as `compare` orders, and are equal where it says 0."""
    return b"".join(map(_token_key, _tokens(version)))


def _tokens(version: str) -> list[Token]:
    """A version as tokens, which sort by rank, then by value. Only the last is its end, or a rest."""
    text = version.strip()
    found = _VERSION(text)
    if found is None or len(text.split()) != 1:
        raise InvalidVersion(f"{version!r} is not an Alpine version")
    first, parts, suffixes, commit, revision = found.groups()
    tokens: list[Token] = [(_NUMBER, number(first))]
    tokens += map(_part, _PARTS.findall(parts))
    if suffixes:
        tokens += _suffixes(suffixes)
    if commit:
        tokens.append((_COMMIT, (0, commit)))
    if revision:
        tokens.append((_REVISION, number(revision[2:])))
    tokens.append((_END if found.end() == len(text) else _REST, (0, "")))
    return tokens


def _part(text: str) -> Token:
    if "a" <= text <= "z":
        return _LETTER, (0, text)
    if text == ".":
        return _PADDED, (0, "0")
    return (_PADDED, (0, text)) if text[0] == "0" else (_NUMBER, number(text))


def _suffixes(suffixes: str) -> list[Token]:
    tokens: list[Token] = []
    for name, digits in _SUFFIXES.findall(suffixes):
        tokens.append((_SUFFIX[name], (_SUFFIX_PLACE[name], "")))
        if digits:
            tokens.append((_SUFFIX_NUMBER, number(digits)))
    return tokens


def _token_key(token: Token) -> bytes:
    rank, (size, text) = token
    if rank in (_NUMBER, _SUFFIX_NUMBER, _REVISION):
        return bytes((rank,)) + number_key(text)
    if rank in (_PADDED, _COMMIT):
        return bytes((rank,)) + text.encode("ascii") + b"\x00"
    return bytes((rank, size)) + text.encode("ascii")


SCHEME = Scheme(name="apk", compare=compare, types=("apk",), key=key)
