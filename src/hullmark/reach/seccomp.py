"""From the walk to the system calls that what is started can make.

All ELF files that are reachable or unknown count, each as a whole: a profile that is too wide stops nothing that is needed. Of libc the
functions count that these files call, as no program uses all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from hullmark.model.limit import Limit
from hullmark.model.seccomp import SyscallDoubt, SyscallProfile, SyscallWitness
from hullmark.reach import elf_calls
from hullmark.reach.scene import Scene
from hullmark.reach.syscall_names import REFUSED_BY_ENGINES, SYSCALLS
from hullmark.reach.syscalls import SyscallFacts

_MAX_REASONS = Limit(500, "reasons why not all system calls of a start can be listed", "shortened")

_RUNTIME = (
    "brk", "capget", "capset", "chdir", "clock_gettime", "close", "close_range", "dup", "dup2", "dup3", "epoll_create1", "epoll_ctl",
    "epoll_pwait", "execve", "exit", "exit_group", "faccessat2", "fchdir", "fchown", "fcntl", "fstat", "fstatfs", "futex", "getdents64",
    "getpid", "getppid", "getrandom", "gettid", "lseek", "madvise", "mmap", "mprotect", "munmap", "nanosleep", "newfstatat", "openat",
    "openat2", "pipe2", "prctl", "pselect6", "read", "readlinkat", "restart_syscall", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
    "sched_yield", "setgid", "setgroups", "setresgid", "setresuid", "setuid", "sigaltstack", "statfs", "tgkill", "umask", "write",
)  # fmt: skip
"""What runc and crun call between loading the profile and starting the program: capabilities, user, descriptors, and Go's scheduler."""

_RUNTIME_WHY = "the container runtime calls it before the program starts"

_ALWAYS = frozenset((
    "__cxa_finalize", "__libc_early_init", "__libc_start_main", "_dl_signal_error", "_exit", "abort", "calloc", "exit", "free", "malloc",
    "realloc", "__tls_get_addr", "__rtld_libc_freeres", "__libc_unwind_link_get", "_IO_2_1_stdout_", "_IO_2_1_stderr_",
))  # fmt: skip
"""What start-up code, the loader and the end of a program call in libc, though no symbol of the program says so."""

_BY_CODE = "libffi.so"


def syscall_profile(scene: Scene, facts: Mapping[str, SyscallFacts], unseen: str) -> SyscallProfile:
    """The system calls that the walk's files can make. `unseen` is why not all files were seen, or followed ("": all were)."""
    profile = _Profile(scene, facts)
    profile.read()
    if unseen:
        profile.unsure[SyscallDoubt("", unseen)] = None
    if not profile.machine:
        profile.unsure[SyscallDoubt("", "no program is reached whose code could be read")] = None
    known = set(SYSCALLS.get(profile.machine, {}).values())
    for name in known.intersection(_RUNTIME) - profile.calls.keys():
        profile.calls[name] = SyscallWitness(name, "", _RUNTIME_WHY)
    found = sorted(profile.calls.values())
    return SyscallProfile(
        machine=profile.machine,
        calls=tuple(call for call in found if call.name not in REFUSED_BY_ENGINES),
        refused=tuple(call for call in found if call.name in REFUSED_BY_ENGINES),
        default=tuple(sorted(known - REFUSED_BY_ENGINES)),
        unsure=tuple(sorted(profile.unsure))[:_MAX_REASONS],
        notes=tuple(sorted(profile.notes))[:_MAX_REASONS],
    )


class _Profile:
    """Collects calls, the nearest file first, and reasons why there may be more."""

    def __init__(self, scene: Scene, facts: Mapping[str, SyscallFacts]) -> None:
        self._scene = scene
        found = scene.walk.found
        reached = sorted(
            (path for path in found if path in facts),
            key=lambda path: (not found[path].is_certain, found[path].depth, path),
        )
        self._facts = {path: facts[path] for path in reached}
        self.machine = next((fact.machine for fact in self._facts.values() if fact.machine in SYSCALLS), "")
        self.calls: dict[str, SyscallWitness] = {}
        self.unsure: dict[SyscallDoubt, None] = {}
        self.notes: dict[SyscallDoubt, None] = {}

    def read(self) -> None:
        """All files, and what they call in libc."""
        libcs = {path: fact for path, fact in self._facts.items() if fact.exports}
        for path, fact in self._facts.items():
            if fact.machine and fact.machine != self.machine:
                self._doubt(path, "it is for another processor than the program that is started")
                continue
            for reason in fact.untold:
                self._doubt(path, reason)
            if not fact.exports:
                self._add(fact.numbers, path, "enters the kernel itself")
            for libc, library in libcs.items():
                self._add_calls(path, fact.asks, libc, library, "calls")
                self._add_calls(path, fact.looks_up, libc, library, "may look up")
            self._by_code(path)
        for path, library in libcs.items():
            self._add_calls(path, sorted(_ALWAYS), path, library, "itself calls")

    def _by_code(self, path: str) -> None:
        facts = self._scene.facts.elves.get(path)
        if facts is not None and facts.soname.startswith(_BY_CODE):
            self._doubt(path, "it calls functions whose names code makes while it runs")
        for end in self._ends(path):
            self.notes[SyscallDoubt(path, f"what it starts runs under the same profile: {end}")] = None

    def _ends(self, path: str) -> Iterator[str]:
        facts = self._scene.facts.elves.get(path)
        if facts is not None and elf_calls.SPAWNING.intersection(facts.calls):
            yield from (end.reason for end in self._scene.walk.ends if end.path == path)

    def _add_calls(self, path: str, names: Iterable[str], libc: str, library: SyscallFacts, verb: str) -> None:
        for name in names:
            place = library.exports.get(name)
            if place is None:
                continue
            numbers = library.sets[place]
            # What is given to syscall() is told where it is called.
            if numbers[-1:] == (-1,) and name != "syscall" and path != libc:
                self._doubt(path, f"it {verb} {name}(), of which not all system calls are listed")
            self._add(numbers, path, f"{verb} {name}()")

    def _add(self, numbers: Iterable[int], path: str, why: str) -> None:
        names = SYSCALLS.get(self.machine, {})
        for number in numbers:
            name = names.get(number)
            if name is not None and name not in self.calls:
                self.calls[name] = SyscallWitness(name, path, why)

    def _doubt(self, path: str, reason: str) -> None:
        found = self._scene.walk.found[path]
        (self.unsure if found.is_certain else self.notes)[SyscallDoubt(path, reason)] = None
