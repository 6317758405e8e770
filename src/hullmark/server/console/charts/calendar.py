"""What ends on which day: weeks as columns, days as rows from Monday, months named above."""

import math
from collections.abc import Mapping
from datetime import date, timedelta

import msgspec
from markupsafe import Markup

from hullmark.server.console.charts.scale import format_value
from hullmark.server.console.charts.svg import (
    Box,
    Point,
    Size,
    Tone,
    drawing,
    element,
    finite,
    group,
    label,
    link,
    rectangle,
    text,
    tone_class,
)

MAX_DAYS = 400
_LEFT, _TOP = 30.0, 18.0
_MOST_CELL = 22.0
_ROWS = ((0, "Mon"), (2, "Wed"), (4, "Fri"))


class Day(msgspec.Struct, frozen=True):
    """How many end on a day, and where they are listed."""

    count: int
    tone: Tone = "warn"
    href: str | None = None
    tip: str = ""


class Calendar(msgspec.Struct, frozen=True):
    """Days from `first`, so many; `today` has a frame."""

    title: str
    first: date
    days: int
    marked: Mapping[date, Day]
    today: date | None = None


def draw_calendar(data: Calendar, width: float = 640) -> Markup:
    """The calendar; the deeper a day's colour, the more ends on it."""
    count = min(max(data.days, 1), MAX_DAYS)
    monday = data.first - timedelta(days=data.first.weekday())
    weeks = (data.first - monday).days + count
    weeks = math.ceil(weeks / 7)
    step = min((width - _LEFT) / weeks, _MOST_CELL)
    most = max((day.count for day in data.marked.values()), default=0)
    dates = [data.first + timedelta(days=index) for index in range(count)]
    cells = [_day(data, moment, _box(moment, monday, step), most) for moment in dates]
    months = _months(dates, monday, step)
    rows = [text(Point(0, _TOP + step * (row + 0.5) + 4), name) for row, name in _ROWS]
    marked = sum(day.count for moment, day in data.marked.items() if dates[0] <= moment <= dates[-1])
    description = f"{marked} from {dates[0]} to {dates[-1]}"
    size = Size(width, _TOP + 7 * step + 2)
    return drawing(size, data.title, description, [group([*months, *rows], "axis"), group(cells, "cells")], "calendar")


def _box(moment: date, monday: date, step: float) -> Box:
    week, row = divmod((moment - monday).days, 7)
    return Box(_LEFT + week * step + 1, _TOP + row * step + 1, step - 2, step - 2)


def _months(dates: list[date], monday: date, step: float) -> list[Markup]:
    """A month's name above the week that holds its first day, unless the last name still stands there."""
    parts: list[Markup] = []
    free_from = 0.0
    for moment in dates:
        x = _box(moment, monday, step).x
        if (moment.day == 1 or moment == dates[0]) and x >= free_from:
            parts.append(text(Point(x, _TOP - 6), f"{moment:%b}" if moment.month > 1 else f"{moment:%b %Y}"))
            free_from = x + (24 if moment.month > 1 else 54)
    return parts


def _day(data: Calendar, moment: date, box: Box, most: int) -> Markup:
    day = data.marked.get(moment)
    frame = "today" if moment == data.today else None
    if day is None or day.count <= 0:
        return rectangle(box, f"{moment}", " ".join(filter(None, ("ground", frame))), rx=2)
    depth = 0.35 + 0.65 * math.sqrt(min(day.count / max(most, 1), 1.0))
    tip = f"{moment}: {label(day.tip) if day.tip else format_value(finite(day.count))}"
    class_ = " ".join(filter(None, (tone_class(day.tone), frame)))
    # A link in a picture is only as large as its mark: the tip and the page's list say the same.
    return link(element("g", rectangle(box, tip, class_, rx=2, fill="currentColor", fill_opacity=depth)), day.href)
