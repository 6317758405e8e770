"""R package versions: numbers separated by `.` or `-` (R's numeric_version). If two begin alike, the longer is newer."""

from __future__ import annotations

import re

from hullmark.versions.deb import number_key
from hullmark.versions.scheme import InvalidVersion, Scheme, number, sign

_VERSION = re.compile(r"[0-9]+(?:[.-][0-9]+)*").fullmatch
_NUMBERS = re.compile(r"[0-9]+").findall

_MORE, _END = b"\x01", b"\x00"


def compare(a: str, b: str) -> int:
    """-1, 0 or 1. Refuses what R refuses."""
    numbers_a, numbers_b = _numbers(a), _numbers(b)
    return sign(numbers_a < numbers_b, numbers_a == numbers_b)


def key(version: str) -> bytes:
    """Bytes that sort as `compare` orders, and are equal where it says 0."""
    return b"".join(_MORE + number_key(digits) for _, digits in _numbers(version)) + _END


def _numbers(version: str) -> list[tuple[int, str]]:
    text = version.strip()
    if not _VERSION(text):
        raise InvalidVersion(f"{version!r} is not an R package version")
    return [number(digits) for digits in _NUMBERS(text)]


SCHEME = Scheme(name="cran", compare=compare, types=("cran",), key=key)
