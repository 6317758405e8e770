"""Whether a version lies in a range of an advisory, compared by its scheme."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from hullmark.model.advisory import Range
from hullmark.versions import generic, rpm, scheme_named
from hullmark.versions.scheme import InvalidVersion

Order = Callable[[str, str], int]


@lru_cache(maxsize=1 << 16)
def is_version(version: str, scheme_name: str) -> bool:
    """Whether the scheme can compare this version with the bounds of ranges."""
    scheme = scheme_named(scheme_name) or generic.SCHEME
    try:
        (scheme.against_bound or scheme.compare)(version, version)
    except InvalidVersion:
        return False
    return True


def contains(span: Range, version: str, scheme_name: str, *, is_bare: bool = False) -> bool:
    """Whether the version is in the range. `is_bare`: an rpm version whose epoch is not known; then the epochs of bounds do not
    count.

    A version or bound that the scheme refuses is compared by `generic`; False if that refuses it too.
    """
    scheme = scheme_named(scheme_name) or generic.SCHEME
    order = _compare_bare if is_bare else scheme.against_bound or scheme.compare
    if scheme is rpm.SCHEME and not is_bare:
        order = rpm.compare  # advisories and the rpm database both write epochs: a missing one is 0
    try:
        return _is_within(span, version, order)
    except InvalidVersion:
        try:
            return _is_within(span, version, generic.SCHEME.compare)
        except InvalidVersion:
            return False


def _compare_bare(a: str, b: str) -> int:
    return rpm.compare(rpm.without_epoch(a), rpm.without_epoch(b))


def _is_within(span: Range, version: str, order: Order) -> bool:
    if span.low and span.low == span.high:
        return not span.low_open and not span.high_open and order(version, span.low) == 0
    if span.low and order(version, span.low) < (1 if span.low_open else 0):
        return False
    return not (span.high and order(version, span.high) > (-1 if span.high_open else 0))
