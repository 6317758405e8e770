"""Gentoo versions: `1.2.3[letter][_suffix[n]]…[-rN]`, as the Package Manager Specification (3.2, 3.3) orders them.

A component after a dot that begins with 0 is compared as the digits after a decimal point (`1.01` before `1.1`).
`_alpha`, `_beta`, `_pre` and `_rc` sort before the version without them, `_p` after it.
"""

from __future__ import annotations

import re

from hullmark.versions.deb import number_key
from hullmark.versions.scheme import InvalidVersion, Scheme, number, sign

_VERSION = re.compile(
    r"""(?P<first>[0-9]+)
    (?P<components>(?:\.[0-9]+)*)
    (?P<letter>[a-z]?)
    (?P<suffixes>(?:_(?:alpha|beta|pre|rc|p)[0-9]*)*)
    (?:-r(?P<revision>[0-9]+))?""",
    re.VERBOSE,
).fullmatch
_SUFFIXES = re.compile(r"_([a-z]+)([0-9]*)")

_ALPHA, _BETA, _PRE, _RC, _NO_SUFFIX, _P = range(1, 7)
_SUFFIX = {"alpha": _ALPHA, "beta": _BETA, "pre": _PRE, "rc": _RC, "p": _P}

_PADDED, _NUMBER = 1, 2
_END = b"\x00"

Ranked = tuple[int, tuple[int, str]]
Version = tuple[list[Ranked], str, list[Ranked], tuple[int, str]]


def compare(a: str, b: str) -> int:
    """-1, 0 or 1. A missing revision counts as 0. Refuses what the specification calls no version."""
    version_a, version_b = _parse(a), _parse(b)
    return sign(version_a < version_b, version_a == version_b)


def key(version: str) -> bytes:
    """Bytes that sort as `compare` orders, and are equal where it says 0."""
    components, letter, suffixes, revision = _parse(version)
    parts = [*map(_component_key, components), _END, letter.encode("ascii") or _END]
    parts += [bytes((rank,)) + number_key(digits) for rank, (_, digits) in suffixes]
    return b"".join(parts) + number_key(revision[1])


def _parse(version: str) -> Version:
    """Tuples that sort as versions do; the suffixes end with the one that means none."""
    found = _VERSION(version.strip())
    if found is None:
        raise InvalidVersion(f"{version!r} is not a Gentoo version")
    components = [(_NUMBER, number(found["first"])), *map(_component, found["components"].split(".")[1:])]
    suffixes = [(_SUFFIX[name], number(digits)) for name, digits in _SUFFIXES.findall(found["suffixes"])]
    return components, found["letter"], [*suffixes, (_NO_SUFFIX, (0, ""))], number(found["revision"] or "")


def _component(digits: str) -> Ranked:
    """A component that begins with 0 is less than all others, and its trailing zeros do not count."""
    return (_PADDED, (0, digits.rstrip("0"))) if digits[0] == "0" else (_NUMBER, number(digits))


def _component_key(component: Ranked) -> bytes:
    rank, (_, digits) = component
    return bytes((rank,)) + (number_key(digits) if rank == _NUMBER else digits.encode("ascii") + _END)


SCHEME = Scheme(name="portage", compare=compare, types=("ebuild", "portage"), aliases=("gentoo",), key=key)
