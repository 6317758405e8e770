"""Sections and segments of ELF, PE and Mach-O."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.oversize import Body
from hullmark.catalog.programs.executable import (
    MAGIC,
    BytesNotKept,
    Section,
    find_section,
    section_names,
    section_table,
    segments,
    slices,
)
from tests.support.executables import Part, address, elf, fat, macho, offset, pe

PARTS = (Part(b".one", b"first", writable=False), Part(b".dep-v0", b"second"))
FILES = {
    "elf 64 little": elf(PARTS),
    "elf 64 big": elf(PARTS, big=True),
    "elf 32 little": elf(PARTS, wide=False),
    "elf 32 big": elf(PARTS, wide=False, big=True),
    "pe 64": pe(PARTS),
    "pe 32": pe(PARTS, wide=False),
    "mach-o 64 little": macho(PARTS),
    "mach-o 64 big": macho(PARTS, big=True),
    "mach-o 32 little": macho(PARTS, wide=False),
    "mach-o 32 big": macho(PARTS, wide=False, big=True),
}
every_format = pytest.mark.parametrize("body", FILES.values(), ids=FILES.keys())


def reader(body: bytes) -> Body:
    return Body(memoryview(body))


@every_format
def test_a_section_is_found_by_its_name_in_every_format(body: bytes) -> None:
    assert find_section(reader(body), b".dep-v0") == Section(offset(1), 6)
    assert find_section(reader(body), b".dep-v1") is None


@every_format
def test_the_names_of_all_sections_are_told_at_once(body: bytes) -> None:
    names = section_names(reader(body))
    assert names is not None
    assert b".one" in names
    assert b".dep-v0" in names


@every_format
def test_segments_say_where_they_are_mapped_and_whether_they_may_be_written(body: bytes) -> None:
    first, second = segments(reader(body))
    assert first == (address(0), offset(0), 5, False)
    assert second == (address(1), offset(1), 6, True)


@every_format
def test_every_format_begins_with_a_known_magic(body: bytes) -> None:
    assert body.startswith(MAGIC)


@pytest.mark.parametrize("wide", [False, True])
def test_a_fat_file_has_a_slice_for_each_architecture(wide: bool) -> None:
    body = fat([macho(PARTS, big=True), macho(PARTS)], wide=wide)
    assert body.startswith(MAGIC)
    first, second = slices(reader(body))
    assert find_section(reader(body), b".dep-v0", first) == Section(first + offset(1), 6)
    assert find_section(reader(body), b".dep-v0", second) == Section(second + offset(1), 6)
    assert segments(reader(body), second)[1] == (address(1), second + offset(1), 6, True)


def test_a_file_of_one_architecture_is_its_own_only_slice() -> None:
    assert slices(reader(elf(PARTS))) == (0,)


def test_a_java_class_is_no_fat_file() -> None:
    assert slices(reader(b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(4000))) == ()


def test_an_elf_file_without_a_section_table_has_no_names() -> None:
    body = elf(PARTS, sections=False)
    assert section_names(reader(body)) is None
    assert find_section(reader(body), b".dep-v0") is None
    assert len(segments(reader(body))) == 2


def test_a_section_table_of_rows_too_small_is_told_without_names() -> None:
    body = bytearray(elf(PARTS))
    struct.pack_into("<H", body, 58, 10)  # the size of a section header
    [table] = section_table(reader(bytes(body)))
    assert table.size == 10 * 4
    assert section_names(reader(bytes(body))) is None


@pytest.mark.parametrize(("name", "at"), [("elf 64 little", 56), ("pe 64", 64 + 6)])
def test_a_program_of_more_segments_than_are_looked_at_is_not_followed(name: str, at: int) -> None:
    body = bytearray(FILES[name])
    struct.pack_into("<H", body, at, 2000)
    with pytest.raises(BytesNotKept):
        segments(reader(bytes(body)))


@pytest.mark.parametrize(
    ("name", "at"),
    [("pe 64", 64 + 24 + 48 + 16), ("mach-o 64 little", 32 + 72 + 40)],
)
def test_a_section_without_bytes_is_passed_over_in_the_formats_of_other_systems(name: str, at: int) -> None:
    body = bytearray(FILES[name])
    struct.pack_into("<Q" if name.startswith("mach") else "<I", body, at, 0)
    assert find_section(reader(bytes(body)), b".one") is None
    assert find_section(reader(bytes(body)), b".dep-v0") == Section(offset(1), 6)


def test_a_segment_without_bytes_is_not_mapped() -> None:
    windows, apple = bytearray(FILES["pe 64"]), bytearray(FILES["mach-o 64 little"])
    struct.pack_into("<I", windows, 64 + 24 + 48 + 16, 0)
    struct.pack_into("<Q", apple, 32 + 48, 0)
    for body in (windows, apple):
        assert [segment.offset for segment in segments(reader(bytes(body)))] == [offset(1)]


def test_commands_behind_one_that_says_it_has_no_length_are_not_followed() -> None:
    body = bytearray(FILES["mach-o 64 little"])
    struct.pack_into("<I", body, 32 + 152 + 4, 0)  # the second command's length
    assert [segment.offset for segment in segments(reader(bytes(body)))] == [offset(0)]


def test_a_section_without_bytes_in_the_file_is_passed_over() -> None:
    body = bytearray(elf(PARTS))
    table = next(section_table(reader(bytes(body))))
    struct.pack_into("<I", body, table.offset + 2 * 64 + 4, 8)  # the third header's type: NOBITS
    assert find_section(reader(bytes(body)), b".dep-v0") is None


def test_section_counts_too_large_for_the_header_stand_in_the_first_section() -> None:
    body = bytearray(elf(PARTS))
    table = next(section_table(reader(bytes(body))))
    struct.pack_into("<HH", body, 60, 0, 0xFFFF)
    struct.pack_into("<QI", body, table.offset + 32, 4, 3)
    assert find_section(reader(bytes(body)), b".dep-v0") == Section(offset(1), 6)


def test_the_section_table_of_an_elf_file_is_told_with_its_names() -> None:
    body = elf(PARTS)
    table, names = section_table(reader(body))
    assert table.offset + table.size == len(body)
    assert body[names.offset :].startswith(b"\0.one\0.dep-v0\0")
    assert list(section_table(reader(pe(PARTS)))) == []


def _all(body: bytes) -> None:
    file = reader(body)
    # Tables that are larger than what is looked at are not had.
    with suppress(BytesNotKept):
        list(section_table(file))
    for base in slices(file):
        section_names(file, base)
        with suppress(BytesNotKept):
            find_section(file, b".dep-v0", base)
        with suppress(BytesNotKept):
            segments(file, base)


@given(st.sampled_from(MAGIC), st.binary(max_size=512))
def test_any_bytes_behind_a_magic_are_survived(magic: bytes, rest: bytes) -> None:
    _all(magic + rest)


@given(
    st.sampled_from([*FILES.values(), fat([macho(PARTS)]), fat([macho(PARTS)], wide=True)]),
    st.lists(st.tuples(st.integers(0, 400), st.sampled_from([0, 1, 2, 0x7F, 0x80, 0xFF])), max_size=8),
    st.booleans(),
)
def test_any_change_of_the_headers_is_survived(body: bytes, changes: list[tuple[int, int]], at_end: bool) -> None:
    broken = bytearray(body)
    for at, value in changes:
        broken[-1 - at if at_end else at] = value
    _all(bytes(broken))


@given(st.sampled_from(list(FILES.values())), st.integers(0, 0x5000))
def test_a_file_cut_off_anywhere_is_survived(body: bytes, size: int) -> None:
    _all(body[:size])
