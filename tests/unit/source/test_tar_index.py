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
from hullmark.source.tar import Member, ReadAt, find, index, inside, looks_like_tar
from hullmark.source.tar import index_of as index_by


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


def archive_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """An archive of these members, with their headers as the PAX format has them."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, body in members:
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    return out.getvalue()


def named(name: str, **headers: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.pax_headers = headers
    return info


def reader(body: bytes, most: int = 1 << 20) -> ReadAt:
    """Gives at most this many bytes at a time, as a slow network does."""
    return lambda offset, size: body[offset : offset + min(size, most)]


@pytest.mark.parametrize(
    "infos",
    [
        [named(f"{number}") for number in range(3)],
        [named("a", comment="x") for _ in range(6)],  # of the same name, each with a header of its own
    ],
)
def test_more_members_than_may_be_are_refused(infos: list[tarfile.TarInfo]) -> None:
    body = archive_of(*((info, b"1") for info in infos))
    assert set(index_of(body)) == {info.name for info in infos}
    with pytest.raises(BrokenImage, match="more than 2 members") as caught:
        index_by(reader(body), len(body), most=2)
    assert caught.value.advice == "do not trust it"


def test_a_size_in_a_pax_header_counts_and_one_that_is_not_a_number_is_damage() -> None:
    def archive(size: str) -> bytes:
        whole = bytearray(archive_of((named("large", size=size), b"12345"), (named("next"), b"6")))
        return bytes(whole)

    whole = archive("5")
    assert {name: whole[m.offset : m.offset + m.size] for name, m in index_of(whole).items()} == {
        "large": b"12345",
        "next": b"6",
    }
    for size in ("five", "-5", "9" * 19, "\u0665"):
        with pytest.raises(BrokenImage, match="damaged at byte 1024"):
            index_of(archive(size))
    with pytest.raises(BrokenImage, match="ends in the middle of a member"):
        index_of(archive("999999"))


def test_files_with_holes_are_not_files_and_a_name_with_a_slash_is_a_folder() -> None:
    sparse = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9"}
    found = index_of(archive_of((named("holes", **sparse), b"0\n"), (named("old/"), b""), (named("file"), b"1")))
    assert {name: member.kind for name, member in found.items()} == {"holes": "other", "old": "folder", "file": "file"}
    assert [find(found, name) for name in ("holes", "old", "none")] == [None, None, None]


def test_an_extended_header_of_more_than_a_megabyte_is_refused() -> None:
    with pytest.raises(BrokenImage, match="a header of more than a megabyte"):
        index_of(archive_of((named("a", comment="x" * (1 << 20)), b"")))


def test_what_a_header_says_of_all_members_is_passed_over() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "all"}) as tar:
        tar.addfile(tarfile.TarInfo("a"))
    assert out.getvalue()[156:157] == b"g"
    assert set(index_of(out.getvalue())) == {"a"}


def test_a_name_that_leads_out_of_the_archive_is_left_out_of_its_index() -> None:
    assert set(index_of(archive_of((named("../a"), b""), (named("/b"), b""), (named("c"), b"")))) == {"c"}


def test_bytes_that_come_in_pieces_are_put_together_and_a_file_that_got_shorter_is_damage() -> None:
    body = archive_of((named("ü" * 80, comment="x" * 900), b"1"))
    assert index_by(reader(body, 100), len(body)) == index_of(body)
    cut = body[:700]  # the file lost its end after its size was asked for
    with pytest.raises(BrokenImage, match="ends in the middle of a member"):
        index_by(reader(cut), len(body))
