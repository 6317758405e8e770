"""An image's verdicts over time, as tracks of a strip: one for each policy and environment."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from hullmark.server.console.charts.strip import Period, Track
from hullmark.server.tables.judging.verdicts import VerdictRow


def tracks_of(rows: Iterable[VerdictRow], now: datetime, address: Callable[[VerdictRow], str]) -> tuple[Track, ...]:
    """For each policy and environment what held from when until when; `address` is where the piece of a verdict leads."""
    by_slot: dict[str, list[VerdictRow]] = {}
    for row in sorted(rows, key=lambda row: row.id):
        name = f"{row.policy} · {row.environment or 'everywhere'}" + (" · shadow" if row.is_shadow else "")
        by_slot.setdefault(name, []).append(row)
    tracks = []
    for name, slot in sorted(by_slot.items()):
        ends = [*(row.at for row in slot[1:]), now]
        periods = (
            Period(row.verdict, row.at, max(end, row.at), address(row)) for row, end in zip(slot, ends, strict=True)
        )
        tracks.append(Track(name, tuple(periods)))
    return tuple(tracks)
