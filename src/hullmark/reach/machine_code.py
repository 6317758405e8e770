"""Where machine code enters the kernel, and with which number; which functions it calls, and what it takes the address of.

Code is searched for the bytes of a few instructions, not disassembled from its beginning. So bytes that only look like one count as well:
more is found than is there, and what is not found is said. Intel 64 manual, volume 2 (SYSCALL, CALL, Jcc, LEA, MOV); Arm A64 instruction
set (SVC, MOVZ, ORR, BL, ADRP, ADD, LDR). The number is in rax, or x8, as syscall(2) says.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from struct import Struct
from typing import Protocol

_WORD = Struct("<i")
_NEAR = 96
"""Bytes before an entry of the kernel, or before a call, that are looked back for a number."""

_FAR = 2048
"""Bytes that are looked back for what a register was given from which the number is copied."""


Reference = tuple[int, int, bool]
"""A place in code, and the address that it calls, or takes, both from the beginning of the code on; whether it calls it."""


class Machine(Protocol):
    """What is known of one kind of processor."""

    def entries(self, code: bytes) -> Iterator[int]:
        """Where the kernel is entered, or where bytes look like it."""
        ...

    def is_part(self, code: bytes, at: int) -> bool:
        """Whether the bytes of an entry more likely belong to another instruction: to a number, a distance, an address."""
        ...

    def numbers(self, code: bytes, start: int, at: int) -> frozenset[int]:
        """The numbers that it may be entered with at a place of the function that begins at `start`; none: they come from elsewhere."""
        ...

    def references(self, code: bytes, address: int) -> Iterator[Reference]:
        """What code at an address calls, or takes the address of."""
        ...

    def given(self, code: bytes, start: int, call: int, *, is_first: bool) -> frozenset[int]:
        """The number that code from `start` on gives to what is called at `call`, which is told which system call to make: as its first
        argument (`is_first`), else as its last one, or in memory."""
        ...

    def is_stub(self, code: bytes, at: int) -> bool:
        """Whether what refers to a pointer at this place jumps where it leads."""
        ...


_SYSCALL = re.compile(rb"\x0f\x05").finditer
_WRITES_RAX = re.compile(
    rb"(?=\xb8(..\0\0)|\x48\xc7\xc0(..\0\0)|\x6a([\0-\x7f])\x58|([\x31\x33])\xc0|(\x89[\xc0-\xff]|\x8b[\xc0-\xc7])|(\x8b[\x00-\x07\x40-\x47\x80-\x87]))",
    re.DOTALL,
).finditer
_CALLS = re.compile(rb"[\xe8\xe9](?=(....))", re.DOTALL).finditer
_JUMPS = re.compile(rb"\x0f(?=[\x80-\x8f](....))", re.DOTALL).finditer
_TAKES = re.compile(rb"[\x8d\x8b\x6f\x28\x10\xff](?=[\x05\x0d\x15\x1d\x25\x2d\x35\x3d](....))", re.DOTALL).finditer
_FIRST = re.compile(rb"(?=(?:\xbf|\x48\xc7\xc7)(..\0\0)|(\x31\xff))", re.DOTALL).finditer
_STACKED = re.compile(
    rb"(?=\x6a([\0-\x7f])|\x68(..\0\0)|\xc7(?:\x04\x24|\x44\x24[\0-\x7f])(..\0\0))", re.DOTALL
).finditer


def _number(text: bytes) -> int:
    return int.from_bytes(text, "little")


class _X86:
    """x86_64."""

    def entries(self, code: bytes) -> Iterator[int]:
        # No compiler has an instruction follow that begins with zero: then the bytes are part of a number.
        return (found.start() for found in _SYSCALL(code) if code[found.end() : found.end() + 1] != b"\0")

    def is_part(self, code: bytes, at: int) -> bool:
        before = code[max(0, at - 9) : at].rjust(9, b"\0")
        second, first, last = before[-2], before[-1], code[at + 3 : at + 4]
        is_jump = (second == 0x0F and first & 0xF0 == 0x80) or first in (0xE8, 0xE9)
        # A ModRM byte that asks for a SIB byte, which these would be with a distance of 5; not one that is a distance itself, from rsp on.
        is_indexed = first & 0xC7 == 0x44 and second != 0x24
        is_relative = first & 0xC7 == 0x05 and last in (b"\0", b"\xff")
        is_constant = any(before[i] & 0xFE == 0x48 and before[i + 1] & 0xF8 == 0xB8 for i in range(8))
        return is_jump or is_indexed or is_relative or is_constant or code[at + 2 : at + 4] == b"\xff\xff"

    def numbers(self, code: bytes, start: int, at: int) -> frozenset[int]:
        last: frozenset[int] = frozenset()
        for found in _WRITES_RAX(code, max(start, at - _NEAR), at):
            prefix = code[found.start() - 1] if found.start() else 0
            prefix = prefix if prefix & 0xF0 == 0x40 else 0
            plain = found[1] or found[2] or found[3]
            if plain is not None:
                last = last if prefix & 1 and found[1] else frozenset((_number(plain),))
            elif found[4]:
                last = last if prefix & 5 else frozenset((0,))
            elif found[6]:
                last = last if prefix & 4 else frozenset()
            elif (register := _find_copy_source(found[5], prefix)) >= 0:
                last = _find_loaded_numbers(code, max(start, at - _FAR), at, register)
        return last

    def references(self, code: bytes, address: int) -> Iterator[Reference]:
        unpack = _WORD.unpack
        for found in _CALLS(code):
            yield found.start(), found.start() + 5 + unpack(found[1])[0], True
        for found in _JUMPS(code):
            yield found.start(), found.start() + 6 + unpack(found[1])[0], True
        for found in _TAKES(code):
            yield found.start(), found.start() + 6 + unpack(found[1])[0], False

    def given(self, code: bytes, start: int, call: int, *, is_first: bool) -> frozenset[int]:
        last: frozenset[int] = frozenset()
        for found in (_FIRST if is_first else _STACKED)(code, max(start, call - _NEAR), call):
            last = frozenset(
                (
                    _number(
                        next((digits for digits in found.groups()[: 1 if is_first else 3] if digits is not None), b"\0")
                    ),
                )
            )
        return last

    def is_stub(self, code: bytes, at: int) -> bool:
        return code[at : at + 2] == b"\xff\x25"


def _find_copy_source(move: bytes, prefix: int) -> int:
    """The register that a move between registers copies into rax; -1 for another target, or for rax itself."""
    first, second = (move[1] >> 3) & 7, move[1] & 7
    source, target = (first, second) if move[0] == 0x89 else (second, first)
    high_source, high_target = (4, 1) if move[0] == 0x89 else (1, 4)
    if target or prefix & high_target:
        return -1
    source += 8 if prefix & high_source else 0
    return source or -1


def _find_loaded_numbers(code: bytes, start: int, at: int, register: int) -> frozenset[int]:
    """Every number that a register is given in the code before."""
    prefix = rb"\x41" if register > 7 else rb"(?<!\x41)"
    pattern = prefix + re.escape(bytes((0xB8 + (register & 7),))) + rb"(..\0\0)"
    return frozenset(_number(text) for text in re.findall(pattern, code[start:at], re.DOTALL) if _number(text) < 1024)


_SVC, _MOV_W8, _COPY_X8 = 0xD4000001, 0x52800008, 0xAA0003E8
_BR_X17 = 0xD61F0220
_IMMEDIATE = 0xFFFF << 5


class _Arm:
    """aarch64. All instructions are words of four bytes."""

    def entries(self, code: bytes) -> Iterator[int]:
        return (place * 4 for place, word in enumerate(_words(code)) if word == _SVC)

    def is_part(self, code: bytes, at: int) -> bool:
        return False

    def numbers(self, code: bytes, start: int, at: int) -> frozenset[int]:
        words = _words(code[max(start, at - _FAR) & ~3 : at])
        for back in range(len(words) - 1, max(-1, len(words) - _NEAR // 4 - 1), -1):
            word = words[back]
            if word & ~_IMMEDIATE & 0x7FFFFFFF == _MOV_W8:
                return frozenset(((word & _IMMEDIATE) >> 5,))
            if word & 0x7FE0FFFF == _COPY_X8 & 0x7FE0FFFF:
                return _loaded_word(words[:back], (word >> 16) & 31)
        return frozenset()

    def references(self, code: bytes, address: int) -> Iterator[Reference]:
        pages: dict[int, int] = {}
        for place, word in enumerate(_words(code)):
            at = place * 4
            kind = word >> 26 & 31
            if kind == 0b00101:  # B, BL
                yield at, at + _to_signed(word & 0x3FFFFFF, 26) * 4, True
            elif word & 0x9F000000 == 0x90000000:  # ADRP
                distance = _to_signed((word >> 5 & 0x7FFFF) << 2 | word >> 29 & 3, 21) << 12
                pages[word & 31] = ((address + at) & ~0xFFF) + distance - address
            elif word & 0xFFC00000 == 0x91000000 and (word >> 5 & 31) in pages:  # ADD with what ADRP made
                yield at, pages[word >> 5 & 31] + (word >> 10 & 0xFFF), False
            elif word & 0xFFC00000 == 0xF9400000 and (word >> 5 & 31) in pages:  # LDR of eight bytes
                yield at, pages[word >> 5 & 31] + (word >> 10 & 0xFFF) * 8, False

    def given(self, code: bytes, start: int, call: int, *, is_first: bool) -> frozenset[int]:
        wanted = 0x52800000 | (0 if is_first else 6)
        for word in reversed(_words(code[max(start, call - _NEAR) & ~3 : call])):
            if word & ~_IMMEDIATE & 0x7FFFFFFF == wanted:
                return frozenset(((word & _IMMEDIATE) >> 5,))
        return frozenset()

    def is_stub(self, code: bytes, at: int) -> bool:
        return any(word == _BR_X17 for word in _words(code[at & ~3 : (at & ~3) + 16]))


def _words(code: bytes) -> array[int]:
    words = array("I")
    words.frombytes(code[: len(code) & ~3])
    return words


def _to_signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def _loaded_word(words: array[int], register: int) -> frozenset[int]:
    return frozenset(
        (word & _IMMEDIATE) >> 5 for word in words if word & ~_IMMEDIATE & 0x7FFFFFFF == 0x52800000 | register
    )


MACHINES: dict[str, Machine] = {"64:62": _X86(), "64:183": _Arm()}
"""By class and processor as ELF files have them. Both are little-endian."""
