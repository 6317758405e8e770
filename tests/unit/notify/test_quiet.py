"""When digests are due and when it is quiet, across midnights, weekends and clocks that are put forward and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.notify.quiet import EVERY_DAY, Quiet, never_ends, next_digest, quiet_until, zone_of

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns")
NIGHT = Quiet(begins="22:00", until="07:00")

moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds only
times = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
weekdays = st.sets(st.integers(1, 7), min_size=1).map(sorted).map(tuple)
zones = st.sampled_from(ZONES).map(zone_of)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "time", "days", "expected"),
    [
        ("2026-05-01T06:59:59+00:00", "09:00", EVERY_DAY, "2026-05-01T07:00:00+00:00"),
        ("2026-05-01T07:00:00+00:00", "09:00", EVERY_DAY, "2026-05-02T07:00:00+00:00"),
        ("2026-05-01T22:30:00+00:00", "00:15", EVERY_DAY, "2026-05-02T22:15:00+00:00"),  # it is the 2nd in Berlin
        ("2026-05-01T12:00:00+00:00", "09:00", (1,), "2026-05-04T07:00:00+00:00"),  # a Friday
        ("2026-05-04T06:00:00+00:00", "09:00", (1,), "2026-05-04T07:00:00+00:00"),
        ("2026-05-04T07:00:00+00:00", "09:00", (1,), "2026-05-11T07:00:00+00:00"),
        ("2026-03-28T12:00:00+00:00", "09:00", EVERY_DAY, "2026-03-29T07:00:00+00:00"),  # summer begins
        ("2026-03-29T00:00:00+00:00", "02:30", EVERY_DAY, "2026-03-29T01:30:00+00:00"),  # 02:30 is 03:30 that day
        ("2026-10-24T23:00:00+00:00", "02:30", EVERY_DAY, "2026-10-25T00:30:00+00:00"),  # the first of two
        ("2026-10-25T00:30:00+00:00", "02:30", EVERY_DAY, "2026-10-26T01:30:00+00:00"),  # and not the second
    ],
)
def test_digest_is_due_at_the_time_of_the_place(now: str, time: str, days: tuple[int, ...], expected: str) -> None:
    assert next_digest(at(now), time, days, BERLIN) == at(expected)


@given(now=moments, time=times, days=weekdays, zone=zones)
def test_digest_comes_next(now: datetime, time: str, days: tuple[int, ...], zone: ZoneInfo) -> None:
    """It is later, within eight days, on a wanted day, at that time; and nothing in between would do."""
    found = next_digest(now, time, days, zone)
    local = found.astimezone(zone)
    assert now < found <= now + timedelta(days=8, hours=2)
    hour, minute = map(int, time.split(":"))
    wall = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
    assert timedelta(0) <= local.replace(tzinfo=None) - wall.replace(tzinfo=None) <= timedelta(hours=1)
    assert local.isoweekday() in days
    assert next_digest(found - timedelta(microseconds=1), time, days, zone) == found
    middle = now + (found - now) / 2
    assert next_digest(middle, time, days, zone) == found


def test_no_day_is_no_digest() -> None:
    with pytest.raises(ValueError, match="needs a day"):
        next_digest(at("2026-05-01T00:00:00+00:00"), "09:00", (), UTC)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-05-01T19:59:59+00:00", None),
        ("2026-05-01T20:00:00+00:00", "2026-05-02T05:00:00+00:00"),
        ("2026-05-01T23:00:00+00:00", "2026-05-02T05:00:00+00:00"),
        ("2026-05-02T04:59:59+00:00", "2026-05-02T05:00:00+00:00"),
        ("2026-05-02T05:00:00+00:00", None),
        ("2026-03-28T23:00:00+00:00", "2026-03-29T05:00:00+00:00"),  # the night in which summer begins
        ("2026-10-24T23:00:00+00:00", "2026-10-25T06:00:00+00:00"),  # and the one in which it ends
    ],
)
def test_night_is_quiet(now: str, expected: str | None) -> None:
    assert quiet_until(NIGHT, at(now), BERLIN) == (at(expected) if expected else None)


def test_night_belongs_to_the_day_on_which_it_begins() -> None:
    friday_night = Quiet(begins="22:00", until="07:00", days=(5,))
    assert quiet_until(friday_night, at("2026-05-01T21:00:00+00:00"), UTC) is None
    assert quiet_until(friday_night, at("2026-05-02T06:00:00+00:00"), UTC) == at("2026-05-02T07:00:00+00:00")
    assert quiet_until(friday_night, at("2026-05-02T23:00:00+00:00"), UTC) is None


def test_weekend_is_one() -> None:
    weekend = Quiet(begins="00:00", until="00:00", days=(6, 7))
    assert quiet_until(weekend, at("2026-05-02T00:00:00+00:00"), UTC) == at("2026-05-04T00:00:00+00:00")
    assert quiet_until(weekend, at("2026-05-01T23:59:59+00:00"), UTC) is None


def test_hours_that_never_end_are_no_quiet_hours() -> None:
    ever = Quiet(begins="08:00", until="08:00")
    assert never_ends(ever)
    assert not never_ends(NIGHT)
    assert not never_ends(Quiet(begins="08:00", until="08:00", days=(1, 2, 3, 4, 5, 6)))
    with pytest.raises(ValueError, match="never end"):
        quiet_until(ever, at("2026-05-02T00:00:00+00:00"), UTC)


@given(now=moments, begins=times, until=times, days=weekdays, zone=zones)
def test_quiet_ends_when_it_says(now: datetime, begins: str, until: str, days: tuple[int, ...], zone: ZoneInfo) -> None:
    quiet = Quiet(begins=begins, until=until, days=days)
    if never_ends(quiet):
        return
    end = quiet_until(quiet, now, zone)
    if end is None:
        return
    assert now < end
    assert quiet_until(quiet, end, zone) is None
    assert quiet_until(quiet, end - timedelta(microseconds=1), zone) == end
    assert quiet_until(quiet, now + (end - now) / 2, zone) == end


@given(now=moments, begins=times, until=times, days=weekdays)
def test_in_utc_it_is_quiet_just_in_the_windows(now: datetime, begins: str, until: str, days: tuple[int, ...]) -> None:
    """A second way to say it, without dates: by minutes of the week."""
    quiet = Quiet(begins=begins, until=until, days=days)
    if never_ends(quiet):
        return
    minute = (now.isoweekday() - 1) * 1440 + now.hour * 60 + now.minute
    first, last = (int(text[:2]) * 60 + int(text[3:]) for text in (begins, until))
    length = (last - first) if last > first else (last - first + 1440)
    inside = any((minute - (day - 1) * 1440 - first) % 10080 < length for day in days)
    assert (quiet_until(quiet, now, UTC) is not None) == inside


@pytest.mark.parametrize(
    "name", ["", "Nowhere/At_All", "../../etc/passwd", "/etc/localtime", "Europe/Berl\0in", "x" * 5000]
)
def test_what_is_no_zone(name: str) -> None:
    with pytest.raises(ValueError, match="not a time zone"):
        zone_of(name)


def test_is_written_with_from() -> None:
    text = b'{"from":"22:00","until":"07:00","days":[1,2],"unless_severity":"critical"}'
    found = msgspec.json.decode(text, type=Quiet)
    assert found == Quiet(begins="22:00", until="07:00", days=(1, 2), unless_severity="critical")
    assert msgspec.json.encode(found) == text
    for wrong in (
        b'{"from":"24:00","until":"07:00"}',
        b'{"from":"1:00","until":"07:00"}',
        b'{"from":"01:00"}',
        b'{"from":"01:00","until":"07:00","days":[]}',
        b'{"from":"01:00","until":"07:00","days":[0]}',
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(wrong, type=Quiet)
