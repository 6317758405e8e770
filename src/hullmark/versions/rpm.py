"""RPM versions: `[epoch:]version[-release]`, as rpm-version(7) orders them and rpm's own comparison does."""

from __future__ import annotations

import re
from itertools import zip_longest

from hullmark.versions.scheme import InvalidVersion, Scheme, number, sign

_SEGMENTS = re.compile(r"[0-9]+|[A-Za-z]+|[~^]")
_EPOCH = re.compile(r"([0-9]*):")


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
    """Compare with a bound of a range: an epoch that only one of the two has does not count.

    Names of source packages and the people who write ranges leave epochs out.
    """
    epochs = _EPOCH.match(version), _EPOCH.match(bound)
    if epochs[0] and not epochs[1]:
        version = version[epochs[0].end() :]
    if epochs[1] and not epochs[0]:
        bound = bound[epochs[1].end() :]
    return compare(version, bound)


def _split(version: str) -> tuple[tuple[int, str], str, str | None]:
    if not version:
        raise InvalidVersion("an empty text is not an RPM version")
    epoch = _EPOCH.match(version)
    rest = version[epoch.end() :] if epoch else version
    head, dash, release = rest.rpartition("-")
    return number(epoch[1] if epoch else ""), head if dash else rest, release if dash else None


def _compare_part(a: str, b: str) -> int:
    """Compare two versions, or two releases, segment by segment. What is neither letter, digit, `~` nor `^` only separates."""
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


SCHEME = Scheme(name="rpm", compare=compare, types=("rpm",), against_bound=against_bound)
