"""Half a feed is never believed: whatever its container, where it was cut, and whether something was there before."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hullmark.advisories.database.shelf import FeedState, Shelf
from hullmark.advisories.database.snapshot import Snapshot
from hullmark.advisories.feeds.feed import (
    Crawl,
    CrawlState,
    Cut,
    DamagedDocument,
    Document,
    Feed,
    Get,
    RecordFault,
    Report,
    crawl_of,
)
from hullmark.advisories.feeds.formats.archives import members
from hullmark.advisories.feeds.formats.osv_documents import advisories_in
from hullmark.advisories.feeds.formats.reading import document_of, lines
from hullmark.advisories.match.advisory_source import Ask
from hullmark.app.origins import Folder
from hullmark.app.update import FeedOutcome, UpdateRequest, update
from hullmark.model.advisory import Advisory, Record
from hullmark.model.errors import HullmarkError
from tests.support.matching import advisory as advisory_about
from tests.support.matching import affected
from tests.support.snapshots import snapshot_in
from tests.unit.advisories.feeds.reading import tar_document, zip_document

COUNT = 100
SHARES = (10, 50, 93, 99)
_LIST = msgspec.json.Decoder(list[str])


def record(id: str) -> Record:
    return Advisory(id=id, source="x", affected=(affected("n", "x", "deb", "2"),))


def of_members(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    return (record(data.decode()) for document in documents for _, data in members(document))


def of_lines(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    return (record(line) for document in documents for line in lines(document))


def of_json(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    return (record(id) for document in documents for id in document_of(_LIST, document))


def of_osv(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    return advisories_in(documents, "x", report)


def files(ids: Sequence[str]) -> dict[str, bytes]:
    return {f"d/{id}.txt": id.encode() for id in ids}


def osv(id: str) -> dict[str, Any]:
    return {"id": id, "affected": [{"package": {"ecosystem": "npm", "name": "x"}, "versions": ["1"]}]}


Parse = Callable[[Sequence[Document], Report], Iterator[Record]]
CONTAINERS: dict[str, tuple[Parse, Callable[[Sequence[str]], bytes]]] = {
    "tar.gz": (of_members, lambda ids: tar_document("", files(ids)).data),
    "tar.xz": (of_members, lambda ids: tar_document("", files(ids), "xz").data),
    "zip": (of_members, lambda ids: zip_document("", files(ids)).data),
    "lines.gz": (of_lines, lambda ids: gzip.compress("".join(f"{id}\n" for id in ids).encode())),
    "json": (of_json, lambda ids: json.dumps(list(ids)).encode()),
    "osv.json": (of_osv, lambda ids: json.dumps({"vulns": [osv(id) for id in ids]}).encode()),
}
IDS = [f"A-{number:04}" for number in range(COUNT)]


class Place:
    """A mirror and a shelf, and updates from the one into the other."""

    def __init__(self, folder: Path) -> None:
        self.mirror, self.shelf = folder / "mirror", Shelf(folder / "shelf")
        self.mirror.mkdir()
        self.put("good.example/all", b'["G-1"]')

    def put(self, place: str, data: bytes) -> None:
        path = self.mirror / place
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)

    def update(self, feed: Feed, now: str = "2026-06-30T12:00:00Z", **changes: Any) -> FeedOutcome:
        """What comes of a feed, beside one that is good."""
        feeds = (feed, feed_of("good", of_json))
        outcomes = update(self.shelf, feeds, feeds, Folder(self.mirror), UpdateRequest(now=now, **changes)).outcomes
        assert outcomes[1].status in ("updated", "unchanged")
        return outcomes[0]

    def ids(self) -> list[str]:
        with self.opened() as stored:
            return [row[1] for row in stored.hashes() if row[0] == "a"]

    def opened(self) -> Snapshot:
        current = self.shelf.current()
        assert current is not None
        return Snapshot(*current)

    def state(self) -> FeedState:
        return self.shelf.state("a")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def feed_of(name: str, parse: Parse, *paths: str, **more: Any) -> Feed:
    gets = [Get(url=f"https://{name}.example/{path}") for path in paths or ("all",)]
    return Feed(
        name=name, title=name, homepage="", licence="", crawl=more.pop("crawl", crawl_of(*gets)), parse=parse, **more
    )


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("container", CONTAINERS)
def test_a_feed_that_is_cut_gives_what_it_gave_before_and_fails_until_it_is_whole(
    place: Place, container: str, share: int
) -> None:
    parse, pack = CONTAINERS[container]
    feed = feed_of("a", parse)
    more = pack([*IDS, "A-9999"])
    cut = more[: len(more) * share // 100]
    place.put("a.example/all", cut)
    for _ in range(2):
        first = place.update(feed)
        assert (first.status, first.records, place.ids()) == ("failed", 0, [])
    place.put("a.example/all", pack(IDS))
    assert place.update(feed).status == "updated"
    place.put("a.example/all", cut)
    for _ in range(2):
        second = place.update(feed)
        assert (second.status, second.records, place.ids()) == ("failed", COUNT, IDS)
        assert second.reason.startswith("https://a.example/all: ")
    assert place.update(feed, accepts_shrinking=True).status == "failed"
    place.put("a.example/all", more)
    assert (place.update(feed).status, len(place.ids())) == ("updated", COUNT + 1)


def test_of_many_documents_one_that_is_damaged_fails_the_feed(place: Place) -> None:
    names = [f"{number}.json" for number in range(40)]
    feed = feed_of("a", of_json, *names)
    for number, name in enumerate(names):
        place.put(f"a.example/{name}", json.dumps([IDS[number]]).encode())
    assert (place.update(feed).records, place.ids()) == (40, IDS[:40])
    place.put("a.example/39.json", b'["B')
    assert (place.update(feed).status, place.ids()) == ("failed", IDS[:40])


def test_a_record_that_cannot_be_read_costs_only_itself(place: Place) -> None:
    place.put("a.example/all", json.dumps([osv("A-1"), {"id": 7}, osv("A-2")]).encode())
    outcome = place.update(feed_of("a", of_osv))
    assert (outcome.status, outcome.problem_count, place.ids()) == ("updated", 1, ["A-1", "A-2"])


def test_since_when_a_feed_fails_or_is_held_is_kept_until_it_is_good_again(place: Place) -> None:
    feed = feed_of("a", of_json)
    place.put("a.example/all", json.dumps(IDS).encode())
    place.update(feed, "2026-06-01T00:00:00Z")
    place.put("a.example/all", b"[")
    place.update(feed, "2026-06-02T00:00:00Z")
    place.put("a.example/all", json.dumps(IDS[:50]).encode())
    assert place.update(feed, "2026-06-03T00:00:00Z").status == "held"
    assert (place.state().failing_since, place.state().checked_at) == ("2026-06-02T00:00:00Z", "2026-06-01T00:00:00Z")
    place.put("a.example/all", json.dumps(IDS).encode())
    assert place.update(feed, "2026-06-04T00:00:00Z").status == "updated"
    assert (place.state().failing_since, place.state().error, place.state().held) == ("", "", "")


def test_a_document_that_was_taken_once_and_is_damaged_is_fetched_anew(place: Place) -> None:
    asked: list[str] = []

    def pages(known: CrawlState) -> Crawl:
        asked.append(known.since)
        yield Get(url=f"https://a.example/{'more' if known.since else 'all'}", is_addition=True)

    def strict(documents: Sequence[Document], report: Report) -> Iterator[Record]:
        for document in documents:
            with document.open() as stream:
                if b"odd" in stream.read():
                    raise DamagedDocument(document.url, "it is odd")
        yield from of_json(documents, report)

    place.put("a.example/all", b'["A-1","odd"]')
    place.put("a.example/more", b'["A-2"]')
    place.update(feed_of("a", of_json, crawl=pages))
    feed = feed_of("a", strict, crawl=pages)
    assert place.update(feed, "2026-06-30T13:00:00Z").status == "failed"
    place.put("a.example/all", b'["A-1","A-3"]')
    assert place.update(feed, "2026-06-30T14:00:00Z").status == "updated"
    assert asked == ["", "2026-06-30T12:00:00Z", ""]
    assert place.ids() == ["A-1", "A-3"]


# What a feed covers


def whole_at(place: Place) -> str:
    with place.opened() as stored:
        return next(row.whole_at for row in stored.coverage if row.feed == "a")


COVERING = feed_of("a", of_json, covers={"n": 2})


def test_what_a_feed_declares_is_covered_as_of_the_day_on_which_it_was_asked(place: Place) -> None:
    place.put("a.example/all", json.dumps(IDS).encode())
    place.update(COVERING)
    assert whole_at(place) == "2026-06-30"


@pytest.mark.parametrize(
    "feed",
    [
        replace(COVERING, least_records=COUNT + 1),
        replace(COVERING, covers={"n": COUNT + 1}),
        replace(COVERING, covers={"m": 1}),
        replace(COVERING, crawl=crawl_of(Get(url="https://a.example/all"), Get(url="https://a.example/lacking"))),
    ],
)
def test_what_is_too_little_or_lacks_a_document_is_used_and_covers_nothing(place: Place, feed: Feed) -> None:
    place.put("a.example/all", json.dumps(IDS).encode())
    assert place.update(feed).status == "updated"
    assert (whole_at(place), len(place.ids())) == ("", COUNT)


def test_a_record_that_a_limit_cut_leaves_its_feed_covering_nothing_until_it_is_read_whole(place: Place) -> None:
    def cutting(documents: Sequence[Document], report: Report) -> Iterator[Record]:
        for record in of_json(documents, report):
            if isinstance(record, Advisory) and record.id == "A-0007-long":
                report(record.id, Cut("it is longer than it may be"))
            else:
                yield record

    feed = replace(COVERING, parse=cutting)
    place.put("a.example/all", json.dumps([*IDS, "A-0007-long"]).encode())
    assert place.update(feed).problem_count == 1
    assert (whole_at(place), place.ids()) == ("", IDS)
    place.put("a.example/all", json.dumps(IDS).encode())
    assert (place.update(feed).status, whole_at(place)) == ("updated", "2026-06-30")


def faulty(names: Sequence[str] | None) -> Feed:
    """The feed, in which records that are called `bad-…` cannot be read, and name these packages."""

    def parse(documents: Sequence[Document], report: Report) -> Iterator[Record]:
        for record in of_json(documents, report):
            if isinstance(record, Advisory) and record.id.startswith("bad"):
                report(record.id, RecordFault("it cannot be read", names))
            else:
                yield record

    return replace(COVERING, parse=parse)


def test_a_feed_of_which_much_cannot_be_read_covers_nothing(place: Place) -> None:
    place.put("a.example/all", json.dumps([*IDS, "bad-1"]).encode())
    place.update(faulty(("y",)))
    assert (whole_at(place), place.ids()) == ("2026-06-30", [*IDS, "the record bad-1"])
    place.put("a.example/all", json.dumps([*IDS, "bad-1", "bad-2"]).encode())
    place.update(faulty(("y",)))
    assert whole_at(place) == ""


def test_a_feed_with_one_record_that_may_be_about_any_package_covers_nothing(place: Place) -> None:
    place.put("a.example/all", json.dumps([*IDS, "bad-1"]).encode())
    place.update(faulty(None))
    assert (whole_at(place), place.ids()) == ("", IDS)


def test_what_a_record_names_that_cannot_be_read_is_unknown(place: Place) -> None:
    place.put("a.example/all", json.dumps([*IDS, "bad-1"]).encode())
    place.update(faulty(("y",)))
    with place.opened() as stored:
        hits = stored.hits([Ask("n", "y", "deb", "1"), Ask("n", "x", "deb", "1")])
    assert [(hit.advisory.id, hit.affected.kind) for hit in hits if hit.ask == 0] == [("the record bad-1", "unknown")]
    assert {hit.affected.kind for hit in hits if hit.ask == 1} == {"affected"}


def test_what_says_nothing_that_could_be_matched_leaves_a_feed_whole(place: Place) -> None:
    def remarking(documents: Sequence[Document], report: Report) -> Iterator[Record]:
        for record in of_json(documents, report):
            report("somewhere", "it names no CVE")
            yield record

    place.put("a.example/all", json.dumps(IDS).encode())
    assert place.update(replace(COVERING, parse=remarking)).problem_count == COUNT
    assert whole_at(place) == "2026-06-30"


def test_a_document_that_comes_later_makes_a_feed_whole(place: Place) -> None:
    optional = Get(url="https://a.example/perhaps", is_optional=True)
    feed = replace(COVERING, crawl=crawl_of(Get(url="https://a.example/all"), Get(url="https://a.example/b"), optional))
    place.put("a.example/all", json.dumps(IDS).encode())
    place.update(feed)
    place.put("a.example/b", b"[]")
    assert (place.update(feed).status, whole_at(place)) == ("updated", "2026-06-30")


def test_an_unchanged_feed_makes_one_new_snapshot_a_day_and_only_where_its_age_goes_by_the_check(place: Place) -> None:
    def dated(documents: Sequence[Document], report: Report) -> Iterator[Record]:
        return (msgspec.structs.replace(each, published="2026-06-15") for each in of_json(documents, report))

    place.put("a.example/all", json.dumps(IDS).encode())
    days = ["2026-06-29T10:00:00Z", "2026-06-29T20:00:00Z", "2026-06-30T10:00:00Z"]
    seen = {}
    for name, feed in {"undated": COVERING, "dated": replace(COVERING, parse=dated)}.items():
        digests = []
        for now in days:
            assert place.update(feed, now, is_anew=now == days[0]).status == (
                "updated" if now == days[0] else "unchanged"
            )
            with place.opened() as stored:
                digests.append((stored.digest, whole_at(place)))
        seen[name] = digests
    assert [day for _, day in seen["undated"]] == ["2026-06-29", "2026-06-29", "2026-06-30"]
    assert len(set(seen["undated"])) == 2
    assert {day for _, day in seen["dated"]} == {"2026-06-15"}
    assert len(set(seen["dated"])) == 1


def test_a_feed_that_fails_grows_old(place: Place) -> None:
    place.put("a.example/all", json.dumps(IDS).encode())
    place.update(COVERING, "2026-06-01T00:00:00Z")
    place.put("a.example/all", b"[")
    place.update(COVERING, "2026-06-30T00:00:00Z")
    assert whole_at(place) == "2026-06-01"


# What was kept


@pytest.mark.parametrize("share", SHARES)
def test_records_that_were_cut_on_the_shelf_make_no_snapshot(place: Place, share: int) -> None:
    place.put("a.example/all", json.dumps(IDS).encode())
    place.update(COVERING)
    records = place.shelf.folder / "feeds" / "a" / "records"
    data = records.read_bytes()
    assert len(list(place.shelf.records("a"))) == COUNT
    for cut in (data[: len(data) * share // 100], data[: (len(data) - 4) // COUNT * (COUNT // 2)]):
        records.write_bytes(cut)
        with pytest.raises(HullmarkError, match="the records of the feed a are damaged"):
            list(place.shelf.records("a"))


@pytest.mark.parametrize("share", SHARES)
def test_a_snapshot_that_is_cut_is_not_opened(tmp_path: Path, share: int) -> None:
    data = snapshot_in(tmp_path, [advisory_about(id, affected("n", id, "deb", "2")) for id in IDS]).path.read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(data[: len(data) * share // 100])
    with pytest.raises(HullmarkError, match=r"is not a whole snapshot|cannot be opened as a snapshot"):
        Snapshot(cut, "")
