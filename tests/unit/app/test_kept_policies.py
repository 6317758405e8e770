"""Versions of policies are kept, and found by the moment they were in force."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.app.kept_policies import PolicyShelf, Version, decode_versions
from hullmark.app.policies import load_native
from hullmark.model.errors import HullmarkError
from hullmark.policy.anchore.bundle import Bundle

NATIVE = """\
schema: hullmark-policy/1
name: base
rules:
  - {id: setuid, gate: files, trigger: setuid, action: warn}
"""


def day(number: int) -> datetime:
    return datetime(2026, 3, number, 12, tzinfo=UTC)


@pytest.fixture
def shelf(tmp_path: Path) -> PolicyShelf:
    return PolicyShelf(tmp_path / "policies")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(NATIVE)
    return path


def keep(shelf: PolicyShelf, file: Path, at: int, name: str = "") -> tuple[Version, bool]:
    return shelf.keep(file, at=day(at), now=day(28), name=name)


def test_the_version_in_force_at_a_moment_is_found(shelf: PolicyShelf, file: Path) -> None:
    first, _ = keep(shelf, file, 1)
    file.write_text(NATIVE.replace("warn", "stop"))
    second, _ = keep(shelf, file, 5)
    for number, version in ((1, first), (4, first), (5, second), (9, second)):
        assert shelf.load("base", day(number)).digest == version.policy
    assert (first.name, first.at, first.kept_at) == ("base", day(1), day(28))


def test_a_version_that_is_kept_later_may_lie_between_others(shelf: PolicyShelf, file: Path) -> None:
    texts = {1: "warn", 9: "stop", 5: "go"}
    for number, action in texts.items():
        file.write_text(NATIVE.replace("warn", action))
        keep(shelf, file, number)
    digests = {number: shelf.load("base", day(number)).digest for number in texts}
    assert len(set(digests.values())) == 3
    assert shelf.load("base", day(6)).digest == digests[5]


def test_what_says_the_same_is_kept_once(shelf: PolicyShelf, file: Path) -> None:
    first = keep(shelf, file, 1)
    file.write_text("# in other words\n" + NATIVE)
    assert keep(shelf, file, 3) == (first[0], False)
    assert shelf.versions() == (first[0],)


def test_before_the_first_version_there_is_none(shelf: PolicyShelf, file: Path) -> None:
    with pytest.raises(HullmarkError, match="no policy is kept as base") as raised:
        shelf.load("base", day(1))
    assert "kept are none" in raised.value.advice
    keep(shelf, file, 2)
    with pytest.raises(HullmarkError, match=r"no version of the policy base .* the oldest kept is of 2026-03-02"):
        shelf.load("base", day(1))
    with pytest.raises(HullmarkError) as raised:
        shelf.load("other", day(3))
    assert "kept are base" in raised.value.advice


def test_a_folder_is_kept_as_one_policy(shelf: PolicyShelf, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "one.yaml").write_text(NATIVE)
    (folder / "two.yaml").write_text(NATIVE.replace("setuid, gate", "again, gate"))
    keep(shelf, folder, 1)
    assert shelf.load("base", day(1)) == load_native(folder)


def test_an_anchore_policy_goes_by_its_name_or_another_one(shelf: PolicyShelf, tmp_path: Path) -> None:
    file = tmp_path / "bundle.json"
    document = {"id": "b", "version": "1_0", "policies": [], "mappings": [], "whitelists": []}
    file.write_text(json.dumps(document))
    assert keep(shelf, file, 1)[0].name == "b"
    keep(shelf, file, 1, "shop")
    assert isinstance(shelf.load("shop", day(1)), Bundle)


def test_a_policy_that_is_wrong_or_bears_no_name_is_not_kept(shelf: PolicyShelf, file: Path) -> None:
    for name in (" ", "a\nb", "x" * 300):
        with pytest.raises(HullmarkError, match="has no name"):
            keep(shelf, file, 1, name)
    file.write_text(NATIVE.replace("setuid, action", "setuit, action"))
    with pytest.raises(HullmarkError, match="setuit"):
        keep(shelf, file, 1)
    file.write_bytes(NATIVE.encode("utf-16"))
    with pytest.raises(HullmarkError, match="is not UTF-8"):
        keep(shelf, file, 1)
    assert shelf.versions() == ()


def test_a_text_that_changed_is_not_believed(shelf: PolicyShelf, file: Path) -> None:
    version, _ = keep(shelf, file, 1)
    text = shelf.folder / "texts" / version.text
    text.write_bytes(text.read_bytes().replace(b"warn", b"stop"))
    with pytest.raises(HullmarkError, match="is damaged"):
        shelf.load("base", day(1))


def test_half_a_line_of_the_index_never_counted(shelf: PolicyShelf, file: Path) -> None:
    first, _ = keep(shelf, file, 1)
    with (shelf.folder / "versions").open("ab") as index:
        index.write(b'{"at": "2026')
    assert shelf.versions() == (first,)
    file.write_text(NATIVE.replace("warn", "stop"))
    second, _ = keep(shelf, file, 2)
    assert shelf.versions() == (first, second)


@given(st.binary(max_size=300))
def test_any_bytes_are_an_index_or_refused(index: bytes) -> None:
    with suppress(HullmarkError):
        decode_versions(index)


def test_a_policy_that_is_too_large_to_be_kept_is_refused(
    shelf: PolicyShelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hullmark.app.kept_policies._MAX_TEXT", 1 << 20)
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, text in (
        ("a", NATIVE),
        (
            "b",
            "schema: hullmark-policy/1\nname: more\nrules:\n  - {id: other, gate: files, trigger: setuid, action: warn}\n",
        ),
    ):
        (folder / f"{name}.yaml").write_text(text + "# more\n" * 90_000)
    with pytest.raises(HullmarkError, match="the policy is larger than 1 MiB") as caught:
        keep(shelf, folder, 1)
    assert caught.value.advice == "keep it in several parts"
    assert shelf.versions() == ()
