"""rpm's own database, `Packages.db`: its bytes → header blobs.

Format: lib/backend/ndb/rpmpkg.c of rpm: a head of 32 bytes, pages of slots, and blobs in blocks of 16 bytes, all
little-endian.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from hullmark.catalog.systems.rpmdb.header import MAX_HEADER_BYTES
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import Report

MAGIC = b"RpmP"
_HEAD = struct.Struct("<4sIII16x")
_SLOT = struct.Struct("<4sIII")
_TAIL = struct.Struct("<II4s")
_PAGE, _BLOCK = 4096, 16
_MAX_PAGES = Limit(1024, "pages of slots of an rpm database in rpm's own format")


def read_blobs(body: memoryview, report: Report) -> Iterator[bytes]:
    """The header blobs in the order of their slots. What is damaged is reported and skipped."""
    if len(body) < _HEAD.size:
        report("the database ends within its head")
        return
    _, version, _, pages = _HEAD.unpack_from(body)
    if version:
        report(f"the database has version {version}, which is not known")
        return
    end = min(pages, _MAX_PAGES, len(body) // _PAGE) * _PAGE
    if end < pages * _PAGE:
        report(f"the database claims {pages:,} pages of slots, of which {end // _PAGE:,} were read")
    strange = 0
    for magic, number, offset, blocks in _SLOT.iter_unpack(body[_HEAD.size : max(end, _HEAD.size)]):
        if magic != b"Slot":
            strange += 1
        elif offset:
            blob = _blob(body, number, offset * _BLOCK, blocks * _BLOCK, report)
            if blob is not None:
                yield blob
    if strange:
        report(f"{strange:,} slots of the database are damaged")


def _blob(body: memoryview, number: int, start: int, size: int, report: Report) -> bytes | None:
    end = start + size
    if end > len(body) or size < _SLOT.size + _TAIL.size:
        report(f"the entry {number} lies outside of the database")
        return None
    head, owner, _, length = _SLOT.unpack_from(body, start)
    checksum, length_again, tail = _TAIL.unpack_from(body, end - _TAIL.size)
    if head != b"BlbS" or tail != b"BlbE" or owner != number or length != length_again:
        report(f"the entry {number} is damaged")
        return None
    used = _SLOT.size + length + _TAIL.size
    if not used <= size < used + _BLOCK or length > MAX_HEADER_BYTES:
        report(f"the entry {number} claims {length:,} bytes, in {size:,}")
        return None
    if zlib.adler32(body[start : end - _TAIL.size]) != checksum:
        # rpm does not look at the checksum when it reads, so it may still show the package.
        report(f"the checksum of the entry {number} is wrong; what can be read of it is used")
    start += _SLOT.size
    return bytes(body[start : start + length])
