"""Where documents of feeds come from: upstreams, mirrors and folders; and feeds that need what is not there."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from hullmark.advisories.database.shelf import KeptDocument, Shelf
from hullmark.advisories.feeds.feed import Crawl, CrawlState, Get
from hullmark.app.origins import FetchContext, Folder, Progress, Upstreams
from hullmark.app.update import FeedOutcome, UpdateRequest, update
from hullmark.model.errors import HullmarkError
from hullmark.net.http import Client, HttpSettings
from tests.support.images import Blobs
from tests.support.registry import FakeRegistry
from tests.unit.app.test_update import NOW, feed, serve

LIST = Get(url="https://up.example/lists/all.json")


def unseen(done: int, whole: int) -> None:
    """Nobody watches."""


@pytest.fixture
def place(tmp_path: Path) -> FetchContext:
    return FetchContext(Shelf(tmp_path / "shelf"), "x", NOW)


@pytest.fixture
def server() -> Iterator[FakeRegistry]:
    with FakeRegistry(Blobs()).running() as running:
        yield running


def client() -> Client:
    return Client(HttpSettings(environment={}, retries=0, timeout=5, sleep=lambda _: None))


def test_a_mirror_has_a_document_compressed_or_at_another_place(place: FetchContext, server: FakeRegistry) -> None:
    origin = Upstreams(client(), server.url, lambda feed: "secret")
    server.answers = [(404, {}, b"")] * 5 + [(200, {"ETag": '"1"'}, b"[]")]
    with place.shelf.lock():
        kept = origin.fetch(place, Get(url=LIST.url, also_at="old.example/all.json"), None, unseen)
        assert kept is not None
        assert (kept.url, kept.size, kept.etag) == (LIST.url, 2, '"1"')
        paths = [path for _, path, _ in server.log]
        assert paths == [f"/up.example/lists/all.json{end}" for end in ("", ".gz", ".xz", ".zst", ".bz2")] + [
            "/old.example/all.json"
        ]
        assert not any("authorization" in headers for _, _, headers in server.log), "a token is for the upstream alone"
        server.answers = [(404, {}, b"")] * 5
        assert origin.fetch(place, LIST, None, unseen) is None


def test_an_upstream_is_asked_with_what_it_said_last_unless_that_document_is_lost(
    place: FetchContext, server: FakeRegistry
) -> None:
    origin, get = Upstreams(client(), token=lambda feed: f"for {feed}"), Get(url=f"{server.url}/all.json")
    with place.shelf.lock():
        server.answers = [(200, {"ETag": '"1"'}, b"[]")]
        kept = origin.fetch(place, get, None, unseen)
        assert kept is not None
        server.answers = [(304, {}, b"")]
        assert origin.fetch(place, get, kept, unseen) is kept
        server.answers = [(200, {}, b"[1]")]
        lost = origin.fetch(
            place, get, KeptDocument(url=get.url, sha256="0" * 64, size=9, fetched_at=NOW, etag='"0"'), unseen
        )
    assert lost is not None
    assert lost.size == 3
    assert [headers.get("if-none-match") for _, _, headers in server.log] == [None, '"1"', None]
    assert {headers["authorization"] for _, _, headers in server.log} == {"Bearer for x"}


def test_a_folder_has_a_document_by_its_day_and_none_that_is_too_large(place: FetchContext, tmp_path: Path) -> None:
    folder = tmp_path / "mirror"
    at = folder / "up.example" / "lists"
    at.mkdir(parents=True)
    origin, dated = Folder(folder), Get(url=LIST.url, or_latest="all-*.json")
    with place.shelf.lock():
        assert origin.fetch(place, dated, None, unseen) is None
        for day in ("2026-01-02", "2026-02-01"):
            (at / f"all-{day}.json").write_text(f'["{day}"]')
        kept = origin.fetch(place, dated, None, unseen)
        assert kept is not None
        with place.shelf.document("x", kept).open() as stream:
            assert stream.read() == b'["2026-02-01"]'
        with (at / "all.json").open("wb") as file:
            file.truncate((4 << 30) + 1)  # of holes
        with pytest.raises(HullmarkError) as caught:
            origin.fetch(place, dated, None, unseen)
    assert str(caught.value) == f"{at / 'all.json'} is larger than 4 GiB"
    assert caught.value.advice == "check the folder"


# Feeds


@dataclass
class Scripted:
    """An origin that does what it is told to."""

    give: Callable[[FetchContext, Get], KeptDocument | None]
    may_lack: bool = False
    is_upstream: bool = True

    def fetch(
        self, place: FetchContext, get: Get, kept: KeptDocument | None, progress: Progress
    ) -> KeptDocument | None:
        return self.give(place, get)


def outcome(tmp_path: Path, give: Callable[[FetchContext, Get], KeptDocument | None], **more: object) -> FeedOutcome:
    """What comes of a feed whose documents come so, beside one that is fine."""
    mirror = tmp_path / "mirror"
    serve(mirror, "a.example/all.json", ["A-1"])
    fine, shelf, request = feed("a"), Shelf(tmp_path / "shelf"), UpdateRequest(now=NOW)
    update(shelf, [fine], [fine], Folder(mirror), request)
    bad = replace(feed("b"), **more)  # type: ignore[arg-type]
    result = update(shelf, [bad], [fine, bad], Scripted(give), request)
    (found,) = result.outcomes
    assert result.digest == result.previous
    assert shelf.state("b").error == (found.reason if found.status == "failed" else "")
    return found


def test_a_feed_whose_key_is_not_set_is_left_out(tmp_path: Path) -> None:
    found = outcome(tmp_path, lambda place, get: None, needs="B_TOKEN")
    assert (found.status, found.reason) == ("left-out", "B_TOKEN is not set")


def test_a_document_that_is_not_there_and_a_disk_that_is_full_fail_the_feed(tmp_path: Path) -> None:
    def full(place: FetchContext, get: Get) -> KeptDocument | None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "documents/x")

    found = outcome(tmp_path, lambda place, get: None)
    assert (found.status, found.reason) == ("failed", "https://b.example/all.json is not there")
    found = outcome(tmp_path, full)
    assert (found.status, found.reason) == ("failed", "documents/x: No space left on device")


def test_a_feed_that_lists_documents_without_end_is_not_followed(tmp_path: Path) -> None:
    def endless(known: CrawlState) -> Crawl:
        number = 0
        while True:
            yield Get(url=f"https://b.example/{(number := number + 1)}")

    asked: list[str] = []

    def give(place: FetchContext, get: Get) -> KeptDocument | None:
        asked.append(get.url)
        return KeptDocument(url=get.url, sha256="0" * 64, size=1, fetched_at=NOW)

    found = outcome(tmp_path, give, crawl=endless)
    assert (found.status, found.reason) == ("failed", "the feed has more than 100,000 documents")
    assert len(asked) == 100_000
