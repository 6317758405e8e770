"""What an ELF file says that it needs, calls and names."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.reach.elf import ElfFacts, _Large, facts_of
from tests.support.dynamic import dynamic_elf

MADE = dynamic_elf(
    ("liba.so.1", "libc.so.6"),
    interpreter="/lib64/ld.so",
    runpath="$ORIGIN/../lib",
    calls=("execvp", "puts", "getaddrinfo"),
    constants=("/etc/made.conf", "mount -t %s", "libplug.so.2", "Hello World", "umount", "/no%s/path"),
    notes=("libopt.so.0",),
)


def test_a_program_says_what_it_needs_calls_and_names() -> None:
    assert facts_of(memoryview(MADE)) == ElfFacts(
        machine="64:62",
        interpreter="/lib64/ld.so",
        needed=("liba.so.1", "libc.so.6"),
        runpath="$ORIGIN/../lib",
        calls=("execvp", "getaddrinfo"),
        opens=("libopt.so.0 required",),
        libraries=("libplug.so.2",),
        paths=("/etc/made.conf",),
        words=("libplug.so.2", "mount", "umount"),
    )


def elf_32(order: str, *, stride: int = 32, held: bytes = b"") -> bytes:
    """A program of 32 bits without sections: its symbols end where its strings begin."""
    names = b"\0libc.so.6\0execvp\0puts\0" + held
    symbols = bytes(16) + b"".join(
        struct.pack(f"{order}IIIBBH", names.index(name), 0, 0, 0x12, 0, 0) for name in (b"execvp", b"puts")
    )
    symbols_at, names_at, interpreter_at, dynamic_at = 0x100, 0x100 + len(symbols), 0x200, 0x240
    tags = ((1, names.index(b"libc")), (6, symbols_at), (5, names_at), (10, len(names)), (0, 0))
    dynamic = b"".join(struct.pack(f"{order}iI", *tag) for tag in tags)
    constants = b"\0/etc/made.conf\0"
    parts = (
        (symbols_at, symbols + names),
        (interpreter_at, b"/lib/ld.so.1\0"),
        (dynamic_at, dynamic),
        (0x300, constants),
    )
    body = bytearray(0x300 + len(constants))
    for at, part in parts:
        body[at : at + len(part)] = part
    rows = ((1, 0, len(body), 4), (3, interpreter_at, 13, 4), (2, dynamic_at, len(dynamic), 4))
    headers = b"".join(
        struct.pack(f"{order}8I", kind, at, at, at, size, size, flags, 1) for kind, at, size, flags in rows
    )
    head = b"\x7fELF\1" + (b"\1" if order == "<" else b"\2") + b"\1" + bytes(9)
    head += struct.pack(f"{order}HHIIIIIHHHHHH", 2, 40, 1, 0x100, 52, 0, 0, 52, stride, 3, 0, 0, 0)
    body[: len(head + headers)] = head + headers
    return bytes(body)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_program_of_32_bits_says_the_same_without_sections(order: str) -> None:
    """All that is loaded counts as constants then. What only holds the address of a function calls nothing."""
    assert facts_of(memoryview(elf_32(order))) == ElfFacts(
        machine="32:40",
        interpreter="/lib/ld.so.1",
        needed=("libc.so.6",),
        calls=("execvp",),
        libraries=("/lib/ld.so.1", "libc.so.6"),
        paths=("/etc/made.conf", "/lib/ld.so.1"),
        words=("execvp", "libc.so.6", "puts"),
    )
    assert facts_of(memoryview(elf_32(order, held=b"ap_hack_execvp\0"))).calls == ()


def test_a_table_of_segments_whose_rows_are_too_short_is_none() -> None:
    """The kernel runs no such file, so that it needs nothing."""
    assert facts_of(memoryview(elf_32("<", stride=16))) == ElfFacts(machine="32:40", is_static=True)


@pytest.mark.parametrize("text", [b'[["soname": ["x.so"]}]', b'["libopt.so.0", {"soname": ["libx.so"]}]', b"[" * 40])
def test_a_note_that_is_not_understood_opens_nothing_and_one_in_part_the_rest(text: bytes) -> None:
    """Notes are written by tools of distributions, and may be damaged."""
    at = MADE.index(b'[{"soname"')
    room = MADE.index(b"\0", at) - at
    changed = MADE[:at] + text.ljust(room, b" ") + MADE[at + room :]
    assert facts_of(memoryview(changed)).opens == (("libx.so recommended",) if b"libx" in text else ())


def test_a_function_that_a_file_defines_itself_is_no_call() -> None:
    body = bytearray(MADE)
    at = body.index(b"\0execvp\0")
    symbol = next(
        i
        for i in range(0x1000, len(body) - 24)
        if body[i : i + 4] == (at + 1 - body.index(b"\0liba")).to_bytes(4, "little")
    )
    body[symbol + 6 : symbol + 8] = b"\7\0"
    assert facts_of(memoryview(body)).calls == ("getaddrinfo",)


def test_a_file_that_is_cut_short_says_that_not_all_is_known() -> None:
    for end in (20, 64, 200, 0x1010):
        assert facts_of(memoryview(MADE[:end])).untold or not facts_of(memoryview(MADE[:end])).needed


def test_a_large_file_of_which_two_ends_are_kept_says_the_same() -> None:
    sink = _Large(len(MADE))
    for at in range(0, len(MADE), 1000):
        sink.write(memoryview(MADE)[at : at + 1000])
    assert sink.finish(print) == facts_of(memoryview(MADE))


@given(st.binary(max_size=300), st.integers(0, len(MADE)), st.binary(min_size=1, max_size=8))
def test_no_bytes_make_it_fail(junk: bytes, at: int, damage: bytes) -> None:
    facts_of(memoryview(b"\x7fELF" + junk))
    facts_of(memoryview(MADE[:at] + damage + MADE[at + len(damage) :]))


@pytest.mark.skipif(shutil.which("readelf") is None, reason="readelf is not on this machine")
def test_readelf_reads_the_same_needs() -> None:
    for path in ("/bin/sh", "/bin/ls", sys.executable):
        said = subprocess.run(["readelf", "-dW", path], capture_output=True, text=True, check=True).stdout
        facts = facts_of(memoryview(Path(path).read_bytes()))
        assert list(facts.needed) == re.findall(r"NEEDED\).*\[(.*)\]", said)
        assert facts.interpreter
