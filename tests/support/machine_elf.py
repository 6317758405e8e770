"""ELF files for x86_64 with code made by hand: functions of 64 bytes, the unwinder's table of them, pointers that the loader fills in."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

CODE, ROOM, DATA = 0x400, 64, 0x5000


def place_of(number: int) -> int:
    """The address of a function by its number."""
    return CODE + ROOM * number


def call(here: int, to: int) -> bytes:
    """A call at one address of a function at another."""
    return b"\xe8" + struct.pack("<i", to - here - 5)


def machine_elf(
    functions: Sequence[tuple[str, bytes]],
    *,
    soname: str = "",
    pointers: Mapping[int, int] | None = None,
    imports: Mapping[str, int] | None = None,
    unwinds: bool = True,
    packed: Mapping[int, int] | None = None,
) -> bytes:
    """A file with these functions ("": no symbol names it). `pointers` are relative relocations, `imports` functions of others, each with
    the address of its slot. `packed` are pointers that lie in data from DATA on, of which a packed table says where they are."""
    code = b"".join(body.ljust(ROOM, b"\x90") for _, body in functions)
    names, places = _names((soname, *(name for name, _ in functions), *(imports or ())))
    symbols, jumps = _symbols(functions, imports or {}, places)
    relative = b"".join(struct.pack("<QQq", where, 8, to) for where, to in (pointers or {}).items())
    at = CODE + len(code)
    eh = at
    table = b"".join(struct.pack("<ii", place_of(number) - eh, 0) for number in range(len(functions)))
    unwinder = b"\1\x1b\3\x3b" + struct.pack("<iI", 0, len(functions)) + table
    at += len(unwinder)
    starts = {}
    for key, body in (("symbols", symbols), ("names", names), ("relative", relative), ("jumps", jumps)):
        starts[key] = at
        at += len(body)
    tags = [(5, starts["names"]), (10, len(names)), (6, starts["symbols"]), (7, starts["relative"]), (8, len(relative))]
    tags += [(23, starts["jumps"]), (2, len(jumps))] + ([(14, places[soname])] if soname else [])
    table = _packed_table(sorted(packed)) if packed else b""
    tags += [(36, at), (35, len(table))] if table else []
    dynamic = b"".join(struct.pack("<qQ", *tag) for tag in (*tags, (0, 0)))
    size = at + len(table) + len(dynamic)
    data = bytearray(max(packed) + 8 - DATA if packed else 0)
    for where, to in (packed or {}).items():
        struct.pack_into("<Q", data, where - DATA, to)
    headers = [(1, 5, 0, 0, size), (2, 4, at + len(table), at + len(table), len(dynamic))]
    headers += [(1, 6, size, DATA, len(data))] if data else []
    headers += [(0x6474E550, 4, eh, eh, len(unwinder))] if unwinds else []
    body = _head(headers) + code + unwinder + symbols + names + relative + jumps
    return body + table + dynamic + bytes(data)


def _names(wanted: Sequence[str]) -> tuple[bytes, dict[str, int]]:
    """The table of names, and where each of them is in it."""
    table, places = b"\0", dict[str, int]()
    for name in wanted:
        if name and name not in places:
            places[name] = len(table)
            table += name.encode() + b"\0"
    return table, places


def _symbols(
    functions: Sequence[tuple[str, bytes]], imports: Mapping[str, int], places: Mapping[str, int]
) -> tuple[bytes, bytes]:
    """The symbols of functions and of what is imported, and the relocations that fill the slots of these."""
    symbols, jumps = bytes(24), b""
    for number, (name, _) in enumerate(functions):
        symbols += struct.pack("<IBBHQQ", places[name], 0x12, 0, 1, place_of(number), ROOM) if name else b""
    for name, slot in imports.items():
        jumps += struct.pack("<QQq", slot, (len(symbols) // 24) << 32 | 7, 0)
        symbols += struct.pack("<IBBHQQ", places[name], 0x12, 0, 0, 0, 0)
    return symbols, jumps


def _head(headers: Sequence[tuple[int, int, int, int, int]]) -> bytes:
    """The head of a file, up to its code; of each part the kind, the flags, its place in the file, its address and its size."""
    rows = b"".join(
        struct.pack("<IIQQQQQQ", kind, flags, offset, address, address, n, n, 8)
        for kind, flags, offset, address, n in headers
    )
    head = b"\x7fELF\2\1\1" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, CODE, 64, 0, 0, 64, 56, len(headers), 64, 0, 0)
    return (head + rows).ljust(CODE, b"\0")


def _packed_table(places: Sequence[int]) -> bytes:
    """The table of RELR (gABI): a place, and words of bits for the 63 places that follow each."""
    words = [places[0]]
    base, rest = places[0] + 8, set(places[1:])
    while rest:
        words.append(1 | sum(1 << (bit + 1) for bit in range(63) if base + 8 * bit in rest))
        rest -= {base + 8 * bit for bit in range(63)}
        base += 8 * 63
    return struct.pack(f"<{len(words)}Q", *words)
