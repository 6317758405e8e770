"""OSV's events: golden ranges, and the specification's own evaluation as oracle."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.advisories.feeds.formats.osv_events import Event, is_never, not_covered, ranges_of_events
from hullmark.model.advisory import EVERY_VERSION, Range
from hullmark.versions import semver
from hullmark.versions.ranges import contains

LINE = [str(number) for number in range(10)]
KINDS = ("introduced", "fixed", "last_affected")


def events_of(text: str) -> list[Event]:
    """`introduced 0, fixed 1` as events."""
    return [Event(**{kind: version}) for kind, version in (part.split() for part in text.split(",") if part.strip())]


def short(ranges: tuple[Range, ...]) -> str:
    return " ".join(
        f"[{span.low},{span.high}{')' if span.high_open else ']'}{f'={span.fixed}' if span.fixed else ''}"
        for span in ranges
    )


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ("introduced 0, fixed 1.2", "[,1.2)=1.2"),
        ("introduced 0", "[,)"),
        ("introduced 1.0", "[1.0,)"),
        ("introduced 0, last_affected 1.2", "[,1.2]"),
        ("introduced 0, limit 1.2", "[,1.2)"),
        ("introduced 0, limit *", "[,)"),
        ("fixed 1.26.17, introduced 2.0.0, fixed 2.0.5, introduced 0", "[,1.26.17)=1.26.17 [2.0.0,2.0.5)=2.0.5"),
        ("introduced 0, fixed 1.0, fixed 2.0", "[,1.0)=1.0"),
        ("introduced 0, introduced 1.0, fixed 2.0", "[,2.0)=2.0"),
        ("introduced 1.0, fixed 1.0", ""),
        ("introduced 1.0, last_affected 1.0", "[1.0,1.0]"),
        ("introduced 0, last_affected 1.0, fixed 1.1", "[,1.0]=1.1"),
        ("introduced 0.0.0-0, fixed 1.0", "[,1.0)=1.0"),
        ("introduced 0, fixed 1.0, introduced 2.0", "[,1.0)=1.0 [2.0,)"),
        ("introduced 0, fixed ?!, introduced <>, fixed 2", "[,?!)=?! [<>,2)=2"),
        ("fixed 1.0", ""),
        ("", ""),
    ],
)
def test_events_make_ranges(events: str, expected: str) -> None:
    assert short(ranges_of_events(events_of(events), "semver")) == expected


def affected(version: str, events: list[Event]) -> bool:
    """The specification's BeforeLimits and IncludedInRanges, word for word."""

    def at(event: Event) -> str:
        return event.introduced or event.fixed or event.last_affected or ""

    vulnerable = False
    for event in sorted(events, key=lambda each: int(at(each))):
        if event.introduced is not None and semver.compare(version, event.introduced) >= 0:
            vulnerable = True
        if event.fixed is not None and semver.compare(version, event.fixed) >= 0:
            vulnerable = False
        if event.last_affected is not None and semver.compare(version, event.last_affected) > 0:
            vulnerable = False
    return vulnerable


@given(st.permutations(LINE[1:]), st.lists(st.sampled_from(KINDS), max_size=6))
def test_ranges_hold_what_the_specification_s_evaluation_holds(versions: list[str], kinds: list[str]) -> None:
    events = [Event(**{kind: version}) for kind, version in zip(kinds, versions, strict=False)]
    ranges = ranges_of_events(events, "semver")
    for version in LINE:
        held = any(contains(span, version, "semver") for span in ranges)
        assert held == affected(version, events), (version, events, ranges)


def test_what_was_fixed_before_the_beginning_never_was_affected() -> None:
    assert is_never(events_of("introduced 0, fixed 0"))
    assert not is_never(events_of("introduced 0, fixed 1"))
    assert not is_never(events_of("introduced 0"))
    assert not is_never([])


def test_listed_versions_that_a_range_holds_are_dropped() -> None:
    ranges = (Range(high="2.0", fixed="2.0"),)
    assert not_covered(["1.0", "2.0", "2.1", "2.1", "1.9"], ranges, "pep440") == ("2.0", "2.1")
    assert not_covered(["1.0"], (), "pep440") == ("1.0",)
    assert not_covered(["anything"], (EVERY_VERSION,), "pep440") == ()


def test_absurdly_many_versions_are_not_compared() -> None:
    ranges = tuple(Range(low=str(number), high=str(number), high_open=False) for number in range(1001))
    versions = [str(number) for number in range(1000)]
    assert not_covered(versions, ranges, "semver") == tuple(versions)
