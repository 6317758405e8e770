"""Which system calls the start of an image can make, as far as can be told."""

from __future__ import annotations

import msgspec


class SyscallWitness(msgspec.Struct, frozen=True, order=True, gc=False):
    """A system call that can be made, the file that does so (`path`, "": the container runtime), and how, as a clause."""

    name: str
    path: str
    why: str


class SyscallDoubt(msgspec.Struct, frozen=True, order=True, gc=False):
    """There may be other system calls: because of which file (`path`, "": of the image as a whole), and why, as a clause."""

    path: str
    reason: str


class SyscallProfile(msgspec.Struct, frozen=True, kw_only=True):
    """The system calls that the files of a start can make. `machine` is their class and processor (`64:62`; "": none was found).

    `refused` are calls that the files have, and that container engines refuse by default: a profile is never wider than theirs. `default`
    are the names of all that engines allow on this processor. `unsure` says of files that are reachable why there may be other calls: then
    the profile is not to be relied on. `notes` say it of what is only possible, and of programs that nobody names.
    """

    machine: str
    calls: tuple[SyscallWitness, ...]
    refused: tuple[SyscallWitness, ...] = ()
    default: tuple[str, ...] = ()
    unsure: tuple[SyscallDoubt, ...] = ()
    notes: tuple[SyscallDoubt, ...] = ()
