"""Conan versions: items separated by dots, then `-` and a pre-release, then `+` and a build, which counts (docs.conan.io).

Items that are numbers are compared as numbers, and zeros at the end do not count. Where Conan compares a number with
a text as two texts, its order runs in circles (2 < 10 < 10a < 2). Here the digits that an item begins with count as
its number, and what follows breaks the tie; other texts sort before or after all numbers, as their first character
does. That is Conan's order except for items like `10a` and `9b`. Ranges are Conan's (`~1.2`, `^1.2 || >=3 <4`, `1.2.*`);
pre-releases within the bounds are always in.
"""

from __future__ import annotations

import re

from hullmark.versions.condition import MAX_CONDITION, Bound, Condition
from hullmark.versions.deb import number_key
from hullmark.versions.scheme import InvalidVersion, Scheme, number, sign

_VERSION = re.compile(r"[!-~]+").fullmatch
_ITEM = re.compile(r"([0-9]*)([!-~]*)")
_OPTIONS = re.compile(r",\s*(?:include_prerelease|loose)(?:=\w+)?\s*\Z")
_BOUND = re.compile(
    r"\s*(==|!=|<=|>=|=|<|>|~|\^)?\s*(?:(\w[\w.+-]*?)(\.\*)?|\*)\s*(?:,\s*(?=\S)|(?=[\s<>=!~^])|\Z)", re.ASCII
)

_ITEMS_END, _BEFORE_NUMBERS, _NUMBER, _AFTER_NUMBERS = range(4)
_TEXT_END = b"\x00"

Item = tuple[int, tuple[int, str], str]
Part = tuple[int, list[Item]]

_ZERO: Item = (_NUMBER, (0, ""), "")


def compare(a: str, b: str) -> int:
    """-1, 0 or 1. Refuses empty texts and all but printable ASCII."""
    version_a, version_b = _parse(a), _parse(b)
    return sign(version_a < version_b, version_a == version_b)


def key(version: str) -> bytes:
    """Bytes that sort as `compare` orders, and are equal where it says 0."""
    return b"".join(map(_part_key, _parse(version)))


def ranges(text: str) -> Condition:
    """Read a range, with or without the brackets of a reference; raises ValueError saying what was not understood."""
    if len(text) > MAX_CONDITION:
        raise ValueError(f"a condition has at most {MAX_CONDITION} characters")
    inner = text.strip()
    if inner.startswith("[") and inner.endswith("]"):
        inner = inner[1:-1]
    while found := _OPTIONS.search(inner):
        inner = inner[: found.start()]
    if not inner.strip():
        return Condition(text, ((),))
    return Condition(text, tuple(_bounds(part) for part in inner.split("||")))


def _parse(version: str) -> tuple[Part, Part, Part]:
    """The items, the pre-release and the build. None is more than any pre-release, and less than any build."""
    text = version.strip()
    if not _VERSION(text):
        raise InvalidVersion(f"{version!r} is not a Conan version")
    head, plus, build = text.rpartition("+")
    main, dash, pre = (head if plus else text).partition("-")
    return (0, _items(main)), (0, _items(pre)) if dash else (1, []), (1, _items(build)) if plus else (0, [])


def _items(text: str) -> list[Item]:
    items = [_item(item) for item in text.split(".")]
    while items and items[-1] == _ZERO:
        items.pop()
    return items


def _item(item: str) -> Item:
    found = _ITEM.match(item)
    digits, text = found.groups() if found else ("", item)
    if digits:
        return _NUMBER, number(digits), text
    return (_AFTER_NUMBERS if text > "9" else _BEFORE_NUMBERS), (0, ""), text


def _part_key(part: Part) -> bytes:
    rank, items = part
    return bytes((rank,)) + b"".join(map(_item_key, items)) + bytes((_ITEMS_END,))


def _item_key(item: Item) -> bytes:
    rank, (_, digits), text = item
    head = bytes((rank,)) + number_key(digits) if rank == _NUMBER else bytes((rank,))
    return head + text.encode("ascii") + _TEXT_END


def _bounds(part: str) -> tuple[Bound, ...]:
    bounds: list[Bound] = []
    at = 0
    while at < len(part) and (found := _BOUND.match(part, at)):
        bounds += _expand_operator(found[1] or "", found[2] or "", bool(found[3]))
        at = found.end()
    if at < len(part) or not part.strip():
        rest = part[at:].strip()[:40]
        raise ValueError(f"cannot read the version condition at {rest!r}; write it like '>=1.2 <2' or '~1.2'")
    return tuple(bounds)


def _expand_operator(operator: str, version: str, wild: bool) -> tuple[Bound, ...]:
    """Plain bounds. A `-` at the end is the lowest pre-release: `>=` lets pre-releases in, `<` keeps them out."""
    if wild or not version:
        if operator:
            raise ValueError(f"a version condition cannot have {operator!r} before {version + '*'!r}")
        return _span(version, version.split("."), -1) if version else ()
    main = version.partition("+")[0].partition("-")[0].split(".")
    if operator == "~":
        return _span(version, main, 1 if len(main) > 1 else 0)
    if operator == "^":
        return _span(version, main, next((place for place, item in enumerate(main) if item.strip("0")), -1))
    return (Bound(operator or "=", _lowest(version) if operator in (">=", "<") else version),)


def _span(version: str, items: list[str], place: int) -> tuple[Bound, Bound]:
    """From a version to before the next one at that place of it."""
    if not items[place].isdigit():
        raise ValueError(f"a version condition cannot count on from {items[place]!r} in {version!r}")
    place %= len(items)
    above = [*items[:place], str(int(items[place]) + 1)]
    return Bound(">=", _lowest(version)), Bound("<", ".".join(above) + "-")


def _lowest(version: str) -> str:
    return version if "-" in version or "+" in version else version + "-"


SCHEME = Scheme(name="conan", compare=compare, types=("conan",), key=key, ranges=ranges)
