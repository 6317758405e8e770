"""What a bundle says of a container (OCI runtime specification), with what the engine was asked for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.isolation.fields import InvalidWorkload
from hullmark.isolation.grades import assess
from hullmark.isolation.oci import DEFAULT_CAPABILITIES, isolation_of
from hullmark.model.isolation import GRADES, HostPath, ResourceLimits

USUAL = [f"CAP_{name}" for name in sorted(DEFAULT_CAPABILITIES)]
BUNDLE: dict[str, Any] = {
    "process": {
        "user": {"uid": 1000},
        "capabilities": {"bounding": USUAL},
        "noNewPrivileges": True,
        "apparmorProfile": "cri-containerd.apparmor.d",
        "selinuxLabel": "system_u:system_r:container_t:s0:c1,c2",
    },
    "root": {"path": "rootfs", "readonly": True},
    "mounts": [
        {"destination": "/data", "type": "bind", "options": ["rbind", "rw"]},
        {"destination": "/etc/hosts", "type": "bind", "options": ["ro"]},
        {"destination": "/dev/shm", "type": "bind", "options": ["rw"]},  # noqa: S108 - of a container
        {"destination": "/proc", "type": "proc", "options": []},
    ],
    "linux": {
        "namespaces": [{"type": "pid"}, {"type": "ipc", "path": "/proc/7/ns/ipc"}, {"type": "user"}],
        "maskedPaths": ["/proc/kcore"],
        "seccomp": {"defaultAction": "SCMP_ACT_ERRNO"},
        "resources": {"memory": {"limit": 1000}, "cpu": {"quota": 50_000, "period": 100_000}, "pids": {"limit": 9}},
    },
}
ASKED: dict[str, Any] = {"linux": {"security_context": {"namespace_options": {"network": 2, "pid": 1}, "seccomp": {}}}}


def test_a_bundle_tells_what_a_container_is_granted() -> None:
    found = isolation_of(BUNDLE, ASKED, "io.containerd.runc.v2", "", [HostPath(path="/srv", target="/data")])
    assert (found.boundary, found.privileged, found.user) == ("process", False, "1000")
    assert (found.capabilities_added, found.capabilities_dropped) == ((), ())
    assert (found.seccomp, found.apparmor, found.selinux) == ("runtime-default", "runtime-default", "container_t")
    assert (found.host_network, found.host_pid, found.host_ipc, found.user_namespace) == (True, False, False, True)
    assert (found.read_only_root, found.no_new_privileges, found.unmasked_proc) == (True, True, False)
    assert (found.host_paths, found.writable_paths) == ((HostPath(path="/srv", target="/data"),), ("/data",))
    assert found.limits == ResourceLimits(memory=1000, cpu=500, pids=9)


def without(*path: str) -> dict[str, Any]:
    """The bundle without one of its settings."""

    def copied(part: dict[str, Any], rest: tuple[str, ...]) -> dict[str, Any]:
        if len(rest) == 1:
            return {name: value for name, value in part.items() if name != rest[0]}
        return {**part, rest[0]: copied(part[rest[0]], rest[1:])}

    return copied(BUNDLE, path)


@pytest.mark.parametrize(
    ("bundle", "asked", "name", "value"),
    [
        (without("linux", "seccomp"), ASKED, "seccomp", "unconfined"),
        (BUNDLE, {"linux": {"security_context": {"seccomp": {"profile_type": 2, "localhost_ref": "p.json"}}}}, "seccomp", "p.json"),
        (BUNDLE, {"linux": {"security_context": {"privileged": True}}}, "privileged", True),
        (BUNDLE, {"linux": {"security_context": {"privileged": True}}}, "seccomp", "custom"),
        (without("linux", "maskedPaths"), ASKED, "unmasked_proc", True),
        (without("linux", "namespaces"), {}, "host_pid", None),
        ({**BUNDLE, "linux": {"namespaces": [{"type": "ipc", "path": "/x"}]}}, {}, "host_pid", True),
        ({**BUNDLE, "linux": {"namespaces": [{"type": "ipc", "path": "/x"}]}}, {}, "host_ipc", None),
        ({**BUNDLE, "process": {"capabilities": {"bounding": []}}}, ASKED, "capabilities_dropped", ("ALL",)),
        ({**BUNDLE, "process": {"capabilities": {"bounding": [*USUAL, "CAP_SYS_ADMIN"]}}}, ASKED, "capabilities_added", ("SYS_ADMIN",)),
        ({}, {}, "seccomp", ""),
        ({}, {}, "read_only_root", None),
        ({}, {}, "privileged", None),
        ({}, {}, "no_new_privileges", None),
    ],
)  # fmt: skip
def test_what_is_left_out_is_open_or_not_told(
    bundle: dict[str, Any], asked: dict[str, Any], name: str, value: object
) -> None:
    assert getattr(isolation_of(bundle, asked, "runc"), name) == value


@pytest.mark.parametrize(
    ("runtime", "boundary"),
    [("io.containerd.kata-qemu.v2", "vm"), ("io.containerd.runsc.v1", "sandbox"), ("io.example.strange.v1", "unknown")],
)
def test_the_runtime_decides_the_boundary(runtime: str, boundary: str) -> None:
    assert isolation_of(BUNDLE, ASKED, runtime).boundary == boundary


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(part=st.sampled_from(("process", "root", "mounts", "linux")), value=JSON)
def test_strange_bundles_are_refused_or_graded_no_better(part: str, value: object) -> None:
    usual = GRADES.index(assess(isolation_of(BUNDLE, {}, "runc")).grade)
    try:
        found = isolation_of({**BUNDLE, part: value}, {}, "runc")
    except InvalidWorkload:
        return
    assert GRADES.index(assess(found).grade) <= usual
