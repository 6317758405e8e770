"""A snapshot is the same to the byte, written as a whole or over an earlier one; what has not changed is not read again."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hullmark.advisories.database import schema
from hullmark.advisories.database.build import Base, build, build_on
from hullmark.advisories.database.contributions import Ledger, Source, decode_ledger, encode_ledger
from hullmark.advisories.database.schema import FeedInfo
from hullmark.advisories.database.snapshot import Snapshot
from hullmark.advisories.match.advisory_source import Ask
from hullmark.model.advisory import (
    Advisory,
    AffectedPackage,
    Exploitability,
    KevEntry,
    Lifecycle,
    Range,
    Record,
    Statement,
    Support,
)
from hullmark.model.errors import HullmarkError
from tests.support.matching import advisory, affected, info

CODE = "this program"
OVERRIDES = {"over": "b", "under": "over", "first": "zero"}
"""Whom feeds override: one before them, one that overrides another itself, and one that comes after them (which has no effect)."""

Feeds = Mapping[str, Sequence[Record]]


def infos(feeds: Feeds, day: str = "2026-06-30") -> list[FeedInfo]:
    return [info(name, overrides=OVERRIDES.get(name, ""), checked_on=day, dated_by="records") for name in feeds]


def sources(feeds: Feeds, day: str = "2026-06-30", read: Callable[[str], object] = str) -> list[Source]:
    """Each feed, in the order given; `read` is told whose records are read."""

    def source(said: FeedInfo, records: Sequence[Record]) -> Source:
        def given() -> Iterable[Record]:
            read(said.name)
            return iter(records)

        return Source(said, hashlib.sha256(msgspec.msgpack.encode(records)).hexdigest(), given)

    return [source(said, feeds[said.name]) for said in infos(feeds, day)]


class Bench:
    """Snapshots that are written over each other in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.base: Base | None = None
        self.count = 0

    def path(self) -> Path:
        self.count += 1
        return self.folder / f"{self.count}.sqlite"

    def write(self, feeds: Feeds, day: str = "2026-06-30", code: str = CODE) -> list[str]:
        """Write over the last one, which must give what writing as a whole gives; answers whose records were read."""
        read: list[str] = []
        path, whole = self.path(), self.path()
        ledger = build_on(path, sources(feeds, day, read.append), code, self.base)
        assert ledger == build_on(whole, sources(feeds, day), code, None)
        assert path.read_bytes() == whole.read_bytes()
        kept = decode_ledger(encode_ledger(ledger))
        assert kept == ledger
        self.base = Base(path, kept)
        return read

    def stored(self) -> Snapshot:
        assert self.base is not None
        return Snapshot(self.base.path, self.base.ledger.snapshot)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


CVES = st.sampled_from(["CVE-1-1", "CVE-1-2"])
NAMES = st.sampled_from(["x", "y", "z"])
SPACES = st.sampled_from(["n", "m"])
DAYS = st.sampled_from(["", "2026-01-01", "2026-06-30", "2026-07-01", "2027-01-01"])
VERSIONS = st.sampled_from(["", "1.0", "2.0-1", "1:3", "not a version"])
PARTS = st.builds(
    AffectedPackage,
    namespace=SPACES,
    name=NAMES,
    scheme=st.sampled_from(["deb", "rpm", "maven"]),
    ranges=st.lists(st.builds(Range, VERSIONS, st.booleans(), VERSIONS), min_size=1, max_size=2).map(tuple),
    versions=st.sampled_from([(), ("1.0",)]),
    kind=st.sampled_from(["affected", "unaffected"]),
)
ADVISORIES = st.builds(
    Advisory,
    id=CVES,
    source=st.sampled_from(["s", "t"]),
    aliases=st.sampled_from([(), ("CVE-1-1", "X-1"), ("X-1",)]),
    modified=DAYS,
    withdrawn=st.sampled_from(["", "", "", "2026-01-01"]),
    affected=st.lists(PARTS, min_size=1, max_size=2).map(tuple),
)
OTHERS = st.one_of(
    st.builds(Exploitability, CVES, st.sampled_from([0.0, 0.5, 1.0]), st.just(0.25), DAYS),
    st.builds(KevEntry, cve=CVES, source=st.just("s"), added=DAYS),
    st.builds(Lifecycle, product=NAMES, release=st.sampled_from(["1", "2"]), source=st.just("s"), eol=DAYS),
    st.builds(Support, namespace=SPACES, name=NAMES, source=st.just("s"), level=st.just("limited")),
    st.builds(
        Statement,
        vulnerability=CVES,
        source=st.just("s"),
        status=st.just("not_affected"),
        products=st.lists(NAMES.map("pkg:npm/{}@1".format), max_size=2).map(tuple),
        at=DAYS,
    ),
)
RECORD = st.one_of(ADVISORIES, ADVISORIES, ADVISORIES, OTHERS)
RECORDS = st.lists(RECORD, min_size=1, max_size=3)
FEEDS = ("a", "b", "first", "zero", "over", "under")


def otherwise(records: Sequence[Record]) -> st.SearchStrategy[list[Record]]:
    """A feed that says something more than it did, at the beginning or the end, or less, or the same in another order."""
    return st.one_of(
        RECORD.map(lambda record: [record, *records]),
        RECORD.map(lambda record: [*records, record]),
        st.just(list(records[1:])),
        st.permutations(records),
    )


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_writing_over_an_earlier_snapshot_gives_the_bytes_of_writing_it_whole(data: st.DataObject) -> None:
    feeds: dict[str, list[Record]] = {name: data.draw(RECORDS, name) for name in FEEDS}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        bench.write(feeds)
        for _ in range(2):
            for name in sorted(data.draw(st.sets(st.sampled_from(FEEDS), min_size=1, max_size=2), "changed")):
                feeds[name] = data.draw(otherwise(feeds[name]), name)
            bench.write(feeds, data.draw(st.sampled_from(["2026-06-30", "2026-07-01", "2025-01-01"]), "day"))


def test_a_snapshot_does_not_depend_on_whether_it_is_told_how_it_was_made(tmp_path: Path) -> None:
    feeds = {name: [advisory(f"A-{name}", affected("n", name, "deb", "2"))] for name in ("a", "b", "over")}
    digest = build(tmp_path / "one", [(said, feeds[said.name]) for said in infos(feeds)])
    assert build_on(tmp_path / "other", sources(feeds), CODE, None).snapshot == digest


def test_only_feeds_that_changed_are_read(bench: Bench) -> None:
    feeds = {name: [advisory(f"A-{name}", affected("n", name, "deb", "2"))] for name in "abc"}
    assert bench.write(feeds) == ["a", "b", "c"]
    assert bench.write(feeds, "2026-07-01") == []
    assert bench.write(feeds | {"b": [*feeds["b"], advisory("A-2", affected("n", "a", "deb", "3"))]}) == ["b"]
    with bench.stored() as stored:
        assert [hit.advisory.id for hit in stored.hits([Ask("n", "a", "deb", "1")])] == ["A-a", "A-2"]


def test_a_package_keeps_its_ranges_where_the_feed_that_numbered_it_leaves_it(bench: Bench) -> None:
    ours, theirs = advisory("A-1", affected("n", "x", "deb", "2")), advisory("A-2", affected("n", "x", "deb", "3"))
    bench.write({"a": [ours], "b": [theirs]})
    assert bench.write({"a": [advisory("A-3", affected("n", "y", "deb", "2"))], "b": [theirs]}) == ["a"]
    with bench.stored() as stored:
        assert [hit.advisory.id for hit in stored.hits([Ask("n", "x", "deb", "1")])] == ["A-2"]
    assert bench.write({"a": [ours], "b": [theirs]}) == ["a"]
    with bench.stored() as stored:
        assert [hit.advisory.id for hit in stored.hits([Ask("n", "x", "deb", "1")])] == ["A-1", "A-2"]


def test_what_a_feed_no_longer_overrides_is_said_again(bench: Bench) -> None:
    theirs = [advisory(f"CVE-1-{n}", affected("n", "x", "deb", "9")) for n in (1, 2)]
    ours = [advisory(f"CVE-1-{n}", affected("n", "x", "deb", "2")) for n in (1, 2)]

    def told() -> list[tuple[str, str]]:
        with bench.stored() as stored:
            return sorted((hit.advisory.id, hit.range.high) for hit in stored.hits([Ask("n", "x", "deb", "1")]))

    bench.write({"b": theirs, "over": ours[:1]})
    assert bench.write({"b": theirs, "over": ours}) == ["over", "over"]
    assert told() == [("CVE-1-1", "2"), ("CVE-1-2", "2")]
    assert bench.write({"b": theirs, "over": ours[1:]}) == ["over", "b", "over"]
    assert told() == [("CVE-1-1", "9"), ("CVE-1-2", "2")]
    assert bench.write({"b": theirs[1:], "over": ours[1:]}) == ["b"]
    assert told() == [("CVE-1-2", "2")]


def test_feeds_that_give_rows_to_one_table_are_read_together(bench: Bench) -> None:
    listed = [KevEntry(cve=f"CVE-1-{n}", source="s", added="2026-01-01") for n in (1, 2, 3)]
    said = advisory("A-1", affected("n", "x", "deb", "2"))
    bench.write({"a": [listed[0]], "b": [listed[1]], "c": [said]})
    assert bench.write({"a": [], "b": [listed[1]], "c": [said]}) == ["a", "b"]
    with bench.stored() as stored:
        assert stored.all_exploited().keys() == {"CVE-1-2"}
    assert bench.write({"a": [listed[2]], "b": [listed[1]], "c": [said]}) == ["a", "a", "b", "c"]
    with bench.stored() as stored:
        assert stored.all_exploited().keys() == {"CVE-1-2", "CVE-1-3"}


def test_of_what_a_feed_no_longer_says_nothing_is_left(bench: Bench) -> None:
    said: list[Record] = [
        advisory("A-1", affected("n", "x", "deb", "2")),
        Lifecycle(product="x", release="1", source="s", eol="2026-01-01"),
        Statement(vulnerability="CVE-1-1", source="s", status="not_affected", products=("pkg:npm/x",)),
        Exploitability("CVE-1-1", 0.5, 0.5, "2026-01-01"),
        Support(namespace="n", name="x", source="s", level="limited"),
    ]
    bench.write({"a": said, "b": said[:3]})
    assert bench.write({"a": [], "b": said[:3]}) == ["a"]
    with bench.stored() as stored:
        assert (len(stored.lifecycles("x")), len(stored.statements(["pkg:npm/x"])), len(stored.complete("A-1"))) == (
            1,
            1,
            1,
        )
        assert (stored.exploitability(["CVE-1-1"]), stored.support(["n"])) == ({}, {})


def spoilt(base: Base) -> Base:
    content = bytearray(base.path.read_bytes())
    content[len(content) // 2] ^= 1
    base.path.write_bytes(content)
    return base


def of_others(base: Base) -> Base:
    """A ledger that promises rows that are not there: what feeds gave is said to be of each other."""
    one, two = base.ledger.contributions
    swapped = (msgspec.structs.replace(one, packages=()), msgspec.structs.replace(two, packages=()))
    return Base(base.path, msgspec.structs.replace(base.ledger, contributions=swapped))


@pytest.mark.parametrize("spoil", [spoilt, of_others])
def test_a_base_that_is_not_what_its_ledger_says_is_left_aside(bench: Bench, spoil: Callable[[Base], Base]) -> None:
    feeds = {name: [advisory(f"A-{n}", affected("n", "x", "deb", "2")) for n in range(50)] for name in "ab"}
    bench.write(feeds)
    assert bench.base is not None
    bench.base = spoil(bench.base)
    assert bench.write(feeds | {"b": [advisory("A-1", affected("n", "x", "deb", "3"))]})[-2:] == ["a", "b"]


def test_a_base_of_another_program_or_of_other_feeds_is_left_aside(bench: Bench) -> None:
    feeds = {name: [advisory("A-1", affected("n", "x", "deb", "2"))] for name in ("a", "b")}
    bench.write(feeds, code="another")
    assert bench.write(feeds) == ["a", "b"]
    assert bench.write({"a": feeds["a"]}) == ["a"]
    assert bench.write({"a": feeds["a"], "over": feeds["b"]}) == ["a", "over"]
    assert bench.write({"a": feeds["a"], "over": feeds["b"]}) == []


LEDGER = Ledger(code=CODE, snapshot="sha256:0", contributions=())


@given(st.data())
def test_a_ledger_of_which_a_bit_is_another_is_not_believed(data: st.DataObject) -> None:
    kept = bytearray(encode_ledger(LEDGER))
    place = data.draw(st.integers(0, len(kept) * 8 - 1))
    kept[place // 8] ^= 1 << place % 8
    assert decode_ledger(bytes(kept)) is None


@given(st.binary(max_size=80))
def test_what_is_no_ledger_is_not_believed(kept: bytes) -> None:
    assert decode_ledger(kept) is None
    assert decode_ledger(hashlib.sha256(kept).digest() + kept) is None


def test_a_feed_with_more_rows_than_there_are_numbers_is_refused(monkeypatch: pytest.MonkeyPatch, bench: Bench) -> None:
    monkeypatch.setattr(schema, "_MAX_ROWS", 2)
    records = [advisory(f"A-{n}", affected("n", "x", "deb", "2")) for n in range(3)]
    bench.write({"a": records[:2]})
    with pytest.raises(HullmarkError, match="more than 2 rows"):
        bench.write({"a": records})
