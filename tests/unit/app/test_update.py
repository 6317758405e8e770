"""Updating: one feed's trouble is its own, nothing that shrinks is taken, nothing half-made is seen."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from hullmark.advisories.database.shelf import Shelf
from hullmark.advisories.database.snapshot import Snapshot
from hullmark.advisories.feeds.feed import Crawl, CrawlState, Document, Feed, Get, Report, crawl_of
from hullmark.app.origins import Folder, place_of
from hullmark.app.update import FeedOutcome, UpdateRequest, UpdateResult, update
from hullmark.model.advisory import Advisory, Record
from hullmark.model.errors import HullmarkError
from tests.support.matching import affected

NOW = "2026-06-30T12:00:00Z"


def parse(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    """Documents are lists of ids; `!` is a damaged one."""
    for document in documents:
        with document.open() as stream:
            for id in json.load(stream):
                if id == "!":
                    report(document.url, "damaged")
                else:
                    yield Advisory(id=id, source="x", affected=(affected("n", "x", "deb", "2"),))


def feed(name: str, *paths: str, crawl: object = None) -> Feed:
    gets = [Get(url=f"https://{name}.example/{path}") for path in paths or ("all.json",)]
    return Feed(
        name=name,
        title=name,
        homepage="https://x.example",
        licence="CC0-1.0",
        crawl=crawl or crawl_of(*gets),  # type: ignore[arg-type]
        parse=parse,
    )


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    folder = tmp_path / "mirror"
    folder.mkdir()
    return folder


def serve(mirror: Path, place: str, ids: Sequence[str]) -> None:
    path = mirror / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(ids), "utf-8")


def run(tmp_path: Path, mirror: Path, *feeds: Feed, **changes: object) -> UpdateResult:
    return update(Shelf(tmp_path / "shelf"), feeds, feeds, Folder(mirror), UpdateRequest(now=NOW, **changes))  # type: ignore[arg-type]


def ids_in(tmp_path: Path) -> list[tuple[str, str]]:
    current = Shelf(tmp_path / "shelf").current()
    assert current is not None
    with Snapshot(*current) as stored:
        return [(row[0], row[1]) for row in stored.hashes()]


def one(result: UpdateResult, name: str) -> FeedOutcome:
    return next(outcome for outcome in result.outcomes if outcome.feed == name)


def test_what_feeds_give_becomes_the_snapshot_in_use_and_again_the_same_one(tmp_path: Path, mirror: Path) -> None:
    serve(mirror, "a.example/all.json", ["A-1", "!", "A-2"])
    first = run(tmp_path, mirror, feed("a"))
    assert (one(first, "a").status, one(first, "a").records, one(first, "a").problem_count) == ("updated", 2, 1)
    assert ids_in(tmp_path) == [("a", "A-1"), ("a", "A-2")]
    second = run(tmp_path, mirror, feed("a"))
    assert (one(second, "a").status, second.digest, second.previous) == ("unchanged", first.digest, first.digest)
    anew = run(tmp_path, mirror, feed("a"), is_anew=True)
    assert (one(anew, "a").status, anew.digest) == ("updated", first.digest)


def test_a_feed_that_fails_keeps_its_last_good_data_and_the_others_go_on(tmp_path: Path, mirror: Path) -> None:
    def broken(known: CrawlState) -> Crawl:
        yield Get(url="https://b.example/all.json")
        raise HullmarkError("it is broken", advice="")

    serve(mirror, "a.example/all.json", ["A-1"])
    serve(mirror, "b.example/all.json", ["B-1"])
    run(tmp_path, mirror, feed("a"), feed("b"))
    serve(mirror, "a.example/all.json", ["A-1", "A-2"])
    serve(mirror, "b.example/all.json", ["B-1", "B-2"])
    result = run(tmp_path, mirror, feed("a"), feed("b", crawl=broken))
    assert (one(result, "b").status, one(result, "b").reason, one(result, "b").records) == ("failed", "it is broken", 1)
    assert ids_in(tmp_path) == [("a", "A-1"), ("a", "A-2"), ("b", "B-1")]


def test_a_feed_that_shrinks_is_held_until_somebody_accepts_it(tmp_path: Path, mirror: Path) -> None:
    serve(mirror, "a.example/all.json", [f"A-{n}" for n in range(10)])
    first = run(tmp_path, mirror, feed("a"))
    serve(mirror, "a.example/all.json", [f"A-{n}" for n in range(7)])
    held = run(tmp_path, mirror, feed("a"))
    assert (one(held, "a").status, one(held, "a").records, held.digest) == ("held", 10, first.digest)
    assert "less than 80% of the 10 records" in one(held, "a").reason
    assert one(run(tmp_path, mirror, feed("a")), "a").status == "held"
    assert one(run(tmp_path, mirror, feed("a"), accepts_shrinking=True), "a").records == 7
    serve(mirror, "a.example/all.json", [f"A-{n}" for n in range(6)])
    assert one(run(tmp_path, mirror, feed("a")), "a").status == "updated"


def test_documents_that_add_are_read_with_those_from_before(tmp_path: Path, mirror: Path) -> None:
    seen: list[str] = []

    def pages(known: CrawlState) -> Crawl:
        seen.append(known.since)
        document = yield Get(url=f"https://a.example/{'more' if known.since else 'first'}.json", is_addition=True)
        assert document is not None

    serve(mirror, "a.example/first.json", ["A-1"])
    serve(mirror, "a.example/more.json", ["A-2"])
    run(tmp_path, mirror, feed("a", crawl=pages))
    run(tmp_path, mirror, feed("a", crawl=pages))
    assert seen == ["", NOW]
    assert ids_in(tmp_path) == [("a", "A-1"), ("a", "A-2")]


def test_an_addition_that_was_there_before_is_nothing_new(tmp_path: Path, mirror: Path) -> None:
    asked: list[str] = []

    def pages(known: CrawlState) -> Crawl:
        asked.append(known.since)
        document = yield Get(url=f"https://a.example/{len(asked)}.json", is_addition=True)
        assert document is not None

    for number in (1, 2, 3):
        serve(mirror, f"a.example/{number}.json", ["A-1" if number < 3 else "A-2"])
    statuses = [run(tmp_path, mirror, feed("a", crawl=pages)).outcomes[0].status for _ in range(3)]
    assert statuses == ["updated", "unchanged", "updated"]
    assert ids_in(tmp_path) == [("a", "A-1"), ("a", "A-2")]


def test_a_mirror_may_lack_a_feed_and_may_have_a_document_compressed_or_dated(tmp_path: Path, mirror: Path) -> None:
    import gzip

    (mirror / "a.example").mkdir()
    (mirror / "a.example" / "all.json.gz").write_bytes(gzip.compress(b'["A-1"]'))
    serve(mirror, "b.example/scores-2026-01-02.json", ["B-2"])
    serve(mirror, "b.example/scores-2026-01-01.json", ["B-1"])
    dated = crawl_of(Get(url="https://b.example/scores-current.json", or_latest="scores-*.json"))

    def plain(documents: Sequence[Document], report: Report) -> Iterator[Record]:
        from hullmark.advisories.feeds.formats.archives import whole

        for document in documents:
            for id in json.loads(whole(document)):
                yield Advisory(id=id, source="x", affected=())

    from dataclasses import replace

    feeds = (replace(feed("a"), parse=plain), feed("b", crawl=dated), feed("c"))
    result = run(tmp_path, mirror, *feeds)
    assert [outcome.status for outcome in result.outcomes] == ["updated", "updated", "absent"]
    assert ids_in(tmp_path) == [("a", "A-1"), ("b", "B-2")]


def test_without_any_data_there_is_nothing_to_use(tmp_path: Path, mirror: Path) -> None:
    with pytest.raises(HullmarkError, match="no feed gave anything"):
        run(tmp_path, mirror, feed("a"))


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/../x",
        "https://a.example/%2e%2e/x",
        "https:///x",
        "https://a.example/",
        "file:///etc/passwd",
        "https://u@a.example/x",
    ],
)
def test_urls_that_name_no_document_below_a_mirror_are_refused(url: str) -> None:
    with pytest.raises(HullmarkError, match="names no document"):
        place_of(url)


def test_two_at_the_same_time_do_not_mix(tmp_path: Path, mirror: Path) -> None:
    serve(mirror, "a.example/all.json", ["A-1"])
    with Shelf(tmp_path / "shelf").lock(), pytest.raises(HullmarkError, match="another hullmark"):
        run(tmp_path, mirror, feed("a"))


def test_old_snapshots_go_and_one_of_the_last_can_be_used_again(tmp_path: Path, mirror: Path) -> None:
    shelf, digests = Shelf(tmp_path / "shelf"), []
    for n in range(5):
        serve(mirror, "a.example/all.json", [f"A-{m}" for m in range(n + 1)])
        digests.append(run(tmp_path, mirror, feed("a")).digest)
    assert set(shelf.digests()) == set(digests[2:])
    shelf.use(digests[3])
    assert shelf.current() == (shelf.path_of(digests[3]), digests[3])
    assert shelf.verify(digests[3])
