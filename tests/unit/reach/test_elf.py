"""What an ELF file says that it needs, calls and names."""

from __future__ import annotations

import re
import shutil
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
