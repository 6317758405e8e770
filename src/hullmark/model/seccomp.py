"""Which system calls the start of an image can make, as far as can be determined."""

from __future__ import annotations

import msgspec


class SyscallWitness(msgspec.Struct, frozen=True, order=True, gc=False):
    """A possible system call, the file that makes it (`path`, "": the container runtime), and how, as a clause."""

    name: str
    path: str
    why: str


class SyscallDoubt(msgspec.Struct, frozen=True, order=True, gc=False):
    """A reason to expect other system calls: the file (`path`, "": the image as a whole), and why, as a clause."""

    path: str
    reason: str


class SyscallProfile(msgspec.Struct, frozen=True, kw_only=True):
    """The system calls that the files of a start can make. `machine` is their class and processor (`64:62`; "": none was found).

    `refused` are calls that the files make but container engines refuse by default: a profile is never wider than theirs. `default` are the
    names of all calls that engines allow on this processor. `unsure` says, for reachable files, why there may be other calls; if there are
    any, the profile is not reliable. `notes` says the same about files that are only possibly used, and about programs that nothing names.
    """

    machine: str
    calls: tuple[SyscallWitness, ...]
    refused: tuple[SyscallWitness, ...] = ()
    default: tuple[str, ...] = ()
    unsure: tuple[SyscallDoubt, ...] = ()
    notes: tuple[SyscallDoubt, ...] = ()
