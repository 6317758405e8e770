"""Small programs for tests: ELF heads with what classifiers and notes look for."""

from __future__ import annotations

import struct

from hullmark.model.inventory import Inventory
from hullmark.scanning.request import ScanRequest, ScanResources
from hullmark.scanning.scan import scan_image
from tests.support.layers import image

NGINX = b"\0nginx version: nginx/1.26.3\n\0"


def program(inside: bytes = b"", *, kind: int = 2) -> bytes:
    """A 64-bit ELF file without segments; `kind` is its e_type."""
    return (
        b"\x7fELF\2\1\1"
        + bytes(9)
        + struct.pack("<HHIQQQIHHHHHH", kind, 62, 1, 0, 0, 0, 0, 64, 56, 0, 64, 0, 0)
        + inside
    )


def noted(text: bytes, *, wide: bool = True, big: bool = False) -> bytes:
    """An ELF file with the note of its package."""
    order = ">" if big else "<"
    owner = b"FDO\0"
    other = struct.pack(order + "III", 4, 4, 1) + b"GNU\0" + bytes(4)
    note = other + struct.pack(order + "III", len(owner), len(text), 0xCAFE1A7E) + owner + text
    header, segment = (64, 56) if wide else (52, 32)
    head = b"\x7fELF" + bytes((2 if wide else 1, 2 if big else 1, 1)) + bytes(9)
    head += struct.pack(
        order + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"), 3, 62, 1, 0, header, 0, 0, header, segment, 1, 0, 0, 0
    )
    at, size = header + segment, len(note)
    row = (4, 4, at, 0, 0, size, size, 4) if wide else (4, at, 0, 0, size, size, 4, 4)
    return head + struct.pack(order + ("IIQQQQQQ" if wide else "IIIIIIII"), *row) + note + bytes(16)


def noted_far(text: bytes, note_at: int, table_at: int, size: int) -> bytes:
    """A file of so many bytes with the note of its package at one place, and the table of its segments behind it, at another."""
    near = noted(text)
    row, note = bytearray(near[64:120]), near[120:-16]
    row[8:16] = struct.pack("<Q", note_at)
    body = bytearray(near[:32] + struct.pack("<Q", table_at) + near[40:64]).ljust(size, b"\0")
    body[note_at : note_at + len(note)] = note
    body[table_at : table_at + len(row)] = row
    return bytes(body)


def inventory(*layers: bytes) -> Inventory:
    """What a scan for packages says of an image with these layers."""
    return scan_image(image(*layers), ScanRequest(), ScanResources()).inventory
