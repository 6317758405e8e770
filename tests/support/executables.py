"""Small executables made by hand: ELF, PE and Mach-O of every width and byte order, and what Go and cargo leave in them.

The parts of a file stand at `offset(index)` and are mapped at `address(index)`, each in a segment of its own.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

BASE = 0x400000
FIRST = 0x1000
STRIDE = 0x2000

GO_MAGIC = b"\xff Go buildinf:"
GO_START = bytes.fromhex("3077af0c9274080241e1c107e6d618e6")
GO_END = bytes.fromhex("f932433186182072008242104116d8f2")


@dataclass(frozen=True)
class Part:
    """A section that is a segment as well."""

    name: bytes
    data: bytes
    writable: bool = True


def offset(index: int, stride: int = STRIDE) -> int:
    """Where a part stands in the file."""
    return FIRST + index * stride


def address(index: int, stride: int = STRIDE) -> int:
    """Where a part is mapped."""
    return BASE + offset(index, stride)


def _laid_out(head: bytes, parts: Sequence[Part], stride: int) -> bytearray:
    assert len(head) <= FIRST
    assert all(len(part.data) <= stride for part in parts)
    body = bytearray(offset(len(parts), stride))
    body[: len(head)] = head
    for index, part in enumerate(parts):
        at = offset(index, stride)
        body[at : at + len(part.data)] = part.data
    return body


def elf(
    parts: Sequence[Part],
    *,
    wide: bool = True,
    big: bool = False,
    stride: int = STRIDE,
    sections: bool = True,
    tail: int = 0,
) -> bytes:
    """An ELF file; its section names and table stand at the end, in front of `tail` zero bytes."""
    order = ">" if big else "<"
    names = b"\0" + b"".join(part.name + b"\0" for part in parts) + b".shstrtab\0"
    end = offset(len(parts), stride)
    rows = [(0, 0, 0, 0, 0)]
    rows += [(names.index(p.name), 1, address(i, stride), offset(i, stride), len(p.data)) for i, p in enumerate(parts)]
    rows += [(names.index(b".shstrtab"), 3, 0, end, len(names))]
    layout = struct.Struct(order + ("IIQQQQIIQQ" if wide else "IIIIIIIIII"))
    table = b"".join(layout.pack(name, kind, 0, at, where, size, 0, 0, 1, 0) for name, kind, at, where, size in rows)
    header, segment, section = (64, 56, 64) if wide else (52, 32, 40)
    ident = b"\x7fELF" + bytes((2 if wide else 1, 2 if big else 1, 1)) + bytes(9)
    where = end + len(names) if sections else 0
    head = ident + struct.pack(
        order + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"),
        *(2, 62, 1, BASE, header, where, 0, header, segment, len(parts), section),
        *((len(rows), len(rows) - 1) if sections else (0, 0)),
    )
    for index, part in enumerate(parts):
        flags, at, virtual, size = (
            6 if part.writable else 4,
            offset(index, stride),
            address(index, stride),
            len(part.data),
        )
        wide_row, narrow_row = (
            (1, flags, at, virtual, virtual, size, size, 1),
            (1, at, virtual, virtual, size, size, flags, 1),
        )
        head += struct.pack(order + ("IIQQQQQQ" if wide else "IIIIIIII"), *(wide_row if wide else narrow_row))
    return bytes(_laid_out(head, parts, stride)) + (names + table if sections else b"") + bytes(tail)


def pe(parts: Sequence[Part], *, wide: bool = True, stride: int = STRIDE) -> bytes:
    """A Windows executable."""
    optional = struct.pack("<H22xQ", 0x20B, BASE) if wide else struct.pack("<H26xI", 0x10B, BASE)
    optional += bytes(16)
    head = b"MZ" + bytes(58) + struct.pack("<I", 64)
    head += b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, len(parts), 0, 0, 0, len(optional), 2) + optional
    for index, part in enumerate(parts):
        at, size = offset(index, stride), len(part.data)
        flags = 0xC0000040 if part.writable else 0x40000040
        head += struct.pack("<8sIIII12xI", part.name[:8], size, at, size, at, flags)
    return bytes(_laid_out(head, parts, stride))


def macho(parts: Sequence[Part], *, wide: bool = True, big: bool = False, stride: int = STRIDE) -> bytes:
    """A Mach-O file of one architecture."""
    order = ">" if big else "<"
    commands = b""
    for index, part in enumerate(parts):
        at, virtual, size = offset(index, stride), address(index, stride), len(part.data)
        protection = 3 if part.writable else 1
        segment = (b"__PART%d" % index, virtual, size, at, size, protection, protection, 1, 0)
        section = (part.name[:16], b"__PART%d" % index, virtual, size, at, 0, 0, 0, 0, 0, 0)
        tail = struct.pack(order + ("16sQQQQiiII" if wide else "16sIIIIiiII"), *segment)
        tail += struct.pack(order + ("16s16sQQIIIIIII4x" if wide else "16s16sIIIIIIIII"), *section)
        commands += struct.pack(order + "II", 0x19 if wide else 0x1, 8 + len(tail)) + tail
    magic = 0xFEEDFACF if wide else 0xFEEDFACE
    head = struct.pack(order + "IIIIIII", magic, 7, 3, 2, len(parts), len(commands), 0) + (bytes(4) if wide else b"")
    return bytes(_laid_out(head + commands, parts, stride))


def fat(bodies: Sequence[bytes], *, wide: bool = False) -> bytes:
    """A Mach-O file of several architectures."""
    head = struct.pack(">II", 0xCAFEBABF if wide else 0xCAFEBABE, len(bodies))
    rows, tail, at = b"", b"", 0x1000
    for body in bodies:
        rows += struct.pack(">IIQQII" if wide else ">IIIII", 7, 3, at, len(body), 12, *((0,) if wide else ()))
        padded = body + bytes(-len(body) % 0x1000)
        tail, at = tail + padded, at + len(padded)
    return (head + rows).ljust(0x1000, b"\0") + tail


# What compilers leave in them.


def _varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes((number,))


def framed(info: str) -> bytes:
    """Module information as the go command hands it to the linker; empty stays empty."""
    return GO_START + info.encode() + GO_END if info else b""


def go_inline(go: str, info: str, *, name: bytes = b".go.buildinfo") -> list[Part]:
    """Build information as Go 1.18 and later write it."""
    texts = [go.encode(), framed(info)]
    blob = GO_MAGIC + b"\x08\x02" + bytes(16) + b"".join(_varint(len(text)) + text for text in texts)
    return [Part(b".text", bytes(64), writable=False), Part(name, blob)]


def go_pointed(
    go: str, info: str, *, width: int = 8, big: bool = False, stride: int = STRIDE, name: bytes = b".go.buildinfo"
) -> list[Part]:
    """Build information as Go 1.13 to 1.17 write it: pointers to strings, which are pointers to bytes."""
    texts = [go.encode(), framed(info)]
    layout = struct.Struct((">" if big else "<") + ("QQ" if width == 8 else "II"))
    start = address(0, stride)
    words = layout.pack(start, len(texts[0])) + layout.pack(start + len(texts[0]), len(texts[1]))
    header = GO_MAGIC + bytes((width, int(big))) + layout.pack(address(2, stride), address(2, stride) + layout.size)
    return [
        Part(b".rodata", b"".join(texts), writable=False),
        Part(name, header.ljust(32, b"\0")),
        Part(b".data", words),
    ]


def rust(listed: bytes, *, level: int = 6) -> list[Part]:
    """A list of crates as cargo-auditable writes it."""
    return [Part(b".text", bytes(64), writable=False), Part(b".dep-v0", zlib.compress(listed, level))]
