"""Updating when little has changed: only that is read, and the snapshot is the one that reading everything gives."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hullmark.advisories.database.shelf import Shelf
from hullmark.advisories.feeds.feed import Crawl, CrawlState, Get
from hullmark.model.advisory import Record
from hullmark.model.errors import HullmarkError
from tests.unit.app.test_update import feed, ids_in, mirror, one, run, serve

__all__ = ["mirror"]

FEEDS = [feed(name) for name in "abc"]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The feeds whose records are read for a snapshot, as it happens."""
    names: list[str] = []
    records = Shelf.records

    def noted(shelf: Shelf, name: str) -> Iterator[Record]:
        names.append(name)
        return records(shelf, name)

    monkeypatch.setattr(Shelf, "records", noted)
    return names


@pytest.fixture
def shelf(tmp_path: Path, mirror: Path, read: list[str]) -> Shelf:
    """A shelf with three feeds' records, in which a snapshot is in use."""
    for each in "abc":
        serve(mirror, f"{each}.example/all.json", [f"{each}-{n}" for n in range(10)])
    run(tmp_path, mirror, *FEEDS)
    assert read == ["a", "b", "c"]
    read.clear()
    return Shelf(tmp_path / "shelf")


def made_whole(tmp_path: Path, mirror: Path, shelf: Shelf) -> str:
    """The digest of the snapshot that is made of the same records, when nothing is known of an earlier one."""
    copy = tmp_path / "copy"
    shutil.copytree(shelf.folder, copy / "shelf")
    for name in ("ledger", "recipe", "current"):
        (copy / "shelf" / name).unlink()
    return run(copy, mirror, *FEEDS).digest


def test_of_one_changed_feed_only_its_records_are_read(
    tmp_path: Path, mirror: Path, shelf: Shelf, read: list[str]
) -> None:
    serve(mirror, "b.example/all.json", [f"b-{n}" for n in range(11)])
    result = run(tmp_path, mirror, *FEEDS)
    assert read == ["b"]
    assert ("b", "b-10") in ids_in(tmp_path)
    assert result.digest == made_whole(tmp_path, mirror, shelf)
    read.clear()
    (shelf.folder / "recipe").unlink()  # at another moment it is another one
    assert run(tmp_path, mirror, *FEEDS, is_anew=True).digest == result.digest
    assert read == ["a", "b", "c"]


def broken(known: CrawlState) -> Crawl:
    """Something is there, and then it breaks."""
    yield Get(url="https://b.example/all.json")
    raise HullmarkError("it is broken", advice="")


def test_a_feed_that_is_held_or_fails_keeps_its_rows_and_is_not_read(
    tmp_path: Path, mirror: Path, shelf: Shelf, read: list[str]
) -> None:
    serve(mirror, "a.example/all.json", ["a-0"])
    serve(mirror, "c.example/all.json", [f"c-{n}" for n in range(11)])
    result = run(tmp_path, mirror, FEEDS[0], feed("b", crawl=broken), FEEDS[2])
    assert [one(result, name).status for name in "abc"] == ["held", "failed", "updated"]
    assert read == ["c"]
    assert [sum(name == each for each, _ in ids_in(tmp_path)) for name in "abc"] == [10, 10, 11]


def without_a_byte(shelf: Shelf) -> None:
    path = shelf.folder / "ledger"
    path.write_bytes(path.read_bytes()[:-1])


def without_ledger(shelf: Shelf) -> None:
    (shelf.folder / "ledger").unlink()


def with_a_damaged_snapshot(shelf: Shelf) -> None:
    current = shelf.current()
    assert current is not None
    content = bytearray(current[0].read_bytes())
    content[-1000] ^= 1
    current[0].write_bytes(content)


def without_its_snapshot(shelf: Shelf) -> None:
    current = shelf.current()
    assert current is not None
    current[0].unlink()


@pytest.mark.parametrize(
    "spoil",
    [without_a_byte, without_ledger, with_a_damaged_snapshot, without_its_snapshot],
    ids=lambda spoil: spoil.__name__,
)
def test_what_cannot_be_believed_is_made_anew(
    tmp_path: Path, mirror: Path, shelf: Shelf, read: list[str], spoil: Callable[[Shelf], None]
) -> None:
    spoil(shelf)
    serve(mirror, "b.example/all.json", [f"b-{n}" for n in range(11)])
    result = run(tmp_path, mirror, *FEEDS)
    assert read == ["a", "b", "c"]
    assert shelf.verify(result.digest)
    assert result.digest == made_whole(tmp_path, mirror, shelf)


def test_one_ledger_is_kept_that_names_the_last_snapshot(tmp_path: Path, mirror: Path, shelf: Shelf) -> None:
    names = sorted(path.name for path in shelf.folder.iterdir())
    for count in (11, 12, 13):
        serve(mirror, "b.example/all.json", [f"b-{n}" for n in range(count)])
        digest = run(tmp_path, mirror, *FEEDS).digest
        ledger = shelf.ledger()
        assert ledger is not None
        assert (ledger.snapshot, [contribution.name for contribution in ledger.contributions]) == (
            digest,
            ["a", "b", "c"],
        )
    assert sorted(path.name for path in shelf.folder.iterdir()) == names


def test_an_earlier_snapshot_in_use_does_not_mislead(
    tmp_path: Path, mirror: Path, shelf: Shelf, read: list[str]
) -> None:
    first = shelf.current()
    assert first is not None
    serve(mirror, "b.example/all.json", [f"b-{n}" for n in range(11)])
    run(tmp_path, mirror, *FEEDS)
    shelf.use(first[1])
    serve(mirror, "c.example/all.json", [f"c-{n}" for n in range(11)])
    result = run(tmp_path, mirror, *FEEDS)
    assert read == ["b", "c"]
    assert result.digest == made_whole(tmp_path, mirror, shelf)
