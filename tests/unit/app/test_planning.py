"""What is matched again when a snapshot comes: whatever it says differently, and of the rest nothing."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from hullmark.advisories.database.compare import compare
from hullmark.advisories.database.snapshot import Snapshot
from hullmark.advisories.match.coordinates import Coordinate
from hullmark.model.advisory import Advisory, Cvss, Exploitability, Record, Support
from hullmark.server.stories.advisories.matching import changed_keys, changed_namespaces, told_of
from hullmark.server.tables.advisories.matches import CoordinateMatches, advisory_digest
from tests.support.advisory_days import IMAGES, days
from tests.support.coordinates import coordinates_in, keys_of
from tests.support.examples import examples
from tests.support.matching import TODAY, advisory, affected
from tests.support.snapshots import two_snapshots

LATER = "2027-06-30"
COORDINATES = dict(enumerate(sorted({each for image in IMAGES for each in coordinates_in(image)}, key=repr)))
FOO = advisory("CVE-2024-1", affected("debian:12", "foo", "deb", "1.5-1"), severity="low")


def planned(previous: Snapshot, next: Snapshot, at: str) -> set[Coordinate]:
    """Those of COORDINATES that are matched again."""
    difference = compare(previous, next)
    keys = changed_keys(difference, previous, next, since=TODAY, at=at)
    namespaces = changed_namespaces(difference, previous, next, since=TODAY, at=at)
    return {
        coordinate
        for coordinate in COORDINATES.values()
        if any(key in keys or key[0] in namespaces for key in keys_of(coordinate))
    }


def said(told: CoordinateMatches) -> object:
    """What is said of a coordinate, but for what CVEs weigh, which is carried into all of their advisories."""
    matches = {
        (
            advisory_digest(match.advisory),
            match.kind,
            match.name,
            match.version,
            match.fix,
            match.confidence,
            match.why,
            match.suppressed,
        )
        for match in told.matches
    }
    return matches, told.reasons


@settings(max_examples=examples(75))
@given(days(), st.sampled_from([TODAY, LATER]))
def test_whatever_is_said_differently_is_matched_again(days: tuple[list[Record], list[Record]], at: str) -> None:
    with two_snapshots(*days) as (previous, following):
        before, after = told_of(COORDINATES, previous, TODAY), told_of(COORDINATES, following, at)
        differing = {
            coordinate for number, coordinate in COORDINATES.items() if said(before[number]) != said(after[number])
        }
        assert differing <= planned(previous, following, at)


def names(before: Sequence[Record], after: Sequence[Record], at: str = TODAY) -> set[str]:
    """The names of what is matched again."""
    with two_snapshots(before, after) as (previous, following):
        return {each.name for each in planned(previous, following, at)}


def test_what_no_match_depends_on_is_matched_again_by_nobody() -> None:
    scores = [Exploitability("CVE-2024-1", score, 0.5) for score in (0.05, 0.9)]
    reworded = msgspec.structs.replace(FOO, summary="Other words.")
    elsewhere = advisory("CVE-2024-7", affected("debian:12", "not-there", "deb", "9"))
    assert names([FOO, scores[0]], [reworded, scores[1], elsewhere]) == set()


def test_each_binary_of_the_source_is_matched_again_and_nothing_else() -> None:
    assert names([FOO], [msgspec.structs.replace(FOO, severity="high")]) == {"libfoo", "foo-bin", "foo"}


def test_a_rating_by_another_source_is_a_reason() -> None:
    rating = Advisory(id="CVE-2024-1", source="nvd", cvss=(Cvss("3.1", "CVSS:3.1/AV:N", 9.8, "nvd"),))
    assert names([FOO], [FOO, rating]) == {"libfoo", "foo-bin", "foo"}


def test_of_a_namespace_that_comes_or_goes_everything_is_matched_again() -> None:
    other = advisory("CVE-2024-2", affected("alpine:3.18", "filler", "apk", "1-r0"))
    filler = advisory("CVE-2000-1", affected("debian:12", "filler", "deb", "1"), source="filler")
    assert names([filler, other], [other]) == names([other], [other, filler]) == {"libfoo", "foo-bin", "foo"}


def test_support_that_ends_on_a_day_between_is_a_reason() -> None:
    ends = [
        Support(namespace="debian:12", name=name, source="x", level="ended", since="2027-01-01")
        for name in ("foo", "f.*")
    ]
    for end in ends:
        records: list[Record] = [FOO, end]
        assert names(records, records) == set()
        assert names(records, records, LATER) == {"libfoo", "foo-bin", "foo"}
