"""Semantic versions (semver.org 2.0.0), read leniently, as package managers of several languages write them.

Any count of numbers is taken (missing ones are 0), a leading `v` too, and a pre-release may follow with `-`, `.` or nothing between
(`1.2.0.beta`, `1.20rc1`). Build metadata after `+` never counts.

The npm, cargo, hex, golang, nuget, pub and bitnami schemes are made from the parts of this one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from hullmark.versions.condition import MAX_CONDITION, Bound, Condition
from hullmark.versions.scheme import InvalidVersion, Scheme, number, sign

_NUMBERS = r"[0-9]+(?:\.[0-9]+)*"
_PRE = r"(?P<joint>-|\.?(?=[A-Za-z]))(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)"
_BUILD = r"(?:\+(?P<build>[^\s]*))?"
_VERSION = re.compile(rf"[vV]?(?P<release>{_NUMBERS})(?:{_PRE})?{_BUILD}").fullmatch
_DOTTED_WORD = re.compile(r"\.(?=alpha|beta|rc)")

Number = tuple[int, str]
Identifier = tuple[int, Number, str]
_ZERO: Number = (0, "")


class Order(NamedTuple):
    """A version in a form that sorts: numbers without zeros at the end, whether it is a release, pre-release identifiers."""

    release: list[Number]
    is_release: bool
    pre: list[Identifier]


def compare(a: str, b: str) -> int:
    """-1, 0 or 1."""
    x, y = order(a), order(b)
    return sign(x < y, x == y)


def key(version: str) -> bytes:
    """Bytes that sort as `compare` does."""
    return order_key(order(version))


def order(version: str) -> Order:
    """The parts that order a version; raises InvalidVersion."""
    return split(version)[0]


def split(version: str) -> tuple[Order, str]:
    """The same, and the build metadata as it stands there."""
    found = _VERSION(version.strip())
    if found is None:
        raise InvalidVersion(f"{version[:80]!r} is not a semantic version")
    release = [number(part) for part in found["release"].split(".")]
    while release and release[-1] == _ZERO:
        release.pop()
    pre = found["pre"]
    if found["joint"] == ".":
        # Such versions have dots for hyphens: 1.0.0.rc.alpha is 1.0.0-rc-alpha.
        pre = _DOTTED_WORD.sub("-", pre)
    return Order(release, pre is None, identifiers(pre) if pre else []), found["build"] or ""


def identifiers(text: str) -> list[Identifier]:
    """Dotted ASCII identifiers, ready to be compared. Numbers sort before words, as the specification wants it."""
    return [(0, number(part), "") if part.isdigit() else (1, _ZERO, part) for part in text.split(".")]


def order_key(value: Order) -> bytes:
    """Bytes that sort as orders do; no key is the beginning of another one, so that more may follow it."""
    release = b"".join(map(number_key, value.release))
    return release + b"\x01" if value.is_release else release + b"\x00" + identifiers_key(value.pre)


def identifiers_key(values: list[Identifier]) -> bytes:
    """Bytes that sort as lists of identifiers do, and that are not the beginning of another such key."""
    parts = [b"\x02" + word.encode() + b"\x00" if kind else b"\x01" + number_key(value) for kind, value, word in values]
    return b"".join(parts) + b"\x00"


def number_key(value: Number) -> bytes:
    """Bytes that sort as numbers do. The first is at least 2, so that less can mean the end of a list of them."""
    length, digits = value
    if length < 0xF0:
        return bytes((length + 2,)) + digits.encode()
    return b"\xff" + length.to_bytes(8, "big") + digits.encode()


# Ranges. Everything below is shared by the grammars of npm, cargo, hex and pub, which differ in little.

_COMPARATOR = re.compile(
    r"\s*(?P<operator><=|>=|==|!=|~>|[<>=~^])?\s*(?P<version>[^\s,<>=!~^|'\"]+)\s*(?:,\s*(?=\S))?"
).match
_HYPHEN = re.compile(r"\s*([^\s,<>=!~^|'\"]+)\s+-\s+([^\s,<>=!~^|'\"]+)\s*").fullmatch
# Everything after a wildcard is as open as the wildcard.
_AFTER_WILD = r"(?:\.(?:[0-9]+|[xX*]))*"
_PARTIAL = re.compile(
    rf"[vV]?(?:(?P<numbers>{_NUMBERS})(?:(?P<wild>\.[xX*]{_AFTER_WILD})(?:-[0-9A-Za-z.-]+)?|{_PRE})?{_BUILD}|[xX*]{_AFTER_WILD})"
).fullmatch
_LEAST = "-0"

NOTHING = (Bound("<", "0.0.0-0"),)


class Partial(NamedTuple):
    """A version of a range: the numbers that are given, whether wildcards follow, and the text of it as a version."""

    numbers: tuple[str, ...]
    is_wild: bool
    is_open: bool
    version: str


def partial(text: str) -> Partial:
    """Read a version of a range (`1`, `1.2.x`, `*`, `1.2.3-rc.1`); raises ValueError."""
    found = _PARTIAL(text)
    if found is None:
        raise unread(text)
    if found["numbers"] is None:
        return Partial((), True, True, "0.0.0")
    numbers, is_wild = tuple(found["numbers"].split(".")), found["wild"] is not None
    is_open = is_wild or (len(numbers) < 3 and found["pre"] is None)
    version = text.partition("+")[0].lstrip("vV")
    return Partial(numbers, is_wild, is_open, pad_numbers(numbers) if is_open else version)


def pad_numbers(numbers: tuple[str, ...]) -> str:
    """At least three numbers, as a version."""
    return ".".join((*numbers, *("0",) * (3 - len(numbers))))


def following(numbers: tuple[str, ...]) -> str:
    """The next version in which the last of these numbers is higher."""
    return pad_numbers((*numbers[:-1], str(int(numbers[-1]) + 1)))


def caret(given: Partial) -> tuple[Bound, ...]:
    """`^`: all that leaves the first number that is not 0 as it is."""
    if not given.numbers:
        return ()
    upto = next((at for at, part in enumerate(given.numbers, 1) if part.strip("0")), len(given.numbers))
    return (Bound(">=", given.version), Bound("<", following(given.numbers[:upto]) + _LEAST))


def tilde(given: Partial) -> tuple[Bound, ...]:
    """`~`: all that leaves the second number as it is, or the first where it stands alone."""
    if not given.numbers:
        return ()
    return (Bound(">=", given.version), Bound("<", following(given.numbers[:2]) + _LEAST))


def within(given: Partial) -> tuple[Bound, ...]:
    """The version itself, or all that begin with the numbers given where some are left open."""
    if not given.is_open:
        return (Bound("=", given.version),)
    if not given.numbers:
        return ()
    return (Bound(">=", given.version), Bound("<", following(given.numbers) + _LEAST))


def node_bounds(operator: str, given: Partial) -> tuple[Bound, ...]:
    """An operator and a version as node-semver desugars them: numbers that are left open may be any."""
    special = _SPECIAL.get(operator)
    if special is not None:
        return special(given)
    if not given.is_open or operator == "!=":
        return (Bound(operator, given.version),)
    if not given.numbers:
        return NOTHING if operator in ("<", ">") else ()
    return {
        ">": (Bound(">=", following(given.numbers)),),
        ">=": (Bound(">=", given.version),),
        "<": (Bound("<", given.version + _LEAST),),
        "<=": (Bound("<", following(given.numbers) + _LEAST),),
    }[operator]


_SPECIAL: dict[str, Callable[[Partial], tuple[Bound, ...]]] = {
    "^": caret,
    "~": tilde,
    "~>": tilde,
    "=": within,
    "==": within,
}


def hyphen(part: str) -> tuple[Bound, ...] | None:
    """The bounds of `1.2 - 2.3`; None for other ranges."""
    found = _HYPHEN(part)
    if found is None:
        return None
    return node_bounds(">=", partial(found[1])) + node_bounds("<=", partial(found[2]))


def comparators(part: str) -> Iterator[tuple[str, str]]:
    """The operators (or "") and versions of a list separated by commas or white space; raises ValueError."""
    at = 0
    while at < len(part):
        found = _COMPARATOR(part, at)
        if found is None:
            raise unread(part[at:])
        yield found["operator"] or "", found["version"]
        at = found.end()


def alternatives(text: str, parts: list[str], bounds: Callable[[str], tuple[Bound, ...]]) -> Condition:
    """A condition of alternatives, each read by `bounds`. Raises ValueError where that does, and for a text that is too long."""
    if len(text) > MAX_CONDITION:
        raise ValueError(f"a condition has at most {MAX_CONDITION} characters")
    return Condition(text, tuple(bounds(part.strip()) for part in parts))


def unread(text: str) -> ValueError:
    """The error for a text that is not a range."""
    return ValueError(f"cannot read the version condition at {text.strip()[:40]!r}")


def ranges(text: str) -> Condition:
    """Ranges like npm's (`^1.2`, `~1.2`, `1.2.x`, `1.2 - 1.4`, `>= 1, < 2 || 3.1`), in which a version with an operator, or alone,
    means exactly itself: `> 2` holds for 2.0.1, and `2` for 2.0.0 only. A bare `*` is refused.
    """
    if not text.strip():
        return alternatives(text, [text], lambda _: ())
    return alternatives(text, text.split("||"), _lenient)


def _lenient(part: str) -> tuple[Bound, ...]:
    between = hyphen(part)
    if between is not None:
        return between
    bounds: list[Bound] = []
    for operator, version in comparators(part):
        given = partial(version)
        if not given.numbers:
            raise unread(part)
        if given.is_wild or operator in ("^", "~", "~>"):
            bounds += node_bounds(operator or "=", given)
        else:
            bounds.append(Bound(operator or "=", given.version))
    if not bounds:
        raise unread(part)
    return tuple(bounds)


SCHEME = Scheme(name="semver", compare=compare, types=("githubactions", "swift"), key=key, ranges=ranges)
