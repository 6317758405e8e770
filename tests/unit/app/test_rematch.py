"""Two snapshots and a stored set: the events are just the difference of matching everything twice."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hullmark.advisorydb.compare import band
from hullmark.advisorydb.snapshot import Snapshot
from hullmark.app.rematch import Event, Rematch, Rematching, rematch
from hullmark.match.coordinates import Coordinate, coordinate_of, coordinates_of
from hullmark.match.find import find, partly_told
from hullmark.match.fleet import Builder, Fleet
from hullmark.model.advisory import (
    Advisory,
    AffectedPackage,
    Cvss,
    Exploitability,
    GoImport,
    KevEntry,
    Lifecycle,
    Range,
    Record,
    Support,
)
from hullmark.model.inventory import Distro, Inventory
from hullmark.model.match import Match
from hullmark.model.package import UNKNOWN_VERSION
from tests.support.books import TODAY, advisory, affected, inventory, package
from tests.support.snapshots import snapshot_in

THRESHOLDS = (0.1, 0.5)

IMAGES = [
    inventory(
        [
            package("deb", "libfoo", "1.2-1", source=("foo", "1.2-1"), arch="amd64"),
            package("deb", "foo-bin", "1.2-1", source=("foo", "1.2-1"), arch="amd64"),
            package("pypi", "foo", "1.2"),
            package("pypi", "bar", "none at all"),
        ],
        "debian:12",
    ),
    inventory(
        [
            package("rpm", "foo", "1.2-1.el9", source=("bar", "1.2-1.el9"), arch="x86_64"),
            package("rpm", "bar", "1.2-1.el9", source=("bar", "!")),
            package("rpm", "bar", UNKNOWN_VERSION),
            package("pypi", "foo", "1.2"),
        ],
        "rocky:9.4",
    ),
    inventory(
        [
            package("apk", "foo", "1.2-r0", source=("bar", "none")),
            package("apk", "bar", "no-r0"),
            package("generic", "foo", "1.2"),
        ],
        "alpine:3.18.4",
    ),
    inventory([package("pypi", "foo", "1.4"), package("deb", "foo", "1.9-1")], "debian:12"),
    inventory(
        [
            package("golang", "example.org/foo", "v1.2.0", notes={"symbols": "example.org/foo.F"}),
            package("golang", "example.org/foo", "v1.2.0", notes={"symbols": "example.org/foo.G"}),
            package("deb", "bar", "1.2-1"),
        ],
        "ubuntu:22.04",
    ),
]


def fleet_of(images: Sequence[Inventory]) -> Fleet:
    """The stored set of some inventories."""
    builder = Builder()
    for number, image in enumerate(images):
        builder.add(str(number), [coordinates_of(image)], image.distro)
    return builder.fleet()


FLEET = fleet_of(IMAGES)


@contextmanager
def both(before: Sequence[Record], after: Sequence[Record]) -> Iterator[tuple[Snapshot, Snapshot]]:
    """Two snapshots of these records."""
    with (
        tempfile.TemporaryDirectory(prefix="hullmark-test-") as folder,
        snapshot_in(Path(folder), before) as previous,
        snapshot_in(Path(folder), after) as following,
    ):
        yield previous, following


def rematched(before: Sequence[Record], after: Sequence[Record], **more: Any) -> Rematch:
    """What came of it, for FLEET."""
    with both(before, after) as (previous, following):
        return rematch(previous, following, FLEET, at=TODAY, thresholds=THRESHOLDS, **more)


def told(result: Rematch) -> list[tuple[str, str, str, tuple[str, ...]]]:
    """What happened to which name, and by what."""
    return [
        (event.op, FLEET.coordinate(event.coordinate).name, event.advisory, event.what)
        for event in result.events
        if event.advisory
    ]


def shifts(result: Rematch) -> list[tuple[str, str, str]]:
    """Which names have become known or unknown, and why."""
    return [
        (event.op, FLEET.coordinate(event.coordinate).name, event.reason)
        for event in result.events
        if not event.advisory
    ]


FOO = advisory("CVE-2024-1", affected("debian:12", "foo", "deb", "1.5-1"), severity="low")
FILLER = advisory("CVE-2000-1", affected("debian:12", "filler", "deb", "1"), source="filler")
RATING = Advisory(id="CVE-2024-1", source="nvd", cvss=(Cvss("3.1", "CVSS:3.1/AV:N", 9.8, "nvd"),))


def but(record: Advisory, **more: Any) -> Advisory:
    """The same advisory, but for this."""
    return msgspec.structs.replace(record, **more)


CHANGES: dict[str, tuple[list[Record], list[Record], str, tuple[str, ...]]] = {
    "a new advisory": ([FILLER], [FILLER, FOO], "new", ()),
    "an advisory that is gone": ([FILLER, FOO], [FILLER], "gone", ()),
    "one that was taken back": ([FOO, FILLER], [but(FOO, withdrawn="2024-02-01"), FILLER], "gone", ()),
    "another severity": ([FOO], [but(FOO, severity="high")], "changed", ("severity",)),
    "another fix": ([FOO], [but(FOO, affected=(affected("debian:12", "foo", "deb", "1.6-1"),))], "changed", ("fix",)),
    "a rating by another source": ([FOO], [FOO, RATING], "changed", ("cvss",)),
    "another id": ([but(FOO, id="DSA-1", aliases=("CVE-2024-1",))], [FOO], "changed", ("id",)),
    "an exploit in the wild": (
        [FOO], [FOO, KevEntry(cve="CVE-2024-1", source="cisa", added="2024-01-01")], "changed", ("kev",),
    ),
    "a score above a threshold": ([FOO], [FOO, Exploitability("CVE-2024-1", 0.3, 0.9)], "changed", ("epss",)),
    "a word that it is not affected": (
        [FOO],
        [FOO, advisory("CVE-2024-1", affected("debian:12", "foo", "deb", "1.5-1", kind="unaffected"), source="vex")],
        "gone", (),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_each_binary_of_the_source_has_its_event(name: str) -> None:
    before, after, op, what = CHANGES[name]
    result = rematched(before, after)
    assert told(result) == [(op, "libfoo", "CVE-2024-1", what), (op, "foo-bin", "CVE-2024-1", what)]
    assert list(result.images) == [0]
    for event in result.events:
        assert (event.before is None, event.after is None) == (op == "new", op == "gone" and event.after is None)


def test_what_changes_no_match_is_no_event() -> None:
    scores = [Exploitability("CVE-2024-1", score, 0.5) for score in (0.11, 0.49)]
    reworded = but(FOO, summary="Other words.")
    elsewhere = advisory("CVE-2024-7", affected("debian:12", "not-there", "deb", "9"))
    assert rematched([FOO, scores[0]], [reworded, scores[1], elsewhere]).events == ()


def test_a_namespace_that_is_lost_leaves_the_unknown_and_not_the_clean() -> None:
    other = advisory("CVE-2024-2", affected("npm", "foo", "npm", "1"))
    result = rematched([FOO, other], [other])
    assert told(result) == [
        ("gone", "libfoo", "CVE-2024-1", ("untold",)),
        ("gone", "foo-bin", "CVE-2024-1", ("untold",)),
    ]
    assert {event.reason for event in result.events} == {"the snapshot has no advisories for Debian 12"}
    assert [event[0] for event in told(rematched([other], [FOO, other]))] == ["new", "new"]
    assert {event[3] for event in told(rematched([other], [FOO, other]))} == {("told",)}


def test_what_becomes_known_or_unknown_is_told_also_where_nothing_affects() -> None:
    unknown = "the snapshot has no advisories for Debian 12"
    names = ["libfoo", "foo-bin", "foo"]
    assert shifts(rematched([FILLER], [])) == [("untold", name, unknown) for name in names]
    assert shifts(rematched([], [FILLER])) == [("told", name, "") for name in names]
    assert list(rematched([], [FILLER]).images) == [0, 3]


def test_a_first_advisory_about_a_version_that_cannot_be_compared_makes_it_unknown() -> None:
    first = advisory("CVE-2024-3", affected("alpine:3.18", "bar", "apk", "9-r0"))
    other = advisory("CVE-2024-4", affected("alpine:3.18", "bar", "apk", "8-r0"))
    elsewhere = advisory("CVE-2024-5", affected("alpine:3.18", "other", "apk", "8-r0"))
    reason = "its version is none of apk's, and advisories speak of it (CVE-2024-3)"
    assert shifts(rematched([elsewhere], [elsewhere, first])) == [
        ("untold", "foo", reason),
        ("untold", "bar", reason),
    ]
    assert shifts(rematched([elsewhere, first], [elsewhere, first, other])) == []


@pytest.mark.parametrize("pattern", ["foo", "f.*"])
def test_a_package_whose_support_ends_is_unknown(pattern: str) -> None:
    ended = Support(namespace="debian:12", name=pattern, source="test", level="ended")
    reason = "Debian 12's security support of foo has ended"
    assert shifts(rematched([FILLER], [FILLER, ended])) == [
        ("untold", name, reason) for name in ("libfoo", "foo-bin", "foo")
    ]


def test_a_release_ends_by_another_word_and_by_the_course_of_time() -> None:
    def says(day: str) -> list[Record]:
        return [FILLER, Lifecycle(product="debian", release="12", source="eol", eol=day)]

    def ends(*days: list[Record], **more: Any) -> list[tuple[str, str, list[int]]]:
        return [(each.op, each.distro.id, list(each.images)) for each in rematched(*days, **more).releases]

    assert ends(says("2028-06-30"), says("2026-01-01")) == [("ended", "debian", [0, 3])]
    assert ends(says("2026-01-01"), says("2028-06-30")) == [("maintained", "debian", [0, 3])]
    assert ends(says("2026-06-29"), says("2026-06-29")) == []
    assert ends(says("2026-06-29"), says("2026-06-29"), since="2026-06-29") == [("ended", "debian", [0, 3])]
    assert list(rematched(says("2028-06-30"), says("2026-01-01")).images) == [0, 3]


def test_a_package_that_many_advisories_speak_of_is_asked_about_the_changed_ones_only() -> None:
    many = [advisory(f"CVE-2023-{number}", affected("debian:12", "foo", "deb", "1.5-1")) for number in range(50)]
    with (
        both(many, [*many[:-1], but(many[-1], severity="high")]) as (previous, following),
        Rematching(previous, following, FLEET, at=TODAY) as work,
    ):
        (event, _) = [event for batch in work.batches() for event in batch.events]
        assert event.advisory == "CVE-2023-49"
        assert len(work._old._look_up._heads) == len(work._new._look_up._heads) == 1


def test_who_speaks_for_a_vulnerability_by_way_of_a_third_name_still_does() -> None:
    part = affected("pypi", "foo", "pep440", "2")
    first = advisory("CVE-2024-1", part, source="ghsa", severity="low")
    joins = advisory("OSV-1", part, source="osv", aliases=("CVE-2024-1", "GHSA-1"), severity="high")
    speaks = advisory("GHSA-1", part, source="pypa", severity="critical")
    assert told(rematched([first, joins, speaks], [but(first, severity="high"), joins, speaks])) == []
    assert {event[3] for event in told(rematched([first, joins], [but(first, severity="high"), joins]))} == {
        ("severity",)
    }
    assert {event[2:] for event in told(rematched([first, joins], [first, joins, speaks]))} == {
        ("GHSA-1", ("id", "severity"))
    }


NAMES = st.sampled_from(["foo", "bar"])
CVES = st.sampled_from(["CVE-2024-1", "CVE-2024-2", "CVE-2024-3"])
IDS = CVES | st.sampled_from(["GHSA-1", "DSA-1", "RHSA-1"])
PLACES = [("debian:12", "deb", "-1"), ("rhel:9", "rpm", "-1.el9"), ("rhel:9.4", "rpm", "-1.el9_4"), ("rocky:9", "rpm", "-1.el9"),
          ("alpine:3.18", "apk", "-r0"), ("pypi", "pep440", ""), ("cpe", "generic", ""), ("generic", "semver", ""),
          ("golang", "golang", ".0"), ("ubuntu:22.04", "deb", "-1")]  # fmt: skip
SYMBOLS = st.sampled_from(["", "", "F", "G"]).map(lambda name: (GoImport("example.org/foo", (name,)),) if name else ())


@st.composite
def parts(draw: st.DrawFn) -> AffectedPackage:
    """Parts that speak of what is in IMAGES, more or less."""
    # Many speak of the same, so that they have something to do with each other.
    namespace, scheme, tail = draw(st.sampled_from(PLACES[:1]) | st.sampled_from(PLACES))
    name = draw(NAMES)
    low, high = draw(st.sampled_from(["", "", "1.0", "1.3"])), draw(st.sampled_from(["", "1.1", "1.3", "2.0"]))
    span = Range(
        low=low and low + tail, high=high and high + tail, fixed=draw(st.sampled_from(["", high and high + tail]))
    )
    return AffectedPackage(
        namespace=namespace,
        name=f"a:{name}:{name}" if namespace == "cpe" else f"example.org/{name}" if namespace == "golang" else name,
        scheme=scheme,
        kind=draw(st.sampled_from(["affected", "affected", "affected", "unaffected"])),
        ranges=(span,),
        severity=draw(st.sampled_from(["", "", "high"])),
        module=draw(st.sampled_from([None, None, "", "x:1"])),
        arch=draw(st.sampled_from(["", "", "binary", "src"])),
        symbols=draw(SYMBOLS) if namespace == "golang" else (),
    )


ADVISORIES = st.builds(
    Advisory,
    id=IDS,
    source=st.sampled_from(["ghsa", "nvd", "debian", "redhat"]),
    aliases=st.lists(IDS, max_size=2, unique=True).map(tuple),
    severity=st.sampled_from(["unknown", "unknown", "low", "critical"]),
    cvss=st.sampled_from([(), (Cvss("3.1", "CVSS:3.1/AV:N", 7.5),)]),
    withdrawn=st.sampled_from(["", "", "", "2024-01-01"]),
    affected=st.lists(parts(), max_size=3).map(tuple),
)
OTHERS = st.one_of(
    st.builds(Exploitability, CVES, st.sampled_from([0.05, 0.2, 0.3, 0.9]), st.just(0.5)),
    st.builds(KevEntry, cve=CVES, source=st.just("cisa"), added=st.sampled_from(["2024-01-01", "2024-02-01"])),
    st.builds(
        Lifecycle,
        product=st.sampled_from(["debian", "ubuntu", "rocky", "alpine"]),
        release=st.sampled_from(["12", "22.04", "9", "9.4", "3.18"]),
        source=st.just("eol"),
        eol=st.sampled_from(["", "2026-01-01", "2027-01-01"]),
        is_ended=st.booleans(),
    ),
    st.builds(
        Support,
        namespace=st.sampled_from(["debian:12", "rhel:9", "ubuntu:22.04"]),
        name=st.sampled_from(["foo", "bar", "b.*"]),
        source=st.just("test"),
        level=st.sampled_from(["ended", "limited"]),
        since=st.sampled_from(["", "2026-01-01", "2027-01-01"]),
    ),
)


@st.composite
def days(draw: st.DrawFn) -> tuple[list[Record], list[Record]]:
    """The records of a day, and of the next one: most are the same, some are gone, others or new."""
    records: list[Record] = draw(
        st.lists(ADVISORIES | ADVISORIES | OTHERS, min_size=2, max_size=9, unique_by=_identity)
    )
    fates = draw(st.lists(st.sampled_from(["keep", "keep", "keep", "drop", "change"]), min_size=9, max_size=9))
    after: list[Record] = []
    for record, fate in zip(records, fates, strict=False):
        if fate == "keep":
            after.append(record)
        elif fate == "change":
            other = draw(ADVISORIES if isinstance(record, Advisory) else OTHERS)
            after.append(
                msgspec.structs.replace(other, id=record.id, source=record.source)
                if isinstance(record, Advisory) and isinstance(other, Advisory)
                else other
            )
    after += draw(st.lists(ADVISORIES | OTHERS, max_size=3))
    return records, list({_identity(each): each for each in after}.values())


def _identity(record: Record) -> tuple[str, ...]:
    match record:
        case Advisory():
            return record.source, record.id
        case Lifecycle():
            return "Lifecycle", record.product, record.release
        case Support():
            return "Support", record.namespace, record.name
        case _:
            return type(record).__name__, getattr(record, "cve", "")


Facts = Counter[tuple[Coordinate, tuple[object, ...]]]
"""What affects a coordinate, and how often: an advisory may affect as itself and as the bundle that another source makes of it."""


def facts(match: Match) -> tuple[object, ...]:
    """What of a match may change."""
    named = match.advisory
    score = band(named.epss.score, THRESHOLDS) if named.epss else 0
    return named.id, named.severity, named.cvss, named.kev, score, match.fix, match.confidence


def matched(book: Snapshot) -> tuple[Facts, set[Coordinate], dict[Distro, bool]]:
    """What affects the images, what is unknown in them, and which of their releases have ended.

    Each image is matched as a whole; what two images have in common counts once.
    """
    found: Facts = Counter()
    unknown: set[Coordinate] = set()
    ended: dict[Distro, bool] = {}
    for image in IMAGES:
        here: Facts = Counter()
        result = find(image, book, at=TODAY)
        for match in result.matches:
            if match.suppressed is None:
                here[coordinate_of(match.package, image.distro), facts(match)] += 1
        found |= here
        unknown.update(coordinate_of(each.package, image.distro) for each in result.unknown)
        unknown.update(coordinate_of(package, image.distro) for package, _ in partly_told(image, book, at=TODAY))
        if image.distro is not None:
            ended[image.distro] = any("end of life" in problem.reason for problem in result.problems)
    return found, unknown, ended


def applied(before: Facts, events: Sequence[Event]) -> Facts:
    """What affects after the events; each must find what it changes, and change it."""
    found = before.copy()
    for event in events:
        coordinate = FLEET.coordinate(event.coordinate)
        if not event.advisory:
            continue
        old = None if event.op == "new" or event.before is None else facts(event.before)
        new = None if event.op == "gone" or event.after is None else facts(event.after)
        assert (old is None, new is None, bool(event.what and event.op == "changed")) == (
            event.op == "new",
            event.op == "gone",
            event.op == "changed",
        )
        assert old != new
        if old is not None:
            assert found[coordinate, old] > 0
            found[coordinate, old] -= 1
        if new is not None:
            found[coordinate, new] += 1
    return +found


@settings(max_examples=1000)
@given(days())
def test_a_rematch_is_the_difference_of_two_full_matchings(days: tuple[list[Record], list[Record]]) -> None:
    with both(*days) as (previous, following):
        result = rematch(previous, following, FLEET, at=TODAY, thresholds=THRESHOLDS)
        before, was_unknown, had_ended = matched(previous)
        after, is_unknown, has_ended = matched(following)
    assert applied(before, result.events) == after
    assert {(event.op, FLEET.coordinate(event.coordinate)) for event in result.events if not event.advisory} == {
        *(("untold", each) for each in is_unknown - was_unknown),
        *(("told", each) for each in was_unknown - is_unknown),
    }
    turned = {distro for distro, ended in has_ended.items() if ended != had_ended[distro]}
    assert {(event.distro, event.op == "ended") for event in result.releases} == {
        (distro, has_ended[distro]) for distro in turned
    }
    concerned = {FLEET.coordinate(event.coordinate) for event in result.events}
    assert set(result.images) == {
        number
        for number, image in enumerate(IMAGES)
        if image.distro in turned or not concerned.isdisjoint(coordinates_of(image))
    }


@settings(max_examples=25)
@given(days(), st.integers(1, 5))
def test_the_size_of_batches_and_a_stop_between_them_change_nothing(
    days: tuple[list[Record], list[Record]], size: int
) -> None:
    with both(*days) as (previous, following):
        whole = rematch(previous, following, FLEET, at=TODAY, thresholds=THRESHOLDS).events
        found: list[Event] = []
        last = -1
        while True:
            with Rematching(previous, following, FLEET, at=TODAY, thresholds=THRESHOLDS) as work:
                batch = next(work.batches(after=last, size=size), None)
            if batch is None:
                break
            last = batch.last
            found += batch.events
    assert tuple(found) == whole
