"""The gallery's second page: every chart alone, with made-up values that are the same each time."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from litestar import Request, Response, get
from markupsafe import Markup

from hullmark.server.api.permissions import SIGNED_IN
from hullmark.server.console.charts.bars import Bars, Part, Row, draw_bars, waterfall
from hullmark.server.console.charts.calendar import Calendar, Day, draw_calendar
from hullmark.server.console.charts.graph import Graph, Node, fold
from hullmark.server.console.charts.heat_map import Cell, HeatMap, HeatRow, draw_heat_map
from hullmark.server.console.charts.histogram import Bin, Histogram, Mark, draw_histogram
from hullmark.server.console.charts.layered import draw_graph
from hullmark.server.console.charts.scatter import Exploitable, Scatter, draw_scatter
from hullmark.server.console.charts.series import Event, Line, TimeSeries, draw_series, series_json
from hullmark.server.console.charts.sparkline import draw_sparkline
from hullmark.server.console.charts.svg import Tone
from hullmark.server.console.charts.treemap import Tile, draw_treemap
from hullmark.server.console.views import render

_DAY = datetime(2026, 5, 1, tzinfo=UTC)
_SEVERITIES: tuple[Tone, ...] = ("critical", "high", "medium", "low", "negligible")
_VERDICTS: tuple[Tone, ...] = ("stop", "unknown", "warn", "go")
_GRADES = ("host", "default", "hardened", "sandboxed", "vm")
_HOSTILE = "</title><script>alert(1)</script>"


class ShownChart(msgspec.Struct, frozen=True, kw_only=True):
    """A chart with its title and a line about it; `told` is the data of a series for its script ("": it has none)."""

    title: str
    about: str
    picture: Markup
    told: str = ""


@get("/gallery/charts", opt={"permission": SIGNED_IN, "console": True})
async def charts(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Every chart."""
    return render(request, "pages/chart_gallery.html", shown=_charts())


def _charts() -> list[ShownChart]:
    backlog, compliance = _backlog(), _compliance()
    return [
        ShownChart(
            title="Stacked series",
            about="A backlog over time, with what happened.",
            picture=draw_series(backlog),
            told=series_json(backlog),
        ),
        ShownChart(
            title="Lines",
            about="A gap is where nothing is known.",
            picture=draw_series(compliance),
            told=series_json(compliance),
        ),
        ShownChart(title="Histogram", about="With an objective.", picture=_histogram()),
        ShownChart(title="Scatter", about="CVSS by EPSS; a ring is known exploitation.", picture=_scatter()),
        ShownChart(title="Waterfall", about="Layers of an image.", picture=_waterfall()),
        ShownChart(title="Bars", about="Parts of a whole.", picture=_bars()),
        ShownChart(title="Heat map", about="Each cell leads to its list.", picture=_heat_map()),
        ShownChart(title="Calendar", about="What ends on which day.", picture=_calendar()),
        ShownChart(title="Treemap", about="Areas are bytes.", picture=_treemap()),
        ShownChart(title="Graph", about="Dashed boxes open.", picture=_graph()),
        ShownChart(
            title="Sparkline",
            about="As small as a word.",
            picture=draw_sparkline([_wave(at, 5, 4, 3) for at in range(40)], "Findings of forty days"),
        ),
    ]


def _wave(at: int, middle: float, height: float, length: float) -> float:
    return max(middle + height * math.sin(at / length) + height / 3 * math.sin(at / 1.7), 0)


def _backlog() -> TimeSeries:
    times = tuple(_DAY + timedelta(days=at) for at in range(120))
    lines = tuple(
        Line(name, name, tuple(_wave(at + 17 * rank, 10 + 25 * rank, 6 + 9 * rank, 21) for at in range(120)))
        for rank, name in enumerate(_SEVERITIES)
    )
    events = (Event(times[40], "production, version 4, in force"), Event(times[90], _HOSTILE))
    return TimeSeries("Findings by severity", times, lines, events, stacked=True)


def _compliance() -> TimeSeries:
    times = tuple(_DAY + timedelta(days=at) for at in range(120))
    known = tuple(min(_wave(at, 93, 5, 13), 100) for at in range(120))
    gap = tuple(None if 50 < at < 62 else min(_wave(at, 78, 12, 19), 100) for at in range(120))
    lines = (Line("production", "go", known), Line("staging", "accent", gap))
    return TimeSeries("Compliance by environment", times, lines, unit="%", most=100)


def _histogram() -> Markup:
    names = (
        "< 1 d",
        "1 d to 1 w",
        "1 to 2 w",
        "2 to 4 w",
        "1 to 2 mo",
        "2 to 3 mo",
        "3 to 6 mo",
        "6 to 12 mo",
        "> 1 y",
    )
    counts = (12, 40, 83, 120, 90, 44, 30, 12, 4)
    bins = tuple(
        Bin(name, count, "warn" if at > 5 else "accent")
        for at, (name, count) in enumerate(zip(names, counts, strict=True))
    )
    return draw_histogram(Histogram("Images by age", bins, "images", (Mark(6, "rebuild after 90 days"),)))


def _scatter() -> Markup:
    points = tuple(
        Exploitable(
            f"CVE-2026-{at:05}",
            min(_wave(at * 7, 6.5, 3, 11), 10),
            min(10 ** -_wave(at * 13, 2.2, 1.8, 5), 1),
            _SEVERITIES[at % 4],
            at % 23 == 0,
        )
        for at in range(300)
    )
    return draw_scatter(Scatter("Severity by chance of exploitation", points))


def _waterfall() -> Markup:
    steps = (
        ("FROM debian:13", 117e6, 2e6),
        ("RUN apt-get update && apt-get install -y build-essential", 310e6, 90e6),
        ("COPY requirements.txt .", 800, 0),
        ("RUN pip install -r requirements.txt", 88e6, 40e6),
        (_HOSTILE, 12e6, 0),
    )
    return draw_bars(waterfall("Layers", steps))


def _bars() -> Markup:
    wholes = (
        ("payments", (3, 1, 4, 40)),
        ("shop", (0, 2, 2, 80)),
        ("an application with a very long name", (12, 0, 4, 10)),
    )
    rows = tuple(
        Row(name, tuple(Part(str(tone), tone, count) for tone, count in zip(_VERDICTS, counts, strict=True)))
        for name, counts in wholes
    )
    return draw_bars(Bars("Images by verdict", rows))


def _heat_map() -> Markup:
    rows = tuple(
        HeatRow(tone, tuple(Cell(int(_wave(7 * rank + at, 200, 900, 2)), tone, "#") for at in range(len(_GRADES))))
        for rank, tone in enumerate(_VERDICTS)
    )
    return draw_heat_map(HeatMap("Places by verdict and isolation", _GRADES, rows))


def _calendar() -> Markup:
    first = date(2026, 5, 1)
    marked = {
        first + timedelta(days=(at * at * 7) % 180): Day(1 + at % 5, "stop" if at < 3 else "warn") for at in range(24)
    }
    return draw_calendar(Calendar("Exceptions that end", first, 180, marked, first + timedelta(days=4)))


def _treemap() -> Markup:
    tones: tuple[Tone, ...] = ("go", "go", "warn", "unknown")
    packages = tuple(Tile(f"package-{at}", 4e7 / (1 + at) ** 1.2, tones[at % 4]) for at in range(90))
    return draw_treemap(
        "Bytes by package",
        [Tile("deb", sum(tile.weight for tile in packages[:60]), tiles=packages[:60]), *packages[60:]],
    )


def _graph() -> Markup:
    start = Node("start", "nginx", "go", root=True)
    files = tuple(Node(f"f{at}", f"lib{at}.so.1", "go", f"g{at % 5}") for at in range(30))
    edges = (*(("start", f"f{at}") for at in range(6)), *((f"f{at // 3}", f"f{at}") for at in range(3, 30)))
    groups = {f"g{at}": Node(f"g{at}", f"library-{at}", "go", href="#") for at in range(5)}
    return draw_graph(fold(Graph((start, *files), edges), groups, {"g1"}), "Ways from the start")


ROUTES = [charts]
