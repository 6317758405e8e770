"""ELF files made by hand that need, call and name what a test says (ELF gABI, chapters 4 and 5)."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence

BASE = 0x400000


def dynamic_elf(
    needed: Sequence[str] = (),
    *,
    interpreter: str = "",
    soname: str = "",
    runpath: str = "",
    calls: Sequence[str] = (),
    constants: Sequence[str] = (),
    notes: Sequence[str] = (),
    exports: Sequence[str] = (),
    relocations: Sequence[tuple[str, int]] = (),
) -> bytes:
    """A 64-bit x86 file; `notes` are libraries that a note says it may open, `relocations` some of `calls`, with the kind of each."""
    names = b"\0"
    places: dict[str, int] = {}
    for name in (*needed, soname, runpath, *calls, *exports):
        if name and name not in places:
            places[name] = len(names)
            names += name.encode() + b"\0"
    symbols = bytes(24) + b"".join(struct.pack("<IBBHQQ", places[name], 0x12, 0, 0, 0, 0) for name in calls)
    note = b""
    if notes:
        text = json.dumps([{"soname": list(notes), "priority": "required"}]).encode() + b"\0"
        note = struct.pack("<III", 4, len(text), 0x407C0C0A) + b"FDO\0" + text + bytes(-len(text) % 4)
    table = b"".join(struct.pack("<QIIq", 0, kind, 1 + list(calls).index(name), 0) for name, kind in relocations)
    parts = {
        ".interp": interpreter.encode() + b"\0" if interpreter else b"",
        ".dynstr": names,
        ".dynsym": symbols,
        ".rela": table,
        ".rodata": b"\0".join(text.encode() for text in ("", *constants, "")),
        ".note.dlopen": note,
    }
    at, offsets = 0x1000, dict[str, int]()
    for name, body in parts.items():
        offsets[name] = at
        at += len(body) + (-len(body)) % 16
    tags = [(1, places[name]) for name in needed]
    tags += [(14, places[soname])] if soname else []
    tags += [(29, places[runpath])] if runpath else []
    tags += [(7, BASE + offsets[".rela"]), (8, len(table))] if table else []
    tags += [(5, BASE + offsets[".dynstr"]), (10, len(names)), (6, BASE + offsets[".dynsym"]), (0, 0)]
    parts[".dynamic"] = b"".join(struct.pack("<qQ", *tag) for tag in tags)
    offsets[".dynamic"] = at
    return _laid_out(parts, offsets)


def _laid_out(parts: dict[str, bytes], offsets: dict[str, int]) -> bytes:
    size = max(offsets[name] + len(body) for name, body in parts.items())
    headers = [(1, 4, 0, size)]
    kinds = {".interp": 3, ".dynamic": 2, ".note.dlopen": 4}
    headers += [(kinds[name], 4, offsets[name], len(body)) for name, body in parts.items() if name in kinds and body]
    shstr = b"\0" + b"".join(name.encode() + b"\0" for name in parts) + b".shstrtab\0"
    rows = [(0, 0, 0, 0, 0)]
    rows += [
        (shstr.index(name.encode() + b"\0"), 11 if name == ".dynsym" else 1, 2, offsets[name], len(body))
        for name, body in parts.items()
    ]
    rows += [(shstr.index(b".shstrtab"), 3, 0, size, len(shstr))]
    body = bytearray(size)
    head = b"\x7fELF\2\1\1" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", 3, 62, 1, BASE, 64, size + len(shstr), 0, 64, 56, len(headers), 64, len(rows), len(rows) - 1
    )  # fmt: skip
    for kind, flags, offset, length in headers:
        head += struct.pack("<IIQQQQQQ", kind, flags, offset, BASE + offset, 0, length, length, 1)
    body[: len(head)] = head
    for name, part in parts.items():
        body[offsets[name] : offsets[name] + len(part)] = part
    table = b"".join(
        struct.pack("<IIQQQQIIQQ", name, kind, flags, BASE + offset, offset, length, 0, 0, 1, 0)
        for name, kind, flags, offset, length in rows
    )
    return bytes(body) + shstr + table
