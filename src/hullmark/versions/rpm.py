"""RPM versions: `[epoch:]version[-release]`, as rpm-version(7) orders them and rpm's own comparison does."""

from __future__ import annotations

import re
from itertools import zip_longest

from hullmark.versions.deb import number_key
from hullmark.versions.scheme import InvalidVersion, Scheme, number, sign

_SEGMENTS = re.compile(r"[0-9]+|[A-Za-z]+|[~^]")
_EPOCH = re.compile(r"([0-9]*):")

# The bytes of a key, in the order of the ranks below. `_LETTERS_END` sorts before any letter.
_TILDE_KEY, _END_KEY, _CARET_KEY, _LETTERS_KEY, _NUMBER_KEY = b"\x01", b"\x02", b"\x03", b"\x04", b"\x05"
_LETTERS_END = b"\x00"
_MARKS = {"~": _TILDE_KEY, "^": _CARET_KEY}
_NO_RELEASE, _RELEASE = b"\x00", b"\x01"


def compare(a: str, b: str) -> int:
    """-1, 0 or 1. A missing epoch counts as 0; a version without a release sorts before the same with one."""
    (epoch_a, version_a, release_a), (epoch_b, version_b, release_b) = _split(a), _split(b)
    if epoch_a != epoch_b:
        return sign(epoch_a < epoch_b, False)
    order = _compare_part(version_a, version_b)
    if order or release_a == release_b:
        return order
    if release_a is None or release_b is None:
        return sign(release_a is None, False)
    return _compare_part(release_a, release_b)


def against_bound(version: str, bound: str) -> int:
    """Compare with a bound of a range: epochs count only if both have one, `.0` at the end of a release never.

    Names of source packages and the people who write ranges leave epochs out, and write `1.el8` for `1.el8.0`.
    """
    if bool(_EPOCH.match(version)) != bool(_EPOCH.match(bound)):
        version, bound = without_epoch(version), without_epoch(bound)
    return compare(_without_zeros(version), _without_zeros(bound))


def key(version: str) -> bytes:
    """Bytes that sort as `compare` orders, and are equal where it says 0: the epoch first, 0 if there is none.

    To ignore epochs, use the key of `without_epoch`.
    """
    epoch, head, release = _split(version)
    tail = _NO_RELEASE if release is None else _RELEASE + _part_key(release)
    return number_key(epoch[1]) + _part_key(head) + tail


def without_epoch(version: str) -> str:
    """The version without its epoch, if it has one."""
    epoch = _EPOCH.match(version)
    return version[epoch.end() :] if epoch else version


def _without_zeros(version: str) -> str:
    """Without any `.0` at the end of the release. The dash before it ends the search."""
    end = start = len(version) if "-" in version else 0
    while start and version[start - 1] in "0.":
        start -= 1
        if version[start] == "." and end - start > 1:
            end = start
        elif version[start] == ".":
            break
    return version[:end] if end else version


def _split(version: str) -> tuple[tuple[int, str], str, str | None]:
    if not version:
        raise InvalidVersion("an empty text is not an RPM version")
    epoch = _EPOCH.match(version)
    rest = version[epoch.end() :] if epoch else version
    head, dash, release = rest.rpartition("-")
    return number(epoch[1] if epoch else ""), head if dash else rest, release if dash else None


def _part_key(part: str) -> bytes:
    return b"".join(map(_segment_key, _SEGMENTS.findall(part))) + _END_KEY


def _segment_key(segment: str) -> bytes:
    if segment.isdigit():
        return _NUMBER_KEY + number_key(segment)
    if segment in _MARKS:
        return _MARKS[segment]
    return _LETTERS_KEY + segment.encode("ascii") + _LETTERS_END


def _compare_part(a: str, b: str) -> int:
    """Compare two versions, or two releases, segment by segment. Characters other than letters, digits, `~` and `^` only
    separate."""
    for x, y in zip_longest(_SEGMENTS.findall(a), _SEGMENTS.findall(b), fillvalue=""):
        order = _compare_segment(x, y)
        if order:
            return order
    return 0


def _compare_segment(x: str, y: str) -> int:
    """`~` sorts before everything, the end next, `^` after the end and before any other segment, letters before numbers."""
    ranks = _rank(x), _rank(y)
    if ranks[0] != ranks[1]:
        return sign(ranks[0] < ranks[1], False)
    if ranks[0] == _NUMBER:
        return sign(number(x) < number(y), number(x) == number(y))
    return sign(x < y, x == y)


_TILDE, _END, _CARET, _LETTERS, _NUMBER = range(5)


def _rank(segment: str) -> int:
    if not segment:
        return _END
    if segment.isdigit():
        return _NUMBER
    return {"~": _TILDE, "^": _CARET}.get(segment, _LETTERS)


SCHEME = Scheme(name="rpm", compare=compare, types=("rpm",), against_bound=against_bound, key=key)
