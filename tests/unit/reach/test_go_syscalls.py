"""Which system calls a Go program makes, by what it gives to the functions that make them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.reach.syscalls import facts_of
from tests.support.go_elf import address, calling, function_table, go_elf

ENTRY = b"\x0f\x05\xc3"
"""Enters the kernel with what is in rax."""

THROUGH = ("internal/runtime/syscall.Syscall6", "syscall.Syscall", "syscall.rawVforkSyscall")
FUNCTIONS = [
    (THROUGH[0], ENTRY),
    (THROUGH[1], calling(1, b"", 0)),
    (THROUGH[2], ENTRY),
    ("syscall.Close", calling(3, b"\xb8\x03\0\0\0\x45\x31\xc0", 1)),  # mov eax, 3; xor r8d, r8d
    ("syscall.read", calling(4, b"\x31\xc0", 1)),  # xor eax, eax
    ("syscall.fork", calling(5, b"\x48\xc7\x04\x24\x38\0\0\0\x48\xc7\x44\x24\x08\x11\0\0\0", 2)),  # mov [rsp], 56; mov [rsp+8], 17
    ("runtime.exit", b"\xb8\xe7\0\0\0" + ENTRY),
]  # fmt: skip
IN_CODE = "it enters the kernel with a number that is not given beside it"


def numbers(functions: list[tuple[str, bytes]], **more: bytes) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The numbers, and why there may be more."""
    found = facts_of(memoryview(go_elf(functions, **more)))
    return found.numbers, found.untold


def test_numbers_are_what_functions_are_called_with_and_those_at_other_entries() -> None:
    assert numbers(FUNCTIONS) == ((0, 3, 56, 231), ())
    assert numbers(FUNCTIONS, table=function_table([name for name, _ in FUNCTIONS], 0xFFFFFFF0)) == (
        (0, 3, 56, 231),
        (),
    )


@pytest.mark.parametrize(
    "more",
    [
        ("main.any", calling(7, b"\x8b\x00", 1)),  # mov eax, [rax]
        ("main.any", calling(7, b"\xb8\x05\0\0\0", 2)),  # what takes its number on the stack is given one in rax
        ("main.any", ENTRY),
        ("main.any", b"\x48\x8d\x0d" + (address(1) - address(7) - 7).to_bytes(4, "little", signed=True)),  # lea rcx, [rip+syscall.Syscall]
    ],
)  # fmt: skip
def test_a_number_that_comes_from_elsewhere_is_not_told(more: tuple[str, bytes]) -> None:
    found, untold = numbers([*FUNCTIONS, more])
    assert ({0, 3, 56, 231}.issubset(found), untold) == (True, (IN_CODE,))


def test_a_function_that_stands_in_data_may_be_called_with_any_number() -> None:
    assert numbers(FUNCTIONS, data=address(1).to_bytes(8, "little"))[1] == (IN_CODE,)
    assert numbers(FUNCTIONS, data=address(3).to_bytes(8, "little"))[1] == ()


def test_what_is_done_on_all_threads_counts_where_it_is_asked_for() -> None:
    thread = ("runtime.runPerThreadSyscall", calling(7, b"\x8b\x00", 0))
    assert numbers([*FUNCTIONS, thread])[1] == ()
    asking = [*FUNCTIONS, thread, ("syscall.runtime_doAllThreadsSyscall", b"\xc3")]
    assert numbers(asking)[1] == (IN_CODE,)


@pytest.mark.parametrize("table", [b"", b"x" * 100, function_table(["a"], 0xFFFFFFFA), function_table(["a"])[:90]])
def test_a_table_that_is_not_understood_tells_nothing(table: bytes) -> None:
    assert numbers(FUNCTIONS, table=table)[1] == (IN_CODE,)


@given(st.integers(0, 3000), st.binary(max_size=8))
def test_any_program_can_be_read(at: int, change: bytes) -> None:
    body = bytearray(go_elf(FUNCTIONS))
    body[0x1000 + at : 0x1000 + at + len(change)] = change
    facts_of(memoryview(bytes(body)))
