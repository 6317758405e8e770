"""Until when something holds: a day to its end, a moment to that moment; what has no zone is not a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.expiry import NEVER, canonical, ends_at, is_day

_zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=_zones)  # noqa: DTZ001 - their zone is drawn


@pytest.mark.parametrize(
    ("text", "ends", "written"),
    [
        ("2026-12-01", datetime(2026, 12, 2, tzinfo=UTC), "2026-12-01"),
        ("2026-12-01T14:00:00Z", datetime(2026, 12, 1, 14, tzinfo=UTC), "2026-12-01T14:00:00Z"),
        ("2026-12-01t14:00:00z", datetime(2026, 12, 1, 14, tzinfo=UTC), "2026-12-01T14:00:00Z"),
        ("2026-12-01 14:00:00+02:00", datetime(2026, 12, 1, 12, tzinfo=UTC), "2026-12-01T12:00:00Z"),
        ("2026-12-01T14:00:00.500Z", datetime(2026, 12, 1, 14, 0, 0, 500_000, UTC), "2026-12-01T14:00:00.500000Z"),
        ("9999-12-31", NEVER, "9999-12-31"),
    ],
)
def test_a_day_ends_with_it_and_a_moment_at_it(text: str, ends: datetime, written: str) -> None:
    assert (ends_at(text), canonical(text)) == (ends, written)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2026-12-01T14:00:00",
        "2026-12-01T14:00Z",
        "2026-13-01",
        "20261201",
        "2026-W01-1",
        "2026-12-01T25:00:00Z",
    ],
)
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not a valid time"):
        ends_at(text)


def test_what_lacks_its_zone_is_told_so() -> None:
    with pytest.raises(ValueError, match="does not say in which zone"):
        canonical("2026-12-01T14:00:00")


@given(moments)
def test_a_moment_is_written_in_one_way_that_means_the_same(moment: datetime) -> None:
    text = canonical(moment.isoformat(timespec="microseconds"))
    assert ends_at(text) == moment
    assert canonical(text) == text
    assert not is_day(text)


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_not_a_valid_one(text: str) -> None:
    try:
        assert ends_at(text).tzinfo is UTC
    except ValueError as error:
        assert str(error).startswith("not a valid time")  # noqa: PT017 - either is right
