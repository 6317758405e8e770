"""What is kept of ELF files that are too large to be held in memory."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.reach import elf_large
from hullmark.reach.elf import _Large, facts_of
from hullmark.reach.elf_large import LargeFile
from tests.support.dynamic import dynamic_elf

MADE = dynamic_elf(("liba.so",), soname="b.so", calls=("system",), constants=("/etc/d/conf", "/usr/bin/tool"))
HEAD, END = 0x800, 0x300
CODE = bytes(range(256)) * 256


def with_code(flags: tuple[int, int]) -> bytes:
    """The same file with much code behind its data, and its tables at the end; `flags` are those of its segments."""
    data_size = struct.unpack_from("<Q", MADE, 64 + 32)[0]
    sections_at, count = struct.unpack_from("<Q", MADE, 40)[0], struct.unpack_from("<H", MADE, 56)[0]
    body = bytearray(MADE[:data_size] + CODE + MADE[data_size:])
    struct.pack_into("<Q", body, 40, sections_at + len(CODE))
    rows = struct.unpack_from("<H", MADE, 60)[0]
    at = sections_at + len(CODE) + 64 * (rows - 1)
    struct.pack_into("<Q", body, at + 24, struct.unpack_from("<Q", body, at + 24)[0] + len(CODE))
    # The first segment is what is read, the second, put in the place of the last one, the code.
    struct.pack_into("<I", body, 64 + 4, flags[0])
    last = 64 + 56 * (count - 1)
    kept = struct.pack("<IIQQQQQQ", 1, flags[1], data_size, 0x900000, 0, len(CODE), len(CODE), 1)
    body[64 + 56 * count : 64 + 56 * (count + 1)] = kept
    struct.pack_into("<H", body, 56, count + 1)
    assert last < 0x1000
    return bytes(body)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elf_large, "_HEAD", HEAD)
    monkeypatch.setattr(elf_large, "_END", 0x1000)


def fed(body: bytes, step: int) -> _Large:
    sink = _Large(len(body))
    for at in range(0, len(body), step):
        sink.write(memoryview(body)[at : at + step])
    return sink


@pytest.mark.parametrize("step", [100, 1000, 1 << 20])
@pytest.mark.parametrize("flags", [(4, 5), (5, 5), (6, 5)])
def test_all_that_is_told_of_a_large_file_is_told_of_what_is_kept(step: int, flags: tuple[int, int]) -> None:
    body = with_code(flags)
    found = fed(body, step).finish(print)
    assert found == facts_of(memoryview(body))
    assert found.needed == ("liba.so",)
    assert found.paths == ("/etc/d/conf", "/usr/bin/tool")


def test_code_is_not_kept_where_constants_lie_apart() -> None:
    body = with_code((4, 5))
    parts = fed(body, 1000).parts()
    at = body.index(CODE)
    assert parts.at(at + 0x2000, 0x100) == b""
    assert parts.is_cut
    assert fed(with_code((5, 5)), 1000).parts().at(at + 0x2000, 0x100) == CODE[0x2000:0x2100]


def test_of_more_than_may_be_kept_the_beginning_and_the_end_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elf_large, "_MAX_KEPT", 0x1000)
    body = with_code((5, 5))
    parts = fed(body, 1000).parts()
    assert parts.at(0, 0x1000) == body[:0x1000]
    assert parts.at(len(body) - 0x1000, 0x1000) == body[-0x1000:]
    assert parts.at(0x2000, 1) == b""


@given(st.binary(max_size=4000), st.integers(0, 9000), st.integers(1, 700))
def test_no_bytes_make_it_fail_and_what_is_kept_is_what_was_there(body: bytes, size: int, step: int) -> None:
    file = LargeFile(size)
    whole = b"\x7fELF\2\1\1" + body
    for at in range(0, len(whole), step):
        file.write(memoryview(whole)[at : at + step])
    parts = file.parts()
    for at in (0, 7, len(whole) // 2):
        assert parts.at(at, 5) in (b"", whole[at : min(at + 5, size)])
