"""Versions of Java runtimes: JEP 223 (`17.0.9+9`, `21-ea`), and the older forms (`1.8.0_275-b01`, `8u275`) read as JEP 223 has them.

`1.8.0_275` is `8.0.275`. Build numbers and what vendors add do not count; an early access build sorts before its release.
"""

from __future__ import annotations

import re

from hullmark.versions import generic
from hullmark.versions.condition import Condition
from hullmark.versions.scheme import InvalidVersion, Scheme, number, sign

_VERSION = re.compile(
    r"(?:(?:openjdk|jdk|jre|java)[-_]?|v)?"
    r"(?P<numbers>[0-9]+(?:\.[0-9]+)*)"
    r"(?:(?:u|_|[-_]update_?)(?P<update>[0-9]+)|-(?P<dashed>[0-9]+)(?=-|\Z))?"
    r"(?P<rest>(?:[-+~][!-~]*)?)",
    re.IGNORECASE | re.ASCII,
).fullmatch
_BUILD = re.compile(r"b[0-9]+", re.ASCII).fullmatch
_IDENTIFIER = re.compile(r"[a-z][0-9a-z.]*", re.ASCII).fullmatch
_NO_PRE_RELEASE = frozenset({"lts", "ga", "fcs", "release", "post"})

Number = tuple[int, str]
Identifier = tuple[int, Number, str]
_ZERO = (0, "")


def compare(a: str, b: str) -> int:
    """-1, 0 or 1. Missing numbers are zeros. Refuses what does not begin with numbers."""
    x, y = _parse_version(a), _parse_version(b)
    return sign(x < y, x == y)


def key(version: str) -> bytes:
    """Bytes that sort as the versions do. Raises InvalidVersion where `compare` does."""
    numbers, is_release, pre = _parse_version(version)
    pieces = [
        generic.padded_key((1 if part[0] else 0, generic.number_key(part)) for part in numbers),
        bytes((is_release,)),
    ]
    for kind, value, word in pre:
        pieces.append(bytes((1 + kind,)) + (generic.word_key(word) if kind else generic.number_key(value)))
    return b"".join((*pieces, b"\x00"))


def ranges(text: str) -> Condition:
    """Read `>= 1.8.0_131, < 9 || 11.0.2`. Raises ValueError saying what was not understood."""
    return generic.operator_ranges(text, _parse_version)


def _parse_version(version: str) -> tuple[list[Number], bool, list[Identifier]]:
    """The numbers without zeros at the end, whether it is a release, and the identifiers of the pre-release otherwise."""
    found = _VERSION(version.strip())
    if found is None:
        raise InvalidVersion(f"{version[:60]!r} is not a Java version")
    numbers = [number(part) for part in found["numbers"].split(".")]
    is_old = len(numbers) > 1 and numbers[0] == (1, "1")
    if is_old:
        del numbers[0]
    update = found["update"] or (found["dashed"] if is_old else None)
    if update:
        numbers += [_ZERO] * (2 - len(numbers))
        numbers.append(number(update))
    while numbers and numbers[-1] == _ZERO:
        numbers.pop()
    pre = _pre_release(found["rest"].lower())
    return numbers, not pre, pre


def _pre_release(rest: str) -> list[Identifier]:
    """JEP 223's `-PRE`; the build number, and what some vendors put in its place, does not count."""
    word = rest.partition("+")[0].removeprefix("-").partition("-")[0]
    if not _IDENTIFIER(word) or _BUILD(word) or word in _NO_PRE_RELEASE:
        return []
    return [(0, number(part), "") if part.isdigit() else (1, _ZERO, part) for part in word.split(".")]


SCHEME = Scheme(name="jvm", compare=compare, aliases=("java-jdk", "java-jre", "jdk", "jre"), key=key, ranges=ranges)
