"""Which system calls files make, by themselves and through libc, and the profile that follows from them."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.seccomp import SyscallDoubt, SyscallProfile
from hullmark.reach.syscalls import SyscallFacts, facts_of
from hullmark.report.seccomp import seccomp_json
from tests.support.dynamic import dynamic_elf
from tests.support.machine_elf import call, machine_elf, place_of
from tests.support.reach import walked

ENTER = b"\x0f\x05\xc3"
TABLE, SLOT = 0x3000, 0x2000
LIBC = machine_elf(
    [
        ("", b"\x48\x8b\x44\x24\x08" + ENTER),  # mov rax, [rsp + 8]: who calls it says which call to make
        ("read", b"\x6a\x00" + call(place_of(1) + 2, place_of(0)) + b"\xc3"),
        (
            "puts",
            b"\x48\x8d\x3d" + struct.pack("<i", TABLE - place_of(2) - 7) + b"\xc3",
        ),  # takes the address of a table
        ("", b"\xb8\x01\0\0\0" + ENTER),  # write, which only the table leads to
        ("strlen", b"\xc3"),
        ("exit", b"\xb8\xe7\0\0\0" + ENTER),
        ("odd", call(place_of(6), place_of(0)) + b"\xc3"),  # says nothing
        ("mount", b"\xb8\xa5\0\0\0" + ENTER),
        ("fork", b"\xb8\x38\0\0\0" + ENTER),
    ],
    soname="libc.so.6",
    pointers={TABLE + 8: place_of(3)},
)
PROGRAM = machine_elf(
    [
        ("", b"\xff\x25" + struct.pack("<i", SLOT - place_of(0) - 6)),  # the stub of syscall()
        ("", b"\xbf\x3e\x01\0\0" + call(place_of(1) + 5, place_of(0)) + b"\xc3"),  # getrandom
        ("", b"\xb8\x27\0\0\0" + ENTER),  # getpid
    ],
    imports={"syscall": SLOT, "puts": SLOT + 8, "mount": SLOT + 16, "fork": SLOT + 24},
)


def facts(body: bytes) -> SyscallFacts:
    return facts_of(memoryview(body))


def test_each_function_of_libc_has_the_calls_that_it_comes_to() -> None:
    found = facts(LIBC)
    assert found.untold == ()
    assert {name: found.sets[place] for name, place in found.exports.items()} == {
        "read": (0,), "puts": (1,), "strlen": (), "exit": (231,), "odd": (-1,), "mount": (165,), "fork": (56,),
    }  # fmt: skip


def test_a_program_makes_calls_itself_and_through_the_function_syscall() -> None:
    found = facts(PROGRAM)
    assert (found.machine, found.numbers, found.untold) == ("64:62", (39, 318), ())
    assert found.asks == ("fork", "mount", "puts", "syscall")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (machine_elf([("", b"\x89\xf8" + ENTER)]), "it enters the kernel with a number that is not given beside it"),
        (machine_elf([("", b"\x89\xf8" + ENTER)], unwinds=False), "it enters the kernel with a number"),
        (
            machine_elf([("", b"\xff\x15" + struct.pack("<i", SLOT - place_of(0) - 6))], imports={"syscall": SLOT}),
            "it calls syscall() with a number that is not given beside it",
        ),
        (PROGRAM[:18] + b"\x08" + PROGRAM[19:], "its code is of a processor"),
        (b"\x7fELF", "its code could not be read"),
    ],
)
def test_what_cannot_be_told_is_said(body: bytes, reason: str) -> None:
    assert [each.partition(reason)[0] for each in facts(body).untold] == [""]


@given(st.integers(0, len(LIBC) - 1), st.binary(min_size=1, max_size=8), st.integers(0, len(LIBC)))
def test_any_file_can_be_read(at: int, change: bytes, end: int) -> None:
    facts(LIBC[:at] + change + LIBC[at + len(change) :])
    facts(LIBC[:end])


def profile(*libraries: tuple[str, bytes]) -> SyscallProfile:
    """Of a program that needs libc and these libraries."""
    made = {"/bin/shop": PROGRAM, "/lib/libc.so.6": LIBC, **{f"/lib/{name}": body for name, body in libraries}}
    files = {path: dynamic_elf(soname=path.rpartition("/")[2]) for path in made if path != "/bin/shop"}
    files["/bin/shop"] = dynamic_elf(("libc.so.6", *(name for name, _ in libraries)))
    files["/bin/idle"] = dynamic_elf()
    found = walked(
        files, ("/bin/shop",), syscalls={path: facts(body) for path, body in {**made, "/bin/idle": PROGRAM}.items()}
    )
    assert found.syscalls is not None
    return found.syscalls


def test_a_profile_has_what_is_reached_and_what_the_runtime_needs() -> None:
    found = profile()
    why = {each.name: (each.path, each.why) for each in found.calls}
    assert why["write"] == ("/bin/shop", "calls puts()")
    assert why["getpid"] == ("/bin/shop", "enters the kernel itself")
    assert why["exit_group"] == ("/lib/libc.so.6", "itself calls exit()")
    assert why["execve"] == ("", "the container runtime calls it before the program starts")
    assert "symlink" not in why
    assert [each.name for each in found.refused] == ["mount"]
    assert "mount" not in found.default
    assert found.unsure == ()


def test_what_is_not_told_of_a_file_that_is_reached_makes_the_profile_unsure() -> None:
    odd = machine_elf([("", b"\x89\xf8" + ENTER)], imports={"odd": SLOT})
    assert profile(("odd.so", odd)).unsure == (
        SyscallDoubt("/lib/odd.so", "it calls odd(), of which not all system calls are listed"),
        SyscallDoubt("/lib/odd.so", "it enters the kernel with a number that is not given beside it"),
    )


def test_the_document_is_what_engines_read() -> None:
    document = json.loads(seccomp_json(profile(), allows_default=False))
    assert (document["defaultAction"], document["architectures"]) == ("SCMP_ACT_ERRNO", ["SCMP_ARCH_X86_64"])
    first, clone, clone3 = document["syscalls"]
    assert {"write", "getpid", "getrandom"} <= set(first["names"])
    assert not {"mount", "clone", "clone3", "symlink"} & set(first["names"])
    # clone() with a flag for new namespaces is refused, and clone3() is not there.
    assert clone["args"] == [{"index": 0, "op": "SCMP_CMP_MASKED_EQ", "value": 0x7E020000, "valueTwo": 0}]
    assert (clone3["action"], clone3["errnoRet"]) == ("SCMP_ACT_ERRNO", 38)
    usual = json.loads(seccomp_json(profile(), allows_default=True))
    assert "symlink" in usual["syscalls"][0]["names"]
    assert "mount" not in usual["syscalls"][0]["names"]
