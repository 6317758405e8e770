"""Berkeley DB hash files, rpm's database `Packages` until 2020: the file's bytes → header blobs.

Format: dbinc/db_page.h of Berkeley DB 4 to 6 (hash versions 8 to 10), in either byte order; compared with rpm's
read-only backend (lib/backend/bdb_ro).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from hullmark.catalog.systems.rpmdb.header import MAX_HEADER_BYTES
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import Report

MAGICS = {b"\x61\x15\x06\x00": "<", b"\x00\x06\x15\x61": ">"}
"""The four bytes at offset 12, and the byte order that they mean (as in `struct`)."""

_PAGE_HEAD = 26
_HASH_PAGES = frozenset((2, 13))
_OVERFLOW_PAGE = 7
_INLINE, _OFF_PAGE = 1, 3
_COUNTER = b"\1" + bytes(4)
_MAX_PAIRS = Limit(100_000, "entries of an rpm database in Berkeley DB")


class _File(NamedTuple):
    body: memoryview
    order: str
    page_bytes: int
    page_count: int

    def page(self, number: int) -> memoryview:
        return self.body[number * self.page_bytes : (number + 1) * self.page_bytes]


class _Damage(ValueError):
    pass


def read_blobs(body: memoryview, report: Report) -> Iterator[bytes]:
    """The header blobs in the order of the pages. What is damaged is reported and skipped."""
    try:
        file = _open(body, report)
    except _Damage as error:
        report(str(error))
        return
    # Pages are read one after the other, not bucket by bucket: a broken chain then loses nothing else.
    kinds = bytes(body[_PAGE_HEAD - 1 : file.page_count * file.page_bytes : file.page_bytes])
    taken = bytearray(file.page_count)
    left: int = _MAX_PAIRS
    for number, kind in enumerate(kinds):
        if number and kind in _HASH_PAGES:
            offsets = _offsets(file, number, report)
            left -= len(offsets) // 2
            if left < 0:
                report(f"the Berkeley DB file has more than {_MAX_PAIRS:,} entries")
                return
            yield from _entries(file, number, offsets, taken, report)


def _open(body: memoryview, report: Report) -> _File:
    order = MAGICS[bytes(body[12:16])]
    if len(body) < 512:
        raise _Damage("the Berkeley DB file ends within its head")
    version, page_bytes = struct.unpack_from(f"{order}II", body, 16)
    last_page: int = struct.unpack_from(f"{order}I", body, 32)[0]
    if not 8 <= version <= 10:
        raise _Damage(f"the Berkeley DB hash has version {version}, which is not known")
    if not 512 <= page_bytes <= 65536 or page_bytes & (page_bytes - 1):
        raise _Damage(f"the Berkeley DB file claims pages of {page_bytes:,} bytes")
    if body[24] or body[26] & 1:
        raise _Damage("the Berkeley DB file is encrypted or has checksums, which rpm never writes")
    page_count = len(body) // page_bytes
    if last_page >= page_count:
        report(f"the Berkeley DB file is cut short: it claims {last_page + 1:,} pages and has {page_count:,}")
    return _File(body, order, page_bytes, page_count)


def _offsets(file: _File, number: int, report: Report) -> tuple[int, ...]:
    page = file.page(number)
    count: int = struct.unpack_from(f"{file.order}H", page, 20)[0]
    if _PAGE_HEAD + 2 * count > len(page):
        report(f"the page {number} of the Berkeley DB file claims {count:,} items")
        return ()
    return struct.unpack_from(f"{file.order}{count}H", page, _PAGE_HEAD)


def _entries(file: _File, number: int, offsets: tuple[int, ...], taken: bytearray, report: Report) -> Iterator[bytes]:
    """The values of one page. Keys and values take turns; the items fill the page from its end."""
    page = file.page(number)
    ends = (len(page), *offsets)
    for i in range(0, len(offsets) - 1, 2):
        value, key, end = offsets[i + 1], offsets[i], ends[i]
        try:
            if not _PAGE_HEAD <= value < key < end <= len(page):
                raise _Damage("it lies outside of the page")
            # The key of four zeros holds the number of the next package.
            if end - key != len(_COUNTER) or page[key:end] != _COUNTER:
                yield _value(file, page[value:key], taken)
        except _Damage as error:
            report(f"an entry in page {number} of the Berkeley DB file is damaged: {error}")


def _value(file: _File, item: memoryview, taken: bytearray) -> bytes:
    if item[0] == _INLINE:
        return bytes(item[1:])
    if item[0] != _OFF_PAGE or len(item) < 12:
        raise _Damage(f"it is of kind {item[0]}")
    number, length = struct.unpack_from(f"{file.order}II", item, 4)
    return _chain(file, number, length, taken)


def _chain(file: _File, number: int, length: int, taken: bytearray) -> bytes:
    """The `length` bytes that begin in overflow page `number`. No page serves two values, so there are no cycles."""
    if length > min(len(file.body), MAX_HEADER_BYTES):
        raise _Damage(f"it claims {length:,} bytes")
    form = struct.Struct(f"{file.order}I2xH")
    pieces, left = [], length
    while left > 0:
        if not 0 < number < file.page_count or taken[number]:
            raise _Damage(f"its chain of pages breaks off at page {number}")
        taken[number] = 1
        page = file.page(number)
        number, held = form.unpack_from(page, 16)
        if page[_PAGE_HEAD - 1] != _OVERFLOW_PAGE or not held or _PAGE_HEAD + held > len(page):
            raise _Damage("its chain of pages leads to a page of another kind")
        pieces.append(page[_PAGE_HEAD : _PAGE_HEAD + min(held, left)])
        left -= held
    return b"".join(pieces)
