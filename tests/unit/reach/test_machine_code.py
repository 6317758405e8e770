"""Entries of the kernel and what leads to them, in code written down byte by byte."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.reach.machine_code import MACHINES

X86, ARM = MACHINES["64:62"], MACHINES["64:183"]
SYSCALL = b"\x0f\x05"


def words(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


@pytest.mark.parametrize(
    ("code", "number"),
    [
        (b"\xb8\x3b\0\0\0" + SYSCALL, 59),  # mov eax, 59
        (b"\x31\xc0" + SYSCALL, 0),  # xor eax, eax
        (b"\x48\xc7\xc0\x0f\0\0\0" + SYSCALL, 15),  # mov rax, 15
        (b"\x6a\x27\x58" + SYSCALL, 39),  # push 39; pop rax
        (b"\xb8\x01\0\0\0\x45\x31\xc0" + SYSCALL, 1),  # xor r8d, r8d is not about eax
        (b"\xb8\x01\0\0\0\x49\x89\xd0" + SYSCALL, 1),  # mov r8, rdx neither
        (b"\xba\xe7\0\0\0\x90\x89\xd0" + SYSCALL, 231),  # mov edx, 231; mov eax, edx
        (b"\x41\xb9\x14\0\0\0\x44\x89\xc8" + SYSCALL, 20),  # mov r9d, 20; mov eax, r9d
        (b"\xb8\x01\0\0\0\x48\x8b\x44\x24\x10" + SYSCALL, None),  # mov rax, [rsp + 16]
        (b"\x90" + SYSCALL, None),
    ],
)
def test_the_number_is_what_rax_was_given_last(code: bytes, number: int | None) -> None:
    [at] = X86.entries(code + b"\xc3")
    assert X86.numbers(code, 0, at) == (frozenset() if number is None else {number})


@pytest.mark.parametrize(
    "code",
    [
        b"\x0f\x84" + SYSCALL + b"\x01\0",  # je, its distance
        b"\xe8" + SYSCALL + b"\x01\0",  # call
        b"\x48\x8d\x2d" + SYSCALL + b"\x01\0",  # lea rbp, [rip + …]
        b"\x38\x44" + SYSCALL,  # cmp [rdi + rcx + 5], al
        b"\x48\xba\xc7\xc0\x0f\x10\x10\x10" + SYSCALL,  # mov rdx, a number of eight bytes
        b"\xb9" + SYSCALL + b"\0\0",  # mov ecx, 0x50f
    ],
)
def test_bytes_of_other_instructions_are_none_of_the_kernels(code: bytes) -> None:
    assert all(X86.is_part(code, at) for at in X86.entries(code))


def test_calls_jumps_and_addresses_are_found() -> None:
    code = b"\xe8\x05\0\0\0" + b"\x0f\x85\xfa\xff\xff\xff" + b"\x48\x8d\x05\x10\0\0\0"
    assert set(X86.references(code, 0)) >= {(0, 10, True), (5, 5, True), (12, 34, False)}


@pytest.mark.parametrize(
    ("code", "is_first", "number"),
    [
        (b"\xbf\x3e\x01\0\0\x31\xc0", True, 318),  # mov edi, 318
        (b"\x31\xff", True, 0),
        (b"\xbf\x01\0\0\0\x6a\x2d", False, 45),  # push 45, as the last argument
        (b"\xc7\x04\x24\x69\0\0\0", False, 105),  # mov [rsp], 105
        (b"\x89\xc7", True, None),
    ],
)
def test_what_is_given_to_a_function_that_makes_the_call(code: bytes, is_first: bool, number: int | None) -> None:
    assert X86.given(code + b"\xe8", 0, len(code), is_first=is_first) == (frozenset() if number is None else {number})


def test_aarch64_has_the_number_in_x8() -> None:
    code = words(0x52800BA8, 0xD503201F, 0xD4000001, 0xAA0603E8, 0xD4000001)  # mov w8, 93; nop; svc; mov x8, x6; svc
    assert list(ARM.entries(code)) == [8, 16]
    assert ARM.numbers(code, 0, 8) == {93}
    assert ARM.numbers(code, 0, 16) == frozenset()
    taken = words(0x52800806, 0xAA0603E8, 0xD4000001)  # mov w6, 64; mov x8, x6; svc
    assert ARM.numbers(taken, 0, 8) == {64}
    assert ARM.given(taken, 0, 4, is_first=False) == {64}
    assert ARM.given(words(0x528022C0), 0, 4, is_first=True) == {278}  # mov w0, 278


def test_aarch64_says_nothing_where_no_number_stands_near_and_knows_stubs_of_other_libraries() -> None:
    """A stub ends in a jump to what it loaded, and is no call with a number of its own."""
    silent = words(0xD503201F, 0x52800BA0, 0xD4000001)  # nop; mov w0, 93; svc
    assert (ARM.numbers(silent, 0, 8), ARM.is_part(silent, 8)) == (frozenset(), False)
    assert ARM.given(silent, 0, 8, is_first=False) == frozenset()
    stub = words(0xD503201F, 0xB0000010, 0xF9400611, 0x91002210, 0xD61F0220)  # nop; adrp, ldr, add, br x17
    assert [ARM.is_stub(stub, at) for at in (0, 4)] == [False, True]


def test_aarch64_calls_and_takes_addresses() -> None:
    code = words(0x94000004, 0x17FFFFFF, 0xB0000000, 0x91008000, 0xF9400C01)  # bl, b, adrp, add, ldr
    assert set(ARM.references(code, 0x400)) == {
        (0, 16, True), (4, 0, True), (12, 0x1000 - 0x400 + 32, False), (16, 0x1000 - 0x400 + 24, False),
    }  # fmt: skip


@given(st.binary(max_size=400), st.sampled_from(sorted(MACHINES)))
def test_any_bytes_can_be_read(code: bytes, kind: str) -> None:
    machine = MACHINES[kind]
    for at in machine.entries(code):
        assert all(number >= 0 for number in machine.numbers(code, 0, at))
        machine.is_part(code, at)
    for at, _, _ in machine.references(code, 0x1000):
        machine.given(code, 0, at, is_first=True)
        machine.is_stub(code, at)
