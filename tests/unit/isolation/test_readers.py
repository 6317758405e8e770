"""What manifests and engines say is read as their platforms read it; what they would not take is an error, never a better grade."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.isolation import compose, docker, ecs, kubernetes
from hullmark.isolation.fields import InvalidWorkload
from hullmark.isolation.grades import assess
from hullmark.isolation.runtimes import boundary_of
from hullmark.model.isolation import Boundary, HostPath, Isolation, ResourceLimits, WorkloadContainer


def pod(
    spec: Mapping[str, Any], annotations: Mapping[str, str] | None = None, **handlers: str
) -> tuple[WorkloadContainer, ...]:
    return kubernetes.containers_of(spec, annotations=annotations or {}, runtime_classes=handlers)


def granted(container: Mapping[str, Any], **spec: Any) -> Isolation:
    return pod({"containers": [{"name": "c", "image": "i", **container}], **spec})[0].isolation


def test_every_kind_of_container_of_a_pod_is_found_once() -> None:
    found = pod(
        {
            "initContainers": [{"name": "a", "image": "1"}, {"name": "b", "image": "2", "restartPolicy": "Always"}],
            "containers": [{"name": "c", "image": "3"}],
            "ephemeralContainers": [{"name": "d", "image": "4"}],
            "volumes": [{"name": "e", "image": {"reference": "5"}}, {"name": "f", "emptyDir": {}}],
        }
    )
    assert [(each.name, each.kind, each.image) for each in found] == [
        ("a", "init", "1"), ("b", "sidecar", "2"), ("c", "regular", "3"), ("d", "ephemeral", "4"), ("e", "volume", "5"),
    ]  # fmt: skip


def test_the_containers_own_settings_count_before_the_pods() -> None:
    found = granted(
        {"securityContext": {"runAsUser": 5, "runAsNonRoot": False, "seccompProfile": {"type": "Unconfined"}}},
        securityContext={"runAsUser": 7, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    )
    assert (found.user, found.run_as_non_root, found.seccomp) == ("5", False, "unconfined")


def test_a_pods_settings_count_where_the_container_has_none() -> None:
    profile = {"type": "Localhost", "localhostProfile": "a.json"}
    found = granted(
        {},
        securityContext={
            "runAsUser": 7,
            "runAsNonRoot": True,
            "appArmorProfile": profile,
            "seLinuxOptions": {"type": "t"},
        },
    )
    assert (found.user, found.run_as_non_root, found.apparmor, found.selinux) == ("7", True, "localhost/a.json", "t")


def test_the_old_annotation_of_apparmor_is_for_one_container_and_the_field_goes_before() -> None:
    annotations = {"container.apparmor.security.beta.kubernetes.io/c": "localhost/x"}
    spec: dict[str, Any] = {"containers": [{"name": "c", "image": "i"}, {"name": "d", "image": "i"}]}
    assert [each.isolation.apparmor for each in pod(spec, annotations)] == ["localhost/x", ""]
    spec["securityContext"] = {"appArmorProfile": {"type": "RuntimeDefault"}}
    assert [each.isolation.apparmor for each in pod(spec, annotations)] == ["runtime-default", "runtime-default"]


def test_privilege_escalation_is_never_off_for_the_privileged_and_for_sys_admin() -> None:
    off = {"allowPrivilegeEscalation": False}
    assert granted({"securityContext": off}).no_new_privileges
    assert not granted({"securityContext": {**off, "privileged": True}}).no_new_privileges
    assert not granted({"securityContext": {**off, "capabilities": {"add": ["CAP_SYS_ADMIN"]}}}).no_new_privileges
    assert not granted({}).no_new_privileges


def test_paths_of_the_host_are_those_that_are_mounted_with_the_part_that_is() -> None:
    volumes = [
        {"name": "h", "hostPath": {"path": "/srv/"}},
        {"name": "unused", "hostPath": {"path": "/"}},
        {"name": "c", "configMap": {"name": "x"}},
    ]
    mounts = [
        {"name": "h", "mountPath": "/a", "subPath": "in/side", "readOnly": True},
        {"name": "h", "mountPath": "/b", "subPath": "../out"},
        {"name": "c", "mountPath": "/c"},
    ]
    found = granted({"volumeMounts": mounts}, volumes=volumes)
    assert found.host_paths == (
        HostPath(path="/srv/", target="/b", volume="h"),
        HostPath(path="/srv/in/side", target="/a", read_only=True, volume="h"),
    )
    assert found.writable_paths == ("/b",)


@pytest.mark.parametrize(
    ("cpu", "memory", "expected"),
    [
        ("500m", "1.5Gi", ResourceLimits(cpu=500, memory=3 << 29)),
        (2, 1000, ResourceLimits(cpu=2000, memory=1000)),
        ("1e-1", "1e3", ResourceLimits(cpu=100, memory=1000)),
        ("x", "-1", ResourceLimits()),
    ],
)
def test_quantities_are_those_of_kubernetes(cpu: Any, memory: Any, expected: ResourceLimits) -> None:
    assert granted({"resources": {"limits": {"cpu": cpu, "memory": memory}}}).limits == expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"automountServiceAccountToken": False}, False),
        ({"automountServiceAccountToken": True}, True),
        ({}, None),
        ({"volumes": [{"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}]}, True),
    ],
)
def test_a_token_is_told_by_the_pod_or_by_what_is_mounted(spec: dict[str, Any], expected: bool | None) -> None:
    mounts = [{"name": "t", "mountPath": "/t"}] if "volumes" in spec else []
    assert granted({"volumeMounts": mounts}, **spec).service_account_token is expected


@pytest.mark.parametrize(
    ("runtime", "expected"),
    [
        ("kata-qemu", "vm"), ("kata-clh", "vm"), ("kata-fc", "vm"), ("kata-qemu-snp", "vm"), ("kata", "vm"), ("kata-runtime", "vm"),
        ("io.containerd.kata.v2", "vm"), ("io.containerd.kata-qemu.v2", "vm"), ("containerd-shim-kata-v2", "vm"), ("cc-runtime", "vm"),
        ("cor", "vm"), ("aws.firecracker", "vm"), ("fargate", "vm"), ("krun", "vm"), ("/opt/kata/bin/kata-runtime", "vm"),
        ("runsc", "sandbox"), ("gvisor", "sandbox"), ("io.containerd.runsc.v1", "sandbox"), ("runsc-kvm", "sandbox"),
        ("runc", "process"), ("crun", "process"), ("io.containerd.runc.v2", "process"), ("nvidia", "process"), ("RUNC", "process"),
        ("", "unknown"), ("my-kata", "unknown"), ("katamaran", "unknown"), ("runcx", "unknown"), ("kata/../runc", "process"),
    ],
)  # fmt: skip
def test_a_boundary_is_known_by_the_runtimes_name(runtime: str, expected: Boundary) -> None:
    assert boundary_of(runtime) == expected


def test_compose_knows_short_and_long_mounts_ports_and_sizes() -> None:
    service = {
        "image": "web",
        "user": "10:20",
        "volumes": [
            "/a:/1:ro",
            "./b:/2",
            "c:/3",
            "/only",
            {"type": "bind", "source": "/d", "target": "/4", "read_only": True},
        ],
        "tmpfs": "/run:ro",
        "ports": ["8080:80", "127.0.0.1:53:53/udp", 9000, {"target": 443, "published": "8443"}],
        "mem_limit": "1.5g",
        "cpus": "0.25",
        "pids_limit": 100,
    }
    found = compose.containers_of({"services": {"web": service}})[0].isolation
    assert [(path.path, path.target, path.read_only) for path in found.host_paths] == [
        ("./b", "/2", False), ("/a", "/1", True), ("/d", "/4", True),
    ]  # fmt: skip
    assert found.writable_paths == ("/2", "/3", "/only")
    assert found.ports == ("443/tcp", "53/udp", "80/tcp", "9000/tcp")
    assert found.limits == ResourceLimits(memory=3 << 29, cpu=250, pids=100)
    assert found.user == "10"


@pytest.mark.parametrize(
    "service",
    [
        {"cap_add": ["${CAPS}"]},
        {"security_opt": ["$OPTION"]},
        {"pid": "${PID:-}"},
        {"devices": ["${DEVICE}:/dev/x"]},
        {"devices": [{"source": "${DEVICE}", "target": "/dev/x"}]},
        {"devices": [7]},
        {"extends": {"service": "other"}},
        {"privileged": "maybe"},
        {"volumes": [5]},
    ],
)
def test_compose_does_not_guess_what_variables_and_other_files_grant(service: dict[str, Any]) -> None:
    with pytest.raises(InvalidWorkload):
        compose.containers_of({"services": {"web": {"image": "x", **service}}})


def test_a_task_definition_names_its_limits_ports_and_paths() -> None:
    task = {
        "memory": "1024",
        "cpu": "512",
        "volumes": [{"name": "v", "host": {"sourcePath": "/srv"}}, {"name": "e", "host": {}}],
        "containerDefinitions": [
            {
                "name": "web",
                "image": "web",
                "user": "1000:1000",
                "portMappings": [{"containerPort": 80}, {"containerPort": 53, "protocol": "udp"}],
                "mountPoints": [
                    {"sourceVolume": "v", "containerPath": "/v", "readOnly": True},
                    {"sourceVolume": "e", "containerPath": "/e"},
                ],
                "dependsOn": [{"containerName": "prepare", "condition": "SUCCESS"}],
            },
            {"name": "prepare", "image": "prepare", "memory": 64},
        ],
    }
    web, prepare = ecs.containers_of(task, "EC2")
    assert (web.kind, prepare.kind) == ("regular", "init")
    assert web.isolation.host_paths == (HostPath(path="/srv", target="/v", read_only=True, volume="v"),)
    assert (web.isolation.writable_paths, web.isolation.ports, web.isolation.user) == (
        ("/e",),
        ("53/udp", "80/tcp"),
        "1000",
    )
    assert web.isolation.limits == ResourceLimits(memory=1 << 30, cpu=500)
    assert prepare.isolation.limits.memory == 64 << 20


def test_an_engines_own_words_on_a_container_are_taken() -> None:
    inspect = {
        "AppArmorProfile": "containers-default-0.62.2",
        "Config": {"User": "www:www", "Image": "web"},
        "Mounts": [
            {"Type": "bind", "Source": "/srv", "Destination": "/d", "RW": False},
            {"Type": "volume", "Source": "/var/lib/docker/volumes/v/_data", "Destination": "/v", "RW": True},
        ],
        "HostConfig": {
            "Privileged": False, "PidMode": "container:abc", "IpcMode": "host", "NetworkMode": "bridge", "CapAdd": ["CAP_NET_ADMIN"],
            "SecurityOpt": ["no-new-privileges"], "ReadonlyRootfs": True, "Memory": 1 << 20, "CpuQuota": 50000, "CpuPeriod": 100000,
            "PidsLimit": -1, "Tmpfs": {"/run": "rw,noexec"}, "PortBindings": {"80/tcp": [{"HostPort": "8080"}]},
        },
    }  # fmt: skip
    found = docker.isolation_of(
        inspect, {"SecurityOptions": ["name=seccomp,profile=/etc/own.json"], "DefaultRuntime": "crun"}
    )
    assert (found.apparmor, found.seccomp, found.user, found.runtime) == (
        "runtime-default",
        "/etc/own.json",
        "www",
        "crun",
    )
    assert (found.host_pid, found.host_ipc, found.host_network) == (False, True, False)
    assert found.host_paths == (HostPath(path="/srv", target="/d", read_only=True),)
    assert found.writable_paths == ("/run", "/v")
    assert (found.capabilities_added, found.no_new_privileges, found.read_only_root) == (("NET_ADMIN",), True, True)
    assert found.limits == ResourceLimits(memory=1 << 20, cpu=500)
    assert found.ports == ("80/tcp",)


@pytest.mark.parametrize(
    ("bounding", "added", "dropped"),
    [
        (None, (), ("ALL",)),
        (["CAP_NET_BIND_SERVICE"], ("NET_BIND_SERVICE",), ("ALL",)),
        (["CAP_SYS_ADMIN"], ("SYS_ADMIN",), ("ALL",)),
        (["CAP_CHOWN", "CAP_KILL"], (), ("CHOWN", "SETUID")),
    ],
)
def test_podman_that_dropped_everything_names_each_capability(
    bounding: list[str] | None, added: tuple[str, ...], dropped: tuple[str, ...]
) -> None:
    inspect = {"HostConfig": {"CapDrop": ["CAP_CHOWN", "CAP_SETUID"]}, "BoundingCaps": bounding}
    found = docker.isolation_of(inspect, {})
    assert (found.capabilities_added, found.capabilities_dropped) == (added, dropped)


_KEYS = st.sampled_from((
    "containers", "initContainers", "volumes", "name", "image", "securityContext", "privileged", "capabilities", "add",
    "drop", "hostPID", "hostPath", "path", "volumeMounts", "services", "cap_add", "security_opt", "devices",
    "containerDefinitions", "linuxParameters", "mountPoints", "HostConfig", "SecurityOpt", "Mounts", "Config", "User",
    "resources", "limits", "cpu", "memory", "ports", "seccompProfile", "type", "Privileged", "Runtimes", "tmpfs", "deploy",
))  # fmt: skip
_LEAVES = st.none() | st.booleans() | st.integers(-3, 70000) | st.floats(allow_nan=True) | st.text(max_size=6) | _KEYS
_DOCUMENTS = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4), max_leaves=25
)
_READERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "kubernetes": lambda found: pod(found, {}),
    "compose": compose.containers_of,
    "ecs": lambda found: ecs.containers_of(found, "EC2"),
    "docker": lambda found: docker.containers_of([found], found),
}


@pytest.mark.parametrize("reader", _READERS.values(), ids=list(_READERS))
@given(document=st.dictionaries(_KEYS, _DOCUMENTS, max_size=5))
def test_a_broken_document_is_a_clear_error_or_is_graded(
    reader: Callable[[Any], Any], document: dict[str, Any]
) -> None:
    containers: tuple[WorkloadContainer, ...] = ()
    with contextlib.suppress(InvalidWorkload):
        containers = reader(document)
    for container in containers:
        assess(container.isolation)


@given(value=_LEAVES.filter(lambda value: value is not None and value is not False))
def test_what_is_written_behind_privileged_never_makes_it_unprivileged(value: Any) -> None:
    try:
        found = granted({"securityContext": {"privileged": value}})
    except InvalidWorkload:
        return
    assert found.privileged is True
