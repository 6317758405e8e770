"""`rpmdb.sqlite-wal`, what SQLite wrote and did not yet put into the database: the log's bytes → pages.

Format: https://sqlite.org/fileformat2.html, "The Write-Ahead Log": frames count as long as their salts are those of the head and their
checksums are right, up to the last one that ends a transaction.
"""

from __future__ import annotations

import operator
import struct
from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

import msgspec

from hullmark.rootfs.reads import Report

_HEAD = struct.Struct(">8I")
_FRAME = struct.Struct(">6I")
_MAGICS = {0x377F0682: "<", 0x377F0683: ">"}
_VERSION = 3007000
_MASK = 0xFFFFFFFF
# The pages of indexes: nothing is looked up by them here.
_INDEXES = frozenset((2, 10))


class Log(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a log says.

    `size` is its file's; `pages` are the last versions of the pages in it, indexes left out; the database then has `count` pages of
    `page_bytes`. `is_read`: its head is sound, and it is not too large.
    """

    size: int
    page_bytes: int = 0
    count: int = 0
    pages: dict[int, bytes] = {}
    is_read: bool = True


def read_log(body: memoryview, report: Report, what: str = "the rpm database") -> Log | None:
    """What the transactions that were ended say; None if there are none. `what`: whose log it is, for the sentences about it."""
    if not body:
        return None
    size = len(body)
    if size < _HEAD.size:
        return _strange(size, f"the log of {what} ends within its head", report)
    magic, version, page_bytes, _, *salts, first, second = _HEAD.unpack_from(body)
    order = _MAGICS.get(magic)
    is_power = 512 <= page_bytes <= 65536 and not page_bytes & (page_bytes - 1)
    if order is None or version != _VERSION or not is_power:
        return _strange(size, f"the log of {what} has a head of another form", report)
    if _checksum(body[: _HEAD.size - 8], (0, 0), order) != (first, second):
        return _strange(size, f"the log of {what} has a damaged head", report)
    damage = partial(report, f"the log of {what} is damaged: what follows its last sound page was not read")
    return _frames(body, _LogHead(page_bytes, order, tuple(salts), (first, second)), damage)


class _LogHead(NamedTuple):
    """What the head of a log says: the bytes of a page, the order of bytes (as in `struct`), the salts, and its own checksum."""

    page_bytes: int
    order: str
    salts: tuple[int, ...]
    sums: tuple[int, int]


def _strange(size: int, reason: str, report: Report) -> Log:
    report(f"{reason}; changes in it were not read")
    return Log(size, is_read=False)


def _frames(body: memoryview, head: _LogHead, damage: Callable[[], None]) -> Log | None:
    page_bytes, order, salts, sums = head
    ended: dict[int, int] = {}
    begun: dict[int, int] = {}
    count = 0
    step = _FRAME.size + page_bytes
    for start in range(_HEAD.size, len(body) - step + 1, step):
        number, pages, *own, first, second = _FRAME.unpack_from(body, start)
        if tuple(own) != salts or not number:
            break  # left from an earlier use of the file
        sums = _checksum(body[start : start + 8], sums, order)
        sums = _checksum(body[start + _FRAME.size : start + step], sums, order)
        if sums != (first, second):
            damage()
            break
        begun[number] = start + _FRAME.size
        if pages:
            count = pages
            ended |= begun
            begun = {}
    if not ended:
        return None
    kept = {number: at for number, at in ended.items() if number == 1 or body[at] not in _INDEXES}
    return Log(len(body), page_bytes, count, {number: bytes(body[at : at + page_bytes]) for number, at in kept.items()})


def _checksum(piece: memoryview, sums: tuple[int, int], order: str) -> tuple[int, int]:
    """The two sums after so many more bytes.

    Each word is added to the sum of the two results before it: so a result is the sum of all words, each times a number of Fibonacci's.
    """
    words = struct.unpack(f"{order}{len(piece) // 4}I", piece)
    weights = _weights(len(words))
    first = sum(map(operator.mul, words, weights[2:])) + sums[0] * weights[2] + sums[1] * weights[1]
    second = sum(map(operator.mul, words, weights[1:])) + sums[0] * weights[1] + sums[1] * weights[0]
    return first & _MASK, second & _MASK


@lru_cache(maxsize=16)
def _weights(count: int) -> tuple[int, ...]:
    """Fibonacci's numbers, the largest first, as far as they fit into 32 bits: one more than `count`."""
    numbers = [1, 1]
    while len(numbers) <= count:
        numbers.append((numbers[-1] + numbers[-2]) & _MASK)
    return tuple(reversed(numbers[: count + 1]))
