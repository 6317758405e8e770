"""Which paths and devices of a host rule it, however they are spelled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.isolation.host_access import opens_the_host, rules_the_host
from hullmark.model.isolation import HostPath

PATHS = [
    # path, what reading it comes to, what writing it comes to
    ("/", True, True),
    ("/etc", True, True),
    ("/etc/nginx", False, True),
    ("/etc/shadow", True, True),
    ("/etc/localtime", False, False),
    ("/etc/kubernetes/pki/ca.key", True, True),
    ("/root/.ssh", True, True),
    ("/home", True, True),
    ("/home/anna", True, True),
    ("/home/anna/.kube/config", True, True),
    ("/home/anna/project/html", False, False),
    ("~", True, True),
    ("~/project", False, False),
    ("~/.docker/config.json", True, True),
    ("./html", False, False),
    (".", False, False),
    ("../data", False, False),
    ("../../etc", True, True),
    ("..", None, None),
    ("${DATA}", None, None),
    ("", None, None),
    ("C:\\data", None, None),
    ("/run", True, True),
    ("/var/run/docker.sock", True, True),
    ("/srv/proxy/docker.sock", True, True),
    ("/var/lib", True, True),
    ("/var/lib/kubelet/pods", True, True),
    ("/var/lib/mysql", False, False),
    ("/var/log", False, True),
    ("/var/log/pods", False, True),
    ("/proc", False, True),
    ("/sys/fs/cgroup", False, True),
    ("/dev/shm", False, False),  # noqa: S108 - compared, not opened
    ("/dev", False, True),
    ("/usr/share/zoneinfo", False, True),
    ("/lib/modules", False, True),
    ("/opt/cni/bin", False, True),
    ("/data", False, False),
    ("/etcetera", False, False),
]


@pytest.mark.parametrize(("path", "read", "written"), PATHS, ids=[row[0] or "nothing" for row in PATHS])
def test_a_path_rules_the_host_or_not(path: str, read: bool | None, written: bool | None) -> None:
    assert rules_the_host(HostPath(path=path, read_only=True)) is read
    assert rules_the_host(HostPath(path=path)) is written


@given(
    row=st.sampled_from([row for row in PATHS if row[0].startswith("/")]),
    detours=st.lists(st.sampled_from(("/.", "/x/..", "/")), max_size=4),
    data=st.data(),
)
def test_detours_change_nothing(
    row: tuple[str, bool | None, bool | None], detours: list[str], data: st.DataObject
) -> None:
    path, read, written = row
    for detour in detours:
        place = data.draw(st.sampled_from([index for index, char in enumerate(path) if char == "/"]))
        path = path[:place] + detour + path[place:]
    assert rules_the_host(HostPath(path=path, read_only=True)) is read, path
    assert rules_the_host(HostPath(path=path)) is written, path


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("/dev/mem", True), ("/dev/sda1", True), ("/dev/nvme0n1p2", True), ("/dev/vda", True), ("/dev/mapper/root", True),
        ("/dev/disk/by-id/x", True), ("/dev/block/8:0", True), ("/dev", True), ("/dev/../dev/sda", True), ("/dev/loop0", True),
        ("/dev/null", False), ("/dev/fuse", False), ("/dev/kvm", False), ("/dev/dri", False), ("/dev/net/tun", False),
        ("/srv/disk", None), ("nvidia.com/gpu", False), ("gpu", False), ("a *:* rwm", True), ("b 8:* r", True), ("c *:* rw", True),
        ("c 1:1 r", True), ("c 1:3 rwm", False), ("c 189:* rmw", False),
    ],
)  # fmt: skip
def test_a_device_opens_the_host_or_not(device: str, expected: bool | None) -> None:
    assert opens_the_host(device) is expected
