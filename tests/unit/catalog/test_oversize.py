"""What the sink for large executables keeps, and what it lets go."""

from __future__ import annotations

import re
import tracemalloc
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.oversize import Body, ExecutableRequest, MarkedReader, OversizeSink, PatternSearch
from hullmark.catalog.programs.executable import find_section, section_names
from hullmark.rootfs.reads import MIB, Report
from tests.support.executables import Part, elf

MARK = PatternSearch(
    pattern=b"MARK", accept=lambda window, position, offset: window[position + 4 : position + 5] == b"!", most=3
)


def _request(take: Any, *hunts: PatternSearch, data: bool = False) -> ExecutableRequest:
    return ExecutableRequest(hunts=hunts, take=take, lost="it is lost", data=data)


def _through(sink: OversizeSink, body: bytes, piece: int = 100_000) -> tuple[Any, list[str]]:
    view, problems = memoryview(body), list[str]()
    for start in range(0, len(body), piece):
        sink.write(view[start : start + piece])
    return sink.finish(problems.append), problems


def _marks(reader: MarkedReader, _report: Report) -> list[int]:
    return list(reader.hits(MARK))


@given(
    st.lists(st.sampled_from([b"MARK!", b"MARK?", b"MAR", bytes(300), bytes(700)]), max_size=12),
    st.integers(1, 900),
    st.sampled_from([64, 512, 1000, 4096]),
)
def test_a_body_and_a_sink_find_the_same_marks_at_any_piece_size(pieces: list[bytes], piece: int, block: int) -> None:
    body = b"".join(pieces)
    found, _ = _through(OversizeSink(len(body), _request(_marks, MARK), block=block), body, piece)
    assert found == list(Body(memoryview(body)).hits(MARK))
    assert found == [match.start() for match in re.finditer(b"MARK!", body)][:3]


def test_the_beginning_the_end_and_the_bytes_at_a_mark_are_kept() -> None:
    body = b"begin" + bytes(3 * MIB) + b"MARK! and more" + bytes(3 * MIB) + b"end"

    def take(reader: MarkedReader, _report: Report) -> tuple[bytes, ...]:
        (mark,) = reader.hits(MARK)
        return reader.read(0, 5), reader.read(mark, 14), reader.read(len(body) - 3, 99)

    assert _through(OversizeSink(len(body), _request(take, MARK)), body) == ((b"begin", b"MARK! and more", b"end"), [])


def test_what_was_not_kept_is_a_problem() -> None:
    body = bytes(4 * MIB)
    sink = OversizeSink(len(body), _request(lambda reader, report: reader.read(2 * MIB, 1)))
    assert _through(sink, body) == (None, ["it is lost"])


def test_what_belongs_to_a_mark_is_kept_until_it_is_whole() -> None:
    long = PatternSearch(
        pattern=b"MARK",
        accept=lambda window, position, offset: True,
        whole=lambda reader, mark: reader.read(mark, 900_000),
    )
    body = bytes(2 * MIB) + b"MARK" + b"x" * 899_996 + bytes(4 * MIB)

    def take(reader: MarkedReader, _report: Report) -> bytes:
        return reader.read(2 * MIB, 900_000)

    assert _through(OversizeSink(len(body), _request(take, long)), body) == (b"MARK" + b"x" * 899_996, [])


def test_a_section_table_in_the_middle_of_the_file_is_kept_with_its_names() -> None:
    body = elf([Part(b".one", b"x"), Part(b".two", b"y")], stride=2 * MIB, tail=3 * MIB)

    def take(reader: MarkedReader, _report: Report) -> tuple[bytes | None, Any]:
        return section_names(reader), find_section(reader, b".two")

    found, problems = _through(OversizeSink(len(body), _request(take)), body)
    assert found == take(Body(memoryview(body)), problems.append)
    assert found[1] is not None


def test_writable_segments_are_kept_where_they_are_wanted() -> None:
    body = elf([Part(b".ro", b"x", writable=False), Part(b".rw", b"y")], stride=2 * MIB, tail=3 * MIB)

    def take(reader: MarkedReader, _report: Report) -> bytes:
        return reader.read(2 * MIB + 0x1000, 1)

    assert _through(OversizeSink(len(body), _request(take, data=True)), body) == (b"y", [])
    assert _through(OversizeSink(len(body), _request(take)), body) == (None, ["it is lost"])


def test_a_file_full_of_marks_does_not_fill_the_memory() -> None:
    greedy = PatternSearch(
        pattern=b"MARK",
        accept=lambda window, position, offset: True,
        whole=lambda reader, mark: reader.read(mark, 1 << 40),
    )
    piece = memoryview(b"MARK" * 65536)
    sink = OversizeSink(160 * MIB, _request(lambda reader, report: None, greedy))
    tracemalloc.start()
    for _ in range(160):
        sink.write(piece)
        sink.write(memoryview(bytes(768 * 1024)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sink.finish(print) is None
    assert peak < 32 * MIB


def test_an_empty_file_is_survived() -> None:
    assert _through(OversizeSink(0, _request(_marks, MARK)), b"") == ([], [])


def test_a_file_larger_or_smaller_than_promised_is_read_as_it_comes() -> None:
    body = bytes(2 * MIB) + b"MARK!"
    for promised in (1, 99 * MIB):
        assert _through(OversizeSink(promised, _request(_marks, MARK)), body) == ([2 * MIB], [])


def _program(*flags: int) -> bytes:
    """An ELF file of a segment for each number: 4 readable, 5 code, 6 data; with a mark in the middle of each."""
    part = bytes(MIB) + b"MARK!" + bytes(MIB - 5)
    body = bytearray(elf([Part(b".p%d" % n, part) for n in range(len(flags))], stride=2 * MIB))
    for n, flag in enumerate(flags):
        body[64 + 56 * n + 4] = flag
    return bytes(body)


def _hunted(body: bytes, hunt: PatternSearch) -> list[int]:
    """The segments in which marks were found."""
    sink = OversizeSink(len(body), _request(lambda reader, _: [at // (2 * MIB) for at in reader.hits(hunt)], hunt))
    found: list[int] = _through(sink, body, MIB)[0]
    return found


def _hunt(**more: Any) -> PatternSearch:
    return PatternSearch(pattern=b"MARK!", accept=lambda window, position, offset: True, **more)


def test_marks_of_data_are_hunted_in_writable_segments_only() -> None:
    assert _hunted(_program(4, 5, 4, 6), _hunt(data=True)) == [3]
    assert _hunted(_program(4, 5, 4), _hunt(data=True)) == [0, 2]  # nothing is writable: then wherever constants are


def test_nothing_is_hunted_in_code_unless_constants_stand_among_it() -> None:
    assert _hunted(_program(4, 5, 4, 6), _hunt()) == [0, 2, 3]
    assert _hunted(_program(5, 6), _hunt()) == [0, 1]


def test_other_linkers_signs_stop_a_hunt() -> None:
    signed = _program(4, 6).replace(bytes(9), b"SIGNATURE", 1)
    assert _hunted(signed, _hunt(unless=(b"SIGNATURE",))) == []
    assert _hunted(signed, _hunt(signs=(b"SIGNATURE",))) == [0, 1]
    assert _hunted(_program(4, 6), _hunt(signs=(b"SIGNATURE",))) == []
