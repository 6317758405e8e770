"""What is told of most programs from their headers alone is what the long way says."""

from __future__ import annotations

import struct

from hypothesis import example, given, settings
from hypothesis import strategies as st

from hullmark.catalog.binaries import programs
from hullmark.catalog.oversize import Body
from hullmark.catalog.programs.executable import names_in, section_names

_HEAD = b"\x7fELF\2\1"


def elf(numbers: tuple[int, ...], rest: bytes) -> bytes:
    """A file of 64 bits: type, the places, sizes and numbers of its tables, and what lies behind."""
    form, segments, sections, *sizes = numbers
    return struct.pack("<6s10xH14xQQ6x5H", _HEAD, form, segments, sections, *sizes) + rest


NOTE = struct.pack("<I4xQ16xQ16x", 4, 120, 40)
NUMBERS = st.tuples(
    st.sampled_from((1, 2, 3)),
    st.integers(0, 300),
    st.integers(0, 300),
    st.sampled_from((0, 56, 57)),
    st.integers(0, 4),
    st.sampled_from((0, 63, 64, 65)),
    st.integers(0, 3),
    st.sampled_from((0, 1, 2, 0xFFFF)),
)


@settings(max_examples=300, deadline=None)
@example((3, 64, 0, 56, 1, 64, 0, 0), NOTE + struct.pack("<III", 4, 2, 0xCAFE1A7E) + b"FDO\0{}" + bytes(90))
@example((3, 64, 64, 56, 1, 64, 1, 0), struct.pack("<24xQQ24x", 130, 8) + b"..names\0..")
@given(NUMBERS, st.binary(max_size=400))
def test_any_headers(numbers: tuple[int, ...], rest: bytes) -> None:
    for body in (elf(numbers, rest), elf(numbers, rest)[: len(rest)]):
        _same(memoryview(body))


@given(st.binary(max_size=100))
def test_any_bytes(rest: bytes) -> None:
    _same(memoryview(_HEAD + rest))


def _same(body: memoryview) -> None:
    names = names_in(body)
    assert names is None or names == section_names(Body(body))
    short: list[str] = []
    long: list[str] = []
    assert programs.extract("x", body, short.append) == programs.program_of(body, long.append)
    assert short == long
