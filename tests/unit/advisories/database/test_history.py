"""Which snapshot was in use when."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.advisories.database.history import MAX_USES, SnapshotUse, decode, encode, in_use_at, last_digest, with_use
from hullmark.advisories.database.shelf import Shelf
from hullmark.model.errors import HullmarkError
from tests.support.shelves import put, some_feeds

A, B, C = (f"sha256:{letter * 64}" for letter in "abc")


def day(number: int) -> datetime:
    return datetime(2026, 3, number, 12, tzinfo=UTC)


moments = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
uses = st.lists(st.builds(SnapshotUse, moments, st.sampled_from((A, B, C))), max_size=8)


@given(uses)
def test_what_is_written_is_read_again(written: list[SnapshotUse]) -> None:
    assert decode(b"".join(map(encode, written))) == tuple(written)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_record_or_refused(text: bytes) -> None:
    with suppress(HullmarkError):
        decode(text)
    assert last_digest(with_use(text, SnapshotUse(day(1), A))) == A


@given(uses, moments)
def test_the_last_that_was_taken_into_use_by_then_counts(written: list[SnapshotUse], moment: datetime) -> None:
    found = in_use_at(written, moment)
    before = [use.at for use in written if use.at <= moment]
    assert (found is None) == (not before)
    if before:
        assert found == [use.digest for use in written if use.at == max(before)][-1]


def test_the_record_is_bounded() -> None:
    text = encode(SnapshotUse(day(1), A)) * MAX_USES
    longer = with_use(text, SnapshotUse(day(2), B))
    assert (len(decode(longer)), last_digest(longer)) == (MAX_USES, B)


def in_use(folder: Path, number: int, at: datetime | None = None, keeps: int = 3) -> str:
    """A snapshot of so many advisories, in use from a moment on."""
    return put(Shelf(folder, keeps), some_feeds(number), at)


def test_a_snapshot_is_found_by_the_moment_it_was_in_use(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    first, second = in_use(tmp_path, 1, day(1)), in_use(tmp_path, 2, day(3))
    shelf.use(first, day(5))
    for number, digest in ((1, first), (2, first), (3, second), (4, second), (5, first), (6, first)):
        assert shelf.used_at(day(number)) == (shelf.path_of(digest), digest)
    assert shelf.used_at(day(3) - timedelta(microseconds=1))[1] == first


def test_before_the_first_the_oldest_that_is_kept_is_named(tmp_path: Path) -> None:
    with pytest.raises(HullmarkError, match=r"no snapshot was in use at 2026-03-01T12:00:00Z, none is kept"):
        Shelf(tmp_path).used_at(day(1))
    in_use(tmp_path, 1, day(2))
    with pytest.raises(HullmarkError, match=r"no snapshot was in use .*, the oldest kept is of 2026-03-02T12:00:00Z"):
        Shelf(tmp_path).used_at(day(1))


def test_one_that_was_pruned_is_not_replaced_by_another(tmp_path: Path) -> None:
    gone = in_use(tmp_path, 1, day(1), keeps=1)
    kept = in_use(tmp_path, 2, day(2), keeps=1)
    with pytest.raises(HullmarkError, match=r"no longer kept .*the oldest kept is of 2026-03-02") as raised:
        Shelf(tmp_path).used_at(day(1))
    assert gone in str(raised.value)
    assert Shelf(tmp_path).used_at(day(2))[1] == kept


def test_as_many_as_are_asked_for_are_kept(tmp_path: Path) -> None:
    digests = [in_use(tmp_path, number, day(number), keeps=5) for number in range(1, 7)]
    assert set(Shelf(tmp_path).digests()) == set(digests[1:])


def test_a_shelf_without_a_record_knows_since_when_the_current_one_is_in_use(tmp_path: Path) -> None:
    shelf, digest = Shelf(tmp_path), in_use(tmp_path, 1)
    (tmp_path / "history").unlink()
    os.utime(tmp_path / "current", (day(2).timestamp(),) * 2)
    assert shelf.used_at(day(2))[1] == digest
    with pytest.raises(HullmarkError, match="the oldest kept is of 2026-03-02"):
        shelf.used_at(day(1))
    later = in_use(tmp_path, 2, day(4))
    assert [shelf.used_at(day(number))[1] for number in (3, 4)] == [digest, later]


def test_whoever_is_killed_before_the_record_is_written_loses_nothing(tmp_path: Path) -> None:
    shelf, first = Shelf(tmp_path), in_use(tmp_path, 1, day(1))
    record = (tmp_path / "history").read_bytes()
    second = in_use(tmp_path, 2, day(3))
    (tmp_path / "history").write_bytes(record)
    os.utime(tmp_path / "current", (day(3).timestamp(),) * 2)
    assert [shelf.used_at(day(number))[1] for number in (2, 3)] == [first, second]


def test_a_damaged_record_answers_nothing_and_hinders_no_update(tmp_path: Path) -> None:
    in_use(tmp_path, 1, day(1))
    record = (tmp_path / "history").read_bytes()
    (tmp_path / "history").write_bytes(b"what is this\n" + record)
    digest = in_use(tmp_path, 2, day(2))
    shelf = Shelf(tmp_path)
    assert shelf.current() == (shelf.path_of(digest), digest)
    with pytest.raises(HullmarkError, match="damaged in line 1"):
        shelf.used_at(day(2))


def test_the_snapshot_that_is_taken_into_use_is_kept_however_few_are(tmp_path: Path) -> None:
    for number in (1, 2):
        digest = in_use(tmp_path, number, keeps=0)
        found = Shelf(tmp_path).current()
        assert found is not None
        assert found.digest == digest
        assert Shelf(tmp_path).digests() == [digest]


def test_of_a_document_it_is_told_whether_all_its_bytes_are_there(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    fetched = shelf.partial("osv", "https://a.example/x")
    fetched.write_bytes(b"text")
    kept = shelf.keep("osv", fetched, url="https://a.example/x", fetched_at="2026-03-01T00:00:00Z")
    assert shelf.has("osv", kept)
    assert not shelf.has("kev", kept)
    (tmp_path / "feeds" / "osv" / "documents" / kept.sha256).write_bytes(b"tex")
    assert not shelf.has("osv", kept)


def test_a_shelf_is_refused_names_that_lead_elsewhere_and_told_where_it_cannot_write(tmp_path: Path) -> None:
    for name in ("../kev", "", "Kev", "a/b"):
        with pytest.raises(HullmarkError, match="is not a feed's name"):
            Shelf(tmp_path).state(name)
    (tmp_path / "file").touch()
    with (
        pytest.raises(HullmarkError, match=r"cannot write .*/file/db: Not a directory") as told,
        Shelf(tmp_path / "file" / "db").lock(),
    ):
        pass
    assert told.value.advice == "check rights and space, or give --db-dir"
