"""Deltas: they give the very bytes, whatever changed, or they are refused."""

from __future__ import annotations

import io
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hullmark.advisories.database import delta
from hullmark.advisories.database.build import digest_of
from hullmark.advisories.database.delta import DeltaTarget, apply_delta, make_delta
from hullmark.advisories.database.layout import inspect, settle
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
from tests.support.shelves import made, numbered, some_feeds

PARTS = st.builds(
    AffectedPackage,
    namespace=st.sampled_from(["pypi", "debian:12"]),
    name=st.sampled_from("abcd"),
    scheme=st.sampled_from(["pep440", "deb", "bitnami"]),
    ranges=st.lists(st.sampled_from([Range(high="2"), Range(low="1", fixed="3"), Range()]), max_size=2).map(tuple),
    versions=st.lists(st.sampled_from(["1.0", "2.0"]), max_size=2, unique=True).map(tuple),
)
ADVISORIES = st.builds(
    Advisory,
    id=st.sampled_from([f"A-{number}" for number in range(8)]),
    source=st.just("x"),
    aliases=st.lists(st.sampled_from(["CVE-1", "CVE-2"]), max_size=2).map(tuple),
    summary=st.sampled_from(["", "é", "long" * 2000]),
    modified=st.sampled_from(["", "2026-01-01", "2026-02-02T10:00:00Z"]),
    withdrawn=st.sampled_from(["", "", "2026-03-03"]),
    affected=st.lists(PARTS, max_size=3).map(tuple),
)
SCORES = st.floats(0, 1, allow_subnormal=True)
RECORDS: st.SearchStrategy[Record] = st.one_of(
    ADVISORIES,
    st.builds(Exploitability, st.sampled_from(["CVE-1", "CVE-2"]), SCORES, SCORES, st.sampled_from(["", "2026-01-01"])),
    st.builds(KevEntry, cve=st.sampled_from(["CVE-1", "CVE-2"]), source=st.just("x"), added=st.just("2026-01-01")),
    st.builds(Lifecycle, product=st.just("p"), release=st.sampled_from("12"), source=st.sampled_from("xy")),
    st.builds(Support, namespace=st.just("n"), name=st.sampled_from("ab"), source=st.just("x"), level=st.just("ended")),
    st.builds(
        Statement,
        vulnerability=st.sampled_from(["CVE-1", "CVE-2"]),
        source=st.just("x"),
        status=st.just("fixed"),
        products=st.lists(st.sampled_from(["pkg:pypi/a@1", "pkg:pypi/b"]), max_size=3).map(tuple),
    ),
)
FEEDS = st.dictionaries(st.sampled_from(["one", "two", "zero"]), st.lists(RECORDS, max_size=8))


def delta_between(folder: Path, old: Mapping[str, Sequence[Record]], new: Mapping[str, Sequence[Record]]) -> bytes:
    for name, feeds in (("old", old), ("new", new)):
        (folder / name).unlink(missing_ok=True)
        made(folder / name, feeds)
    make_delta(folder / "old", folder / "new", folder / "delta")
    return (folder / "delta").read_bytes()


def applied(folder: Path, written: bytes, old: str = "old") -> Path:
    target = folder / "applied"
    target.unlink(missing_ok=True)
    goal = DeltaTarget(digest_of(folder / "new"), (folder / "new").stat().st_size)
    apply_delta(folder / old, io.BytesIO(written), target, goal)
    return target


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(old=FEEDS, new=FEEDS)
def test_any_snapshot_becomes_any_other_byte_for_byte(
    old: dict[str, list[Record]], new: dict[str, list[Record]]
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        target = applied(folder, delta_between(folder, old, new))
        assert target.read_bytes() == (folder / "new").read_bytes()
        assert sorted(path.name for path in folder.iterdir()) == ["applied", "delta", "new", "old"]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(records=st.lists(RECORDS, max_size=12), data=st.data())
def test_a_feed_may_shuffle_lose_and_repeat_its_records(records: list[Record], data: st.DataObject) -> None:
    after = data.draw(st.permutations(records)) + data.draw(st.lists(RECORDS, max_size=2))
    with TemporaryDirectory() as name:
        folder = Path(name)
        delta = delta_between(folder, {"one": records, "two": records[:3]}, {"two": after, "zero": records[-2:]})
        assert applied(folder, delta).read_bytes() == (folder / "new").read_bytes()


def test_a_delta_between_equal_snapshots_says_nothing(tmp_path: Path) -> None:
    assert len(delta_between(tmp_path, some_feeds(2000), some_feeds(2000))) < 200


def test_a_delta_is_as_large_as_what_changed_though_every_number_moved(tmp_path: Path) -> None:
    feeds = some_feeds(3000, changed=(5, 2000))
    feeds["one"].insert(0, numbered(999_999))
    delta = delta_between(tmp_path, some_feeds(3000), feeds)
    assert len(delta) < 4000 < (tmp_path / "new").stat().st_size / 200
    assert applied(tmp_path, delta).read_bytes() == (tmp_path / "new").read_bytes()


def test_the_same_snapshots_give_the_same_delta(tmp_path: Path) -> None:
    before = delta_between(tmp_path, some_feeds(50), some_feeds(60, changed=(3,)))
    assert delta_between(tmp_path, some_feeds(50), some_feeds(60, changed=(3,))) == before


def test_a_delta_from_another_snapshot_is_refused(tmp_path: Path) -> None:
    delta = delta_between(tmp_path, some_feeds(50), some_feeds(60))
    made(tmp_path / "other", some_feeds(51, changed=(7,)))
    with pytest.raises(HullmarkError, match="the delta") as caught:
        applied(tmp_path, delta, "other")
    assert caught.value.advice == "take the whole snapshot instead"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_delta_is_refused_or_changes_nothing(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "damaged"
    if not folder.exists():
        folder.mkdir()
        delta_between(folder, some_feeds(30), some_feeds(40, changed=(3, 4), day="2026-02-01"))
    whole = (folder / "delta").read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    kept = data.draw(st.integers(at, len(whole)))
    damaged = whole[:at] + data.draw(st.binary(max_size=8)) + whole[kept:]
    with suppress(HullmarkError):
        assert applied(folder, damaged).read_bytes() == (folder / "new").read_bytes()
    assert not list(folder.glob("*settling*"))


def test_any_bytes_after_the_magic_are_refused(tmp_path: Path) -> None:
    delta_between(tmp_path, some_feeds(3), some_feeds(4))
    hostile = (
        b"",
        b"\xff\xff\xff\xff",
        b"\x01\x00\x00\x00\xc1",
        b"\x09\x00\x00\x00\x93\xa3map\xa3old\x90",
        *(_piece(what, table, columns) for what, table, columns in HOSTILE),
    )
    for rest in hostile:
        with pytest.raises(HullmarkError, match="the delta"):
            applied(tmp_path, b"hullmark-delta-1\n" + rest)


HOSTILE: tuple[tuple[str, str, list[Any]], ...] = (
    ("come", "sqlite_master", [[1]]),
    ("map", "advisory", [[1], [1], [1 << 39]]),
    ("map", "advisory", [[1], [-5], [1]]),
    ("map", "advisory", [["1"], [1], [1]]),
    ("map", "advisory", [[1, 2], [1, 1], [1, 1]]),
    ("map", "kev", [[1], [1], [1]]),
    ("come", "kev", [["CVE"], [{"a": 1}]]),
    ("come", "kev", [["CVE"], [1 << 63]]),
    ("come", "kev", [["CVE"], []]),
    ("come", "kev", []),
    ("come", "epss", [["CVE"], ["many"], [0.5], [""]]),
    ("gone", "kev", [["CVE"], ["more"]]),
    ("else", "kev", [["CVE"], [b""]]),
)


def _piece(what: str, table: str, columns: list[Any]) -> bytes:
    body = msgspec.msgpack.encode([what, table, columns])
    return len(body).to_bytes(4, "little") + body


def test_settled_bytes_do_not_tell_how_they_were_written(tmp_path: Path) -> None:
    made(tmp_path / "one", some_feeds(200))
    shutil.copy(tmp_path / "one", tmp_path / "two")
    with sqlite3.connect(tmp_path / "two") as db:
        db.execute("PRAGMA secure_delete = OFF")
        db.execute("CREATE TABLE left_over AS SELECT * FROM advisory")
        db.execute("DROP TABLE left_over")
        db.execute("INSERT INTO advisory SELECT -id, feed, name, hash, head FROM advisory")
        db.execute("DELETE FROM advisory WHERE id < 1")
    db.close()
    settle(tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    settle(tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("CREATE VIEW v AS SELECT 1", "other tables"),
        ("CREATE TRIGGER t AFTER INSERT ON kev BEGIN SELECT 1; END", "other tables"),
        ("DROP INDEX statement_of", "other tables"),
        ("PRAGMA user_version = 77", "format 77"),
        ("PRAGMA application_id = 1", "some other database"),
        ("UPDATE feed SET body = x'c1'", "damaged"),
    ],
)
def test_what_is_no_sound_snapshot_is_told(tmp_path: Path, change: str, reason: str) -> None:
    path = tmp_path / "s"
    made(path, some_feeds(3))
    assert [feed.name for feed in inspect(path).feeds] == ["one", "scores"]
    with sqlite3.connect(path) as db:
        db.execute(change)
    db.close()
    with pytest.raises(HullmarkError, match=reason):
        inspect(path)


def test_damaged_pages_are_told(tmp_path: Path) -> None:
    path = tmp_path / "s"
    made(path, some_feeds(500))
    body = bytearray(path.read_bytes())
    for at in range(4096 * 4, len(body), 4096):
        body[at : at + 64] = b"\xff" * 64
    path.write_bytes(body)
    with pytest.raises(HullmarkError, match="damaged"):
        inspect(path)
    path.write_bytes(b"SQLite format 3\0")
    with pytest.raises(HullmarkError, match=r"damaged|other"):
        inspect(path)
    path.write_bytes(b"")
    with pytest.raises(HullmarkError, match="other"):
        inspect(path)


def test_a_delta_of_many_rows_is_in_pieces_that_come_to_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = delta_between(tmp_path, some_feeds(20), some_feeds(60, changed=(3,)))
    monkeypatch.setattr(delta, "_ROWS", 7)
    parts = delta_between(tmp_path, some_feeds(20), some_feeds(60, changed=(3,)))
    assert len(parts) > len(whole)
    assert applied(tmp_path, parts).read_bytes() == (tmp_path / "new").read_bytes()


def test_a_row_that_is_too_large_is_not_put_into_a_delta(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delta, "_MAX_PIECE", 200)
    with pytest.raises(HullmarkError, match=r"a row of [a-z]+ is too large for a delta") as caught:
        delta_between(tmp_path, some_feeds(1), some_feeds(2))
    assert caught.value.advice == "export the whole snapshot"


def test_a_delta_of_another_format_is_refused(tmp_path: Path) -> None:
    written = delta_between(tmp_path, some_feeds(3), some_feeds(4))
    for text in (b"", b"hullmark-delta-2\n" + written[17:]):
        with pytest.raises(HullmarkError, match="the delta has an unknown format"):
            applied(tmp_path, text)
