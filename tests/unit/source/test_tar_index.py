"""The index of an outer archive, against Python's tarfile and against damage."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hullmark.model.errors import BrokenImage
from hullmark.source.tar import Member, find, index, inside, looks_like_tar


@contextmanager
def descriptor(body: bytes) -> Iterator[int]:
    fd = os.memfd_create("archive")
    try:
        os.write(fd, body)
        yield fd
    finally:
        os.close(fd)


def index_of(body: bytes) -> dict[str, Member]:
    with descriptor(body) as fd:
        return index(fd, len(body))


FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
NAMES = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1, max_size=60)
    .filter(lambda part: part not in (".", "..")),
    min_size=1, max_size=5,
).map("/".join)  # fmt: skip


@settings(max_examples=60)
@given(st.dictionaries(NAMES, st.binary(max_size=1500), max_size=6), st.sampled_from(FORMATS))
def test_members_are_where_tarfile_wrote_them(files: dict[str, bytes], format: int) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as tar:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            try:
                tar.addfile(info, io.BytesIO(body))
            except ValueError:  # too long for the format
                return
    whole = out.getvalue()
    found = index_of(whole)
    assert {name: whole[m.offset : m.offset + m.size] for name, m in found.items()} == files


def test_links_long_names_and_large_numbers_are_read() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, kind, link in (
            ("n" * 200, b"0", ""),
            ("s", b"2", "l" * 300),
            ("h", b"1", "s"),
            ("d", b"5", ""),
            ("c", b"3", ""),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mtime, info.uid = kind, link, 1 << 40, 1 << 30
            tar.addfile(info)
    found = index_of(out.getvalue())
    assert [(name[:3], member.kind, member.link[:3]) for name, member in found.items()] == [
        ("nnn", "file", ""), ("s", "symlink", "lll"), ("h", "hard", "s"), ("d", "folder", ""), ("c", "other", ""),
    ]  # fmt: skip


def test_the_last_of_equal_names_counts() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, body in (("a", b"1"), ("./a", b"22")):
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    assert index_of(out.getvalue())["a"].size == 2


@given(st.binary(max_size=3000))
def test_any_bytes_are_an_index_or_broken(body: bytes) -> None:
    try:
        found = index_of(body)
    except BrokenImage:
        return
    assert all(member.offset + member.size <= len(body) for member in found.values())


@settings(max_examples=200)
@given(st.data())
def test_any_change_of_an_archive_is_an_index_or_broken(data: st.DataObject) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=data.draw(st.sampled_from(FORMATS))) as tar:
        for name in ("a", "ü" * 45, "b/c"):
            info = tarfile.TarInfo(name)
            info.size = 700
            tar.addfile(info, io.BytesIO(bytes(700)))
    body = bytearray(out.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = index_of(bytes(body))
    except BrokenImage:
        return
    assert all(member.offset + member.size <= len(body) for member in found.values())


@pytest.mark.parametrize(
    "size", [b"\x80" + b"\xff" * 11, b"\xff" * 12, b"77777777777\0", b"-1         \0", b"99999999999\0"]
)
def test_a_size_that_cannot_be_is_broken(size: bytes) -> None:
    header = bytearray(tarfile.TarInfo("a").tobuf())
    header[124:136] = size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    with pytest.raises(BrokenImage):
        index_of(bytes(header) + bytes(2048))


@pytest.mark.parametrize("record", [b"9 size=-1\n", b"99 path=a\n", b"x path=a\n", b"0 path=a\n", b"5 a\n", b"1 "])
def test_a_damaged_pax_header_is_broken_or_harmless(record: bytes) -> None:
    info = tarfile.TarInfo("pax")
    info.type, info.size = b"x", len(record)
    body = info.tobuf() + record.ljust(512, b"\0") + tarfile.TarInfo("a").tobuf() + bytes(1024)
    with suppress(BrokenImage):
        assert set(index_of(body)) <= {"a"}


def test_names_are_followed_only_inside() -> None:
    assert [inside(name) for name in ("a", "./a//b", "a/../b", "..", "../a", "a/../../b", "/a", "")] == [
        "a", "a/b", "b", None, None, None, None, ".",
    ]  # fmt: skip
    members = {"f": Member("file", 0, 1), "d/l": Member("symlink", 0, 0, "../f"), "h": Member("hard", 0, 0, "d/l")}
    assert find(members, "h") == members["f"]
    assert find(members, "none") is None
    with pytest.raises(BrokenImage):
        find({"l": Member("symlink", 0, 0, "l")}, "l")


def test_a_tar_is_known_by_its_first_block(tmp_path: Path) -> None:
    assert looks_like_tar(tarfile.TarInfo("a").tobuf())
    assert looks_like_tar(bytes(512))
    assert not looks_like_tar(b"x" * 512)
    assert not looks_like_tar(b"")
