"""Folders of an image that are kept so that one is read without the others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import FileRecord
from hullmark.server.objects.objects import Objects, open_objects
from hullmark.server.stories.images import folders
from hullmark.server.stories.images.file_tree import FileTree, ListedFile, ListedFolder
from hullmark.server.stories.images.folders import WITH_CONTENT, get_folders, put_folders

_NAMES = st.sampled_from(["a", "b", "a-b", "a.b", "é", "A", "0"])
_PATHS = st.lists(_NAMES, min_size=1, max_size=5).map(lambda parts: "/" + "/".join(parts))
_KINDS = st.sampled_from(["file", "dir", "symlink"])


def record(path: str, kind: str = "file", size: int = 1, state: str = "ok") -> FileRecord:
    return FileRecord(
        path=path, type=kind, mode=0o644, uid=0, gid=0, size=size, sha256="", link="", layer=0, owner=None, state=state
    )  # fmt: skip


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "_PART_ROWS", 3)
    monkeypatch.setattr(folders, "_BLOCK_ROWS", 5)
    monkeypatch.setattr(folders, "_HEAD_BYTES", 64)


def kept(objects: Objects, files: tuple[FileRecord, ...], name: str = "analyses/x") -> folders.StoredFolders:
    put_folders(objects, name, files, ("COPY . /",), frozenset())
    found = get_folders(objects, name)
    assert found is not None
    return found


def named(rows: list[ListedFolder | ListedFile]) -> list[str]:
    return [f"{row.name}/ {row.files}" if isinstance(row, ListedFolder) else row.path for row in rows]


@given(st.dictionaries(_PATHS, _KINDS, max_size=40), st.integers(0, 8), st.integers(0, 8))
def test_each_folder_has_the_rows_that_the_whole_tree_has(files: dict[str, str], start: int, most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folders, "_PART_ROWS", 3)
        patch.setattr(folders, "_BLOCK_ROWS", 5)
        records = tuple(record(path, kind, len(path)) for path, kind in files.items())
        stored = kept(open_objects("memory://", {}), records)
        tree = FileTree([folders._make_listed_file(each, frozenset()) for each in records])
        parents = {"/"} | {path[:at] for path in files for at in range(1, len(path)) if path[at] == "/"}
        for folder in parents:
            expected = [*(rows := tree.of_folder(folder))[0], *rows[1]]
            assert stored.rows(folder, start, most) == expected[start : start + most], folder


def test_a_folder_is_read_without_the_others(small_blocks: None) -> None:
    objects = open_objects("memory://", {})
    stored = kept(objects, tuple(record(f"/{folder}/{number}") for folder in "abcdefgh" for number in range(20)))
    read: list[int] = []
    whole = objects.read_at

    def counted(key: str, start: int, length: int, **more: object) -> bytes | None:
        read.append(length)
        return whole(key, start, length, **more)  # type: ignore[arg-type]

    objects.read_at = counted  # type: ignore[method-assign]
    assert named(stored.rows("/e", 4, 3)) == ["/e/12", "/e/13", "/e/14"]
    assert len(read) <= 3
    assert stored.rows("/none", 0, 10) == []
    assert named(stored.rows("/", 0, 2)) == ["a/ 20", "b/ 20"]
    assert stored.layers == ("COPY . /",)


def test_files_with_content_are_listed_by_themselves() -> None:
    objects = open_objects("memory://", {})
    files = (record("/etc/a.conf"), record("/etc/b.conf"), record("/etc/gone.conf", state="ghost"))
    put_folders(objects, "analyses/y", files, (), frozenset(("/etc/a.conf", "/etc/gone.conf")))
    stored = get_folders(objects, "analyses/y")
    assert stored is not None
    assert named(stored.rows(WITH_CONTENT, 0, 10)) == ["/etc/a.conf"]
    assert [row.has_content for row in stored.rows("/etc", 0, 10) if isinstance(row, ListedFile)] == [
        True,
        False,
        False,
    ]


def test_what_is_not_there_or_damaged_is_said() -> None:
    objects = open_objects("memory://", {})
    assert get_folders(objects, "analyses/none") is None
    assert get_folders(objects, "") is None
    kept(objects, (record("/a"),))
    body = objects.get("folders/x") or b""
    for broken in (body[:3], b"\xff" * 40, body[:-1] + b"x", b"\0\0\0\1" + body[4:]):
        objects.put("folders/x", broken)
        with pytest.raises(HullmarkError):
            read(objects)


def read(objects: Objects) -> object:
    found = get_folders(objects, "analyses/x")
    assert found is not None
    return found.rows("/", 0, 1)
