"""Go programs of which the build information ends nowhere, lies behind too many segments, or is quoted in another way."""

from __future__ import annotations

import struct

import pytest

from hullmark.catalog.programs.golang import CATALOGER, DAMAGED, LOST
from tests.support.cataloging import packages, problems
from tests.support.executables import GO_START, Part, elf, go_inline, go_pointed

INFO = "path\texample.com/tool\nmod\texample.com/tool\t(devel)\t\ndep\tgolang.org/x/net\tv0.1.0\th1:abc=\n"


def without_addresses(info: bytes) -> bytes:
    """A program whose pointers are set when it is loaded, with such information behind them."""
    parts = go_pointed("go1.16.5", INFO)
    stride = 0x4000 if len(info) < 0x4000 else 9 << 20
    body = elf([Part(b".rodata", info, writable=False), parts[1], Part(b".data", bytes(32))], stride=stride)
    return body.replace(parts[1].data[16:32], bytes(16))


@pytest.mark.parametrize(
    "info", [GO_START + INFO.encode(), GO_START + bytes(200_000), GO_START + bytes((8 << 20) + 100)]
)
def test_information_that_begins_and_never_ends_is_a_problem(info: bytes) -> None:
    # The reader of a whole file is asked, as a program of this size goes by in pieces.
    reasons: list[str] = []
    assert CATALOGER.reads[0].extract("usr/bin/tool", memoryview(without_addresses(info)), reasons.append) is None
    assert reasons[0] == DAMAGED


def test_pointers_of_a_program_with_more_segments_than_are_looked_at_are_a_problem() -> None:
    body = bytearray(elf(go_pointed("go1.16.5", INFO)))
    struct.pack_into("<H", body, 56, 2000)
    assert problems(CATALOGER, {"usr/bin/tool": bytes(body)}) == [LOST]


@pytest.mark.parametrize("quoted", ["`-X main.version=v1.2.3`", '"-X main.version=v1.2.3"', "-X=main.version=v1.2.3"])
def test_a_setting_is_read_in_either_of_gos_quotes(quoted: str) -> None:
    info = f"{INFO}build\t-ldflags={quoted}\n"
    found = packages(CATALOGER, {"usr/bin/tool": elf(go_inline("go1.22.1", info))})
    assert found[0].purl == "pkg:golang/example.com/tool@v1.2.3"
