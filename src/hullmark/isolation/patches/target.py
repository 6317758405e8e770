"""What a container would be granted with a better grade, and nothing else changed."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from hullmark.isolation.grades import HOST_CAPABILITIES, assess, is_below
from hullmark.isolation.host_access import opens_the_host, rules_the_host
from hullmark.isolation.spelling import ENGINE_CAPABILITIES, RUNTIME_DEFAULT, UNCONFINED
from hullmark.model.isolation import Assessment, Isolation

NOBODY = "65532"
"""The user that images without root commonly call nonroot."""
_ROUNDS = 4
_FLAGS = ("host_pid", "host_ipc", "host_network", "unmasked_proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a manifest can ask for: user namespaces (else another user), seccomp at all, runtimes for a sandbox and a virtual machine, by
    the names that it calls them by ("": it cannot)."""

    has_user_namespaces: bool = False
    has_seccomp: bool = True
    sandbox: str = "runsc"
    vm: str = "kata"


def find_better_isolation(isolation: Isolation, means: Means, image_uid: int | None) -> Isolation | None:
    """The least that has a better grade; None where the manifest has no means for one."""
    before = assess(isolation, image_uid)
    target = isolation
    for _ in range(_ROUNDS):
        now = assess(target, image_uid)
        if is_below(before.grade, now.grade):
            return target
        step = _step(target, now, means, image_uid)
        if step is None or step == target:
            return None
        target = step
    return None


def _step(isolation: Isolation, assessment: Assessment, means: Means, image_uid: int | None) -> Isolation | None:
    if assessment.grade == "default" and not means.has_seccomp:
        return _with_runtime(isolation, means)
    if assessment.grade in ("hardened", "sandboxed"):
        return _with_runtime(isolation, means if assessment.grade == "hardened" else Means(sandbox="", vm=means.vm))
    if {reason.setting for reason in assessment.missing} == {"host"}:
        return _with_runtime(isolation, means)
    is_for_host = assessment.grade == "host"
    target = isolation
    for setting in dict.fromkeys(reason.setting for reason in assessment.missing):
        target = _improve_setting(target, setting, means, image_uid, is_for_host=is_for_host)
    return target


def _with_runtime(isolation: Isolation, means: Means) -> Isolation | None:
    if means.sandbox:
        return replace(isolation, runtime=means.sandbox, runtime_class=means.sandbox, boundary="sandbox")
    if means.vm:
        return replace(isolation, runtime=means.vm, runtime_class=means.vm, boundary="vm")
    return None


def _improve_setting(
    isolation: Isolation, setting: str, means: Means, image_uid: int | None, *, is_for_host: bool
) -> Isolation:
    """The same with one setting as the next grade wants it."""
    if setting == "privileged":
        return _drop_privileges(isolation)
    if setting in _FLAGS:
        return replace(isolation, **{setting: False})
    if setting in ("seccomp", "apparmor"):
        return replace(isolation, **{setting: RUNTIME_DEFAULT})
    if setting == "selinux":
        return replace(isolation, selinux="")
    if setting == "capabilities_added":
        return replace(isolation, capabilities_added=_kept_capabilities(isolation, is_for_host=is_for_host))
    if setting == "capabilities_dropped":
        return replace(isolation, capabilities_dropped=("ALL",))
    if setting == "no_new_privileges":
        return replace(isolation, no_new_privileges=True)
    if setting == "user":
        return _not_root(isolation, means, image_uid)
    return _without_reach(isolation, is_for_host=is_for_host) if setting != "host" else isolation


def _drop_privileges(isolation: Isolation) -> Isolation:
    """Not privileged; what that switched off, and what the manifest may switch off besides, as engines have it by default."""
    return replace(
        isolation,
        privileged=False,
        unmasked_proc=False,
        seccomp=RUNTIME_DEFAULT,
        apparmor=RUNTIME_DEFAULT if isolation.apparmor == UNCONFINED else isolation.apparmor,
    )


def _kept_capabilities(isolation: Isolation, *, is_for_host: bool) -> tuple[str, ...]:
    if is_for_host:
        return tuple(name for name in isolation.capabilities_added if name not in HOST_CAPABILITIES)
    allowed = ENGINE_CAPABILITIES if isolation.user_namespace else {"NET_BIND_SERVICE"}
    return tuple(name for name in isolation.capabilities_added if name in allowed)


def _not_root(isolation: Isolation, means: Means, image_uid: int | None) -> Isolation:
    """Root that is nobody on the host where the image wants root and that can be had, else another user."""
    if image_uid == 0 and not isolation.user and means.has_user_namespaces:
        return replace(isolation, user_namespace=True)
    if means.has_user_namespaces and not isolation.user and image_uid is None:
        return replace(isolation, run_as_non_root=True)
    return replace(isolation, user=NOBODY, run_as_non_root=True)


def _without_reach(isolation: Isolation, *, is_for_host: bool) -> Isolation:
    """Without the paths and devices of the host that the next grade does not allow."""
    paths = tuple(
        host_path
        for host_path in isolation.host_paths
        if rules_the_host(host_path) is False and (is_for_host or host_path.read_only)
    )
    devices = tuple(device for device in isolation.devices if is_for_host and opens_the_host(device) is False)
    return replace(isolation, host_paths=paths, devices=devices)
