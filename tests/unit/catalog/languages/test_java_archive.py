"""The zip reader: what it finds, and what it refuses."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.languages.java_archive import (
    DamagedArchive,
    Directory,
    Member,
    first_bytes,
    list_members,
    packed_bytes,
    read_directory,
    unpack,
    without_overlaps,
)

TAILS = frozenset((b".jar", b".xml"))
STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED


def make_zip(members: Mapping[str, bytes], how: int = DEFLATED, comment: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        archive.comment = comment
    return out.getvalue()


def read_all(data: bytes) -> dict[str, bytes]:
    """All members ending in TAILS, whole."""
    body = memoryview(data)
    directory = read_directory(body)
    members, is_whole = list_members(directory, TAILS)
    assert is_whole
    return {member.name: bytes(unpack(packed_bytes(body, directory, member), member)) for member in members}


def opened(data: bytes) -> tuple[memoryview, Directory, Member]:
    body = memoryview(data)
    directory = read_directory(body)
    return body, directory, list_members(directory, TAILS)[0][0]


def patched(data: bytes, *, entry: int, value: bytes) -> bytes:
    """The archive with some bytes of its first directory entry replaced."""
    at = data.rindex(b"PK\1\2") + entry
    return data[:at] + value + data[at + len(value) :]


NAMES = st.builds(
    lambda stem, end: stem + end, st.text("ab/.-é日", min_size=1), st.sampled_from([".jar", ".xml", ".class", ""])
)


@given(
    st.dictionaries(NAMES, st.binary(max_size=200) | st.binary(max_size=20).map(lambda b: b * 5000), max_size=8),
    st.sampled_from([STORED, DEFLATED]),
    st.binary(max_size=60),
    st.binary(max_size=40),
)
def test_it_reads_what_zipfile_wrote(members: dict[str, bytes], how: int, prefix: bytes, comment: bytes) -> None:
    wanted = {name: data for name, data in members.items() if name.endswith((".jar", ".xml"))}
    if b"PK\5\6" not in comment:
        assert read_all(prefix + make_zip(members, how, comment)) == wanted


@given(st.binary(max_size=400) | st.binary(max_size=200).map(lambda b: b + b"PK\5\6" + b + b"PK\5\6" + bytes(18)))
def test_it_survives_any_bytes(data: bytes) -> None:
    try:
        directory = read_directory(memoryview(data))
    except DamagedArchive:
        return
    list_members(directory, TAILS)


@given(st.data())
def test_it_survives_damaged_archives(data: st.DataObject) -> None:
    whole = bytearray(make_zip({"a/x.jar": b"x" * 300, "b.xml": b"<a/>", "c.class": b""}))
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    body = memoryview(bytes(whole))
    try:
        directory = read_directory(body)
        for member in without_overlaps(list_members(directory, TAILS)[0])[0]:
            packed = packed_bytes(body, directory, member)
            first_bytes(packed, member, 2)
            if member.size < 1 << 20:
                assert len(unpack(packed, member)) == member.size
    except DamagedArchive:
        pass


def test_an_archive_behind_a_script_is_read() -> None:
    assert read_all(b"#!/bin/sh\nexec java -jar $0\n" + make_zip({"x.jar": b"1"})) == {"x.jar": b"1"}


def test_an_archive_behind_a_script_is_read_if_its_offsets_count_the_script() -> None:
    out = io.BytesIO(b"#!/bin/sh\n")
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("x.jar", b"1")
    assert read_all(out.getvalue()) == {"x.jar": b"1"}


def test_bytes_after_the_archive_do_not_hide_it() -> None:
    assert read_all(make_zip({"x.jar": b"1"}) + b"\n\n") == {"x.jar": b"1"}


def test_an_end_mark_within_the_comment_is_passed_over() -> None:
    assert read_all(make_zip({"x.jar": b"1"}, comment=b"PK\5\6" + b"x" * 30)) == {"x.jar": b"1"}


def test_an_empty_archive_has_no_members() -> None:
    assert read_all(make_zip({})) == {}


def test_more_members_than_sixteen_bits_can_count_are_all_seen() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(65_600):
            archive.writestr(zipfile.ZipInfo(f"{number}.c"), b"")
        archive.writestr("last.jar", b"here")
    assert read_all(out.getvalue()) == {"last.jar": b"here"}


@pytest.mark.parametrize("others", [b"", struct.pack("<2H4s", 0x5455, 4, b"time")], ids=["alone", "behind another"])
def test_sizes_and_places_in_zip64_fields_are_read(others: bytes) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, archive.open("x.jar", "w", force_zip64=True) as member:
        member.write(b"body")
    data = out.getvalue()
    at = data.index(b"PK\1\2")
    end = data.index(b"PK\5\6")
    extra = others + struct.pack("<2H3Q", 1, 24, 4, 4, 0)
    entry = bytearray(data[at:end])
    entry[20:28] = b"\xff" * 8
    entry[42:46] = b"\xff" * 4
    struct.pack_into("<H", entry, 30, len(extra))
    name_end = 46 + len("x.jar")
    whole = bytes(entry[:name_end]) + extra
    zip64 = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(whole), at)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, at + len(whole), 1)
    tail = struct.pack("<4s4HIIH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    made = data[:at] + whole + zip64 + locator + tail
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert archive.read("x.jar") == b"body"
    assert read_all(made) == {"x.jar": b"body"}


@pytest.mark.parametrize(
    "locator",
    [b"", struct.pack("<4sIQI", b"PK\6\7", 0, 1 << 40, 1), struct.pack("<4sIQI", b"PK\6\7", 0, 0, 1)],
    ids=["none", "one that points nowhere", "one that points at a member"],
)
def test_an_archive_that_only_says_that_it_is_large_is_read_by_its_own_end(locator: bytes) -> None:
    data = make_zip({"x.jar": b"1", "y.jar": b"2"})
    end = data.index(b"PK\5\6")
    made = data[:end] + locator + data[end : end + 8] + b"\xff\xff\xff\xff" + data[end + 12 :]
    assert read_all(made) == {"x.jar": b"1", "y.jar": b"2"}


def test_a_stored_member_is_not_copied() -> None:
    body, directory, member = opened(make_zip({"x.jar": b"here"}, STORED))
    assert unpack(packed_bytes(body, directory, member), member).obj is body.obj


@pytest.mark.parametrize(
    ("entry", "value", "reason"),
    [
        (8, b"\1\0", "is encrypted"),
        (10, b"\x0e\0", "is packed by method 14"),
        (16, b"\0\0\0\0", "does not have the checksum"),
        (20, b"\xff\xff\0\0", "reaches beyond the end"),
        (24, b"\1\0\0\0", "holds more than the list of members says"),
        (24, b"\xff\2\0\0", "ends too early"),
        (20, b"\3\0\0\0", "ends too early"),
        (20, b"\xff\xff\xff\xff", "reaches beyond the end"),
        (24, b"\xff\xff\xff\x7f", "cannot be as large"),
        (42, b"\xff\xff\xff\x7f", "is said to be outside the archive"),
        (42, b"\1\0\0\0", "is not where the list of members says"),
    ],
)
def test_a_member_that_lies_is_refused(entry: int, value: bytes, reason: str) -> None:
    body, directory, member = opened(patched(make_zip({"x.jar": bytes(500)}), entry=entry, value=value))
    with pytest.raises(DamagedArchive, match=reason):
        unpack(packed_bytes(body, directory, member), member)


def test_a_stored_member_with_two_sizes_is_refused() -> None:
    body, directory, member = opened(patched(make_zip({"x.jar": b"four"}, STORED), entry=24, value=b"\5"))
    with pytest.raises(DamagedArchive, match="two different sizes"):
        packed_bytes(body, directory, member)


def test_deflate_data_that_is_none_is_refused() -> None:
    data = bytearray(make_zip({"x.jar": b"z" * 100}))
    data[30 + 5 : 30 + 8] = b"\xff\xff\xff"
    body, directory, member = opened(bytes(data))
    packed = packed_bytes(body, directory, member)
    for read in (lambda: unpack(packed, member), lambda: first_bytes(packed, member, 2)):
        with pytest.raises(DamagedArchive, match="not sound deflate data"):
            read()


def test_what_is_no_archive_is_refused() -> None:
    with pytest.raises(DamagedArchive, match="is not a zip archive"):
        read_directory(memoryview(b"text"))
    with pytest.raises(DamagedArchive, match="no list of members"):
        read_directory(memoryview(b"PK\5\6" + b"\xff" * 18))


def test_a_cut_directory_gives_the_members_before_the_cut() -> None:
    directory = read_directory(memoryview(make_zip({"x.jar": b"", "y.jar": b""})))
    members, is_whole = list_members(directory._replace(entries=directory.entries[:-10]), TAILS)
    assert ([member.name for member in members], is_whole) == (["x.jar"], False)


def test_names_that_no_system_could_unpack_are_left_out_and_the_list_is_not_whole_then() -> None:
    directory = read_directory(memoryview(make_zip({"a" * 5000 + ".jar": b"", "b.jar": b""})))
    members, is_whole = list_members(directory, TAILS)
    assert ([member.name for member in members], is_whole) == (["b.jar"], False)


def test_members_within_members_are_left_out() -> None:
    one, two, three = (Member(at, f"{at}.jar", 0, 0, 0, 100, 100) for at in (0, 50, 130))
    assert without_overlaps([three, two, one]) == ([one, three], True)
    assert without_overlaps([three, one]) == ([one, three], False)


def test_first_bytes_of_a_large_member_cost_little() -> None:
    body, directory, member = opened(make_zip({"x.jar": b"PK" + bytes(10_000_000)}))
    assert first_bytes(packed_bytes(body, directory, member), member, 2) == b"PK"


def test_a_large_member_is_inflated_whole() -> None:
    data = zlib.compress(b"x" * 100_000, 0) * 20
    assert read_all(make_zip({"x.jar": data})) == {"x.jar": data}
