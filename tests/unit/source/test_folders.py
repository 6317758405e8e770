"""A folder that changes while it is read, and files of it that hold next to nothing: what was not read of them is said by name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from hullmark.rootfs.dispatch import Dispatch
from hullmark.rootfs.entry import LayerRecord
from hullmark.rootfs.limits import Limits
from hullmark.rootfs.reads import Read
from hullmark.source.folder import read_folder


def record_of(folder: Path, then: Callable[[], None] = lambda: None, limits: Limits | None = None) -> LayerRecord:
    """The record of a folder where all `wanted` files are read; `then` is done in the middle, when `middle` is read."""

    def at_middle(path: str, body: memoryview) -> None:
        then()

    wanted: Read[bytes] = Read(
        name="w", fact=bytes, extract=lambda path, body, report: bytes(body), globs=("**/wanted",)
    )
    middle: Read[None] = Read(
        name="m", fact=None, extract=lambda path, body, report: at_middle(path, body), globs=("middle",)
    )
    return read_folder(str(folder), Dispatch((wanted, middle)), limits=limits or Limits())


def folder_with_links(tmp_path: Path, names: tuple[str, ...], size: int = 0) -> Path:
    """A file under the name `a`, which nothing reads, and under these others, which are wanted."""
    (tmp_path / "a").write_bytes(b"12345")
    os.truncate(tmp_path / "a", size or 5)
    (tmp_path / "middle").write_bytes(b"x")
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        os.link(tmp_path / "a", tmp_path / name)
    return tmp_path


def told(record: LayerRecord) -> list[tuple[bytes, str, str]]:
    return [(problem.path, problem.room, problem.reason) for problem in record.problems]


def test_a_file_is_read_for_the_name_that_is_wanted_though_another_was_met_first(tmp_path: Path) -> None:
    record = record_of(folder_with_links(tmp_path, ("b/wanted", "c/wanted")))
    assert [fact for _, fact in record.facts["w"]] == [b"12345"] * 2
    assert told(record) == []


def test_a_file_that_is_gone_before_it_is_read_again_is_said_for_each_of_its_names(tmp_path: Path) -> None:
    folder = folder_with_links(tmp_path, ("b/wanted", "c/wanted"))
    record = record_of(folder, (folder / "a").unlink)
    assert told(record) == [
        (name, "w", "cannot be read: No such file or directory") for name in (b"b/wanted", b"c/wanted")
    ]
    assert record.facts.get("w", []) == []


def test_a_file_of_holes_under_its_wanted_name_is_not_read_and_said(tmp_path: Path) -> None:
    folder = folder_with_links(tmp_path, ("b/wanted",), size=1 << 24)
    record = record_of(folder, limits=Limits(bomb_bytes=1 << 20))
    assert told(record) == [(b"b/wanted", "w", "a sparse file; its content was not read")]
