"""The map of an image's bytes: three regions, one a verdict, and in each a rectangle a package."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from hullmark.model.limit import Limit
from hullmark.model.reach import REACHES, Minimality, Reach, ReachShare
from hullmark.model.sizes import format_size
from hullmark.report.minimality_words import short
from hullmark.report.terminal import clip, safe
from hullmark.report.treemap import Rectangle, treemap

FRAME = Rectangle(0, 0, 1200, 480)
"""Of the whole map, in units of the drawing."""

_MAX_DRAWN = Limit(
    150, "packages drawn for each verdict in the map of what is reached; the others share a rectangle", "shortened"
)
_LETTER, _MARGIN, _LINE = 7.4, 7, 15


class MapPart(NamedTuple):
    """One rectangle. `lines` are written into it, as far as they fit; `title` says what it is in full; `target` is the place on the page
    that tells more ("": none)."""

    place: Rectangle
    reach: Reach
    title: str
    lines: tuple[str, ...]
    target: str


class ByteMap(NamedTuple):
    """The map: the parts, and how many packages are not drawn one by one."""

    parts: tuple[MapPart, ...]
    gathered: int


def map_of(found: Minimality, targets: dict[str, str]) -> ByteMap:
    """The map of what was found. `targets` are places on the page, by package."""
    by_reach = {
        reach: [share for share in found.shares if share.reach == reach and share.bytes > 0] for reach in REACHES
    }
    drawn = [reach for reach in REACHES if by_reach[reach]]
    totals = [sum(share.bytes for share in by_reach[reach]) for reach in drawn]
    parts: list[MapPart] = []
    gathered = 0
    x = FRAME.x
    for reach, total in zip(drawn, totals, strict=True):
        width = FRAME.width * total / sum(totals)
        shares = sorted(by_reach[reach], key=lambda share: (-share.bytes, share.purl))
        gathered += max(0, len(shares) - _MAX_DRAWN)
        parts += _region(reach, shares, Rectangle(x, FRAME.y, width, FRAME.height), targets)
        x += width
    return ByteMap(tuple(parts), gathered)


def _region(reach: Reach, shares: list[ReachShare], frame: Rectangle, targets: dict[str, str]) -> Iterator[MapPart]:
    rest = shares[_MAX_DRAWN:]
    named = [
        (short(share.purl) or "files of no package", share.bytes, targets.get(share.purl, ""))
        for share in shares[:_MAX_DRAWN]
    ]
    if rest:
        named.append((f"{len(rest):,} smaller packages", sum(share.bytes for share in rest), ""))
    for place, (name, size, target) in zip(treemap([size for _, size, _ in named], frame), named, strict=True):
        text = format_size(size)
        yield MapPart(
            place, reach, f"{safe(name)[:300]}: {text}, {reach}", tuple(_lines(safe(name), text, place)), target
        )


def _lines(name: str, size: str, place: Rectangle) -> Iterator[str]:
    """What fits into a rectangle: the name of a package without its version, and the size below."""
    letters = int((place.width - 2 * _MARGIN) / _LETTER)
    name = name[:1] + name[1:].partition("@")[0]
    if letters < min(5, len(name)) or place.height < _LINE + 8:
        return
    yield clip(name, letters)
    if len(size) <= letters and place.height >= 2 * _LINE + 8:
        yield size
