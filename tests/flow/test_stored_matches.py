"""Stored matches are those that matching gives: of every image of the corpus, of changed snapshots, and wherever the work is cut off."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from hullmark.advisories.database.build import build
from hullmark.advisories.database.shelf import Shelf
from hullmark.advisories.database.snapshot import Snapshot
from hullmark.advisories.match.find import partly_told
from hullmark.app.vulns import MATCHING_READS, MatchOptions, match_scan
from hullmark.model.advisory import Advisory, AffectedPackage, Cvss, Exploitability, KevEntry, Range, Record, Support
from hullmark.model.inventory import Inventory
from hullmark.model.match import Match
from hullmark.model.package import UNKNOWN_VERSION
from hullmark.scanning.request import ScanRequest, ScanResources, ScanResult
from hullmark.scanning.take import take
from hullmark.server.stories.advisories import matching
from hullmark.server.tables.advisories import snapshots
from hullmark.server.tables.database import Connection, Database
from hullmark.server.tables.images import holders
from hullmark.server.tables.images.holders import PackageQuery
from hullmark.server.tables.judging import reports
from hullmark.server.tables.judging.reports import Filter, StoredMatch
from hullmark.source import SourceOptions
from tests.support import advisory_days, fork_server
from tests.support.adoption import adopt_snapshot
from tests.support.advisory_days import days
from tests.support.database import fresh_database
from tests.support.examples import examples
from tests.support.fork_server import RunRequest
from tests.support.matching import advisory, affected, inventory, package
from tests.support.places import CORPUS, REPOSITORY, corpus
from tests.support.snapshots import snapshot_in, two_snapshots
from tests.support.updated import updated_program

AT = "2026-11-26"
BEFORE = "2026-11-25"
IMAGES = ("apk-image", "debian-slim", "distroless", "go-tools", "java-app", "nginx", "node-app", "python-app", "rpm-image",
          "rpm-ndb", "ruby-app")  # fmt: skip


# The corpus


@dataclass(frozen=True)
class World:
    """The names of the corpus' images that were built, and the advisories of the real data."""

    names: tuple[str, ...]
    cache: Path
    shelf: Shelf
    first: Snapshot

    def image(self, name: str) -> ScanResult:
        """What one of them holds."""
        scan_request, means = ScanRequest(reads=MATCHING_READS), ScanResources(cache_folder=self.cache)
        return take(f"oci-dir:{corpus('oci', name)}", scan_request, means, SourceOptions())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[World]:
    names = tuple(name for name in IMAGES if CORPUS is not None and (CORPUS / "oci" / name).exists())
    if not names:
        corpus("oci", "nginx")
    shelf = Shelf(updated_program(tmp_path_factory, request.config).program.home / ".local/share/hullmark/advisories")
    current = shelf.current()
    assert current is not None
    with Snapshot(*current) as first:
        yield World(names, tmp_path_factory.mktemp("world") / "cache", shelf, first)


@pytest.fixture
def second(world: World, tmp_path: Path) -> Iterator[Snapshot]:
    """Another snapshot of the real data, which says something else of the images."""
    feeds = [(info, changed(info.name, world.shelf.records(info.name))) for info in world.first.feeds]
    digest = build(tmp_path / "second", feeds)
    with Snapshot(tmp_path / "second", digest) as found:
        yield found


def changed(feed: str, records: Iterable[Record]) -> Iterator[Record]:
    """A feed's records on another day: some are gone, others say something else, and all scores are new."""
    for number, record in enumerate(records):
        if isinstance(record, Exploitability):
            yield Exploitability(record.cve, min(record.score * (3 if number % 5 == 0 else 1.01), 1), record.percentile)
        elif (isinstance(record, KevEntry | Support) and number % 3 == 0) or feed == "osv" or number % 11 == 0:
            continue
        elif isinstance(record, Advisory) and number % 7 == 0:
            yield msgspec.structs.replace(record, severity="critical", summary="another text")
        elif isinstance(record, Advisory) and number % 7 == 1:
            yield msgspec.structs.replace(record, affected=tuple(map(without_fix, record.affected)))
        else:
            yield record


def without_fix(part: AffectedPackage) -> AffectedPackage:
    """A part of which no fix is known."""
    spans = tuple(Range(low=span.low, low_open=span.low_open) for span in part.ranges)
    return msgspec.structs.replace(part, ranges=spans, fix_state="not-fixed")


@pytest.mark.slow
def test_what_is_stored_of_the_corpus_is_what_matching_gives_before_and_after_a_new_snapshot(
    world: World,
    second: Snapshot,
    database_url: str,
) -> None:
    images = {name: world.image(name) for name in world.names}

    async def story(db: Database) -> None:
        one = await adopted(db, world.first, None, at=BEFORE)
        ids = {name: await taken(db, world.first, name, matching.matchable(image)) for name, image in images.items()}
        for name, image in images.items():
            await same(db, ids[name], image, world.first, BEFORE, name)
        before = {name: await whole(db, number) for name, number in ids.items()}
        two = await adopted(db, second, world.first, at=AT)
        async with db.system() as conn:
            touched = await images_touched(conn, two)
            assert await images_touched(conn, one) == set()
        for name, image in images.items():
            await same(db, ids[name], image, second, AT, name)
            if decisive(before[name]) != decisive(await whole(db, ids[name])):
                assert ids[name] in touched, name
        assert touched
        every = [row for rows in before.values() for row in rows]
        assert len(every) > 50
        if "python-app" in images:
            assert {row.suppressed and row.suppressed.by for row in every} >= {None, "not-affected"}

    told(database_url, story)


@pytest.mark.slow
def test_counts_and_filters_are_those_of_the_report(world: World, database_url: str) -> None:
    async def story(db: Database) -> None:
        await adopted(db, world.first, None, at=AT)
        some = [name for name in ("python-app", "go-tools", "apk-image") if name in world.names]
        assert some
        for name in some:
            number = await taken(db, world.first, name, matching.matchable(world.image(name)))
            rows = await whole(db, number)
            assert rows
            async with db.system() as conn:
                counted = (await reports.counts(conn, [number]))[number]
            for severity in ("low", "medium", "high", "critical"):
                counting = [row for row in rows if row.advisory.severity == severity and row.suppressed is None]
                assert counted.severities.get(severity, 0) == len(counting)
                assert counted.fixable.get(severity, 0) == sum(row.fix.state == "fixed" for row in counting)
            filters: list[tuple[Filter, Callable[..., bool]]] = [
                (Filter(severities=("high", "critical")), lambda row: row.advisory.severity in ("high", "critical")),
                (Filter(fix_states=("fixed",)), lambda row: row.fix.state == "fixed"),
                (
                    Filter(package=rows[0].package.name),
                    lambda row, first=rows[0]: row.package.name == first.package.name,
                ),
                (Filter(advisory=rows[0].advisory.id), lambda row, first=rows[0]: first.advisory.id in ids_of(row)),
                (Filter(system=True), lambda row: row.package.type in ("deb", "rpm", "apk")),
                (Filter(system=False), lambda row: row.package.type not in ("deb", "rpm", "apk")),
                (Filter(counting=True), lambda row: row.suppressed is None),
                (Filter(counting=False), lambda row: row.suppressed is not None),
            ]
            for scan_request, wanted in filters:
                assert await whole(db, number, scan_request) == [row for row in rows if wanted(row)], scan_request

    told(database_url, story)


def ids_of(row: StoredMatch) -> set[str]:
    """Every name of a match's advisory."""
    return {row.advisory.id, row.advisory.cve, *row.advisory.aliases}


# Made by hand


LIB = package("deb", "libfoo", "1.2-1", source=("foo", "1.2-1"), arch="amd64", notes={"section": "libs"})
APK = package("apk", "py3-foo", "1.2-r0")
SMALL = {
    "owned": inventory(
        [APK, package("pypi", "foo", "1.2", owned_by=APK.purl), package("pypi", "foo", "1.2", purl="pkg:pypi/foo@1.2?x=y")],
        "alpine:3.18",
    ),
    "plain": inventory([package("pypi", "foo", "1.2"), package("pypi", "odd", UNKNOWN_VERSION), LIB], "debian:12"),
    "debian": inventory([LIB, package("pypi", "foo", "1.2", owned_by=LIB.purl)], "debian:12"),
}  # fmt: skip
FOO = advisory("GHSA-1", affected("pypi", "foo", "pep440", "2"), aliases=("CVE-2024-1",), severity="high")
ODD = advisory("GHSA-2", affected("pypi", "odd", "pep440", "2"), aliases=("CVE-2024-2",))
DEB = advisory("CVE-2024-3", affected("debian:12", "foo", "deb", "1.5-1"), severity="low")
MENDED = advisory("CVE-2024-1", affected("alpine:3.18", "py3-foo", "apk", "1.1-r0"), source="alpine")
FILLER = advisory("CVE-2000-1", affected("alpine:3.18", "filler", "apk", "1-r0"), source="filler")
RATED = Advisory(id="CVE-2024-3", source="nvd", cvss=(Cvss("3.1", "CVSS:3.1/AV:N", 9.8, "nvd"),))
LISTED = KevEntry(cve="CVE-2024-1", source="kev", added="2026-01-01", ransomware=True)
UNAFFECTED = advisory("CVE-2024-3", affected("debian:12", "foo", "deb", "1.5-1", kind="unaffected"), source="vex")
JOINED = [
    advisory(
        "OSV-1", affected("pypi", "foo", "pep440", "2"), source="osv", aliases=("CVE-2024-1", "PYSEC-1"), severity="low"
    ),
    advisory("PYSEC-1", affected("pypi", "foo", "pep440", "2"), source="pypa", severity="critical"),
]
DOUBT = affected("debian:12", "foo", "deb", kind="unknown", ranges=(Range(),), note="it cannot be read")
RECORDS = [FOO, ODD, DEB, FILLER]

STEPS: dict[str, list[Record]] = {
    "an advisory more": [*RECORDS, advisory("GHSA-3", affected("pypi", "foo", "pep440", "3"), severity="low")],
    "an advisory less": [ODD, DEB, FILLER],
    "nothing is known of a namespace": [DEB, FILLER],
    "taken back": [msgspec.structs.replace(FOO, withdrawn="2026-02-01"), ODD, DEB, FILLER],
    "another fix": [msgspec.structs.replace(FOO, affected=(affected("pypi", "foo", "pep440", "3"),)), ODD, DEB, FILLER],
    "another id": [msgspec.structs.replace(FOO, id="GHSA-9", aliases=("CVE-2024-1", "GHSA-1")), ODD, DEB, FILLER],
    "a word that it is not affected": [*RECORDS, UNAFFECTED],
    "another speaks for it, by way of a third name": [*RECORDS, *JOINED],
    "nobody speaks of what has no version": [FOO, DEB, FILLER],
    "the owner is recorded as mended": [*RECORDS, MENDED],
    "another severity": [msgspec.structs.replace(FOO, severity="critical"), ODD, DEB, FILLER],
    "another rating": [*RECORDS, RATED],
    "listed as exploited": [*RECORDS, LISTED],
    "scored": [*RECORDS, Exploitability("CVE-2024-1", 0.5, 0.9), Exploitability("CVE-2024-3", 0.02, 0.3)],
    "no longer supported": [*RECORDS, Support(namespace="debian:12", name="foo", source="x", level="ended")],
    "a record cannot be read": [*RECORDS, advisory("the record x", DOUBT)],
    "support ends in the morning": [
        *RECORDS, Support(namespace="debian:12", name="foo.*", source="x", level="ended", since=AT)
    ],
}  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
def test_there_and_back(step: str, tmp_path: Path, database_url: str) -> None:
    async def story(db: Database) -> None:
        with snapshot_in(tmp_path, RECORDS) as first, snapshot_in(tmp_path, STEPS[step]) as second:
            await adopted(db, first, None, at=BEFORE)
            ids = {name: await taken(db, first, name, each) for name, each in SMALL.items()}
            states = [{name: await whole(db, number) for name, number in ids.items()}]
            for previous, following in ((first, second), (second, first)):
                number = await adopted(db, following, previous, at=AT)
                states.append({name: await whole(db, id_) for name, id_ in ids.items()})
                async with db.system() as conn:
                    touched = await images_touched(conn, number)
                for name, each in SMALL.items():
                    await same(db, ids[name], ScanResult(each), following, AT, name)
                    if decisive(states[-1][name]) != decisive(states[-2][name]) and step != "scored":
                        assert ids[name] in touched

    told(database_url, story)


def test_what_decides_nothing_touches_no_image(tmp_path: Path, database_url: str) -> None:
    scores = [Exploitability("CVE-2024-1", score, 0.5) for score in (0.11, 0.49)]
    elsewhere = advisory("CVE-2024-7", affected("debian:12", "not-there", "deb", "9"))
    reworded = msgspec.structs.replace(FOO, summary="Other words.")

    async def story(db: Database) -> None:
        with (
            snapshot_in(tmp_path, [*RECORDS, scores[0]]) as first,
            snapshot_in(tmp_path, [reworded, ODD, DEB, FILLER, scores[1], elsewhere]) as second,
        ):
            await adopted(db, first, None, at=AT)
            for name, image in SMALL.items():
                await taken(db, first, name, image)
            number = await adopted(db, second, first, at=AT)
            async with db.system() as conn:
                assert await images_touched(conn, number) == set()

    told(database_url, story)


def test_what_becomes_unknown_or_known_is_written_down_also_where_nothing_affects(
    tmp_path: Path, database_url: str
) -> None:
    async def story(db: Database) -> None:
        with snapshot_in(tmp_path, [FOO, DEB, FILLER]) as first, snapshot_in(tmp_path, RECORDS) as second:
            await adopted(db, first, None, at=AT)
            image = await taken(db, first, "image", inventory([package("pypi", "odd", UNKNOWN_VERSION)], "debian:12"))
            for previous, following, unknown in ((first, second, 1), (second, first, 0)):
                number = await adopted(db, following, previous, at=AT)
                async with db.system() as conn:
                    assert await images_touched(conn, number) == {image}
                    assert len((await reports.list_unknown_packages(conn, image)).packages) == unknown

    told(database_url, story)


def test_who_owns_a_package_answers_for_it_where_it_does(tmp_path: Path, database_url: str) -> None:
    async def story(db: Database) -> None:
        with snapshot_in(tmp_path, [*RECORDS, MENDED]) as source:
            await adopted(db, source, None, at=AT)
            rows = await whole(db, await taken(db, source, "owned", SMALL["owned"]))
            assert [(row.package.purl, row.suppressed and row.suppressed.by) for row in rows] == [
                ("pkg:pypi/foo@1.2", "distro"),
                ("pkg:pypi/foo@1.2?x=y", None),
            ]

    told(database_url, story)


@pytest.mark.parametrize("many", [0, 300])
def test_images_are_found_page_by_page_and_only_those_of_the_account(
    many: int,
    tmp_path: Path,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(holders, "_MANY_SETS", many)

    async def story(db: Database) -> None:
        with snapshot_in(tmp_path, RECORDS) as source:
            await adopted(db, source, None, at=AT)
            ids = [await taken(db, source, str(number), SMALL[("plain", "debian")[number % 2]]) for number in range(9)]
            foreign = await taken(db, source, "foreign", SMALL["plain"])
            async with db.system() as conn:
                mine, theirs = await an_account(conn, ids), await an_account(conn, [foreign, ids[0]])
            for name in ("CVE-2024-2", "GHSA-2"):
                assert (
                    await held(db, mine, lambda conn, a, at, n=name: holders.images_with_advisory(conn, a, n, at, 2))
                    == []
                )
            query = PackageQuery(name="libfoo", version="1.2-1", type="deb")
            for account, expected in ((mine, ids), (theirs, sorted([foreign, ids[0]]))):
                assert expected == await held(
                    db, account, lambda conn, a, at: holders.images_with_advisory(conn, a, "CVE-2024-3", at, 2)
                )
                assert expected == await held(
                    db, account, lambda conn, a, at: holders.images_with_package(conn, a, query, at, 2)
                )
            nothing = PackageQuery(name="libfoo", version="1.2-2")
            assert await held(db, mine, lambda conn, a, at: holders.images_with_package(conn, a, nothing, at, 2)) == []
            with snapshot_in(tmp_path, [ODD, DEB, FILLER]) as following:
                new = await adopted(db, following, source, at=AT)
            async with db.system() as conn:
                every = sorted([*ids, foreign])
                assert await images_touched(conn, new) == set(every)
            async with db.tenant(theirs) as conn:
                assert (await reports.list_unknown_packages(conn, ids[1])).packages == ()
                assert (await reports.report(conn, ids[1])).matches == ()
                assert (await reports.report(conn, ids[0])).matches
                assert (await reports.counts(conn, [ids[1]]))[ids[1]].severities == {}

    told(database_url, story)


def test_what_was_stored_a_moment_ago_is_unknown_not_clean(tmp_path: Path, database_url: str) -> None:
    async def story(db: Database) -> None:
        from hullmark.server.tables.images.coordinates import store_packages

        async with db.system() as conn:
            number = await an_image(conn, "new")
            await store_packages(conn, number, SMALL["plain"])
        async with db.system() as conn:
            page = await reports.list_unknown_packages(conn, number)
        assert {each.reasons for each in page.packages} == {(reports.NOT_MATCHED,)}
        assert len(page.packages) == len(SMALL["plain"].packages)

    told(database_url, story)


def test_with_an_older_snapshot_nothing_is_written(tmp_path: Path, database_url: str) -> None:
    async def story(db: Database) -> None:
        with snapshot_in(tmp_path, RECORDS) as first, snapshot_in(tmp_path, [ODD]) as second:
            old = await adopted(db, first, None, at=AT)
            await adopted(db, second, first, at=AT)
            with pytest.raises(snapshots.OtherSnapshot):
                await taken(db, first, "late", SMALL["plain"])
            async with db.system() as conn:
                with pytest.raises(snapshots.OtherSnapshot):
                    await matching.match_coordinates(conn, first, old, [])

    told(database_url, story)


def test_a_newer_snapshot_takes_over_from_one_that_was_not_adopted_to_its_end(
    tmp_path: Path,
    database_url: str,
) -> None:
    async def story(db: Database) -> None:
        third = [*STEPS["an advisory more"], RATED]
        with (
            snapshot_in(tmp_path, RECORDS) as first,
            snapshot_in(tmp_path, [DEB, FILLER]) as second,
            snapshot_in(tmp_path, third) as last,
        ):
            await adopted(db, first, None, at=BEFORE)
            ids = {name: await taken(db, first, name, each) for name, each in SMALL.items()}
            async with db.system() as conn:
                number = await snapshots.add_snapshot(conn, second.digest, data_at="", object="", namespaces={})
            await matching.begin_adoption(db, number, second, first, at=AT)
            await matching.rematch_some(db, second, number, size=1)
            await adopted(db, last, second, at=AT)
            for name, each in SMALL.items():
                await same(db, ids[name], ScanResult(each), last, AT, name)

    told(database_url, story)


def owning(image: Inventory) -> Inventory:
    """The image with packages that its first package owns."""
    owner = image.packages[0].purl
    owned = [package("pypi", name, version, owned_by=owner) for name in ("foo", "bar") for version in ("1.1", "1.2")]
    bare = [
        package("generic", "foo", "1.2", owned_by=owner),
        package("golang", "example.org/foo", "v1.2.0", owned_by=owner),
    ]
    return msgspec.structs.replace(image, packages=(*image.packages, *owned, *bare))


@settings(max_examples=examples(10))
@given(days())
def test_whatever_two_snapshots_say_stored_matches_are_those_of_the_newer(
    database_server: str,
    days: tuple[list[Record], list[Record]],
) -> None:
    images = [owning(image) for image in advisory_days.IMAGES]

    async def story(db: Database) -> None:
        with two_snapshots(*days) as (first, second):
            await adopted(db, first, None, at=BEFORE)
            ids = [await taken(db, first, str(number), image) for number, image in enumerate(images)]
            for at, (previous, source) in ((BEFORE, (None, first)), (AT, (first, second))):
                if previous is not None:
                    await adopted(db, source, previous, at=at)
                for number, image in zip(ids, images, strict=True):
                    await same(db, number, ScanResult(image), source, at, str(number))

    told(fresh_database(database_server), story)


KILLED = """
import asyncio, sys
from pathlib import Path
from hullmark.advisories.database.snapshot import Snapshot
from hullmark.server.tables.database import Database
from tests.support.adoption import adopt_snapshot

async def main(url, number, first, one, second, two):
    async with Database(url, most=2) as db:
        with Snapshot(Path(first), one) as previous, Snapshot(Path(second), two) as following:
            await adopt_snapshot(db, int(number), following, previous, at="2026-11-26", size=2)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.slow
def test_an_adoption_that_is_killed_again_and_again_comes_to_the_same_end(tmp_path: Path, database_url: str) -> None:
    names = [f"p{number}" for number in range(60)]
    image = inventory([package("pypi", name, "1.2") for name in names], "debian:12")
    before: list[Record] = [advisory(f"A-{name}", affected("pypi", name, "pep440", "2")) for name in names]
    after: list[Record] = [advisory(f"B-{name}", affected("pypi", name, "pep440", "3")) for name in names]

    async def story(db: Database) -> None:
        with snapshot_in(tmp_path, before) as first, snapshot_in(tmp_path, after) as second:
            await adopted(db, first, None, at=BEFORE)
            number = await taken(db, first, "image", image)
            async with db.system() as conn:
                new = await snapshots.add_snapshot(conn, second.digest, data_at="", object="", namespaces={})
            words = ["-c", KILLED, database_url, str(new), str(first.path), first.digest, str(second.path),
                     second.digest]  # fmt: skip
            kills = await killed_until_done(db, words)
            assert kills > 1
            await same(db, number, ScanResult(image), second, AT, "image")
            async with db.system() as conn:
                assert await images_touched(conn, new) == {number}
                known = await snapshots.snapshot_by_id(conn, new)
                rows = await (await conn.execute("SELECT count(DISTINCT coordinate_id) FROM match_change")).fetchone()
            assert known is not None
            assert known.is_adopted
            assert rows == (len(names),)

    told(database_url, story)


async def images_touched(conn: Connection, snapshot_id: int) -> set[int]:
    """The images that hold something of which it is written down that a snapshot says it differently."""
    cursor = await conn.execute(
        "SELECT DISTINCT image_id FROM match_change change JOIN package ON package.coordinate_id = change.coordinate_id"
        " AND package.id = coalesce(change.package_id, package.id) JOIN set_member ON set_member.package_id = package.id"
        " JOIN image_set USING (set_id) WHERE change.snapshot_id = %s",
        (snapshot_id,),
    )
    return {int(number) for (number,) in await cursor.fetchall()}


async def killed_until_done(db: Database, words: list[str]) -> int:
    """Run a program and kill it each time that it has got a bit further, until it comes to its end; how often that was."""
    kills = 0
    while True:
        left = await how_far(db)
        process = fork_server.launch(RunRequest(words, dict(os.environ), str(REPOSITORY)), sys.stderr.fileno())
        assert process is not None
        try:
            while process.poll() is None and await how_far(db) == left:
                await asyncio.sleep(0.002)
            if process.poll() is not None:
                assert process.returncode == 0
                return kills
            kills += 1
        finally:
            process.kill()
            process.wait(60)


async def how_far(db: Database) -> tuple[Any, ...]:
    """What changes whenever an adoption has got a bit further."""
    async with db.system() as conn:
        known = await snapshots.current(conn)
        return (known, await snapshots.count_planned(conn))


def test_images_come_while_snapshots_do_and_all_ends_with_the_last(tmp_path: Path, database_url: str) -> None:
    names = [f"p{number}" for number in range(80)]
    days: list[list[Record]] = [
        [
            FILLER,
            *(advisory(f"A{day}-{name}", affected("pypi", name, "pep440", "2")) for name in names),
            *(
                advisory(f"CVE-2020-{each}", affected("alpine:3.18", "py3-foo", "apk", f"1.{each + day}-r0"))
                for each in range(9)
            ),
        ]
        for day in range(3)
    ]
    images = [
        inventory(
            [APK, *(package("pypi", name, f"1.{worker % 3}", owned_by=APK.purl if worker % 2 else None) for name in names)],
            "alpine:3.18",
        )
        for worker in range(12)
    ]  # fmt: skip

    async def store(db: Database, name: str, image: Inventory, paths: Mapping[str, Path]) -> None:
        while True:
            async with db.system() as conn:
                digest = (await snapshots.current(conn)).digest or ""
            with Snapshot(paths[digest], digest) as source:
                try:
                    await taken(db, source, name, image)
                except snapshots.OtherSnapshot:
                    continue
                return

    async def story(db: Database) -> None:
        with contextlib.ExitStack() as stack:
            sources = [stack.enter_context(snapshot_in(tmp_path, day)) for day in days]
            paths = {source.digest: source.path for source in sources}
            await adopted(db, sources[0], None, at=AT)
            work = [asyncio.create_task(store(db, str(n), image, paths)) for n, image in enumerate(images)]
            for previous, following in pairwise(sources):
                async with db.system() as conn:
                    new = await snapshots.add_snapshot(conn, following.digest, data_at="", object="", namespaces={})
                await matching.begin_adoption(db, new, following, previous, at=AT)
                await asyncio.gather(*(finished(db, following, new) for _ in range(2)))
            await asyncio.gather(*work)
            async with db.system() as conn:
                never = "SELECT id FROM coordinate WHERE id NOT IN (SELECT coordinate_id FROM coordinate_state)"
                assert await (await conn.execute(never)).fetchall() == []
                rows = await (await conn.execute("SELECT id, digest FROM image ORDER BY id")).fetchall()
            assert len(rows) == len(images)
            for number, name in rows:
                await same(db, number, ScanResult(images[int(name)]), sources[-1], AT, name)

    async def finished(db: Database, source: Snapshot, new: int) -> None:
        while await matching.rematch_some(db, source, new, size=7):
            pass
        while await matching.weigh_some(db, source, new, size=50):
            pass

    told(database_url, story)


# How it is told


def told(url: str, story: Callable[[Database], Awaitable[None]]) -> None:
    """Run a story on a database."""

    async def main() -> None:
        async with Database(url, most=4) as db:
            await story(db)

    asyncio.run(main())


async def adopted(db: Database, source: Snapshot, previous: Snapshot | None, *, at: str) -> int:
    """Adopt a snapshot; its number."""
    async with db.system() as conn:
        number = await snapshots.add_snapshot(conn, source.digest, data_at=source.data_at, object="", namespaces={})
    await adopt_snapshot(db, number, source, previous, at=at, size=300)
    async with db.system() as conn:
        assert await snapshots.count_planned(conn) == 0
    return number


async def an_image(conn: Connection, name: str) -> int:
    row = await (await conn.execute("INSERT INTO image (digest) VALUES (%s) RETURNING id", (name,))).fetchone()
    assert row is not None
    return int(row[0])


async def an_account(conn: Connection, images: Iterable[int]) -> int:
    """A new account that holds these images."""
    row = await (
        await conn.execute("INSERT INTO account (name) SELECT 'a' || count(*) FROM account RETURNING id")
    ).fetchone()
    assert row is not None
    for image in images:
        await conn.execute("INSERT INTO account_image (account_id, image_id) VALUES (%s, %s)", (row[0], image))
    return int(row[0])


async def taken(db: Database, source: Snapshot, name: str, image: Inventory) -> int:
    """Store and match an image; its number."""
    async with db.system() as conn:
        number = await an_image(conn, name)
        await matching.take_in(conn, source, number, image)
        return number


async def whole(db: Database, number: int, wanted: Filter = Filter(), limit: int = 97) -> list[StoredMatch]:  # noqa: B008
    """The whole report of an image, page by page."""
    rows: list[StoredMatch] = []
    cursor: str | None = None
    async with db.system() as conn:
        while True:
            page = await reports.report(conn, number, wanted, cursor, limit)
            rows += page.matches
            cursor = page.next
            if cursor is None:
                return rows
            assert len(page.matches) == limit


async def held(db: Database, account: int, ask: Callable[..., Awaitable[holders.HolderPage]]) -> list[int]:
    """All that is held, page by page."""
    found: list[int] = []
    cursor: int | None = None
    async with db.system() as conn:
        while True:
            page = await ask(conn, account, cursor)
            found += [holder.image_id for holder in page.holders]
            cursor = page.next
            if cursor is None:
                return found


async def same(db: Database, number: int, scanned: ScanResult, source: Snapshot, at: str, name: str) -> None:
    """The stored report is what matching gives: the same matches in the same order, and the same unknown packages."""
    expected = match_scan(scanned, source, MatchOptions(at=at))
    rows = await whole(db, number)
    found, wanted = [stored(row) for row in rows], [fresh(match) for match in expected.matches]
    # Copies of a package that several packages own differ in nothing that is ordered but where they lie.
    assert [in_order(each) for each in found] == [in_order(each) for each in wanted], name
    assert sorted(found, key=repr) == sorted(wanted, key=repr), name
    unknown: list[str] = []
    cursor: str | None = None
    async with db.system() as conn:
        while True:
            page = await reports.list_unknown_packages(conn, number, cursor, 13)
            unknown += [each.package.purl for each in page.packages for _ in each.reasons]
            cursor = page.next
            if cursor is None:
                break
    # What a namespace does not tell of is a gap of a result, and here the reason of each package that has none of its own.
    own = [told.package.purl for told in expected.unknown]
    uncovered = {id(found): found.purl for found, _ in partly_told(matching.matchable(scanned), source, at=at)}
    assert Counter(unknown) == Counter([*own, *(purl for purl in uncovered.values() if purl not in own)]), name


def in_order(each: Mapping[str, Any]) -> list[Any]:
    """What the order is made of."""
    return [each["weight"], each["package"][:-1], each["advisory"], each["compared"]]


def stored(row: StoredMatch) -> Mapping[str, Any]:
    """What of a stored match has to be the same."""
    p = row.package
    return common(row) | {"package": (p.type, p.name, p.version, p.arch, p.purl, p.owned_by)}


def fresh(match: Match) -> Mapping[str, Any]:
    """What of a match has to be the same."""
    p = match.package
    return common(match) | {"package": (p.type, p.name, p.version, p.arch, p.purl, p.owned_by or "")}


def common(row: StoredMatch | Match) -> dict[str, Any]:
    told, epss = row.advisory, row.advisory.epss
    return {
        "advisory": (
            told.id,
            told.source,
            told.namespace,
            told.cve,
            sorted(told.aliases),
            told.severity,
            told.cvss,
            told.vendor_ids,
        ),
        "weight": (row.risk, told.kev, epss and (epss.score, epss.percentile)),
        "fix": row.fix,
        "compared": (row.kind, row.name, row.version, row.confidence),
        "suppressed": row.suppressed,
    }


def decisive(rows: Iterable[StoredMatch]) -> list[Any]:
    """What of matches is news, whatever they weigh."""
    found = [stored(row) for row in rows]
    return sorted(
        ([(key, each[key]) for key in ("package", "advisory", "fix", "suppressed")] for each in found), key=repr
    )


def test_a_cursor_that_nobody_gave_is_refused(database_url: str) -> None:
    from hullmark.model.errors import HullmarkError

    async def story(db: Database) -> None:
        for cursor in ("", "x", "bnVsbA", "WzFd", "é", "A" * 5000):
            async with db.system() as conn:
                for ask in (
                    reports.report(conn, 1, cursor=cursor),
                    reports.list_unknown_packages(conn, 1, cursor=cursor),
                ):
                    with pytest.raises(HullmarkError):
                        await ask

    told(database_url, story)
