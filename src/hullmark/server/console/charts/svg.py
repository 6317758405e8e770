"""SVG written by parts. Elements are Markup, so whatever is not Markup is escaped: https://www.w3.org/TR/SVG2/

Colours are never written here: a mark has a class `tone-…`, whose CSS sets `color` from the tokens of both themes, and is painted with
`currentColor`. There are no style attributes, which the console's content security policy forbids.
"""

import math
import re
from collections.abc import Iterable
from typing import Literal

import msgspec
from markupsafe import Markup, escape

Tone = Literal[
    "go", "warn", "stop", "unknown", "critical", "high", "medium", "low", "negligible", "accent", "soft", "ink", "line"
]

_WIDE = 700  # above it a picture keeps its letters legible by scrolling, on a phone
MAX_LABEL = 200  # characters of a label, whoever wrote it
_SMALLEST, _LARGEST = 1e-9, 1e15  # beyond them a number says nothing in a chart

# Not allowed in XML 1.0, or able to turn the order of what is read round: controls, surrogates, bidirectional overrides.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]+")
_LOCAL = re.compile(r"(?:/(?![/\\])|[?#])[^\s\\]{0,2000}")


class Size(msgspec.Struct, frozen=True):
    """Of a chart, in the units of its view box: about pixels on a wide screen."""

    width: float = 640
    height: float = 240


WIDE = Size()
HALF = 480.0
"""The width of a chart that has half of a page: its letters stay as large as those of one that has all of it."""


class Point(msgspec.Struct, frozen=True):
    x: float
    y: float


class Box(msgspec.Struct, frozen=True):
    """A rectangle: its upper left corner and its extent."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height


def label(text: str, most: int = MAX_LABEL) -> str:
    """The text without characters that do not belong on a page, at most `most` of them; not escaped yet."""
    clean = _UNFIT.sub(" ", text[: MAX_LABEL * 4]).strip()
    return clean if len(clean) <= most else clean[: max(most - 1, 1)] + "…"


def fit_label(text: str, width: float, letter: float = 6.2) -> str:
    """The label cut to a width, for letters of the charts' size (11 units, about 6.2 wide)."""
    return label(text, max(int(width / letter), 1))


def finite(value: float | None) -> float:
    """A number that can be drawn: what is missing, negative, next to nothing or not a number is 0, what is endless is large."""
    if value is None or math.isnan(value) or value < _SMALLEST:
        return 0.0
    return min(float(value), _LARGEST)


def element(name: str, *children: Markup | str, **attributes: str | float | None) -> Markup:
    """One element. Of an attribute's name, `_` is written `-` (and a last one left out: `class_`); None is left out."""
    written = "".join(f' {_attribute(key)}="{_value(value)}"' for key, value in attributes.items() if value is not None)
    inside = "".join(child if isinstance(child, Markup) else escape(label(child)) for child in children)
    ending = f">{inside}</{name}>" if inside else "/>"
    return Markup(f"<{name}{written}{ending}")  # noqa: S704  every value was escaped just above


def group(children: Iterable[Markup], class_: str | None = None) -> Markup:
    """Elements that share a class; nothing at all where there are none."""
    inside = Markup("").join(children)
    return element("g", inside, class_=class_) if inside else Markup("")


def drawing(size: Size, title: str, description: str, parts: Iterable[Markup], class_: str = "") -> Markup:
    """The whole picture, named for those who do not see it. The page puts a table of the same figures beside it."""
    inside = Markup("").join(parts)
    named = element("title", label(title)) + element("desc", label(description, MAX_LABEL))
    return element(
        "svg",
        named + inside,
        xmlns="http://www.w3.org/2000/svg",
        class_=f"chart {class_}{' wide' if size.width > _WIDE else ' narrow' if size.width <= HALF else ''}".strip(),
        viewBox=f"0 0 {_number(size.width)} {_number(size.height)}",
        # What leads elsewhere is reached one by one; a picture would be one thing.
        role="group" if "<a " in inside else "img",
        aria_label=label(title),
    )


def text(
    at: Point, written: str, class_: str | None = None, anchor: Literal["start", "middle", "end"] = "start"
) -> Markup:
    """A line of text whose baseline starts, ends or has its middle at a point."""
    return element(
        "text", label(written), x=at.x, y=at.y, class_=class_, text_anchor=None if anchor == "start" else anchor
    )


def rectangle(box: Box, tip: str | None = None, class_: str | None = None, **attributes: str | float | None) -> Markup:
    """A rectangle, with a tip where one is given."""
    inside = (element("title", label(tip)),) if tip else ()
    return element(
        "rect",
        *inside,
        x=box.x,
        y=box.y,
        width=max(box.width, 0.0),
        height=max(box.height, 0.0),
        class_=class_,
        **attributes,
    )


def link(inside: Markup, href: str | None) -> Markup:
    """The part as a link, if the address is one of this very server; else just the part."""
    if href is None or not _LOCAL.fullmatch(href):
        return inside
    return element("a", inside, href=href)


def tone_class(tone: Tone) -> str:
    """The class that gives a mark its colour."""
    return f"tone-{tone}"


def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _value(value: str | float) -> str:
    return escape(_UNFIT.sub(" ", value)) if isinstance(value, str) else _number(value)


def _number(value: float) -> str:
    """At most two decimals, never an exponent, never what is not a number."""
    if not math.isfinite(value):
        return "0"
    written = f"{min(max(value, -_LARGEST), _LARGEST):.2f}".rstrip("0").rstrip(".")
    return "0" if written == "-0" else written


def path(points: Iterable[Point], closed: bool = False) -> str:
    """The data of a path through points."""
    drawn = "L".join(f"{_number(point.x)} {_number(point.y)}" for point in points)
    return "" if not drawn else f"M{drawn}{'Z' if closed else ''}"
