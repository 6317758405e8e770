"""A profile of system calls as container engines read it: "seccomp" of the OCI runtime specification, config-linux.md; Docker takes it too.

What is not named is refused with EPERM. Only the image's own processor is listed, so calls of i386 and x32 on x86_64, and of arm on
aarch64, are refused too. clone() may make no namespaces, and clone3(), whose flags no filter can see, is said not to exist: libc then
takes clone().
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from hullmark.model.seccomp import SyscallProfile
from hullmark.report.documents import encode

_ARCHITECTURES = {"64:62": "SCMP_ARCH_X86_64", "64:183": "SCMP_ARCH_AARCH64"}
_EPERM, _ENOSYS = 1, 38
_NAMESPACES = 0x7E020000
"""All flags of clone(2) that make namespaces."""

_PERSONALITIES = (0, 8, 0x20000, 0x20008, 0xFFFFFFFF)
"""Those of personality(2) that change nothing of what protects a program, and the one that asks."""


class ArgumentJson(msgspec.Struct, frozen=True, rename="camel"):
    """A condition on an argument, by its place."""

    index: int
    op: str
    value: int
    value_two: int = 0


class RuleJson(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Calls, and what is done with them."""

    names: list[str]
    action: str
    args: list[ArgumentJson] = []
    errno_ret: int = 0


class SeccompJson(msgspec.Struct, frozen=True, rename="camel"):
    """The whole document."""

    default_action: str
    default_errno_ret: int
    architectures: list[str]
    syscalls: list[RuleJson]


def seccomp_json(profile: SyscallProfile, *, allows_default: bool) -> bytes:
    """The document: what is told, or all that engines allow by default. The profile has a processor."""
    names = profile.default if allows_default else {call.name for call in profile.calls}
    return encode(SeccompJson("SCMP_ACT_ERRNO", _EPERM, [_ARCHITECTURES[profile.machine]], _rules(names)))


def _rules(names: Iterable[str]) -> list[RuleJson]:
    allowed = sorted(set(names) - {"clone", "clone3", "personality"})
    rules = [RuleJson(allowed, "SCMP_ACT_ALLOW")]
    if "clone" in names:
        rules.append(RuleJson(["clone"], "SCMP_ACT_ALLOW", [ArgumentJson(0, "SCMP_CMP_MASKED_EQ", _NAMESPACES, 0)]))
    rules.append(RuleJson(["clone3"], "SCMP_ACT_ERRNO", errno_ret=_ENOSYS))
    if "personality" in names:
        rules += [
            RuleJson(["personality"], "SCMP_ACT_ALLOW", [ArgumentJson(0, "SCMP_CMP_EQ", value)])
            for value in _PERSONALITIES
        ]
    return rules
