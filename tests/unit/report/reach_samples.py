"""Results of the walk for the tests of formats: with and without advisories, answers and packages."""

from __future__ import annotations

from msgspec.structs import replace

from hullmark.model.reach import AdvisoryReach, OpenEnd, ReachAnswer, ReachCount, ReachShare, Recipe, WitnessStep
from hullmark.model.seccomp import SyscallDoubt, SyscallProfile, SyscallWitness
from hullmark.reach.observed import ObservedPaths
from tests.support.dynamic import dynamic_elf
from tests.support.reach import walked
from tests.unit.report.samples import ODD

_LD = "/lib64/ld.so"
_FILES = {
    _LD: dynamic_elf(soname="ld-linux-x86-64.so.2"),
    "/lib/libc.so.6": dynamic_elf(soname="libc.so.6"),
    "/bin/sh": dynamic_elf(("libc.so.6",), interpreter=_LD),
    "/bin/mount": dynamic_elf(("libc.so.6",), interpreter=_LD),
    "/usr/bin/tool": dynamic_elf(("libc.so.6",), interpreter=_LD),
    "/srv/shop": dynamic_elf(("libc.so.6",), interpreter=_LD, calls=("execvp",), constants=("tool",)),
}
_OWNERS = {
    "/lib/libc.so.6": "libc6",
    "/bin/sh": "dash",
    "/bin/mount": "mount",
    "/usr/bin/tool": "tool",
    "/srv/shop": "shop",
}
_PLAIN = walked(_FILES, ("/srv/shop", "--fast"), owners=_OWNERS)
_LIBC, _MOUNT = "pkg:deb/debian/libc6@1", "pkg:deb/debian/mount@1"

_EVIL = '</svg><script>alert("1")</script>\x1b[31m\u202e&' + "n" * 300
_HOSTILE = replace(
    _PLAIN,
    roots=(_EVIL,),
    packages=tuple(replace(package, name=_EVIL, version=_EVIL, reason=_EVIL) for package in _PLAIN.packages),
    programs=tuple(
        replace(
            program, path=f"/{_EVIL}", kinds=("shell", _EVIL), reason=_EVIL, witness=(WitnessStep(_EVIL, _EVIL),) * 90
        )
        for program in _PLAIN.programs
    ),
    open_ends=(OpenEnd(_EVIL, _EVIL),),
    recipe=Recipe(command="apk del", purge=(_EVIL,), kept=((_EVIL, _EVIL),)),
    matches=(AdvisoryReach(advisory=_EVIL, severity=_EVIL, purl=_EVIL, reach="unknown"),),
    answers=(ReachAnswer(subject=_EVIL, reach="unreachable", reason=_EVIL, needed_by=(_EVIL,)),),
    shares=(ReachShare(f"pkg:npm/{_EVIL}@1", "unknown", 700), ReachShare("", "unreachable", 300)),
    counts={**_PLAIN.counts, "unknown": ReachCount(bytes=700), "unreachable": ReachCount(bytes=300)},
)

_DOUBTS = (SyscallDoubt("/srv/shop", "it calls syscall() with a number that is not given beside it"),)
_CALLS = SyscallProfile(
    machine="64:62",
    calls=(SyscallWitness("execve", "", "the runtime calls it"), SyscallWitness("read", "/srv/shop", "calls read()")),
    refused=(SyscallWitness("bpf", "/srv/shop", "enters the kernel itself"),),
    default=("execve", "read", "write"),
    notes=_DOUBTS,
)

MINIMALITIES = {
    "plain": _PLAIN,
    "matched": replace(
        _PLAIN,
        matches=(
            AdvisoryReach(advisory="CVE-1", severity="high", purl=_LIBC, reach="reachable"),
            AdvisoryReach(advisory="CVE-1", severity="high", purl=_MOUNT, reach="unreachable"),
            AdvisoryReach(advisory="CVE-2", severity="low", purl=_MOUNT, reach="unreachable"),
        ),
        recipe=replace(_PLAIN.recipe, kept=((_MOUNT, _LIBC),)),
    ),
    "asked": walked(_FILES, ("/srv/shop",), owners=_OWNERS, why=("mount", "libc6", "/usr/bin/tool")),
    "attacked": walked(
        {**_FILES, "/etc/passwd": b"web:x:7:7::/:/bin/sh\n"},
        ("/srv/shop",),
        owners=_OWNERS,
        changes={"/bin/mount": {"mode": 0o4755}, "/usr/bin/tool": {"mode": 0o4755}, "/srv/shop": {"uid": 7}},
        user="web",
        exposed_ports=("80/tcp",),
        observed=ObservedPaths(("/bin/mount", "/proc/1/stat", "/srv/shop", "/usr/bin/tool"), 1),
    ),
    "unknown": walked(_FILES, (), owners=_OWNERS),
    "odd": replace(
        _PLAIN, source=ODD.source, roots=("CMD a\x1b[31m",), recipe=Recipe(), packages=(), problems=ODD.problems
    ),
    "hostile": _HOSTILE,
    "called": replace(_PLAIN, syscalls=_CALLS),
    "unsure": replace(_PLAIN, syscalls=replace(_CALLS, unsure=_DOUBTS, refused=())),
}
