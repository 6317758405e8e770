"""How much was out of compliance when, as a chart: what fell out in some weeks, by severity, with the causes that took most marked."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from markupsafe import Markup

from hullmark.model.advisory import SEVERITIES
from hullmark.server.console.charts.series import Event, Line, TimeSeries, draw_series
from hullmark.server.console.charts.svg import Size, Tone
from hullmark.server.tables.judging.standing import ComplianceLoss

DAYS = 30
EVENTS = 8
_STEP = timedelta(hours=12)
_TONES: tuple[tuple[int, Tone], ...] = (
    (5, "critical"),
    (4, "high"),
    (3, "medium"),
    (2, "low"),
    (1, "negligible"),
    (0, "soft"),
)


def first_moment(now: datetime) -> datetime:
    """From when on it is drawn."""
    return now - timedelta(days=DAYS)


def weightiest(losses: Sequence[ComplianceLoss]) -> list[int]:
    """The causes that took most images out of compliance, by number."""
    return [number for number, _ in Counter(loss.cause_id for loss in losses).most_common(EVENTS)]


def draw_backlog(losses: Sequence[ComplianceLoss], sentences: Mapping[int, tuple[str, str]], now: datetime) -> Markup:
    """The chart; `sentences` are a cause's sentence and address. Empty where nothing fell out."""
    if not losses:
        return Markup()
    start = first_moment(now)
    times = [*(start + _STEP * step for step in range(int(timedelta(days=DAYS) / _STEP))), now]
    lines = tuple(
        Line(SEVERITIES[rank], tone, _counts([loss for loss in losses if loss.severity == rank], times))
        for rank, tone in _TONES
        if any(loss.severity == rank for loss in losses)
    )
    begun = {loss.cause_id: loss.at for loss in reversed(losses)}
    events = tuple(
        Event(begun[number], sentence, href)
        for number, (sentence, href) in sorted(sentences.items(), key=lambda pair: begun[pair[0]])
        if number in begun
    )
    data = TimeSeries("Out of compliance", tuple(times), lines, events, stacked=True)
    return draw_series(data, Size(900, 220))


def _counts(losses: Sequence[ComplianceLoss], times: Sequence[datetime]) -> tuple[float, ...]:
    """How many held at each moment."""
    begun = sorted(loss.at for loss in losses)
    over = sorted(loss.until for loss in losses if loss.until is not None)
    return tuple(float(bisect_right(begun, moment) - bisect_right(over, moment)) for moment in times)
