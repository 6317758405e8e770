"""Charts: well-formed, bounded and inside their picture for any data; no script, no style, no foreign address."""

import math
import re
from datetime import UTC, date, datetime, timedelta
from xml.etree.ElementTree import Element  # noqa: TID251  only the name of the type

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from hullmark.server.console.charts.bars import Bars, Part, Row, draw_bars, waterfall
from hullmark.server.console.charts.calendar import Calendar, Day, draw_calendar
from hullmark.server.console.charts.heat_map import Cell, HeatMap, HeatRow, draw_heat_map
from hullmark.server.console.charts.histogram import Bin, Histogram, Mark, draw_histogram
from hullmark.server.console.charts.scale import format_value, round_ticks, time_ticks
from hullmark.server.console.charts.scatter import Exploitable, Scatter, draw_scatter
from hullmark.server.console.charts.series import Event, Line, TimeSeries, draw_series, series_json
from hullmark.server.console.charts.sparkline import draw_sparkline
from hullmark.server.console.charts.strip import Period, Track, draw_strip
from hullmark.server.console.charts.svg import Box, Point, element, label, link, text
from hullmark.server.console.charts.treemap import MAX_TILES, Tile, draw_treemap, place_tiles
from hullmark.server.console.pages.chart_gallery import _charts

NAMES = st.text(max_size=60) | st.just("</title><script>alert(1)</script>") | st.just('" onload="alert(1)')
NUMBERS = st.floats() | st.integers(-10, 10**18).map(float)
TONES = st.sampled_from(["go", "warn", "stop", "unknown", "critical", "negligible"])
HREFS = st.none() | st.sampled_from(
    ["/console/shop/images", "?tab=files", "javascript:alert(1)", "//evil.example/", "/\\evil"]
)
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=st.sampled_from([None, UTC]))  # noqa: DTZ001
DAYS = st.dates(date(1990, 1, 1), date(2200, 1, 1))
_ALLOWED = {"svg", "g", "a", "title", "desc", "rect", "line", "path", "circle", "text"}


def facts_of(picture: Markup) -> Element:
    """The picture's root, after what holds for every picture was checked."""
    root = fromstring(str(picture))
    width, height = (float(side) for side in root.attrib["viewBox"].split()[2:])
    assert root.attrib["role"] == ("group" if "<a " in picture else "img")
    for one in root.iter():
        name = one.tag.removeprefix("{http://www.w3.org/2000/svg}")
        assert name in _ALLOWED
        assert not [key for key in one.attrib if key.startswith("on") or key == "style"]
        if name == "a":
            assert re.match(r"[?#]|/[^/\\]", one.attrib["href"])
        _inside(name, one.attrib, width, height)
    return root


def _inside(name: str, attributes: dict[str, str], width: float, height: float) -> None:
    """Every mark lies in the view box: two decimals are written, so half a unit is given."""
    for key, value in attributes.items():
        if key in {"x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "rx", "fill-opacity"}:
            assert math.isfinite(float(value)), (name, key, value)
            assert "e" not in value
            most = height if key in {"y", "y1", "y2", "cy", "height"} else width
            assert -0.5 <= float(value) <= most + 0.5, (name, key, value)
        if key == "d":
            numbers = [float(number) for number in re.findall(r"-?[0-9.]+", value)]
            assert re.fullmatch(r"[MLCZ0-9. -]*", value)
            assert all(-0.5 <= x <= width + 0.5 for x in numbers[0::2])
            assert all(-0.5 <= y <= height + 0.5 for y in numbers[1::2])


def shown_text(root: Element) -> list[str]:
    return ["".join(one.itertext()) for one in root.iter("{http://www.w3.org/2000/svg}text")]


@given(
    st.lists(MOMENTS, max_size=12),
    st.lists(st.builds(Line, NAMES, TONES, st.lists(st.none() | NUMBERS, max_size=14).map(tuple)), max_size=4),
    st.lists(st.builds(Event, MOMENTS, NAMES, HREFS), max_size=4),
    st.booleans(),
    st.none() | NUMBERS,
)
def test_a_time_series_is_a_sound_picture(
    times: list[datetime], lines: list[Line], events: list[Event], stacked: bool, most: float | None
) -> None:
    data = TimeSeries("a title", tuple(times), tuple(lines), tuple(events), "%", stacked, most)
    facts_of(draw_series(data))


@given(
    st.lists(st.builds(Bin, NAMES, NUMBERS, TONES, HREFS), max_size=20),
    st.lists(st.builds(Mark, NUMBERS, NAMES), max_size=3),
)
def test_a_histogram_is_a_sound_picture(bins: list[Bin], marks: list[Mark]) -> None:
    facts_of(draw_histogram(Histogram("a title", tuple(bins), "images", tuple(marks))))


@given(st.lists(st.builds(Exploitable, NAMES, NUMBERS, NUMBERS, TONES, st.booleans(), HREFS), max_size=30))
def test_a_scatter_is_a_sound_picture(points: list[Exploitable]) -> None:
    facts_of(draw_scatter(Scatter("a title", tuple(points))))


@given(
    st.lists(
        st.builds(
            Row, NAMES, st.lists(st.builds(Part, NAMES, TONES, NUMBERS, HREFS), max_size=4).map(tuple), HREFS, NUMBERS
        ),
        max_size=8,
    )
)
def test_bars_are_a_sound_picture(rows: list[Row]) -> None:
    facts_of(draw_bars(Bars("a title", tuple(rows), "bytes")))


@given(
    st.lists(
        st.builds(
            HeatRow,
            NAMES,
            st.lists(st.builds(Cell, st.integers(-5, 10**20), TONES, HREFS, NAMES), max_size=5).map(tuple),
            HREFS,
        ),
        max_size=5,
    ),
    st.lists(NAMES, max_size=5),
)
def test_a_heat_map_is_a_sound_picture(rows: list[HeatRow], columns: list[str]) -> None:
    facts_of(draw_heat_map(HeatMap("a title", tuple(columns), tuple(rows))))


@given(
    DAYS,
    st.integers(-3, 5_000),
    st.dictionaries(DAYS, st.builds(Day, st.integers(-5, 10**20), TONES, HREFS, NAMES), max_size=5),
    st.none() | DAYS,
)
def test_a_calendar_is_a_sound_picture(first: date, days: int, marked: dict[date, Day], today: date | None) -> None:
    facts_of(draw_calendar(Calendar("a title", first, days, marked, today)))


TILES = st.recursive(
    st.builds(Tile, NAMES, NUMBERS, TONES, HREFS, NAMES),
    lambda inner: st.builds(Tile, NAMES, NUMBERS, TONES, HREFS, NAMES, st.lists(inner, max_size=5).map(tuple)),
    max_leaves=20,
)


@given(st.lists(TILES, max_size=12))
def test_a_treemap_is_a_sound_picture(tiles: list[Tile]) -> None:
    facts_of(draw_treemap("a title", tiles))


@given(st.lists(NUMBERS, max_size=20), NAMES)
def test_a_sparkline_is_a_sound_picture(values: list[float], title: str) -> None:
    picture = draw_sparkline(values, title)
    if values:
        facts_of(picture)
    else:
        assert not picture


@given(st.lists(st.floats(1, 1e12), min_size=1, max_size=60))
def test_tiles_are_as_large_as_their_weights_and_do_not_overlap(weights: list[float]) -> None:
    box = Box(0, 0, 640, 400)
    placed = place_tiles([Tile(str(index), weight) for index, weight in enumerate(weights)], box)
    for one in placed:
        area = one.box.width * one.box.height
        assert area == pytest.approx(one.tile.weight / sum(weights) * 640 * 400, rel=1e-6)
    for index, one in enumerate(placed):
        for other in placed[index + 1 :]:
            across = min(one.box.right, other.box.right) - max(one.box.x, other.box.x)
            down = min(one.box.bottom, other.box.bottom) - max(one.box.y, other.box.y)
            assert min(across, down) < 1e-6


def test_a_treemap_of_a_hundred_thousand_tiles_shows_the_largest() -> None:
    tiles = [Tile(str(index), 1_000_000 if index < 10 else 1) for index in range(100_000)]
    placed = place_tiles(tiles, Box(0, 0, 640, 400))
    assert len(placed) <= MAX_TILES
    assert {one.tile.name for one in placed} >= {str(index) for index in range(10)}


def test_no_peak_of_a_long_series_is_lost() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    values = tuple(900.0 if index == 3_333 else 1.0 for index in range(5_000))
    times = tuple(start + timedelta(hours=index) for index in range(5_000))
    picture = draw_series(TimeSeries("backlog", times, (Line("critical", "critical", values),), stacked=True))
    root = facts_of(picture)
    assert "1,000" in shown_text(root)
    assert len(picture) < 40_000


def test_what_is_not_known_breaks_a_line() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    times = tuple(start + timedelta(days=index) for index in range(5))
    picture = draw_series(TimeSeries("compliance", times, (Line("production", "go", (1.0, 2.0, None, 3.0, 4.0)),)))
    stroke = next(one.attrib["d"] for one in facts_of(picture).iter() if one.attrib.get("class") == "stroke")
    assert stroke.count("M") == 2


def test_the_data_for_the_module_is_json_without_what_json_cannot_say() -> None:
    times = (datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
    data = TimeSeries("x", times, (Line("a", "go", (float("nan"), 2.0)),))
    assert series_json(data) == (
        '{"times":[1767225600.0,1767312000.0],"lines":[{"name":"a","tone":"go","values":[2.0,null]}],"events":[],"unit":"",'
        '"stacked":false,"most":null}'
    )


def test_a_waterfall_begins_each_bar_where_the_last_one_ended() -> None:
    bars = waterfall("layers", [("FROM debian", 100, 20), ("RUN apt-get", 50, 0), ("COPY . .", 5, 0)])
    assert [row.after for row in bars.rows] == [0, 120, 170]


def test_a_label_is_cut_and_has_no_characters_that_turn_the_page() -> None:
    assert label("a\x00b\u202ec\ud800d") == "a b c d"
    assert label("x" * 10_000, 5) == "xxxx…"
    assert str(text(Point(0, 0), "<b>&")) == '<text x="0" y="0">&lt;b&gt;&amp;</text>'


@pytest.mark.parametrize(
    "href", ["javascript:alert(1)", "//evil.example", "/\\evil.example", "https://evil.example", "data:x", "", "/a b"]
)
def test_an_address_elsewhere_is_no_link(href: str) -> None:
    assert link(element("g"), href) == "<g/>"


def test_an_attribute_cannot_be_left() -> None:
    assert element("g", class_='" onload="x') == '<g class="&#34; onload=&#34;x"/>'


@pytest.mark.parametrize(
    ("most", "ticks"),
    [(0, (0, 1)), (7, (0, 2, 4, 6, 8)), (100, (0, 25, 50, 75, 100)), (float("inf"), None), (float("nan"), (0, 1))],
)
def test_ticks_are_round(most: float, ticks: tuple[float, ...] | None) -> None:
    assert ticks is None or round_ticks(most) == ticks
    assert len(round_ticks(most)) <= 7


@given(st.floats(0, 1e15))
def test_ticks_reach_the_highest_value_and_are_few(most: float) -> None:
    ticks = round_ticks(most)
    assert ticks[-1] >= most * (1 - 1e-9) - 1e-9
    assert 2 <= len(ticks) <= 7


@given(MOMENTS.map(lambda moment: moment.replace(tzinfo=UTC)), st.timedeltas(timedelta(0), timedelta(days=40_000)))
def test_ticks_of_time_are_few_and_inside(first: datetime, span: timedelta) -> None:
    ticks = time_ticks(first, first + span)
    assert len(ticks) <= 24
    assert all(first <= tick <= first + span for tick in ticks)


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (1284, "", "1,284"), (12_840, "", "12.8 k"), (999_950, "", "1 M"), (3_140_000, "bytes", "3.1 MB"), (812, "bytes", "812 B"),
        (96, "%", "96 %"), (95.456, "%", "95.46 %"), (4, "days", "4 d"), (9000, "seconds", "2.5 h"), (0.25, "seconds", "0.25 s"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_they_are_read(value: float, unit: str, expected: str) -> None:
    assert format_value(value, unit) == expected  # type: ignore[arg-type]


def test_a_strip_shows_what_held_when_and_leads_to_it() -> None:
    day = timedelta(days=1)
    begin = datetime(2026, 5, 1, tzinfo=UTC)
    periods = (
        Period("warn", begin, begin + day, "/console/a/history/1"),
        Period("stop", begin + day, begin + 4 * day, "/console/a/history/2"),
    )
    picture = draw_strip("Verdicts <over> time", (Track("house <b>", periods),))
    root = facts_of(picture)
    bars = [each for each in root.iter() if each.tag.endswith("}rect")]
    assert [bar.attrib["class"] for bar in bars] == ["tone-warn", "tone-stop"]
    assert float(bars[1].attrib["width"]) == pytest.approx(3 * float(bars[0].attrib["width"]), rel=0.01)
    assert [each.attrib["href"] for each in root.iter() if each.tag.endswith("}a")] == [
        period.href for period in periods
    ]
    assert "<b>" not in picture
    assert "nothing yet" in draw_strip("Nothing", ())


def test_every_chart_of_the_gallery_is_sound_and_the_same_each_time() -> None:
    pictures = [one.picture for one in _charts()]
    assert [facts_of(picture).tag for picture in pictures] == ["{http://www.w3.org/2000/svg}svg"] * len(pictures)
    assert pictures == [one.picture for one in _charts()]
