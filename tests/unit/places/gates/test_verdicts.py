"""Local verdicts: kept whole or not at all, found by every digest and tag, in one file that outlives the process."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.admission import AdmissibleImage, AdmissionPage
from hullmark.model.errors import HullmarkError
from hullmark.model.place import EndedContainer, Place, RunningContainer, RunningImage
from hullmark.places.gates import verdicts as gate_verdicts
from hullmark.places.gates.follow import RunningImages
from hullmark.places.gates.verdicts import LocalVerdicts, TooManyUnderDigest
from hullmark.places.runtime.collector import Changes, Listing
from tests.support.gate import HOST, NOON, image, verdict
from tests.support.kubernetes.manifests import digest


def page(*images: AdmissibleImage, cursor: str = "1", is_last: bool = True, begins: bool = False) -> AdmissionPage:
    return AdmissionPage(images=images, cursor=cursor, is_last=is_last, begins=begins)


def test_a_list_takes_the_place_of_what_was_there_once_it_is_whole(tmp_path: Path) -> None:
    verdicts = LocalVerdicts(tmp_path / "a" / "v.db")
    assert (verdicts.cursor, verdicts.age_seconds(NOON)) == ("", None)
    verdicts.take(page(image("a"), image("b"), begins=True), NOON)
    assert verdicts.age_seconds(NOON + timedelta(seconds=5)) == 5.0
    verdicts.take(page(image("b"), is_last=False, begins=True, cursor="2"), NOON + timedelta(hours=1))
    assert verdicts.count() == 2
    assert verdicts.synced_at == NOON
    verdicts.take(page(image("c"), cursor="3"), NOON + timedelta(hours=1))
    assert [each.digest for each in verdicts.images()] == sorted((digest("b"), digest("c")))
    # A change is no list: what it does not name stays.
    verdicts.take(page(image("d"), cursor="4"), NOON)
    assert verdicts.count() == 3
    verdicts.close()
    again = LocalVerdicts(tmp_path / "a" / "v.db", is_read_only=True)
    assert (again.count(), again.cursor) == (3, "4")
    assert again.tagged(f"{HOST}/d:1") == image("d")


def test_what_is_judged_no_more_goes_with_its_names(tmp_path: Path) -> None:
    verdicts = LocalVerdicts(tmp_path / "v.db")
    verdicts.take(page(image("a", indexes=(digest("i"),)), begins=True), NOON)
    assert verdicts.find(digest("i")) == verdicts.find(digest("config of a")) != ()
    verdicts.take(page(msgspec.structs.replace(image("a"), verdicts=())), NOON)
    assert (verdicts.find(digest("i")), verdicts.tagged(f"{HOST}/a:1"), verdicts.count()) == ((), None, 0)


def test_an_index_of_too_many_images_is_said_to_be_one(tmp_path: Path) -> None:
    verdicts = LocalVerdicts(tmp_path / "v.db")
    images = [image(f"x{number}", indexes=(digest("i"),)) for number in range(65)]
    verdicts.take(page(*images[:64], begins=True), NOON)
    assert len(verdicts.find(digest("i"))) == 64
    verdicts.take(page(images[64]), NOON)
    with pytest.raises(TooManyUnderDigest):
        verdicts.find(digest("i"))


def test_another_server_s_verdicts_are_forgotten(tmp_path: Path) -> None:
    verdicts = LocalVerdicts(tmp_path / "v.db")
    verdicts.bind("https://a ")
    verdicts.take(page(image("a"), begins=True), NOON)
    verdicts.bind("https://a ")
    assert verdicts.count() == 1
    verdicts.bind("https://b ")
    assert (verdicts.count(), verdicts.cursor, verdicts.synced_at) == (0, "", None)


def test_a_file_that_is_no_database_is_refused_and_one_of_another_version_is_emptied(tmp_path: Path) -> None:
    (tmp_path / "bad.db").write_bytes(b"no database" * 1000)
    with pytest.raises(HullmarkError, match="cannot use the verdicts"):
        LocalVerdicts(tmp_path / "bad.db")
    with pytest.raises(HullmarkError, match="cannot use the verdicts"):
        LocalVerdicts(tmp_path / "missing.db", is_read_only=True)
    verdicts = LocalVerdicts(tmp_path / "v.db")
    verdicts.take(page(image("a"), begins=True), NOON)
    verdicts.close()
    other = sqlite3.connect(tmp_path / "v.db")
    other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(HullmarkError, match="another version"):
        LocalVerdicts(tmp_path / "v.db", is_read_only=True)
    assert LocalVerdicts(tmp_path / "v.db").count() == 0


def test_unknown_images_wait_once_and_come_again_after_a_day(tmp_path: Path) -> None:
    verdicts = LocalVerdicts(tmp_path / "v.db")
    for number in (2, 1, 2):
        assert verdicts.queue(f"x:{number}", NOON + timedelta(seconds=number))
    assert verdicts.queued() == ("x:1", "x:2")
    verdicts.mark_told(["x:1"], NOON)
    verdicts.queue("x:1", NOON)
    assert verdicts.queued() == ("x:2",)
    verdicts.mark_told(["x:2"], NOON + timedelta(days=2))
    verdicts.queue("x:1", NOON + timedelta(days=2))
    assert verdicts.queued() == ("x:1",)


def test_more_verdicts_than_a_gate_keeps_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts = LocalVerdicts(tmp_path / "v.db")
    verdicts.take(page(image("a"), begins=True), NOON)
    monkeypatch.setattr(gate_verdicts, "MOST_IMAGES", 1)
    with pytest.raises(HullmarkError, match="the server has more than 1 verdicts") as refused:
        verdicts.take(page(image("b"), cursor="2"), NOON)
    assert refused.value.advice == "give the gate an account of its own"
    assert (verdicts.cursor, verdicts.count(), verdicts.find(digest("b"))) == ("1", 1, ())


def test_a_full_queue_takes_no_more_but_knows_what_waits_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts = LocalVerdicts(tmp_path / "v.db")
    monkeypatch.setattr(gate_verdicts, "MOST_QUEUED", 1)
    assert [verdicts.queue(f"x:{number}", NOON) for number in (1, 2, 1)] == [True, False, True]
    assert verdicts.queued() == ("x:1",)


def running(name: str, of: str, namespace: str = "shop") -> RunningContainer:
    place = Place(platform="kubernetes", cluster="c", namespace=namespace)
    return RunningContainer(id=name, place=place, image=RunningImage(reference="x", digest=digest(of)), since=NOON)


def test_what_ran_is_remembered_for_a_while_after_it_ended(tmp_path: Path) -> None:
    verdicts, images = LocalVerdicts(tmp_path / "v.db"), RunningImages()
    images.take(Listing(iter([running("1", "a"), running("2", "b")])), verdicts, NOON)
    assert verdicts.ran_at("shop", [digest("a")]) == NOON
    assert verdicts.ran_at("other", [digest("a")]) is None
    later = NOON + timedelta(days=3)
    images.take(Changes(ended=(EndedContainer(id="1", until=later),)), verdicts, later)
    images.renew(verdicts, NOON + timedelta(days=9), timedelta(days=7))
    assert verdicts.ran_at("shop", [digest("a")]) == later
    assert verdicts.ran_at("shop", [digest("b")]) == NOON + timedelta(days=9)
    images.renew(verdicts, NOON + timedelta(days=11), timedelta(days=7))
    assert verdicts.ran_at("shop", [digest("a"), digest("c")]) is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcd"), st.sets(st.sampled_from("tuv"), max_size=2), st.sampled_from(["go", "stop", ""])
        ),
        max_size=12,
    )
)
def test_changes_in_any_order_leave_what_was_said_last(changes: list[tuple[str, set[str], str]]) -> None:
    folder = tempfile.mkdtemp()
    verdicts = LocalVerdicts(Path(folder) / "v.db")
    said: dict[str, AdmissibleImage] = {}
    owner: dict[str, str] = {}
    for name, tags, word in changes:
        owner = {tag: of for tag, of in owner.items() if of != name}
        one = image(name, tags=tuple(f"{HOST}/x:{tag}" for tag in sorted(tags)))
        one = msgspec.structs.replace(one, verdicts=(verdict(word),) if word else ())
        verdicts.take(page(one), NOON)
        said.pop(name, None)
        if word:
            said[name] = one
            owner |= dict.fromkeys(tags, name)
    assert list(verdicts.images()) == sorted(said.values(), key=lambda each: each.digest)
    for tag in "tuv":
        found = verdicts.tagged(f"{HOST}/x:{tag}")
        assert found == (said[owner[tag]] if tag in owner else None)
    verdicts.close()
    shutil.rmtree(folder)
