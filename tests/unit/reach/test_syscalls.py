"""Which system calls files make, by themselves and through libc, and the profile that follows from them."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.seccomp import SyscallDoubt, SyscallProfile
from hullmark.reach.syscalls import SYSCALLS_READ, SyscallFacts, facts_of
from hullmark.report.seccomp import seccomp_json
from tests.support.dynamic import dynamic_elf
from tests.support.machine_elf import DATA, call, machine_elf, place_of
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


def address_of(here: int, to: int) -> bytes:
    """Takes an address (lea rdi, [rip + …])."""
    return b"\x48\x8d\x3d" + struct.pack("<i", to - here - 7)


def test_tables_whose_pointers_are_packed_lead_to_their_functions() -> None:
    """The table names the first place, and with bits those that follow it, beyond the first 63 as well. Calls into the midst of a function,
    and of functions that call each other in a circle, change nothing; the address of a function leads to it."""
    library = machine_elf(
        [
            ("near", address_of(place_of(0), DATA) + call(place_of(0) + 7, place_of(4) + 3) + b"\xc3"),
            ("far", address_of(place_of(1), DATA + 8 * 70) + b"\xc3"),
            ("", b"\xb8\x01\0\0\0" + ENTER),  # write
            ("", b"\xb8\x27\0\0\0" + ENTER),  # getpid
            ("given", address_of(place_of(4), place_of(5)) + b"\xc3"),
            ("circle", call(place_of(5), place_of(6)) + b"\xb8\x03\0\0\0" + ENTER),  # close
            ("", call(place_of(6), place_of(5)) + call(place_of(6) + 5, place_of(6)) + b"\xc3"),
        ],
        soname="libc.so.6",
        packed={DATA: place_of(0), DATA + 16: place_of(2), DATA + 8 * 70: place_of(3), DATA + 8 * 400: 0},
    )
    found = facts(library)
    assert {name: found.sets[place] for name, place in found.exports.items()} == {
        "near": (1,), "far": (39,), "given": (3,), "circle": (3,),
    }  # fmt: skip
    cut = facts(library[:-3_000])  # the pointers of `far` lie beyond the end of the file
    assert {name: cut.sets[cut.exports[name]] for name in ("near", "far")} == {"near": (1,), "far": ()}


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


def test_a_program_with_very_much_code_may_call_syscall_with_any_number() -> None:
    """Who calls what is not looked for in it. One that is too large to be read says so, as does one whose symbols lie nowhere."""
    large = bytearray(PROGRAM)
    struct.pack_into("<Q", large, 64 + 32, 25 << 20)
    assert facts(bytes(large)).untold == ("it calls syscall() with a number that is not given beside it",)
    sink = SYSCALLS_READ.oversize(1 << 30) if SYSCALLS_READ.oversize is not None else None
    assert sink is not None
    sink.write(memoryview(b"\x7fELF"))
    assert sink.finish(print) == SyscallFacts("", untold=("it is too large for its code to be read",))
    symbols = PROGRAM.index(struct.pack("<q", 6), 0x400 + 64 * 3)
    lost = PROGRAM[: symbols + 8] + struct.pack("<Q", 1 << 40) + PROGRAM[symbols + 16 :]
    assert facts(lost) == SyscallFacts("", untold=("its code could not be read",))


def test_names_among_the_constants_of_a_program_that_looks_functions_up_may_be_theirs() -> None:
    """Each counts once; other words are none."""
    body = dynamic_elf(("libc.so.6",), calls=("dlsym",), constants=("fork", "puts", "fork", "Hello", "a b"))
    assert facts(body).looks_up == ("fork", "puts")
    assert facts(dynamic_elf(("libc.so.6",), calls=("getpid",), constants=("fork",))).looks_up == ()


def profile(*libraries: tuple[str, bytes], calls: tuple[str, ...] = ()) -> SyscallProfile:
    """Of a program that needs libc and these libraries, and calls functions that start others."""
    made = {"/bin/shop": PROGRAM, "/lib/libc.so.6": LIBC, **{f"/lib/{name}": body for name, body in libraries}}
    files = {path: dynamic_elf(soname=path.rpartition("/")[2]) for path in made if path != "/bin/shop"}
    files["/bin/shop"] = dynamic_elf(("libc.so.6", *(name for name, _ in libraries)), calls=calls)
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


def test_what_runs_under_the_profile_and_is_not_followed_is_told() -> None:
    """Programs of another processor, code that is made while it runs, and programs that settings name."""
    other = PROGRAM[:18] + b"\xb7\0" + PROGRAM[20:]
    found = profile(("libffi.so.8", PROGRAM), ("other.so", other), calls=("execve",))
    assert found.unsure == (
        SyscallDoubt("/lib/libffi.so.8", "it calls functions whose names code makes while it runs"),
        SyscallDoubt("/lib/other.so", "it is for another processor than the program that is started"),
    )
    assert found.notes == (
        SyscallDoubt(
            "/bin/shop",
            "what it starts runs under the same profile: "
            "it calls execve(): it may start programs that its settings or its users name",
        ),
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
