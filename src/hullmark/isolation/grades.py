"""Grades of isolation: what a container is granted → how well it is kept apart, why, and what is missing to the next grade.

The order and what each grade needs stand in docs/reference/isolation.md. Only what is told counts for a grade; where something is
not told, `at_most` says what it could come to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hullmark.isolation.host_access import opens_the_host, rules_the_host
from hullmark.isolation.spelling import ENGINE_CAPABILITIES, UNCONFINED
from hullmark.model.isolation import GRADES, Assessment, Grade, GradeReason, Isolation, Shortfall

HOST_CAPABILITIES = {
    "ALL": "it holds every capability",
    "AUDIT_CONTROL": "it switches the kernel's audit off",
    "BPF": "it loads programs into the kernel",
    "DAC_READ_SEARCH": "it opens any file of the host by its handle",
    "MAC_ADMIN": "it changes the rules of the security module",
    "MAC_OVERRIDE": "it overrules the security module",
    "PERFMON": "it observes the whole kernel",
    "SYS_ADMIN": "it mounts, and much else",
    "SYS_BOOT": "it restarts the host, into another kernel",
    "SYS_MODULE": "it loads code into the kernel",
    "SYS_PTRACE": "it changes other processes",
    "SYS_RAWIO": "it reads and writes the host's memory and ports",
    "SYS_TIME": "it sets the host's clock",
    "SYSLOG": "it reads the addresses of the kernel",
}
"""Capabilities that rule the host unless they are those of a user namespace, and why (capabilities(7))."""
UNCONFINED_LABELS = ("disabled", "spc_t", "unconfined_t")
"""SELinux: no label, and the types that are not confined."""
_GRADE_BY_BOUNDARY: dict[str, Grade] = {"sandbox": "sandboxed", "vm": "vm"}
_AROUND = ("privileged", "host_paths", "devices", "host_network")
"""What reaches around a sandbox or a virtual machine: it is the host's own, wherever it is handed to."""


def assess(isolation: Isolation, image_uid: int | None = None) -> Assessment:
    """The grade of what a container is granted. `image_uid` is the number of the user that its image names, where that is known."""
    assessment = _grade_settings(isolation, image_uid)
    if not isolation.escapes:
        return assessment
    return lower_to_host(assessment, f"the host has a known escape: {isolation.escapes[0]}")


def _grade_settings(isolation: Isolation, image_uid: int | None) -> Assessment:
    """The grade by the settings alone."""
    ways_out = tuple(_ways_out(isolation))
    lacking = tuple(_lacking(isolation, image_uid))
    shared: Grade = "host" if ways_out else "default" if lacking else "hardened"
    around = tuple(way for way in ways_out if way.setting in _AROUND)
    own = _GRADE_BY_BOUNDARY.get(isolation.boundary)
    grade = own if own is not None and not around else shared
    return Assessment(
        grade=grade,
        at_most=_at_most(isolation, ways_out, lacking),
        reasons=tuple(_reasons(grade, isolation, ways_out, lacking)),
        missing=_missing(grade, isolation, around if own is not None else ways_out, lacking),
    )


def lower_to_host(assessment: Assessment, summary: str) -> Assessment:
    """The assessment on a host that has a known way out for whoever shares its kernel or its engine; a sandbox or a virtual machine keeps
    its grade. `summary` says which, as a clause; saying it again changes nothing."""
    reason = GradeReason("host", summary)
    if assessment.grade in _GRADE_BY_BOUNDARY.values() or reason in assessment.reasons:
        return assessment
    return Assessment(
        grade="host",
        at_most="host",
        reasons=(reason, *(assessment.reasons if assessment.grade == "host" else ())),
        missing=(
            Shortfall("host", summary),
            *(assessment.missing if assessment.grade == "host" else ()),
        ),
    )


def _ways_out(isolation: Isolation) -> Iterator[Shortfall]:
    """What lets the container rule its host, or is less than engines give by themselves."""
    if isolation.privileged:
        yield Shortfall("privileged", "it is privileged: all capabilities, all devices, no filter of system calls")
    else:
        yield from _switched_off(isolation)
    yield from _untold(isolation, "privileged", "whether it is privileged")
    for name, text in _NAMESPACES.items():
        if getattr(isolation, name):
            yield Shortfall(name, text)
        yield from _untold(isolation, name, f"whether {text}")
    yield from _find_host_access(isolation)


_NAMESPACES = {
    "host_pid": "it sees and signals the host's processes",
    "host_ipc": "it shares memory with the host's processes",
    "host_network": "it has the host's network, and what listens there",
}


def _untold(isolation: Isolation, setting: str, text: str) -> Iterator[Shortfall]:
    if getattr(isolation, setting) is None:
        yield Shortfall(setting, f"{text} is not known", is_known=False)


def _switched_off(isolation: Isolation) -> Iterator[Shortfall]:
    if not isolation.user_namespace:
        for name in isolation.capabilities_added:
            if name in HOST_CAPABILITIES:
                yield Shortfall("capabilities_added", f"{name} is added: {HOST_CAPABILITIES[name]}")
        if isolation.unmasked_proc:
            yield Shortfall("unmasked_proc", "all of /proc is open to it, the kernel's settings too")
        yield from _untold(isolation, "unmasked_proc", "whether all of /proc is open to it")
    if isolation.seccomp == UNCONFINED:
        yield Shortfall("seccomp", "seccomp is switched off: it may make every system call")
    if isolation.apparmor == UNCONFINED:
        yield Shortfall("apparmor", "AppArmor is switched off for it")
    if isolation.selinux in UNCONFINED_LABELS:
        yield Shortfall("selinux", f"SELinux does not confine it ({isolation.selinux})")


def _find_host_access(isolation: Isolation) -> Iterator[Shortfall]:
    for found in isolation.host_paths:
        is_ruling = rules_the_host(found)
        how = "reads" if found.read_only else "writes"
        if is_ruling:
            yield Shortfall("host_paths", f"it {how} {found.path} of the host")
        elif is_ruling is None:
            yield Shortfall("host_paths", f"it {how} {found.path}, which may be any path of the host", is_known=False)
    for device in isolation.devices:
        is_opening = opens_the_host(device)
        if is_opening:
            yield Shortfall("devices", f"it has the host's device {device}")
        elif is_opening is None:
            yield Shortfall("devices", f"it has {device}, which may be any device", is_known=False)


def _lacking(isolation: Isolation, image_uid: int | None) -> Iterator[Shortfall]:
    """What is missing of what the kernel offers besides namespaces."""
    if isolation.seccomp in ("", UNCONFINED) or isolation.seccomp.startswith("custom ("):
        text = (
            "no filter of system calls (seccomp) is known of"
            if not isolation.seccomp
            else "seccomp filters next to nothing"
        )
        yield Shortfall("seccomp", text, is_known=bool(isolation.seccomp))
    if isolation.apparmor in ("", UNCONFINED) and isolation.selinux in ("", *UNCONFINED_LABELS):
        is_known = bool(isolation.apparmor or isolation.selinux)
        yield Shortfall("apparmor", "no profile of AppArmor and no label of SELinux is known of", is_known=is_known)
    if not isolation.user_namespace:
        yield from _root_on_the_host(isolation, image_uid, is_known=isolation.user_namespace is False)
    yield from _more_than_engines_give(isolation)


def _root_on_the_host(isolation: Isolation, image_uid: int | None, *, is_known: bool) -> Iterator[Shortfall]:
    """Without a user namespace: whether it is root, or can become root."""
    is_root = _is_root(isolation, image_uid)
    if is_root is not False:
        text = "it runs as root, who is root on the host" if is_root else "who it runs as is not known; it may be root"
        yield Shortfall("user", text, is_known=is_known and is_root is True)
    if not isolation.no_new_privileges:
        text = "setuid files can make it root (no-new-privileges is not set)"
        yield Shortfall("no_new_privileges", text, is_known=is_known and isolation.no_new_privileges is False)
    if "ALL" not in isolation.capabilities_dropped:
        yield Shortfall("capabilities_dropped", "it keeps the engine's capabilities", is_known=is_known)


def _is_root(isolation: Isolation, image_uid: int | None) -> bool | None:
    """Whether the first process is root; None where that is not known."""
    user = isolation.user
    if user.isascii() and user.isdecimal():
        return not user.strip("0")
    if user == "root":
        return True
    if isolation.run_as_non_root:
        return False
    return image_uid == 0 if not user and image_uid is not None else None


def _more_than_engines_give(isolation: Isolation) -> Iterator[Shortfall]:
    allowed = ENGINE_CAPABILITIES if isolation.user_namespace else {"NET_BIND_SERVICE"}
    added = [name for name in isolation.capabilities_added if name not in allowed]
    if added and not isolation.privileged:
        yield Shortfall("capabilities_added", f"{', '.join(added)} is added")
    for found in isolation.host_paths:
        if not found.read_only and rules_the_host(found) is False:
            yield Shortfall("host_paths", f"it writes {found.path} of the host")
    for device in isolation.devices:
        if opens_the_host(device) is False:
            yield Shortfall("devices", f"it has the device {device}")


def _at_most(isolation: Isolation, ways_out: tuple[Shortfall, ...], lacking: tuple[Shortfall, ...]) -> Grade:
    """The best grade that what is not known allows."""
    closed = {way.setting for way in ways_out if way.is_known}
    if isolation.boundary in ("vm", "sandbox", "unknown") and not closed.intersection(_AROUND):
        return _GRADE_BY_BOUNDARY.get(isolation.boundary, "vm")
    if closed:
        return "host"
    return "default" if any(reason.is_known for reason in lacking) else "hardened"


def _reasons(
    grade: Grade, isolation: Isolation, ways_out: Iterable[Shortfall], lacking: Iterable[Shortfall]
) -> Iterator[GradeReason]:
    if grade in _GRADE_BY_BOUNDARY.values():
        kind = "a virtual machine" if grade == "vm" else "a kernel in user space"
        yield GradeReason("runtime", f"{isolation.runtime} gives it {kind}")
    elif grade == "hardened":
        nobody = (
            "its root is nobody on the host" if isolation.user_namespace else "it is not root and cannot become root"
        )
        profile = "AppArmor" if isolation.apparmor else "SELinux"
        yield GradeReason("seccomp", f"seccomp and {profile} confine it, and {nobody}")
    else:
        for reason in ways_out if grade == "host" else lacking:
            yield GradeReason(reason.setting, reason.text)


def _missing(
    grade: Grade, isolation: Isolation, ways_out: tuple[Shortfall, ...], lacking: tuple[Shortfall, ...]
) -> tuple[Shortfall, ...]:
    """What is to be done for the next grade."""
    is_untold = isolation.boundary == "unknown"
    if grade == "host":
        return ways_out
    if grade == "default":
        return lacking
    if grade == "hardened":
        text = "it shares the host's kernel" if not is_untold else "what starts it is not known"
        return (Shortfall("runtime", text, is_known=not is_untold),)
    if grade == "sandboxed":
        return (Shortfall("runtime", "its sandbox is a process of the host's kernel, not a virtual machine"),)
    return ()


def is_below(grade: Grade, other: Grade) -> bool:
    """Whether a grade is worse than another."""
    return GRADES.index(grade) < GRADES.index(other)
