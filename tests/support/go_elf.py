"""ELF files for x86_64 as Go's linker lays them out: functions of 64 bytes, the table of them that Go's runtime has, and data."""

from __future__ import annotations

import struct
from collections.abc import Sequence

CODE, ROOM = 0x401000, 64


def address(number: int) -> int:
    """The address of a function by its number."""
    return CODE + ROOM * number


def calling(here: int, before: bytes, to: int) -> bytes:
    """The body of a function that ends in a call of another one, by their numbers; `before` is what it does first."""
    return before + b"\xe8" + struct.pack("<i", address(to) - address(here) - len(before) - 5) + b"\xc3"


def function_table(names: Sequence[str], magic: int = 0xFFFFFFF1) -> bytes:
    """A .gopclntab with these functions."""
    texts, places = b"", []
    for name in names:
        places.append(len(texts))
        texts += name.encode() + b"\0"
    entries = 8 * (len(names) + 1)
    records = b"".join(struct.pack("<Ii", ROOM * number, place) for number, place in enumerate(places))
    rows = b"".join(struct.pack("<II", ROOM * number, entries + 8 * number) for number in range(len(names)))
    rows += struct.pack("<II", ROOM * len(names), 0)
    head = struct.pack("<I2xBB8Q", magic, 1, 8, len(names), 0, CODE, 72, 0, 0, 0, 72 + len(texts))
    return head + texts + rows + records


def go_elf(functions: Sequence[tuple[str, bytes]], *, data: bytes = b"", table: bytes | None = None) -> bytes:
    """A program of Go with these functions."""
    code = b"".join(body.ljust(ROOM, b"\x90") for _, body in functions)
    listed = function_table([name for name, _ in functions]) if table is None else table
    names = b"\0.text\0.data\0.gopclntab\0.shstrtab\0"
    parts = ((b".text", 1, 6, code), (b".data", 1, 3, data), (b".gopclntab", 1, 2, listed), (b".shstrtab", 3, 0, names))
    at, rows, bodies = 0x1000, [bytes(64)], b""
    for name, kind, flags, body in parts:
        rows.append(
            struct.pack("<IIQQQQIIQQ", names.index(name + b"\0"), kind, flags, at + 0x400000, at, len(body), 0, 0, 1, 0)
        )
        bodies += body
        at += len(body)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0x1000, CODE, CODE, len(code), len(code), 0x1000)
    head = b"\x7fELF\2\1\1" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, CODE, 64, at, 0, 64, 56, 1, 64, len(rows), len(rows) - 1)
    return (head + segment).ljust(0x1000, b"\0") + bodies + b"".join(rows)
