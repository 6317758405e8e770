"""Arch Linux versions: `[epoch:]pkgver[-pkgrel]`, ordered as vercmp(8) does, except for two things.

To vercmp a version without a pkgrel equals the same with any; as no order can be made of that, only bounds of ranges
are read so, and `compare` and `key` sort it before them. And letters right behind the end of the other version
(`1.0alpha`, `1.0`) make a version newer, as rpm has it, where vercmp takes them for a pre-release: the comparisons
published for scanners ask for it. Separators at the end of a part, which vercmp orders in a circle, do not count.
"""

from __future__ import annotations

import re

from hullmark.versions.deb import number_key
from hullmark.versions.scheme import InvalidVersion, Scheme, number, sign

_VERSION = re.compile(r"(?:([0-9]*):)?(\S*?)(?:-([^\s-]*))?").fullmatch
_SEGMENTS = re.compile(r"([^0-9A-Za-z]*)([0-9]+|[A-Za-z]+|\Z)")

_LETTERS, _NUMBER = b"\x01", b"\x02"
_PART_END = b"\x00"
_NO_RELEASE, _RELEASE = b"\x00", b"\x01"

# How many separators, whether a number, and the number or the letters.
Segment = tuple[int, bool, tuple[int, str]]
Version = tuple[tuple[int, str], list[Segment], list[Segment] | None]


def compare(a: str, b: str) -> int:
    """-1, 0 or 1. A missing epoch counts as 0; a version without a pkgrel sorts before the same with one."""
    (epoch_a, version_a, release_a), (epoch_b, version_b, release_b) = _split(a), _split(b)
    if (epoch_a, version_a) != (epoch_b, version_b):
        return sign((epoch_a, version_a) < (epoch_b, version_b), False)
    if release_a is None or release_b is None:
        return sign(release_a is None, release_a == release_b)
    return sign(release_a < release_b, release_a == release_b)


def against_bound(version: str, bound: str) -> int:
    """Compare with a bound of a range: the pkgrel counts only if both have one."""
    parsed, limit = _split(version), _split(bound)
    if parsed[2] is not None and limit[2] is not None:
        return compare(version, bound)
    return sign(parsed[:2] < limit[:2], parsed[:2] == limit[:2])


def key(version: str) -> bytes:
    """Bytes that sort as `compare` orders, and are equal where it says 0."""
    epoch, segments, release = _split(version)
    tail = _NO_RELEASE if release is None else _RELEASE + _part_key(release)
    return number_key(epoch[1]) + _part_key(segments) + tail


def _split(version: str) -> Version:
    found = _VERSION(version.strip())
    segments = _segments(found[2]) if found else []
    if found is None or not segments:
        raise InvalidVersion(f"{version!r} is not an Arch Linux version")
    return number(found[1] or ""), segments, None if found[3] is None else _segments(found[3])


def _segments(part: str) -> list[Segment]:
    return [
        (len(separators), True, number(text)) if text.isdigit() else (len(separators), False, (0, text))
        for separators, text in _SEGMENTS.findall(part)
        if text
    ]


def _part_key(segments: list[Segment]) -> bytes:
    """The end of a part sorts before anything it may go on with: the count of separators is written one higher."""
    return b"".join(map(_segment_key, segments)) + _PART_END


def _segment_key(segment: Segment) -> bytes:
    separators, is_number, (_, text) = segment
    head = number_key(str(separators + 1))
    return head + _NUMBER + number_key(text) if is_number else head + _LETTERS + text.encode("ascii") + _PART_END


SCHEME = Scheme(
    name="alpm", compare=compare, types=("alpm",), aliases=("pacman",), against_bound=against_bound, key=key
)
